# One set of warnings and one floating-point contract for every target.
# -ffp-contract=off: a fused multiply-add happens only where the source says so, which is what makes
# the kernel sets agree bit for bit. Never -ffast-math, never -march=native.
add_library(assay_flags INTERFACE)
target_compile_features(assay_flags INTERFACE c_std_17)
target_include_directories(assay_flags INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(assay_flags INTERFACE _GNU_SOURCE)
target_compile_options(assay_flags INTERFACE -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes
  -Wmissing-prototypes -Wpointer-arith -Wvla -ffp-contract=off -fno-math-errno)
if(ASSAY_SANITIZE)
  target_compile_options(assay_flags INTERFACE -fsanitize=address,undefined
    -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(assay_flags INTERFACE -fsanitize=address,undefined)
endif()
if(ASSAY_COVERAGE)
  target_compile_options(assay_flags INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(assay_flags INTERFACE --coverage)
endif()
if(ASSAY_FUZZ)
  target_compile_options(assay_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
