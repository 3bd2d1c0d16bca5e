/* The ops that models are written in. Each builds a node (see graph.h for failures) and returns its
 * output; shapes are written (rows, width). Weights are found as <place>.weight and <place>.bias.
 */
#ifndef ASSAY_TENSOR_OPS_H
#define ASSAY_TENSOR_OPS_H

#include "tensor/graph.h"

/* y (tokens, outputs) = x (tokens, inputs) W + b; the bias is used where the model has one. Runs at
 * the graph's precision where the kernels can, else at the next higher one. */
struct value *op_linear(struct graph *graph, const char *place, enum weight_layout layout,
                        int64_t outputs, struct value *x);
/* The same with the weight of another place (a tied head); bias_name NULL: none. */
struct value *op_linear_named(struct graph *graph, const char *place, enum weight_layout layout,
                              int64_t outputs, struct value *x, const char *weight_name,
                              const char *bias_name);

/* The activation of op_linear, for another linear op alone to read: one op, and bfloat16, where
 * nothing reads the place between them and the precision is `medium`. */
struct value *op_linear_activated(struct graph *graph, const char *place, enum weight_layout layout,
                                  int64_t outputs, enum activation activation, struct value *x);

/* y (tokens, width) = <place>.weight[ids]; ids are int32 inputs (tokens), checked by the caller
 * against `entries`. */
struct value *op_embedding(struct graph *graph, const char *place, int64_t entries, int64_t width,
                           struct value *ids);

struct value *op_layer_norm(struct graph *graph, const char *place, struct value *x, float epsilon);
struct value *op_rms_norm(struct graph *graph, const char *place, struct value *x, float epsilon);
struct value *op_activation(struct graph *graph, enum activation kind, struct value *x);
/* a + b of one shape. */
struct value *op_add(struct graph *graph, struct value *a, struct value *b);
/* x unless the graph trains; draws are keyed by place, row, position and feature. rows describes
 * x's first dimension. */
struct value *op_dropout(struct graph *graph, const char *place, struct value *x, float rate,
                         const struct row_layout *rows);

struct attention_options {
    int64_t heads;
    float scale;
    bool causal; /* bottom-right aligned */
    float dropout;
    /* first columns of q, k and v in their values */
    int64_t q_column, k_column, v_column;
    /* bias (buckets, heads), or NULL, looked up by bucket(key position - query position, buckets)
     */
    struct value *bias;
    int32_t (*bucket)(int32_t distance, int32_t buckets);
};

/* out (query tokens, width). q, k, v may be column ranges of one value. */
struct value *op_attention(struct graph *graph, const char *place, struct value *q, struct value *k,
                           struct value *v, int64_t width, const struct row_layout *queries,
                           const struct row_layout *keys, const struct attention_options *options);

/* y (rows, width) from x (tokens, width). Every row must have a token. */
struct value *op_pool(struct graph *graph, enum pooling kind, struct value *x,
                      const struct row_layout *rows);
/* y (rows, width): the rows of x with the given numbers, int32, checked by the caller. */
struct value *op_select(struct graph *graph, struct value *x, struct value *numbers);
/* Rows of length one. */
struct value *op_normalize(struct graph *graph, struct value *x);

/* loss (rows) of logits (rows, classes); labels (rows) int32, negative: no label, below `classes`
 * by the caller's check. class_weights (classes) or NULL. Not divided: contract 5. */
struct value *op_cross_entropy(struct graph *graph, struct value *logits, struct value *labels,
                               struct value *class_weights, float smoothing);
/* loss (rows): mean of squares over each row. */
struct value *op_squared_error(struct graph *graph, struct value *x, struct value *target);

/* Scores of tokens under a head over the vocabulary (contract 5): the logits exist a few rows at a
 * time only. Weights are (vocabulary, width), bias (vocabulary) or NULL. */
struct vocabulary_head {
    struct value *hidden;
    const char *weight_name, *bias_name;
};

struct vocabulary_options {
    struct vocabulary_head scoring;  /* p */
    struct vocabulary_head sampling; /* q; hidden NULL: p */
    /* (tokens) int32, negative: none, below the vocabulary by the caller's check; NULL: none */
    struct value *targets;
    unsigned scores; /* bit 1 << vocabulary_score */
};

/* Fills scores[] with (tokens) values, NULL where not asked. Backward runs from SCORE_CROSS_ENTROPY
 * and SCORE_KL into the scoring pair. False on failure. */
bool op_vocabulary(struct graph *graph, const char *place, const struct vocabulary_options *options,
                   struct value *scores[SCORE_COUNT]);

#endif
