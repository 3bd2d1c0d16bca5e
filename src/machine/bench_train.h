/* Whole steps of training: gradients of a batch in the way that training computes them, their norm,
 * and AdamW, with drawn weights in the shape of known models and dropout on. Batches are not
 * padded.
 */
#ifndef ASSAY_MACHINE_BENCH_TRAIN_H
#define ASSAY_MACHINE_BENCH_TRAIN_H

#include "machine/bench_subject.h"

assay_status bench_train(assay_bench_result *result, const struct bench_request *request,
                         assay_error *error);

#endif
