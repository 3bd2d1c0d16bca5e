/* The works by name. */
#include "machine/bench_score.h"
#include "machine/bench_subject.h"
#include "machine/measure.h"

#include "base/error.h"
#include "base/memory.h"
#include "machine/apart.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_SECONDS 2.0

struct tokenize_work {
    const assay_tokenizer *tokenizer;
    const struct corpus *corpus;
    assay_encoding encoding;
};

static assay_status run_tokenize(void *context, assay_error *error)
{
    static const assay_encode_options whole = {.struct_size = sizeof(assay_encode_options),
                                               .truncation = ASSAY_TRUNCATE_NONE};
    struct tokenize_work *work = context;
    assay_status status = ASSAY_OK;
    for (int64_t i = 0; status == ASSAY_OK && i < work->corpus->count; i++)
        status =
            assay_tokenizer_encode(work->tokenizer, &work->encoding, work->corpus->texts[i].text,
                                   work->corpus->texts[i].length, NULL, 0, &whole, error);
    return status;
}

static void describe_texts(assay_bench_result *result, const assay_bench_options *options)
{
    snprintf(result->rows, sizeof result->rows, "%s", options->data ? "data" : "built in");
}

static assay_status bench_tokenize(assay_bench_result *result, const assay_bench_options *options,
                                   assay_error *error)
{
    struct corpus corpus = {0};
    assay_tokenizer *tokenizer = NULL;
    struct tokenize_work work = {.corpus = &corpus};
    assay_status status = assay_tokenizer_open(&tokenizer, options->model, error);
    if (status == ASSAY_OK)
        status = corpus_open(&corpus, options->data, error);
    if (status == ASSAY_OK) {
        work.tokenizer = tokenizer;
        describe_texts(result, options);
        snprintf(result->unit, sizeof result->unit, "MB/s");
        measure_name(result->kernels, assay_tokenizer_get_kind(tokenizer) == ASSAY_WORDPIECE
                                          ? "WordPiece, 1 thread"
                                          : "byte-level BPE, 1 thread");
        result->threads = 1;
        const double amount = (double)corpus.bytes / 1e6;
        const struct measured measured = {
            .step = run_tokenize, .context = &work, .amount = &amount, .seconds = options->seconds};
        status = measure_steps(result, &measured, error);
    }
    assay_encoding_free(&work.encoding);
    corpus_free(&corpus);
    assay_tokenizer_close(tokenizer);
    return status;
}

static assay_status bench_embed(assay_bench_result *result, const assay_bench_options *options,
                                assay_error *error)
{
    return bench_score_model(result, options, false, error);
}

static assay_status bench_classify(assay_bench_result *result, const assay_bench_options *options,
                                   assay_error *error)
{
    return bench_score_model(result, options, true, error);
}

struct load_work {
    const assay_bench_options *options;
    assay_bench_result *result;
};

/* From nothing to the first answer. */
static assay_status run_load(void *context, assay_error *error)
{
    const struct load_work *work = context;
    const assay_bench_options *options = work->options;
    static const assay_text text = {.text = "one short text", .length = 14};
    assay_model *model = NULL;
    assay_session *session = NULL;
    float *values = NULL;
    assay_session_options session_options = ASSAY_SESSION_OPTIONS_INIT;
    session_options.threads = options->threads;
    session_options.precision = options->precision;
    assay_status status = assay_model_open(&model, options->model, error);
    if (status == ASSAY_OK)
        status = assay_session_open(&session, model, &session_options, error);
    if (status == ASSAY_OK) {
        assay_model_info info;
        assay_model_get_info(model, &info);
        bool classify = (info.heads & ASSAY_HEAD_CLASSIFY) != 0;
        work->result->threads = assay_session_threads(session);
        work->result->precision = assay_session_precision(session);
        values = memory_allocate((size_t)(classify ? info.labels : info.width), sizeof *values);
        status = !values    ? error_memory(error, sizeof *values)
                 : classify ? assay_session_classify(session, values, NULL, &text, 1, error)
                            : assay_session_embed(session, values, NULL, &text, 1, error);
    }
    memory_free(values);
    assay_session_close(session);
    assay_model_close(model);
    return status;
}

static assay_status bench_load(assay_bench_result *result, const assay_bench_options *options,
                               assay_error *error)
{
    struct load_work work = {options, result};
    snprintf(result->unit, sizeof result->unit, "ms");
    measure_name(result->kernels, "from opening to the first answer");
    const struct measured measured = {
        .step = run_load, .context = &work, .seconds = options->seconds};
    return measure_steps(result, &measured, error);
}

struct work {
    const char *name;
    const char *description;
    /* NULL: a subject with drawn weights */
    assay_status (*run)(assay_bench_result *result, const assay_bench_options *options,
                        assay_error *error);
    bool needs_model;
};

static const struct work works[] = {
    {"product", "(1024, 768) times (768, 768), GFLOP/s", measure_product, false},
    {"stream", "copying memory, bytes read and written", measure_stream, false},
    {"minilm-embed", "drawn weights in the shape of all-MiniLM-L6, 32 rows up to 256 tokens", NULL,
     false},
    {"distilbert-classify", "drawn weights in the shape of DistilBERT, 32 rows up to 256 tokens",
     NULL, false},
    {"minilm-train", "steps of training in the shape of all-MiniLM-L6, 32 rows up to 256 tokens",
     NULL, false},
    {"distilbert-train", "steps of training in the shape of DistilBERT, 16 rows up to 512 tokens",
     NULL, false},
    {"gpt2-train", "steps of language-model training in the shape of GPT-2, 4 rows of 256 tokens",
     NULL, false},
    {"tokenize", "the tokenizer of --model, whole texts, one thread", bench_tokenize, true},
    {"embed", "vectors of texts with --model, tokenizing included", bench_embed, true},
    {"classify", "logits of texts with --model, tokenizing included", bench_classify, true},
    {"load", "opening --model to its first answer", bench_load, true},
};

enum { WORKS = sizeof works / sizeof *works };

const char *assay_bench_work(int index, const char **description)
{
    if (index < 0 || index >= WORKS)
        return NULL;
    if (description)
        *description = works[index].description;
    return works[index].name;
}

assay_status bench_options_read(assay_bench_options *all, const assay_bench_options *given,
                                assay_error *error)
{
    *all = (assay_bench_options)ASSAY_BENCH_OPTIONS_INIT;
    if (given &&
        error_options(error, given->struct_size, sizeof *given, "ASSAY_BENCH_OPTIONS_INIT"))
        return ASSAY_ERROR_ARGUMENT;
    if (given)
        *all = *given;
    if (!(all->seconds > 0.0))
        all->seconds = DEFAULT_SECONDS;
    return ASSAY_OK;
}

static const struct work *find_work(const char *name, const assay_bench_options *options,
                                    assay_error *error)
{
    for (int i = 0; i < WORKS; i++) {
        if (strcmp(works[i].name, name) != 0)
            continue;
        if (!works[i].needs_model || options->model)
            return &works[i];
        error_set(error, ASSAY_ERROR_ARGUMENT, "this work needs a model (--model)");
        return NULL;
    }
    error_set(error, ASSAY_ERROR_ARGUMENT, "there is no work \"%.64s\"", name);
    return NULL;
}

static assay_status run_found(assay_bench_result *result, const struct work *work,
                              const assay_bench_options *options, assay_error *error)
{
    *result = (assay_bench_result){0};
    measure_name(result->work, work->name);
    if (work->run)
        return work->run(result, options, error);
    struct bench_request request = {.subject = bench_subject_find(work->name), .options = options};
    return bench_subject_run(result, &request, error);
}

assay_status assay_bench_run(assay_bench_result *result, const char *work,
                             const assay_bench_options *options, assay_error *error)
{
    if (!result || !work)
        return error_needs(error, __func__, "result and the name of a work");
    assay_bench_options all;
    if (bench_options_read(&all, options, error))
        return ASSAY_ERROR_ARGUMENT;
    const struct work *found = find_work(work, &all, error);
    return found ? run_found(result, found, &all, error) : ASSAY_ERROR_ARGUMENT;
}

struct apart_call {
    const struct work *work;
    const assay_bench_options *options;
};

static assay_status run_call(void *result, void *context, assay_error *error)
{
    const struct apart_call *call = context;
    return run_found(result, call->work, call->options, error);
}

assay_status assay_bench_run_apart(assay_bench_result *result, const char *work,
                                   const assay_bench_options *options, assay_error *error)
{
    if (!result || !work)
        return error_needs(error, __func__, "result and the name of a work");
    assay_bench_options all;
    if (bench_options_read(&all, options, error))
        return ASSAY_ERROR_ARGUMENT;
    struct apart_call call = {.work = find_work(work, &all, error), .options = &all};
    return call.work ? run_apart(result, sizeof *result, run_call, &call, error)
                     : ASSAY_ERROR_ARGUMENT;
}
