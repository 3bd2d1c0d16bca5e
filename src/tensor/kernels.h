/* The kernel table: everything that touches the elements of tensors (contract 6).
 *
 * Kernels allocate nothing, return nothing to the caller and cannot fail: shapes were checked when
 * the graph was built. Each spreads its work over context->threads and gives the same bits for any
 * number of them, for a row alone and in any batch, and on every float32 kernel set (contract 7).
 * `beta` is 0 (write) or 1 (add to what is there). Widths are row lengths in floats; rows are
 * contiguous unless a stride is named. Sources: src/cpu fills the table, see src/cpu/cpu.h.
 */
#ifndef ASSAY_TENSOR_KERNELS_H
#define ASSAY_TENSOR_KERNELS_H

#include "base/random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct thread_pool;

struct kernel_context {
    struct thread_pool *threads;
    float *scratch;        /* one piece a thread, */
    size_t scratch_floats; /* each this long */
    float *shared;         /* one piece for all, of the size the node asked for */
};

enum activation {
    ACTIVATION_GELU_ERF,
    ACTIVATION_GELU_TANH,
    ACTIVATION_TANH,
    ACTIVATION_RELU,
    ACTIVATION_SILU
};

enum pooling { POOL_FIRST, POOL_LAST, POOL_MEAN };

/* Weights are packed in panels of this many columns: [panel][k][PANEL], zeros beyond the last. */
enum { PANEL = 16 };

/* c (m, n) = beta * c + a (m, k) b (k, n) + bias (n) or NULL.
 * Element (i, p) of a lies at a[i * a_row + p * a_k]; one of both strides is 1. Sums along k are in
 * an order that k alone decides; bias is added last. */
struct product {
    void *c;
    int64_t c_row;
    const void *a;
    int64_t a_row, a_k;
    const void *b;     /* packed by the pack function of the same precision */
    const void *b_low; /* at `high`: the bfloat16 remainders of b, packed alike */
    const float *bias;
    int64_t m, n, k;
    float beta;
    /* bfloat_product alone: elements are bfloat16, not float32; */
    bool a_bfloat, c_bfloat;
    /* c is the activation of the sum, which goes to `before` (bfloat16, as c) where not NULL; beta
     * must be 0. */
    bool activates;
    enum activation activation;
    uint16_t *before;
};

/* Multi-head attention over rows of packed tokens (contract 4). Query i of row r sees the keys
 * k_offsets[r] .. k_offsets[r + 1] - 1 of that row; with `causal` only those at most
 * (keys - queries) ahead of it: bottom-right aligned.
 * Head h of q lies at q + token * q_row + h * head_width; k, v and out alike. */
struct attention {
    float *out;
    float *statistics; /* (2, heads, queries): largest score, sum of exponentials; saved */
    const float *q, *k, *v;
    int64_t q_row, k_row, v_row, out_row;
    const int32_t *q_offsets, *k_offsets; /* (rows + 1) */
    int64_t rows, heads, head_width, queries, longest_keys;
    float scale;
    bool causal;
    /* Score bias, or NULL: table (buckets, heads), looked up by bucket(key - query position). */
    const float *bias;
    int32_t (*bucket)(int32_t distance, int32_t buckets);
    int32_t buckets;
    /* Dropout of the weights; rate 0: none. */
    float dropout;
    struct random_stream stream;
    const int64_t *row_ids;
};

struct attention_gradient {
    struct attention forward; /* statistics as saved; out is not read */
    const float *dout;
    float *dq, *dk, *dv, *dbias; /* strides as q, k, v; NULL: not asked for */
    float beta_q, beta_k, beta_v, beta_bias;
};

/* Cross entropy over a few classes: the rows' losses and what backward needs. */
struct cross_entropy {
    float *loss; /* (rows): weight of the label times the (smoothed) loss; 0 for label < 0 */
    const float *logits; /* (rows, classes) */
    const int32_t *labels;
    const float *class_weights; /* (classes) or NULL */
    int64_t rows, classes;
    float smoothing;
    /* backward */
    const float *dloss;
    float *dlogits;
    float beta;
};

/* What the vocabulary op knows of one token, natural logarithms; p is the scoring distribution, q
 * the sampling one (p itself when there is only one). */
enum vocabulary_score {
    SCORE_CROSS_ENTROPY,   /* -log p(target) */
    SCORE_LOG_PROBABILITY, /* log p(target) */
    SCORE_RANK,            /* 1 + number of logits larger than the target's, under p */
    SCORE_ENTROPY,         /* of p */
    SCORE_MEAN,            /* sum q log p */
    SCORE_VARIANCE,        /* sum q (log p)^2 - mean^2 */
    SCORE_KL,              /* sum q (log q - log p) */
    SCORE_COUNT
};

/* One trained tensor's part of the run of all (parameters.h). Segments are in order and do not
 * overlap; what lies between them is padding, neither read nor written. */
struct run_segment {
    int64_t first, count;
    bool decayed;
};

struct run_segments {
    const struct run_segment *items;
    int64_t count;
    int64_t run; /* floats in the run, padding included */
};

/* One task of a pass over the run, and one partial sum of it. */
enum { RUN_BLOCK = 16384 };

/* One step of AdamW, and of the moving average of the weights. m and v move towards g = factor *
 * gradient and g^2 by their rates, average towards the new p; keep is 1 - rate. Then
 * p -= (decay * p where decayed) + step * m / (sqrt(v) * root_factor + epsilon). */
struct adamw {
    float *p, *m, *v;
    float *average; /* or NULL */
    const float *gradient;
    struct run_segments segments;
    float factor;
    float m_rate, m_keep, v_rate, v_keep, average_rate, average_keep;
    float root_factor, epsilon, step, decay;
};

struct kernels {
    const char *name;

    /* packed[panel][p][PANEL] from b(p, j) = b[p * k_stride + j * n_stride] */
    void (*pack)(const struct kernel_context *, float *packed, const float *b, int64_t k_stride,
                 int64_t n_stride, int64_t k, int64_t n);
    void (*product)(const struct kernel_context *, const struct product *);

    /* bfloat16 operands, float32 sums. NULL where the processor lacks the units. k counts elements;
     * pack reads float32 or bfloat16 with one of both strides 1, fills the high parts and, when low
     * is not NULL, the remainders; bytes says the size of one packed copy. product uses three
     * products when b_low is given, which bfloat_high says to be worth it. */
    const char *bfloat_name;
    bool bfloat_high;
    size_t (*bfloat_bytes)(int64_t k, int64_t n);
    size_t (*bfloat_scratch)(int64_t k); /* floats a thread that bfloat_product needs */
    void (*bfloat_pack)(const struct kernel_context *, void *high, void *low, const void *b,
                        bool bfloat, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n);
    void (*bfloat_product)(const struct kernel_context *, const struct product *);

    /* out (width) = beta * out + sum of the rows of x, in order */
    void (*column_sum)(const struct kernel_context *, float *out, const float *x, int64_t rows,
                       int64_t width, float beta);
    void (*bfloat_column_sum)(const struct kernel_context *, float *out, const uint16_t *x,
                              int64_t rows, int64_t width, float beta);

    /* y (rows, width); statistics (2, rows): mean and 1 / deviation */
    void (*layer_norm)(const struct kernel_context *, float *y, float *statistics, const float *x,
                       const float *weight, const float *bias, int64_t rows, int64_t width,
                       float epsilon);
    void (*layer_norm_dx)(const struct kernel_context *, float *dx, float beta, const float *dy,
                          const float *x, const float *statistics, const float *weight,
                          int64_t rows, int64_t width);
    /* dweight and dbias may each be NULL */
    void (*layer_norm_dw)(const struct kernel_context *, float *dweight, float beta_weight,
                          float *dbias, float beta_bias, const float *dy, const float *x,
                          const float *statistics, int64_t rows, int64_t width);
    /* statistics (rows): 1 / root mean square */
    void (*rms_norm)(const struct kernel_context *, float *y, float *statistics, const float *x,
                     const float *weight, int64_t rows, int64_t width, float epsilon);
    void (*rms_norm_dx)(const struct kernel_context *, float *dx, float beta, const float *dy,
                        const float *x, const float *statistics, const float *weight, int64_t rows,
                        int64_t width);
    void (*rms_norm_dw)(const struct kernel_context *, float *dweight, float beta, const float *dy,
                        const float *x, const float *statistics, int64_t rows, int64_t width);

    void (*activate)(const struct kernel_context *, enum activation, float *y, const float *x,
                     int64_t count);
    void (*activate_dx)(const struct kernel_context *, enum activation, float *dx, float beta,
                        const float *dy, const float *x, int64_t count);

    /* In place, bfloat16: dy times the derivative at x. */
    void (*bfloat_derive)(const struct kernel_context *, enum activation, uint16_t *dy,
                          const uint16_t *x, int64_t count);

    void (*add)(const struct kernel_context *, float *y, const float *a, const float *b,
                int64_t count);
    /* y = beta * y + x */
    void (*accumulate)(const struct kernel_context *, float *y, const float *x, float beta,
                       int64_t count);
    /* y = beta * y + x kept or dropped; token t has row id row_ids[row] and its position in the
     * row. The same call on gradients is the backward. */
    void (*dropout)(const struct kernel_context *, float *y, const float *x, float beta,
                    const struct random_stream *, const int64_t *row_ids, const int32_t *offsets,
                    int64_t rows, int64_t width, float rate);

    /* y (tokens, width) = table[ids[t]] */
    void (*embed)(const struct kernel_context *, float *y, const float *table, const int32_t *ids,
                  int64_t tokens, int64_t width);
    /* dtable (entries, width), tokens in order */
    void (*embed_dw)(const struct kernel_context *, float *dtable, float beta, const float *dy,
                     const int32_t *ids, int64_t tokens, int64_t width, int64_t entries);

    size_t (*attention_scratch)(const struct attention *); /* floats a thread */
    void (*attention)(const struct kernel_context *, const struct attention *);
    void (*attention_backward)(const struct kernel_context *, const struct attention_gradient *);
    /* The same with products of bfloat16, at `medium`; NULL where the processor lacks the units. */
    void (*bfloat_attention)(const struct kernel_context *, const struct attention *);
    void (*bfloat_attention_backward)(const struct kernel_context *,
                                      const struct attention_gradient *);

    /* y (rows, width) from x (tokens, width) */
    void (*pool)(const struct kernel_context *, enum pooling, float *y, const float *x,
                 const int32_t *offsets, int64_t rows, int64_t width);
    void (*pool_dx)(const struct kernel_context *, enum pooling, float *dx, float beta,
                    const float *dy, const int32_t *offsets, int64_t rows, int64_t width);
    /* y = x over its Euclidean norm, a row at a time */
    void (*normalize)(const struct kernel_context *, float *y, const float *x, int64_t rows,
                      int64_t width);
    void (*normalize_dx)(const struct kernel_context *, float *dx, float beta, const float *dy,
                         const float *x, int64_t rows, int64_t width);

    void (*cross_entropy)(const struct kernel_context *, const struct cross_entropy *);
    void (*cross_entropy_dx)(const struct kernel_context *, const struct cross_entropy *);
    /* loss (rows) = mean over the row of (x - target)^2 */
    void (*squared_error)(const struct kernel_context *, float *loss, const float *x,
                          const float *target, int64_t rows, int64_t width);
    void (*squared_error_dx)(const struct kernel_context *, float *dx, float beta,
                             const float *dloss, const float *x, const float *target, int64_t rows,
                             int64_t width);

    /* scores[s] (rows) or NULL for each vocabulary_score, from a chunk of logits (rows, width);
     * q NULL: q is p. */
    void (*vocabulary_scores)(const struct kernel_context *, float *const scores[SCORE_COUNT],
                              const float *p, const float *q, const int32_t *targets, int64_t rows,
                              int64_t width);
    /* In place: p becomes dcross * (softmax - onehot) + dkl * (softmax p - softmax q), a row;
     * either gradient may be NULL. Targets below 0 count as no target. */
    void (*vocabulary_dlogits)(const struct kernel_context *, float *p, const float *q,
                               const int32_t *targets, const float *dcross, const float *dkl,
                               int64_t rows, int64_t width);

    /* blocks[i]: the sum of squares of floats [i, i + 1) * RUN_BLOCK of the run x */
    void (*sum_squares)(const struct kernel_context *, double *blocks, const float *x,
                        const struct run_segments *);
    void (*adamw)(const struct kernel_context *, const struct adamw *);
};

/* Floats that pack writes for b (k, n). */
static inline size_t packed_floats(int64_t k, int64_t n)
{
    return (size_t)((n + PANEL - 1) / PANEL) * PANEL * (size_t)k;
}

#endif
