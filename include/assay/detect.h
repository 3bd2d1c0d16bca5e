/* Verdicts: a classifier's logits judged at the operating point of its detector.json.
 *
 * A detector is immutable and may be shared by threads; it retains its model. A model without
 * detector.json, or with one that was never calibrated, gets its most probable label, and every
 * verdict says so. A calibrated one flags the positive class at a threshold whose rate of false
 * alarms is stated, abstains on texts shorter than those it was calibrated on, and gives a p-value:
 * how rare so high a score is among texts of the other classes. docs/operating-point.md says what
 * these numbers cover.
 */
#ifndef ASSAY_DETECT_H
#define ASSAY_DETECT_H

#include "assay/cleaning.h"
#include "assay/model.h"
#include "assay/rows.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct assay_detector assay_detector;

typedef struct assay_detector_options {
    size_t struct_size;
    /* The rate of false alarms to judge at, one of those fitted; 0: 0.05, where that is not fitted
     * the smallest, where none is the most probable label. */
    double fpr;
} assay_detector_options;

#define ASSAY_DETECTOR_OPTIONS_INIT                                                                \
    {                                                                                              \
        sizeof(assay_detector_options), 0.0                                                        \
    }

/* Reads the detector.json of the model's folder, strictly. options may be NULL. A rate that is not
 * fitted is ASSAY_ERROR_ARGUMENT, with the reason why not and the rates that are. */
assay_status assay_detector_open(assay_detector **out, assay_model *model,
                                 const assay_detector_options *options, assay_error *error);
void assay_detector_close(assay_detector *detector); /* NULL allowed */

/* Strings belong to the detector. */
typedef struct assay_detector_info {
    bool present;       /* the folder has a detector.json */
    bool calibrated;    /* and that a calibration */
    const char *reason; /* how it judges, in words */
    int32_t labels;     /* of the model */
    int32_t positive;   /* -1: none */
    double temperature; /* 1 where none was fitted */
    double fpr;         /* of the operating point; 0: there is none */
    double threshold;   /* probability of the positive class; not a number: none */
    double achieved;    /* rate of false alarms on the calibration's negatives ... */
    double low, high;   /* ... and the interval of that rate, groups counted */
    double tpr;         /* of the calibration's positives, how many are flagged */
    int64_t negatives, positives;
    int32_t least_tokens, most_tokens; /* lengths that it was calibrated on; 0: not calibrated */
    /* What it was calibrated with; a session that should give the same verdicts is opened so. */
    assay_precision precision;
    int32_t max_tokens; /* 0: not said */
    /* How the texts of its training were cleaned, by assay_data_clean; none: they were not, or
     * their card was not there. assay_cleaner_open takes this. */
    const assay_cleaning *cleaning;
    size_t cleaning_count;
} assay_detector_info;

/* All is 0 and NULL, positive -1, where there is no detector. */
void assay_detector_get_info(const assay_detector *detector, assay_detector_info *info);

/* Rates that are fitted, rising; count of them at most `room`. */
int assay_detector_rates(const assay_detector *detector, double *rates, int room);

/* Between which rates a fresh sample of so many texts of the other classes, drawn like the
 * calibration's, is flagged with probability 0.95; `texts` 0: the rate in the long run. False where
 * there is no operating point. */
bool assay_detector_expected_rate(const assay_detector *detector, int64_t texts, double *low,
                                  double *high);

/* False, with a line that says what, when a session computes otherwise than the calibration did. */
bool assay_detector_fits(const assay_detector *detector, const assay_session *session, char *line,
                         size_t size);

enum { ASSAY_ABSTAINS = -1, ASSAY_REASON_SIZE = 256 };

typedef struct assay_verdict {
    int32_t predicted; /* the most probable label */
    int32_t label;     /* the verdict: a label or ASSAY_ABSTAINS */
    double score;      /* of the positive class: its log-odds; not a number: there is none */
    double threshold;  /* a probability; not a number: none was applied */
    double fpr;        /* of the operating point; 0: none was applied */
    double p_value;    /* not a number: not calibrated */
    char reason[ASSAY_REASON_SIZE];
} assay_verdict;

/* logits (labels) of one text, as assay_session_classify gives them, and what became of it.
 * probabilities (labels), under the temperature, may be NULL. ASSAY_ERROR_NUMERIC for a logit that
 * is not finite. */
assay_status assay_detector_judge(const assay_detector *detector, assay_verdict *verdict,
                                  float *probabilities, const float *logits,
                                  const assay_text_result *text, assay_error *error);

enum { ASSAY_CALIBRATION_POINTS = 8 };

/* One rate of false alarms, and what the calibration's rows say of it; rates are shares, 0 to 1. */
typedef struct assay_calibration_point {
    double fpr;
    double threshold; /* probability of the positive class */
    double achieved, low, high;
    double tpr, tpr_low, tpr_high;
    double expected_low, expected_high; /* of as many fresh negatives */
} assay_calibration_point;

/* What a calibration did; flat, it may be copied. */
typedef struct assay_calibration_result {
    int64_t rows, negatives, positives, groups; /* groups 0: rows were taken for independent */
    double temperature;                         /* 1 where none was fitted */
    char temperature_reason[ASSAY_REASON_SIZE]; /* why none was; "" */
    int points;                                 /* rates fitted */
    assay_calibration_point point[ASSAY_CALIBRATION_POINTS];
    int refused; /* rates that were not, each with its reason */
    char refusals[ASSAY_CALIBRATION_POINTS][ASSAY_REASON_SIZE];
    int32_t least_tokens, most_tokens;
    assay_precision precision; /* as used */
    int32_t max_tokens;
} assay_calibration_result;

/* `total` is 0 while unknown; `note` is NULL but for a message. Called by the thread that works. */
typedef void assay_calibration_progress(void *context, int64_t done, int64_t total,
                                        const char *note);

typedef struct assay_calibration_options {
    size_t struct_size;
    int threads;          /* 0: all processors this process may use */
    bool precision_given; /* else that of detector.json, else high */
    assay_precision precision;
    int32_t max_tokens;      /* 0: that of detector.json, else the model's own limit */
    const char *positive;    /* the class that is detected; NULL: detector.json's, else by name */
    const char *group_field; /* rows that belong together; NULL: rows are independent */
    const char *text_field, *pair_field, *id_field, *label_field; /* as in assay_rows_options */
    const assay_label_rename *renames; /* labels of the data under the model's names */
    size_t rename_count;
    assay_calibration_progress *progress; /* may be NULL */
    void *context;
} assay_calibration_options;

#define ASSAY_CALIBRATION_OPTIONS_INIT                                                             \
    {                                                                                              \
        sizeof(assay_calibration_options), 0, false, ASSAY_PRECISION_HIGHEST, 0, NULL, NULL, NULL, \
            NULL, NULL, NULL, NULL, 0, NULL, NULL                                                  \
    }

/* Fits the operating points of the model in `folder` on labelled rows and writes them into its
 * detector.json (beside, then renamed). Refuses the very file that the model was trained on, labels
 * that the model has not, one class alone and scores that are all the same. */
assay_status assay_calibrate(const char *folder, const char *data,
                             const assay_calibration_options *options,
                             assay_calibration_result *result, assay_error *error);

#ifdef __cplusplus
}
#endif

#endif
