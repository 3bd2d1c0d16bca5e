/* An even sample of rows, with the trivial features of each: all rows while they are few enough,
 * then each row with the same chance (reservoir sampling, Vitter's algorithm R), drawn from the
 * seed. Start from {.most = ..., .seed = ...}; one thread at a time.
 */
#ifndef ASSAY_DATA_ROW_SAMPLE_H
#define ASSAY_DATA_ROW_SAMPLE_H

#include "data/text_features.h"

#include <stdbool.h>
#include <stdint.h>

struct sampled_row {
    int64_t row; /* of the file, from 1 */
    int32_t file;
    int32_t label;    /* -1: none */
    uint32_t cluster; /* the group's number; SAMPLED_ALONE: none */
    float values[TEXT_FEATURE_COUNT];
};

#define SAMPLED_ALONE UINT32_MAX

struct row_sample {
    struct sampled_row *rows;
    int64_t count, capacity, most;
    int64_t offered;
    uint64_t seed;
};

/* The place for the next row, to be filled; *place is NULL when the row is not taken. False when
 * memory runs out. */
bool row_sample_offer(struct row_sample *sample, struct sampled_row **place);
void row_sample_free(struct row_sample *sample);

#endif
