assay_test(recipe assay_train)
