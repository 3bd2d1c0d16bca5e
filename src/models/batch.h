/* Batches of rows, not padded, and the order in which rows are computed: by length, so that rows of
 * one batch are alike; results go back to the caller's order. Owns its arrays; start from {0}.
 */
#ifndef ASSAY_MODELS_BATCH_H
#define ASSAY_MODELS_BATCH_H

#include "models/model.h"

struct batch_builder {
    int32_t *ids, *types, *positions, *offsets, *chosen, *pooled_offsets;
    int64_t token_room, row_room;
    struct text_batch batch;
};

/* Rows of token ids, one behind the other. */
struct token_rows {
    const int32_t *ids, *types; /* types may be NULL */
    const int32_t *offsets;     /* (rows + 1) */
};

/* Fills builder->batch with the rows numbered rows[0 .. count - 1] of the source. */
assay_status batch_build(struct batch_builder *builder, const assay_model *model,
                         const struct token_rows *source, const int64_t *rows, int64_t count,
                         bool last_by_pad_token, assay_error *error);
void batch_free(struct batch_builder *builder);

/* A new array of row numbers, shortest row first, ties in order; NULL: no memory. */
int64_t *batch_order(const struct token_rows *source, int64_t rows);
/* How many of order[first ..] fit into `tokens`; at least one. */
int64_t batch_extent(const struct token_rows *source, const int64_t *order, int64_t first,
                     int64_t rows, int64_t tokens);

#endif
