/* Work on rows: embeddings, pooling, and the losses over few classes. */
#include "base/threads.h"
#include "cpu/functions.h"
#include "cpu/kernel_set.h"

#include <math.h>

enum { TASK_ROWS = 32 };

static int64_t tasks_of(int64_t count, int64_t size)
{
    return (count + size - 1) / size;
}

struct embedding {
    float *y;
    const float *x;
    const int32_t *ids;
    int64_t tokens, width, entries;
    float beta;
};

static void copy_row(float *y, const float *x, int64_t n)
{
    memcpy(y, x, (size_t)n * sizeof(float));
}

static void embed_task(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct embedding *job = context;
    for (int64_t t = index * TASK_ROWS; t < job->tokens && t < (index + 1) * TASK_ROWS; t++)
        copy_row(job->y + t * job->width, job->x + (int64_t)job->ids[t] * job->width, job->width);
}

static void embed(const struct kernel_context *context, float *y, const float *table,
                  const int32_t *ids, int64_t tokens, int64_t width)
{
    struct embedding job = {.y = y, .x = table, .ids = ids, .tokens = tokens, .width = width};
    thread_pool_run(context->threads, tasks_of(tokens, TASK_ROWS), embed_task, &job);
}

/* A task owns LANES columns of the table, so that tokens are added in order without locks. */
static void embed_dw_task(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct embedding *job = context;
    int64_t j = index * LANES, n = job->width - j;
    if (job->beta == 0.0f) {
        for (int64_t i = 0; i < job->entries; i++)
            lanes_store_some(job->y + i * job->width + j, lanes_zero(), n);
    }
    for (int64_t t = 0; t < job->tokens; t++) {
        float *row = job->y + (int64_t)job->ids[t] * job->width + j;
        lanes sum =
            lanes_add(lanes_load_some(row, n), lanes_load_some(job->x + t * job->width + j, n));
        lanes_store_some(row, sum, n);
    }
}

static void embed_dw(const struct kernel_context *context, float *dtable, float beta,
                     const float *dy, const int32_t *ids, int64_t tokens, int64_t width,
                     int64_t entries)
{
    struct embedding job = {dtable, dy, ids, tokens, width, entries, beta};
    thread_pool_run(context->threads, tasks_of(width, LANES), embed_dw_task, &job);
}

struct pool_job {
    enum pooling kind;
    float *y;
    const float *x;
    const int32_t *offsets;
    int64_t width;
    float beta;
};

static void pool_task(void *context, int64_t row, int thread)
{
    (void)thread;
    const struct pool_job *job = context;
    int64_t first = job->offsets[row], last = job->offsets[row + 1], width = job->width;
    float *y = job->y + row * width;
    if (job->kind != POOL_MEAN) {
        int64_t token = job->kind == POOL_FIRST ? first : last - 1;
        copy_row(y, job->x + token * width, width);
        return;
    }
    lanes count = lanes_all((float)(last - first));
    for (int64_t j = 0; j < width; j += LANES) {
        lanes sum = lanes_zero();
        for (int64_t t = first; t < last; t++)
            sum = lanes_add(sum, lanes_load_some(job->x + t * width + j, width - j));
        lanes_store_some(y + j, lanes_divide(sum, count), width - j);
    }
}

static void pool(const struct kernel_context *context, enum pooling kind, float *y, const float *x,
                 const int32_t *offsets, int64_t rows, int64_t width)
{
    struct pool_job job = {kind, y, x, offsets, width, 0.0f};
    thread_pool_run(context->threads, rows, pool_task, &job);
}

static void pool_dx_task(void *context, int64_t row, int thread)
{
    (void)thread;
    const struct pool_job *job = context;
    int64_t first = job->offsets[row], last = job->offsets[row + 1], width = job->width;
    int64_t chosen = job->kind == POOL_FIRST ? first : last - 1;
    lanes share = lanes_all(job->kind == POOL_MEAN ? (float)(last - first) : 1.0f);
    for (int64_t t = first; t < last; t++) {
        bool counts = job->kind == POOL_MEAN || t == chosen;
        if (!counts && job->beta != 0.0f)
            continue;
        float *dx = job->y + t * width;
        for (int64_t j = 0; j < width; j += LANES) {
            lanes v = lanes_zero();
            if (counts)
                v = lanes_divide(lanes_load_some(job->x + row * width + j, width - j), share);
            if (job->beta != 0.0f)
                v = lanes_add(lanes_load_some(dx + j, width - j), v);
            lanes_store_some(dx + j, v, width - j);
        }
    }
}

static void pool_dx(const struct kernel_context *context, enum pooling kind, float *dx, float beta,
                    const float *dy, const int32_t *offsets, int64_t rows, int64_t width)
{
    struct pool_job job = {kind, dx, dy, offsets, width, beta};
    thread_pool_run(context->threads, rows, pool_dx_task, &job);
}

static void normalize_task(void *context, int64_t row, int thread)
{
    (void)thread;
    const struct pool_job *job = context;
    const float *x = job->x + row * job->width;
    float *y = job->y + row * job->width;
    lanes sum = lanes_zero();
    for (int64_t j = 0; j < job->width; j += LANES) {
        lanes v = lanes_load_some(x + j, job->width - j);
        sum = lanes_fma(v, v, sum);
    }
    /* The floor is torch.nn.functional.normalize's. */
    float norm = sqrtf(lanes_sum(sum));
    lanes divisor = lanes_all(norm > 1e-12f ? norm : 1e-12f);
    for (int64_t j = 0; j < job->width; j += LANES)
        lanes_store_some(y + j, lanes_divide(lanes_load_some(x + j, job->width - j), divisor),
                         job->width - j);
}

static void normalize(const struct kernel_context *context, float *y, const float *x, int64_t rows,
                      int64_t width)
{
    struct pool_job job = {.y = y, .x = x, .width = width};
    thread_pool_run(context->threads, rows, normalize_task, &job);
}

struct normalize_slope {
    float *dx;
    const float *dy, *x;
    int64_t width;
    float beta;
};

/* dx = (dy - y (y . dy)) / norm */
static void normalize_dx_task(void *context, int64_t row, int thread)
{
    (void)thread;
    const struct normalize_slope *job = context;
    const float *x = job->x + row * job->width, *dy = job->dy + row * job->width;
    float *dx = job->dx + row * job->width;
    lanes squares = lanes_zero(), product = lanes_zero();
    for (int64_t j = 0; j < job->width; j += LANES) {
        lanes v = lanes_load_some(x + j, job->width - j);
        squares = lanes_fma(v, v, squares);
        product = lanes_fma(v, lanes_load_some(dy + j, job->width - j), product);
    }
    float norm = sqrtf(lanes_sum(squares));
    norm = norm > 1e-12f ? norm : 1e-12f;
    lanes share = lanes_all(lanes_sum(product) / (norm * norm)), divisor = lanes_all(norm);
    for (int64_t j = 0; j < job->width; j += LANES) {
        int64_t n = job->width - j;
        lanes d = lanes_subtract(lanes_load_some(dy + j, n),
                                 lanes_multiply(lanes_load_some(x + j, n), share));
        d = lanes_divide(d, divisor);
        if (job->beta != 0.0f)
            d = lanes_add(lanes_load_some(dx + j, n), d);
        lanes_store_some(dx + j, d, n);
    }
}

static void normalize_dx(const struct kernel_context *context, float *dx, float beta,
                         const float *dy, const float *x, int64_t rows, int64_t width)
{
    struct normalize_slope job = {dx, dy, x, width, beta};
    thread_pool_run(context->threads, rows, normalize_dx_task, &job);
}

/* Classes are few: plain double arithmetic in order, the same code in every kernel set. */
static double row_log_sum(const float *x, int64_t n)
{
    double largest = -INFINITY, sum = 0.0;
    for (int64_t j = 0; j < n; j++)
        largest = x[j] > largest || isnan(x[j]) ? x[j] : largest;
    for (int64_t j = 0; j < n; j++)
        sum += exp(x[j] - largest);
    return largest + log(sum);
}

/* torch's rule: (1 - s) * w[label] * nll + s / classes * sum of w[c] * nll(c). */
static void cross_entropy_row(void *context, int64_t row, int thread)
{
    (void)thread;
    const struct cross_entropy *job = context;
    const float *x = job->logits + row * job->classes;
    int32_t label = job->labels[row];
    if (label < 0) {
        job->loss[row] = 0.0f;
        return;
    }
    double log_sum = row_log_sum(x, job->classes), smooth = 0.0;
    const float *weights = job->class_weights;
    for (int64_t j = 0; job->smoothing > 0.0f && j < job->classes; j++)
        smooth += (weights ? (double)weights[j] : 1.0) * (log_sum - x[j]);
    double hard = (weights ? (double)weights[label] : 1.0) * (log_sum - x[label]);
    double s = job->smoothing;
    job->loss[row] = (float)((1.0 - s) * hard + s / (double)job->classes * smooth);
}

static void cross_entropy_dx_row(void *context, int64_t row, int thread)
{
    (void)thread;
    const struct cross_entropy *job = context;
    const float *x = job->logits + row * job->classes;
    float *dx = job->dlogits + row * job->classes;
    int32_t label = job->labels[row];
    const float *weights = job->class_weights;
    double log_sum = label < 0 ? 0.0 : row_log_sum(x, job->classes);
    double s = (double)job->smoothing / (double)job->classes, total = 0.0;
    for (int64_t j = 0; j < job->classes; j++)
        total += weights ? (double)weights[j] : 1.0;
    for (int64_t j = 0; j < job->classes; j++) {
        double d = 0.0;
        if (label >= 0) {
            double own = weights ? (double)weights[label] : 1.0;
            double p = exp(x[j] - log_sum);
            d = (1.0 - (double)job->smoothing) * own * (p - (j == label ? 1.0 : 0.0)) +
                s * (total * p - (weights ? (double)weights[j] : 1.0));
            d *= job->dloss[row];
        }
        dx[j] = (job->beta != 0.0f ? dx[j] : 0.0f) + (float)d;
    }
}

static void cross_entropy(const struct kernel_context *context, const struct cross_entropy *job)
{
    struct cross_entropy copy = *job;
    thread_pool_run(context->threads, job->rows, cross_entropy_row, &copy);
}

static void cross_entropy_dx(const struct kernel_context *context, const struct cross_entropy *job)
{
    struct cross_entropy copy = *job;
    thread_pool_run(context->threads, job->rows, cross_entropy_dx_row, &copy);
}

struct squared_error {
    float *out;
    const float *x, *target, *dloss;
    int64_t width;
    float beta;
};

static void squared_error_row(void *context, int64_t row, int thread)
{
    (void)thread;
    const struct squared_error *job = context;
    lanes sum = lanes_zero();
    for (int64_t j = 0; j < job->width; j += LANES) {
        int64_t i = row * job->width + j, n = job->width - j;
        lanes d =
            lanes_subtract(lanes_load_some(job->x + i, n), lanes_load_some(job->target + i, n));
        sum = lanes_fma(d, d, sum);
    }
    job->out[row] = lanes_sum(sum) / (float)job->width;
}

static void squared_error_dx_row(void *context, int64_t row, int thread)
{
    (void)thread;
    const struct squared_error *job = context;
    lanes factor = lanes_all(2.0f * job->dloss[row] / (float)job->width);
    for (int64_t j = 0; j < job->width; j += LANES) {
        int64_t i = row * job->width + j, n = job->width - j;
        lanes d =
            lanes_subtract(lanes_load_some(job->x + i, n), lanes_load_some(job->target + i, n));
        d = lanes_multiply(d, factor);
        if (job->beta != 0.0f)
            d = lanes_add(lanes_load_some(job->out + i, n), d);
        lanes_store_some(job->out + i, d, n);
    }
}

static void squared_error(const struct kernel_context *context, float *loss, const float *x,
                          const float *target, int64_t rows, int64_t width)
{
    struct squared_error job = {.out = loss, .x = x, .target = target, .width = width};
    thread_pool_run(context->threads, rows, squared_error_row, &job);
}

static void squared_error_dx(const struct kernel_context *context, float *dx, float beta,
                             const float *dloss, const float *x, const float *target, int64_t rows,
                             int64_t width)
{
    struct squared_error job = {dx, x, target, dloss, width, beta};
    thread_pool_run(context->threads, rows, squared_error_dx_row, &job);
}

void KERNEL_NAME(fill_rows)(struct kernels *kernels)
{
    kernels->embed = embed;
    kernels->embed_dw = embed_dw;
    kernels->pool = pool;
    kernels->pool_dx = pool_dx;
    kernels->normalize = normalize;
    kernels->normalize_dx = normalize_dx;
    kernels->cross_entropy = cross_entropy;
    kernels->cross_entropy_dx = cross_entropy_dx;
    kernels->squared_error = squared_error;
    kernels->squared_error_dx = squared_error_dx;
}
