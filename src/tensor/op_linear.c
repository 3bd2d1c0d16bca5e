/* y = x W + b and its gradients, at the graph's precision. */
#include "tensor/ops.h"
#include "tensor/weight_product.h"

enum { X, WEIGHT, BIAS };

static void forward(const struct node *node)
{
    const struct weight_product *w = node->attributes;
    const struct value *x = node->inputs[X], *bias = node->inputs[BIAS], *y = node->outputs[0];
    int64_t k = tensor_width(&x->tensor), n = tensor_width(&y->tensor);
    struct product product = {.c = y->tensor.data,
                              .c_row = n,
                              .a = x->tensor.data,
                              .a_row = k,
                              .a_k = 1,
                              .bias = bias ? bias->tensor.data : NULL,
                              .m = tensor_rows(&y->tensor),
                              .n = n,
                              .k = k};
    float *passing = node_context(node)->shared;
    weight_product_run(node, w, &product, weight_product_pack(node, w, false, passing));
}

/* dx = dy W^T */
static void backward_x(const struct node *node)
{
    const struct weight_product *w = node->attributes;
    const struct value *x = node->inputs[X], *y = node->outputs[0];
    int64_t k = tensor_width(&y->tensor), n = tensor_width(&x->tensor);
    struct product product = {.c = x->gradient,
                              .c_row = n,
                              .a = y->gradient,
                              .a_row = k,
                              .a_k = 1,
                              .m = tensor_rows(&y->tensor),
                              .n = n,
                              .k = k,
                              .beta = node->beta[X]};
    float *passing = node_context(node)->shared;
    weight_product_run(node, w, &product, weight_product_pack(node, w, true, passing));
    graph_lap(node, PROFILE_BACKWARD_X, node->operations);
}

static void backward(const struct node *node)
{
    const struct value *y = node->outputs[0], *bias = node->inputs[BIAS];
    if (node->inputs[X]->needs_gradient)
        backward_x(node);
    if (node->inputs[WEIGHT]->needs_gradient) {
        weight_product_gradient(node, node->attributes, node->inputs[WEIGHT]->gradient,
                                node->beta[WEIGHT], node->inputs[X]->tensor.data, y->gradient,
                                tensor_rows(&y->tensor), node_context(node)->shared);
        graph_lap(node, PROFILE_BACKWARD_WEIGHT, node->operations);
    }
    if (bias && bias->needs_gradient) {
        node_kernels(node)->column_sum(node_context(node), bias->gradient, y->gradient,
                                       tensor_rows(&y->tensor), tensor_width(&y->tensor),
                                       node->beta[BIAS]);
        graph_lap(node, PROFILE_BACKWARD_BIAS, 0.0);
    }
}

static const struct op linear_op = {
    .name = "linear", .forward = forward, .backward = backward, .saves_inputs = 1u << X};

struct value *op_linear_named(struct graph *graph, const char *place, enum weight_layout layout,
                              int64_t outputs, struct value *x, const char *weight_name,
                              const char *bias_name)
{
    if (!x)
        return NULL;
    int64_t inputs = tensor_width(&x->tensor);
    int64_t shape[] = {outputs, inputs};
    if (layout == WEIGHT_IN_OUT) {
        shape[0] = inputs;
        shape[1] = outputs;
    }
    struct value *values[] = {x, graph_weight(graph, weight_name, 2, shape),
                              bias_name ? graph_weight(graph, bias_name, 1, &outputs) : NULL};
    struct node *node =
        graph_node(graph, &linear_op, place, sizeof(struct weight_product), 3, values);
    if (!node)
        return NULL;
    const struct kernels *kernels = graph_get_options(graph)->kernels;
    struct weight_product *w = node->attributes;
    *w = weight_product_of(graph, values[WEIGHT]->parameter, layout);
    if (!weight_product_reserve(graph, place, w, false) ||
        (x->needs_gradient && !weight_product_reserve(graph, place, w, true)))
        return NULL;
    int64_t rows = tensor_rows(&x->tensor);
    node->operations = 2.0 * (double)rows * (double)inputs * (double)outputs;
    node->scratch_floats = weight_product_scratch(kernels, w, rows);
    node->shared_floats = weight_product_passing(w);
    if (values[WEIGHT]->needs_gradient) {
        size_t packed = weight_product_activations(kernels, w, rows);
        node->shared_floats = node->shared_floats < packed ? packed : node->shared_floats;
    }
    int64_t out_shape[] = {rows, outputs};
    return graph_place(graph, PLACE_LINEAR, place, x, graph_output(node, DTYPE_F32, 2, out_shape));
}

struct value *op_linear(struct graph *graph, const char *place, enum weight_layout layout,
                        int64_t outputs, struct value *x)
{
    const char *weight = graph_name(graph, "%s.weight", place);
    const char *bias = graph_name(graph, "%s.bias", place);
    return op_linear_named(graph, place, layout, outputs, x, weight,
                           graph_has_weight(graph, bias) ? bias : NULL);
}
