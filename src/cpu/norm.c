/* Layer norm and RMS norm: rows are independent forward and for dx; columns for dweight and dbias.
 */
#include "base/threads.h"
#include "cpu/kernel_set.h"
#include "cpu/lanes.h"

#include <math.h>

enum { TASK_ROWS = 16 };

struct norm {
    float *y, *dx;
    float *dweight, *dbias;
    float beta, beta_bias;
    float *mean, *scale; /* mean NULL: RMS norm */
    const float *x, *dy, *weight, *bias;
    int64_t rows, width;
    float epsilon;
};

static int64_t tasks_of(int64_t count, int64_t size)
{
    return (count + size - 1) / size;
}

static float sum_of(const float *x, int64_t n)
{
    lanes sum = lanes_zero();
    for (int64_t j = 0; j < n; j += LANES)
        sum = lanes_add(sum, lanes_load_some(x + j, n - j));
    return lanes_sum(sum);
}

/* Sum of (x - mean)^2; lanes beyond the row must not count, so the tail subtracts nothing. */
static float squares_of(const float *x, float mean, int64_t n)
{
    lanes sum = lanes_zero(), m = lanes_all(mean);
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        lanes d = lanes_subtract(lanes_load(x + j), m);
        sum = lanes_fma(d, d, sum);
    }
    if (j < n) {
        float tail[LANES] = {0};
        lanes_store(tail, lanes_subtract(lanes_load_first(x + j, n - j), m));
        lanes d = lanes_load_first(tail, n - j);
        sum = lanes_fma(d, d, sum);
    }
    return lanes_sum(sum);
}

static void forward_row(const struct norm *job, int64_t i)
{
    int64_t n = job->width;
    const float *x = job->x + i * n;
    float *y = job->y + i * n;
    float mean = job->mean ? sum_of(x, n) / (float)n : 0.0f;
    float scale = 1.0f / sqrtf(squares_of(x, mean, n) / (float)n + job->epsilon);
    lanes m = lanes_all(mean), s = lanes_all(scale);
    for (int64_t j = 0; j < n; j += LANES) {
        lanes v = lanes_multiply(lanes_subtract(lanes_load_some(x + j, n - j), m), s);
        lanes w = lanes_load_some(job->weight + j, n - j);
        v = job->bias ? lanes_fma(v, w, lanes_load_some(job->bias + j, n - j))
                      : lanes_multiply(v, w);
        lanes_store_some(y + j, v, n - j);
    }
    if (job->mean)
        job->mean[i] = mean;
    job->scale[i] = scale;
}

/* dx = scale * (g - mean(g) - xhat * mean(g * xhat)) with g = dy * weight; RMS norm has no mean. */
static void backward_row(const struct norm *job, int64_t i)
{
    int64_t n = job->width;
    const float *x = job->x + i * n, *dy = job->dy + i * n;
    float *dx = job->dx + i * n;
    lanes m = lanes_all(job->mean ? job->mean[i] : 0.0f), s = lanes_all(job->scale[i]);
    lanes sum = lanes_zero(), product_sum = lanes_zero();
    for (int64_t j = 0; j < n; j += LANES) {
        lanes g =
            lanes_multiply(lanes_load_some(dy + j, n - j), lanes_load_some(job->weight + j, n - j));
        lanes xhat = lanes_multiply(lanes_subtract(lanes_load_some(x + j, n - j), m), s);
        sum = lanes_add(sum, g);
        product_sum = lanes_fma(g, xhat, product_sum); /* g is 0 beyond the row */
    }
    lanes mean_g = lanes_all(job->mean ? lanes_sum(sum) / (float)n : 0.0f);
    lanes mean_gx = lanes_all(lanes_sum(product_sum) / (float)n);
    for (int64_t j = 0; j < n; j += LANES) {
        lanes g =
            lanes_multiply(lanes_load_some(dy + j, n - j), lanes_load_some(job->weight + j, n - j));
        lanes xhat = lanes_multiply(lanes_subtract(lanes_load_some(x + j, n - j), m), s);
        lanes centred = lanes_subtract(lanes_subtract(g, mean_g), lanes_multiply(xhat, mean_gx));
        lanes v = lanes_multiply(centred, s);
        if (job->beta != 0.0f)
            v = lanes_add(lanes_load_some(dx + j, n - j), v);
        lanes_store_some(dx + j, v, n - j);
    }
}

static void forward_task(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct norm *job = context;
    for (int64_t i = index * TASK_ROWS; i < job->rows && i < (index + 1) * TASK_ROWS; i++)
        forward_row(job, i);
}

static void backward_task(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct norm *job = context;
    for (int64_t i = index * TASK_ROWS; i < job->rows && i < (index + 1) * TASK_ROWS; i++)
        backward_row(job, i);
}

static void weight_task(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct norm *job = context;
    int64_t j = index * LANES, n = job->width - j;
    lanes dw = lanes_zero(), db = lanes_zero();
    if (job->dweight && job->beta != 0.0f)
        dw = lanes_load_some(job->dweight + j, n);
    if (job->dbias && job->beta_bias != 0.0f)
        db = lanes_load_some(job->dbias + j, n);
    for (int64_t i = 0; i < job->rows; i++) {
        lanes dy = lanes_load_some(job->dy + i * job->width + j, n);
        lanes x = lanes_load_some(job->x + i * job->width + j, n);
        lanes m = lanes_all(job->mean ? job->mean[i] : 0.0f);
        lanes xhat = lanes_multiply(lanes_subtract(x, m), lanes_all(job->scale[i]));
        dw = lanes_fma(dy, xhat, dw);
        db = lanes_add(db, dy);
    }
    if (job->dweight)
        lanes_store_some(job->dweight + j, dw, n);
    if (job->dbias)
        lanes_store_some(job->dbias + j, db, n);
}

static void run(const struct kernel_context *context, struct norm *job, thread_task *task,
                int64_t count, int64_t size)
{
    thread_pool_run(context->threads, tasks_of(count, size), task, job);
}

static void layer_norm(const struct kernel_context *context, float *y, float *statistics,
                       const float *x, const float *weight, const float *bias, int64_t rows,
                       int64_t width, float epsilon)
{
    struct norm job = {.y = y,
                       .mean = statistics,
                       .scale = statistics + rows,
                       .x = x,
                       .weight = weight,
                       .bias = bias,
                       .rows = rows,
                       .width = width,
                       .epsilon = epsilon};
    run(context, &job, forward_task, rows, TASK_ROWS);
}

/* Backward only reads the statistics; the struct is shared with forward, which writes them. */
static struct norm backward_job(const float *dy, const float *x, const float *statistics,
                                bool with_mean, int64_t rows, int64_t width)
{
    float *saved = (float *)(uintptr_t)statistics;
    return (struct norm){.mean = with_mean ? saved : NULL,
                         .scale = with_mean ? saved + rows : saved,
                         .x = x,
                         .dy = dy,
                         .rows = rows,
                         .width = width};
}

static void layer_norm_dx(const struct kernel_context *context, float *dx, float beta,
                          const float *dy, const float *x, const float *statistics,
                          const float *weight, int64_t rows, int64_t width)
{
    struct norm job = backward_job(dy, x, statistics, true, rows, width);
    job.dx = dx;
    job.beta = beta;
    job.weight = weight;
    run(context, &job, backward_task, rows, TASK_ROWS);
}

static void layer_norm_dw(const struct kernel_context *context, float *dweight, float beta_weight,
                          float *dbias, float beta_bias, const float *dy, const float *x,
                          const float *statistics, int64_t rows, int64_t width)
{
    struct norm job = backward_job(dy, x, statistics, true, rows, width);
    job.dweight = dweight;
    job.beta = beta_weight;
    job.dbias = dbias;
    job.beta_bias = beta_bias;
    run(context, &job, weight_task, width, LANES);
}

static void rms_norm(const struct kernel_context *context, float *y, float *statistics,
                     const float *x, const float *weight, int64_t rows, int64_t width,
                     float epsilon)
{
    struct norm job = {.y = y,
                       .scale = statistics,
                       .x = x,
                       .weight = weight,
                       .rows = rows,
                       .width = width,
                       .epsilon = epsilon};
    run(context, &job, forward_task, rows, TASK_ROWS);
}

static void rms_norm_dx(const struct kernel_context *context, float *dx, float beta,
                        const float *dy, const float *x, const float *statistics,
                        const float *weight, int64_t rows, int64_t width)
{
    struct norm job = backward_job(dy, x, statistics, false, rows, width);
    job.dx = dx;
    job.beta = beta;
    job.weight = weight;
    run(context, &job, backward_task, rows, TASK_ROWS);
}

static void rms_norm_dw(const struct kernel_context *context, float *dweight, float beta,
                        const float *dy, const float *x, const float *statistics, int64_t rows,
                        int64_t width)
{
    struct norm job = backward_job(dy, x, statistics, false, rows, width);
    job.dweight = dweight;
    job.beta = beta;
    run(context, &job, weight_task, width, LANES);
}

void KERNEL_NAME(fill_norm)(struct kernels *kernels)
{
    kernels->layer_norm = layer_norm;
    kernels->layer_norm_dx = layer_norm_dx;
    kernels->layer_norm_dw = layer_norm_dw;
    kernels->rms_norm = rms_norm;
    kernels->rms_norm_dx = rms_norm_dx;
    kernels->rms_norm_dw = rms_norm_dw;
}
