# Training killed, stopped, failed and resumed.
assay_test(training_resume assay_train)
target_sources(test_training_resume PRIVATE training_fixture.c model_vectors.c)
assay_test(training_stops assay_train)
target_sources(test_training_stops PRIVATE training_fixture.c model_vectors.c)
# The same bits with layers computed again, and on other numbers of threads.
assay_test(training_bits assay_train)
target_sources(test_training_bits PRIVATE training_fixture.c model_vectors.c)
