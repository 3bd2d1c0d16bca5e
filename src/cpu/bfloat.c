#include "cpu/bfloat.h"

#include "base/threads.h"
#include "cpu/activations.h"
#include "cpu/bfloat_task.h"
#include "cpu/kernel_set.h"
#include "cpu/pairs.h"

enum {
    K_PAIRS = BFLOAT_K_STEP / 2,
    PASS_PAIRS = 2048, /* so much of a row of a is copied at once */
    TASK_TILES = 4,
    TASK_PANELS = 24, /* where rows alone do not make enough tasks */
    ENOUGH_TASKS = 8
};

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t padded_pairs(int64_t k)
{
    return divide_up(k, BFLOAT_K_STEP) * K_PAIRS;
}

size_t KERNEL_NAME(bfloat_bytes)(int64_t k, int64_t n)
{
    return (size_t)divide_up(n, PANEL) * PANEL * (size_t)padded_pairs(k) * sizeof(uint32_t);
}

/* A tile's sums; copies of a task's rows, high and low, and room for a store past their end. */
size_t KERNEL_NAME(bfloat_scratch)(int64_t k)
{
    int64_t row = padded_pairs(k);
    int64_t rows = TASK_TILES * (row <= PASS_PAIRS ? row : PASS_PAIRS);
    if (rows < row)
        rows = row;
    return (size_t)(BFLOAT_MOST_ROWS * (BFLOAT_PANELS * PANEL + 2 * rows) + 2 * LANES);
}

/* Elements of an operand: float32 or bfloat16, by index. */
struct elements {
    const void *data;
    bool bfloat;
};

/* n valid columns of PANEL at two indices. */
static inline __attribute__((always_inline)) pairs
load_columns(struct elements x, int64_t even, int64_t odd, int64_t n, enum pair_part part)
{
    if (x.bfloat) {
        const uint16_t *data = x.data;
        return pairs_of_bfloat_columns(data + even, odd < 0 ? NULL : data + odd, n);
    }
    const float *data = x.data;
    return pairs_load_columns(data + even, odd < 0 ? NULL : data + odd, n, part);
}

/* n valid values of a row. */
static inline __attribute__((always_inline)) pairs load_row(struct elements x, int64_t at,
                                                            int64_t n, enum pair_part part)
{
    if (n <= 0)
        return pairs_zero();
    return x.bfloat ? pairs_of_bfloat_row((const uint16_t *)x.data + at, n)
                    : pairs_load_row((const float *)x.data + at, n, part);
}

/* Columns `first` to `first` + n of rows k0 to k0 + k, pair by pair, `out_row` pairs apart: what
 * lies across k. */
static inline __attribute__((always_inline)) void
store_columns(uint32_t *out, int64_t out_row, struct elements x, int64_t k_stride, int64_t first,
              int64_t n, int64_t k0, int64_t k, int64_t padded, enum pair_part part)
{
    int64_t at = k0 * k_stride + first, p = 0;
    if (n >= PANEL) {
        for (; p < k / 2; p++, at += 2 * k_stride)
            pairs_store(out + p * out_row, load_columns(x, at, at + k_stride, PANEL, part));
    } else {
        for (; p < k / 2; p++, at += 2 * k_stride)
            pairs_store(out + p * out_row, load_columns(x, at, at + k_stride, n, part));
    }
    if (k % 2)
        pairs_store(out + p++ * out_row, load_columns(x, at, -1, n, part));
    for (; p < padded; p++)
        pairs_store(out + p * out_row, pairs_zero());
}

/* `rows` rows of 16 from index `at`, `row` apart, 16 pairs of each, as columns. */
static inline __attribute__((always_inline)) void load_turned(pairs block[LANES], struct elements x,
                                                              int64_t at, int64_t row, int64_t rows,
                                                              int64_t n, enum pair_part part)
{
    if (n >= 2 * LANES) {
        for (int64_t j = 0; j < LANES; j++)
            block[j] = j < rows ? load_row(x, at + j * row, 2 * LANES, part) : pairs_zero();
    } else {
        for (int64_t j = 0; j < LANES; j++)
            block[j] = j < rows ? load_row(x, at + j * row, n, part) : pairs_zero();
    }
    pairs_transpose(block);
}

struct packing {
    uint32_t *packed[2]; /* high and low parts; the second may be NULL */
    struct elements b;
    int64_t k_stride, n_stride, k, n;
};

static inline __attribute__((always_inline)) void
pack_part(const struct packing *job, struct elements b, int64_t panel, enum pair_part part)
{
    int64_t count = padded_pairs(job->k), column = panel * PANEL;
    int64_t n = job->n - column < PANEL ? job->n - column : PANEL;
    uint32_t *out = job->packed[part] + panel * PANEL * count;
    if (job->n_stride == 1) {
        store_columns(out, PANEL, b, job->k_stride, column, n, 0, job->k, count, part);
        return;
    }
    for (int64_t p = 0; p < count; p += LANES) {
        pairs block[LANES];
        load_turned(block, b, column * job->n_stride + 2 * p, job->n_stride, n, job->k - 2 * p,
                    part);
        for (int64_t q = 0; q < LANES; q++)
            pairs_store(out + (p + q) * PANEL, block[q]);
    }
}

/* One instance a type, so that the loops are chosen outside them. */
static void pack_task(void *context, int64_t panel, int thread)
{
    (void)thread;
    const struct packing *job = context;
    if (job->b.bfloat)
        pack_part(job, (struct elements){job->b.data, true}, panel, PAIR_HIGH);
    else
        pack_part(job, (struct elements){job->b.data, false}, panel, PAIR_HIGH);
    if (job->packed[PAIR_LOW])
        pack_part(job, (struct elements){job->b.data, false}, panel, PAIR_LOW);
}

void KERNEL_NAME(bfloat_pack)(const struct kernel_context *context, void *high, void *low,
                              const void *b, bool bfloat, int64_t k_stride, int64_t n_stride,
                              int64_t k, int64_t n)
{
    struct packing job = {{high, low}, {b, bfloat}, k_stride, n_stride, k, n};
    thread_pool_run(context->threads, divide_up(n, PANEL), pack_task, &job);
}

/* One task: its rows of a over one pass of k. */
struct rows {
    const struct product *product;
    const struct bfloat_set *set;
    int64_t first, count; /* rows */
    int64_t k0, k, pairs; /* the pass, padded to pairs */
};

/* One tile of rows from i0 in the set's order. Stores may pass the end by LANES pairs. */
static inline __attribute__((always_inline)) void
copy_part(uint32_t *out, const struct rows *r, struct elements a, int64_t i0, enum pair_part part)
{
    const struct product *p = r->product;
    const int64_t rows = r->set->tile_rows, first = r->first + i0, left = r->count - i0;
    const bool along = p->a_k == 1;
    if (r->set->interleaved && !along) {
        store_columns(out, rows, a, p->a_k, first, left < rows ? left : rows, r->k0, r->k, r->pairs,
                      part);
        return;
    }
    if (!r->set->interleaved && along) {
        for (int64_t i = 0; i < rows; i++) {
            for (int64_t q = 0; q < r->pairs; q += LANES)
                pairs_store(out + i * r->pairs + q,
                            load_row(a, (first + i) * p->a_row + r->k0 + 2 * q,
                                     i < left ? r->k - 2 * q : 0, part));
        }
        return;
    }
    for (int64_t i = 0; i < rows; i += LANES) {
        int64_t some = left - i < LANES ? left - i : LANES;
        for (int64_t q = 0; q < r->pairs; q += LANES) {
            pairs block[LANES];
            if (along) {
                load_turned(block, a, (first + i) * p->a_row + r->k0 + 2 * q, p->a_row,
                            some < rows ? some : rows, r->k - 2 * q, part);
                for (int64_t j = 0; j < LANES; j++)
                    pairs_store(out + (q + j) * rows, block[j]);
                continue;
            }
            if (some > 0) {
                store_columns((uint32_t *)block, LANES, a, p->a_k, first + i, some, r->k0 + 2 * q,
                              r->k - 2 * q < 2 * LANES ? r->k - 2 * q : 2 * LANES, LANES, part);
                pairs_transpose(block);
            }
            for (int64_t j = 0; j < LANES; j++)
                pairs_store(out + (i + j) * r->pairs + q, some > 0 ? block[j] : pairs_zero());
        }
    }
}

static void copy_tile(uint32_t *out, const struct rows *r, int64_t i0, enum pair_part part)
{
    if (r->product->a_bfloat)
        copy_part(out, r, (struct elements){r->product->a, true}, i0, PAIR_HIGH);
    else if (part == PAIR_HIGH)
        copy_part(out, r, (struct elements){r->product->a, false}, i0, PAIR_HIGH);
    else
        copy_part(out, r, (struct elements){r->product->a, false}, i0, PAIR_LOW);
}

/* Where a tile's sums go. */
struct target {
    const struct product *product;
    const float *sums; /* (rows, BFLOAT_PANELS * PANEL) */
    int64_t i0, rows, j0, panels;
    bool accumulate, last; /* to what is in c; of the passes over k */
};

static void store_sums(const struct target *t)
{
    const struct product *p = t->product;
    for (int64_t i = 0; i < t->rows; i++) {
        for (int64_t j = 0; j < t->panels; j++) {
            int64_t column = (t->j0 + j) * PANEL, n = p->n - column;
            lanes sum = lanes_load(t->sums + (i * BFLOAT_PANELS + j) * PANEL);
            int64_t at = (t->i0 + i) * p->c_row + column;
            if (t->accumulate)
                sum = lanes_add(p->c_bfloat ? lanes_load_bfloat((uint16_t *)p->c + at, n)
                                            : lanes_load_some((float *)p->c + at, n),
                                sum);
            if (t->last && p->bias)
                sum = lanes_add(sum, lanes_load_some(p->bias + column, n));
            if (p->c_bfloat)
                lanes_store_bfloat((uint16_t *)p->c + at, sum, n);
            else
                lanes_store_some((float *)p->c + at, sum, n);
        }
    }
}

/* The sums' activations; what is in c has no part in them. */
static inline __attribute__((always_inline)) void store_activated(const struct target *t,
                                                                  const enum activation kind)
{
    const struct product *p = t->product;
    for (int64_t i = 0; i < t->rows; i++) {
        for (int64_t j = 0; j < t->panels; j++) {
            int64_t column = (t->j0 + j) * PANEL, n = p->n - column;
            int64_t at = (t->i0 + i) * p->c_row + column;
            lanes sum = lanes_load(t->sums + (i * BFLOAT_PANELS + j) * PANEL);
            if (p->bias)
                sum = lanes_add(sum, lanes_load_some(p->bias + column, n));
            if (p->before)
                lanes_store_bfloat(p->before + at, sum, n);
            lanes_store_bfloat((uint16_t *)p->c + at, activation_of(kind, sum), n);
        }
    }
}

static void store_tile(const struct target *t)
{
    if (!t->product->activates) {
        store_sums(t);
        return;
    }
#define STORE(kind) store_activated(t, kind)
    ACTIVATION_EACH(t->product->activation, STORE)
#undef STORE
}

struct spread {
    const struct kernel_context *context;
    const struct product *product;
    const struct bfloat_set *set;
    int64_t pairs, pass_pairs, task_rows, task_panels, panels, row_tasks;
};

static void multiply_pass(const struct spread *s, const struct rows *r, uint32_t *const copy[2],
                          float *sums, int64_t j0, int64_t j1)
{
    const struct product *p = s->product;
    const int64_t tile_rows = s->set->tile_rows, panel = PANEL * s->pairs;
    bool last = r->k0 + 2 * r->pairs >= p->k;
    struct bfloat_block block = {
        .a_row = r->pairs, .pairs = r->pairs, .b_panel = panel, .sums = sums};
    for (int64_t j = j0; j < j1; j += BFLOAT_PANELS) {
        int64_t at = j * panel + r->k0 / 2 * PANEL;
        block.b = (const uint32_t *)p->b + at;
        block.b_low = p->b_low ? (const uint32_t *)p->b_low + at : NULL;
        block.panels = j1 - j < BFLOAT_PANELS ? 1 : BFLOAT_PANELS;
        for (int64_t i = 0; i < r->count; i += tile_rows) {
            block.rows = (int)(r->count - i < tile_rows ? r->count - i : tile_rows);
            block.a = copy[PAIR_HIGH] + i * r->pairs;
            block.a_low = p->b_low ? copy[PAIR_LOW] + i * r->pairs : NULL;
            s->set->multiply(&block);
            store_tile(&(struct target){p, sums, r->first + i, block.rows, j, block.panels,
                                        r->k0 > 0 || p->beta != 0.0f, last});
        }
    }
}

static void product_task(void *context, int64_t index, int thread)
{
    const struct spread *s = context;
    const struct product *p = s->product;
    float *sums = s->context->scratch + (size_t)thread * s->context->scratch_floats;
    uint32_t *copies = (uint32_t *)(sums + BFLOAT_MOST_ROWS * BFLOAT_PANELS * PANEL);
    uint32_t *const copy[2] = {copies, copies + s->task_rows * s->pass_pairs + LANES};
    struct rows r = {.product = p, .set = s->set, .first = index % s->row_tasks * s->task_rows};
    r.count = p->m - r.first < s->task_rows ? p->m - r.first : s->task_rows;
    int64_t j0 = index / s->row_tasks * s->task_panels, j1 = j0 + s->task_panels;
    if (s->set->begin)
        s->set->begin();
    for (r.k0 = 0; r.k0 < p->k || r.k0 == 0; r.k0 += 2 * s->pass_pairs) {
        r.k = p->k - r.k0;
        int64_t left = s->pairs - r.k0 / 2;
        r.pairs = left < s->pass_pairs ? left : s->pass_pairs;
        for (int64_t i = 0; i < r.count; i += s->set->tile_rows) {
            copy_tile(copy[PAIR_HIGH] + i * r.pairs, &r, i, PAIR_HIGH);
            if (p->b_low)
                copy_tile(copy[PAIR_LOW] + i * r.pairs, &r, i, PAIR_LOW);
        }
        multiply_pass(s, &r, copy, sums, j0, j1 < s->panels ? j1 : s->panels);
    }
    if (s->set->end)
        s->set->end();
}

void KERNEL_NAME(bfloat_product)(const struct kernel_context *context, const struct product *p,
                                 const struct bfloat_set *set)
{
    if (p->m <= 0 || p->n <= 0)
        return;
    struct spread s = {context, p, set, .pairs = padded_pairs(p->k), .pass_pairs = PASS_PAIRS};
    s.panels = divide_up(p->n, PANEL);
    s.task_rows = TASK_TILES * set->tile_rows;
    if (s.pairs <= s.pass_pairs) {
        s.pass_pairs = s.pairs;
    } else if (p->c_bfloat) { /* partial sums would be rounded: one pass, over fewer rows */
        s.pass_pairs = s.pairs;
        s.task_rows = set->tile_rows;
    }
    s.row_tasks = divide_up(p->m, s.task_rows);
    s.task_panels = s.row_tasks < ENOUGH_TASKS ? TASK_PANELS : s.panels;
    thread_pool_run(context->threads, s.row_tasks * divide_up(s.panels, s.task_panels),
                    product_task, &s);
}
