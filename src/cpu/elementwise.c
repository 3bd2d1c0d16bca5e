/* Activations and their derivatives, sums, dropout. */
#include "base/threads.h"
#include "cpu/functions.h"
#include "cpu/kernel_set.h"

enum { TASK_ELEMENTS = 16384 };

static const float one_over_sqrt_2 = 0x1.6a09e6p-1f;
static const float one_over_sqrt_2_pi = 0x1.988454p-2f;
/* GELU's tanh form: sqrt(2 / pi) (x + 0.044715 x^3) */
static const float gelu_root = 0x1.988454p-1f;
static const float gelu_cubic = 0.044715f;

static lanes half(lanes x)
{
    return lanes_multiply(lanes_all(0.5f), x);
}

static lanes gelu_inner(lanes x)
{
    lanes cube = lanes_multiply(lanes_multiply(x, x), x);
    return lanes_multiply(lanes_all(gelu_root), lanes_fma(lanes_all(gelu_cubic), cube, x));
}

static inline lanes activation_of(enum activation kind, lanes x)
{
    const lanes one = lanes_all(1.0f);
    switch (kind) {
    case ACTIVATION_GELU_ERF:
        return lanes_multiply(
            half(x), lanes_add(one, lanes_erf(lanes_multiply(x, lanes_all(one_over_sqrt_2)))));
    case ACTIVATION_GELU_TANH:
        return lanes_multiply(half(x), lanes_add(one, lanes_tanh(gelu_inner(x))));
    case ACTIVATION_TANH:
        return lanes_tanh(x);
    case ACTIVATION_RELU:
        /* This order passes not-a-number on. Whether the larger of two keeps a denormal differs
         * between instructions; the sum flushes it everywhere. */
        return lanes_add(lanes_max(lanes_zero(), x), lanes_zero());
    case ACTIVATION_SILU:
        return lanes_multiply(x, lanes_sigmoid(x));
    }
    return x;
}

static inline lanes derivative_of(enum activation kind, lanes x)
{
    const lanes one = lanes_all(1.0f);
    switch (kind) {
    case ACTIVATION_GELU_ERF: {
        lanes cumulative =
            half(lanes_add(one, lanes_erf(lanes_multiply(x, lanes_all(one_over_sqrt_2)))));
        lanes density =
            lanes_multiply(lanes_all(one_over_sqrt_2_pi),
                           lanes_exp(lanes_multiply(lanes_all(-0.5f), lanes_multiply(x, x))));
        return lanes_fma(x, density, cumulative);
    }
    case ACTIVATION_GELU_TANH: {
        lanes t = lanes_tanh(gelu_inner(x));
        lanes slope = lanes_multiply(lanes_all(gelu_root), lanes_fma(lanes_all(3.0f * gelu_cubic),
                                                                     lanes_multiply(x, x), one));
        lanes curve = lanes_multiply(lanes_subtract(one, lanes_multiply(t, t)), slope);
        return lanes_fma(half(x), curve, half(lanes_add(one, t)));
    }
    case ACTIVATION_TANH: {
        lanes t = lanes_tanh(x);
        return lanes_subtract(one, lanes_multiply(t, t));
    }
    case ACTIVATION_RELU:
        return lanes_if_less(lanes_zero(), x, one, lanes_zero());
    case ACTIVATION_SILU: {
        lanes s = lanes_sigmoid(x);
        return lanes_multiply(s, lanes_fma(x, lanes_subtract(one, s), one));
    }
    }
    return one;
}

struct elementwise {
    enum activation kind;
    float *y;
    const float *a, *b;
    float beta;
    int64_t count;
};

/* A task's loop over its elements: `value` may use a and b at element i. Written as one function an
 * operation, so that the activation is chosen outside the loop. */
static inline __attribute__((always_inline)) void activate_span(enum activation kind, float *y,
                                                                const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i += LANES)
        lanes_store_some(y + i, activation_of(kind, lanes_load_some(x + i, n - i)), n - i);
}

static inline __attribute__((always_inline)) void
derive_span(enum activation kind, float *dx, const float *dy, const float *x, float beta, int64_t n)
{
    for (int64_t i = 0; i < n; i += LANES) {
        lanes v = lanes_multiply(lanes_load_some(dy + i, n - i),
                                 derivative_of(kind, lanes_load_some(x + i, n - i)));
        if (beta != 0.0f)
            v = lanes_add(lanes_load_some(dx + i, n - i), v);
        lanes_store_some(dx + i, v, n - i);
    }
}

static int64_t span(const struct elementwise *job, int64_t index, int64_t *first)
{
    *first = index * TASK_ELEMENTS;
    int64_t left = job->count - *first;
    return left < TASK_ELEMENTS ? left : TASK_ELEMENTS;
}

static void activate_task(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct elementwise *job = context;
    int64_t i, n = span(job, index, &i);
    switch (job->kind) {
    case ACTIVATION_GELU_ERF:
        activate_span(ACTIVATION_GELU_ERF, job->y + i, job->a + i, n);
        break;
    case ACTIVATION_GELU_TANH:
        activate_span(ACTIVATION_GELU_TANH, job->y + i, job->a + i, n);
        break;
    case ACTIVATION_TANH:
        activate_span(ACTIVATION_TANH, job->y + i, job->a + i, n);
        break;
    case ACTIVATION_RELU:
        activate_span(ACTIVATION_RELU, job->y + i, job->a + i, n);
        break;
    case ACTIVATION_SILU:
        activate_span(ACTIVATION_SILU, job->y + i, job->a + i, n);
        break;
    }
}

static void derive_task(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct elementwise *job = context;
    int64_t i, n = span(job, index, &i);
    switch (job->kind) {
    case ACTIVATION_GELU_ERF:
        derive_span(ACTIVATION_GELU_ERF, job->y + i, job->a + i, job->b + i, job->beta, n);
        break;
    case ACTIVATION_GELU_TANH:
        derive_span(ACTIVATION_GELU_TANH, job->y + i, job->a + i, job->b + i, job->beta, n);
        break;
    case ACTIVATION_TANH:
        derive_span(ACTIVATION_TANH, job->y + i, job->a + i, job->b + i, job->beta, n);
        break;
    case ACTIVATION_RELU:
        derive_span(ACTIVATION_RELU, job->y + i, job->a + i, job->b + i, job->beta, n);
        break;
    case ACTIVATION_SILU:
        derive_span(ACTIVATION_SILU, job->y + i, job->a + i, job->b + i, job->beta, n);
        break;
    }
}

static void add_task(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct elementwise *job = context;
    int64_t first, n = span(job, index, &first);
    for (int64_t i = first; i < first + n; i += LANES) {
        int64_t left = first + n - i;
        lanes sum = lanes_load_some(job->a + i, left);
        if (job->b)
            sum = lanes_add(sum, lanes_load_some(job->b + i, left));
        lanes_store_some(job->y + i, sum, left);
    }
}

static void run(const struct kernel_context *context, struct elementwise *job, thread_task *task)
{
    int64_t tasks = (job->count + TASK_ELEMENTS - 1) / TASK_ELEMENTS;
    thread_pool_run(context->threads, tasks, task, job);
}

static void activate(const struct kernel_context *context, enum activation kind, float *y,
                     const float *x, int64_t count)
{
    struct elementwise job = {.kind = kind, .y = y, .a = x, .count = count};
    run(context, &job, activate_task);
}

static void activate_dx(const struct kernel_context *context, enum activation kind, float *dx,
                        float beta, const float *dy, const float *x, int64_t count)
{
    struct elementwise job = {.kind = kind, .y = dx, .a = dy, .b = x, .beta = beta, .count = count};
    run(context, &job, derive_task);
}

static void add(const struct kernel_context *context, float *y, const float *a, const float *b,
                int64_t count)
{
    struct elementwise job = {.y = y, .a = a, .b = b, .count = count};
    run(context, &job, add_task);
}

static void accumulate(const struct kernel_context *context, float *y, const float *x, float beta,
                       int64_t count)
{
    struct elementwise job = {.y = y, .a = x, .b = beta != 0.0f ? y : NULL, .count = count};
    run(context, &job, add_task);
}

enum { KEEP_CHUNK = 256 };

struct dropout {
    float *y;
    const float *x;
    float beta, rate;
    const struct random_stream *stream;
    const int64_t *row_ids;
    const int32_t *offsets;
    int64_t width;
};

/* One task is one row of tokens: positions count from the row's first token. */
static void dropout_task(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct dropout *job = context;
    float keep[KEEP_CHUNK];
    float scale = job->rate < 1.0f ? 1.0f / (1.0f - job->rate) : 0.0f;
    uint64_t row = (uint64_t)(job->row_ids ? job->row_ids[index] : index);
    for (int64_t t = job->offsets[index]; t < job->offsets[index + 1]; t++) {
        uint64_t position = (uint64_t)(t - job->offsets[index]);
        for (int64_t j = 0; j < job->width; j += KEEP_CHUNK) {
            int64_t n = job->width - j < KEEP_CHUNK ? job->width - j : KEEP_CHUNK;
            KERNEL_NAME(keep)
            (keep, job->stream, row, position, (uint32_t)j, n, job->rate, scale);
            const float *x = job->x + t * job->width + j;
            float *y = job->y + t * job->width + j;
            for (int64_t i = 0; i < n; i += LANES) {
                lanes v =
                    lanes_multiply(lanes_load_some(x + i, n - i), lanes_load_some(keep + i, n - i));
                if (job->beta != 0.0f)
                    v = lanes_add(lanes_load_some(y + i, n - i), v);
                lanes_store_some(y + i, v, n - i);
            }
        }
    }
}

static void dropout(const struct kernel_context *context, float *y, const float *x, float beta,
                    const struct random_stream *stream, const int64_t *row_ids,
                    const int32_t *offsets, int64_t rows, int64_t width, float rate)
{
    struct dropout job = {y, x, beta, rate, stream, row_ids, offsets, width};
    thread_pool_run(context->threads, rows, dropout_task, &job);
}

void KERNEL_NAME(fill_elementwise)(struct kernels *kernels)
{
    kernels->activate = activate;
    kernels->activate_dx = activate_dx;
    kernels->add = add;
    kernels->accumulate = accumulate;
    kernels->dropout = dropout;
}
