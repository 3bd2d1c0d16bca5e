# libassay as other programs link it: all floors in one shared and one static library. Both show
# assay_* and nothing else, so that a program may have a buffer_free of its own.
#
# Sanitizers and coverage build the static library alone, with all names: their runtimes want them,
# and such a library is not installed.
if(ASSAY_SANITIZE OR ASSAY_COVERAGE)
  set(ASSAY_SHARED OFF)
endif()

# assay_cpu is made of object libraries, whose objects TARGET_OBJECTS of the archive leaves out.
get_property(floors GLOBAL PROPERTY ASSAY_FLOORS)
get_property(kernel_sets GLOBAL PROPERTY ASSAY_KERNEL_SETS)
set(objects "")
foreach(part ${floors} assay_cpu ${kernel_sets})
  if(TARGET ${part})
    list(APPEND objects $<TARGET_OBJECTS:${part}>)
  endif()
endforeach()

if(ASSAY_SANITIZE OR ASSAY_COVERAGE)
  add_library(libassay STATIC ${objects})
else()
  # One relocatable object, in which the floors find each other, and then the names that they used
  # for it become local.
  set(whole ${CMAKE_BINARY_DIR}/assay_whole.o)
  add_custom_command(OUTPUT ${whole}
    COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -o ${whole} ${objects}
    COMMAND ${CMAKE_OBJCOPY} --wildcard "--keep-global-symbol=assay_*" ${whole}
    DEPENDS ${objects}
    COMMAND_EXPAND_LISTS VERBATIM COMMENT "Linking the floors into one object")
  set_source_files_properties(${whole} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  add_library(libassay STATIC ${whole})
endif()
set_target_properties(libassay PROPERTIES OUTPUT_NAME assay LINKER_LANGUAGE C)

# Before 1.0 a minor version may change the interface: the name carries both numbers.
if(ASSAY_SHARED)
  set(exports ${CMAKE_BINARY_DIR}/assay.exports)
  file(CONFIGURE OUTPUT ${exports} @ONLY CONTENT
    "ASSAY_@PROJECT_VERSION_MAJOR@.@PROJECT_VERSION_MINOR@ { global: assay_*; local: *; };\n")
  add_library(libassay_shared SHARED ${objects})
  target_link_libraries(libassay_shared PRIVATE PkgConfig::JSONC PkgConfig::PCRE2 PkgConfig::YAML
    ZLIB::ZLIB Threads::Threads m ${CMAKE_DL_LIBS})
  target_link_options(libassay_shared PRIVATE -Wl,--version-script=${exports} -Wl,-z,defs
    -Wl,-z,relro,-z,now)
  set_target_properties(libassay_shared PROPERTIES OUTPUT_NAME assay LINKER_LANGUAGE C
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    LINK_DEPENDS ${exports})
endif()
