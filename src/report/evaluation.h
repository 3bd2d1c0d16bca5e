/* The inside of a finished evaluation: what the reports are written from.
 *
 * Made by assay_evaluate on one thread, step by step in this order; read-only afterwards. It owns
 * everything in it but the strings of `options`, which are only used while it is made.
 */
#ifndef ASSAY_REPORT_EVALUATION_H
#define ASSAY_REPORT_EVALUATION_H

#include "assay/eval.h"
#include "report/baselines.h"
#include "report/card.h"
#include "report/figures.h"
#include "report/walk.h"

enum {
    SLICE_VALUES = 40,
    SENTENCE_SIZE = 640,
    MAX_SENTENCES = 48,
    MAX_RULES = CALIBRATION_POINTS + 1
};

/* A way to decide, and what it did: a threshold of detector.json, or the most probable label. */
struct rule {
    double rate; /* of false alarms, as stated; NaN: the most probable label */
    float log_odds;
    double true_positives, false_positives, positives, negatives;
    double abstained_positives, abstained_negatives;
    struct interval tpr, fpr;
    /* Where the rate of as many fresh negatives, drawn like the calibration's, lies in 95 of 100
     * cases; NaN without a calibration. */
    struct interval expected;
};

/* FLAG_ABSTAINED: the text is shorter than what the operating point was set on. */
enum { FLAG_NO, FLAG_YES, FLAG_ABSTAINED };

struct slice_value {
    char *name;
    struct figures figures;
    double negatives, false_positives; /* under the evaluation's rule */
    struct interval fpr;
    bool above, below; /* of the rate of all rows, by its whole interval */
};

struct slice {
    const char *field; /* "length" for bins of words */
    bool length;
    struct slice_value *values;
    int count;
    int32_t merged; /* values in the last one, "other"; 0: none */
};

struct against {
    bool there;
    char *name;
    char sha256[SHA256_HEX_SIZE];
    struct contest_result first, other; /* the lead in `other` is the evaluated scores' */
    bool has_auroc, has_accuracy;
    int64_t only_first, only_other; /* rows that only one of them has right */
    double p_value;
};

struct attack_result {
    const char *name, *description;
    struct contest_result result; /* the lead is what the attack costs */
    struct rule rule;
};

struct sentence {
    assay_finding_kind kind;
    char text[SENTENCE_SIZE];
};

struct assay_evaluation {
    const assay_evaluation_options *options;
    struct thread_pool *threads;
    char *model, *predictions, *data; /* as they were named; model or predictions NULL */
    char data_sha256[SHA256_HEX_SIZE], scores_sha256[SHA256_HEX_SIZE]; /* "": not known */
    char *family;                                                      /* NULL: no model */
    assay_precision precision;
    int32_t max_tokens; /* 0: the model's limit */
    struct card card;
    struct scorer scorer;
    const char *positive_from;
    struct walk_result rows;
    struct figures_options measuring;
    struct figures all;
    int32_t least_tokens; /* shorter texts are abstained from; 0: none are */
    struct rule rules[MAX_RULES];
    int rule_count, rule; /* the one that slices and attacks go by; -1: none */
    uint8_t *flags;       /* (rows), under that rule */
    struct slice *slices;
    int slice_count;
    bool with_baselines;
    struct baselines baselines;
    struct against against;
    struct attack_result *attacks;
    int attack_count;
    double strength;
    struct sentence sentences[MAX_SENTENCES];
    int sentence_count;
    struct buffer json, html;
};

/* Label of the positive class, NULL without one. */
const char *evaluation_positive(const struct assay_evaluation *e);
struct resample_plan evaluation_plan(const struct assay_evaluation *e);
/* The labels of a file's columns, where the caller names them. */
assay_status evaluation_columns(struct name_table *out, const assay_evaluation_options *options,
                                assay_error *error);
/* What is common to all walks over the data. */
struct walk_request evaluation_walk(struct assay_evaluation *e, struct scorer *scorer,
                                    const char *what);

/* Decides a table's rows by a rule; flags (rows) may be NULL. */
void rule_apply(struct rule *rule, uint8_t *flags, const struct score_table *table,
                int32_t least_tokens);
assay_status evaluation_rules(struct assay_evaluation *e, assay_error *error);
assay_status evaluation_slices(struct assay_evaluation *e, assay_error *error);
void slices_free(struct slice *slices, int count);
assay_status evaluation_against(struct assay_evaluation *e, assay_error *error);
/* Names of kinds that there are. */
assay_status attacks_check(const assay_evaluation_options *options, assay_error *error);
assay_status evaluation_attacks(struct assay_evaluation *e, assay_error *error);
assay_status evaluation_sentences(struct assay_evaluation *e, assay_error *error);
assay_status report_json(struct buffer *out, const struct assay_evaluation *e, assay_error *error);
assay_status report_page(struct buffer *out, const struct assay_evaluation *e, assay_error *error);

#endif
