/* The features of a batch's texts, made by all threads. Memory is kept from batch to batch.
 */
#ifndef ASSAY_PREPARE_ROW_FEATURES_H
#define ASSAY_PREPARE_ROW_FEATURES_H

#include "base/threads.h"
#include "prepare/row_batch.h"
#include "prepare/shingles.h"

struct row_features {
    struct features *rows;           /* (BATCH_ROWS) */
    struct shingle_scratch *scratch; /* (threads) */
    int threads, shingle;
    bool with_set;
    const struct row_batch *batch;
    _Atomic bool no_memory;
};

assay_status row_features_open(struct row_features *features, const struct thread_pool *pool,
                               int shingle, bool with_set, assay_error *error);
assay_status row_features_make(struct row_features *features, const struct row_batch *batch,
                               struct thread_pool *pool, assay_error *error);
void row_features_close(struct row_features *features); /* also of a zeroed one */

#endif
