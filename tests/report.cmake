# Evaluations: figures of decisions, intervals, the reports.
assay_test(decisions assay_base)
assay_test(resample assay_report)
assay_test(linear_model assay_report)
assay_test(evaluation assay_report)
target_sources(test_evaluation PRIVATE model_vectors.c training_fixture.c)
