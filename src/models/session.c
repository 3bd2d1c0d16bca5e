/* Scoring: texts to tokens to batches to logits or vectors. */
#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"
#include "cpu/cpu.h"
#include "models/batch.h"

#include <math.h>
#include <string.h>

enum { DEFAULT_BATCH_TOKENS = 1024, MAX_BATCH_TOKENS = 1 << 24 };

struct assay_session {
    assay_model *model;
    struct kernels kernels;
    struct thread_pool *threads;
    struct graph *graph;
    struct batch_builder batch;
    assay_session_options options;
    struct profile *profile; /* the caller's, or NULL */
    /* tokens of the texts of one call */
    assay_encoding encoding;
    int32_t *ids, *types, *offsets;
    size_t id_room, offset_room;
};

static const struct {
    const char *name;
    assay_precision precision;
} precision_names[] = {{"highest", ASSAY_PRECISION_HIGHEST},
                       {"high", ASSAY_PRECISION_HIGH},
                       {"medium", ASSAY_PRECISION_MEDIUM}};

const char *assay_precision_name(assay_precision precision)
{
    for (size_t i = 0; i < sizeof precision_names / sizeof *precision_names; i++) {
        if (precision_names[i].precision == precision)
            return precision_names[i].name;
    }
    return "unknown";
}

bool assay_precision_from_name(assay_precision *precision, const char *name)
{
    if (!precision || !name)
        return false;
    for (size_t i = 0; i < sizeof precision_names / sizeof *precision_names; i++) {
        if (!strcmp(precision_names[i].name, name)) {
            *precision = precision_names[i].precision;
            return true;
        }
    }
    return false;
}

assay_status assay_session_open(assay_session **out, assay_model *model,
                                const assay_session_options *options, assay_error *error)
{
    if (!out)
        return error_needs(error, __func__, "out");
    *out = NULL;
    if (!model)
        return error_needs(error, __func__, "a model");
    const assay_session_options usual = ASSAY_SESSION_OPTIONS_INIT;
    if (!options)
        options = &usual;
    if (error_options(error, options->struct_size, sizeof *options, "ASSAY_SESSION_OPTIONS_INIT"))
        return ASSAY_ERROR_ARGUMENT;
    assay_session *session = memory_allocate_zeroed(1, sizeof *session);
    if (!session)
        return error_memory(error, sizeof *session);
    session->options = *options;
    assay_session_options *o = &session->options;
    assay_model_retain(model);
    session->model = model;
    assay_status status = ASSAY_OK;
    if (o->batch_tokens < 0 || o->batch_tokens > MAX_BATCH_TOKENS || o->max_tokens < 0 ||
        o->precision > ASSAY_PRECISION_MEDIUM)
        status = error_set(error, ASSAY_ERROR_ARGUMENT, "a session option is out of range");
    if (!o->batch_tokens)
        o->batch_tokens = DEFAULT_BATCH_TOKENS;
    cpu_kernels(&session->kernels, cpu_allowed());
    if (status == ASSAY_OK)
        status = thread_pool_open(&session->threads, o->threads, error);
    if (status == ASSAY_OK)
        status = graph_open(&session->graph, error);
    if (status != ASSAY_OK) {
        assay_session_close(session);
        return status;
    }
    *out = session;
    return ASSAY_OK;
}

void assay_session_close(assay_session *session)
{
    if (!session)
        return;
    graph_close(session->graph);
    thread_pool_close(session->threads);
    batch_free(&session->batch);
    assay_encoding_free(&session->encoding);
    memory_free(session->ids);
    memory_free(session->types);
    memory_free(session->offsets);
    assay_model_close(session->model);
    memory_free(session);
}

int assay_session_threads(const assay_session *session)
{
    return session ? thread_pool_size(session->threads) : 0;
}

assay_precision assay_session_precision(const assay_session *session)
{
    if (!session)
        return ASSAY_PRECISION_HIGHEST;
    return model_precision_used(&session->kernels, session->options.precision);
}

void session_profile(assay_session *session, struct profile *profile)
{
    session->profile = profile;
}

const char *assay_session_kernels(const assay_session *session)
{
    if (!session)
        return NULL;
    bool bfloat = assay_session_precision(session) != ASSAY_PRECISION_HIGHEST;
    return bfloat ? session->kernels.bfloat_name : session->kernels.name;
}

enum precision model_precision(assay_precision precision)
{
    switch (precision) {
    case ASSAY_PRECISION_HIGH:
        return PRECISION_HIGH;
    case ASSAY_PRECISION_MEDIUM:
        return PRECISION_MEDIUM;
    case ASSAY_PRECISION_HIGHEST:
        break;
    }
    return PRECISION_HIGHEST;
}

assay_precision model_precision_used(const struct kernels *kernels, assay_precision asked)
{
    bool bfloat = precision_used(kernels, model_precision(asked)) != PRECISION_HIGHEST;
    return bfloat ? asked : ASSAY_PRECISION_HIGHEST;
}

/* One batch: (count, width) results into their rows of `out`. */
static assay_status run_batch(assay_session *session, enum model_output output, float *out,
                              const int64_t *rows, int64_t count, assay_error *error)
{
    struct graph_options options = {.device = DEVICE_CPU,
                                    .precision = model_precision(session->options.precision),
                                    .parameters = session->model->parameters,
                                    .kernels = &session->kernels,
                                    .threads = session->threads,
                                    .profile = session->profile};
    double began = profile_begin(session->profile);
    graph_reset(session->graph, &options);
    struct value *result =
        model_forward(session->model, session->graph, &session->batch.batch, output, false);
    graph_keep_value(session->graph, result);
    assay_status status = graph_plan(session->graph, NULL, error);
    profile_end(session->profile, "graph building", began);
    if (status == ASSAY_OK)
        status = graph_forward(session->graph, error);
    if (status == ASSAY_OK)
        status = safetensors_check(session->model->file, error);
    if (status != ASSAY_OK)
        return status;
    int64_t width = tensor_width(&result->tensor);
    const float *values = result->tensor.data;
    for (int64_t i = 0; i < count; i++) {
        for (int64_t j = 0; j < width; j++) {
            if (!isfinite(values[i * width + j]))
                return model_blame_weights(session->model, "the model's output", error);
        }
        memcpy(out + rows[i] * width, values + i * width, (size_t)width * sizeof *out);
    }
    return ASSAY_OK;
}

static assay_status run_rows(assay_session *session, enum model_output output, float *out,
                             const struct token_rows *source, int64_t rows, assay_error *error)
{
    const assay_model *model = session->model;
    if (output == MODEL_CLASSIFY && !(model->heads & ASSAY_HEAD_CLASSIFY)) {
        error_set(error, ASSAY_ERROR_UNSUPPORTED,
                  "the model has no classification head: fine-tune it with assay train first");
        error_at_file(error, model->folder);
        error_at_place(error, "%s.weight", model->family->classify_head.parts[0].module);
        return ASSAY_ERROR_UNSUPPORTED;
    }
    if (output == MODEL_EMBED && model->embedding.unsupported[0]) {
        error_set(error, ASSAY_ERROR_UNSUPPORTED, "assay does not know this pooling");
        error_at_file(error, model->folder);
        error_found(error, "%s", model->embedding.unsupported);
        return ASSAY_ERROR_UNSUPPORTED;
    }
    assay_status status =
        model_check_rows(model, source->ids, source->types, source->offsets, rows, error);
    if (status != ASSAY_OK || rows < 1)
        return status;
    int64_t *order = batch_order(source, rows);
    if (!order)
        return error_memory(error, (size_t)rows * sizeof *order);
    for (int64_t first = 0; status == ASSAY_OK && first < rows;) {
        double began = profile_begin(session->profile);
        int64_t count = batch_extent(source, order, first, rows, session->options.batch_tokens);
        status = batch_build(&session->batch, model, source, order + first, count,
                             session->options.last_by_pad_token, error);
        profile_end(session->profile, "batch building", began);
        if (status == ASSAY_OK)
            status = run_batch(session, output, out, order + first, count, error);
        first += count;
    }
    memory_free(order);
    return status;
}

/* The row limit: what was asked, else what sentence-transformers or the tokenizer say, never more
 * than the model has positions for. */
int32_t assay_session_max_tokens(const assay_session *session)
{
    if (!session)
        return 0;
    const assay_model *model = session->model;
    int64_t limit = model->family->max_tokens(&model->config);
    int64_t wanted = session->options.max_tokens;
    if (!wanted)
        wanted = model->embedding.max_tokens;
    if (!wanted)
        wanted = assay_tokenizer_max_tokens(model->tokenizer);
    return (int32_t)(wanted && wanted < limit ? wanted : limit);
}

static bool make_token_room(assay_session *session, size_t tokens)
{
    if (tokens <= session->id_room)
        return true;
    size_t room = session->id_room ? session->id_room : 4096;
    while (room < tokens)
        room *= 2;
    int32_t *ids = memory_resize(session->ids, room, sizeof *ids);
    if (ids)
        session->ids = ids;
    int32_t *types = ids ? memory_resize(session->types, room, sizeof *types) : NULL;
    if (!types)
        return false;
    session->types = types;
    session->id_room = room;
    return true;
}

static assay_status tokenize(assay_session *session, const assay_text *texts, int64_t count,
                             assay_text_result *results, assay_error *error)
{
    const assay_tokenizer *tokenizer = session->model->tokenizer;
    if (!tokenizer) {
        error_set(error, ASSAY_ERROR_NOT_FOUND, "the model folder has no tokenizer");
        error_at_file(error, session->model->folder);
        error_expected(error, "tokenizer.json, vocab.txt, or vocab.json and merges.txt");
        return ASSAY_ERROR_NOT_FOUND;
    }
    if (session->offset_room < (size_t)count + 1) {
        int32_t *offsets = memory_resize(session->offsets, (size_t)count + 1, sizeof *offsets);
        if (!offsets)
            return error_memory(error, ((size_t)count + 1) * sizeof *offsets);
        session->offsets = offsets;
        session->offset_room = (size_t)count + 1;
    }
    assay_encode_options options = ASSAY_ENCODE_OPTIONS_INIT;
    options.truncation = ASSAY_TRUNCATE_LONGEST_FIRST;
    options.max_tokens = assay_session_max_tokens(session);
    size_t used = 0;
    session->offsets[0] = 0;
    for (int64_t i = 0; i < count; i++) {
        assay_status status =
            assay_tokenizer_encode(tokenizer, &session->encoding, texts[i].text, texts[i].length,
                                   texts[i].pair, texts[i].pair_length, &options, error);
        size_t tokens = (size_t)session->encoding.count;
        if (status == ASSAY_OK && used + tokens > INT32_MAX)
            status = error_set(error, ASSAY_ERROR_LIMIT, "too many tokens in one call");
        if (status == ASSAY_OK && !make_token_room(session, used + tokens))
            status = error_memory(error, (used + tokens) * sizeof *session->ids);
        if (status != ASSAY_OK) {
            error_at_row(error, i + 1, 0);
            return status;
        }
        memcpy(session->ids + used, session->encoding.ids, tokens * sizeof *session->ids);
        memcpy(session->types + used, session->encoding.type_ids, tokens * sizeof *session->types);
        used += tokens;
        session->offsets[i + 1] = (int32_t)used;
        if (results)
            results[i] = (assay_text_result){(int32_t)tokens, session->encoding.truncated};
    }
    return ASSAY_OK;
}

static assay_status run_texts(assay_session *session, enum model_output output, float *out,
                              assay_text_result *results, const assay_text *texts, int64_t count,
                              assay_error *error)
{
    double began = profile_begin(session->profile);
    assay_status status = tokenize(session, texts, count, results, error);
    profile_end(session->profile, "tokenizer", began);
    if (status != ASSAY_OK)
        return status;
    struct token_rows source = {session->ids, session->types, session->offsets};
    return run_rows(session, output, out, &source, count, error);
}

assay_status assay_session_classify(assay_session *session, float *logits,
                                    assay_text_result *results, const assay_text *texts,
                                    int64_t count, assay_error *error)
{
    if (!session || count < 0 || (count && (!logits || !texts)))
        return error_needs(error, __func__, "a session, logits and texts");
    return run_texts(session, MODEL_CLASSIFY, logits, results, texts, count, error);
}

assay_status assay_session_embed(assay_session *session, float *vectors, assay_text_result *results,
                                 const assay_text *texts, int64_t count, assay_error *error)
{
    if (!session || count < 0 || (count && (!vectors || !texts)))
        return error_needs(error, __func__, "a session, vectors and texts");
    return run_texts(session, MODEL_EMBED, vectors, results, texts, count, error);
}

assay_status assay_session_classify_ids(assay_session *session, float *logits, const int32_t *ids,
                                        const int32_t *types, const int32_t *offsets, int64_t rows,
                                        assay_error *error)
{
    if (!session || rows < 0 || (rows && (!logits || !ids || !offsets)))
        return error_needs(error, __func__, "a session, logits, ids and offsets");
    struct token_rows source = {ids, types, offsets};
    return run_rows(session, MODEL_CLASSIFY, logits, &source, rows, error);
}

assay_status assay_session_embed_ids(assay_session *session, float *vectors, const int32_t *ids,
                                     const int32_t *types, const int32_t *offsets, int64_t rows,
                                     assay_error *error)
{
    if (!session || rows < 0 || (rows && (!vectors || !ids || !offsets)))
        return error_needs(error, __func__, "a session, vectors, ids and offsets");
    struct token_rows source = {ids, types, offsets};
    return run_rows(session, MODEL_EMBED, vectors, &source, rows, error);
}

void assay_softmax(float *probabilities, const float *logits, int32_t labels)
{
    if (!probabilities || !logits)
        return;
    double largest = -INFINITY, sum = 0.0;
    for (int32_t i = 0; i < labels; i++)
        largest = logits[i] > largest ? logits[i] : largest;
    for (int32_t i = 0; i < labels; i++)
        sum += exp(logits[i] - largest);
    for (int32_t i = 0; i < labels; i++)
        probabilities[i] = (float)(exp(logits[i] - largest) / sum);
}
