/* The rows of a step as batches for the graph, a bounded number of tokens at a time.
 *
 * How a step is cut into chunks changes memory and rounding, never what is computed: batches are
 * not padded, losses are summed and divided once (contract 5), and random draws are keyed by row.
 * A chunk owns its arrays and is used again; start from {0}. One thread.
 */
#ifndef ASSAY_TRAIN_CHUNK_H
#define ASSAY_TRAIN_CHUNK_H

#include "dataset/dataset.h"
#include "models/batch.h"

/* The rows of a run: those of the data, or a sample of them (balanced classes). */
struct row_feed {
    struct dataset_view data;
    const int64_t *sample;   /* (rows) the data's row behind each; NULL: the same number */
    const int32_t *lengths;  /* (rows) tokens */
    const int32_t *label_of; /* (data.class_count) class of the data -> label of the model */
    int64_t rows;
};

/* The data's row behind a row of the run. */
int64_t row_feed_source(const struct row_feed *feed, int64_t row);

/* BERT's masking, drawn anew each step: of the ordinary tokens `probability` are to be predicted;
 * 80 % of these are replaced by the mask token, 10 % by any token, 10 % stay. */
struct mask_rule {
    double probability;
    int32_t mask_token, vocabulary;
    const uint8_t *special; /* (vocabulary) 1: never chosen */
    uint64_t seed;
};

struct chunk_rule {
    enum recipe_task task;
    const struct mask_rule *mask; /* RECIPE_MLM */
    uint64_t step;                /* keys the mask */
};

struct chunk {
    struct batch_builder builder; /* builder.batch is what models take */
    int32_t *ids, *types, *offsets;
    int32_t *targets; /* labels (rows), or (tokens) for language modelling: negative is none */
    float *numbers;   /* (rows) RECIPE_REGRESS */
    int64_t *row_ids, *order;
    float *seeds; /* room for (rows) or (tokens) */
    int64_t rows, tokens;
    int64_t row_room, token_room;
};

/* How many of rows[first ..] go into a chunk of at most `tokens` tokens; at least one. */
int64_t chunk_extent(const struct row_feed *feed, const int64_t *rows, int64_t first, int64_t count,
                     int64_t tokens);
assay_status chunk_build(struct chunk *chunk, const assay_model *model, const struct row_feed *feed,
                         const struct chunk_rule *rule, const int64_t *rows, int64_t count,
                         assay_error *error);
/* What the loss of these rows is divided by: rows, the weights of their classes (NULL: 1 each), or
 * tokens to be predicted. */
double chunk_divisor(const struct row_feed *feed, const struct chunk_rule *rule,
                     const float *class_weights, const int64_t *rows, int64_t count);
void chunk_free(struct chunk *chunk);

#endif
