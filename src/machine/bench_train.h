/* Whole steps of training: gradients of a batch in the way that training computes them, their norm,
 * and AdamW, with drawn weights in the shape of known models and dropout on.
 *
 * With --data and --model the rows are real texts in their order, cut by the tokenizer of --model,
 * of which nothing else is read; else drawn ids of drawn lengths. Batches are not padded. The limit
 * is what the floating-point operations of the steps, attention's included, would take at the
 * product's measured peak.
 */
#ifndef ASSAY_MACHINE_BENCH_TRAIN_H
#define ASSAY_MACHINE_BENCH_TRAIN_H

#include "assay/machine.h"

assay_status bench_train_minilm(assay_bench_result *result, const assay_bench_options *options,
                                assay_error *error);
assay_status bench_train_distilbert(assay_bench_result *result, const assay_bench_options *options,
                                    assay_error *error);
assay_status bench_train_gpt2(assay_bench_result *result, const assay_bench_options *options,
                              assay_error *error);

#endif
