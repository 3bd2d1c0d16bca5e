/* What a data set holds, and what in it gives the label away without being read.
 *
 * The files are streamed; kept are hashes of texts, ids and groups (about 150 bytes a row), a
 * sample of rows and counts of strings (some 250 MB at most), never the texts. Where an example is
 * wanted, regular files are read a second time. The result belongs to the caller and does not
 * change; it may be read by many threads.
 *
 * The leak audit asks of each trivial trait how well it alone tells one label from the others: the
 * area under its ROC curve, turned so that it is at least 0.5. A trait is a leak when the area, at
 * the lower end of an interval that holds for all traits at once with 95 %, is above the bar of its
 * kind. Rows of one group are one cluster. docs/data.md says what each trait is and why the bars
 * are what they are.
 */
#ifndef ASSAY_DATA_H
#define ASSAY_DATA_H

#include "assay/rows.h"
#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { ASSAY_DATA_AUDIT_ROWS = 250000, ASSAY_DATA_MAX_LABELS = 10000 };

typedef struct assay_data_show_progress {
    const char *file;
    int64_t rows;   /* of all files so far */
    uint64_t bytes; /* of this file */
} assay_data_show_progress;

typedef struct assay_data_show_options {
    size_t struct_size;
    const assay_rows_options *rows; /* NULL: as assay_rows_open has it */
    const char *group_field;        /* NULL: "group" where there is one; else it must exist */
    const char *positive;           /* NULL: ai, machine, fake, generated, 1, in that order */
    int64_t audit_rows;             /* sample of the audit; ASSAY_DATA_AUDIT_ROWS when 0 */
    int32_t examples;               /* of each finding; 3 when 0, none when negative */
    int32_t broken_shown;           /* broken rows told one by one; 10 when 0 */
    uint64_t seed;                  /* of the sample */
    void (*progress)(void *context, const assay_data_show_progress *progress); /* NULL allowed */
    void *context;
} assay_data_show_options;

#define ASSAY_DATA_SHOW_OPTIONS_INIT                                                               \
    {                                                                                              \
        sizeof(assay_data_show_options), NULL, NULL, NULL, 0, 0, 0, 0, NULL, NULL                  \
    }

/* Least, most and mean over all rows; quantiles over the sample (all rows where they fit). */
typedef struct assay_data_lengths {
    double least, q05, q25, median, q75, q95, most, mean;
} assay_data_lengths;

typedef struct assay_data_file {
    const char *path;
    int64_t rows, broken, empty, unlabelled;
    uint64_t bytes;
} assay_data_file;

typedef struct assay_data_label {
    const char *name;
    int64_t rows;
    int64_t groups; /* groups with a row of this label; rows without a group count alone */
    assay_data_lengths characters, words;
} assay_data_label;

typedef struct assay_data_script {
    const char *name;
    int64_t letters;
    int64_t rows; /* in which most letters are of this script */
} assay_data_script;

typedef struct assay_data_broken {
    const char *file;
    int64_t line;
    const char *reason;
} assay_data_broken;

/* A row; id, label and excerpt are NULL where the file could not be read again. */
typedef struct assay_data_place {
    const char *file;
    int64_t row;
    const char *id;
    const char *label;
    const char *excerpt; /* UTF-8 without zero bytes, control characters as they are */
} assay_data_place;

/* Things that should come once, or in one file. */
typedef struct assay_data_repeats {
    int64_t different;   /* texts, ids or groups */
    int64_t repeated;    /* of them, how many come more than once */
    int64_t rows;        /* rows that repeat an earlier one */
    int64_t across;      /* of the different ones, how many come in more than one file */
    int64_t rows_across; /* rows of a file that repeat one of an earlier file */
    int64_t disagreeing; /* of the different ones, how many come with more than one label */
} assay_data_repeats;

typedef enum assay_data_trait_kind {
    ASSAY_DATA_TRAIT_FORMAT,  /* what cleaning may change without changing a word */
    ASSAY_DATA_TRAIT_OPENING, /* how texts begin and end */
    ASSAY_DATA_TRAIT_STYLE,   /* how, and how much, is said */
    ASSAY_DATA_TRAIT_WORD,    /* one word */
    ASSAY_DATA_TRAIT_FILES,   /* what stands in more than one file: a leak however seldom */
    ASSAY_DATA_TRAIT_KINDS
} assay_data_trait_kind;

typedef struct assay_data_trait {
    const char *name;
    const char *description;
    assay_data_trait_kind kind;
    const char *label;  /* told from the others; NULL for FILES */
    bool higher;        /* the label has more of it than the others */
    const char *string; /* of OPENING and WORD, else NULL */
    double auroc;       /* at least 0.5; not a number for FILES */
    double low, high;   /* 95 % interval of this trait alone */
    double bound;       /* lower end of the one that holds for all traits at once */
    double bar;         /* a leak where bound > bar; not a number: not judged, which with more than
                           two labels is so for all but FORMAT and FILES */
    bool leak;
    double of_label, of_others; /* mean; of strings the share of rows; of FILES rows, and share */
    const char *fix;
    const assay_data_place *examples;
    int32_t example_count;
} assay_data_trait;

typedef struct assay_data_summary {
    int64_t rows; /* read: broken ones are not among them */
    int64_t broken, empty, unlabelled;
    uint64_t bytes;
    const assay_data_file *files;
    int32_t file_count;
    const assay_data_label *labels; /* by name */
    int32_t label_count;
    bool labels_cut;         /* there are more than ASSAY_DATA_MAX_LABELS: none is counted */
    const char *positive;    /* of two labels, the one that is judged; else NULL */
    const char *group_field; /* NULL: there is none */
    assay_data_lengths characters, words;
    const assay_data_script *scripts; /* the most rows first */
    int32_t script_count;
    const assay_data_broken *broken_rows;
    int32_t broken_row_count;
    assay_data_repeats texts; /* byte for byte; empty ones are left out */
    assay_data_repeats alike; /* by letters and digits in lower case */
    assay_data_repeats ids, groups;
    int64_t sampled;            /* rows that quantiles and features are from */
    const char *audit_left_out; /* why there is no audit of traits, or NULL */
    double bars[ASSAY_DATA_TRAIT_KINDS];
    int64_t candidates;             /* traits that were tried */
    int64_t short_by;               /* counts of strings may be too small by as much */
    const assay_data_trait *traits; /* leaks first, then the others, by bound */
    int32_t trait_count;
    int32_t leak_count;
} assay_data_summary;

/* A broken row is counted and told, and ends nothing; a file that cannot be read does. */
assay_status assay_data_show(assay_data_summary **out, const char *const *paths, int32_t count,
                             const assay_data_show_options *options, assay_error *error);
void assay_data_summary_free(assay_data_summary *summary); /* NULL allowed */

#ifdef __cplusplus
}
#endif

#endif
