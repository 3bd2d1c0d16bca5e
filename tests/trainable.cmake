# Models opened to be trained, and the folders they leave.
if(TARGET assay_models)
  assay_test(trainable assay_models)
  target_sources(test_trainable PRIVATE trainable_cases.c model_vectors.c)
  assay_test(trained_folder assay_models)
  target_sources(test_trained_folder PRIVATE trainable_cases.c model_vectors.c)

  # Driven by tools/check_trained_model.py; not a test of its own.
  add_executable(trainable_driver trainable_driver.c)
  target_link_libraries(trainable_driver PRIVATE assay_models assay_flags)
  set_target_properties(trainable_driver PROPERTIES RUNTIME_OUTPUT_DIRECTORY
    ${CMAKE_BINARY_DIR}/tests)
endif()
