/* The loop. After each step: its log entry; if due, an evaluation; then, if due, a checkpoint that
 * holds all of it. A process killed at any instant goes on from the last one and leaves the same
 * weights and the same log as if it had not been killed (contract 8).
 */
#include "base/error.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/threads.h"
#include "cpu/cpu.h"
#include "train/training.h"
#include "train/training_log.h"

#include <inttypes.h>
#include <math.h>

struct run {
    assay_training *training;
    struct training_log *log;
    int64_t saved_step; /* of the newest checkpoint, -1: none */
    bool stopped, stopped_early;
};

static bool asked_to_stop(const assay_training *t)
{
    return t->options.stop && t->options.stop(t->options.context);
}

assay_status training_update(assay_training *t, const struct course_step *step, int64_t number,
                             struct training_update *update, assay_error *error)
{
    assay_status status = step_gradients(t->stepper, &update->outcome, &t->train.feed, step->rows,
                                         step->count, (uint64_t)number, error);
    if (status != ASSAY_OK)
        return status;
    struct kernel_context context = {.threads = stepper_threads(t->stepper)};
    const struct kernels *kernels = stepper_kernels(t->stepper);
    update->norm = optimizer_norm(t->optimizer, kernels, &context);
    update->lr = schedule_rate(&t->schedule, number);
    if (!isfinite(update->norm))
        return step_blame_gradients(t->stepper, &t->train.feed, step->rows, step->count,
                                    (uint64_t)number, error);
    double clip = t->recipe.optimizer.clip;
    double factor = clip > 0.0 ? optimizer_clip(update->norm, clip) : 1.0;
    optimizer_step(t->optimizer, kernels, &context, update->lr, factor);
    return ASSAY_OK;
}

static double seconds_left(const assay_training *t)
{
    int64_t left = course_steps(t->course) - t->counters.step;
    if (!t->steps_here || left <= 0)
        return 0.0;
    double each = t->seconds_here / (double)t->steps_here;
    /* Evaluations and checkpoints cost what they cost so far. */
    return (double)left * (each + t->evaluation_seconds / (double)t->steps_here);
}

static assay_status report_step(struct run *run, const struct course_step *step,
                                const struct training_update *update, assay_error *error)
{
    assay_training *t = run->training;
    double rate = t->seconds_here > 0.0 ? (double)t->tokens_here / t->seconds_here : 0.0;
    int64_t memory = process_memory();
    struct training_log_step entry = {
        .step = t->counters.step,
        .epoch = step->epoch,
        .loss = update->outcome.loss,
        .lr = update->lr,
        .grad_norm = update->norm,
        .tokens = update->outcome.tokens,
        .tokens_per_s = rate,
        .memory = memory,
    };
    assay_status status = training_log_put_step(run->log, &entry, error);
    training_tell(t, &(assay_training_event){.kind = ASSAY_TRAINING_STEP,
                                             .step = t->counters.step,
                                             .steps = course_steps(t->course),
                                             .rows = step->count,
                                             .epoch = step->epoch,
                                             .loss = update->outcome.loss,
                                             .lr = update->lr,
                                             .grad_norm = update->norm,
                                             .tokens = update->outcome.tokens,
                                             .tokens_per_s = rate,
                                             .seconds_left = seconds_left(t),
                                             .memory = memory});
    return status;
}

static assay_status take_step(struct run *run, double *epoch, bool *ends_epoch, assay_error *error)
{
    assay_training *t = run->training;
    struct checkpoint_counters *at = &t->counters;
    struct course_position position = {at->epoch, at->batch};
    struct course_step step;
    struct training_update update = {0};
    double began = process_now();
    assay_status status = course_step_at(t->course, &position, &step, error);
    if (status == ASSAY_OK)
        status = training_update(t, &step, at->step, &update, error);
    if (status == ASSAY_OK)
        status = dataset_check(t->train.dataset, error);
    if (status != ASSAY_OK)
        return status;
    at->step++;
    at->epoch = step.after.epoch;
    at->batch = step.after.batch;
    at->rows_seen += step.count;
    at->tokens_seen += update.outcome.tokens;
    t->seconds_here += process_now() - began;
    t->tokens_here += update.outcome.tokens;
    t->steps_here++;
    *ends_epoch = step.ends_epoch;
    *epoch = step.epoch;
    return report_step(run, &step, &update, error);
}

/* Keeps the best figure so far; a figure that is not defined is never the best. */
static bool improves(assay_training *t, double value)
{
    struct checkpoint_counters *at = &t->counters;
    bool higher = recipe_metric_higher_is_better(t->recipe.early_stop.metric);
    bool better = isfinite(value) &&
                  (!at->has_best || (higher ? value > at->best_metric : value < at->best_metric));
    at->waited = better ? 0 : at->waited + 1;
    if (!better)
        return false;
    at->has_best = true;
    at->best_metric = value;
    at->best_step = at->step;
    return true;
}

static size_t list_metrics(const assay_training *t, const double *values,
                           struct training_log_metric *logged, assay_training_metric *told)
{
    size_t count = 0;
    for (int m = 0; m < RECIPE_METRIC_COUNT; m++) {
        if (!recipe_metric_fits((enum recipe_metric)m, t->recipe.task))
            continue;
        const char *name = recipe_metric_name((enum recipe_metric)m);
        logged[count] = (struct training_log_metric){name, values[m]};
        told[count++] = (assay_training_metric){name, values[m]};
    }
    return count;
}

static assay_status evaluate_now(struct run *run, double epoch, bool *best, assay_error *error)
{
    assay_training *t = run->training;
    struct evaluation evaluation;
    *best = false;
    assay_status status = training_evaluate(t, &evaluation, error);
    t->evaluation_seconds += status == ASSAY_OK ? evaluation.seconds : 0.0;
    if (status != ASSAY_OK || evaluation.stopped) {
        run->stopped = status == ASSAY_OK;
        return status;
    }
    *best = improves(t, evaluation.values[t->recipe.early_stop.metric]);
    t->counters.evaluated_step = t->counters.step;
    t->evaluated = true;
    for (int m = 0; m < RECIPE_METRIC_COUNT; m++)
        t->last_values[m] = evaluation.values[m];
    struct training_log_metric logged[RECIPE_METRIC_COUNT];
    assay_training_metric told[RECIPE_METRIC_COUNT];
    size_t count = list_metrics(t, evaluation.values, logged, told);
    training_tell(t, &(assay_training_event){.kind = ASSAY_TRAINING_EVALUATED,
                                             .step = t->counters.step,
                                             .steps = course_steps(t->course),
                                             .epoch = epoch,
                                             .metrics = told,
                                             .metric_count = count,
                                             .best = *best});
    return training_log_put_metrics(run->log, t->counters.step, epoch, logged, count, error);
}

static assay_status save_now(struct run *run, bool best, assay_error *error)
{
    assay_training *t = run->training;
    double began = process_now();
    assay_status status = training_log_sync(run->log, error);
    if (status == ASSAY_OK)
        status = training_checkpoint(t, best, error);
    if (status == ASSAY_OK)
        run->saved_step = t->counters.step;
    t->evaluation_seconds += process_now() - began;
    return status;
}

static bool is_due(int64_t every, int64_t step, bool ends_epoch, bool ends_run)
{
    return ends_run || (every ? step % every == 0 : ends_epoch);
}

static bool is_over(const assay_training *t)
{
    int64_t patience = t->recipe.early_stop.patience;
    return t->counters.step >= course_steps(t->course) ||
           (patience > 0 && t->counters.waited >= patience);
}

/* What is due after a step. Killed or stopped in the midst of it, a resumed run finds by the
 * counters what is still to be done. */
static assay_status after_step(struct run *run, double epoch, bool ends_epoch, assay_error *error)
{
    assay_training *t = run->training;
    const struct recipe *recipe = &t->recipe;
    const struct checkpoint_counters *at = &t->counters;
    bool ends_run = at->step >= course_steps(t->course), best = false;
    assay_status status = ASSAY_OK;
    if (t->valid.dataset && at->evaluated_step < at->step &&
        is_due(recipe->eval_every, at->step, ends_epoch, ends_run))
        status = evaluate_now(run, epoch, &best, error);
    if (status != ASSAY_OK)
        return status;
    if (best || run->stopped || is_over(t) ||
        is_due(recipe->checkpoint.every, at->step, ends_epoch, ends_run))
        status = save_now(run, best, error);
    run->stopped_early = is_over(t) && at->step < course_steps(t->course);
    return status;
}

/* The epoch, with its fraction, at the counters' position. */
static assay_status epoch_done(assay_training *t, double *epoch, bool *ends_epoch,
                               assay_error *error)
{
    struct course_position position = {t->counters.epoch,
                                       t->counters.batch - t->recipe.batch.accumulate};
    struct course_step step;
    *ends_epoch = t->counters.batch == 0;
    *epoch = (double)t->counters.epoch;
    if (*ends_epoch || position.batch < 0)
        return ASSAY_OK;
    assay_status status = course_step_at(t->course, &position, &step, error);
    if (status == ASSAY_OK)
        *epoch = step.epoch;
    return status;
}

static assay_status loop(struct run *run, assay_error *error)
{
    assay_training *t = run->training;
    assay_status status = ASSAY_OK;
    double epoch = 0.0;
    bool ends_epoch = false;
    /* A run that was stopped while it evaluated. */
    if (t->counters.step > 0) {
        status = epoch_done(t, &epoch, &ends_epoch, error);
        if (status == ASSAY_OK && t->valid.dataset && t->counters.evaluated_step < t->counters.step)
            status = after_step(run, epoch, ends_epoch, error);
    }
    while (status == ASSAY_OK && !run->stopped && !is_over(t)) {
        if (asked_to_stop(t)) {
            run->stopped = true;
            break;
        }
        status = take_step(run, &epoch, &ends_epoch, error);
        if (status == ASSAY_OK)
            status = after_step(run, epoch, ends_epoch, error);
    }
    if (status == ASSAY_OK && run->stopped && run->saved_step != t->counters.step)
        status = save_now(run, false, error);
    return status;
}

static assay_status refuse_too_large(assay_training *t, assay_error *error)
{
    assay_training_plan_info plan;
    assay_status status = assay_training_plan(t, false, &plan, error);
    if (status != ASSAY_OK || plan.fits)
        return status;
    error_set(error, ASSAY_ERROR_LIMIT, "the run does not fit into this machine's memory: %s",
              plan.advice);
    error_expected(error, "at most %" PRId64 " MB", plan.available_bytes >> 20);
    error_found(error, "%" PRId64 " MB", plan.memory_bytes >> 20);
    return ASSAY_ERROR_LIMIT;
}

static assay_status begin(struct run *run, assay_error *error)
{
    assay_training *t = run->training;
    assay_status status = refuse_too_large(t, error);
    if (status == ASSAY_OK)
        status = training_prepare(t, error);
    if (status == ASSAY_OK && t->options.resume)
        status = training_resume(t, error);
    if (status == ASSAY_OK)
        status = training_save_recipe(t, error);
    run->saved_step = t->counters.step ? t->counters.step : -1;
    struct training_log_options options = {.jsonl = t->recipe.log.jsonl,
                                           .tensorboard = t->recipe.log.tensorboard,
                                           .resumed_step = t->counters.step ? t->counters.step : -1,
                                           .evaluated_step = t->counters.evaluated_step};
    if (status == ASSAY_OK)
        status = training_log_open(&run->log, t->recipe.out, &options, error);
    return status;
}

static void fill_result(const struct run *run, assay_training_result *result)
{
    const assay_training *t = run->training;
    *result = (assay_training_result){
        .steps = t->counters.step,
        .best_step = t->counters.has_best ? t->counters.best_step : -1,
        .best_metric = t->counters.has_best ? t->counters.best_metric : NAN,
        .metric_name = recipe_metric_name(t->recipe.early_stop.metric),
        .seconds = t->seconds_here,
        .tokens_per_s = t->seconds_here > 0.0 ? (double)t->tokens_here / t->seconds_here : 0.0,
        .peak_bytes = process_peak_memory(),
        .stopped = run->stopped,
        .stopped_early = run->stopped_early,
    };
}

assay_status assay_training_run(assay_training *t, assay_training_result *result,
                                assay_error *error)
{
    if (!t || !result)
        return error_needs(error, __func__, "a training and result");
    struct run run = {.training = t, .saved_step = -1};
    int lock = -1;
    *result = (assay_training_result){.best_step = -1, .best_metric = NAN};
    assay_status status = training_take_folder(t, &lock, error);
    if (status == ASSAY_OK)
        status = begin(&run, error);
    if (status == ASSAY_OK)
        status = loop(&run, error);
    if (status == ASSAY_OK)
        fill_result(&run, result);
    if (status == ASSAY_OK && !run.stopped)
        status = training_save_model(t, &result->stopped, error);
    training_log_close(run.log);
    training_leave_folder(lock);
    return status;
}
