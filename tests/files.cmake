# Files, JSON, safetensors, rows and the hub.
assay_test(json assay_base)
assay_test(file assay_base)
assay_test(file_group assay_base)
assay_test(safetensors assay_models)
assay_test(rows assay_data)
assay_test(pull assay_hub)
