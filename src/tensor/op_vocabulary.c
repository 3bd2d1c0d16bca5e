/* Scores of tokens under one or two heads over the vocabulary, a few rows of logits at a time. */
#include "tensor/ops.h"
#include "tensor/weight_product.h"

#include <string.h>

/* Rows of logits that exist at once: as many as keep the weight's traffic small beside the work. */
enum { CHUNK_ROWS = 256 };
enum { HIDDEN, WEIGHT, BIAS, Q_HIDDEN, Q_WEIGHT, Q_BIAS, TARGETS, INPUTS };

struct vocabulary {
    int output_of[SCORE_COUNT]; /* index of the output, -1: not asked */
    int early; /* index of the output that holds the gradient of hidden, -1: none */
    int64_t words, chunk_rows;
    struct weight_product p, q; /* q.weight NULL: none */
};

/* Where the chunk's logits lie, what dW is multiplied by, and passing packed copies of a weight in
 * training, forward and transposed: the node's shared scratch. */
struct chunk {
    float *logits, *q_logits, *packed, *passing[2];
};

static struct chunk chunk_of(const struct node *node)
{
    const struct vocabulary *v = node->attributes;
    struct chunk chunk = {.logits = node_context(node)->shared};
    chunk.q_logits = chunk.logits + v->chunk_rows * v->words;
    chunk.packed = chunk.q_logits + (v->q.weight ? v->chunk_rows * v->words : 0);
    chunk.passing[0] =
        chunk.packed + weight_product_activations(node_kernels(node), &v->p, v->chunk_rows);
    chunk.passing[1] = chunk.passing[0] + weight_product_passing(node_kernels(node), &v->p);
    return chunk;
}

/* The packed weights for one pass over the chunks. */
struct packed_heads {
    struct packed_operand p, p_transposed, q;
};

static struct packed_heads pack_heads(const struct node *node, bool transposed)
{
    const struct vocabulary *v = node->attributes;
    const struct chunk chunk = chunk_of(node);
    struct packed_heads heads = {.p = weight_product_pack(node, &v->p, false, chunk.passing[0])};
    if (transposed)
        heads.p_transposed = weight_product_pack(node, &v->p, true, chunk.passing[1]);
    if (v->q.weight)
        heads.q = weight_product_pack(node, &v->q, false, NULL);
    return heads;
}

static void head_logits(const struct node *node, int hidden, const struct weight_product *w,
                        struct packed_operand packed, float *logits, int64_t first, int64_t rows)
{
    const struct vocabulary *v = node->attributes;
    const struct value *x = node->inputs[hidden], *bias = node->inputs[hidden + BIAS - HIDDEN];
    int64_t width = tensor_width(&x->tensor);
    struct product product = {.c = logits,
                              .c_row = v->words,
                              .a = (const float *)x->tensor.data + first * width,
                              .a_row = width,
                              .a_k = 1,
                              .bias = bias ? bias->tensor.data : NULL,
                              .m = rows,
                              .n = v->words,
                              .k = width};
    weight_product_run(node, w, &product, packed);
}

static void chunk_logits(const struct node *node, const struct chunk *chunk,
                         const struct packed_heads *heads, int64_t first, int64_t rows)
{
    const struct vocabulary *v = node->attributes;
    head_logits(node, HIDDEN, &v->p, heads->p, chunk->logits, first, rows);
    if (v->q.weight)
        head_logits(node, Q_HIDDEN, &v->q, heads->q, chunk->q_logits, first, rows);
}

static int64_t rows_from(const struct vocabulary *v, int64_t first, int64_t tokens)
{
    return tokens - first < v->chunk_rows ? tokens - first : v->chunk_rows;
}

static const float *score_gradient(const struct node *node, enum vocabulary_score score)
{
    const struct vocabulary *v = node->attributes;
    return v->output_of[score] < 0 ? NULL : node->outputs[v->output_of[score]]->gradient;
}

/* The chunk's logits become their gradients, and those of the hidden rows, the weight and the bias
 * follow. */
static void chunk_gradients(const struct node *node, const struct chunk *chunk,
                            const struct packed_heads *heads, int64_t first, int64_t rows,
                            float *dhidden, float beta_hidden)
{
    const struct vocabulary *v = node->attributes;
    const struct kernels *kernels = node_kernels(node);
    const struct kernel_context *context = node_context(node);
    const struct value *hidden = node->inputs[HIDDEN], *weight = node->inputs[WEIGHT];
    const struct value *bias = node->inputs[BIAS];
    const int32_t *targets = node->inputs[TARGETS] ? node->inputs[TARGETS]->tensor.data : NULL;
    const float *dcross = score_gradient(node, SCORE_CROSS_ENTROPY);
    const float *dkl = score_gradient(node, SCORE_KL);
    int64_t width = tensor_width(&hidden->tensor);
    kernels->vocabulary_dlogits(context, chunk->logits, v->q.weight ? chunk->q_logits : NULL,
                                targets ? targets + first : NULL, dcross ? dcross + first : NULL,
                                dkl ? dkl + first : NULL, rows, v->words);
    if (hidden->needs_gradient) {
        struct product dx = {.c = dhidden + first * width,
                             .c_row = width,
                             .a = chunk->logits,
                             .a_row = v->words,
                             .a_k = 1,
                             .m = rows,
                             .n = width,
                             .k = v->words,
                             .beta = beta_hidden};
        weight_product_run(node, &v->p, &dx, heads->p_transposed);
    }
    if (weight->needs_gradient)
        weight_product_gradient(
            node, &v->p, weight->gradient, first ? 1.0f : node->beta[WEIGHT],
            (struct rows_operand){(const float *)hidden->tensor.data + first * width, false},
            (struct rows_operand){chunk->logits, false}, rows, chunk->packed);
    if (bias && bias->needs_gradient)
        kernels->column_sum(context, bias->gradient, chunk->logits, rows, v->words,
                            first ? 1.0f : node->beta[BIAS]);
}

/* The gradient of the hidden rows, when it is made in passing. */
static struct value *early_output(const struct node *node)
{
    const struct vocabulary *v = node->attributes;
    return v->early < 0 ? NULL : node->outputs[v->early];
}

/* Where the caller's seed is all that comes to the loss, the gradients are made while the logits
 * are there: making these again would be a fourth product. (Nothing else writes the weight's
 * gradient before this node's backward: it is first or adds to an earlier batch.) */
static bool goes_backward_early(const struct node *node)
{
    const struct vocabulary *v = node->attributes;
    if (v->early < 0 || !node->backward_runs || node->outputs[v->early]->tensor.shape[0] < 1)
        return false;
    int came = 0;
    for (int i = 0; i < node->output_count; i++)
        came += node->outputs[i]->gradient_comes;
    const struct value *loss = node->outputs[v->output_of[SCORE_CROSS_ENTROPY]];
    return came == 1 && loss->gradient_seeded && !loss->seed_is_copied;
}

static void forward(const struct node *node)
{
    const struct vocabulary *v = node->attributes;
    int64_t tokens = tensor_rows(&node->inputs[HIDDEN]->tensor);
    const struct kernel_context *context = node_context(node);
    const struct chunk chunk = chunk_of(node);
    const float *q_logits = v->q.weight ? chunk.q_logits : NULL;
    const int32_t *targets = node->inputs[TARGETS] ? node->inputs[TARGETS]->tensor.data : NULL;
    bool early = goes_backward_early(node);
    const struct packed_heads heads =
        pack_heads(node, early && node->inputs[HIDDEN]->needs_gradient);
    for (int64_t first = 0; first < tokens; first += v->chunk_rows) {
        int64_t rows = rows_from(v, first, tokens);
        chunk_logits(node, &chunk, &heads, first, rows);
        float *scores[SCORE_COUNT];
        for (int s = 0; s < SCORE_COUNT; s++)
            scores[s] = v->output_of[s] < 0
                            ? NULL
                            : (float *)node->outputs[v->output_of[s]]->tensor.data + first;
        node_kernels(node)->vocabulary_scores(context, scores, chunk.logits, q_logits,
                                              targets ? targets + first : NULL, rows, v->words);
        if (!early)
            continue;
        graph_lap(node, PROFILE_FORWARD, 0.0);
        chunk_gradients(node, &chunk, &heads, first, rows, early_output(node)->tensor.data, 0.0f);
        graph_lap(node, PROFILE_BACKWARD, 0.0);
    }
}

static void backward(const struct node *node)
{
    const struct vocabulary *v = node->attributes;
    struct value *hidden = node->inputs[HIDDEN];
    int64_t tokens = tensor_rows(&hidden->tensor);
    if (goes_backward_early(node)) {
        if (hidden->needs_gradient)
            node_kernels(node)->accumulate(node_context(node), hidden->gradient,
                                           early_output(node)->tensor.data, node->beta[HIDDEN],
                                           tensor_count(&hidden->tensor));
        return;
    }
    const struct chunk chunk = chunk_of(node);
    const struct packed_heads heads = pack_heads(node, hidden->needs_gradient);
    /* Without tokens one empty chunk still writes the gradients of the head. */
    for (int64_t first = 0; first < tokens || first == 0; first += v->chunk_rows) {
        int64_t rows = rows_from(v, first, tokens);
        chunk_logits(node, &chunk, &heads, first, rows);
        chunk_gradients(node, &chunk, &heads, first, rows, hidden->gradient, node->beta[HIDDEN]);
    }
}

static const struct op vocabulary_op = {
    .name = "vocabulary",
    .forward = forward,
    .backward = backward,
    .saves_inputs = 1u << HIDDEN | 1u << Q_HIDDEN | 1u << TARGETS,
    .saves_outputs = ~0u, /* the gradient made early; the scores are small */
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
    if (!node)
        return false;
    struct vocabulary *v = node->attributes;
    v->words = words;
    v->chunk_rows = tokens < CHUNK_ROWS ? tokens : CHUNK_ROWS;
    if (v->chunk_rows < 1)
        v->chunk_rows = 1;
    v->p = weight_product_of(graph, inputs[WEIGHT]->parameter, WEIGHT_OUT_IN);
    if (!weight_product_reserve(graph, place, &v->p, false) ||
        (inputs[HIDDEN]->needs_gradient && !weight_product_reserve(graph, place, &v->p, true)))
        return false;
    if (inputs[Q_HIDDEN]) {
        v->q = weight_product_of(graph, inputs[Q_WEIGHT]->parameter, WEIGHT_OUT_IN);
        v->q.passing = false;
        if (!weight_product_reserve(graph, place, &v->q, false))
            return false;
    }
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
    v->early = -1;
    if (graph_get_options(graph)->tape && !v->q.weight && v->output_of[SCORE_CROSS_ENTROPY] >= 0) {
        int64_t shape[] = {tokens, width};
        v->early = node->output_count;
        struct value *early = graph_output(node, DTYPE_F32, 2, shape);
        if (!early)
            return false;
        early->needs_gradient = false;
    }
    const struct kernels *kernels = graph_get_options(graph)->kernels;
    node->scratch_floats = weight_product_scratch(kernels, &v->p, words);
    node->shared_floats =
        (size_t)(v->chunk_rows * words) * (v->q.weight ? 2 : 1) +
        weight_product_activations(kernels, &v->p, v->chunk_rows) +
        weight_product_passing(kernels, &v->p) * (inputs[HIDDEN]->needs_gradient ? 2 : 1);
    return true;
}
