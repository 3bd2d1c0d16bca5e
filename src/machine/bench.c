#include "machine/bench_train.h"
#include "machine/corpus.h"
#include "machine/drawn_model.h"
#include "machine/measure.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>

enum { DEFAULT_MAX_TOKENS = 128 };
#define DEFAULT_SECONDS 2.0
#define PROBE_SECONDS   0.3

static const struct drawn_shape minilm = {.layers = 6, .width = 384, .heads = 12, .inner = 1536};
static const struct drawn_shape distilbert = {.family = DRAWN_DISTILBERT,
                                              .classifier = true,
                                              .layers = 6,
                                              .width = 768,
                                              .heads = 12,
                                              .inner = 3072};

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
        result->unit = "MB/s";
        result->kernels = assay_tokenizer_get_kind(tokenizer) == ASSAY_WORDPIECE
                              ? "WordPiece, 1 thread"
                              : "byte-level BPE, 1 thread";
        status = measure_work(result, options->seconds, (double)corpus.bytes / 1e6, run_tokenize,
                              &work, error);
    }
    assay_encoding_free(&work.encoding);
    corpus_free(&corpus);
    assay_tokenizer_close(tokenizer);
    return status;
}

/* Whether a model with this head answers texts with logits or with a vector. */
static bool classifies(const assay_model *model)
{
    assay_model_info info;
    assay_model_get_info(model, &info);
    return (info.heads & ASSAY_HEAD_CLASSIFY) != 0;
}

struct score_work {
    assay_session *session;
    const struct corpus *corpus;
    float *values;
    assay_text_result *results;
    bool classify;
};

static assay_status run_score(void *context, assay_error *error)
{
    struct score_work *work = context;
    const struct corpus *corpus = work->corpus;
    if (corpus->ids)
        return (work->classify ? assay_session_classify_ids : assay_session_embed_ids)(
            work->session, work->values, corpus->ids, NULL, corpus->offsets, corpus->count, error);
    return (work->classify ? assay_session_classify : assay_session_embed)(
        work->session, work->values, work->results, corpus->texts, corpus->count, error);
}

/* Tokens of the corpus under the session's cutting. */
static assay_status count_tokens(struct score_work *work, int64_t *tokens, assay_error *error)
{
    assay_status status = run_score(work, error);
    *tokens = 0;
    if (work->corpus->ids)
        *tokens = work->corpus->offsets[work->corpus->count];
    for (int64_t i = 0; !work->corpus->ids && i < work->corpus->count; i++)
        *tokens += work->results[i].tokens;
    return status;
}

/* What the products alone of one token cost; attention's own come on top, so the limit is generous.
 */
static double token_operations(const assay_model_info *info)
{
    double width = info->width;
    return 2.0 * info->layers * (4.0 * width * width + 2.0 * width * info->inner_width);
}

static assay_status score_folder(assay_bench_result *result, const assay_bench_options *options,
                                 const char *folder, bool classify, assay_error *error)
{
    assay_model *model = NULL;
    struct corpus corpus = {0};
    struct score_work work = {.corpus = &corpus, .classify = classify};
    assay_session_options session = ASSAY_SESSION_OPTIONS_INIT;
    session.threads = options->threads;
    session.precision = options->precision;
    session.batch_tokens = options->batch_tokens;
    session.max_tokens = options->max_tokens > 0 ? options->max_tokens : DEFAULT_MAX_TOKENS;
    assay_model_info info;
    int64_t tokens = 0;
    assay_status status = assay_model_open(&model, folder, error);
    if (status != ASSAY_OK)
        goto done;
    assay_model_get_info(model, &info);
    if (classify && !classifies(model)) {
        status = error_set(error, ASSAY_ERROR_ARGUMENT, "the model has no classification head");
        goto done;
    }
    if (session.max_tokens > info.max_tokens)
        session.max_tokens = info.max_tokens;
    status = assay_session_open(&work.session, model, &session, error);
    if (status == ASSAY_OK)
        status = assay_model_tokenizer(model)
                     ? corpus_open(&corpus, options->data, error)
                     : corpus_draw_ids(&corpus, session.max_tokens, info.vocabulary, error);
    if (status != ASSAY_OK)
        goto done;
    int64_t values = classify ? info.labels : info.width;
    work.values = memory_allocate((size_t)corpus.count, (size_t)values * sizeof *work.values);
    work.results = memory_allocate_zeroed((size_t)corpus.count, sizeof *work.results);
    if (!work.values || !work.results) {
        status = error_memory(error, (size_t)corpus.count * (size_t)values * sizeof *work.values);
        goto done;
    }
    status = count_tokens(&work, &tokens, error);
    if (status != ASSAY_OK)
        goto done;
    result->unit = "tokens/s";
    result->kernels = assay_session_kernels(work.session);
    status = measure_work(result, options->seconds, (double)tokens, run_score, &work, error);
    if (status != ASSAY_OK)
        goto done;
    assay_bench_options probe = *options;
    probe.seconds = PROBE_SECONDS;
    probe.precision = assay_session_precision(work.session);
    assay_bench_result product = {0};
    status = measure_product(&product, &probe, error);
    result->floor = product.most * 1e9 / token_operations(&info);
done:
    memory_free(work.results);
    memory_free(work.values);
    corpus_free(&corpus);
    assay_session_close(work.session);
    assay_model_close(model);
    return status;
}

static assay_status score_drawn(assay_bench_result *result, const assay_bench_options *options,
                                const struct drawn_shape *shape, assay_error *error)
{
    char *folder = NULL;
    assay_status status = drawn_model_make(&folder, shape, error);
    if (status == ASSAY_OK)
        status = score_folder(result, options, folder, shape->classifier, error);
    drawn_model_remove(folder);
    return status;
}

static assay_status bench_embed(assay_bench_result *result, const assay_bench_options *options,
                                assay_error *error)
{
    return score_folder(result, options, options->model, false, error);
}

static assay_status bench_classify(assay_bench_result *result, const assay_bench_options *options,
                                   assay_error *error)
{
    return score_folder(result, options, options->model, true, error);
}

static assay_status bench_minilm(assay_bench_result *result, const assay_bench_options *options,
                                 assay_error *error)
{
    return score_drawn(result, options, &minilm, error);
}

static assay_status bench_distilbert(assay_bench_result *result, const assay_bench_options *options,
                                     assay_error *error)
{
    return score_drawn(result, options, &distilbert, error);
}

/* From nothing to the first answer. */
static assay_status run_load(void *context, assay_error *error)
{
    const assay_bench_options *options = context;
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
        bool classify = classifies(model);
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
    assay_bench_options copy = *options;
    result->unit = "ms";
    result->kernels = "from opening to the first answer";
    return measure_work(result, options->seconds, 0, run_load, &copy, error);
}

struct work {
    const char *name;
    const char *description;
    bool needs_model;
    assay_status (*run)(assay_bench_result *result, const assay_bench_options *options,
                        assay_error *error);
};

static const struct work works[] = {
    {"product", "(1024, 768) times (768, 768), GFLOP/s", false, measure_product},
    {"stream", "copying memory, bytes read and written", false, measure_stream},
    {"minilm-embed", "drawn weights in the shape of all-MiniLM-L6, drawn token ids", false,
     bench_minilm},
    {"distilbert-classify", "drawn weights in the shape of DistilBERT, drawn token ids", false,
     bench_distilbert},
    {"minilm-train", "steps of training in the shape of all-MiniLM-L6, 32 texts up to 256 tokens",
     false, bench_train_minilm},
    {"distilbert-train", "steps of training in the shape of DistilBERT, 16 texts up to 512 tokens",
     false, bench_train_distilbert},
    {"gpt2-train", "steps of language-model training in the shape of GPT-2, 4 rows of 256 tokens",
     false, bench_train_gpt2},
    {"tokenize", "the tokenizer of --model, whole texts, one thread", true, bench_tokenize},
    {"embed", "vectors of texts with --model, tokenizing included", true, bench_embed},
    {"classify", "logits of texts with --model, tokenizing included", true, bench_classify},
    {"load", "opening --model to its first answer", true, bench_load},
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

assay_status assay_bench_run(assay_bench_result *result, const char *work,
                             const assay_bench_options *options, assay_error *error)
{
    assay_bench_options all = options ? *options : (assay_bench_options)ASSAY_BENCH_OPTIONS_INIT;
    if (all.seconds <= 0)
        all.seconds = DEFAULT_SECONDS;
    for (int i = 0; i < WORKS; i++) {
        if (strcmp(works[i].name, work) != 0)
            continue;
        if (works[i].needs_model && !all.model)
            return error_set(error, ASSAY_ERROR_ARGUMENT, "this work needs a model (--model)");
        *result = (assay_bench_result){.work = works[i].name};
        return works[i].run(result, &all, error);
    }
    return error_set(error, ASSAY_ERROR_ARGUMENT, "there is no work \"%.64s\"", work);
}
