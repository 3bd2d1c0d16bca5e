#include "report/contest.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>

struct judging {
    const struct contestant *contestants;
    const uint8_t *positive;
    int64_t rows;
    int count;
};

/* Areas of all, then accuracies of all. */
static void measure(const void *context, double *out, const double *weights, int thread)
{
    const struct judging *j = context;
    (void)thread;
    for (int i = 0; i < j->count; i++) {
        const struct contestant *one = &j->contestants[i];
        double right = 0.0, all = 0.0;
        for (int64_t r = 0; r < j->rows && one->right; r++) {
            double weight = weights ? weights[r] : 1.0;
            right += one->right[r] ? weight : 0.0;
            all += weight;
        }
        out[i] = one->ranking ? ranking_auroc(one->ranking, j->positive, weights) : (double)NAN;
        out[j->count + i] = all > 0.0 ? right / all : (double)NAN;
    }
}

static void fill(struct contest_figure *out, double *values, const double *first, double *scratch,
                 double value, double best, const struct resample_plan *plan)
{
    const char *reason;
    out->value = value;
    out->lead = best - value;
    for (int32_t r = 0; r < plan->count; r++)
        scratch[r] = first[r] - values[r];
    out->lead_interval = resample_interval(scratch, plan, &reason);
    for (int32_t r = 0; r < plan->count; r++)
        scratch[r] = values[r];
    out->interval = resample_interval(scratch, plan, &reason);
}

assay_status contest_judge(struct contest_result *results, const struct contestant *contestants,
                           int count, const uint8_t *positive, const struct resample_plan *plan,
                           assay_error *error)
{
    struct judging judging = {contestants, positive, plan->rows, count};
    size_t width = 2 * (size_t)count, resamples = (size_t)plan->count;
    double *values = memory_allocate((width + 1) * resamples, sizeof *values);
    double *whole = memory_allocate(width, sizeof *whole);
    assay_status status = values && whole
                              ? resample(values, (int32_t)width, plan, measure, &judging, error)
                              : error_memory(error, width * resamples * sizeof *values);
    if (!status) {
        double *scratch = values + width * resamples;
        measure(&judging, whole, NULL, 0);
        for (int i = 0; i < count; i++) {
            size_t accuracy = (size_t)(count + i);
            fill(&results[i].auroc, values + (size_t)i * resamples, values, scratch, whole[i],
                 whole[0], plan);
            fill(&results[i].accuracy, values + accuracy * resamples,
                 values + (size_t)count * resamples, scratch, whole[accuracy], whole[count], plan);
        }
    }
    memory_free(values);
    memory_free(whole);
    return status;
}

bool contest_leads(const struct contest_figure *figure)
{
    return figure->lead_interval.low > 0.0;
}

bool contest_trails(const struct contest_figure *figure)
{
    return figure->lead_interval.high < 0.0;
}
