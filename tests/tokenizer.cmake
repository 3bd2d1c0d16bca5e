assay_test(tokenizer assay_text assay_base)
assay_test(tokenizer_files assay_text assay_base)
assay_test(tokenizer_parts assay_text assay_base)

# Driven by tools/check_tokenizer_parity.py; not a test of its own.
add_executable(tokenizer_driver tokenizer_driver.c)
target_link_libraries(tokenizer_driver PRIVATE assay_text assay_base assay_flags)
set_target_properties(tokenizer_driver PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
