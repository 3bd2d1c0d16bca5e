# PyTorch checkpoints: the reader, and models that have their weights in them.
if(TARGET assay_models)
  assay_test(torch_file assay_models)
  target_sources(test_torch_file PRIVATE torch_fixture.c)
  assay_test(torch_model assay_models)
  target_sources(test_torch_model PRIVATE model_vectors.c)
endif()
find_program(SH sh REQUIRED)
add_test(NAME cli_torch COMMAND ${SH} ${CMAKE_CURRENT_SOURCE_DIR}/test_cli_torch.sh
  $<TARGET_FILE:assay> ${PROJECT_SOURCE_DIR})
set_tests_properties(cli_torch PROPERTIES TIMEOUT 300)
