/* Where scores come from: a model, or a file of predictions. Both answer batches of rows.
 *
 * A scorer belongs to one evaluation and one thread. Column c of its logits and probabilities is
 * label c of `labels`, which a model fixes and a file is asked for.
 */
#ifndef ASSAY_REPORT_SCORER_H
#define ASSAY_REPORT_SCORER_H

#include "assay/model.h"
#include "report/score_table.h"

enum { SCORE_BATCH_ROWS = 64 };

/* Rows to be scored, at most SCORE_BATCH_ROWS, and the answers. Columns that a scorer lacks it
 * leaves alone. */
struct score_batch {
    int64_t count;
    const assay_text *texts;
    const char *const *ids;
    const char *const *labels; /* the rows' true ones, by name */
    const int64_t *lines;
    const char *file;
    float *logits;         /* (count, classes) */
    double *probabilities; /* (count, classes) */
    double *scores;        /* (count): ranks the positive class */
    double *confidences;   /* (count) */
    float *log_odds;       /* (count) */
    int32_t *tokens;       /* (count), 0: not known */
    int32_t *predicted;    /* (count), -1: none */
};

struct scorer {
    struct name_table labels;
    int32_t positive; /* -1: none, or not known yet */
    bool has_logits, has_probabilities, has_scores, has_predictions;
    double temperature;
    void *context;
    assay_status (*score)(struct scorer *scorer, struct score_batch *batch, assay_error *error);
    /* After the last row: whether the scorer has rows that were not asked for. May be NULL. */
    assay_status (*finish)(struct scorer *scorer, const char *data, assay_error *error);
    void (*close)(void *context);
};
void scorer_close(struct scorer *scorer); /* its contents; {0} allowed */

struct model_scorer_options {
    const char *folder;
    assay_session_options session;
    double temperature;
};
assay_status scorer_open_model(struct scorer *out, const struct model_scorer_options *options,
                               assay_error *error);
/* What the session of a model's scorer computes with; highest without one. */
assay_precision scorer_precision(const struct scorer *scorer);
int32_t scorer_max_tokens(const struct scorer *scorer);
const char *scorer_family(const struct scorer *scorer);

/* Reads a file of predictions whole. `names` (may be empty) are the columns' labels; `known` are
 * the labels of the data in order of name, which name the one column that rows leave open and the
 * classes of bare scores. */
assay_status scorer_open_file(struct scorer *out, const char *path, const struct name_table *names,
                              const struct name_table *known, assay_error *error);

/* The positive class: what is asked for, else what the detector's card says, else by the words of
 * the manual; *from says which. An unknown name is an error. */
assay_status choose_positive(int32_t *positive, const char **from, const struct name_table *labels,
                             const char *asked, const char *card, assay_error *error);

#endif
