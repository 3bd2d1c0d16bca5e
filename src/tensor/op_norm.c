/* Layer norm and RMS norm over the last dimension. */
#include "tensor/ops.h"

struct norm {
    float epsilon;
};

enum { X, WEIGHT, BIAS };
enum { Y, STATISTICS };

static const float *bias_of(const struct node *node)
{
    return node->inputs[BIAS]->tensor.data;
}

static void layer_forward(const struct node *node)
{
    const struct norm *norm = node->attributes;
    const struct tensor *x = &node->inputs[X]->tensor;
    node_kernels(node)->layer_norm(node_context(node), node->outputs[Y]->tensor.data,
                                   node->outputs[STATISTICS]->tensor.data, x->data,
                                   node->inputs[WEIGHT]->tensor.data, bias_of(node), tensor_rows(x),
                                   tensor_width(x), norm->epsilon);
}

static void layer_backward(const struct node *node)
{
    const struct kernels *kernels = node_kernels(node);
    const struct value *x = node->inputs[X], *weight = node->inputs[WEIGHT];
    const struct value *bias = node->inputs[BIAS];
    const float *dy = node->outputs[Y]->gradient, *saved = node->outputs[STATISTICS]->tensor.data;
    int64_t rows = tensor_rows(&x->tensor), width = tensor_width(&x->tensor);
    if (weight->needs_gradient || bias->needs_gradient)
        kernels->layer_norm_dw(node_context(node), weight->gradient, node->beta[WEIGHT],
                               bias->gradient, node->beta[BIAS], dy, x->tensor.data, saved, rows,
                               width);
    if (x->needs_gradient)
        kernels->layer_norm_dx(node_context(node), x->gradient, node->beta[X], dy, x->tensor.data,
                               saved, weight->tensor.data, rows, width);
}

static void rms_forward(const struct node *node)
{
    const struct norm *norm = node->attributes;
    const struct tensor *x = &node->inputs[X]->tensor;
    node_kernels(node)->rms_norm(
        node_context(node), node->outputs[Y]->tensor.data, node->outputs[STATISTICS]->tensor.data,
        x->data, node->inputs[WEIGHT]->tensor.data, tensor_rows(x), tensor_width(x), norm->epsilon);
}

static void rms_backward(const struct node *node)
{
    const struct kernels *kernels = node_kernels(node);
    const struct value *x = node->inputs[X], *weight = node->inputs[WEIGHT];
    const float *dy = node->outputs[Y]->gradient, *saved = node->outputs[STATISTICS]->tensor.data;
    int64_t rows = tensor_rows(&x->tensor), width = tensor_width(&x->tensor);
    if (weight->needs_gradient)
        kernels->rms_norm_dw(node_context(node), weight->gradient, node->beta[WEIGHT], dy,
                             x->tensor.data, saved, rows, width);
    if (x->needs_gradient)
        kernels->rms_norm_dx(node_context(node), x->gradient, node->beta[X], dy, x->tensor.data,
                             saved, weight->tensor.data, rows, width);
}

static const struct op layer_norm_op = {.name = "layer_norm",
                                        .forward = layer_forward,
                                        .backward = layer_backward,
                                        .saves_inputs = 1u << X,
                                        .saves_outputs = 1u << STATISTICS};
static const struct op rms_norm_op = {.name = "rms_norm",
                                      .forward = rms_forward,
                                      .backward = rms_backward,
                                      .saves_inputs = 1u << X,
                                      .saves_outputs = 1u << STATISTICS};

static struct value *build(struct graph *graph, const struct op *op, const char *place,
                           struct value *x, float epsilon, bool with_bias, int64_t moments)
{
    if (!x)
        return NULL;
    int64_t width = tensor_width(&x->tensor);
    if (width < 1)
        return graph_fail(graph, ASSAY_ERROR_SHAPE, place, "cannot normalise rows of width 0");
    struct value *inputs[] = {
        x, graph_weight(graph, graph_name(graph, "%s.weight", place), 1, &width),
        with_bias ? graph_weight(graph, graph_name(graph, "%s.bias", place), 1, &width) : NULL};
    struct node *node =
        graph_node(graph, op, place, sizeof(struct norm), with_bias ? 3 : 2, inputs);
    if (!node)
        return NULL;
    ((struct norm *)node->attributes)->epsilon = epsilon;
    struct value *y = graph_output(node, DTYPE_F32, x->tensor.rank, x->tensor.shape);
    int64_t shape[] = {moments, tensor_rows(&x->tensor)};
    if (!graph_output(node, DTYPE_F32, 2, shape))
        return NULL;
    return graph_place(graph, PLACE_NORM, place, x, y);
}

struct value *op_layer_norm(struct graph *graph, const char *place, struct value *x, float epsilon)
{
    return build(graph, &layer_norm_op, place, x, epsilon, true, 2);
}

struct value *op_rms_norm(struct graph *graph, const char *place, struct value *x, float epsilon)
{
    return build(graph, &rms_norm_op, place, x, epsilon, false, 1);
}
