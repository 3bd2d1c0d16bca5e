# Checkpoints and the training log.
assay_test(checkpoint assay_train)
assay_test(training_log assay_train)
