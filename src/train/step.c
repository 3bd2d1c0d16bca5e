#include "train/step.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"
#include "cpu/cpu.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Masks of evaluations do not change from one to the next. */
enum { EVALUATION_STEP = INT32_MAX };
enum { BLAMED_ROWS = 8 };

struct stepper {
    const assay_model *model;
    struct step_settings settings;
    struct kernels kernels;
    struct thread_pool *threads;
    struct graph *graph;
    struct chunk chunk;
};

assay_status stepper_open(struct stepper **out, const assay_model *model,
                          const struct step_settings *settings, assay_error *error)
{
    *out = NULL;
    struct stepper *stepper = memory_allocate_zeroed(1, sizeof *stepper);
    if (!stepper)
        return error_memory(error, sizeof *stepper);
    stepper->model = model;
    stepper->settings = *settings;
    cpu_kernels(&stepper->kernels, cpu_allowed());
    assay_status status = thread_pool_open(&stepper->threads, settings->threads, error);
    if (status == ASSAY_OK)
        status = graph_open(&stepper->graph, error);
    if (status != ASSAY_OK) {
        stepper_close(stepper);
        return status;
    }
    *out = stepper;
    return ASSAY_OK;
}

void stepper_close(struct stepper *stepper)
{
    if (!stepper)
        return;
    chunk_free(&stepper->chunk);
    graph_close(stepper->graph);
    thread_pool_close(stepper->threads);
    memory_free(stepper);
}

const struct kernels *stepper_kernels(const struct stepper *stepper)
{
    return &stepper->kernels;
}

struct thread_pool *stepper_threads(const struct stepper *stepper)
{
    return stepper->threads;
}

enum pass { PASS_TRAIN, PASS_SCORE };

/* What the graph of one chunk gives. */
struct outputs {
    struct value *loss;   /* (rows) or (tokens) */
    struct value *logits; /* (rows, labels) */
    struct value *ranks;  /* (tokens) */
};

static struct graph_options options_for(const struct stepper *s, enum pass pass, uint64_t step,
                                        bool accumulate)
{
    return (struct graph_options){.device = DEVICE_CPU,
                                  .precision = s->settings.precision,
                                  .tape = pass == PASS_TRAIN,
                                  .training = pass == PASS_TRAIN,
                                  .seed = s->settings.seed,
                                  .step = step,
                                  .accumulate = accumulate,
                                  .recompute = s->settings.recompute,
                                  .parameters = s->model->parameters,
                                  .kernels = &s->kernels,
                                  .threads = s->threads};
}

static void build_language(const struct stepper *s, struct graph *graph, struct outputs *out,
                           enum pass pass)
{
    const struct chunk *chunk = &s->chunk;
    const struct text_batch *batch = &chunk->builder.batch;
    struct value *hidden = model_forward(s->model, graph, batch, MODEL_HIDDEN, false);
    struct value *scores[SCORE_COUNT];
    struct vocabulary_options options = {
        .scoring = model_language_head(s->model, graph, batch, hidden),
        .targets = graph_input(graph, DTYPE_I32, 1, &chunk->tokens, chunk->targets),
        .scores = 1u << SCORE_CROSS_ENTROPY,
    };
    if (pass == PASS_SCORE)
        options.scores |= 1u << SCORE_RANK;
    if (!op_vocabulary(graph, "language loss", &options, scores))
        return;
    out->loss = scores[SCORE_CROSS_ENTROPY];
    out->ranks = scores[SCORE_RANK];
}

static void build_labels(const struct stepper *s, struct graph *graph, struct outputs *out)
{
    const struct chunk *chunk = &s->chunk;
    const struct step_settings *settings = &s->settings;
    int64_t labels = s->model->config.labels, shape[] = {chunk->rows, labels};
    out->logits = model_forward(s->model, graph, &chunk->builder.batch, MODEL_CLASSIFY, false);
    if (settings->task == RECIPE_REGRESS) {
        out->loss = op_squared_error(graph, out->logits,
                                     graph_input(graph, DTYPE_F32, 2, shape, chunk->numbers));
        return;
    }
    struct value *weights = settings->class_weights
                                ? graph_input(graph, DTYPE_F32, 1, &labels, settings->class_weights)
                                : NULL;
    out->loss = op_cross_entropy(graph, out->logits,
                                 graph_input(graph, DTYPE_I32, 1, &chunk->rows, chunk->targets),
                                 weights, (float)settings->label_smoothing);
}

static bool is_language(enum recipe_task task)
{
    return task == RECIPE_LM || task == RECIPE_MLM;
}

/* The chunk's graph, built but not planned. */
static struct outputs build(const struct stepper *s, struct graph *graph, enum pass pass)
{
    struct outputs out = {0};
    if (is_language(s->settings.task))
        build_language(s, graph, &out, pass);
    else
        build_labels(s, graph, &out);
    graph_keep_value(graph, out.loss);
    if (pass == PASS_TRAIN) {
        graph_seed(graph, out.loss, s->chunk.seeds);
    } else {
        graph_keep_value(graph, out.logits);
        graph_keep_value(graph, out.ranks);
    }
    return out;
}

static void set_seeds(struct chunk *chunk, enum recipe_task task, double divisor)
{
    bool language = is_language(task);
    int64_t items = language ? chunk->tokens : chunk->rows;
    float share = divisor > 0.0 ? (float)(1.0 / divisor) : 0.0f;
    for (int64_t i = 0; i < items; i++)
        chunk->seeds[i] = language && chunk->targets[i] < 0 ? 0.0f : share;
}

static struct chunk_rule rule_for(const struct stepper *s, uint64_t step)
{
    return (struct chunk_rule){s->settings.task, &s->settings.mask, step};
}

/* The sum of the chunk's losses in order; `bad` is the first item that is not finite, or -1. */
static double sum_losses(const struct value *loss, const struct chunk *chunk, bool language,
                         int64_t *bad)
{
    const float *values = loss->tensor.data;
    int64_t items = tensor_count(&loss->tensor);
    double sum = 0.0;
    *bad = -1;
    for (int64_t i = 0; i < items; i++) {
        if (language && chunk->targets[i] < 0)
            continue;
        sum += (double)values[i];
        if (*bad < 0 && !isfinite(values[i]))
            *bad = i;
    }
    return sum;
}

/* Runs the chunk again in a graph of its own that keeps everything, and looks where a value that is
 * not finite stands first. Everything drawn is keyed, so it is the same run. */
static assay_status blame(struct stepper *s, uint64_t step, bool gradients, const char *what,
                          assay_error *error)
{
    struct graph *graph = NULL;
    assay_status status = graph_open(&graph, error);
    if (status == ASSAY_OK)
        status = graph_keep(graph, "*", gradients, error);
    if (status != ASSAY_OK)
        goto done;
    struct graph_options options = options_for(s, PASS_TRAIN, step, false);
    graph_reset(graph, &options);
    build(s, graph, PASS_TRAIN);
    status = graph_plan(graph, NULL, error);
    if (status == ASSAY_OK)
        status = graph_forward(graph, error);
    if (status == ASSAY_OK && gradients)
        status = graph_backward(graph, error);
    if (status != ASSAY_OK)
        goto done;
    const char *place = graph_first_not_finite(graph, gradients);
    error_set(error, ASSAY_ERROR_NUMERIC, "%s of step %" PRIu64 " is not a finite number", what,
              step + 1);
    error_at_place(error, "%s", place ? place : gradients ? "the weights' gradients" : "the loss");
    status = ASSAY_ERROR_NUMERIC;
done:
    graph_close(graph);
    return status;
}

/* Says which rows of the data an error is about, with their lines. */
static void name_rows(const struct stepper *s, const struct row_feed *feed, const int64_t *rows,
                      int64_t count, assay_error *error)
{
    char text[ASSAY_ERROR_DETAIL_SIZE] = "";
    size_t used = 0;
    (void)s;
    for (int64_t i = 0; i < count && i < BLAMED_ROWS && used + 24 < sizeof text; i++) {
        int length = snprintf(text + used, sizeof text - used, "%s%" PRId64, i ? ", " : "rows ",
                              row_feed_source(feed, rows[i]) + 1);
        used += length > 0 ? (size_t)length : 0;
    }
    if (count > BLAMED_ROWS && used + 24 < sizeof text)
        snprintf(text + used, sizeof text - used, " and %" PRId64 " more", count - BLAMED_ROWS);
    error_at_file(error, feed->data.path);
    error_at_row(error, row_feed_source(feed, rows[0]) + 1, 0);
    error_found(error, "%s", text);
}

/* The row of a chunk's item: a token's row for language modelling. */
static int64_t row_of_item(const struct chunk *chunk, bool language, int64_t item)
{
    if (!language)
        return item;
    int64_t row = 0;
    while (chunk->offsets[row + 1] <= item)
        row++;
    return row;
}

static assay_status blame_loss(struct stepper *s, const struct row_feed *feed, const int64_t *rows,
                               int64_t item, uint64_t step, assay_error *error)
{
    assay_status status = model_blame_weights(s->model, "the loss", error);
    if (error && *error->place)
        return status;
    int64_t row = row_of_item(&s->chunk, is_language(s->settings.task), item);
    status = blame(s, step, false, "the loss", error);
    name_rows(s, feed, rows + row, 1, error);
    return status;
}

static assay_status run_chunk(struct stepper *s, const struct row_feed *feed, const int64_t *rows,
                              int64_t count, uint64_t step, double divisor, bool accumulate,
                              bool alone, double *loss, assay_error *error)
{
    struct chunk_rule rule = rule_for(s, step);
    assay_status status = chunk_build(&s->chunk, s->model, feed, &rule, rows, count, error);
    if (status != ASSAY_OK)
        return status;
    set_seeds(&s->chunk, s->settings.task, divisor);
    struct graph_options options = options_for(s, PASS_TRAIN, step, accumulate);
    options.weights_change = alone;
    graph_reset(s->graph, &options);
    struct outputs out = build(s, s->graph, PASS_TRAIN);
    status = graph_plan(s->graph, NULL, error);
    if (status == ASSAY_OK)
        status = graph_forward(s->graph, error);
    if (status != ASSAY_OK)
        return status;
    int64_t bad;
    *loss += sum_losses(out.loss, &s->chunk, is_language(s->settings.task), &bad);
    if (bad >= 0)
        return blame_loss(s, feed, rows, bad, step, error);
    return graph_backward(s->graph, error);
}

static void clear_gradients(const assay_model *model)
{
    int64_t count;
    float *gradients = parameter_set_gradients(model->parameters, &count);
    memset(gradients, 0, (size_t)count * sizeof *gradients);
}

assay_status step_gradients(struct stepper *s, struct step_outcome *outcome,
                            const struct row_feed *feed, const int64_t *rows, int64_t count,
                            uint64_t step, assay_error *error)
{
    struct chunk_rule rule = rule_for(s, step);
    double divisor = chunk_divisor(feed, &rule, s->settings.class_weights, rows, count);
    double loss = 0.0;
    *outcome = (struct step_outcome){0};
    /* Nothing to learn from: no token was chosen, or all classes weigh 0. */
    if (divisor <= 0.0)
        clear_gradients(s->model);
    assay_status status = ASSAY_OK;
    for (int64_t first = 0; status == ASSAY_OK && first < count && divisor > 0.0;) {
        int64_t taken = chunk_extent(feed, rows, first, count, STEP_CHUNK_TOKENS);
        status = run_chunk(s, feed, rows + first, taken, step, divisor, first > 0, taken == count,
                           &loss, error);
        first += taken;
    }
    for (int64_t i = 0; i < count; i++)
        outcome->tokens += feed->lengths[rows[i]];
    outcome->loss = divisor > 0.0 ? loss / divisor : 0.0;
    return status;
}

assay_status step_blame_gradients(struct stepper *s, const struct row_feed *feed,
                                  const int64_t *rows, int64_t count, uint64_t step,
                                  assay_error *error)
{
    struct chunk_rule rule = rule_for(s, step);
    double divisor = chunk_divisor(feed, &rule, s->settings.class_weights, rows, count);
    int64_t run;
    const float *gradients = parameter_set_gradients(s->model->parameters, &run);
    assay_status status = ASSAY_OK;
    for (int64_t first = 0; status == ASSAY_OK && first < count;) {
        int64_t taken = chunk_extent(feed, rows, first, count, STEP_CHUNK_TOKENS);
        double loss = 0.0;
        status = run_chunk(s, feed, rows + first, taken, step, divisor, false, taken == count,
                           &loss, error);
        bool finite = true;
        for (int64_t i = 0; finite && i < run; i++)
            finite = isfinite(gradients[i]);
        if (status == ASSAY_OK && !finite) {
            status = blame(s, step, true, "the gradient", error);
            name_rows(s, feed, rows + first, taken, error);
        }
        first += taken;
    }
    if (status == ASSAY_OK) {
        status = error_set(error, ASSAY_ERROR_NUMERIC,
                           "the gradient's norm at step %" PRIu64 " overflowed", step + 1);
        name_rows(s, feed, rows, count, error);
    }
    return status;
}

static void add_language(const struct chunk *chunk, const struct outputs *out,
                         struct language_sums *sums)
{
    const float *ranks = out->ranks->tensor.data, *losses = out->loss->tensor.data;
    for (int64_t i = 0; i < chunk->tokens; i++) {
        if (chunk->targets[i] < 0)
            continue;
        sums->tokens++;
        sums->loss += (double)losses[i];
        sums->correct += ranks[i] == 1.0f;
    }
}

assay_status step_score(struct stepper *s, float *logits, struct language_sums *sums,
                        const struct row_feed *feed, const int64_t *rows, int64_t count,
                        assay_error *error)
{
    struct chunk_rule rule = rule_for(s, EVALUATION_STEP);
    assay_status status = chunk_build(&s->chunk, s->model, feed, &rule, rows, count, error);
    if (status != ASSAY_OK)
        return status;
    struct graph_options options = options_for(s, PASS_SCORE, 0, false);
    graph_reset(s->graph, &options);
    struct outputs out = build(s, s->graph, PASS_SCORE);
    status = graph_plan(s->graph, NULL, error);
    if (status == ASSAY_OK)
        status = graph_forward(s->graph, error);
    if (status != ASSAY_OK)
        return status;
    if (is_language(s->settings.task))
        add_language(&s->chunk, &out, sums);
    else
        memcpy(logits, out.logits->tensor.data,
               (size_t)tensor_count(&out.logits->tensor) * sizeof *logits);
    return ASSAY_OK;
}

assay_status step_cost(struct stepper *s, struct graph_cost *cost, const struct row_feed *feed,
                       const int64_t *rows, int64_t count, bool training, bool alone,
                       assay_error *error)
{
    enum pass pass = training ? PASS_TRAIN : PASS_SCORE;
    struct chunk_rule rule = rule_for(s, 0);
    assay_status status = chunk_build(&s->chunk, s->model, feed, &rule, rows, count, error);
    if (status != ASSAY_OK)
        return status;
    struct graph_options options = options_for(s, pass, 0, false);
    options.device = DEVICE_SHAPES;
    options.weights_change = alone;
    graph_reset(s->graph, &options);
    build(s, s->graph, pass);
    return graph_plan(s->graph, cost, error);
}
