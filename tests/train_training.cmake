# Training against transformers and torch.
assay_test(training assay_train)
target_sources(test_training PRIVATE training_cases.c model_vectors.c)
set_tests_properties(training PROPERTIES TIMEOUT 600)
