# Figures of merit.
assay_test(metrics assay_base)
