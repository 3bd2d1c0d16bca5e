#include "machine/drawn_model.h"
#include "machine/measure.h"

#include "assay/rows.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"

#include <string.h>

enum {
    DEFAULT_MAX_TOKENS = 128,
    TEXTS_MAX = 4096, /* of --data, or drawn */
    DRAWN_TEXTS = 256,
    SHORTEST_TEXT = 4, /* tokens */
    TEXT_BYTES_MAX = 32 << 20
};
#define DEFAULT_SECONDS 2.0
#define PROBE_SECONDS   0.3

static const struct drawn_shape minilm = {.layers = 6, .width = 384, .heads = 12, .inner = 1536};
static const struct drawn_shape distilbert = {
    .distilbert = true, .classifier = true, .layers = 6, .width = 768, .heads = 12, .inner = 3072};

/* Texts to work on: in words, or as drawn ids where the model has no tokenizer. */
struct corpus {
    assay_text *texts;
    int64_t count;
    size_t bytes;
    int32_t *ids, *offsets;
};

static void corpus_free(struct corpus *corpus)
{
    for (int64_t i = 0; corpus->texts && i < corpus->count; i++)
        memory_free((char *)corpus->texts[i].text);
    memory_free(corpus->texts);
    memory_free(corpus->ids);
    memory_free(corpus->offsets);
}

/* Sentences of common words, three to sixty of them, always the same. */
static assay_status draw_texts(struct corpus *corpus, assay_error *error)
{
    static const char *const words[] = {
        "the",    "a",       "of",     "in",    "people", "water",  "who",     "different",
        "house",  "quickly", "where",  "small", "think",  "number", "through", "understanding",
        "city,",  "market",  "yellow", "and",   "before", "again.", "history", "internationally",
        "nobody", "wrote",   "seven",  "light", "under",  "music",  "doctor",  "extraordinary"};
    enum { WORDS = sizeof words / sizeof *words, LONGEST = 60 * 17 };
    for (; corpus->count < DRAWN_TEXTS; corpus->count++) {
        char line[LONGEST] = "";
        size_t length = 0;
        uint64_t state = random_mix(7, (uint64_t)corpus->count);
        int many = 3 + (int)(state % 58);
        for (int w = 0; w < many; w++) {
            state = random_mix(state, (uint64_t)w);
            const char *word = words[state % WORDS];
            size_t size = strlen(word);
            memcpy(line + length, word, size);
            length += size;
            line[length++] = ' ';
        }
        char *text = memory_copy_bytes(line, length - 1);
        if (!text)
            return error_memory(error, length);
        corpus->texts[corpus->count] = (assay_text){.text = text, .length = length - 1};
        corpus->bytes += length - 1;
    }
    return ASSAY_OK;
}

static assay_status read_texts(struct corpus *corpus, const char *path, assay_error *error)
{
    assay_rows *rows = NULL;
    assay_row row;
    assay_status status = assay_rows_open(&rows, path, NULL, error);
    while (status == ASSAY_OK && corpus->count < TEXTS_MAX && corpus->bytes < TEXT_BYTES_MAX) {
        status = assay_rows_next(rows, &row, error);
        if (status != ASSAY_OK || !row.text)
            break;
        char *text = memory_copy_bytes(row.text, row.text_length);
        if (!text) {
            status = error_memory(error, row.text_length);
            break;
        }
        corpus->texts[corpus->count++] = (assay_text){.text = text, .length = row.text_length};
        corpus->bytes += row.text_length;
    }
    assay_rows_close(rows);
    if (status == ASSAY_OK && !corpus->bytes) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "there is no text in it");
        error_at_file(error, path);
    }
    return status;
}

static assay_status corpus_open(struct corpus *corpus, const char *data, assay_error *error)
{
    corpus->texts = memory_allocate_zeroed(TEXTS_MAX, sizeof *corpus->texts);
    if (!corpus->texts)
        return error_memory(error, TEXTS_MAX * sizeof *corpus->texts);
    return data ? read_texts(corpus, data, error) : draw_texts(corpus, error);
}

/* Drawn ids, rows of 4 tokens up to max_tokens, longer ones rarer as in real data. */
static assay_status corpus_draw_ids(struct corpus *corpus, int32_t max_tokens, int32_t vocabulary,
                                    assay_error *error)
{
    corpus->ids = memory_allocate((size_t)DRAWN_TEXTS * (size_t)max_tokens, sizeof *corpus->ids);
    corpus->offsets = memory_allocate(DRAWN_TEXTS + 1, sizeof *corpus->offsets);
    if (!corpus->ids || !corpus->offsets)
        return error_memory(error, (size_t)DRAWN_TEXTS * (size_t)max_tokens * sizeof(int32_t));
    corpus->count = DRAWN_TEXTS;
    int32_t shortest = max_tokens < SHORTEST_TEXT ? max_tokens : SHORTEST_TEXT;
    corpus->offsets[0] = 0;
    for (int32_t row = 0; row < DRAWN_TEXTS; row++) {
        double part = (double)(random_mix(11, (uint64_t)row) >> 11) / 9007199254740992.0;
        int32_t length = shortest + (int32_t)(part * part * (max_tokens - shortest));
        int32_t begin = corpus->offsets[row];
        for (int32_t i = 0; i < length; i++)
            corpus->ids[begin + i] =
                (int32_t)(random_mix((uint64_t)row, (uint64_t)i) % (uint64_t)vocabulary);
        corpus->offsets[row + 1] = begin + length;
    }
    return ASSAY_OK;
}

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
    session.max_tokens = options->max_tokens;
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
    if (all.max_tokens <= 0)
        all.max_tokens = DEFAULT_MAX_TOKENS;
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
