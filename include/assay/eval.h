/* Judging a model, or scores from elsewhere, on labelled rows: figures with intervals, trivial
 * baselines beside them, slices, a comparison, attacks; as JSON and as a page.
 *
 * An evaluation is made by one call on the caller's thread, and then only read. The same inputs
 * give the same bytes, whatever the number of threads. Nothing is written before everything is
 * known, but for a predictions file that appears with the rest; a failure leaves no file.
 */
#ifndef ASSAY_EVAL_H
#define ASSAY_EVAL_H

#include "assay/model.h"
#include "assay/rows.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct assay_evaluation assay_evaluation;

/* What is being done, and how far; total is 0 where it is not known. */
typedef void assay_evaluation_listener(void *context, const char *what, int64_t done,
                                       int64_t total);

/* Start from ASSAY_EVALUATION_OPTIONS_INIT. Either `model` or `predictions` must be there. */
typedef struct assay_evaluation_options {
    size_t struct_size;
    const char *model;       /* a folder */
    const char *predictions; /* scores of the rows of `data`, by id: .jsonl */
    const char *data;
    const char *out;     /* folder of report.json, report.html, predictions.jsonl; NULL: none */
    const char *against; /* a model's folder or predictions of the same rows; NULL: none */
    const char *train;   /* rows of the baselines; NULL: as detector.json says */
    const char *valid;   /* rows of the linear model's threshold; NULL: as detector.json says */
    bool without_baselines;
    const char *positive;      /* NULL: detector.json's, else ai, machine, fake, generated, 1 */
    const char *const *labels; /* of the columns of files of scores; NULL: as rows tell */
    size_t label_count;
    const assay_label_rename *renames; /* labels of data, train and valid under the model's names */
    size_t rename_count;
    const char *const *slices; /* fields */
    size_t slice_count;
    const char *group;          /* field; NULL: "group" where the rows have one; "": none */
    const char *const *attacks; /* kinds, or "all" */
    size_t attack_count;
    double strength;
    const assay_rows_options *rows; /* of data; may be NULL */
    int threads;
    bool precision_given; /* else that of detector.json's calibration, else high */
    assay_precision precision;
    int32_t max_tokens; /* 0: detector.json's, else the model's limit */
    int64_t batch_tokens;
    bool last_by_pad_token;
    uint64_t seed;
    int32_t resamples; /* 0: 1000, fewer for very many rows */
    assay_evaluation_listener *listen;
    void *context;
} assay_evaluation_options;

#define ASSAY_EVALUATION_OPTIONS_INIT                                                              \
    {                                                                                              \
        sizeof(assay_evaluation_options), NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, NULL,   \
            NULL, 0, NULL, 0, NULL, 0, NULL, NULL, 0, 0.3, NULL, 0, false,                         \
            ASSAY_PRECISION_HIGHEST, 0, 0, false, 0, 0, NULL, NULL                                 \
    }

/* ASSAY_ERROR_ARGUMENT for options that contradict each other, ASSAY_ERROR_FORMAT with file and row
 * for rows that do not fit each other or the model. */
assay_status assay_evaluate(assay_evaluation **out, const assay_evaluation_options *options,
                            assay_error *error);
void assay_evaluation_close(assay_evaluation *evaluation); /* NULL allowed */

/* What the report says in words, the gravest first; NULL outside; kind may be NULL. */
typedef enum assay_finding_kind {
    ASSAY_FINDING_FAULT, /* the score should not be used, or not for this */
    ASSAY_FINDING_DOUBT, /* it says less than it seems to */
    ASSAY_FINDING_FACT
} assay_finding_kind;
const char *assay_evaluation_sentence(const assay_evaluation *evaluation, int64_t index,
                                      assay_finding_kind *kind);

/* The headline's figures in order: false outside. A value that is not a number has its reason. */
typedef struct assay_evaluation_figure {
    const char *name;
    double value, low, high; /* low and high: NaN without an interval */
    const char *reason;      /* why there is no value or no interval, or NULL */
} assay_evaluation_figure;
bool assay_evaluation_get(const assay_evaluation *evaluation, int64_t index,
                          assay_evaluation_figure *figure);

/* The whole reports, UTF-8; they belong to the evaluation; length may be NULL. */
const char *assay_evaluation_json(const assay_evaluation *evaluation, size_t *length);
const char *assay_evaluation_html(const assay_evaluation *evaluation, size_t *length);

#ifdef __cplusplus
}
#endif

#endif
