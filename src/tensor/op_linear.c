/* y = x W + b, at the graph's precision. Backward runs at `highest`. */
#include "tensor/ops.h"

#include "base/error.h"

struct linear {
    enum weight_layout layout;
    bool bfloat, with_low;
};

enum { X, WEIGHT, BIAS };

/* The packed weight of a float32 product: its lasting copy, or, for one in training, a passing one
 * in the shared scratch. */
static const float *packed_weight(const struct node *node, enum pack_kind kind)
{
    const struct linear *linear = node->attributes;
    const struct kernels *kernels = node_kernels(node);
    const struct kernel_context *context = node_context(node);
    struct parameter *weight = node->inputs[WEIGHT]->parameter;
    if (weight->trained)
        parameter_pack_into(context->shared, weight, kind, linear->layout, kernels, context);
    else
        parameter_pack_fill(graph_get_options(node->graph)->parameters, weight, kind,
                            linear->layout, kernels, context);
    graph_lap(node, PROFILE_PACKING, 0.0);
    return weight->trained ? context->shared : weight->packed[kind].data;
}

static void forward(const struct node *node)
{
    const struct linear *linear = node->attributes;
    const struct kernels *kernels = node_kernels(node);
    const struct value *x = node->inputs[X], *bias = node->inputs[BIAS], *y = node->outputs[0];
    struct parameter *weight = node->inputs[WEIGHT]->parameter;
    if (linear->bfloat) {
        parameter_pack_fill(graph_get_options(node->graph)->parameters, weight, PACK_BFLOAT,
                            linear->layout, kernels, node_context(node));
        graph_lap(node, PROFILE_PACKING, 0.0);
    }
    int64_t k = tensor_width(&x->tensor), n = tensor_width(&y->tensor);
    struct product product = {.c = y->tensor.data,
                              .c_row = n,
                              .a = x->tensor.data,
                              .a_row = k,
                              .a_k = 1,
                              .b = linear->bfloat ? weight->packed[PACK_BFLOAT].data
                                                  : packed_weight(node, PACK_FORWARD),
                              .b_low = linear->with_low ? weight->packed[PACK_BFLOAT].low : NULL,
                              .bias = bias ? bias->tensor.data : NULL,
                              .m = tensor_rows(&y->tensor),
                              .n = n,
                              .k = k};
    if (linear->bfloat)
        kernels->bfloat_product(node_context(node), &product);
    else
        kernels->product(node_context(node), &product);
}

/* dx = dy W^T */
static void backward_x(const struct node *node)
{
    const struct kernels *kernels = node_kernels(node);
    const struct value *x = node->inputs[X], *y = node->outputs[0];
    int64_t k = tensor_width(&y->tensor), n = tensor_width(&x->tensor);
    struct product product = {.c = x->gradient,
                              .c_row = n,
                              .a = y->gradient,
                              .a_row = k,
                              .a_k = 1,
                              .b = packed_weight(node, PACK_BACKWARD),
                              .m = tensor_rows(&y->tensor),
                              .n = n,
                              .k = k,
                              .beta = node->beta[X]};
    kernels->product(node_context(node), &product);
    graph_lap(node, PROFILE_BACKWARD_X, node->operations);
}

/* dW (outputs, inputs) = dy^T x, or (inputs, outputs) = x^T dy: the second operand is packed into
 * the shared part of the scratch memory. */
static void backward_weight(const struct node *node)
{
    const struct linear *linear = node->attributes;
    const struct kernels *kernels = node_kernels(node);
    const struct value *x = node->inputs[X], *y = node->outputs[0], *weight = node->inputs[WEIGHT];
    bool out_in = linear->layout == WEIGHT_OUT_IN;
    const float *left = out_in ? y->gradient : x->tensor.data;
    const float *right = out_in ? x->tensor.data : y->gradient;
    int64_t m = weight->tensor.shape[0], n = weight->tensor.shape[1], k = tensor_rows(&x->tensor);
    float *packed = node_context(node)->shared;
    kernels->pack(node_context(node), packed, right, n, 1, k, n);
    struct product product = {.c = weight->gradient,
                              .c_row = n,
                              .a = left,
                              .a_row = 1,
                              .a_k = m,
                              .b = packed,
                              .m = m,
                              .n = n,
                              .k = k,
                              .beta = node->beta[WEIGHT]};
    kernels->product(node_context(node), &product);
    graph_lap(node, PROFILE_BACKWARD_WEIGHT, node->operations);
}

static void backward(const struct node *node)
{
    const struct value *y = node->outputs[0], *bias = node->inputs[BIAS];
    if (node->inputs[X]->needs_gradient)
        backward_x(node);
    if (node->inputs[WEIGHT]->needs_gradient)
        backward_weight(node);
    if (bias && bias->needs_gradient) {
        node_kernels(node)->column_sum(node_context(node), bias->gradient, y->gradient,
                                       tensor_rows(&y->tensor), tensor_width(&y->tensor),
                                       node->beta[BIAS]);
        graph_lap(node, PROFILE_BACKWARD_BIAS, 0.0);
    }
}

static const struct op linear_op = {
    .name = "linear", .forward = forward, .backward = backward, .saves_inputs = 1u << X};

/* Room for packed copies, outside the step. */
static bool reserve(struct graph *graph, const char *place, struct parameter *weight,
                    const struct linear *linear, bool backward_x)
{
    const struct graph_options *options = graph_get_options(graph);
    if (options->device == DEVICE_SHAPES)
        return true;
    if (!weight->tensor.data) {
        graph_fail(graph, ASSAY_ERROR_ARGUMENT, place,
                   "the weights were opened for their shapes only");
        return false;
    }
    assay_status status = ASSAY_OK;
    if (linear->bfloat || !weight->trained)
        status = parameter_pack_reserve(options->parameters, weight,
                                        linear->bfloat ? PACK_BFLOAT : PACK_FORWARD,
                                        linear->with_low, options->kernels, NULL);
    if (status == ASSAY_OK && backward_x && !weight->trained)
        status = parameter_pack_reserve(options->parameters, weight, PACK_BACKWARD, false,
                                        options->kernels, NULL);
    if (status != ASSAY_OK)
        graph_fail(graph, status, place, "not enough memory for the packed weight");
    return status == ASSAY_OK;
}

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
    struct node *node = graph_node(graph, &linear_op, place, sizeof(struct linear), 3, values);
    if (!node)
        return NULL;
    const struct graph_options *options = graph_get_options(graph);
    struct linear *linear = node->attributes;
    linear->layout = layout;
    linear->bfloat = options->precision != PRECISION_HIGHEST && options->kernels &&
                     options->kernels->bfloat_product;
    linear->with_low = linear->bfloat && options->precision == PRECISION_HIGH;
    bool trains = values[WEIGHT]->needs_gradient;
    if (!reserve(graph, place, values[WEIGHT]->parameter, linear, x->needs_gradient))
        return NULL;
    int64_t rows = tensor_rows(&x->tensor);
    node->operations = 2.0 * (double)rows * (double)inputs * (double)outputs;
    if (linear->bfloat)
        node->scratch_floats = options->kernels->bfloat_scratch(inputs);
    if (trains)
        node->shared_floats = packed_floats(rows, shape[1]);
    size_t passing = parameter_pack_floats(values[WEIGHT]->parameter);
    if (values[WEIGHT]->parameter->trained && node->shared_floats < passing)
        node->shared_floats = passing;
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
