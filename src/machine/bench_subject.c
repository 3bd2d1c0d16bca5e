#include "machine/bench_subject.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "machine/apart.h"
#include "machine/bench_score.h"
#include "machine/bench_train.h"
#include "machine/measure.h"

#include <stdio.h>
#include <string.h>

enum { BATCHES = 12, STRIDE = 5 };

/* Those of the reference's scripts. */
static const struct bench_subject subjects[] = {
    {.name = "minilm-embed",
     .shape = {.family = DRAWN_BERT, .layers = 6, .width = 384, .heads = 12, .inner = 1536},
     .task = BENCH_EMBED,
     .rows = 32,
     .max_tokens = 256},
    {.name = "distilbert-classify",
     .shape = {DRAWN_DISTILBERT, .classifier = true, 6, 768, 12, 3072},
     .task = BENCH_CLASSIFY,
     .rows = 32,
     .max_tokens = 256},
    {.name = "minilm-train",
     .shape = {DRAWN_BERT, false, 6, 384, 12, 1536, .vocabulary = 30522},
     .task = BENCH_TRAIN_CLASSES,
     .rows = 32,
     .max_tokens = 256},
    {.name = "distilbert-train",
     .shape = {DRAWN_DISTILBERT, true, 6, 768, 12, 3072, .vocabulary = 30522},
     .task = BENCH_TRAIN_CLASSES,
     .rows = 16,
     .max_tokens = 512},
    {.name = "gpt2-train",
     .shape = {DRAWN_GPT2, false, 12, 768, 12, 3072, .vocabulary = 50257},
     .task = BENCH_TRAIN_LANGUAGE,
     .rows = 4,
     .max_tokens = 256,
     .full = true},
};

enum { SUBJECTS = sizeof subjects / sizeof *subjects, REAL_VOCABULARY = 30522 };

const struct bench_subject *bench_subject_find(const char *name)
{
    for (int i = 0; i < SUBJECTS; i++) {
        if (name && !strcmp(subjects[i].name, name))
            return &subjects[i];
    }
    return NULL;
}

static int32_t token_limit(const struct bench_request *request)
{
    int32_t asked = request->options->max_tokens;
    return asked > 0 && asked < request->subject->max_tokens ? asked : request->subject->max_tokens;
}

static int64_t vocabulary_of(const struct bench_request *request, bool real)
{
    int64_t words = request->subject->shape.vocabulary;
    return words ? words : real ? REAL_VOCABULARY : DRAWN_VOCABULARY;
}

static assay_status read_rows(struct bench_rows *rows, const struct bench_request *request,
                              assay_error *error)
{
    const assay_bench_options *options = request->options;
    if (!options->model)
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "texts of --data need the tokenizer of a model (--model)");
    assay_tokenizer *tokenizer = NULL;
    assay_status status = assay_tokenizer_open(&tokenizer, options->model, error);
    if (status == ASSAY_OK)
        status = corpus_open(&rows->corpus, options->data, error);
    if (status == ASSAY_OK)
        status = corpus_tokenize(&rows->corpus, tokenizer, BATCHES * rows->batch, rows->max_tokens,
                                 error);
    assay_tokenizer_close(tokenizer);
    const struct corpus *corpus = &rows->corpus;
    int64_t words = vocabulary_of(request, true);
    for (int32_t i = 0; status == ASSAY_OK && i < corpus->offsets[corpus->count]; i++) {
        if (corpus->ids[i] < 0 || corpus->ids[i] >= words)
            status = error_set(error, ASSAY_ERROR_ARGUMENT,
                               "the tokenizer has more words than the shape that is measured");
    }
    rows->real = true;
    return status;
}

assay_status bench_rows_open(struct bench_rows *rows, const struct bench_request *request,
                             assay_error *error)
{
    const struct bench_subject *subject = request->subject;
    int32_t words = (int32_t)vocabulary_of(request, false);
    rows->batch = subject->rows;
    rows->max_tokens = token_limit(request);
    assay_status status;
    if (subject->full)
        status =
            corpus_draw_full(&rows->corpus, BATCHES * rows->batch, rows->max_tokens, words, error);
    else if (request->options->data)
        status = read_rows(rows, request, error);
    else
        status = corpus_draw_ids(&rows->corpus, rows->max_tokens, words, error);
    if (status != ASSAY_OK)
        return status;
    rows->batches = rows->corpus.count / rows->batch;
    rows->rows = rows->batches * rows->batch;
    if (!rows->batches) {
        status = error_set(error, ASSAY_ERROR_ARGUMENT, "the data has fewer rows than one batch");
        error_at_file(error, request->options->data);
        error_expected(error, "%lld", (long long)rows->batch);
        error_found(error, "%lld", (long long)rows->corpus.count);
        return status;
    }
    rows->classes = memory_allocate((size_t)rows->rows, sizeof *rows->classes);
    if (!rows->classes)
        return error_memory(error, (size_t)rows->rows * sizeof *rows->classes);
    for (int64_t i = 0; i < rows->rows; i++)
        rows->classes[i] = (int32_t)(random_mix(3, (uint64_t)i) & 1);
    return ASSAY_OK;
}

void bench_rows_free(struct bench_rows *rows)
{
    corpus_free(&rows->corpus);
    memory_free(rows->classes);
    *rows = (struct bench_rows){0};
}

static int64_t common_factor(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

int64_t bench_rows_at(const struct bench_rows *rows, const struct bench_request *request,
                      int64_t step)
{
    int64_t asked = request->batches;
    int64_t used = asked > 0 && asked < rows->batches ? asked : rows->batches;
    /* A stride without a common factor reaches every batch once a round. */
    int64_t stride = STRIDE;
    while (common_factor(stride, rows->batches) != 1)
        stride++;
    return step % used * stride % rows->batches * rows->batch;
}

struct drawn_shape bench_shape(const struct bench_request *request, const struct bench_rows *rows)
{
    struct drawn_shape shape = request->subject->shape;
    shape.vocabulary = vocabulary_of(request, rows->real);
    return shape;
}

void bench_describe(assay_bench_result *result, const struct bench_request *request,
                    const struct bench_rows *rows)
{
    snprintf(result->unit, sizeof result->unit, "tokens/s");
    snprintf(result->rows, sizeof result->rows, "%s", rows->real ? "data" : "drawn");
    result->max_tokens = token_limit(request);
}

assay_status bench_subject_run(assay_bench_result *result, const struct bench_request *request,
                               assay_error *error)
{
    *result = (assay_bench_result){0};
    measure_name(result->work, request->subject->name);
    bool trains = request->subject->task >= BENCH_TRAIN_CLASSES;
    return (trains ? bench_train : bench_score)(result, request, error);
}

static assay_status run_subject(void *result, void *context, assay_error *error)
{
    return bench_subject_run(result, context, error);
}

assay_status bench_subject_run_apart(assay_bench_result *result,
                                     const struct bench_request *request, assay_error *error)
{
    struct bench_request copy = *request;
    return run_apart(result, sizeof *result, run_subject, &copy, error);
}
