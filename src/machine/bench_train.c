#include "machine/bench_train.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "cpu/cpu.h"
#include "machine/corpus.h"
#include "machine/drawn_model.h"
#include "machine/measure.h"
#include "models/trainable.h"
#include "train/optimizer.h"
#include "train/step.h"

#include <math.h>

enum { BATCHES = 12 };
#define PROBE_SECONDS 0.3
#define RATE          1e-5 /* of learning: drawn weights must stay finite, nothing else */

/* What is trained: the batches of the reference's scripts. */
struct subject {
    struct drawn_shape shape;
    enum recipe_task task;
    int64_t rows;       /* a batch */
    int32_t max_tokens; /* a row */
    bool full;          /* every row has max_tokens drawn ids */
};

static const struct subject minilm = {
    .shape = {DRAWN_BERT, false, 6, 384, 12, 1536, 30522}, .rows = 32, .max_tokens = 256};
static const struct subject distilbert = {
    .shape = {DRAWN_DISTILBERT, true, 6, 768, 12, 3072, 30522}, .rows = 16, .max_tokens = 512};
static const struct subject gpt2 = {.shape = {DRAWN_GPT2, false, 12, 768, 12, 3072, 50257},
                                    .task = RECIPE_LM,
                                    .rows = 4,
                                    .max_tokens = 256,
                                    .full = true};

struct training_work {
    const struct subject *subject;
    assay_model *model;
    struct stepper *stepper;
    struct optimizer *optimizer;
    struct corpus corpus;
    struct row_feed feed;
    int64_t *offsets, *order;
    int32_t *lengths, *classes;
    int64_t step;
    double tokens; /* of the last step */
};

static const int32_t label_of[] = {0, 1};

static assay_status open_model(struct training_work *work, assay_error *error)
{
    static const char *const names[] = {"human", "machine"};
    bool language = work->subject->task == RECIPE_LM;
    const struct model_purpose purpose = {
        .task = language ? MODEL_TASK_CAUSAL_LM : MODEL_TASK_CLASSIFY,
        .labels = language ? 0 : 2,
        .label_names = language ? NULL : names,
    };
    char *folder = NULL;
    assay_status status = drawn_model_make(&folder, &work->subject->shape, error);
    if (status == ASSAY_OK)
        status = model_open_trainable(&work->model, folder, &purpose, error);
    if (status == ASSAY_OK)
        status = parameter_set_train(work->model->parameters, NULL, NULL, error);
    if (status == ASSAY_OK)
        model_release_read_weights(work->model);
    drawn_model_remove(folder);
    return status;
}

static assay_status read_rows(struct training_work *work, const assay_bench_options *options,
                              int32_t max_tokens, assay_error *error)
{
    const struct subject *subject = work->subject;
    int32_t vocabulary = (int32_t)subject->shape.vocabulary;
    if (subject->full || !options->data || !options->model)
        return corpus_draw_ids(&work->corpus, max_tokens, vocabulary, error);
    assay_tokenizer *tokenizer = NULL;
    assay_status status = assay_tokenizer_open(&tokenizer, options->model, error);
    if (status == ASSAY_OK)
        status = corpus_open(&work->corpus, options->data, error);
    if (status == ASSAY_OK)
        status =
            corpus_tokenize(&work->corpus, tokenizer, BATCHES * subject->rows, max_tokens, error);
    assay_tokenizer_close(tokenizer);
    for (int32_t i = 0; status == ASSAY_OK && i < work->corpus.offsets[work->corpus.count]; i++) {
        if (work->corpus.ids[i] < 0 || work->corpus.ids[i] >= vocabulary)
            status = error_set(error, ASSAY_ERROR_ARGUMENT,
                               "the tokenizer has more words than the shape that is trained");
    }
    return status;
}

/* The corpus as rows with labels. Full rows take consecutive ids of it, whatever its rows were. */
static assay_status make_feed(struct training_work *work, int32_t max_tokens, assay_error *error)
{
    const struct corpus *corpus = &work->corpus;
    int64_t rows = corpus->count;
    int64_t full_rows = corpus->offsets[rows] / max_tokens;
    if (work->subject->full)
        rows =
            full_rows < BATCHES * work->subject->rows ? full_rows : BATCHES * work->subject->rows;
    if (rows < work->subject->rows)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "the data has fewer rows than one batch");
    work->offsets = memory_allocate((size_t)rows + 1, sizeof *work->offsets);
    work->order = memory_allocate((size_t)rows, sizeof *work->order);
    work->lengths = memory_allocate((size_t)rows, sizeof *work->lengths);
    work->classes = memory_allocate((size_t)rows, sizeof *work->classes);
    if (!work->offsets || !work->order || !work->lengths || !work->classes)
        return error_memory(error, (size_t)rows * sizeof *work->offsets);
    for (int64_t i = 0; i <= rows; i++)
        work->offsets[i] = work->subject->full ? i * max_tokens : corpus->offsets[i];
    for (int64_t i = 0; i < rows; i++) {
        work->order[i] = i;
        work->lengths[i] = (int32_t)(work->offsets[i + 1] - work->offsets[i]);
        work->classes[i] = (int32_t)(random_mix(3, (uint64_t)i) & 1);
    }
    work->feed = (struct row_feed){.data = {.rows = rows,
                                            .tokens = work->offsets[rows],
                                            .ids = corpus->ids,
                                            .offsets = work->offsets,
                                            .lengths = work->lengths,
                                            .classes = work->classes,
                                            .class_count = 2,
                                            .path = "rows of the benchmark"},
                                   .lengths = work->lengths,
                                   .label_of = label_of,
                                   .rows = rows};
    return ASSAY_OK;
}

static const int64_t *batch_at(const struct training_work *work, int64_t step)
{
    int64_t batches = work->feed.rows / work->subject->rows;
    return work->order + step % batches * work->subject->rows;
}

static assay_status take_step(void *context, assay_error *error)
{
    struct training_work *work = context;
    struct step_outcome outcome;
    assay_status status =
        step_gradients(work->stepper, &outcome, &work->feed, batch_at(work, work->step),
                       work->subject->rows, (uint64_t)work->step, error);
    if (status != ASSAY_OK)
        return status;
    struct kernel_context kernel_context = {.threads = stepper_threads(work->stepper)};
    const struct kernels *kernels = stepper_kernels(work->stepper);
    double norm = optimizer_norm(work->optimizer, kernels, &kernel_context);
    if (!isfinite(norm))
        return error_set(error, ASSAY_ERROR_NUMERIC, "a gradient is not a finite number");
    optimizer_step(work->optimizer, kernels, &kernel_context, RATE, optimizer_clip(norm, 1.0));
    work->tokens = (double)outcome.tokens;
    work->step++;
    return ASSAY_OK;
}

/* Operations of a token, over the first batch. */
static assay_status token_operations(struct training_work *work, double *operations,
                                     assay_error *error)
{
    const int64_t *rows = batch_at(work, 0);
    double sum = 0.0, tokens = 0.0;
    assay_status status = ASSAY_OK;
    for (int64_t first = 0; status == ASSAY_OK && first < work->subject->rows;) {
        int64_t taken =
            chunk_extent(&work->feed, rows, first, work->subject->rows, STEP_CHUNK_TOKENS);
        struct graph_cost cost = {0};
        status = step_cost(work->stepper, &cost, &work->feed, rows + first, taken, true,
                           taken == work->subject->rows, error);
        sum += cost.forward_operations + cost.backward_operations;
        for (int64_t i = first; i < first + taken; i++)
            tokens += work->lengths[rows[i]];
        first += taken;
    }
    *operations = tokens > 0.0 ? sum / tokens : 0.0;
    return status;
}

static void close_work(struct training_work *work)
{
    optimizer_close(work->optimizer);
    stepper_close(work->stepper);
    assay_model_close(work->model);
    corpus_free(&work->corpus);
    memory_free(work->offsets);
    memory_free(work->order);
    memory_free(work->lengths);
    memory_free(work->classes);
}

static assay_status bench_train(assay_bench_result *result, const assay_bench_options *options,
                                const struct subject *subject, assay_error *error)
{
    struct training_work work = {.subject = subject};
    struct step_settings settings = {.task = subject->task,
                                     .precision = model_precision(options->precision),
                                     .threads = options->threads};
    int32_t max_tokens = subject->max_tokens;
    if (options->max_tokens > 0 && options->max_tokens < max_tokens)
        max_tokens = options->max_tokens;
    assay_bench_options probe = *options;
    assay_bench_result product = {0};
    double operations = 0.0;
    probe.seconds = PROBE_SECONDS;
    assay_status status = open_model(&work, error);
    if (status == ASSAY_OK)
        status = read_rows(&work, options, max_tokens, error);
    if (status == ASSAY_OK)
        status = make_feed(&work, max_tokens, error);
    if (status == ASSAY_OK)
        status = stepper_open(&work.stepper, work.model, &settings, error);
    if (status == ASSAY_OK)
        status =
            optimizer_open(&work.optimizer, work.model->parameters, &optimizer_defaults, error);
    if (status == ASSAY_OK)
        status = token_operations(&work, &operations, error);
    if (status == ASSAY_OK) {
        result->unit = "tokens/s";
        result->kernels = stepper_kernels(work.stepper)->name;
        status = measure_steps(result, options->seconds, &work.tokens, take_step, &work, error);
    }
    if (status == ASSAY_OK)
        status = measure_product(&product, &probe, error);
    if (status == ASSAY_OK && operations > 0.0)
        result->floor = product.most * 1e9 / operations;
    close_work(&work);
    return status;
}

assay_status bench_train_minilm(assay_bench_result *result, const assay_bench_options *options,
                                assay_error *error)
{
    return bench_train(result, options, &minilm, error);
}

assay_status bench_train_distilbert(assay_bench_result *result, const assay_bench_options *options,
                                    assay_error *error)
{
    return bench_train(result, options, &distilbert, error);
}

assay_status bench_train_gpt2(assay_bench_result *result, const assay_bench_options *options,
                              assay_error *error)
{
    return bench_train(result, options, &gpt2, error);
}
