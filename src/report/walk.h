/* One walk over the rows of DATA: labels, ids, groups, slices and lengths are read, every text is
 * scored, and what the evaluation needs of it is kept; predictions are written as rows stream by.
 *
 * Memory is a score row a row (and a feature row, for the baselines), never the texts. The same
 * walk, with less to keep, scores attacked texts and a second model.
 */
#ifndef ASSAY_REPORT_WALK_H
#define ASSAY_REPORT_WALK_H

#include "assay/eval.h"
#include "base/file.h"
#include "data/label_renames.h"
#include "report/scorer.h"

enum { MISTAKES_KEPT = 12, NO_ATTACK = -1 };

/* A field of the rows and each row's value of it, by number. */
struct slice_column {
    const char *field;
    struct name_table values;
    int32_t *value; /* (rows) */
    int64_t there;  /* rows that have the field */
};

struct mistake {
    double confidence;
    int64_t row; /* from 0 */
    char *id, *excerpt;
};

struct walk_request {
    const char *path;
    const assay_rows_options *rows; /* may be NULL */
    const char *group;              /* as in assay_evaluation_options */
    struct label_renames renames;
    struct scorer *scorer;
    int attack; /* kind, or NO_ATTACK */
    double strength;
    uint64_t seed;
    bool scores_only; /* only `table` is filled */
    bool features;    /* trivial features too */
    const char *const *slice_fields;
    size_t slice_count;
    struct file_writer *predictions; /* NULL: none */
    assay_evaluation_listener *listen;
    void *context;
    const char *what; /* told to the listener */
};

struct walk_result {
    struct score_table table;
    struct name_table ids, groups;
    struct slice_column *slices;
    size_t slice_count;
    float *features;                        /* (rows, text_feature_count()) */
    struct mistake mistakes[MISTAKES_KEPT]; /* the surest first */
    int mistake_count;
    int64_t wrong;
    char cluster_field[64]; /* "": every row by itself */
    int64_t rows_without_cluster;
    int64_t *renamed; /* rows of each rename */
};

assay_status walk_rows(struct walk_result *out, const struct walk_request *request,
                       assay_error *error);
void walk_result_free(struct walk_result *result);

/* The labels of DATA, renamed, in order of name. */
assay_status walk_labels(struct name_table *out, const char *path, const assay_rows_options *rows,
                         const struct label_renames *renames, assay_error *error);

#endif
