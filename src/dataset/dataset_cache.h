/* The cache file of a dataset: a head, sections of plain arrays that are mapped as they stand, the
 * counts that say where they lie, and a foot with a sum over everything.
 *
 * Sections begin at multiples of 64. Written front to back while rows are read, so counts come
 * last; the file appears whole or not at all (base/file.h). Numbers are of this machine's order,
 * which the head states. A reader takes nothing on trust: after dataset_open_cache every index that
 * a view gives lies inside its array. The sum finds damage, not forgery.
 */
#ifndef ASSAY_DATASET_DATASET_CACHE_H
#define ASSAY_DATASET_DATASET_CACHE_H

#include "base/file.h"
#include "base/sha256.h"
#include "dataset/dataset.h"

enum {
    DATASET_CACHE_VERSION = 1,
    DATASET_CACHE_ALIGNMENT = 64,
    DATASET_MAX_ID_BYTES = 1024,
};

struct cache_head { /* the first 256 bytes */
    char magic[8];
    uint32_t version;
    uint32_t order; /* DATASET_CACHE_ORDER */
    char key[SHA256_HEX_SIZE - 1];
    char fingerprint[SHA256_HEX_SIZE - 1];
    char unused[112];
};

struct cache_counts { /* the last 64 bytes but 64 */
    int64_t rows, tokens, truncated;
    int64_t id_bytes, name_bytes; /* with the zero byte of each */
    int32_t longest;
    int32_t labels; /* enum dataset_labels */
    int32_t class_count;
    int32_t has_types;
    int64_t unused;
};

struct cache_foot { /* the last 64 bytes */
    char magic[8];
    uint64_t size;
    uint64_t sum; /* of all before the foot */
    char unused[40];
};

extern const char dataset_cache_magic[8], dataset_cache_end[8];
#define DATASET_CACHE_ORDER UINT32_C(0x01020304)

enum cache_section {
    CACHE_IDS,     /* (tokens) int32 */
    CACHE_TYPES,   /* (tokens) int32, or nothing */
    CACHE_OFFSETS, /* (rows + 1) int64 */
    CACHE_LENGTHS, /* (rows) int32 */
    CACHE_LABELS,  /* (rows) int32 or float, or nothing */
    CACHE_LINES,   /* (rows) int64 */
    CACHE_ID_AT,   /* (rows + 1) int64, where each id begins in the next */
    CACHE_ID_TEXT,
    CACHE_NAMES, /* of the classes, in order */
    CACHE_SECTIONS
};

struct cache_layout {
    size_t at[CACHE_SECTIONS];
    size_t bytes[CACHE_SECTIONS];
    size_t counts_at, foot_at, size;
};

/* False when a count is negative or the sizes do not fit. */
bool cache_layout_make(struct cache_layout *layout, const struct cache_counts *counts);

/* Four sums that take turns at the words of 8 bytes: quick, and no changed word goes unseen. */
struct cache_sum {
    uint64_t lane[4];
};
void cache_sum_begin(struct cache_sum *sum);
void cache_sum_add(struct cache_sum *sum, const void *bytes, size_t length); /* a multiple of 32 */
uint64_t cache_sum_end(const struct cache_sum *sum);

/* Writing: open, the sections in order with cache_writer_align behind each, finish. One thread. */
struct cache_writer;
assay_status cache_writer_open(struct cache_writer **out, const char *path, const char *key,
                               const char *fingerprint, assay_error *error);
assay_status cache_writer_put(struct cache_writer *writer, const void *bytes, size_t length,
                              assay_error *error);
assay_status cache_writer_align(struct cache_writer *writer, assay_error *error);
/* Frees the writer whether or not it succeeds. */
assay_status cache_writer_finish(struct cache_writer *writer, const struct cache_counts *counts,
                                 assay_error *error);
void cache_writer_abandon(struct cache_writer *writer); /* NULL allowed */

struct dataset {
    struct mapped_file *file;
    struct dataset_view view;
    const int64_t *lines;
    const int64_t *id_at;
    const char *id_text;
    char *path;
    char fingerprint[SHA256_HEX_SIZE];
    const char **class_names;
    int64_t *class_rows;
    int64_t *class_first;
};

#endif
