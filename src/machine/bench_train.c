#include "machine/bench_train.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/threads.h"
#include "machine/bench_floor.h"
#include "machine/bench_profile.h"
#include "machine/measure.h"
#include "models/trainable.h"
#include "train/optimizer.h"
#include "train/step.h"

#include <math.h>

#define RATE 1e-5 /* of learning: drawn weights must stay finite, nothing else */

/* What AdamW cannot but move for a weight: gradient, weight and two moments are read, the last
 * three are written. */
#define BYTES_A_WEIGHT 28.0

struct training_work {
    const struct bench_request *request;
    assay_model *model;
    struct stepper *stepper;
    struct optimizer *optimizer;
    struct bench_rows rows;
    struct row_feed feed;
    int64_t *offsets, *order;
    int32_t *lengths;
    int64_t step;
    double tokens; /* of the last step */
    bool profiled;
    struct profile profile;
    double seconds; /* of all steps */
};

static const int32_t label_of[] = {0, 1};

static bool is_language(const struct training_work *work)
{
    return work->request->subject->task == BENCH_TRAIN_LANGUAGE;
}

static assay_status open_model(struct training_work *work, assay_error *error)
{
    static const char *const names[] = {"human", "machine"};
    const struct model_purpose purpose = {
        .task = is_language(work) ? MODEL_TASK_CAUSAL_LM : MODEL_TASK_CLASSIFY,
        .labels = is_language(work) ? 0 : 2,
        .label_names = is_language(work) ? NULL : names,
    };
    struct drawn_shape shape = bench_shape(work->request, &work->rows);
    char *folder = NULL;
    assay_status status = drawn_model_make(&folder, &shape, error);
    if (status == ASSAY_OK)
        status = model_open_trainable(&work->model, folder, &purpose, error);
    if (status == ASSAY_OK)
        status = parameter_set_train(work->model->parameters, NULL, NULL, error);
    if (status == ASSAY_OK)
        model_release_read_weights(work->model);
    drawn_model_remove(folder);
    return status;
}

/* The rows as training takes them. */
static assay_status make_feed(struct training_work *work, assay_error *error)
{
    const struct corpus *corpus = &work->rows.corpus;
    int64_t rows = work->rows.rows;
    work->offsets = memory_allocate((size_t)rows + 1, sizeof *work->offsets);
    work->order = memory_allocate((size_t)rows, sizeof *work->order);
    work->lengths = memory_allocate((size_t)rows, sizeof *work->lengths);
    if (!work->offsets || !work->order || !work->lengths)
        return error_memory(error, (size_t)rows * sizeof *work->offsets);
    for (int64_t i = 0; i <= rows; i++)
        work->offsets[i] = corpus->offsets[i];
    for (int64_t i = 0; i < rows; i++) {
        work->order[i] = i;
        work->lengths[i] = corpus->offsets[i + 1] - corpus->offsets[i];
    }
    work->feed = (struct row_feed){.data = {.rows = rows,
                                            .tokens = work->offsets[rows],
                                            .ids = corpus->ids,
                                            .offsets = work->offsets,
                                            .lengths = work->lengths,
                                            .classes = work->rows.classes,
                                            .class_count = 2,
                                            .path = "rows of the benchmark"},
                                   .lengths = work->lengths,
                                   .label_of = label_of,
                                   .rows = rows};
    return ASSAY_OK;
}

static const int64_t *batch_at(const struct training_work *work, int64_t step)
{
    return work->order + bench_rows_at(&work->rows, work->request, step);
}

static assay_status learn(struct training_work *work, assay_error *error)
{
    struct step_outcome outcome;
    assay_status status =
        step_gradients(work->stepper, &outcome, &work->feed, batch_at(work, work->step),
                       work->rows.batch, (uint64_t)work->step, error);
    if (status != ASSAY_OK)
        return status;
    struct kernel_context kernel_context = {.threads = stepper_threads(work->stepper)};
    const struct kernels *kernels = stepper_kernels(work->stepper);
    struct profile *profile = work->profiled ? &work->profile : NULL;
    double began = profile_begin(profile);
    double norm = optimizer_norm(work->optimizer, kernels, &kernel_context);
    profile_end(profile, BENCH_PROFILE_NORM, began);
    if (!isfinite(norm))
        return error_set(error, ASSAY_ERROR_NUMERIC, "a gradient is not a finite number");
    began = profile_begin(profile);
    optimizer_step(work->optimizer, kernels, &kernel_context, RATE, optimizer_clip(norm, 1.0));
    profile_end(profile, BENCH_PROFILE_ADAMW, began);
    work->tokens = (double)outcome.tokens;
    work->step++;
    return ASSAY_OK;
}

static assay_status take_step(void *context, assay_error *error)
{
    struct training_work *work = context;
    double began = process_now();
    assay_status status = learn(work, error);
    work->seconds += process_now() - began;
    return status;
}

/* Operations and bytes of a token, over the first batch. */
static assay_status token_costs(assay_bench_result *result, struct training_work *work,
                                assay_error *error)
{
    const int64_t *rows = batch_at(work, 0);
    int64_t count = work->rows.batch, weights;
    double sum = 0.0, tokens = 0.0;
    assay_status status = ASSAY_OK;
    for (int64_t first = 0; status == ASSAY_OK && first < count;) {
        int64_t taken = chunk_extent(&work->feed, rows, first, count, STEP_CHUNK_TOKENS);
        struct graph_cost cost = {0};
        status = step_cost(work->stepper, &cost, &work->feed, rows + first, taken, true,
                           taken == count, error);
        sum += cost.forward_operations + cost.backward_operations;
        for (int64_t i = first; i < first + taken; i++)
            tokens += work->lengths[rows[i]];
        first += taken;
    }
    parameter_set_gradients(work->model->parameters, &weights);
    result->operations = sum / tokens;
    result->bytes = BYTES_A_WEIGHT * (double)weights / tokens;
    return status;
}

static assay_status measure_training(assay_bench_result *result, struct training_work *work,
                                     assay_error *error)
{
    const struct kernels *kernels = stepper_kernels(work->stepper);
    const assay_bench_options *options = work->request->options;
    result->precision = model_precision_used(kernels, options->precision);
    bool bfloat = result->precision != ASSAY_PRECISION_HIGHEST;
    measure_name(result->kernels, bfloat ? kernels->bfloat_name : kernels->name);
    result->threads = thread_pool_size(stepper_threads(work->stepper));
    assay_status status = ASSAY_OK;
    /* The first step makes memory that stays: it is not what a step is like. */
    if (options->profile)
        status = take_step(work, error);
    profile_clear(&work->profile);
    int64_t before = work->step;
    work->seconds = 0.0;
    const struct measured measured = {.step = take_step,
                                      .context = work,
                                      .amount = &work->tokens,
                                      .seconds = options->seconds,
                                      .cycle = work->request->batches};
    if (status == ASSAY_OK)
        status = measure_steps(result, &measured, error);
    if (status == ASSAY_OK && options->profile)
        bench_profile_fill(&result->profile, &work->profile, work->seconds, work->step - before);
    return status;
}

static void close_work(struct training_work *work)
{
    optimizer_close(work->optimizer);
    stepper_close(work->stepper);
    assay_model_close(work->model);
    bench_rows_free(&work->rows);
    memory_free(work->offsets);
    memory_free(work->order);
    memory_free(work->lengths);
    memory_free(work);
}

assay_status bench_train(assay_bench_result *result, const struct bench_request *request,
                         assay_error *error)
{
    struct training_work *work = memory_allocate_zeroed(1, sizeof *work);
    if (!work)
        return error_memory(error, sizeof *work);
    work->request = request;
    work->profiled = request->options->profile;
    struct step_settings settings = {.task = is_language(work) ? RECIPE_LM : RECIPE_CLASSIFY,
                                     .precision = model_precision(request->options->precision),
                                     .threads = request->options->threads,
                                     .profile = work->profiled ? &work->profile : NULL};
    assay_status status = bench_rows_open(&work->rows, request, error);
    if (status == ASSAY_OK)
        status = open_model(work, error);
    if (status == ASSAY_OK)
        status = make_feed(work, error);
    if (status == ASSAY_OK)
        status = stepper_open(&work->stepper, work->model, &settings, error);
    if (status == ASSAY_OK)
        status =
            optimizer_open(&work->optimizer, work->model->parameters, &optimizer_defaults, error);
    if (status == ASSAY_OK)
        status = token_costs(result, work, error);
    if (status == ASSAY_OK) {
        bench_describe(result, request, &work->rows);
        status = measure_training(result, work, error);
    }
    if (status == ASSAY_OK)
        status = bench_floor(result, request->options, error);
    close_work(work);
    return status;
}
