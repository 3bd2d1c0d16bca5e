/* Scores of tokens under one or two heads over the vocabulary, a few rows of logits at a time. */
#include "tensor/ops.h"

#include <string.h>

enum { CHUNK_ROWS = 64 };
enum { HIDDEN, WEIGHT, BIAS, Q_HIDDEN, Q_WEIGHT, Q_BIAS, TARGETS, INPUTS };

struct vocabulary {
    int output_of[SCORE_COUNT]; /* index of the output, -1: not asked */
    int64_t words;
};

/* Where the chunk's logits lie, what dW is multiplied by, and passing packed copies of a weight in
 * training: the node's shared scratch. */
struct chunk {
    float *logits, *q_logits, *packed, *weight[PACK_BACKWARD + 1];
};

static struct chunk chunk_of(const struct node *node)
{
    const struct vocabulary *v = node->attributes;
    const struct parameter *weight = node->inputs[WEIGHT]->parameter;
    float *shared = node_context(node)->shared;
    struct chunk chunk = {
        shared, shared + CHUNK_ROWS * v->words, shared + 2 * CHUNK_ROWS * v->words, {NULL}};
    chunk.weight[PACK_FORWARD] =
        chunk.packed + packed_floats(CHUNK_ROWS, tensor_width(&node->inputs[HIDDEN]->tensor));
    chunk.weight[PACK_BACKWARD] = chunk.weight[PACK_FORWARD] + parameter_pack_floats(weight);
    return chunk;
}

/* The packed weight for this pass over the chunks. */
static const float *packed_weight(const struct node *node, int input, enum pack_kind kind)
{
    const struct kernels *kernels = node_kernels(node);
    struct parameter *weight = node->inputs[input]->parameter;
    if (input == WEIGHT && weight->trained) {
        float *packed = chunk_of(node).weight[kind];
        parameter_pack_into(packed, weight, kind, WEIGHT_OUT_IN, kernels, node_context(node));
        graph_lap(node, PROFILE_PACKING, 0.0);
        return packed;
    }
    parameter_pack_fill(graph_get_options(node->graph)->parameters, weight, kind, WEIGHT_OUT_IN,
                        kernels, node_context(node));
    graph_lap(node, PROFILE_PACKING, 0.0);
    return weight->packed[kind].data;
}

static void chunk_logits(const struct node *node, int hidden, const float *packed, float *logits,
                         int64_t first, int64_t rows)
{
    const struct vocabulary *v = node->attributes;
    const struct kernels *kernels = node_kernels(node);
    const struct value *x = node->inputs[hidden], *bias = node->inputs[hidden + BIAS - HIDDEN];
    int64_t width = tensor_width(&x->tensor);
    struct product product = {.c = logits,
                              .c_row = v->words,
                              .a = (const float *)x->tensor.data + first * width,
                              .a_row = width,
                              .a_k = 1,
                              .b = packed,
                              .bias = bias ? bias->tensor.data : NULL,
                              .m = rows,
                              .n = v->words,
                              .k = width};
    kernels->product(node_context(node), &product);
}

static int64_t chunk_rows(int64_t first, int64_t tokens)
{
    return tokens - first < CHUNK_ROWS ? tokens - first : CHUNK_ROWS;
}

static void forward(const struct node *node)
{
    const struct vocabulary *v = node->attributes;
    int64_t tokens = tensor_rows(&node->inputs[HIDDEN]->tensor);
    const struct kernel_context *context = node_context(node);
    struct chunk chunk = chunk_of(node);
    float *logits = chunk.logits, *q_logits = chunk.q_logits;
    const int32_t *targets = node->inputs[TARGETS] ? node->inputs[TARGETS]->tensor.data : NULL;
    const float *packed = packed_weight(node, WEIGHT, PACK_FORWARD);
    const float *q_packed =
        node->inputs[Q_HIDDEN] ? packed_weight(node, Q_WEIGHT, PACK_FORWARD) : NULL;
    for (int64_t first = 0; first < tokens; first += CHUNK_ROWS) {
        int64_t rows = chunk_rows(first, tokens);
        chunk_logits(node, HIDDEN, packed, logits, first, rows);
        if (node->inputs[Q_HIDDEN])
            chunk_logits(node, Q_HIDDEN, q_packed, q_logits, first, rows);
        float *scores[SCORE_COUNT];
        for (int s = 0; s < SCORE_COUNT; s++)
            scores[s] = v->output_of[s] < 0
                            ? NULL
                            : (float *)node->outputs[v->output_of[s]]->tensor.data + first;
        node_kernels(node)->vocabulary_scores(context, scores, logits,
                                              node->inputs[Q_HIDDEN] ? q_logits : NULL,
                                              targets ? targets + first : NULL, rows, v->words);
    }
}

static const float *score_gradient(const struct node *node, enum vocabulary_score score)
{
    const struct vocabulary *v = node->attributes;
    return v->output_of[score] < 0 ? NULL : node->outputs[v->output_of[score]]->gradient;
}

static void backward(const struct node *node)
{
    const struct vocabulary *v = node->attributes;
    const struct kernels *kernels = node_kernels(node);
    struct value *hidden = node->inputs[HIDDEN], *weight = node->inputs[WEIGHT];
    struct value *bias = node->inputs[BIAS];
    int64_t tokens = tensor_rows(&hidden->tensor), width = tensor_width(&hidden->tensor);
    const int32_t *targets = node->inputs[TARGETS] ? node->inputs[TARGETS]->tensor.data : NULL;
    const float *dcross = score_gradient(node, SCORE_CROSS_ENTROPY);
    const float *dkl = score_gradient(node, SCORE_KL);
    const struct kernel_context *context = node_context(node);
    struct chunk chunk = chunk_of(node);
    float *logits = chunk.logits, *q_logits = chunk.q_logits;
    const float *packed = packed_weight(node, WEIGHT, PACK_FORWARD);
    const float *q_packed =
        node->inputs[Q_HIDDEN] ? packed_weight(node, Q_WEIGHT, PACK_FORWARD) : NULL;
    const float *packed_back =
        hidden->needs_gradient ? packed_weight(node, WEIGHT, PACK_BACKWARD) : NULL;
    /* Without tokens one empty chunk still writes the gradients of the head. */
    for (int64_t first = 0; first < tokens || first == 0; first += CHUNK_ROWS) {
        int64_t rows = chunk_rows(first, tokens);
        chunk_logits(node, HIDDEN, packed, logits, first, rows);
        if (node->inputs[Q_HIDDEN])
            chunk_logits(node, Q_HIDDEN, q_packed, q_logits, first, rows);
        kernels->vocabulary_dlogits(context, logits, node->inputs[Q_HIDDEN] ? q_logits : NULL,
                                    targets ? targets + first : NULL,
                                    dcross ? dcross + first : NULL, dkl ? dkl + first : NULL, rows,
                                    v->words);
        if (hidden->needs_gradient) {
            struct product dx = {.c = hidden->gradient + first * width,
                                 .c_row = width,
                                 .a = logits,
                                 .a_row = v->words,
                                 .a_k = 1,
                                 .b = packed_back,
                                 .m = rows,
                                 .n = width,
                                 .k = v->words,
                                 .beta = node->beta[HIDDEN]};
            kernels->product(context, &dx);
        }
        if (weight->needs_gradient) {
            kernels->pack(context, chunk.packed, (const float *)hidden->tensor.data + first * width,
                          width, 1, rows, width);
            struct product dw = {.c = weight->gradient,
                                 .c_row = width,
                                 .a = logits,
                                 .a_row = 1,
                                 .a_k = v->words,
                                 .b = chunk.packed,
                                 .m = v->words,
                                 .n = width,
                                 .k = rows,
                                 .beta = first ? 1.0f : node->beta[WEIGHT]};
            kernels->product(context, &dw);
        }
        if (bias && bias->needs_gradient)
            kernels->column_sum(context, bias->gradient, logits, rows, v->words,
                                first ? 1.0f : node->beta[BIAS]);
    }
}

static const struct op vocabulary_op = {
    .name = "vocabulary",
    .forward = forward,
    .backward = backward,
    .saves_inputs = 1u << HIDDEN | 1u << Q_HIDDEN | 1u << TARGETS,
    .integer_inputs = 1u << TARGETS,
    .constant_inputs = 1u << Q_HIDDEN | 1u << Q_WEIGHT | 1u << Q_BIAS,
};

static bool add_head(struct graph *graph, const struct vocabulary_head *head, int64_t words,
                     struct value **inputs)
{
    if (!head->hidden)
        return true;
    int64_t shape[] = {words, tensor_width(&head->hidden->tensor)};
    inputs[0] = head->hidden;
    inputs[1] = graph_weight(graph, head->weight_name, 2, shape);
    inputs[2] = head->bias_name && inputs[1]
                    ? graph_weight(graph, head->bias_name, 1, inputs[1]->tensor.shape)
                    : NULL;
    return inputs[1] != NULL;
}

static bool reserve(struct graph *graph, const char *place, struct value *const inputs[])
{
    const struct graph_options *options = graph_get_options(graph);
    if (options->device == DEVICE_SHAPES)
        return true;
    for (int i = WEIGHT; i <= Q_WEIGHT; i += Q_WEIGHT - WEIGHT) {
        if (!inputs[i] || (i == WEIGHT && inputs[i]->parameter->trained))
            continue;
        assay_status status = parameter_pack_reserve(options->parameters, inputs[i]->parameter,
                                                     PACK_FORWARD, false, options->kernels, NULL);
        if (status == ASSAY_OK && i == WEIGHT && inputs[HIDDEN]->needs_gradient)
            status = parameter_pack_reserve(options->parameters, inputs[i]->parameter,
                                            PACK_BACKWARD, false, options->kernels, NULL);
        if (status != ASSAY_OK) {
            graph_fail(graph, status, place, "not enough memory for the packed vocabulary");
            return false;
        }
    }
    return true;
}

bool op_vocabulary(struct graph *graph, const char *place, const struct vocabulary_options *options,
                   struct value *scores[SCORE_COUNT])
{
    memset(scores, 0, SCORE_COUNT * sizeof *scores);
    struct value *inputs[INPUTS] = {NULL};
    if (!options->scoring.hidden || !add_head(graph, &options->scoring, -1, inputs))
        return false;
    int64_t words = inputs[WEIGHT]->tensor.shape[0];
    if (!add_head(graph, &options->sampling, words, inputs + Q_HIDDEN))
        return false;
    inputs[TARGETS] = options->targets;
    int64_t tokens = tensor_rows(&inputs[HIDDEN]->tensor);
    const unsigned need_targets =
        1u << SCORE_CROSS_ENTROPY | 1u << SCORE_LOG_PROBABILITY | 1u << SCORE_RANK;
    bool bad_targets = options->targets ? tensor_count(&options->targets->tensor) != tokens
                                        : (options->scores & need_targets) != 0;
    if (bad_targets || (inputs[Q_HIDDEN] && tensor_rows(&inputs[Q_HIDDEN]->tensor) != tokens)) {
        graph_fail(graph, ASSAY_ERROR_SHAPE, place, "targets or the second head's rows do not fit");
        return false;
    }
    struct node *node =
        graph_node(graph, &vocabulary_op, place, sizeof(struct vocabulary), INPUTS, inputs);
    if (!node || !reserve(graph, place, inputs))
        return false;
    struct vocabulary *v = node->attributes;
    v->words = words;
    for (int s = 0; s < SCORE_COUNT; s++) {
        v->output_of[s] = -1;
        if (!(options->scores >> s & 1))
            continue;
        v->output_of[s] = node->output_count;
        scores[s] = graph_output(node, DTYPE_F32, 1, &tokens);
        if (!scores[s])
            return false;
        /* Only these two have a backward; a seed on another would be lost. */
        if (s != SCORE_CROSS_ENTROPY && s != SCORE_KL)
            scores[s]->needs_gradient = false;
    }
    int64_t width = tensor_width(&inputs[HIDDEN]->tensor);
    node->operations = 2.0 * (double)tokens * (double)width * (double)words;
    node->shared_floats = (size_t)(2 * CHUNK_ROWS * words) + packed_floats(CHUNK_ROWS, width);
    if (inputs[WEIGHT]->parameter->trained)
        node->shared_floats += parameter_pack_floats(inputs[WEIGHT]->parameter) *
                               (inputs[HIDDEN]->needs_gradient ? 2 : 1);
    return true;
}
