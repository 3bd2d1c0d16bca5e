# Training killed, stopped, failed and resumed.
assay_test(training_resume assay_train)
target_sources(test_training_resume PRIVATE training_fixture.c model_vectors.c)
assay_test(training_stops assay_train)
target_sources(test_training_stops PRIVATE training_fixture.c model_vectors.c)
