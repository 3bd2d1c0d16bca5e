/* What a detector has to beat: each trivial feature of a text alone, a linear model on character
 * n-grams, and flagging nobody; trained on the rows that trained the model, judged on the same test
 * rows and resamples. Training rows are also looked through for rows and groups of the test.
 *
 * A feature's direction is chosen on training rows. Only the best features by training rows get
 * intervals, so that the test rows choose nothing. Owns its arrays.
 */
#ifndef ASSAY_REPORT_BASELINES_H
#define ASSAY_REPORT_BASELINES_H

#include "base/sha256.h"
#include "report/contest.h"
#include "report/walk.h"

enum { BASELINE_REASON = 400, BASELINE_JUDGED = 8 };

/* The rate of false alarms at which the linear model's threshold is set. */
#define BASELINE_RATE 0.05

struct baseline {
    const char *name, *description;
    int feature;                  /* -1: the linear model */
    bool falls;                   /* less of it looks positive */
    double train_auroc, auroc;    /* the linear model's train_auroc is NaN */
    bool judged;                  /* `result` is filled */
    struct contest_result result; /* the lead is the judged scores' over this one */
};

struct baselines {
    char left_out[BASELINE_REASON]; /* why there are none, or "" */
    char note[BASELINE_REASON];     /* what to know of the training rows, or "" */
    char *train_path, *valid_path;  /* NULL: none */
    char train_sha256[SHA256_HEX_SIZE];
    bool verified; /* the rows are those of detector.json, by their fingerprint */
    int64_t train_rows, kept_rows, shared_rows, shared_groups;
    struct baseline *items; /* the linear model first, then features by training rows */
    int count, judged;
    /* The linear model at its threshold, NaN without rows to set it on. */
    double threshold, accuracy, true_positives, false_positives;
    struct interval tpr, fpr;
    char threshold_reason[BASELINE_REASON];
    double nobody_accuracy, nobody_balanced_accuracy;
};

struct baselines_request {
    const struct walk_request *walk; /* of the test rows */
    const struct walk_result *test;
    const char *positive;          /* its name; NULL: none */
    const char *train, *valid;     /* paths, NULL: none */
    bool train_asked, valid_asked; /* named by the user: what is wrong with them is an error */
    const char *train_sha256, *valid_sha256; /* expected, "" or NULL: not known */
    const char *reason;                      /* why there is no train path */
    const struct resample_plan *plan;
};

assay_status baselines_make(struct baselines *out, const struct baselines_request *request,
                            assay_error *error);
void baselines_free(struct baselines *baselines);
/* The one with the highest area on the test rows of those judged; NULL: none. */
const struct baseline *baselines_best(const struct baselines *baselines);

#endif
