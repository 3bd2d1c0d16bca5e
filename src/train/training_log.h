/* The two logs of a run: log.jsonl, one object a step, and events.out.tfevents for TensorBoard.
 *
 * Each entry is written at once and whole. Opened for a resume from step S, both are cut behind the
 * entries of S, torn ends and evaluations that will come again included, so that after the resume
 * they say what those of a run never killed say (but for times). So write all of step S, then
 * training_log_sync, then its checkpoint. Used by one thread.
 */
#ifndef ASSAY_TRAIN_TRAINING_LOG_H
#define ASSAY_TRAIN_TRAINING_LOG_H

#include "assay/status.h"

#include <stdbool.h>

enum { TRAINING_LOG_MAX_METRICS = 256, TRAINING_LOG_MAX_NAME = 128 };

struct training_log; /* opaque */

struct training_log_options {
    bool jsonl;
    bool tensorboard;
    int64_t resumed_step; /* -1: the logs begin anew */
    /* The last evaluation that the checkpoint knows of; one behind it comes again. */
    int64_t evaluated_step;
};

/* Values that are not finite are null in JSON. */
struct training_log_step {
    int64_t step; /* from 1: the steps done */
    double epoch; /* with its fraction */
    double loss;
    double lr;
    double grad_norm; /* before clipping */
    int64_t tokens;   /* of this step */
    double tokens_per_s;
    int64_t memory; /* bytes */
};

struct training_log_metric {
    const char *name; /* at most TRAINING_LOG_MAX_NAME bytes */
    double value;
};

/* The folder must exist. */
assay_status training_log_open(struct training_log **out, const char *folder,
                               const struct training_log_options *options, assay_error *error);
void training_log_close(struct training_log *log); /* NULL allowed */

assay_status training_log_put_step(struct training_log *log, const struct training_log_step *step,
                                   assay_error *error);
/* An evaluation: {"step", "epoch", "valid": {name: value, ...}}, and valid/NAME for TensorBoard. */
assay_status training_log_put_metrics(struct training_log *log, int64_t step, double epoch,
                                      const struct training_log_metric *metrics, size_t count,
                                      assay_error *error);
assay_status training_log_sync(struct training_log *log, assay_error *error);

#endif
