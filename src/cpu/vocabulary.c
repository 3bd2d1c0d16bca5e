/* Rows as wide as a vocabulary: softmax pieces, token scores and their gradients. */
#include "base/threads.h"
#include "cpu/functions.h"
#include "cpu/kernel_set.h"

#include <math.h>

float KERNEL_NAME(row_largest)(const float *x, int64_t n)
{
    lanes largest = lanes_all(-INFINITY);
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES)
        largest = lanes_max(largest, lanes_load(x + j)); /* may lose a NaN; the sum keeps it */
    float result = lanes_largest(largest);
    for (; j < n; j++)
        result = x[j] > result || isnan(x[j]) ? x[j] : result;
    return result;
}

/* x becomes exp(x - largest) in y; the sum. */
static float row_exponentials(float *y, const float *x, float largest, int64_t n)
{
    lanes sum = lanes_zero(), top = lanes_all(largest);
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        lanes e = lanes_exp(lanes_subtract(lanes_load(x + j), top));
        lanes_store(y + j, e);
        sum = lanes_add(sum, e);
    }
    if (j < n) {
        lanes_store_first(y + j, lanes_exp(lanes_subtract(lanes_load_first(x + j, n - j), top)),
                          n - j);
        sum = lanes_add(sum, lanes_load_first(y + j, n - j));
    }
    return lanes_sum(sum);
}

/* Sum of exp(x - largest), nothing stored. */
static float sum_of_exponentials(const float *x, float largest, int64_t n)
{
    lanes sum = lanes_zero(), top = lanes_all(largest);
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES)
        sum = lanes_add(sum, lanes_exp(lanes_subtract(lanes_load(x + j), top)));
    if (j < n) {
        float tail[LANES] = {0};
        lanes_store_first(tail, lanes_exp(lanes_subtract(lanes_load_first(x + j, n - j), top)),
                          n - j);
        sum = lanes_add(sum, lanes_load(tail));
    }
    return lanes_sum(sum);
}

/* The moments sum over 32,000 to 250,000 words; float32 sums would show, so they are in double,
 * each of 16 virtual lanes in order and then a fixed tree, in plain code that every set shares. */
struct moments {
    double mean, square, entropy_p, cross_q;
};

static double tree(double v[LANES])
{
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++)
            v[i] += v[i + half];
    }
    return v[0];
}

/* One distribution of a row. */
struct logits {
    const float *x;
    float largest;
    double log_sum;
};

/* mean = sum q log p, square = sum q (log p)^2, entropy_p = -sum p log p, cross_q = sum q log q.
 * Weights are taken below the largest logit, an exact number, and divided by their own sum: a
 * common rounding error of theirs would be multiplied by mean^2 / variance. */
static struct moments moments_of(const struct logits *of_p, const struct logits *of_q, int64_t n)
{
    const float *p = of_p->x, *q = of_q->x;
    double mean[LANES] = {0}, square[LANES] = {0}, entropy[LANES] = {0}, own[LANES] = {0};
    double sum_p[LANES] = {0}, sum_q[LANES] = {0};
    float weight_p[LANES], weight_q[LANES];
    lanes shift_p = lanes_all(of_p->largest), shift_q = lanes_all(of_q->largest);
    for (int64_t j = 0; j < n; j += LANES) {
        int64_t count = n - j < LANES ? n - j : LANES;
        lanes_store(weight_p, lanes_exp(lanes_subtract(lanes_load_some(p + j, n - j), shift_p)));
        lanes_store(weight_q, lanes_exp(lanes_subtract(lanes_load_some(q + j, n - j), shift_q)));
        for (int64_t i = 0; i < count; i++) {
            double log_p = p[j + i] - of_p->log_sum, log_q = q[j + i] - of_q->log_sum;
            double wp = weight_p[i], wq = weight_q[i];
            sum_p[i] += wp;
            sum_q[i] += wq;
            mean[i] += wq * log_p;
            square[i] += wq * log_p * log_p;
            entropy[i] -= wp * log_p;
            own[i] += wq * log_q;
        }
    }
    double all_p = tree(sum_p), all_q = tree(sum_q);
    return (struct moments){tree(mean) / all_q, tree(square) / all_q, tree(entropy) / all_p,
                            tree(own) / all_q};
}

struct scoring {
    float *const *scores;
    const float *p, *q;
    const int32_t *targets;
    int64_t width;
};

static void put(float *scores, int64_t row, double value)
{
    if (scores)
        scores[row] = (float)value;
}

static void score_task(void *context, int64_t row, int thread)
{
    (void)thread;
    const struct scoring *job = context;
    const float *p = job->p + row * job->width;
    const float *q = job->q ? job->q + row * job->width : p;
    float largest_p = KERNEL_NAME(row_largest)(p, job->width);
    float sum_p = sum_of_exponentials(p, largest_p, job->width);
    float largest_q = largest_p, sum_q = sum_p;
    if (job->q) {
        largest_q = KERNEL_NAME(row_largest)(q, job->width);
        sum_q = sum_of_exponentials(q, largest_q, job->width);
    }
    double log_sum_p = (double)largest_p + log((double)sum_p);
    double log_sum_q = (double)largest_q + log((double)sum_q);
    int32_t target = job->targets ? job->targets[row] : -1;
    double log_probability = target < 0 ? 0.0 : p[target] - log_sum_p;
    put(job->scores[SCORE_CROSS_ENTROPY], row, -log_probability);
    put(job->scores[SCORE_LOG_PROBABILITY], row, log_probability);
    if (job->scores[SCORE_RANK]) {
        int64_t rank = target < 0 ? 0 : 1;
        for (int64_t j = 0; target >= 0 && j < job->width; j++)
            rank += p[j] > p[target];
        job->scores[SCORE_RANK][row] = (float)rank;
    }
    if (!job->scores[SCORE_ENTROPY] && !job->scores[SCORE_MEAN] && !job->scores[SCORE_VARIANCE] &&
        !job->scores[SCORE_KL])
        return;
    struct logits of_p = {p, largest_p, log_sum_p}, of_q = {q, largest_q, log_sum_q};
    struct moments m = moments_of(&of_p, &of_q, job->width);
    put(job->scores[SCORE_ENTROPY], row, m.entropy_p);
    put(job->scores[SCORE_MEAN], row, m.mean);
    put(job->scores[SCORE_VARIANCE], row, m.square - m.mean * m.mean);
    put(job->scores[SCORE_KL], row, m.cross_q - m.mean);
}

static void vocabulary_scores(const struct kernel_context *context,
                              float *const scores[SCORE_COUNT], const float *p, const float *q,
                              const int32_t *targets, int64_t rows, int64_t width)
{
    struct scoring job = {scores, p, q, targets, width};
    thread_pool_run(context->threads, rows, score_task, &job);
}

struct slope {
    float *p;
    const float *q;
    const int32_t *targets;
    const float *dcross, *dkl;
    int64_t width;
};

static void slope_task(void *context, int64_t row, int thread)
{
    (void)thread;
    const struct slope *job = context;
    float *p = job->p + row * job->width;
    const float *q = job->q ? job->q + row * job->width : NULL;
    int32_t target = job->targets ? job->targets[row] : -1;
    float cross = job->dcross && target >= 0 ? job->dcross[row] : 0.0f;
    float kl = job->dkl && q ? job->dkl[row] : 0.0f;
    float largest = KERNEL_NAME(row_largest)(p, job->width);
    float inverse = 1.0f / row_exponentials(p, p, largest, job->width);
    lanes factor_p = lanes_multiply(lanes_all(cross + kl), lanes_all(inverse));
    lanes factor_q = lanes_zero(), top_q = lanes_zero();
    if (kl != 0.0f) {
        float largest_q = KERNEL_NAME(row_largest)(q, job->width);
        factor_q = lanes_all(kl / sum_of_exponentials(q, largest_q, job->width));
        top_q = lanes_all(largest_q);
    }
    for (int64_t j = 0; j < job->width; j += LANES) {
        int64_t n = job->width - j;
        lanes d = lanes_multiply(lanes_load_some(p + j, n), factor_p);
        if (kl != 0.0f) {
            lanes e = lanes_exp(lanes_subtract(lanes_load_some(q + j, n), top_q));
            d = lanes_subtract(d, lanes_multiply(e, factor_q));
        }
        lanes_store_some(p + j, d, n);
    }
    if (target >= 0)
        p[target] -= cross;
}

static void vocabulary_dlogits(const struct kernel_context *context, float *p, const float *q,
                               const int32_t *targets, const float *dcross, const float *dkl,
                               int64_t rows, int64_t width)
{
    struct slope job = {p, q, targets, dcross, dkl, width};
    thread_pool_run(context->threads, rows, slope_task, &job);
}

void KERNEL_NAME(fill_vocabulary)(struct kernels *kernels)
{
    kernels->vocabulary_scores = vocabulary_scores;
    kernels->vocabulary_dlogits = vocabulary_dlogits;
}
