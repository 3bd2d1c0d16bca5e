/* Matrix products at `highest`: a chain of fused multiply-adds over each K_BLOCK of k, in order,
 * and the blocks' sums added in order. One chain over all of k would be as reproducible, but its
 * rounding grows with k: on MiniLM (k to 1,536) blocks of 64 are three times closer to float64,
 * and what they cost does not show on a model.
 *
 * A task takes its rows of a, K_PASS of k at a time, into a copy in the order of use, which stays
 * in the second-level cache; one packed panel of b stays in the first while those rows pass by. */
#include "base/threads.h"
#include "cpu/kernel_set.h"
#include "cpu/lanes.h"
#include "cpu/pairs.h"

enum {
    K_BLOCK = 64,
    K_PASS = 4 * K_BLOCK,
    TASK_ROWS = 48,   /* a multiple of every TILE_ROWS */
    TASK_PANELS = 48, /* a multiple of every TILE_PANELS */
    SMALL_ROWS = 24,  /* so few rows are spread over threads by columns */
    COPY_PANELS = 8,  /* fewer panels do not repay the copy of a */
    PACK_PANELS = 4
};

/* A register tile over one pass of k. */
struct tile {
    float *c;
    int64_t c_row;
    const float *a;
    int64_t a_row, a_k; /* not looked at in a copy */
    const float *b;     /* first panel, at the pass's first k */
    int64_t b_panel;    /* floats between panels */
    const float *bias;
    int64_t columns; /* valid ones */
    int64_t k;
    bool accumulate;
};

static inline __attribute__((always_inline)) void add_block(const struct tile *t, int64_t k0,
                                                            int64_t k1, const int rows,
                                                            const int panels, const bool copied)
{
    const int64_t a_row = copied ? 1 : t->a_row, a_k = copied ? TILE_ROWS : t->a_k;
    const float *a = t->a + k0 * a_k, *b = t->b + k0 * PANEL;
    lanes sum[TILE_ROWS][TILE_PANELS];
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (int j = 0; j < panels; j++)
            sum[i][j] = lanes_zero();
    }
    for (int64_t p = k0; p < k1; p++) {
        lanes column[TILE_PANELS];
#pragma GCC unroll 2
        for (int j = 0; j < panels; j++)
            column[j] = lanes_load(b + j * t->b_panel);
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            lanes x = lanes_all(a[i * a_row]);
#pragma GCC unroll 2
            for (int j = 0; j < panels; j++)
                sum[i][j] = lanes_fma(x, column[j], sum[i][j]);
        }
        a += a_k;
        b += PANEL;
    }
    const bool accumulate = t->accumulate || k0 > 0;
    const float *bias = k1 == t->k ? t->bias : NULL;
    if (t->columns >= panels * PANEL && accumulate && !bias) {
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
            for (int j = 0; j < panels; j++) {
                float *c = t->c + i * t->c_row + j * PANEL;
                lanes_store(c, lanes_add(lanes_load(c), sum[i][j]));
            }
        }
        return;
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (int j = 0; j < panels; j++) {
            int64_t n = t->columns - j * PANEL;
            float *c = t->c + i * t->c_row + j * PANEL;
            if (accumulate)
                sum[i][j] = lanes_add(lanes_load_some(c, n), sum[i][j]);
            if (bias)
                sum[i][j] = lanes_add(sum[i][j], lanes_load_some(bias + j * PANEL, n));
            lanes_store_some(c, sum[i][j], n);
        }
    }
}

static inline __attribute__((always_inline)) void
multiply_tile(const struct tile *t, const int rows, const int panels, const bool copied)
{
    for (int i = 0; i < rows; i++)
        __builtin_prefetch(t->c + i * t->c_row);
    for (int64_t k0 = 0; k0 < t->k || k0 == 0; k0 += K_BLOCK)
        add_block(t, k0, t->k - k0 < K_BLOCK ? t->k : k0 + K_BLOCK, rows, panels, copied);
}

/* One instance a number of rows, so that the compiler keeps the sums in registers. */
static inline __attribute__((always_inline)) void multiply_rows(const struct tile *t, int rows,
                                                                const int panels, const bool copied)
{
#define ROWS(n)                                                                                    \
    case n:                                                                                        \
        multiply_tile(t, n, panels, copied);                                                       \
        break
    switch (rows) {
        ROWS(1);
        ROWS(2);
        ROWS(3);
        ROWS(4);
#if TILE_ROWS > 4
        ROWS(5);
        ROWS(6);
#endif
#if TILE_ROWS > 6
        ROWS(7);
        ROWS(8);
        ROWS(9);
        ROWS(10);
        ROWS(11);
        ROWS(12);
#endif
    default:
        break;
    }
#undef ROWS
}

static void multiply_any(const struct tile *t, int rows, int panels, bool copied)
{
    if (panels == 1 && copied)
        multiply_rows(t, rows, 1, true);
    else if (panels == 1)
        multiply_rows(t, rows, 1, false);
    else if (copied)
        multiply_rows(t, rows, TILE_PANELS, true);
    else
        multiply_rows(t, rows, TILE_PANELS, false);
}

/* Tile by tile [k][TILE_ROWS]; what is beyond the rows is never read. */
static void copy_rows(float *copy, const float *a, int64_t a_row, int64_t a_k, int64_t rows,
                      int64_t k)
{
    for (int64_t i0 = 0; i0 < rows; i0 += TILE_ROWS) {
        int64_t tile = rows - i0 < TILE_ROWS ? rows - i0 : TILE_ROWS;
        float *out = copy + i0 * k;
        const float *in = a + i0 * a_row;
        if (a_row == 1 && tile == TILE_ROWS) {
            for (int64_t p = 0; p < k; p++)
                memcpy(out + p * TILE_ROWS, in + p * a_k, TILE_ROWS * sizeof(float));
            continue;
        }
        for (int64_t i = 0; i < tile; i++) {
            for (int64_t p = 0; p < k; p++)
                out[p * TILE_ROWS + i] = in[i * a_row + p * a_k];
        }
    }
}

/* One pass over k of rows [i0, i1) and panels [j0, j1); t holds what all tiles share. */
static void multiply_pass(const struct product *p, struct tile *t, const float *copy, int64_t k0,
                          int64_t i0, int64_t i1, int64_t j0, int64_t j1)
{
    const float *packed = p->b;
    bool last = k0 + t->k >= p->k;
    for (int64_t j = j0; j < j1; j += TILE_PANELS) {
        int panels = j1 - j < TILE_PANELS ? 1 : TILE_PANELS;
        t->b = packed + j * t->b_panel + k0 * PANEL;
        t->columns = p->n - j * PANEL;
        t->bias = last && p->bias ? p->bias + j * PANEL : NULL;
        for (int64_t i = i0; i < i1; i += TILE_ROWS) {
            int rows = i1 - i < TILE_ROWS ? (int)(i1 - i) : TILE_ROWS;
            t->a = copy ? copy + (i - i0) * t->k : (const float *)p->a + i * p->a_row + k0 * p->a_k;
            t->c = (float *)p->c + i * p->c_row + j * PANEL;
            multiply_any(t, rows, panels, copy != NULL);
        }
    }
}

/* Rows [i0, i1), at most TASK_ROWS of them, and panels [j0, j1) of the product. */
static void multiply_part(const struct product *p, int64_t i0, int64_t i1, int64_t j0, int64_t j1)
{
    float room[TASK_ROWS * K_PASS];
    float *copy = j1 - j0 < COPY_PANELS ? NULL : room;
    struct tile t = {.c_row = p->c_row, .a_row = p->a_row, .a_k = p->a_k, .b_panel = p->k * PANEL};
    for (int64_t k0 = 0; k0 < p->k || k0 == 0; k0 += K_PASS) {
        t.k = p->k - k0 < K_PASS ? p->k - k0 : K_PASS;
        t.accumulate = k0 > 0 || p->beta != 0.0f;
        if (copy)
            copy_rows(copy, (const float *)p->a + i0 * p->a_row + k0 * p->a_k, p->a_row, p->a_k,
                      i1 - i0, t.k);
        multiply_pass(p, &t, copy, k0, i0, i1, j0, j1);
    }
}

void KERNEL_NAME(product_serial)(const struct product *p)
{
    for (int64_t i = 0; i < p->m; i += TASK_ROWS)
        multiply_part(p, i, p->m - i < TASK_ROWS ? p->m : i + TASK_ROWS, 0,
                      (p->n + PANEL - 1) / PANEL);
}

struct spread {
    const struct product *product;
    int64_t panels, task_rows, task_panels, row_tasks;
};

static void product_task(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct spread *spread = context;
    int64_t i0 = index % spread->row_tasks * spread->task_rows;
    int64_t j0 = index / spread->row_tasks * spread->task_panels;
    int64_t i1 = i0 + spread->task_rows, j1 = j0 + spread->task_panels;
    multiply_part(spread->product, i0, i1 < spread->product->m ? i1 : spread->product->m, j0,
                  j1 < spread->panels ? j1 : spread->panels);
}

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static void product(const struct kernel_context *context, const struct product *product)
{
    if (product->m <= 0 || product->n <= 0)
        return;
    struct spread spread = {.product = product, .panels = divide_up(product->n, PANEL)};
    spread.task_rows = TASK_ROWS;
    spread.task_panels = TASK_PANELS;
    if (product->m <= SMALL_ROWS) {
        spread.task_rows = product->m;
        spread.task_panels = 2 * TILE_PANELS;
    }
    spread.row_tasks = divide_up(product->m, spread.task_rows);
    int64_t tasks = spread.row_tasks * divide_up(spread.panels, spread.task_panels);
    thread_pool_run(context->threads, tasks, product_task, &spread);
}

void KERNEL_NAME(pack_panels)(float *packed, const float *b, int64_t k_stride, int64_t n_stride,
                              int64_t k, int64_t n, int64_t first, int64_t last)
{
    for (int64_t panel = first; panel < last; panel++) {
        float *out = packed + panel * k * PANEL;
        const float *in = b + panel * PANEL * n_stride;
        int64_t columns = n - panel * PANEL < PANEL ? n - panel * PANEL : PANEL;
        if (n_stride == 1) {
            for (int64_t p = 0; p < k; p++)
                lanes_store(out + p * PANEL, lanes_load_some(in + p * k_stride, columns));
            continue;
        }
        /* Blocks of 16 x 16 keep the reads of each column in one cache line. */
        for (int64_t p0 = 0; p0 < k; p0 += LANES) {
            int64_t p1 = p0 + LANES < k ? p0 + LANES : k;
            for (int64_t j = 0; j < PANEL; j++) {
                const float *column = in + j * n_stride;
                for (int64_t p = p0; p < p1; p++)
                    out[p * PANEL + j] = j < columns ? column[p * k_stride] : 0.0f;
            }
        }
    }
}

struct packing {
    float *packed;
    const float *b;
    int64_t k_stride, n_stride, k, n, panels;
};

static void pack_task(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct packing *packing = context;
    int64_t first = index * PACK_PANELS;
    int64_t last = first + PACK_PANELS < packing->panels ? first + PACK_PANELS : packing->panels;
    KERNEL_NAME(pack_panels)
    (packing->packed, packing->b, packing->k_stride, packing->n_stride, packing->k, packing->n,
     first, last);
}

static void pack(const struct kernel_context *context, float *packed, const float *b,
                 int64_t k_stride, int64_t n_stride, int64_t k, int64_t n)
{
    struct packing packing = {packed, b, k_stride, n_stride, k, n, divide_up(n, PANEL)};
    thread_pool_run(context->threads, divide_up(packing.panels, PACK_PANELS), pack_task, &packing);
}

/* Columns are independent: a task sums LANES columns over all rows. Kahan's compensation, because
 * the sums may cancel: the gradient of a key bias is zero, and its rounding noise would be all
 * there is. */
struct column_sum {
    float *out;
    const void *x;
    bool bfloat;
    int64_t rows, width;
    float beta;
};

static inline __attribute__((always_inline)) void sum_columns(const struct column_sum *job,
                                                              int64_t first, const bool bfloat)
{
    int64_t n = job->width - first;
    lanes sum = job->beta != 0.0f ? lanes_load_some(job->out + first, n) : lanes_zero();
    lanes lost = lanes_zero();
    for (int64_t i = 0; i < job->rows; i++) {
        int64_t at = i * job->width + first;
        lanes value = bfloat ? lanes_load_bfloat((const uint16_t *)job->x + at, n)
                             : lanes_load_some((const float *)job->x + at, n);
        lanes x = lanes_subtract(value, lost);
        lanes next = lanes_add(sum, x);
        lost = lanes_subtract(lanes_subtract(next, sum), x);
        sum = next;
    }
    lanes_store_some(job->out + first, sum, n);
}

static void column_sum_task(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct column_sum *job = context;
    if (job->bfloat)
        sum_columns(job, index * LANES, true);
    else
        sum_columns(job, index * LANES, false);
}

static void column_sum(const struct kernel_context *context, float *out, const float *x,
                       int64_t rows, int64_t width, float beta)
{
    struct column_sum job = {out, x, false, rows, width, beta};
    thread_pool_run(context->threads, divide_up(width, LANES), column_sum_task, &job);
}

static void bfloat_column_sum(const struct kernel_context *context, float *out, const uint16_t *x,
                              int64_t rows, int64_t width, float beta)
{
    struct column_sum job = {out, x, true, rows, width, beta};
    thread_pool_run(context->threads, divide_up(width, LANES), column_sum_task, &job);
}

void KERNEL_NAME(fill_product)(struct kernels *kernels)
{
    kernels->pack = pack;
    kernels->product = product;
    kernels->column_sum = column_sum;
    kernels->bfloat_column_sum = bfloat_column_sum;
}
