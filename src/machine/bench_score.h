/* Vectors and logits of drawn models, and of --model itself. */
#ifndef ASSAY_MACHINE_BENCH_SCORE_H
#define ASSAY_MACHINE_BENCH_SCORE_H

#include "machine/bench_subject.h"

/* Batches of ids under drawn weights. */
assay_status bench_score(assay_bench_result *result, const struct bench_request *request,
                         assay_error *error);
/* Texts under --model, tokenizing included. */
assay_status bench_score_model(assay_bench_result *result, const assay_bench_options *options,
                               bool classify, assay_error *error);

#endif
