# The binary itself, by what it prints and how it exits.
find_program(SH sh REQUIRED)
add_test(NAME cli COMMAND ${SH} ${CMAKE_CURRENT_SOURCE_DIR}/test_cli.sh $<TARGET_FILE:assay>
  ${PROJECT_SOURCE_DIR})
set_tests_properties(cli PROPERTIES TIMEOUT 600)
