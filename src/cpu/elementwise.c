/* Activations and their derivatives, sums, dropout. */
#include "base/threads.h"
#include "cpu/activations.h"
#include "cpu/kernel_set.h"
#include "cpu/pairs.h"

enum { TASK_ELEMENTS = 16384 };

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
#define SPAN(kind) activate_span(kind, job->y + i, job->a + i, n)
    ACTIVATION_EACH(job->kind, SPAN)
#undef SPAN
}

static void derive_task(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct elementwise *job = context;
    int64_t i, n = span(job, index, &i);
#define SPAN(kind) derive_span(kind, job->y + i, job->a + i, job->b + i, job->beta, n)
    ACTIVATION_EACH(job->kind, SPAN)
#undef SPAN
}

struct narrow {
    enum activation kind;
    uint16_t *dy;
    const uint16_t *x;
    int64_t count;
};

static inline __attribute__((always_inline)) void
derive_narrow_span(enum activation kind, uint16_t *dy, const uint16_t *x, int64_t n)
{
    for (int64_t i = 0; i < n; i += LANES) {
        lanes d = derivative_of(kind, lanes_load_bfloat(x + i, n - i));
        lanes_store_bfloat(dy + i, lanes_multiply(lanes_load_bfloat(dy + i, n - i), d), n - i);
    }
}

static void derive_narrow_task(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct narrow *job = context;
    int64_t i = index * TASK_ELEMENTS;
    int64_t n = job->count - i < TASK_ELEMENTS ? job->count - i : TASK_ELEMENTS;
#define SPAN(kind) derive_narrow_span(kind, job->dy + i, job->x + i, n)
    ACTIVATION_EACH(job->kind, SPAN)
#undef SPAN
}

static void bfloat_derive(const struct kernel_context *context, enum activation kind, uint16_t *dy,
                          const uint16_t *x, int64_t count)
{
    struct narrow job = {kind, dy, x, count};
    thread_pool_run(context->threads, (count + TASK_ELEMENTS - 1) / TASK_ELEMENTS,
                    derive_narrow_task, &job);
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
    kernels->bfloat_derive = bfloat_derive;
    kernels->add = add;
    kernels->accumulate = accumulate;
    kernels->dropout = dropout;
}
