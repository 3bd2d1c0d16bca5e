#include "report/resample.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

enum { DEFAULT_COUNT = 1000, LEAST_COUNT = 200, WORK_LIMIT = 200000000 };

struct resampling {
    const struct resample_plan *plan;
    resample_measure *measure;
    const void *context;
    double *values;
    int32_t width;
    uint64_t key;
    double *weights;  /* (threads, rows) */
    int32_t *counts;  /* (threads, clusters) */
    double *measured; /* (threads, width) */
};

int32_t resample_count(int32_t asked, int64_t rows)
{
    if (asked > 0)
        return asked;
    int64_t most = rows > 0 ? WORK_LIMIT / rows : DEFAULT_COUNT;
    return (int32_t)(most > DEFAULT_COUNT ? DEFAULT_COUNT
                     : most < LEAST_COUNT ? LEAST_COUNT
                                          : most);
}

static void draw(int32_t *counts, const struct resampling *r, int64_t index)
{
    int32_t clusters = r->plan->clusters;
    memset(counts, 0, (size_t)clusters * sizeof *counts);
    for (int32_t i = 0; i < clusters; i += 4) {
        uint32_t four[4];
        const uint32_t counter[4] = {(uint32_t)i / 4, (uint32_t)index, 0, 0};
        random_block(four, r->key, counter);
        for (int32_t j = 0; j < 4 && i + j < clusters; j++)
            counts[(uint64_t)four[j] * (uint64_t)clusters >> 32]++;
    }
}

static void one_resample(void *context, int64_t index, int thread)
{
    const struct resampling *r = context;
    const struct resample_plan *plan = r->plan;
    double *weights = r->weights + (int64_t)thread * plan->rows;
    int32_t *counts = r->counts + (int64_t)thread * plan->clusters;
    double *measured = r->measured + (int64_t)thread * r->width;
    draw(counts, r, index);
    for (int64_t i = 0; i < plan->rows; i++)
        weights[i] = counts[plan->cluster[i]];
    r->measure(r->context, measured, weights, thread);
    for (int32_t f = 0; f < r->width; f++)
        r->values[(int64_t)f * plan->count + index] = measured[f];
}

assay_status resample(double *values, int32_t width, const struct resample_plan *plan,
                      resample_measure *measure, const void *context, assay_error *error)
{
    size_t threads = (size_t)thread_pool_size(plan->threads);
    struct resampling r = {.plan = plan,
                           .measure = measure,
                           .context = context,
                           .values = values,
                           .width = width,
                           .key = random_mix(plan->seed, random_hash_name("resample"))};
    r.weights = memory_allocate(threads * (size_t)plan->rows, sizeof *r.weights);
    r.counts = memory_allocate(threads * (size_t)plan->clusters, sizeof *r.counts);
    r.measured = memory_allocate(threads * (size_t)width, sizeof *r.measured);
    assay_status status = ASSAY_OK;
    if (r.weights && r.counts && r.measured)
        thread_pool_run(plan->threads, plan->count, one_resample, &r);
    else
        status = error_memory(error, threads * (size_t)plan->rows * sizeof *r.weights);
    memory_free(r.weights);
    memory_free(r.counts);
    memory_free(r.measured);
    return status;
}

struct interval resample_interval(double *values, const struct resample_plan *plan,
                                  const char **reason)
{
    int64_t defined = 0;
    for (int64_t i = 0; i < plan->count; i++) {
        if (!isnan(values[i]))
            values[defined++] = values[i];
    }
    *reason = NULL;
    if (plan->clusters < 2)
        *reason = "all rows are one cluster, which cannot be resampled";
    else if (defined * 20 < (int64_t)plan->count * 19)
        *reason = "it is not defined on more than 5 % of the resamples";
    if (*reason)
        return (struct interval){(double)NAN, (double)NAN};
    return interval_percentile(values, defined, plan->clusters, RESAMPLE_CONFIDENCE);
}
