/* What a run will need. Memory: what this process has now, the runs of weights, gradients and
 * optimizer state, and the dearest chunk's activations on the shapes-only device. Time: the run's
 * own steps, taken evenly from the first epoch, measured with nothing changed by them. */
#include "base/error.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/threads.h"
#include "cpu/cpu.h"
#include "train/training.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { CALIBRATION_STEPS = 48, CANDIDATES = 3 };
/* Bytes a second of saving, which hashes and syncs what it writes; and of memory taken for the
 * first time, which the system clears. */
enum { SAVED_PER_SECOND = 250000000, CLEARED_PER_SECOND = 2000000000 };
static const double calibration_seconds = 6.0, scoring_seconds = 1.5;

/* The chunks of the first epoch that may be the dearest: most tokens, most pairs that attend to
 * each other, longest row. */
struct dearest {
    double measure[CANDIDATES];
    int64_t step[CANDIDATES], first[CANDIDATES], count[CANDIDATES];
};

static void consider(struct dearest *dearest, const struct row_feed *feed, const int64_t *rows,
                     int64_t step, int64_t first, int64_t count)
{
    double measure[CANDIDATES] = {0};
    for (int64_t i = 0; i < count; i++) {
        double length = feed->lengths[rows[first + i]];
        measure[0] += length;
        measure[1] += length * length;
        measure[2] = length > measure[2] ? length : measure[2];
    }
    for (int c = 0; c < CANDIDATES; c++) {
        if (measure[c] <= dearest->measure[c])
            continue;
        dearest->measure[c] = measure[c];
        dearest->step[c] = step;
        dearest->first[c] = first;
        dearest->count[c] = count;
    }
}

static int64_t epoch_steps(const assay_training *t)
{
    double steps = (double)course_steps(t->course) / course_epochs(t->course);
    return (int64_t)fmax(1.0, fmin(floor(steps), (double)course_steps(t->course)));
}

/* The step of that number in the first epoch: `accumulate` batches each. */
static assay_status step_number(assay_training *t, int64_t number, struct course_step *step,
                                assay_error *error)
{
    struct course_position position = {0, number * t->recipe.batch.accumulate};
    return course_step_at(t->course, &position, step, error);
}

static assay_status find_dearest(assay_training *t, struct dearest *dearest, assay_error *error)
{
    *dearest = (struct dearest){0};
    for (int64_t s = 0; s < epoch_steps(t); s++) {
        struct course_step step;
        assay_status status = step_number(t, s, &step, error);
        if (status != ASSAY_OK)
            return status;
        for (int64_t first = 0; first < step.count;) {
            int64_t count =
                chunk_extent(&t->train.feed, step.rows, first, step.count, STEP_CHUNK_TOKENS);
            consider(dearest, &t->train.feed, step.rows, s, first, count);
            first += count;
        }
    }
    return ASSAY_OK;
}

static assay_status activation_cost(assay_training *t, struct graph_cost *most, assay_error *error)
{
    struct dearest dearest;
    *most = (struct graph_cost){0};
    assay_status status = find_dearest(t, &dearest, error);
    for (int c = 0; c < CANDIDATES && status == ASSAY_OK; c++) {
        struct course_step step = {0};
        struct graph_cost cost = {0}, scoring = {0};
        status = step_number(t, dearest.step[c], &step, error);
        const int64_t *rows = step.rows + dearest.first[c], count = dearest.count[c];
        if (status == ASSAY_OK)
            status = step_cost(t->stepper, &cost, &t->train.feed, rows, count, true,
                               count == step.count, error);
        /* Evaluations keep the copies that a step of one chunk does without. */
        if (status == ASSAY_OK && t->valid.feed.data.rows > 0)
            status =
                step_cost(t->stepper, &scoring, &t->train.feed, rows, count, false, false, error);
        if (status != ASSAY_OK)
            return status;
        if (t->valid.feed.data.rows > 0 && cost.packed_bytes < scoring.packed_bytes)
            cost.packed_bytes = scoring.packed_bytes;
        if (c == 0 || cost.packed_bytes > most->packed_bytes)
            most->packed_bytes = cost.packed_bytes;
        if (cost.activation_bytes > most->activation_bytes)
            most->activation_bytes = cost.activation_bytes;
        if (cost.scratch_bytes > most->scratch_bytes)
            most->scratch_bytes = cost.scratch_bytes;
    }
    return status;
}

/* Freezing saves a weight's gradient and its two moments. */
static void advise(const assay_training *t, assay_training_plan_info *info, int64_t each)
{
    int64_t missing = info->memory_bytes - info->available_bytes;
    int64_t to_freeze = missing / each + 1;
    if (to_freeze < info->trained)
        snprintf(info->advice, sizeof info->advice,
                 "freezing %.0f of the %.0f million trained weights would fit (freeze: "
                 "[embeddings, ...], or method: head)",
                 ceil((double)to_freeze / 1e6), ceil((double)info->trained / 1e6));
    else if (info->longest_row > STEP_CHUNK_TOKENS)
        snprintf(info->advice, sizeof info->advice,
                 "rows of %d tokens are computed at once: max_tokens: %d takes less",
                 info->longest_row, STEP_CHUNK_TOKENS);
    else
        snprintf(info->advice, sizeof info->advice,
                 "a smaller base is needed: %s does not fit even when it is frozen",
                 t->recipe.base);
}

static assay_status plan_memory(assay_training *t, assay_training_plan_info *info,
                                assay_error *error)
{
    struct graph_cost cost;
    assay_status status = activation_cost(t, &cost, error);
    if (status != ASSAY_OK)
        return status;
    const int64_t each = (int64_t)sizeof(float);
    int64_t moments = t->recipe.ema > 0.0 ? 3 : 2, now = process_memory();
    info->weight_bytes = t->parameters * each + cost.packed_bytes;
    info->gradient_bytes = t->trained * each;
    info->optimizer_bytes = t->trained * each * moments;
    info->activation_bytes = (int64_t)(cost.activation_bytes + cost.scratch_bytes);
    /* Prepared already: what was taken then is in what the process has now. */
    if (t->optimizer) {
        int64_t taken = info->weight_bytes + info->gradient_bytes + info->optimizer_bytes;
        now = now > taken ? now - taken : 0;
    }
    info->other_bytes = now;
    info->memory_bytes = info->weight_bytes + info->gradient_bytes + info->optimizer_bytes +
                         info->activation_bytes + info->other_bytes;
    info->available_bytes = machine_available_memory() + process_memory();
    info->fits = machine_available_memory() == 0 || info->memory_bytes <= info->available_bytes;
    if (!info->fits)
        advise(t, info, each * (1 + moments));
    return ASSAY_OK;
}

static assay_status measure_steps(assay_training *t, double *rate, assay_error *error)
{
    struct kernel_context context = {.threads = stepper_threads(t->stepper)};
    const struct kernels *kernels = stepper_kernels(t->stepper);
    int64_t steps = epoch_steps(t);
    int64_t samples = steps < CALIBRATION_STEPS ? steps : CALIBRATION_STEPS;
    double seconds = 0.0, tokens = 0.0, began = process_now();
    assay_status status = ASSAY_OK;
    /* The first is not counted: it takes memory that the others find. A stride that shares no
     * factor with the number of samples visits short and long batches alike, however early it ends.
     */
    for (int64_t i = 0; i <= samples && status == ASSAY_OK; i++) {
        struct course_step step;
        struct step_outcome outcome;
        int64_t number = i ? (i - 1) * 7 % samples * steps / samples : 0;
        status = step_number(t, number, &step, error);
        double start = process_now();
        if (status == ASSAY_OK)
            status = step_gradients(t->stepper, &outcome, &t->train.feed, step.rows, step.count,
                                    (uint64_t)number, error);
        if (status != ASSAY_OK)
            break;
        /* A rate of 0 and gradients times 0 change neither weights nor moments. */
        (void)optimizer_norm(t->optimizer, kernels, &context);
        optimizer_step(t->optimizer, kernels, &context, 0.0, 0.0);
        if (i) {
            seconds += process_now() - start;
            tokens += (double)outcome.tokens;
        }
        if (i && process_now() - began > calibration_seconds)
            break;
    }
    *rate = seconds > 0.0 ? tokens / seconds : 0.0;
    return status == ASSAY_OK ? optimizer_set_steps(t->optimizer, 0, error) : status;
}

static assay_status measure_scoring(assay_training *t, double *rate, assay_error *error)
{
    const struct row_feed *feed = &t->valid.feed;
    double seconds = 0.0, tokens = 0.0;
    int64_t labels = t->model->config.labels > 0 ? t->model->config.labels : 1;
    assay_status status = ASSAY_OK;
    /* Rows from all over the set, one chunk's worth at a time. */
    enum { SAMPLE = 64 };
    float *logits = memory_allocate((size_t)labels * SAMPLE, sizeof *logits);
    if (!logits)
        return error_memory(error, (size_t)labels * SAMPLE * sizeof *logits);
    for (int64_t round = 0; status == ASSAY_OK && seconds < scoring_seconds && round < 16;
         round++) {
        int64_t rows[SAMPLE], count = 0, sum = 0;
        for (int64_t i = 0; i < SAMPLE && i < feed->rows; i++) {
            int64_t row = (round * 31 + i * (feed->rows / SAMPLE + 1)) % feed->rows;
            if (count && sum + feed->lengths[row] > STEP_CHUNK_TOKENS)
                break;
            sum += feed->lengths[row];
            rows[count++] = row;
        }
        struct language_sums sums = {0};
        double start = process_now();
        status = step_score(t->stepper, logits, &sums, feed, rows, count, error);
        if (round) {
            seconds += process_now() - start;
            tokens += (double)sum;
        }
    }
    memory_free(logits);
    *rate = seconds > 0.0 ? tokens / seconds : 0.0;
    return status;
}

static int64_t times_due(int64_t every, int64_t steps, double epochs)
{
    return every ? steps / every + (steps % every != 0) : (int64_t)ceil(epochs);
}

static double feed_tokens(const struct row_feed *feed)
{
    double sum = 0.0;
    for (int64_t i = 0; i < feed->rows; i++)
        sum += feed->lengths[i];
    return sum;
}

static assay_status plan_time(assay_training *t, assay_training_plan_info *info, assay_error *error)
{
    double began = process_now(), scoring = 0.0;
    assay_status status = training_prepare(t, error);
    if (status == ASSAY_OK)
        status = measure_steps(t, &info->tokens_per_s, error);
    if (status == ASSAY_OK && t->valid.dataset)
        status = measure_scoring(t, &scoring, error);
    if (status != ASSAY_OK)
        return status;
    double run_tokens = feed_tokens(&t->train.feed) * info->epochs;
    info->seconds = info->tokens_per_s > 0.0 ? run_tokens / info->tokens_per_s : 0.0;
    int64_t saves = times_due(t->recipe.checkpoint.every, info->steps, info->epochs);
    if (scoring > 0.0) {
        int64_t evaluations = times_due(t->recipe.eval_every, info->steps, info->epochs);
        info->seconds += ((double)evaluations * feed_tokens(&t->valid.feed) +
                          feed_tokens(&t->calibration.rows.feed)) /
                         scoring;
        saves = saves > evaluations ? saves : evaluations;
    }
    double state = (double)(info->gradient_bytes + info->optimizer_bytes);
    double folder = (double)t->parameters * sizeof(float);
    info->seconds += ((double)saves * state + folder) / SAVED_PER_SECOND;
    info->seconds += (double)info->memory_bytes / CLEARED_PER_SECOND;
    info->seconds_calibrating = process_now() - began;
    return ASSAY_OK;
}

static const char *method_name(enum recipe_method method)
{
    return method == RECIPE_HEAD ? "head" : "full";
}

assay_status assay_training_plan(assay_training *t, bool calibrate, assay_training_plan_info *info,
                                 assay_error *error)
{
    if (!t || !info)
        return error_needs(error, __func__, "a training and info");
    const struct kernels *kernels = stepper_kernels(t->stepper);
    assay_precision used = model_precision_used(kernels, t->recipe.precision);
    const struct dataset_view *train = &t->train.feed.data;
    *info = (assay_training_plan_info){
        .base = t->base_folder,
        .out = t->recipe.out ? t->recipe.out : "",
        .family = t->model->config.model_type,
        .task = recipe_task_name(t->recipe.task),
        .method = method_name(t->recipe.method),
        .precision = assay_precision_name(used),
        .kernels = used == ASSAY_PRECISION_HIGHEST ? kernels->name : kernels->bfloat_name,
        .threads = thread_pool_size(stepper_threads(t->stepper)),
        .parameters = t->parameters,
        .trained = t->trained,
        .train_rows = t->train.feed.rows,
        .valid_rows = t->valid.feed.rows,
        .calibration_rows = t->calibration.rows.feed.rows,
        .train_tokens = train->tokens,
        .truncated_rows = train->truncated,
        .max_tokens = t->max_tokens,
        .longest_row = train->longest,
        .steps = course_steps(t->course),
        .epochs = course_epochs(t->course),
        .labels = t->labels.count,
    };
    assay_status status = plan_memory(t, info, error);
    if (status == ASSAY_OK && calibrate && info->fits)
        status = plan_time(t, info, error);
    return status;
}
