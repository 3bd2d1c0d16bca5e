# Data sets cleaned, deduplicated, split, balanced.
assay_test(clean_text assay_prepare)
assay_test(data_clean assay_prepare)
assay_test(data_dedup assay_prepare)
assay_test(data_split assay_prepare)
assay_test(data_balance assay_prepare)
assay_test(data_card assay_prepare)
assay_test(cleaner assay_prepare)
foreach(name cleaner data_clean data_dedup data_split data_balance data_card)
  target_sources(test_${name} PRIVATE data_fixture.c)
endforeach()
set_tests_properties(data_dedup data_card PROPERTIES TIMEOUT 600)

add_test(NAME cli_data COMMAND ${SH} ${CMAKE_CURRENT_SOURCE_DIR}/test_cli_data.sh
  $<TARGET_FILE:assay>)
set_tests_properties(cli_data PROPERTIES TIMEOUT 600)
