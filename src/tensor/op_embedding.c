#include "tensor/ops.h"

enum { IDS, TABLE };

static void forward(const struct node *node)
{
    const struct value *y = node->outputs[0];
    node_kernels(node)->embed(node_context(node), y->tensor.data, node->inputs[TABLE]->tensor.data,
                              node->inputs[IDS]->tensor.data, y->tensor.shape[0],
                              y->tensor.shape[1]);
}

static void backward(const struct node *node)
{
    const struct value *y = node->outputs[0], *table = node->inputs[TABLE];
    node_kernels(node)->embed_dw(node_context(node), table->gradient, node->beta[TABLE],
                                 y->gradient, node->inputs[IDS]->tensor.data, y->tensor.shape[0],
                                 y->tensor.shape[1], table->tensor.shape[0]);
}

static const struct op embedding_op = {.name = "embedding",
                                       .forward = forward,
                                       .backward = backward,
                                       .saves_inputs = 1u << IDS,
                                       .integer_inputs = 1u << IDS};

struct value *op_embedding(struct graph *graph, const char *place, int64_t entries, int64_t width,
                           struct value *ids)
{
    if (!ids)
        return NULL;
    int64_t table_shape[] = {entries, width};
    struct value *inputs[] = {
        ids, graph_weight(graph, graph_name(graph, "%s.weight", place), 2, table_shape)};
    struct node *node = graph_node(graph, &embedding_op, place, 0, 2, inputs);
    int64_t shape[] = {tensor_count(&ids->tensor), width};
    return graph_place(graph, PLACE_EMBEDDING, place, ids, graph_output(node, DTYPE_F32, 2, shape));
}
