/* Pooling of token rows, choosing rows, and rows of length one. */
#include "tensor/ops.h"

enum { X };

struct pool {
    enum pooling kind;
    struct row_layout rows;
};

static void forward(const struct node *node)
{
    const struct pool *pool = node->attributes;
    const struct tensor *y = &node->outputs[0]->tensor;
    node_kernels(node)->pool(node_context(node), pool->kind, y->data, node->inputs[X]->tensor.data,
                             pool->rows.offsets, y->shape[0], y->shape[1]);
}

static void backward(const struct node *node)
{
    const struct pool *pool = node->attributes;
    const struct value *y = node->outputs[0];
    node_kernels(node)->pool_dx(node_context(node), pool->kind, node->inputs[X]->gradient,
                                node->beta[X], y->gradient, pool->rows.offsets, y->tensor.shape[0],
                                y->tensor.shape[1]);
}

static const struct op pool_op = {.name = "pool", .forward = forward, .backward = backward};

struct value *op_pool(struct graph *graph, enum pooling kind, struct value *x,
                      const struct row_layout *rows)
{
    if (!x)
        return NULL;
    if (tensor_rows(&x->tensor) != rows->tokens || !row_layout_holds(graph, rows))
        return graph_fail(graph, ASSAY_ERROR_SHAPE, NULL,
                          "pooling over other rows than its input's");
    for (int64_t i = 0; rows->offsets && i < rows->rows; i++) {
        if (rows->offsets[i + 1] <= rows->offsets[i])
            return graph_fail(graph, ASSAY_ERROR_ARGUMENT, NULL, "row %lld has no tokens to pool",
                              (long long)i);
    }
    struct node *node = graph_node(graph, &pool_op, NULL, sizeof(struct pool), 1, &x);
    if (!node)
        return NULL;
    *(struct pool *)node->attributes = (struct pool){kind, *rows};
    int64_t shape[] = {rows->rows, tensor_width(&x->tensor)};
    return graph_output(node, DTYPE_F32, 2, shape);
}

enum { SELECT_X, SELECT_NUMBERS };

/* Choosing rows is an embedding whose table is an activation. */
static void select_forward(const struct node *node)
{
    const struct tensor *y = &node->outputs[0]->tensor;
    node_kernels(node)->embed(node_context(node), y->data, node->inputs[SELECT_X]->tensor.data,
                              node->inputs[SELECT_NUMBERS]->tensor.data, y->shape[0], y->shape[1]);
}

static void select_backward(const struct node *node)
{
    const struct value *y = node->outputs[0], *x = node->inputs[SELECT_X];
    node_kernels(node)->embed_dw(node_context(node), x->gradient, node->beta[SELECT_X], y->gradient,
                                 node->inputs[SELECT_NUMBERS]->tensor.data, y->tensor.shape[0],
                                 y->tensor.shape[1], tensor_rows(&x->tensor));
}

static const struct op select_op = {.name = "select",
                                    .forward = select_forward,
                                    .backward = select_backward,
                                    .saves_inputs = 1u << SELECT_NUMBERS};

struct value *op_select(struct graph *graph, struct value *x, struct value *numbers)
{
    if (!x || !numbers)
        return NULL;
    if (numbers->tensor.dtype != DTYPE_I32)
        return graph_fail(graph, ASSAY_ERROR_SHAPE, NULL, "row numbers must be 32-bit integers");
    struct value *inputs[] = {x, numbers};
    struct node *node = graph_node(graph, &select_op, NULL, 0, 2, inputs);
    int64_t shape[] = {tensor_count(&numbers->tensor), tensor_width(&x->tensor)};
    return graph_output(node, DTYPE_F32, 2, shape);
}

static void normalize_forward(const struct node *node)
{
    const struct tensor *x = &node->inputs[X]->tensor;
    node_kernels(node)->normalize(node_context(node), node->outputs[0]->tensor.data, x->data,
                                  tensor_rows(x), tensor_width(x));
}

static void normalize_backward(const struct node *node)
{
    const struct value *x = node->inputs[X], *y = node->outputs[0];
    node_kernels(node)->normalize_dx(node_context(node), x->gradient, node->beta[X], y->gradient,
                                     x->tensor.data, tensor_rows(&x->tensor),
                                     tensor_width(&x->tensor));
}

static const struct op normalize_op = {.name = "normalize",
                                       .forward = normalize_forward,
                                       .backward = normalize_backward,
                                       .saves_inputs = 1u << X};

struct value *op_normalize(struct graph *graph, struct value *x)
{
    if (!x)
        return NULL;
    struct node *node = graph_node(graph, &normalize_op, NULL, 0, 1, &x);
    return graph_output(node, DTYPE_F32, x->tensor.rank, x->tensor.shape);
}
