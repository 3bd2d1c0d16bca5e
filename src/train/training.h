/* The inside of an assay_training: one room for opening, planning, running and saving.
 *
 * Opening reads the recipe, then the data (through the cache of tokens), then the model; nothing
 * that costs as much as the weights is taken before training_prepare, so that a plan is cheap.
 */
#ifndef ASSAY_TRAIN_TRAINING_H
#define ASSAY_TRAIN_TRAINING_H

#include "assay/train.h"
#include "data/cleaning_record.h"
#include "models/trainable.h"
#include "train/calibrate.h"
#include "train/checkpoint.h"
#include "train/course.h"
#include "train/evaluate.h"
#include "train/optimizer.h"
#include "train/schedule.h"

enum { TRAINING_FINGERPRINT_DIGITS = 16 };

/* Rows to train or to be judged on. */
struct training_rows {
    struct dataset *dataset;
    struct row_feed feed;
    int64_t *sample;
    int32_t *label_of;
    int32_t *lengths; /* of a sample; else the dataset's own are used */
};

/* Rows that neither train nor are evaluated on, and what they gave. */
struct training_calibration {
    struct training_rows rows; /* dataset NULL: none */
    bool shares_valid;         /* the dataset is data.valid's, the rows are half of it */
    uint64_t *group;           /* (rows.feed.rows), NULL: independent */
    bool is_fitted;
    struct calibration fitted;
    char rows_sha256[SHA256_HEX_SIZE];
    char refused[256]; /* why there is no calibration, or "" */
};

struct assay_training {
    struct recipe recipe;
    assay_training_options options;
    char *base_folder;
    struct training_rows train, valid; /* valid.dataset NULL: none */
    struct training_calibration calibration;
    struct label_set labels;
    struct cleaning_record cleaning; /* of the texts of train */
    bool cleaning_known;             /* their file has a card */
    assay_model *model;
    uint8_t *special_tokens; /* (vocabulary) for masks */
    int32_t max_tokens;
    int64_t parameters, trained;
    struct step_settings settings;
    struct stepper *stepper;
    struct course *course;
    struct schedule schedule;
    struct optimizer *optimizer; /* NULL before training_prepare */
    char fingerprint[CHECKPOINT_TEXT_SIZE];
    /* how the run goes */
    struct checkpoint_counters counters;
    int64_t steps_here; /* since this process began or resumed */
    int64_t tokens_here;
    double seconds_here; /* of steps alone */
    double evaluation_seconds;
    double last_values[RECIPE_METRIC_COUNT]; /* of the newest evaluation */
    bool evaluated;
};

/* Tells the listener, where there is one. */
void training_tell(const assay_training *training, const assay_training_event *event);
void training_note(const assay_training *training, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts the weights into training and opens the optimizer, once. */
assay_status training_prepare(assay_training *training, assay_error *error);
/* Would this weight be trained? */
bool training_chooses(const assay_training *training, const struct parameter *parameter);

/* Adds the update of one step: gradients, norm, clipping, AdamW at the schedule's rate. */
struct training_update {
    struct step_outcome outcome;
    double norm, lr;
};
assay_status training_update(assay_training *training, const struct course_step *step,
                             int64_t number, struct training_update *update, assay_error *error);

/* The figures on data.valid, with the averaged weights where the recipe keeps an average. */
assay_status training_evaluate(assay_training *training, struct evaluation *evaluation,
                               assay_error *error);

/* Logits of all rows, the same way; for memory_free, NULL when asked to stop. */
assay_status training_score(assay_training *training, float **logits,
                            const struct training_rows *rows, assay_error *error);

/* After the data are read: what the card of data.train says of its texts. A card that cannot be
 * used is noted. */
assay_status training_read_cleaning(assay_training *training, assay_error *error);

/* Whether the recipe names a file to calibrate on. */
bool training_calibrates_on_file(const assay_training *training);
/* After the data are read and the labels are known: sees to the rows that calibrate, out of
 * data.valid where they have no file. */
assay_status training_take_calibration(assay_training *training, assay_error *error);
/* At the end, with the weights that are saved. */
assay_status training_calibrate(assay_training *training, bool *stopped, assay_error *error);

/* out: refused when it holds a run and `resume` is off; made; locked for this process until
 * *lock is given back. */
assay_status training_take_folder(const assay_training *training, int *lock, assay_error *error);
void training_leave_folder(int lock);

/* checkpoints/step-N, with the link `best` when `best`; older ones removed. */
assay_status training_checkpoint(assay_training *training, bool best, assay_error *error);
/* Takes up the newest good checkpoint; counters stay at step 0 when there is none. */
assay_status training_resume(assay_training *training, assay_error *error);
/* The model folder: weights of the best step or the last, tokenizer, detector.json. Nothing is
 * written when it was stopped while it calibrated. */
assay_status training_save_model(assay_training *training, bool *stopped, assay_error *error);
/* recipe.yaml, at the beginning. */
assay_status training_save_recipe(const assay_training *training, assay_error *error);
/* out/checkpoints, for memory_free; NULL: no memory. */
char *training_checkpoint_folder(const assay_training *training);

#endif
