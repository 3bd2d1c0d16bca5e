/* Activations, sums of two tensors, dropout. */
#include "tensor/ops.h"

#include <string.h>

enum { X };

static void activation_forward(const struct node *node)
{
    const enum activation *kind = node->attributes;
    node_kernels(node)->activate(node_context(node), *kind, node->outputs[0]->tensor.data,
                                 node->inputs[X]->tensor.data,
                                 tensor_count(&node->inputs[X]->tensor));
}

static void activation_backward(const struct node *node)
{
    const enum activation *kind = node->attributes;
    struct value *x = node->inputs[X];
    node_kernels(node)->activate_dx(node_context(node), *kind, x->gradient, node->beta[X],
                                    node->outputs[0]->gradient, x->tensor.data,
                                    tensor_count(&x->tensor));
}

static const struct op activation_op = {.name = "activation",
                                        .forward = activation_forward,
                                        .backward = activation_backward,
                                        .saves_inputs = 1u << X};

struct value *op_activation(struct graph *graph, enum activation kind, struct value *x)
{
    if (!x)
        return NULL;
    struct node *node = graph_node(graph, &activation_op, NULL, sizeof kind, 1, &x);
    if (!node)
        return NULL;
    memcpy(node->attributes, &kind, sizeof kind);
    return graph_output(node, DTYPE_F32, x->tensor.rank, x->tensor.shape);
}

static void add_forward(const struct node *node)
{
    node_kernels(node)->add(node_context(node), node->outputs[0]->tensor.data,
                            node->inputs[0]->tensor.data, node->inputs[1]->tensor.data,
                            tensor_count(&node->outputs[0]->tensor));
}

static void add_backward(const struct node *node)
{
    for (int i = 0; i < 2; i++) {
        struct value *input = node->inputs[i];
        if (input->needs_gradient)
            node_kernels(node)->accumulate(node_context(node), input->gradient,
                                           node->outputs[0]->gradient, node->beta[i],
                                           tensor_count(&input->tensor));
    }
}

static const struct op add_op = {.name = "add", .forward = add_forward, .backward = add_backward};

struct value *op_add(struct graph *graph, struct value *a, struct value *b)
{
    if (!a || !b)
        return NULL;
    if (!tensor_same_shape(&a->tensor, &b->tensor)) {
        char left[TENSOR_SHAPE_TEXT], right[TENSOR_SHAPE_TEXT];
        return graph_fail(graph, ASSAY_ERROR_SHAPE, NULL, "cannot add %s and %s",
                          tensor_shape_text(left, a->tensor.rank, a->tensor.shape),
                          tensor_shape_text(right, b->tensor.rank, b->tensor.shape));
    }
    struct value *inputs[] = {a, b};
    struct node *node = graph_node(graph, &add_op, NULL, 0, 2, inputs);
    return graph_output(node, DTYPE_F32, a->tensor.rank, a->tensor.shape);
}

struct dropout {
    float rate;
    struct random_stream stream;
    struct row_layout rows;
};

static void run_dropout(const struct node *node, float *y, const float *x, float beta)
{
    const struct dropout *dropout = node->attributes;
    node_kernels(node)->dropout(node_context(node), y, x, beta, &dropout->stream, dropout->rows.ids,
                                dropout->rows.offsets, dropout->rows.rows,
                                tensor_width(&node->inputs[X]->tensor), dropout->rate);
}

static void dropout_forward(const struct node *node)
{
    run_dropout(node, node->outputs[0]->tensor.data, node->inputs[X]->tensor.data, 0.0f);
}

static void dropout_backward(const struct node *node)
{
    run_dropout(node, node->inputs[X]->gradient, node->outputs[0]->gradient, node->beta[X]);
}

static const struct op dropout_op = {
    .name = "dropout", .forward = dropout_forward, .backward = dropout_backward};

struct value *op_dropout(struct graph *graph, const char *place, struct value *x, float rate,
                         const struct row_layout *rows)
{
    const struct graph_options *options = graph_get_options(graph);
    if (!x || !options->training || rate == 0.0f)
        return x;
    if (!(rate > 0.0f && rate <= 1.0f))
        return graph_fail(graph, ASSAY_ERROR_ARGUMENT, place, "dropout of %g is outside 0 to 1",
                          (double)rate);
    if (tensor_rows(&x->tensor) != rows->tokens || !row_layout_holds(graph, rows))
        return graph_fail(graph, ASSAY_ERROR_SHAPE, place,
                          "dropout over other rows than its input's");
    struct node *node = graph_node(graph, &dropout_op, place, sizeof(struct dropout), 1, &x);
    if (!node)
        return NULL;
    struct dropout *dropout = node->attributes;
    dropout->rate = rate;
    dropout->stream = (struct random_stream){options->seed, options->step, random_hash_name(place)};
    dropout->rows = *rows;
    return graph_output(node, DTYPE_F32, x->tensor.rank, x->tensor.shape);
}
