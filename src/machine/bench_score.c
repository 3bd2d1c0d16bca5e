#include "machine/bench_score.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/process.h"
#include "machine/bench_floor.h"
#include "machine/bench_profile.h"
#include "machine/measure.h"
#include "models/model.h"

#include <stdio.h>

enum { DEFAULT_MAX_TOKENS = 256 };

struct score_work {
    assay_session *session;
    bool classify;
    float *values;
    struct profile profile;
    double seconds, tokens; /* of all steps so far; of the last */
    int64_t step;
    /* batches of ids, */
    const struct bench_request *request;
    struct bench_rows rows;
    /* or all texts at once */
    struct corpus corpus;
    assay_text_result *results;
};

static assay_status score(struct score_work *work, assay_error *error)
{
    const struct corpus *texts = &work->corpus;
    if (!work->request)
        return (work->classify ? assay_session_classify : assay_session_embed)(
            work->session, work->values, work->results, texts->texts, texts->count, error);
    const struct corpus *ids = &work->rows.corpus;
    int64_t first = bench_rows_at(&work->rows, work->request, work->step);
    work->tokens = ids->offsets[first + work->rows.batch] - ids->offsets[first];
    return (work->classify ? assay_session_classify_ids : assay_session_embed_ids)(
        work->session, work->values, ids->ids, NULL, ids->offsets + first, work->rows.batch, error);
}

static assay_status take_step(void *context, assay_error *error)
{
    struct score_work *work = context;
    double began = process_now();
    assay_status status = score(work, error);
    work->seconds += process_now() - began;
    work->step++;
    return status;
}

/* A first step, which packs weights, says what a token costs; then the measurement. */
static assay_status measure_score(assay_bench_result *result, struct score_work *work,
                                  const assay_bench_options *options, int64_t cycle,
                                  assay_error *error)
{
    session_profile(work->session, &work->profile);
    assay_status status = take_step(work, error);
    for (int64_t i = 0; !work->request && i < work->corpus.count; i++)
        work->tokens += work->results[i].tokens;
    if (status != ASSAY_OK)
        return status;
    result->operations = profile_operations(&work->profile) / work->tokens;
    result->precision = assay_session_precision(work->session);
    result->threads = assay_session_threads(work->session);
    measure_name(result->kernels, assay_session_kernels(work->session));
    session_profile(work->session, options->profile ? &work->profile : NULL);
    profile_clear(&work->profile);
    work->seconds = 0.0;
    work->step = 0;
    const struct measured measured = {.step = take_step,
                                      .context = work,
                                      .amount = &work->tokens,
                                      .seconds = options->seconds,
                                      .cycle = cycle};
    status = measure_steps(result, &measured, error);
    if (status == ASSAY_OK && options->profile)
        bench_profile_fill(&result->profile, &work->profile, work->seconds, work->step);
    return status == ASSAY_OK ? bench_floor(result, options, error) : status;
}

static assay_status open_session(struct score_work *work, assay_model *model,
                                 const assay_bench_options *options, int32_t max_tokens,
                                 int64_t rows, assay_error *error)
{
    assay_session_options session = ASSAY_SESSION_OPTIONS_INIT;
    session.threads = options->threads;
    session.precision = options->precision;
    session.batch_tokens = options->batch_tokens;
    session.max_tokens = max_tokens;
    assay_model_info info;
    assay_model_get_info(model, &info);
    if (work->classify && !(info.heads & ASSAY_HEAD_CLASSIFY))
        return error_set(error, ASSAY_ERROR_ARGUMENT, "the model has no classification head");
    if (session.max_tokens > info.max_tokens)
        session.max_tokens = info.max_tokens;
    size_t values = (size_t)(work->classify ? info.labels : info.width);
    work->values = memory_allocate((size_t)rows, values * sizeof *work->values);
    work->results = memory_allocate_zeroed((size_t)rows, sizeof *work->results);
    if (!work->values || !work->results)
        return error_memory(error, (size_t)rows * values * sizeof *work->values);
    return assay_session_open(&work->session, model, &session, error);
}

static void close_work(struct score_work *work)
{
    assay_session_close(work->session);
    bench_rows_free(&work->rows);
    corpus_free(&work->corpus);
    memory_free(work->values);
    memory_free(work->results);
    memory_free(work);
}

assay_status bench_score(assay_bench_result *result, const struct bench_request *request,
                         assay_error *error)
{
    struct score_work *work = memory_allocate_zeroed(1, sizeof *work);
    assay_model *model = NULL;
    char *folder = NULL;
    if (!work)
        return error_memory(error, sizeof *work);
    work->request = request;
    work->classify = request->subject->task == BENCH_CLASSIFY;
    assay_status status = bench_rows_open(&work->rows, request, error);
    if (status == ASSAY_OK) {
        struct drawn_shape shape = bench_shape(request, &work->rows);
        status = drawn_model_make(&folder, &shape, error);
    }
    if (status == ASSAY_OK)
        status = assay_model_open(&model, folder, error);
    /* The mapping stays: a work that is killed leaves nothing behind. */
    drawn_model_remove(folder);
    if (status == ASSAY_OK) {
        bench_describe(result, request, &work->rows);
        status = open_session(work, model, request->options, work->rows.max_tokens,
                              work->rows.batch, error);
    }
    if (status == ASSAY_OK)
        status = measure_score(result, work, request->options, request->batches, error);
    close_work(work);
    assay_model_close(model);
    return status;
}

assay_status bench_score_model(assay_bench_result *result, const assay_bench_options *options,
                               bool classify, assay_error *error)
{
    struct score_work *work = memory_allocate_zeroed(1, sizeof *work);
    assay_model *model = NULL;
    if (!work)
        return error_memory(error, sizeof *work);
    work->classify = classify;
    int32_t max_tokens = options->max_tokens > 0 ? options->max_tokens : DEFAULT_MAX_TOKENS;
    assay_status status = assay_model_open(&model, options->model, error);
    if (status == ASSAY_OK)
        status = corpus_open(&work->corpus, options->data, error);
    if (status == ASSAY_OK)
        status = open_session(work, model, options, max_tokens, work->corpus.count, error);
    if (status == ASSAY_OK) {
        snprintf(result->unit, sizeof result->unit, "tokens/s");
        snprintf(result->rows, sizeof result->rows, "%s", options->data ? "data" : "built in");
        result->max_tokens = max_tokens;
        status = measure_score(result, work, options, 0, error);
    }
    close_work(work);
    assay_model_close(model);
    return status;
}
