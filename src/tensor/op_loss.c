/* Losses that keep their rows: cross entropy over classes, mean squared error. */
#include "tensor/ops.h"

enum { LOGITS, LABELS, CLASS_WEIGHTS };
enum { X, TARGET };

static struct cross_entropy view(const struct node *node)
{
    const float *smoothing = node->attributes;
    const struct value *weights = node->inputs[CLASS_WEIGHTS];
    return (struct cross_entropy){
        .loss = node->outputs[0]->tensor.data,
        .logits = node->inputs[LOGITS]->tensor.data,
        .labels = node->inputs[LABELS]->tensor.data,
        .class_weights = weights ? weights->tensor.data : NULL,
        .rows = node->inputs[LOGITS]->tensor.shape[0],
        .classes = node->inputs[LOGITS]->tensor.shape[1],
        .smoothing = *smoothing,
    };
}

static void cross_entropy_forward(const struct node *node)
{
    struct cross_entropy job = view(node);
    node_kernels(node)->cross_entropy(node_context(node), &job);
}

static void cross_entropy_backward(const struct node *node)
{
    struct cross_entropy job = view(node);
    job.dloss = node->outputs[0]->gradient;
    job.dlogits = node->inputs[LOGITS]->gradient;
    job.beta = node->beta[LOGITS];
    node_kernels(node)->cross_entropy_dx(node_context(node), &job);
}

static const struct op cross_entropy_op = {
    .name = "cross_entropy",
    .forward = cross_entropy_forward,
    .backward = cross_entropy_backward,
    .saves_inputs = 1u << LOGITS | 1u << LABELS | 1u << CLASS_WEIGHTS,
    .integer_inputs = 1u << LABELS,
    .constant_inputs = 1u << CLASS_WEIGHTS,
};

struct value *op_cross_entropy(struct graph *graph, struct value *logits, struct value *labels,
                               struct value *class_weights, float smoothing)
{
    if (!logits || !labels)
        return NULL;
    int64_t rows = logits->tensor.shape[0];
    if (!(smoothing >= 0.0f && smoothing <= 1.0f))
        return graph_fail(graph, ASSAY_ERROR_ARGUMENT, NULL,
                          "label smoothing of %g is outside 0 to 1", (double)smoothing);
    if (logits->tensor.rank != 2 || tensor_count(&labels->tensor) != rows ||
        (class_weights && tensor_count(&class_weights->tensor) != logits->tensor.shape[1]))
        return graph_fail(
            graph, ASSAY_ERROR_SHAPE, NULL,
            "cross entropy needs logits (rows, classes), labels (rows) and one weight a "
            "class");
    struct value *inputs[] = {logits, labels, class_weights};
    struct node *node = graph_node(graph, &cross_entropy_op, NULL, sizeof smoothing, 3, inputs);
    if (!node)
        return NULL;
    *(float *)node->attributes = smoothing;
    return graph_output(node, DTYPE_F32, 1, &rows);
}

static void squared_error_forward(const struct node *node)
{
    const struct tensor *x = &node->inputs[X]->tensor;
    node_kernels(node)->squared_error(node_context(node), node->outputs[0]->tensor.data, x->data,
                                      node->inputs[TARGET]->tensor.data, tensor_rows(x),
                                      tensor_width(x));
}

static void squared_error_backward(const struct node *node)
{
    const struct value *x = node->inputs[X];
    node_kernels(node)->squared_error_dx(
        node_context(node), x->gradient, node->beta[X], node->outputs[0]->gradient, x->tensor.data,
        node->inputs[TARGET]->tensor.data, tensor_rows(&x->tensor), tensor_width(&x->tensor));
}

static const struct op squared_error_op = {.name = "squared_error",
                                           .forward = squared_error_forward,
                                           .backward = squared_error_backward,
                                           .saves_inputs = 1u << X | 1u << TARGET};

struct value *op_squared_error(struct graph *graph, struct value *x, struct value *target)
{
    if (!x || !target)
        return NULL;
    if (!tensor_same_shape(&x->tensor, &target->tensor) || tensor_width(&x->tensor) < 1)
        return graph_fail(graph, ASSAY_ERROR_SHAPE, NULL,
                          "squared error needs two tensors of one shape");
    if (target->needs_gradient)
        return graph_fail(graph, ASSAY_ERROR_UNSUPPORTED, NULL,
                          "squared error gives no gradient to its target");
    struct value *inputs[] = {x, target};
    struct node *node = graph_node(graph, &squared_error_op, NULL, 0, 2, inputs);
    int64_t rows = tensor_rows(&x->tensor);
    return graph_output(node, DTYPE_F32, 1, &rows);
}
