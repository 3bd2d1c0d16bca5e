#include "cpu/bfloat.h"

#include "base/threads.h"
#include "tensor/dtype.h"

#include <string.h>

enum { TASK_PANELS = 24 };

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t padded_k(int64_t k)
{
    return divide_up(k, BFLOAT_K_STEP) * BFLOAT_K_STEP;
}

static size_t bytes(int64_t k, int64_t n)
{
    return (size_t)divide_up(n, PANEL) * PANEL * (size_t)padded_k(k) * sizeof(uint16_t);
}

/* Two blocks of bfloat16 rows (high and low) and one of sums. */
static size_t scratch(int64_t k)
{
    return (size_t)(BFLOAT_ROWS * padded_k(k)) + BFLOAT_ROWS * BFLOAT_PANELS * PANEL;
}

void bfloat_split(uint16_t *high, uint16_t *low, const float *x, int64_t n, int64_t padded)
{
    for (int64_t i = 0; i < n; i++)
        high[i] = bfloat_from_float(x[i]);
    for (int64_t i = 0; low && i < n; i++)
        low[i] = bfloat_from_float(x[i] - float_from_bfloat(high[i]));
    size_t rest = (size_t)(padded - n) * sizeof(uint16_t);
    memset(high + n, 0, rest);
    if (low)
        memset(low + n, 0, rest);
}

struct packing {
    uint16_t *high, *low;
    const float *b;
    int64_t k_stride, n_stride, k, n;
};

static void pack_task(void *context, int64_t panel, int thread)
{
    (void)thread;
    const struct packing *job = context;
    int64_t k = padded_k(job->k), size = k * PANEL;
    uint16_t *high = job->high + panel * size, *low = job->low ? job->low + panel * size : NULL;
    for (int64_t j = 0; j < PANEL; j++) {
        int64_t column = panel * PANEL + j;
        for (int64_t p = 0; p < k; p++) {
            float value = 0.0f;
            if (column < job->n && p < job->k)
                value = job->b[p * job->k_stride + column * job->n_stride];
            int64_t at = (p / 2 * PANEL + j) * 2 + p % 2;
            high[at] = bfloat_from_float(value);
            if (low)
                low[at] = bfloat_from_float(value - float_from_bfloat(high[at]));
        }
    }
}

static void pack(const struct kernel_context *context, void *high, void *low, const float *b,
                 int64_t k_stride, int64_t n_stride, int64_t k, int64_t n)
{
    struct packing job = {high, low, b, k_stride, n_stride, k, n};
    thread_pool_run(context->threads, divide_up(n, PANEL), pack_task, &job);
}

struct spread {
    const struct kernel_context *context;
    const struct product *product;
    bfloat_multiply *multiply;
    int64_t k, panels, row_tasks;
};

static void store_block(const struct product *p, const float *sums, int64_t i0, int rows,
                        int64_t j0, int panels)
{
    int64_t first = j0 * PANEL,
            last = first + panels * PANEL < p->n ? first + panels * PANEL : p->n;
    for (int64_t i = 0; i < rows; i++) {
        float *c = p->c + (i0 + i) * p->c_row;
        const float *sum = sums + i * BFLOAT_PANELS * PANEL;
        for (int64_t j = first; j < last; j++) {
            float value = p->beta != 0.0f ? c[j] + sum[j - first] : sum[j - first];
            c[j] = p->bias ? value + p->bias[j] : value;
        }
    }
}

static void product_task(void *context, int64_t index, int thread)
{
    const struct spread *job = context;
    const struct product *p = job->product;
    int64_t i0 = index % job->row_tasks * BFLOAT_ROWS;
    int64_t j0 = index / job->row_tasks * TASK_PANELS;
    int rows = p->m - i0 < BFLOAT_ROWS ? (int)(p->m - i0) : BFLOAT_ROWS;
    float *own = job->context->scratch + (size_t)thread * job->context->scratch_floats;
    float *sums = own;
    uint16_t *a = (uint16_t *)(own + BFLOAT_ROWS * BFLOAT_PANELS * PANEL);
    uint16_t *a_low = p->b_low ? a + BFLOAT_ROWS * job->k : NULL;
    for (int i = 0; i < BFLOAT_ROWS; i++)
        bfloat_split(a + i * job->k, a_low ? a_low + i * job->k : NULL, p->a + (i0 + i) * p->a_row,
                     i < rows ? p->k : 0, job->k);
    int64_t size = job->k * PANEL;
    const uint16_t *b = p->b, *b_low = p->b_low;
    for (int64_t j = j0; j < j0 + TASK_PANELS && j < job->panels; j += BFLOAT_PANELS) {
        int panels = job->panels - j < BFLOAT_PANELS ? 1 : BFLOAT_PANELS;
        struct bfloat_block block = {.a = a,
                                     .a_low = a_low,
                                     .b = b + j * size,
                                     .b_low = b_low ? b_low + j * size : NULL,
                                     .k = job->k,
                                     .b_panel = size,
                                     .rows = rows,
                                     .panels = panels,
                                     .sums = sums};
        job->multiply(&block);
        store_block(p, sums, i0, rows, j, panels);
    }
}

void bfloat_product(const struct kernel_context *context, const struct product *p,
                    bfloat_multiply *multiply)
{
    struct spread job = {
        context, p, multiply, padded_k(p->k), divide_up(p->n, PANEL), divide_up(p->m, BFLOAT_ROWS)};
    int64_t tasks = job.row_tasks * divide_up(job.panels, TASK_PANELS);
    thread_pool_run(context->threads, tasks, product_task, &job);
}

void bfloat_fill(struct kernels *kernels, const char *name,
                 void (*product)(const struct kernel_context *, const struct product *))
{
    kernels->bfloat_name = name;
    kernels->bfloat_bytes = bytes;
    kernels->bfloat_scratch = scratch;
    kernels->bfloat_pack = pack;
    kernels->bfloat_product = product;
}
