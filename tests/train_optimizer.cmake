# AdamW, the norm of the gradients, clipping, the average of the weights, schedules.
assay_test(optimizer assay_train)
