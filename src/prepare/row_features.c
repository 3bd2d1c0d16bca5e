#include "prepare/row_features.h"

#include "base/error.h"
#include "base/memory.h"

enum { SET_KEPT = 64 << 10 };

assay_status row_features_open(struct row_features *features, const struct thread_pool *pool,
                               int shingle, bool with_set, assay_error *error)
{
    *features = (struct row_features){
        .threads = thread_pool_size(pool), .shingle = shingle, .with_set = with_set};
    features->rows = memory_allocate_zeroed(BATCH_ROWS, sizeof *features->rows);
    features->scratch =
        memory_allocate_zeroed((size_t)features->threads, sizeof *features->scratch);
    if (features->rows && features->scratch)
        return ASSAY_OK;
    return error_memory(error, BATCH_ROWS * sizeof *features->rows);
}

static void make(void *context, int64_t row, int thread)
{
    struct row_features *f = context;
    const struct held_row *held = &f->batch->rows[row];
    if (f->rows[row].capacity > SET_KEPT) /* large texts do not keep their memory for small ones */
        features_free(&f->rows[row]);
    if (!features_make(&f->rows[row], &f->scratch[thread], held->text, held->text_length,
                       f->shingle, f->with_set))
        f->no_memory = true;
}

assay_status row_features_make(struct row_features *features, const struct row_batch *batch,
                               struct thread_pool *pool, assay_error *error)
{
    features->batch = batch;
    thread_pool_run(pool, batch->count, make, features);
    return features->no_memory ? error_memory(error, BATCH_BYTES) : ASSAY_OK;
}

void row_features_close(struct row_features *features)
{
    for (int i = 0; features->rows && i < BATCH_ROWS; i++)
        features_free(&features->rows[i]);
    for (int i = 0; features->scratch && i < features->threads; i++)
        shingle_scratch_free(&features->scratch[i]);
    memory_free(features->rows);
    memory_free(features->scratch);
    features->rows = NULL;
    features->scratch = NULL;
}
