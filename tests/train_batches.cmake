# The order of batches.
assay_test(batches assay_train)
