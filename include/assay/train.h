/* Training: from a recipe to a model folder, exact and resumable.
 *
 * A training belongs to one thread. assay_training_open reads the recipe, the model and the data;
 * assay_training_plan says what the run will need; assay_training_run does it. The library prints
 * nothing: it tells a listener, on the caller's thread.
 */
#ifndef ASSAY_TRAIN_H
#define ASSAY_TRAIN_H

#include "assay/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct assay_training assay_training;

typedef enum assay_training_kind {
    ASSAY_TRAINING_NOTE,       /* text: something the user should know */
    ASSAY_TRAINING_READING,    /* text: the file; done and total: its bytes; rows so far */
    ASSAY_TRAINING_STEP,       /* one update */
    ASSAY_TRAINING_EVALUATING, /* done and total: rows of the evaluation */
    ASSAY_TRAINING_EVALUATED,  /* metrics */
    ASSAY_TRAINING_SAVED       /* text: the checkpoint or folder */
} assay_training_kind;

typedef struct assay_training_metric {
    const char *name;
    double value; /* not a number: not defined on these rows */
} assay_training_metric;

/* Strings and arrays last for the call. */
typedef struct assay_training_event {
    assay_training_kind kind;
    const char *text;
    int64_t done, total, rows;
    int64_t step, steps;
    double epoch;
    double loss, lr, grad_norm;
    int64_t tokens;      /* of this step */
    double tokens_per_s; /* since the run began or resumed, evaluations left out */
    double seconds_left;
    int64_t memory; /* resident bytes of this process now */
    const assay_training_metric *metrics;
    size_t metric_count;
    bool best; /* of all evaluations so far, by the recipe's metric */
} assay_training_event;

typedef void assay_training_listener(void *context, const assay_training_event *event);

typedef struct assay_training_options {
    size_t struct_size;
    int threads;                     /* 0: all processors this process may use */
    bool resume;                     /* go on from the newest good checkpoint in out */
    assay_training_listener *listen; /* may be NULL */
    void *context;
    /* Asked before each step and during evaluations; true: save and leave. May be NULL. */
    bool (*stop)(void *context);
} assay_training_options;

#define ASSAY_TRAINING_OPTIONS_INIT                                                                \
    {                                                                                              \
        sizeof(assay_training_options), 0, false, NULL, NULL, NULL                                 \
    }

/* Keeps the options' listener and context until the close. Reads the recipe (`recipe` NULL: from
 * the words alone) and the words "key=value", which beat it; then the data (from the cache where it
 * is there) and the model. options may be NULL. */
assay_status assay_training_open(assay_training **out, const char *recipe, const char *const *words,
                                 size_t word_count, const assay_training_options *options,
                                 assay_error *error);
void assay_training_close(assay_training *training); /* NULL allowed */

/* What the run will need. Bytes are of resident memory at the peak of the run. Strings belong to
 * the training. */
typedef struct assay_training_plan_info {
    const char *base, *out; /* folders; out is "" when the recipe has none */
    const char *family, *task, *method, *precision, *kernels;
    int threads;
    int64_t parameters, trained;
    int64_t train_rows, valid_rows; /* that are trained and evaluated on */
    int64_t calibration_rows;       /* of data.calibration, or half of data.valid */
    int64_t train_tokens, truncated_rows;
    int32_t max_tokens, longest_row;
    int64_t steps;
    double epochs;
    int32_t labels; /* 0: none */
    /* memory */
    int64_t memory_bytes; /* the sum of what follows */
    int64_t weight_bytes, gradient_bytes, optimizer_bytes, activation_bytes, other_bytes;
    int64_t available_bytes; /* of this machine now */
    bool fits;
    char advice[256]; /* what would fit, when this does not */
    /* time */
    double seconds; /* training and evaluations; 0 when not calibrated */
    double seconds_calibrating;
    double tokens_per_s;
} assay_training_plan_info;

/* `calibrate`: also measures, for some seconds, how fast this machine takes the run's own steps.
 * Nothing is written but the cache of tokens. */
assay_status assay_training_plan(assay_training *training, bool calibrate,
                                 assay_training_plan_info *info, assay_error *error);

/* Belongs to the training; NULL outside. */
const char *assay_training_label(const assay_training *training, int32_t index);
/* The complete recipe as YAML; release with assay_string_free. */
assay_status assay_training_recipe(const assay_training *training, char **yaml, assay_error *error);

typedef struct assay_training_result {
    int64_t steps;      /* done in all */
    int64_t best_step;  /* -1: nothing was evaluated; its weights are those of the folder */
    double best_metric; /* by the recipe's metric, see metric_name */
    const char *metric_name;
    double seconds, tokens_per_s;
    int64_t peak_bytes;
    bool stopped;       /* by options.stop: saved, to be resumed */
    bool stopped_early; /* by early_stop */
} assay_training_result;

/* Trains, or goes on, and leaves the model folder in out. Refuses an `out` that holds a run already
 * unless resuming, and a run that cannot fit into memory. */
assay_status assay_training_run(assay_training *training, assay_training_result *result,
                                assay_error *error);

#ifdef __cplusplus
}
#endif

#endif
