/* The cases: how each op is built, drawn at random, and how far it may lie from float64. */
#include "op_table.h"

#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct value *integer_input(struct scene *scene, const char *name)
{
    const struct trial_tensor *tensor = trial_find(scene->trial, name);
    return tensor ? graph_input(scene->graph, DTYPE_I32, 1, &tensor->count, tensor->integers)
                  : NULL;
}

static int64_t size_of(const struct scene *scene, const char *name, int dimension)
{
    return trial_find(scene->trial, name)->shape[dimension];
}

static void draw_integers(struct trial *trial, const char *name, enum axis axis, int64_t count,
                          int64_t limit)
{
    struct trial_tensor *tensor = trial_add_floats(trial, name, axis, 1, &count, 1.0);
    tensor->integers = arena_allocate(&trial->arena, (size_t)count + 1, sizeof(int32_t));
    if (!tensor->integers)
        exit(1);
    for (int64_t i = 0; i < count; i++) {
        trial->draws = random_mix(trial->draws, 77);
        tensor->integers[i] = (int32_t)(trial->draws % (uint64_t)limit);
    }
    tensor->floats = NULL;
}

static void draw_matrix(struct trial *trial, const char *name, enum axis axis, int64_t rows,
                        int64_t columns, double scale)
{
    int64_t shape[] = {rows, columns};
    trial_add_floats(trial, name, axis, 2, shape, scale);
}

static void draw_vector(struct trial *trial, const char *name, enum axis axis, int64_t count,
                        double scale)
{
    trial_add_floats(trial, name, axis, 1, &count, scale);
}

static void draw_setting(struct trial *trial, const char *name, double value)
{
    int64_t one = 1;
    struct trial_tensor *tensor = trial_add_floats(trial, name, AXIS_NONE, 1, &one, 1.0);
    tensor->expected = arena_allocate(&trial->arena, 1, sizeof(double));
    if (!tensor->expected)
        exit(1);
    tensor->expected[0] = value;
    tensor->floats = NULL;
}

/* Near 1, as the weights of norms are. */
static void draw_near_one(struct trial *trial, const char *name, int64_t count)
{
    struct trial_tensor *tensor = trial_add_floats(trial, name, AXIS_NONE, 1, &count, 0.2);
    for (int64_t i = 0; i < count; i++)
        tensor->floats[i] += 1.0f;
}

/* ---- linear: sizes {inputs, outputs} ---- */

static void build_linear(struct scene *scene)
{
    scene->outputs[0] =
        op_linear(scene->graph, "op", WEIGHT_OUT_IN, size_of(scene, "w", 0), scene->uses[0]);
}

static void build_conv1d(struct scene *scene)
{
    scene->outputs[0] =
        op_linear(scene->graph, "op", WEIGHT_IN_OUT, size_of(scene, "w", 1), scene->uses[0]);
}

static void draw_linear_around(struct trial *trial, const int64_t *sizes, bool out_in)
{
    int64_t tokens = trial->queries.tokens, inputs = sizes[0], outputs = sizes[1];
    draw_matrix(trial, "x", AXIS_TOKENS, tokens, inputs, 1.0);
    draw_matrix(trial, "w", AXIS_NONE, out_in ? outputs : inputs, out_in ? inputs : outputs,
                1.0 / sqrt((double)inputs));
    draw_vector(trial, "b", AXIS_NONE, outputs, 1.0);
    draw_matrix(trial, "dy", AXIS_TOKENS, tokens, outputs, 1.0);
}

static void draw_linear(struct trial *trial, const int64_t *sizes)
{
    draw_linear_around(trial, sizes, true);
}

static void draw_conv1d(struct trial *trial, const int64_t *sizes)
{
    draw_linear_around(trial, sizes, false);
}

/* ---- embedding: sizes {entries, width} ---- */

static void build_embedding(struct scene *scene)
{
    scene->outputs[0] = op_embedding(scene->graph, "op", size_of(scene, "table", 0),
                                     size_of(scene, "table", 1), integer_input(scene, "ids"));
}

static void draw_embedding(struct trial *trial, const int64_t *sizes)
{
    draw_integers(trial, "ids", AXIS_TOKENS, trial->queries.tokens, sizes[0]);
    draw_matrix(trial, "table", AXIS_NONE, sizes[0], sizes[1], 1.0);
    draw_matrix(trial, "dy", AXIS_TOKENS, trial->queries.tokens, sizes[1], 1.0);
}

/* ---- norms: sizes {width} ---- */

static void build_layer_norm(struct scene *scene)
{
    scene->outputs[0] = op_layer_norm(scene->graph, "op", scene->uses[0],
                                      (float)trial_setting(scene->trial, "param.eps", 1e-5));
}

static void build_rms_norm(struct scene *scene)
{
    scene->outputs[0] = op_rms_norm(scene->graph, "op", scene->uses[0],
                                    (float)trial_setting(scene->trial, "param.eps", 1e-5));
}

static void draw_norm(struct trial *trial, const int64_t *sizes)
{
    int64_t tokens = trial->queries.tokens, width = sizes[0];
    draw_matrix(trial, "x", AXIS_TOKENS, tokens, width, 1.0);
    draw_near_one(trial, "w", width);
    draw_vector(trial, "b", AXIS_NONE, width, 0.2);
    draw_setting(trial, "param.eps", 0.05);
    draw_matrix(trial, "dy", AXIS_TOKENS, tokens, width, 1.0);
}

/* ---- element by element: sizes {width} ---- */

static void build_activation(struct scene *scene)
{
    static const char *const names[] = {"gelu_erf", "gelu_tanh", "tanh", "relu", "silu"};
    for (int kind = 0; kind < 5; kind++) {
        if (!strcmp(scene->trial->op->name, names[kind]))
            scene->outputs[0] = op_activation(scene->graph, (enum activation)kind, scene->uses[0]);
    }
}

static void build_add(struct scene *scene)
{
    scene->outputs[0] = op_add(scene->graph, scene->uses[0], scene->uses[1]);
}

static void build_dropout(struct scene *scene)
{
    scene->outputs[0] = op_dropout(scene->graph, "op", scene->uses[0], scene->trial->op->dropout,
                                   &scene->trial->queries);
}

static void draw_elements(struct trial *trial, const int64_t *sizes)
{
    int64_t tokens = trial->queries.tokens;
    draw_matrix(trial, "x", AXIS_TOKENS, tokens, sizes[0], 2.0);
    /* Finite differences must not step over relu's bend. */
    struct trial_tensor *x = &trial->tensors[trial->count - 1];
    for (int64_t i = 0; i < x->count && trial->op->build == build_activation; i++)
        x->floats[i] += x->floats[i] < 0.0f ? -0.03f : 0.03f;
    draw_matrix(trial, "x2", AXIS_TOKENS, tokens, sizes[0], 2.0);
    draw_matrix(trial, "dy", AXIS_TOKENS, tokens, sizes[0], 1.0);
}

/* ---- attention: sizes {heads, head width, causal} ---- */

static const struct trial *bucket_trial; /* the bucket function has no context */

static int32_t table_bucket(int32_t distance, int32_t buckets)
{
    const struct trial_tensor *table = trial_find(bucket_trial, "bias_buckets");
    if (table)
        return table
            ->integers[distance + (int32_t)trial_setting(bucket_trial, "param.bias_reach", 0.0)];
    int32_t bucket = distance + buckets / 2;
    return bucket < 0 ? 0 : bucket >= buckets ? buckets - 1 : bucket;
}

static struct attention_options attention_options_of(struct scene *scene)
{
    const struct trial *trial = scene->trial;
    return (struct attention_options){
        .heads = (int64_t)trial_setting(trial, "param.heads", 1.0),
        .scale = (float)trial_setting(trial, "param.scale", 1.0),
        .causal = trial_setting(trial, "param.causal", 0.0) != 0.0,
        .dropout = trial->op->dropout,
    };
}

static void build_attention(struct scene *scene)
{
    const struct trial *trial = scene->trial;
    struct attention_options options = attention_options_of(scene);
    options.bias = scene->uses[3];
    options.bucket = options.bias ? table_bucket : NULL;
    bucket_trial = trial;
    struct value *out =
        op_attention(scene->graph, "op", scene->uses[0], scene->uses[1], scene->uses[2],
                     size_of(scene, "q", 1), &trial->queries, &trial->keys, &options);
    scene->outputs[0] = out;
}

/* q, k and v are columns of one tensor. */
static void build_shared(struct scene *scene)
{
    struct attention_options options = attention_options_of(scene);
    int64_t width = size_of(scene, "x", 1) / 3;
    options.k_column = width;
    options.v_column = 2 * width;
    scene->outputs[0] =
        op_attention(scene->graph, "op", scene->uses[0], scene->uses[0], scene->uses[0], width,
                     &scene->trial->queries, &scene->trial->queries, &options);
}

static void draw_attention_settings(struct trial *trial, const int64_t *sizes)
{
    draw_setting(trial, "param.heads", (double)sizes[0]);
    draw_setting(trial, "param.causal", (double)sizes[2]);
    draw_setting(trial, "param.scale", 1.0 / sqrt((double)sizes[1]));
    draw_matrix(trial, "dy", AXIS_TOKENS, trial->queries.tokens, sizes[0] * sizes[1], 1.0);
}

static void draw_attention(struct trial *trial, const int64_t *sizes)
{
    int64_t width = sizes[0] * sizes[1];
    draw_matrix(trial, "q", AXIS_TOKENS, trial->queries.tokens, width, 1.0);
    draw_matrix(trial, "k", AXIS_KEYS, trial->keys.tokens, width, 1.0);
    draw_matrix(trial, "v", AXIS_KEYS, trial->keys.tokens, width, 1.0);
    draw_attention_settings(trial, sizes);
}

static void draw_attention_bias(struct trial *trial, const int64_t *sizes)
{
    draw_attention(trial, sizes);
    draw_matrix(trial, "bias_table", AXIS_NONE, 9, sizes[0], 1.0);
}

static void draw_shared(struct trial *trial, const int64_t *sizes)
{
    draw_matrix(trial, "x", AXIS_TOKENS, trial->queries.tokens, 3 * sizes[0] * sizes[1], 1.0);
    draw_attention_settings(trial, sizes);
}

/* ---- pooling: sizes {width} ---- */

static void build_pool(struct scene *scene)
{
    const char *name = scene->trial->op->name;
    enum pooling kind = strstr(name, "first")  ? POOL_FIRST
                        : strstr(name, "last") ? POOL_LAST
                                               : POOL_MEAN;
    scene->outputs[0] = op_pool(scene->graph, kind, scene->uses[0], &scene->trial->queries);
}

static void draw_pool(struct trial *trial, const int64_t *sizes)
{
    draw_matrix(trial, "x", AXIS_TOKENS, trial->queries.tokens, sizes[0], 1.0);
    draw_matrix(trial, "dy", AXIS_ROWS, trial->queries.rows, sizes[0], 1.0);
}

static void build_normalize(struct scene *scene)
{
    scene->outputs[0] = op_normalize(scene->graph, scene->uses[0]);
}

/* ---- losses: sizes {classes} ---- */

static void build_cross_entropy(struct scene *scene)
{
    const char *suffix = scene->trial->op->suffix;
    const struct trial_tensor *weights = trial_find(scene->trial, "class_weights");
    struct value *chosen =
        suffix && strstr(suffix, "weighted")
            ? graph_input(scene->graph, DTYPE_F32, 1, weights->shape, weights->floats)
            : NULL;
    double smoothing = suffix && strstr(suffix, "smooth")
                           ? trial_setting(scene->trial, "param.smoothing", 0.0)
                           : 0.0;
    scene->outputs[0] = op_cross_entropy(scene->graph, scene->uses[0],
                                         integer_input(scene, "targets"), chosen, (float)smoothing);
}

static void draw_cross_entropy(struct trial *trial, const int64_t *sizes)
{
    int64_t tokens = trial->queries.tokens;
    draw_matrix(trial, "logits", AXIS_TOKENS, tokens, sizes[0], 2.0);
    draw_integers(trial, "targets", AXIS_TOKENS, tokens, sizes[0]);
    draw_near_one(trial, "class_weights", sizes[0]);
    draw_setting(trial, "param.smoothing", 0.1);
    draw_vector(trial, "dy", AXIS_TOKENS, tokens, 1.0);
    struct trial_tensor *targets = &trial->tensors[trial->count - 4];
    if (tokens > 2)
        targets->integers[1] = -100;
}

static void build_squared_error(struct scene *scene)
{
    const struct trial_tensor *target = trial_find(scene->trial, "target");
    scene->outputs[0] =
        op_squared_error(scene->graph, scene->uses[0],
                         graph_input(scene->graph, DTYPE_F32, 2, target->shape, target->floats));
}

static void draw_squared_error(struct trial *trial, const int64_t *sizes)
{
    int64_t tokens = trial->queries.tokens;
    draw_matrix(trial, "x", AXIS_TOKENS, tokens, sizes[0], 1.0);
    draw_matrix(trial, "target", AXIS_TOKENS, tokens, sizes[0], 1.0);
    draw_vector(trial, "dy", AXIS_TOKENS, tokens, 1.0);
}

/* ---- vocabulary: sizes {width, words} ---- */

enum { CE, LOGPROB, RANK, ENTROPY, MEAN, VARIANCE, KL };

static void build_vocabulary(struct scene *scene, bool with_q)
{
    const struct trial_tensor *q = trial_find(scene->trial, "q_hidden");
    struct vocabulary_options options = {
        .scoring = {scene->uses[0], "op.weight", scene->uses[2] ? "op.bias" : NULL},
        .targets = integer_input(scene, "targets"),
        .scores = (1u << SCORE_COUNT) - 1,
    };
    if (with_q)
        options.sampling = (struct vocabulary_head){
            graph_input(scene->graph, DTYPE_F32, 2, q->shape, q->floats), "q.weight", NULL};
    struct value *scores[SCORE_COUNT];
    op_vocabulary(scene->graph, "op", &options, scores);
    for (int i = 0; i < SCORE_COUNT; i++)
        scene->outputs[i] = scores[i];
}

static void build_vocabulary_p(struct scene *scene)
{
    build_vocabulary(scene, false);
}

static void build_vocabulary_q(struct scene *scene)
{
    build_vocabulary(scene, true);
}

static void draw_vocabulary(struct trial *trial, const int64_t *sizes)
{
    int64_t tokens = trial->queries.tokens, width = sizes[0], words = sizes[1];
    draw_matrix(trial, "hidden", AXIS_TOKENS, tokens, width, 1.0);
    draw_matrix(trial, "head", AXIS_NONE, words, width, 1.5 / sqrt((double)width));
    draw_vector(trial, "bias", AXIS_NONE, words, 0.5);
    draw_matrix(trial, "q_hidden", AXIS_TOKENS, tokens, 11, 1.0);
    draw_matrix(trial, "q_head", AXIS_NONE, words, 11, 0.5);
    draw_integers(trial, "targets", AXIS_TOKENS, tokens, words);
    if (tokens > 2)
        trial->tensors[trial->count - 1].integers[1] = -1;
    draw_vector(trial, "dy", AXIS_TOKENS, tokens, 1.0);
}

/* ---- the table ---- */

#define LINEAR_USES                                                                                \
    {                                                                                              \
        {"x", NULL}, {"w", "op.weight"},                                                           \
        {                                                                                          \
            "b", "op.bias"                                                                         \
        }                                                                                          \
    }
#define NORM_USES                                                                                  \
    {                                                                                              \
        {"x", NULL}, {"w", "op.weight"},                                                           \
        {                                                                                          \
            "b", "op.bias"                                                                         \
        }                                                                                          \
    }
#define ATTENTION_USES                                                                             \
    {                                                                                              \
        {"q", NULL}, {"k", NULL}, {"v", NULL},                                                     \
        {                                                                                          \
            "bias_table", "op.bias"                                                                \
        }                                                                                          \
    }
#define VOCABULARY_USES                                                                            \
    {                                                                                              \
        {"hidden", NULL}, {"head", "op.weight"},                                                   \
        {                                                                                          \
            "bias", "op.bias"                                                                      \
        }                                                                                          \
    }
#define VOCABULARY_P                                                                               \
    {                                                                                              \
        "ce", "logprob", "rank", "entropy", "mu_p", "var_p", "kl_p"                                \
    }
#define VOCABULARY_Q                                                                               \
    {                                                                                              \
        "ce", "logprob", "rank", "entropy", "mu_q", "var_q", "kl"                                  \
    }

/* Relative norms. float32 sums of n products lie about sqrt(n) * 3e-8 from float64; what is larger
 * says why. */
#define USUAL .forward_tolerance = 4e-7, .backward_tolerance = 6e-7
/* Scores of the vocabulary are logarithms of sums of exponentials of products. */
#define SCORES .forward_tolerance = 6e-7, .backward_tolerance = 6e-7

/* Sizes start with {rows, longest query + 1000 * longest key}: lengths run from 0 (1 where rows
 * are pooled) to the longest. */
#define LINEAR_SIZES                                                                               \
    {                                                                                              \
        {3, 7, 19, 29}, {2, 5, 1, 1}, {1, 1, 17, 1}, {5, 31, 301, 37},                             \
        {                                                                                          \
            9, 40, 40, 800                                                                         \
        }                                                                                          \
    }
#define ELEMENT_SIZES                                                                              \
    {                                                                                              \
        {3, 7, 19}, {1, 1, 1}, {4, 9, 64},                                                         \
        {                                                                                          \
            3, 600, 37                                                                             \
        }                                                                                          \
    }
#define ATTENTION_SIZES                                                                            \
    {                                                                                              \
        {4, 17017, 3, 10, 0}, {5, 30009, 2, 16, 1}, {5, 9030, 1, 1, 1}, {3, 61061, 2, 5, 1},       \
        {                                                                                          \
            3, 7, 2, 8, 0                                                                          \
        }                                                                                          \
    }

const struct op_case op_cases[] = {
    {.name = "linear",
     .file = "linear",
     .uses = LINEAR_USES,
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_linear,
     .draw = draw_linear,
     .sizes = LINEAR_SIZES,
     USUAL},
    {.name = "linear_deep",
     .file = "linear_deep",
     .uses = LINEAR_USES,
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_linear,
     USUAL},
    {.name = "linear_single",
     .file = "linear_single",
     .uses = LINEAR_USES,
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_linear,
     USUAL},
    {.name = "conv1d",
     .file = "linear_conv1d",
     .uses = LINEAR_USES,
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_conv1d,
     .draw = draw_conv1d,
     .sizes = LINEAR_SIZES,
     USUAL},
    {.name = "conv1d_deep",
     .file = "linear_conv1d_deep",
     .uses = LINEAR_USES,
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_conv1d,
     USUAL},
    {.name = "conv1d_single",
     .file = "linear_conv1d_single",
     .uses = LINEAR_USES,
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_conv1d,
     USUAL},
    {.name = "embedding",
     .file = "embedding",
     .uses = {{"table", "op.weight"}},
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_embedding,
     .draw = draw_embedding,
     .sizes = {{3, 7, 23, 19}, {1, 1, 1, 1}, {5, 40, 17, 33}},
     USUAL},
    {.name = "layer_norm",
     .file = "layer_norm",
     .uses = NORM_USES,
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_layer_norm,
     .draw = draw_norm,
     .sizes = {{3, 7, 37}, {2, 5, 2}, {2, 3, 1}, {3, 30, 384}},
     USUAL},
    {.name = "layer_norm_eps",
     .file = "layer_norm_eps",
     .uses = NORM_USES,
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_layer_norm,
     USUAL},
    {.name = "rms_norm",
     .file = "rms_norm",
     .uses = {{"x", NULL}, {"w", "op.weight"}},
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_rms_norm,
     .draw = draw_norm,
     .sizes = {{3, 7, 37}, {2, 5, 1}, {3, 30, 384}},
     USUAL},
    {.name = "gelu_erf",
     .file = "gelu_erf",
     .uses = {{"x", NULL}},
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_activation,
     .draw = draw_elements,
     .sizes = ELEMENT_SIZES,
     USUAL},
    {.name = "gelu_tanh",
     .file = "gelu_tanh",
     .uses = {{"x", NULL}},
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_activation,
     .draw = draw_elements,
     .sizes = ELEMENT_SIZES,
     USUAL},
    {.name = "tanh",
     .file = "tanh",
     .uses = {{"x", NULL}},
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_activation,
     .draw = draw_elements,
     .sizes = ELEMENT_SIZES,
     USUAL},
    {.name = "relu",
     .file = "relu",
     .uses = {{"x", NULL}},
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_activation,
     .draw = draw_elements,
     .sizes = ELEMENT_SIZES,
     USUAL},
    {.name = "silu",
     .file = "silu",
     .uses = {{"x", NULL}},
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_activation,
     .draw = draw_elements,
     .sizes = ELEMENT_SIZES,
     USUAL},
    {.name = "add",
     .uses = {{"x", NULL}, {"x2", NULL}},
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_add,
     .draw = draw_elements,
     .sizes = ELEMENT_SIZES},
    {.name = "dropout",
     .uses = {{"x", NULL}},
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_dropout,
     .draw = draw_elements,
     .sizes = {{3, 7, 19}, {1, 1, 1}, {4, 9, 64}, {3, 40, 333}},
     .dropout = 0.3f},
    {.name = "attention",
     .file = "attention_full",
     .uses = ATTENTION_USES,
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_attention,
     .draw = draw_attention,
     .sizes = ATTENTION_SIZES,
     USUAL},
    {.name = "attention_causal",
     .file = "attention_causal",
     .uses = ATTENTION_USES,
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_attention,
     USUAL},
    {.name = "attention_causal_cache",
     .file = "attention_causal_cache",
     .uses = ATTENTION_USES,
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_attention,
     USUAL},
    {.name = "attention_cross",
     .file = "attention_cross",
     .uses = ATTENTION_USES,
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_attention,
     USUAL},
    /* Scores of some 60 have rounding errors of 60 * 6e-8, which are errors of the weights. */
    {.name = "attention_large",
     .file = "attention_large",
     .uses = ATTENTION_USES,
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_attention,
     .forward_tolerance = 1e-6,
     .backward_tolerance = 4e-6},
    {.name = "attention_bias",
     .file = "attention_bias",
     .uses = ATTENTION_USES,
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_attention,
     .draw = draw_attention_bias,
     .sizes = ATTENTION_SIZES,
     USUAL},
    {.name = "attention_bias_causal",
     .file = "attention_bias_causal",
     .uses = ATTENTION_USES,
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_attention,
     USUAL},
    {.name = "attention_shared",
     .uses = {{"x", NULL}},
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_shared,
     .draw = draw_shared,
     .sizes = {{4, 17, 3, 10, 0}, {3, 61, 2, 5, 1}}},
    {.name = "attention_dropout",
     .uses = {{"x", NULL}},
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_shared,
     .draw = draw_shared,
     .sizes = {{4, 17, 3, 10, 0}, {3, 61, 2, 5, 1}, {2, 200, 2, 8, 0}},
     .dropout = 0.2f},
    {.name = "pooling_first",
     .file = "pooling_first",
     .uses = {{"x", NULL}},
     .outputs = {"y"},
     .output_axis = AXIS_ROWS,
     .build = build_pool,
     .draw = draw_pool,
     .sizes = {{4, 7, 19}, {1, 1, 1}, {9, 70, 33}},
     USUAL},
    {.name = "pooling_last",
     .file = "pooling_last",
     .uses = {{"x", NULL}},
     .outputs = {"y"},
     .output_axis = AXIS_ROWS,
     .build = build_pool,
     .draw = draw_pool,
     .sizes = {{4, 7, 19}, {1, 1, 1}, {9, 70, 33}},
     USUAL},
    {.name = "pooling_mean",
     .file = "pooling_mean",
     .uses = {{"x", NULL}},
     .outputs = {"y"},
     .output_axis = AXIS_ROWS,
     .build = build_pool,
     .draw = draw_pool,
     .sizes = {{4, 7, 19}, {1, 1, 1}, {9, 70, 33}},
     USUAL},
    {.name = "l2_normalize",
     .file = "l2_normalize",
     .uses = {{"x", NULL}},
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_normalize,
     .draw = draw_elements,
     .sizes = {{3, 7, 19}, {2, 5, 2}, {4, 40, 384}},
     USUAL},
    {.name = "cross_entropy",
     .file = "cross_entropy",
     .uses = {{"logits", NULL}},
     .outputs = {"loss"},
     .output_axis = AXIS_TOKENS,
     .build = build_cross_entropy,
     .draw = draw_cross_entropy,
     .sizes = {{3, 7, 7}, {1, 1, 1}, {4, 40, 2}},
     USUAL},
    {.name = "cross_entropy_weighted",
     .file = "cross_entropy",
     .suffix = "_weighted",
     .uses = {{"logits", NULL}},
     .outputs = {"loss_weighted"},
     .output_axis = AXIS_TOKENS,
     .build = build_cross_entropy,
     .draw = draw_cross_entropy,
     .sizes = {{3, 7, 7}},
     USUAL},
    {.name = "cross_entropy_smooth",
     .file = "cross_entropy",
     .suffix = "_smooth",
     .uses = {{"logits", NULL}},
     .outputs = {"loss_smooth"},
     .output_axis = AXIS_TOKENS,
     .build = build_cross_entropy,
     .draw = draw_cross_entropy,
     .sizes = {{3, 7, 7}},
     USUAL},
    {.name = "cross_entropy_weighted_smooth",
     .file = "cross_entropy",
     .suffix = "_weighted_smooth",
     .uses = {{"logits", NULL}},
     .outputs = {"loss_weighted_smooth"},
     .output_axis = AXIS_TOKENS,
     .build = build_cross_entropy,
     .draw = draw_cross_entropy,
     .sizes = {{3, 7, 7}},
     USUAL},
    {.name = "squared_error",
     .file = "mse",
     .uses = {{"x", NULL}},
     .outputs = {"y"},
     .output_axis = AXIS_TOKENS,
     .build = build_squared_error,
     .draw = draw_squared_error,
     .sizes = {{3, 7, 5}, {1, 1, 1}, {4, 40, 33}},
     USUAL},
    {.name = "vocabulary_p",
     .file = "vocabulary",
     .suffix = "_ce",
     .uses = VOCABULARY_USES,
     .outputs = VOCABULARY_P,
     .output_axis = AXIS_TOKENS,
     .build = build_vocabulary_p,
     SCORES},
    {.name = "vocabulary_q",
     .file = "vocabulary",
     .suffix = "_kl",
     .uses = VOCABULARY_USES,
     .outputs = VOCABULARY_Q,
     .output_axis = AXIS_TOKENS,
     .seeded = KL,
     .build = build_vocabulary_q,
     SCORES},
    {.name = "vocabulary_bias_p",
     .file = "vocabulary_bias",
     .suffix = "_ce",
     .uses = VOCABULARY_USES,
     .outputs = VOCABULARY_P,
     .output_axis = AXIS_TOKENS,
     .build = build_vocabulary_p,
     .draw = draw_vocabulary,
     .sizes = {{3, 7, 17, 211}, {1, 1, 1, 1}, {4, 40, 33, 500}},
     SCORES},
    {.name = "vocabulary_bias_q",
     .file = "vocabulary_bias",
     .suffix = "_kl",
     .uses = VOCABULARY_USES,
     .outputs = VOCABULARY_Q,
     .output_axis = AXIS_TOKENS,
     .seeded = KL,
     .build = build_vocabulary_q,
     .draw = draw_vocabulary,
     .sizes = {{3, 7, 17, 211}, {1, 1, 1, 1}, {4, 40, 33, 500}},
     SCORES},
};

const int op_case_count = sizeof op_cases / sizeof *op_cases;

const struct op_case *op_case_find(const char *name)
{
    for (int i = 0; i < op_case_count; i++) {
        if (!strcmp(op_cases[i].name, name))
            return &op_cases[i];
    }
    return NULL;
}
