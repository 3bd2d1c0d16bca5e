/* Attention without the matrix of scores in memory: a task is one head of one row, which packs its
 * keys and values once and passes over blocks of queries. Backward makes the weights again from the
 * saved largest score and sum. All sums run in the order of keys (forward, dq) or queries (dk, dv),
 * so neither blocks, batch nor threads show in the result. */
#include "base/threads.h"
#include "cpu/functions.h"
#include "cpu/kernel_set.h"

enum { QUERY_BLOCK = 24 }; /* a multiple of every TILE_ROWS */

struct head {
    const struct attention *a;
    int64_t row, head;
    int64_t q0, queries, k0, keys;
    const float *q, *k, *v;
    float *largest, *sum; /* of this row's queries */
    float scale;          /* what block_scores left to be multiplied: a->scale, or 1 */
};

static int64_t round_up(int64_t n, int64_t step)
{
    return (n + step - 1) / step * step;
}

static struct head head_of(const struct attention *a, int64_t row, int64_t head)
{
    struct head h = {.a = a, .row = row, .head = head};
    h.q0 = a->q_offsets[row];
    h.queries = a->q_offsets[row + 1] - h.q0;
    h.k0 = a->k_offsets[row];
    h.keys = a->k_offsets[row + 1] - h.k0;
    h.q = a->q + h.q0 * a->q_row + head * a->head_width;
    h.k = a->k + h.k0 * a->k_row + head * a->head_width;
    h.v = a->v + h.k0 * a->v_row + head * a->head_width;
    h.largest = a->statistics + head * a->queries + h.q0;
    h.sum = a->statistics + (a->heads + head) * a->queries + h.q0;
    h.scale = a->bias || a->scale <= 0.0f ? 1.0f : a->scale;
    return h;
}

/* Keys that query i sees. */
static int64_t visible_keys(const struct head *h, int64_t i)
{
    if (!h->a->causal)
        return h->keys;
    int64_t visible = h->keys - h->queries + i + 1;
    return visible < 0 ? 0 : visible;
}

static void scale_row(float *x, float by, int64_t n)
{
    for (int64_t j = 0; j < n; j += LANES)
        lanes_store_some(x + j, lanes_multiply(lanes_load_some(x + j, n - j), lanes_all(by)),
                         n - j);
}

/* scores (n queries from i0, stride) = q k^T for the keys visible to the last one; scale and bias
 * are applied only when the scale cannot wait. */
static int64_t block_scores(const struct head *h, float *scores, int64_t stride, const float *keys,
                            int64_t i0, int64_t n)
{
    const struct attention *a = h->a;
    int64_t visible = visible_keys(h, i0 + n - 1);
    struct product product = {.c = scores,
                              .c_row = stride,
                              .a = h->q + i0 * a->q_row,
                              .a_row = a->q_row,
                              .a_k = 1,
                              .b = keys,
                              .m = n,
                              .n = visible,
                              .k = a->head_width};
    KERNEL_NAME(product_serial)(&product);
    if (!a->bias && h->scale == a->scale)
        return visible;
    for (int64_t i = 0; i < n; i++) {
        float *s = scores + i * stride;
        scale_row(s, a->scale, visible);
        if (!a->bias)
            continue;
        int64_t position = h->keys - h->queries + i0 + i;
        for (int64_t j = 0; j < visible; j++) {
            int32_t bucket = a->bucket((int32_t)(j - position), a->buckets);
            s[j] += a->bias[bucket * a->heads + h->head];
        }
    }
    return visible;
}

/* exp(scale * score - largest), `largest` being that of the scaled scores. */
struct exponent {
    lanes scale, largest;
};

#ifdef KERNEL_BFLOAT
/* The weights become bfloat16: sixteen bits of the exponential do. */
static struct exponent exponent_of(const struct head *h, float largest)
{
    return (struct exponent){lanes_all(h->scale * exp_log2e), lanes_all(-largest * exp_log2e)};
}
static lanes weight_of(const struct exponent *e, lanes score)
{
    return lanes_exp2_short(lanes_fma(score, e->scale, e->largest));
}
#else
static struct exponent exponent_of(const struct head *h, float largest)
{
    return (struct exponent){lanes_all(h->scale), lanes_all(largest)};
}
static lanes weight_of(const struct exponent *e, lanes score)
{
    return lanes_exp(lanes_subtract(lanes_multiply(score, e->scale), e->largest));
}
#endif

/* Keep factors of query i's weights: position is the query, features are (head, key). */
static void keep_factors(const struct head *h, float *keep, int64_t i, int64_t keys)
{
    const struct attention *a = h->a;
    uint64_t row = (uint64_t)(a->row_ids ? a->row_ids[h->row] : h->row);
    uint64_t position = (uint64_t)i << 20 | (uint64_t)h->head;
    float scale = a->dropout < 1.0f ? 1.0f / (1.0f - a->dropout) : 0.0f;
    KERNEL_NAME(keep)(keep, &a->stream, row, position, 0, keys, a->dropout, scale);
}

/* The first n lanes of x, which are stored, and zeros. */
static lanes store_and_pad(float *out, lanes x, int64_t n)
{
    lanes_store_some(out, x, n);
    return n >= LANES ? x : lanes_load_first(out, n);
}

/* Scores of the keys that one query sees become weights, times `keep` where it is not NULL.
 * Returns the weights' sum, before that. */
static float weigh_row(float *s, const struct exponent *exponent, const float *keep, int64_t own)
{
    lanes sum = lanes_zero();
    for (int64_t j = 0; j < own; j += LANES) {
        int64_t n = own - j;
        lanes weight = store_and_pad(s + j, weight_of(exponent, lanes_load_some(s + j, n)), n);
        sum = lanes_add(sum, weight);
        if (keep)
            lanes_store_some(s + j, lanes_multiply(weight, lanes_load_some(keep + j, n)), n);
    }
    return lanes_sum(sum);
}

static void clear(float *x, int64_t first, int64_t last)
{
    for (int64_t j = first; j < last; j++)
        x[j] = 0.0f;
}

struct forward_job {
    const struct kernel_context *context;
    const struct attention *attention;
};

static void forward_task(void *context, int64_t index, int thread)
{
    const struct forward_job *job = context;
    const struct attention *a = job->attention;
    struct head h = head_of(a, index / a->heads, index % a->heads);
    int64_t width = a->head_width, stride = round_up(h.keys, LANES);
    float *keys = job->context->scratch + (size_t)thread * job->context->scratch_floats;
    float *values = keys + packed_floats(width, h.keys);
    float *scores = values + packed_floats(h.keys, width);
    float *keep = scores + QUERY_BLOCK * stride;
    KERNEL_NAME(pack_panels)
    (keys, h.k, 1, a->k_row, width, h.keys, 0, (h.keys + PANEL - 1) / PANEL);
    KERNEL_NAME(pack_panels)
    (values, h.v, a->v_row, 1, h.keys, width, 0, (width + PANEL - 1) / PANEL);

    for (int64_t i0 = 0; i0 < h.queries; i0 += QUERY_BLOCK) {
        int64_t n = h.queries - i0 < QUERY_BLOCK ? h.queries - i0 : QUERY_BLOCK;
        int64_t visible = block_scores(&h, scores, stride, keys, i0, n);
        for (int64_t i = 0; i < n; i++) {
            float *s = scores + i * stride;
            int64_t own = visible_keys(&h, i0 + i);
            float largest = own ? h.scale * KERNEL_NAME(row_largest)(s, own) : 0.0f;
            h.largest[i0 + i] = largest;
            struct exponent exponent = exponent_of(&h, largest);
            const float *kept = a->dropout > 0.0f ? keep : NULL;
            if (kept)
                keep_factors(&h, keep, i0 + i, own);
            h.sum[i0 + i] = own ? weigh_row(s, &exponent, kept, own) : 1.0f;
            clear(s, own, visible);
        }
        float *out = a->out + (h.q0 + i0) * a->out_row + h.head * width;
        /* The panels of values run over all keys; a block of causal queries uses the first ones. */
        struct product product = {.c = out,
                                  .c_row = a->out_row,
                                  .a = scores,
                                  .a_row = stride,
                                  .a_k = 1,
                                  .b = values,
                                  .m = n,
                                  .n = width,
                                  .k = h.keys};
        for (int64_t i = 0; i < n; i++)
            clear(scores + i * stride, visible, h.keys);
        KERNEL_NAME(product_serial)(&product);
        for (int64_t i = 0; i < n; i++)
            scale_row(out + i * a->out_row, 1.0f / h.sum[i0 + i], width);
    }
}

static size_t attention_scratch(const struct attention *a)
{
    int64_t keys = a->longest_keys, width = a->head_width;
    size_t panels = packed_floats(width, keys) + packed_floats(keys, width);
    size_t block = (size_t)(QUERY_BLOCK * round_up(keys, LANES));
    size_t queries = packed_floats(QUERY_BLOCK, width);
    return 2 * panels + 2 * block + 2 * queries + (size_t)round_up(keys, LANES);
}

static void attention(const struct kernel_context *context, const struct attention *a)
{
    struct forward_job job = {context, a};
    thread_pool_run(context->threads, a->rows * a->heads, forward_task, &job);
}

struct backward_job {
    const struct kernel_context *context;
    const struct attention_gradient *gradient;
};

/* Of one query: scores become weights, ds (the slopes of what they multiplied) is multiplied by
 * `keep` where it is not NULL. Returns the mean of ds under the weights, whose float32 sum is not
 * quite 1: dividing by it makes the slopes of a query sum to zero as closely as float32 can, so
 * that gradients that are truly zero (key biases) come out small. */
static float weights_again(float *s, float *ds, const struct head *h, const float *keep, int64_t i,
                           int64_t own)
{
    const struct exponent exponent = exponent_of(h, h->largest[i]);
    const lanes inverse = lanes_all(1.0f / h->sum[i]);
    lanes sum = lanes_zero(), total = lanes_zero();
    for (int64_t j = 0; j < own; j += LANES) {
        int64_t n = own - j;
        lanes weight = lanes_multiply(weight_of(&exponent, lanes_load_some(s + j, n)), inverse);
        lanes slope = lanes_load_some(ds + j, n);
        weight = store_and_pad(s + j, weight, n);
        if (keep) {
            slope = lanes_multiply(slope, lanes_load_some(keep + j, n));
            lanes_store_some(ds + j, slope, n);
        }
        sum = lanes_fma(slope, weight, sum);
        total = lanes_add(total, weight);
    }
    float whole = lanes_sum(total);
    return whole > 0.0f ? lanes_sum(sum) / whole : 0.0f;
}

/* ds = w (ds - mean) scale, the scores' slopes; then w times `keep`, what the values were
 * multiplied by. */
static void slopes_of_scores(float *ds, float *w, const float *keep, float mean, float scale,
                             int64_t own)
{
    const lanes middle = lanes_all(mean), by = lanes_all(scale);
    for (int64_t j = 0; j < own; j += LANES) {
        int64_t n = own - j;
        lanes weight = lanes_load_some(w + j, n);
        lanes slope = lanes_multiply(weight, lanes_subtract(lanes_load_some(ds + j, n), middle));
        lanes_store_some(ds + j, lanes_multiply(slope, by), n);
        if (keep)
            lanes_store_some(w + j, lanes_multiply(weight, lanes_load_some(keep + j, n)), n);
    }
}

static void add_to_bias(const struct head *h, float *dbias, const float *ds, int64_t i, int64_t own)
{
    const struct attention *a = h->a;
    int64_t position = h->keys - h->queries + i;
    for (int64_t j = 0; j < own; j++) {
        int32_t bucket = a->bucket((int32_t)(j - position), a->buckets);
        dbias[bucket * a->heads + h->head] += ds[j];
    }
}

/* c += or = a^T b over a block of queries: a (queries, keys) with `stride`, b packed. */
static void add_transposed(float *c, int64_t c_row, const float *a, int64_t stride,
                           const float *packed, int64_t keys, int64_t width, int64_t queries,
                           float beta)
{
    struct product product = {.c = c,
                              .c_row = c_row,
                              .a = a,
                              .a_row = 1,
                              .a_k = stride,
                              .b = packed,
                              .m = keys,
                              .n = width,
                              .k = queries,
                              .beta = beta};
    KERNEL_NAME(product_serial)(&product);
}

static void backward_head(const struct backward_job *job, int64_t row, int64_t head, int thread)
{
    const struct attention_gradient *g = job->gradient;
    const struct attention *a = &g->forward;
    struct head h = head_of(a, row, head);
    int64_t width = a->head_width, stride = round_up(h.keys, LANES);
    int64_t key_panels = (h.keys + PANEL - 1) / PANEL, width_panels = (width + PANEL - 1) / PANEL;
    float *keys = job->context->scratch + (size_t)thread * job->context->scratch_floats;
    float *values = keys + packed_floats(width, h.keys);      /* v^T, as keys */
    float *keys_down = values + packed_floats(width, h.keys); /* k, to be summed over keys */
    float *weights = keys_down + packed_floats(h.keys, width);
    float *slopes = weights + QUERY_BLOCK * stride;
    float *queries = slopes + QUERY_BLOCK * stride;
    float *douts = queries + packed_floats(QUERY_BLOCK, width);
    float *keep = douts + packed_floats(QUERY_BLOCK, width);
    KERNEL_NAME(pack_panels)(keys, h.k, 1, a->k_row, width, h.keys, 0, key_panels);
    KERNEL_NAME(pack_panels)(values, h.v, 1, a->v_row, width, h.keys, 0, key_panels);
    KERNEL_NAME(pack_panels)(keys_down, h.k, a->k_row, 1, h.keys, width, 0, width_panels);
    float *dk = g->dk ? g->dk + h.k0 * a->k_row + head * width : NULL;
    float *dv = g->dv ? g->dv + h.k0 * a->v_row + head * width : NULL;

    for (int64_t i0 = 0; i0 < h.queries; i0 += QUERY_BLOCK) {
        int64_t n = h.queries - i0 < QUERY_BLOCK ? h.queries - i0 : QUERY_BLOCK;
        const float *dout = g->dout + (h.q0 + i0) * a->out_row + head * width;
        int64_t visible = block_scores(&h, weights, stride, keys, i0, n);
        struct product dweights = {.c = slopes,
                                   .c_row = stride,
                                   .a = dout,
                                   .a_row = a->out_row,
                                   .a_k = 1,
                                   .b = values,
                                   .m = n,
                                   .n = visible,
                                   .k = width};
        KERNEL_NAME(product_serial)(&dweights);
        for (int64_t i = 0; i < n; i++) {
            float *w = weights + i * stride, *ds = slopes + i * stride;
            int64_t own = visible_keys(&h, i0 + i);
            const float *kept = a->dropout > 0.0f ? keep : NULL;
            if (kept)
                keep_factors(&h, keep, i0 + i, own);
            float mean = weights_again(w, ds, &h, kept, i0 + i, own);
            /* The bias is added behind the scale. */
            slopes_of_scores(ds, w, kept, mean, g->dbias ? 1.0f : a->scale, own);
            if (g->dbias) {
                add_to_bias(&h, g->dbias, ds, i0 + i, own);
                scale_row(ds, a->scale, own);
            }
            clear(ds, own, h.keys);
            clear(w, own, h.keys);
        }
        if (g->dq) {
            struct product dq = {.c = g->dq + (h.q0 + i0) * a->q_row + head * width,
                                 .c_row = a->q_row,
                                 .a = slopes,
                                 .a_row = stride,
                                 .a_k = 1,
                                 .b = keys_down,
                                 .m = n,
                                 .n = width,
                                 .k = h.keys,
                                 .beta = g->beta_q};
            KERNEL_NAME(product_serial)(&dq);
        }
        if (dk) {
            KERNEL_NAME(pack_panels)
            (queries, h.q + i0 * a->q_row, a->q_row, 1, n, width, 0, width_panels);
            add_transposed(dk, a->k_row, slopes, stride, queries, h.keys, width, n,
                           i0 ? 1.0f : g->beta_k);
        }
        if (dv) {
            KERNEL_NAME(pack_panels)(douts, dout, a->out_row, 1, n, width, 0, width_panels);
            add_transposed(dv, a->v_row, weights, stride, douts, h.keys, width, n,
                           i0 ? 1.0f : g->beta_v);
        }
    }
    /* Keys that no query of the row sees still need their gradient written. */
    if (h.queries == 0) {
        if (dk)
            add_transposed(dk, a->k_row, slopes, stride, queries, h.keys, width, 0, g->beta_k);
        if (dv)
            add_transposed(dv, a->v_row, weights, stride, douts, h.keys, width, 0, g->beta_v);
    }
}

static void backward_task(void *context, int64_t index, int thread)
{
    const struct backward_job *job = context;
    const struct attention *a = &job->gradient->forward;
    backward_head(job, index / a->heads, index % a->heads, thread);
}

/* With a bias table, a task owns a head, whose column of the table it sums over all rows. */
static void backward_head_task(void *context, int64_t head, int thread)
{
    const struct backward_job *job = context;
    const struct attention *a = &job->gradient->forward;
    if (job->gradient->beta_bias == 0.0f) {
        for (int64_t i = 0; i < a->buckets; i++)
            job->gradient->dbias[i * a->heads + head] = 0.0f;
    }
    for (int64_t row = 0; row < a->rows; row++)
        backward_head(job, row, head, thread);
}

static void attention_backward(const struct kernel_context *context,
                               const struct attention_gradient *gradient)
{
    struct backward_job job = {context, gradient};
    const struct attention *a = &gradient->forward;
    if (gradient->dbias)
        thread_pool_run(context->threads, a->heads, backward_head_task, &job);
    else
        thread_pool_run(context->threads, a->rows * a->heads, backward_task, &job);
}

void KERNEL_NAME(fill_attention)(struct kernels *kernels)
{
    kernels->attention_scratch = attention_scratch;
    kernels->attention = attention;
    kernels->attention_backward = attention_backward;
}
