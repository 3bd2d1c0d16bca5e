# What is installed: public functions called carelessly, exported names, man pages, completions,
# recipes, the installed library with strangers' programs, the Debian packages.
assay_test(public_calls assay_machine assay_report assay_prepare)

function(assay_script name)
  add_test(NAME ${name} COMMAND ${ARGN})
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600
    ENVIRONMENT "CC=${CMAKE_C_COMPILER}")
endfunction()

find_program(BASH bash)
assay_script(manual ${SH} ${CMAKE_CURRENT_SOURCE_DIR}/test_manual.sh $<TARGET_FILE:assay>
  ${CMAKE_BINARY_DIR}/share)
if(BASH)
  assay_script(completion ${BASH} ${CMAKE_CURRENT_SOURCE_DIR}/test_completion.bash
    $<TARGET_FILE:assay> ${CMAKE_BINARY_DIR}/share)
else()
  message(STATUS "completion is not tested: bash is missing")
endif()
assay_script(recipes ${SH} ${CMAKE_CURRENT_SOURCE_DIR}/test_recipes.sh $<TARGET_FILE:assay>
  ${PROJECT_SOURCE_DIR})
# Only what is meant for others is installed: no sanitizers, no counters of coverage.
if(ASSAY_SHARED)
  foreach(script exports install deb)
    assay_script(${script} ${SH} ${CMAKE_CURRENT_SOURCE_DIR}/test_${script}.sh ${CMAKE_BINARY_DIR}
      ${PROJECT_SOURCE_DIR})
  endforeach()
  set_tests_properties(install deb PROPERTIES RESOURCE_LOCK installing)
endif()
