/* y = x W + b and its gradients, at the graph's precision; with an activation on the way out where
 * both can be one op. */
#include "tensor/ops.h"
#include "tensor/weight_product.h"

enum { X, WEIGHT, BIAS };
enum { Y, BEFORE }; /* BEFORE: what the activation was applied to, for backward */

struct linear {
    struct weight_product product;
    bool activates;
    enum activation activation;
};

static bool is_narrow(const struct value *value)
{
    return value->tensor.dtype == DTYPE_BF16;
}

static void forward(const struct node *node)
{
    const struct linear *linear = node->attributes;
    const struct value *x = node->inputs[X], *bias = node->inputs[BIAS], *y = node->outputs[Y];
    int64_t k = tensor_width(&x->tensor), n = tensor_width(&y->tensor);
    struct product product = {.c = y->tensor.data,
                              .c_row = n,
                              .a = x->tensor.data,
                              .a_row = k,
                              .a_k = 1,
                              .bias = bias ? bias->tensor.data : NULL,
                              .m = tensor_rows(&y->tensor),
                              .n = n,
                              .k = k,
                              .a_bfloat = is_narrow(x),
                              .c_bfloat = is_narrow(y),
                              .activates = linear->activates,
                              .activation = linear->activation};
    if (node->output_count > BEFORE)
        product.before = node->outputs[BEFORE]->tensor.data;
    float *passing = node_context(node)->shared;
    weight_product_run(node, &linear->product, &product,
                       weight_product_pack(node, &linear->product, false, passing));
}

/* dx = dy W^T */
static void backward_x(const struct node *node)
{
    const struct weight_product *w = &((const struct linear *)node->attributes)->product;
    const struct value *x = node->inputs[X], *y = node->outputs[Y];
    int64_t k = tensor_width(&y->tensor), n = tensor_width(&x->tensor);
    struct product product = {.c = x->gradient,
                              .c_row = n,
                              .a = y->gradient,
                              .a_row = k,
                              .a_k = 1,
                              .m = tensor_rows(&y->tensor),
                              .n = n,
                              .k = k,
                              .beta = node->beta[X],
                              .a_bfloat = is_narrow(y),
                              .c_bfloat = is_narrow(x)};
    float *passing = node_context(node)->shared;
    weight_product_run(node, w, &product, weight_product_pack(node, w, true, passing));
}

static void backward(const struct node *node)
{
    const struct linear *linear = node->attributes;
    const struct kernels *kernels = node_kernels(node);
    const struct value *x = node->inputs[X], *weight = node->inputs[WEIGHT];
    const struct value *y = node->outputs[Y], *bias = node->inputs[BIAS];
    int64_t rows = tensor_rows(&y->tensor), width = tensor_width(&y->tensor);
    /* Nobody reads y's gradient after this: it becomes that of what was activated, in place. */
    if (linear->activates)
        kernels->bfloat_derive(node_context(node), linear->activation, (void *)y->gradient,
                               node->outputs[BEFORE]->tensor.data, rows * width);
    if (x->needs_gradient)
        backward_x(node);
    if (weight->needs_gradient)
        weight_product_gradient(node, &linear->product, weight->gradient, node->beta[WEIGHT],
                                (struct rows_operand){x->tensor.data, is_narrow(x)},
                                (struct rows_operand){y->gradient, is_narrow(y)}, rows,
                                node_context(node)->shared);
    if (bias && bias->needs_gradient && is_narrow(y))
        kernels->bfloat_column_sum(node_context(node), bias->gradient, (const void *)y->gradient,
                                   rows, width, node->beta[BIAS]);
    else if (bias && bias->needs_gradient)
        kernels->column_sum(node_context(node), bias->gradient, y->gradient, rows, width,
                            node->beta[BIAS]);
}

static const struct op linear_op = {.name = "linear",
                                    .forward = forward,
                                    .backward = backward,
                                    .saves_inputs = 1u << X,
                                    .saves_outputs = 1u << BEFORE,
                                    .narrow_inputs = 1u << X};

/* The node with its output, which is not yet at its place; `activation` NULL: none. */
static struct value *build(struct graph *graph, const char *place, enum weight_layout layout,
                           int64_t outputs, struct value *x, const char *weight_name,
                           const char *bias_name, const enum activation *activation)
{
    int64_t inputs = tensor_width(&x->tensor);
    int64_t shape[] = {outputs, inputs};
    if (layout == WEIGHT_IN_OUT) {
        shape[0] = inputs;
        shape[1] = outputs;
    }
    struct value *values[] = {x, graph_weight(graph, weight_name, 2, shape),
                              bias_name ? graph_weight(graph, bias_name, 1, &outputs) : NULL};
    struct node *node = graph_node(graph, &linear_op, place, sizeof(struct linear), 3, values);
    if (!node)
        return NULL;
    const struct kernels *kernels = graph_get_options(graph)->kernels;
    struct linear *linear = node->attributes;
    struct weight_product *w = &linear->product;
    *w = weight_product_of(graph, values[WEIGHT]->parameter, layout);
    if (!weight_product_reserve(graph, place, w, false) ||
        (x->needs_gradient && !weight_product_reserve(graph, place, w, true)))
        return NULL;
    int64_t rows = tensor_rows(&x->tensor);
    node->operations = 2.0 * (double)rows * (double)inputs * (double)outputs;
    node->scratch_floats = weight_product_scratch(kernels, w, rows);
    node->shared_floats = weight_product_passing(kernels, w);
    if (values[WEIGHT]->needs_gradient) {
        size_t packed = weight_product_activations(kernels, w, rows);
        node->shared_floats = node->shared_floats < packed ? packed : node->shared_floats;
    }
    int64_t out_shape[] = {rows, outputs};
    if (!activation)
        return graph_output(node, DTYPE_F32, 2, out_shape);
    linear->activates = true;
    linear->activation = *activation;
    struct value *y = graph_output(node, DTYPE_BF16, 2, out_shape);
    if (y && y->needs_gradient && !graph_output(node, DTYPE_BF16, 2, out_shape))
        return NULL;
    return y;
}

struct value *op_linear_named(struct graph *graph, const char *place, enum weight_layout layout,
                              int64_t outputs, struct value *x, const char *weight_name,
                              const char *bias_name)
{
    if (!x)
        return NULL;
    struct value *y = build(graph, place, layout, outputs, x, weight_name, bias_name, NULL);
    return graph_place(graph, PLACE_LINEAR, place, x, y);
}

static const char *bias_of(struct graph *graph, const char *place)
{
    const char *bias = graph_name(graph, "%s.bias", place);
    return graph_has_weight(graph, bias) ? bias : NULL;
}

struct value *op_linear(struct graph *graph, const char *place, enum weight_layout layout,
                        int64_t outputs, struct value *x)
{
    return op_linear_named(graph, place, layout, outputs, x, graph_name(graph, "%s.weight", place),
                           bias_of(graph, place));
}

struct value *op_linear_activated(struct graph *graph, const char *place, enum weight_layout layout,
                                  int64_t outputs, enum activation activation, struct value *x)
{
    if (!x)
        return NULL;
    if (!graph_narrows(graph, place))
        return op_activation(graph, activation, op_linear(graph, place, layout, outputs, x));
    return build(graph, place, layout, outputs, x, graph_name(graph, "%s.weight", place),
                 bias_of(graph, place), &activation);
}
