/* Ours and the reference in turn: what disturbs the machine disturbs both, and the ratio of
 * neighbours says more than either rate. */
#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"
#include "machine/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS = 3, PAIRS_MOST = 99 };

struct pair {
    assay_bench_result ours;
    double ours_rate, peer_rate;
};

static double ratio_of(const struct pair *pair)
{
    return pair->ours_rate / pair->peer_rate;
}

static int by_ratio(const void *a, const void *b)
{
    double x = ratio_of(a), y = ratio_of(b);
    return (x > y) - (x < y);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the values. */
static void spread(double *values, int count, double *median, double *least, double *most)
{
    qsort(values, (size_t)count, sizeof *values, by_size);
    *median = (values[(count - 1) / 2] + values[count / 2]) / 2.0;
    *least = values[0];
    *most = values[count - 1];
}

static void sum_up(assay_bench_result *result, assay_peer_result *peer, struct pair *pairs,
                   int count)
{
    double values[PAIRS_MOST];
    int64_t peak = 0, repetitions = 0;
    for (int i = 0; i < count; i++) {
        values[i] = pairs[i].peer_rate;
        repetitions += pairs[i].ours.repetitions;
        if (peak < pairs[i].ours.peak_bytes)
            peak = pairs[i].ours.peak_bytes;
    }
    spread(values, count, &peer->value, &peer->least, &peer->most);
    for (int i = 0; i < count; i++)
        values[i] = ratio_of(&pairs[i]);
    spread(values, count, &peer->ratio, &peer->ratio_least, &peer->ratio_most);
    qsort(pairs, (size_t)count, sizeof *pairs, by_ratio);
    peer->pairs = count;
    *result = pairs[count / 2].ours;
    for (int i = 0; i < count; i++)
        values[i] = pairs[i].ours_rate;
    spread(values, count, &result->value, &result->least, &result->most);
    result->mean = result->value;
    result->peak_bytes = peak;
    result->repetitions = repetitions;
}

bool assay_peer_knows(const char *work)
{
    return bench_subject_find(work) != NULL;
}

static assay_status run_pairs(struct pair *pairs, int count, assay_peer_result *out,
                              struct peer *peer, struct bench_request *request, assay_error *error)
{
    struct peer_reply reply;
    assay_status status = ASSAY_OK;
    for (int i = 0; status == ASSAY_OK && i < count; i++) {
        status = peer_measure(peer, &reply, request->options->seconds, request->batches, error);
        if (status != ASSAY_OK)
            break;
        /* What the first measurement had time for, the others repeat, and so do ours. */
        request->batches = reply.batches;
        status = bench_subject_run_apart(&pairs[i].ours, request, error);
        pairs[i].ours_rate = pairs[i].ours.mean;
        pairs[i].peer_rate = (double)reply.tokens / reply.seconds;
        if (out->peak_bytes < reply.peak_bytes)
            out->peak_bytes = reply.peak_bytes;
        out->batches = reply.batches;
    }
    return status;
}

assay_status assay_bench_run_pairs(assay_bench_result *result, assay_peer_result *peer,
                                   const char *work, const assay_bench_options *options,
                                   const assay_peer_options *peer_options, assay_error *error)
{
    if (!result || !peer || !work || !peer_options)
        return error_needs(error, __func__, "result, peer, the name of a work and peer_options");
    assay_bench_options all;
    assay_peer_options asked = ASSAY_PEER_OPTIONS_INIT;
    if (bench_options_read(&all, options, error) ||
        error_options(error, peer_options->struct_size, sizeof asked, "ASSAY_PEER_OPTIONS_INIT"))
        return ASSAY_ERROR_ARGUMENT;
    asked = *peer_options;
    struct bench_request request = {.subject = bench_subject_find(work), .options = &all};
    if (!request.subject || !asked.python)
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         asked.python ? "the peer does not know the work \"%.64s\""
                                      : "no Python is named for \"%.64s\"",
                         work);
    int count = asked.pairs > 0 ? asked.pairs : PAIRS;
    if (count > PAIRS_MOST)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "more than %d pairs", PAIRS_MOST);
    int threads = all.threads > 0 ? all.threads : processor_count();
    struct bench_rows rows = {0};
    struct peer *process = NULL;
    struct peer_reply reply = {0};
    *peer = (assay_peer_result){0};
    struct pair *pairs = memory_allocate_zeroed((size_t)count, sizeof *pairs);
    assay_status status = pairs ? bench_rows_open(&rows, &request, error)
                                : error_memory(error, (size_t)count * sizeof *pairs);
    if (status == ASSAY_OK)
        status = peer_open(&process, &reply, &asked, &request, &rows, threads, error);
    bench_rows_free(&rows);
    if (status == ASSAY_OK) {
        snprintf(peer->versions, sizeof peer->versions, "%s", reply.versions);
        snprintf(peer->options, sizeof peer->options, "%s", asked.options ? asked.options : "");
        status = run_pairs(pairs, count, peer, process, &request, error);
    }
    if (status == ASSAY_OK)
        sum_up(result, peer, pairs, count);
    peer_close(process);
    memory_free(pairs);
    return status;
}
