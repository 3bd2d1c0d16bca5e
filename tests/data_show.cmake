# Features of a text; areas with their intervals; what a data set holds and what leaks in it.
assay_test(text_features assay_data)
assay_test(auroc assay_base)
assay_test(data_show assay_data)
add_test(NAME cli_data_show COMMAND ${SH} ${CMAKE_CURRENT_SOURCE_DIR}/test_cli_data_show.sh
  $<TARGET_FILE:assay>)
add_test(NAME descriptions COMMAND ${SH} ${CMAKE_CURRENT_SOURCE_DIR}/test_descriptions.sh
  $<TARGET_FILE:assay>)
