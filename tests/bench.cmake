# Measuring: profiles, works in processes of their own, records, the peer's answers, curves.
assay_test(profile assay_test_ops)
assay_test(bench assay_machine)
assay_test(bench_history assay_machine)
assay_test(bench_peer assay_machine)
