# Features of a text; what a data set holds and what leaks in it.
assay_test(text_features assay_data)
