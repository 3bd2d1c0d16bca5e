/* Layers whose inner values are dropped after forward and computed again, from the layer's input,
 * when its backward begins. Everything is a function of its inputs (random numbers too), so the
 * bits are the same; a step takes one more forward of the layers and the memory of one.
 *
 * All that runs again for a layer does so in one moment, that of its last node's backward. */
#include "tensor/graph_internal.h"

static bool stays_inside(const struct value *value)
{
    return value->producer && value->producer->layer && !value->escapes;
}

static bool reads_input(const struct node *node, int i)
{
    return node->backward_runs && (node->op->saves_inputs >> i & 1);
}

static bool reads_output(const struct node *node, int i)
{
    return node->backward_runs && (node->op->saves_outputs >> i & 1);
}

void recompute_choose(struct graph *graph)
{
    for (struct node *node = graph->first_node; node; node = node->next) {
        for (int i = 0; i < node->output_count; i++)
            node->outputs[i]->escapes = node->outputs[i]->kept;
        for (int i = 0; i < node->input_count; i++) {
            struct value *input = node->inputs[i];
            if (input && input->producer && input->producer->layer != node->layer)
                input->escapes = true;
        }
    }
    /* Readers come before what they read. */
    for (struct node *node = graph->last_node; node; node = node->previous) {
        for (int i = 0; i < node->output_count; i++) {
            struct value *output = node->outputs[i];
            output->again |= stays_inside(output) && reads_output(node, i);
            node->runs_again |= output->again;
        }
        for (int i = 0; i < node->input_count; i++) {
            struct value *input = node->inputs[i];
            if (input && stays_inside(input) && (node->runs_again || reads_input(node, i)))
                input->again = true;
        }
    }
}

static void extend(int *last, int time)
{
    if (*last < time)
        *last = time;
}

/* When the node's layer runs again. */
static int again_time(const struct graph *graph, const struct node *node)
{
    while (node->next && node->next->layer == node->layer)
        node = node->next;
    return graph_backward_time(graph, node);
}

void recompute_lifetimes(struct graph *graph)
{
    for (struct node *node = graph->first_node; node; node = node->next) {
        if (!node->layer)
            continue;
        int time = again_time(graph, node), back = graph_backward_time(graph, node);
        for (int i = 0; i < node->output_count && node->runs_again; i++) {
            struct value *output = node->outputs[i];
            if (stays_inside(output)) {
                output->again = true; /* written with the others, though nobody may read it */
                output->again_first = time;
                extend(&output->again_last, reads_output(node, i) ? back : time);
            } else {
                extend(&output->last, time); /* the same bits are written over it */
            }
        }
        for (int i = 0; i < node->input_count; i++) {
            struct value *input = node->inputs[i];
            if (!input)
                continue;
            if (input->again)
                extend(&input->again_last, reads_input(node, i) ? back : time);
            else if (node->runs_again)
                extend(&input->last, time);
        }
    }
}

bool recompute_begins(const struct node *node)
{
    return node->layer && (!node->next || node->next->layer != node->layer);
}

void recompute_layer(struct graph *graph, struct node *last)
{
    struct node *node = last;
    while (node->previous && node->previous->layer == last->layer)
        node = node->previous;
    for (; node && node->layer == last->layer; node = node->next) {
        if (!node->runs_again)
            continue;
        for (int i = 0; i < node->output_count; i++) {
            if (node->outputs[i]->again)
                node->outputs[i]->tensor.data = graph->activations + node->outputs[i]->again_offset;
        }
        node->op->forward(node);
    }
}
