/* The ids of rows while they are read: held to be unique, then written out. A row without one is
 * known by its number, of which nothing is kept. One thread; start from {0}.
 */
#ifndef ASSAY_DATASET_DATASET_IDS_H
#define ASSAY_DATASET_DATASET_IDS_H

#include "dataset/dataset_cache.h"

struct dataset_ids {
    struct buffer text;
    uint32_t *lengths; /* (rows) 0: known by its number; NULL while all are */
    int64_t rows, capacity;
};

enum { DATASET_NUMBER_SIZE = 24 }; /* of a row's number as text */

/* `id` NULL: the row's number. */
assay_status dataset_ids_add(struct dataset_ids *ids, const char *id, assay_error *error);
/* An error that names both lines when two rows have one id; lines: (rows). */
assay_status dataset_ids_check(const struct dataset_ids *ids, const int64_t *lines,
                               assay_error *error);
/* Writes the two sections of ids; *bytes is the size of the second. */
assay_status dataset_ids_write(int64_t *bytes, const struct dataset_ids *ids,
                               struct cache_writer *writer, assay_error *error);
void dataset_ids_free(struct dataset_ids *ids);

#endif
