/* Rows of one data file or folder as tokens: read and tokenised once, kept in a cache file, mapped.
 *
 * The cache file's name is the fingerprint of everything that it depends on: the bytes of the data,
 * the fields read, the tokenizer's files, the cut and the kind of labels. One that is damaged or is
 * not what its name says is made again, with a note. Reading streams: memory is bounded by the
 * largest row, a few tens of bytes a row and the ids (at most 1 KiB each). Everything in a data
 * file is untrusted: a row that is refused fails the whole with file, line, field and what was
 * expected.
 * A dataset is immutable: many threads may read it, one closes it.
 */
#ifndef ASSAY_DATASET_DATASET_H
#define ASSAY_DATASET_DATASET_H

#include "assay/tokenizer.h"
#include "recipe/recipe.h"

enum dataset_labels {
    DATASET_UNLABELLED, /* labels are not looked at */
    DATASET_CLASSES,    /* every row has one: words, numbers or booleans as text */
    DATASET_NUMBERS     /* every row has a finite number */
};

/* `total` is 0 when unknown; bytes of the source. `rows` is 0 while they are fingerprinted, which
 * comes first. `note` is NULL but for a message to the user. At most ten calls a second. */
typedef void dataset_progress(void *context, int64_t rows, uint64_t done, uint64_t total,
                              const char *note);

struct dataset_request {
    const char *path;                /* as assay_rows_open takes it; "-" is refused */
    const struct recipe_map *fields; /* usual name ("text", "pair", "id", "label") -> name in the
                                        data; NULL: the usual ones */
    enum dataset_labels labels;
    const assay_tokenizer *tokenizer;
    const char *tokenizer_folder; /* its files are fingerprinted */
    int32_t max_tokens;           /* rows are cut here, longest first for pairs; at least 2 */
    const char *cache_folder;     /* made when it is not there */
    dataset_progress *progress;   /* may be NULL */
    void *context;
};

struct dataset; /* opaque */

assay_status dataset_open(struct dataset **out, const struct dataset_request *request,
                          assay_error *error);
void dataset_close(struct dataset *dataset); /* NULL allowed */

/* Arrays live until close. */
struct dataset_view {
    int64_t rows;           /* at least 1 */
    int64_t tokens;         /* of all rows */
    int64_t truncated;      /* rows that were cut */
    int32_t longest;        /* tokens of the longest row */
    const int32_t *ids;     /* (tokens) */
    const int32_t *types;   /* (tokens), NULL: all are 0 */
    const int64_t *offsets; /* (rows + 1), the first 0 */
    const int32_t *lengths; /* (rows), each at least 1 */
    const int32_t *classes; /* (rows), index into class_names; NULL unless DATASET_CLASSES */
    const float *numbers;   /* (rows); NULL unless DATASET_NUMBERS */
    int32_t class_count;
    const char *const *class_names; /* sorted: as numbers when all are, else by bytes */
    const int64_t *class_rows;      /* (class_count) rows of each */
    const int64_t *class_first;     /* (class_count) the first row, from 0, of each */
    const char *path;
    const char *fingerprint; /* SHA-256 of the data's bytes, 64 digits */
    bool from_cache;         /* nothing was tokenised by this call */
};

void dataset_get(const struct dataset *dataset, struct dataset_view *view);
/* The row's id as the data has it, else its number; and its line in its file (may be NULL). */
const char *dataset_row_id(const struct dataset *dataset, int64_t row, int64_t *line);
/* ASSAY_ERROR_CHANGED once the mapped file turned out to have shrunk. */
assay_status dataset_check(const struct dataset *dataset, assay_error *error);

/* For tests and fuzzing: reads a cache file as it stands; ASSAY_ERROR_FORMAT when it is damaged in
 * any way that could lead a reader outside its arrays, ASSAY_ERROR_CHECKSUM when in any other.
 * `key` (may be NULL): the one that it must carry. The view's path is that of the cache file. */
assay_status dataset_open_cache(struct dataset **out, const char *path, const char *key,
                                assay_error *error);

#endif
