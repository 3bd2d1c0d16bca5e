#include "tensor/ops.h"

enum { Q, K, V, BIAS };
enum { OUT, STATISTICS };

struct attention_attributes {
    struct attention_options options;
    struct row_layout queries, keys;
    int64_t width;
    struct random_stream stream;
    bool bfloat; /* products of bfloat16 */
};

/* The kernel's view of the node; also made while building, without data, to ask for scratch. */
static struct attention view(const struct attention_attributes *a, struct value *const inputs[])
{
    return (struct attention){
        .q_row = tensor_width(&inputs[Q]->tensor),
        .k_row = tensor_width(&inputs[K]->tensor),
        .v_row = tensor_width(&inputs[V]->tensor),
        .out_row = a->width,
        .q_offsets = a->queries.offsets,
        .k_offsets = a->keys.offsets,
        .rows = a->queries.rows,
        .heads = a->options.heads,
        .head_width = a->width / a->options.heads,
        .queries = a->queries.tokens,
        .longest_keys = a->keys.longest,
        .scale = a->options.scale,
        .causal = a->options.causal,
        .bucket = a->options.bucket,
        .buckets = inputs[BIAS] ? (int32_t)inputs[BIAS]->tensor.shape[0] : 0,
        .dropout = a->options.dropout,
        .stream = a->stream,
        .row_ids = a->queries.ids,
    };
}

static struct attention view_with_data(const struct node *node)
{
    const struct attention_attributes *a = node->attributes;
    struct attention view_of = view(a, node->inputs);
    view_of.out = node->outputs[OUT]->tensor.data;
    view_of.statistics = node->outputs[STATISTICS]->tensor.data;
    view_of.q = (const float *)node->inputs[Q]->tensor.data + a->options.q_column;
    view_of.k = (const float *)node->inputs[K]->tensor.data + a->options.k_column;
    view_of.v = (const float *)node->inputs[V]->tensor.data + a->options.v_column;
    view_of.bias = node->inputs[BIAS] ? node->inputs[BIAS]->tensor.data : NULL;
    return view_of;
}

static void forward(const struct node *node)
{
    const struct attention_attributes *a = node->attributes;
    const struct kernels *kernels = node_kernels(node);
    struct attention attention = view_with_data(node);
    (a->bfloat ? kernels->bfloat_attention : kernels->attention)(node_context(node), &attention);
}

static float *gradient_at(const struct value *value, int64_t column)
{
    return value && value->needs_gradient && value->gradient ? value->gradient + column : NULL;
}

static void backward(const struct node *node)
{
    const struct attention_attributes *a = node->attributes;
    struct attention_gradient gradient = {
        .forward = view_with_data(node),
        .dout = node->outputs[OUT]->gradient,
        .dq = gradient_at(node->inputs[Q], a->options.q_column),
        .dk = gradient_at(node->inputs[K], a->options.k_column),
        .dv = gradient_at(node->inputs[V], a->options.v_column),
        .dbias = gradient_at(node->inputs[BIAS], 0),
        .beta_q = node->beta[Q],
        .beta_k = node->beta[K],
        .beta_v = node->beta[V],
        .beta_bias = node->beta[BIAS],
    };
    const struct kernels *kernels = node_kernels(node);
    (a->bfloat ? kernels->bfloat_attention_backward
               : kernels->attention_backward)(node_context(node), &gradient);
}

static const struct op attention_op = {
    .name = "attention",
    .forward = forward,
    .backward = backward,
    .saves_inputs = 1u << Q | 1u << K | 1u << V,
    /* not the output: backward makes the weights again */
    .saves_outputs = 1u << STATISTICS,
    .inputs_in_columns = true,
};

static bool layout_fits(const struct value *value, int64_t column, int64_t width,
                        const struct row_layout *rows)
{
    return tensor_rows(&value->tensor) == rows->tokens && column >= 0 &&
           column + width <= tensor_width(&value->tensor);
}

/* On a tape every column of an input must receive a gradient from here: either the value is used
 * whole, or its column ranges fill it. */
static bool columns_fill(struct value *const inputs[], const int64_t columns[], int64_t width)
{
    for (int i = Q; i <= V; i++) {
        int64_t filled = 0;
        if (!inputs[i]->needs_gradient)
            continue;
        for (int j = Q; j <= V; j++) {
            if (inputs[j] != inputs[i])
                continue;
            filled += width;
            for (int other = Q; other < j; other++) {
                int64_t distance = columns[other] - columns[j];
                if (inputs[other] == inputs[j] && distance < width && -distance < width)
                    return false;
            }
        }
        if (filled != tensor_width(&inputs[i]->tensor))
            return false;
    }
    return true;
}

struct value *op_attention(struct graph *graph, const char *place, struct value *q, struct value *k,
                           struct value *v, int64_t width, const struct row_layout *queries,
                           const struct row_layout *keys, const struct attention_options *options)
{
    if (!q || !k || !v)
        return NULL;
    if (options->heads < 1 || width < 1 || width % options->heads)
        return graph_fail(graph, ASSAY_ERROR_SHAPE, place,
                          "width %lld does not divide into %lld heads", (long long)width,
                          (long long)options->heads);
    if (!(options->dropout >= 0.0f && options->dropout <= 1.0f))
        return graph_fail(graph, ASSAY_ERROR_ARGUMENT, place, "dropout of %g is outside 0 to 1",
                          (double)options->dropout);
    if (queries->rows != keys->rows || !row_layout_holds(graph, queries) ||
        !row_layout_holds(graph, keys) || !layout_fits(q, options->q_column, width, queries) ||
        !layout_fits(k, options->k_column, width, keys) ||
        !layout_fits(v, options->v_column, width, keys))
        return graph_fail(graph, ASSAY_ERROR_SHAPE, place,
                          "queries, keys and values do not fit their rows or columns");
    if (options->bias && (options->bias->tensor.rank != 2 || !options->bucket ||
                          options->bias->tensor.shape[1] != options->heads))
        return graph_fail(graph, ASSAY_ERROR_SHAPE, place,
                          "the bias table must be (buckets, heads) with a bucket function");
    struct value *inputs[] = {q, k, v, options->bias};
    int64_t columns[] = {options->q_column, options->k_column, options->v_column};
    if (!columns_fill(inputs, columns, width))
        return graph_fail(graph, ASSAY_ERROR_UNSUPPORTED, place,
                          "backward needs queries, keys and values that fill their tensors apart");
    struct node *node =
        graph_node(graph, &attention_op, place, sizeof(struct attention_attributes), 4, inputs);
    if (!node)
        return NULL;
    const struct graph_options *run = graph_get_options(graph);
    struct attention_attributes *a = node->attributes;
    *a = (struct attention_attributes){
        .options = *options, .queries = *queries, .keys = *keys, .width = width};
    a->bfloat = precision_used(run->kernels, run->precision) == PRECISION_MEDIUM &&
                run->kernels->bfloat_attention;
    a->stream = (struct random_stream){run->seed, run->step, random_hash_name(place)};
    if (!run->training)
        a->options.dropout = 0.0f;
    struct attention probe = view(a, inputs);
    if (run->kernels)
        node->scratch_floats = run->kernels->attention_scratch(&probe);
    for (int64_t i = 0; queries->offsets && keys->offsets && i < queries->rows; i++) {
        double pairs = (double)(queries->offsets[i + 1] - queries->offsets[i]) *
                       (double)(keys->offsets[i + 1] - keys->offsets[i]);
        node->operations += 4.0 * pairs * (double)width;
    }
    int64_t shape[] = {queries->tokens, width};
    int64_t saved[] = {2, options->heads, queries->tokens};
    struct value *out = graph_output(node, DTYPE_F32, 2, shape);
    if (!graph_output(node, DTYPE_F32, 3, saved))
        return NULL;
    return graph_place(graph, PLACE_SUBLAYER, place, q, out);
}
