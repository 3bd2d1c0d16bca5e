# Rows as tokens, and their cache.
assay_test(dataset assay_train)
target_sources(test_dataset PRIVATE dataset_fixture.c)
assay_test(dataset_cache assay_train)
target_sources(test_dataset_cache PRIVATE dataset_fixture.c)
