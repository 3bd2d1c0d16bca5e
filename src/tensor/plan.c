/* Planning: which nodes run backward, which gradients are written or added to, when each tensor is
 * alive, and where it lies in the one block of memory. */
#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"
#include "tensor/graph_internal.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

static bool in_block(const struct value *value)
{
    return value->producer != NULL;
}

static bool gradient_in_block(const struct value *value)
{
    return value->gradient_comes && (!value->gradient_seeded || value->seed_is_copied) &&
           !value->parameter;
}

/* Does backward write the gradient of input i? */
static bool writes_gradient(const struct node *node, int i)
{
    return node->inputs[i] && node->inputs[i]->needs_gradient &&
           !(node->op->constant_inputs >> i & 1);
}

static void plan_backward(struct graph *graph)
{
    for (struct node *node = graph->last_node; node; node = node->previous) {
        bool reached = false, wanted = false;
        for (int i = 0; i < node->output_count; i++)
            reached |= node->outputs[i]->gradient_comes;
        for (int i = 0; i < node->input_count; i++)
            wanted |= writes_gradient(node, i);
        node->backward_runs = reached && wanted && node->op->backward;
        if (!node->backward_runs)
            continue;
        int time = graph_backward_time(graph, node);
        bool came[NODE_MAX_INPUTS];
        for (int i = 0; i < node->input_count; i++) {
            struct value *input = node->inputs[i];
            if (!writes_gradient(node, i))
                continue;
            bool repeated = false;
            for (int j = 0; j < i; j++) {
                if (node->inputs[j] == input && writes_gradient(node, j)) {
                    repeated = true;
                    came[i] = node->op->inputs_in_columns ? came[j] : true;
                }
            }
            if (!repeated)
                came[i] = input->gradient_comes || (input->parameter && graph->options.accumulate);
            node->beta[i] = came[i] ? 1.0f : 0.0f;
            if (!input->gradient_comes)
                input->gradient_first = time;
            input->gradient_comes = true;
            /* A seed is only read: what is to be added to becomes a copy, made before all else. */
            if (input->gradient_seeded && !input->seed_is_copied) {
                input->seed_is_copied = true;
                input->gradient_first = graph->node_count;
            }
        }
    }
}

static void extend(int *last, int time)
{
    if (*last < time)
        *last = time;
}

static void plan_lifetimes(struct graph *graph)
{
    int end = 2 * graph->node_count;
    for (struct node *node = graph->first_node; node; node = node->next) {
        int back = graph_backward_time(graph, node);
        for (int i = 0; i < node->output_count; i++) {
            struct value *output = node->outputs[i];
            output->first = output->last = node->number;
            if (output->kept)
                output->last = end;
            if (node->backward_runs && (node->op->saves_outputs >> i & 1) && !output->again)
                extend(&output->last, back);
            output->gradient_last = output->gradient_kept ? end : back;
        }
        for (int i = 0; i < node->input_count; i++) {
            if (!node->inputs[i])
                continue;
            extend(&node->inputs[i]->last, node->number);
            if (node->backward_runs && (node->op->saves_inputs >> i & 1) && !node->inputs[i]->again)
                extend(&node->inputs[i]->last, back);
        }
    }
}

/* A tensor or a gradient that needs a place in the block. */
struct piece {
    size_t bytes, offset;
    int first, last;
    size_t *result;
};

static int by_size(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->first - y->first;
}

/* Largest first, each at the lowest offset where nothing alive at the same time lies. `placed` is
 * kept in order of offsets. */
static size_t place_pieces(struct piece *pieces, int count, int *placed)
{
    size_t total = 0;
    int placed_count = 0;
    for (int i = 0; i < count; i++) {
        struct piece *piece = &pieces[i];
        size_t offset = 0;
        for (int j = 0; j < placed_count; j++) {
            const struct piece *other = &pieces[placed[j]];
            if (other->last < piece->first || piece->last < other->first)
                continue;
            if (offset + piece->bytes <= other->offset)
                break;
            if (offset < other->offset + other->bytes)
                offset = other->offset + other->bytes;
        }
        piece->offset = offset;
        *piece->result = offset;
        if (total < offset + piece->bytes)
            total = offset + piece->bytes;
        int at = placed_count++;
        while (at > 0 && pieces[placed[at - 1]].offset > offset) {
            placed[at] = placed[at - 1];
            at--;
        }
        placed[at] = i;
    }
    return total;
}

static void add_piece(struct piece *pieces, int *count, size_t bytes, int first, int last,
                      size_t *result)
{
    size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    pieces[(*count)++] = (struct piece){rounded ? rounded : ALIGNMENT, 0, first, last, result};
}

static assay_status place_all(struct graph *graph, size_t *total, assay_error *error)
{
    int values = 0, count = 0;
    for (struct value *value = graph->first_value; value; value = value->next)
        values++;
    struct piece *pieces = arena_allocate(&graph->arena, (size_t)values * 3 + 1, sizeof *pieces);
    int *placed = arena_allocate(&graph->arena, (size_t)values * 3 + 1, sizeof *placed);
    if (!pieces || !placed)
        return error_memory(error, (size_t)values * 3 * sizeof *pieces);
    for (struct value *value = graph->first_value; value; value = value->next) {
        if (in_block(value))
            add_piece(pieces, &count, value->bytes, value->first, value->last, &value->offset);
        if (value->again)
            add_piece(pieces, &count, value->bytes, value->again_first, value->again_last,
                      &value->again_offset);
        if (gradient_in_block(value))
            add_piece(pieces, &count, value->bytes, value->gradient_first,
                      in_block(value) ? value->gradient_last : 2 * graph->node_count,
                      &value->gradient_offset);
    }
    qsort(pieces, (size_t)count, sizeof *pieces, by_size);
    *total = place_pieces(pieces, count, placed);
    return ASSAY_OK;
}

static assay_status take_memory(struct graph *graph, size_t activations, size_t scratch_floats,
                                size_t shared_floats, assay_error *error)
{
    /* Batches differ a little: some room more, untouched until needed, spares taking memory again
     * and again, which the system has to clear each time. */
    if (graph->activation_room < activations) {
        memory_free(graph->activations);
        graph->activation_room = 0;
        size_t room = activations + activations / 8;
        graph->activations = memory_allocate_aligned(room, 1);
        if (!graph->activations)
            return error_memory(error, room);
        graph->activation_room = room;
    }
    size_t threads = (size_t)thread_pool_size(graph->options.threads);
    size_t each = (scratch_floats + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    size_t room = threads * each + shared_floats;
    if (graph->scratch_room < room) {
        memory_free(graph->scratch);
        graph->scratch_room = 0;
        graph->scratch = memory_allocate_aligned(room, sizeof(float));
        if (!graph->scratch)
            return error_memory(error, room * sizeof(float));
        graph->scratch_room = room;
    }
    for (const struct value *value = graph->first_value; value; value = value->next) {
        if (!value->producer && value->bytes && !value->tensor.data) {
            error_set(error, ASSAY_ERROR_ARGUMENT, "an input or weight has no values");
            error_at_place(error, "%s", value->parameter ? value->parameter->name : "input");
            return ASSAY_ERROR_ARGUMENT;
        }
    }
    graph->context = (struct kernel_context){graph->options.threads, graph->scratch, each,
                                             graph->scratch + threads * each};
    for (struct value *value = graph->first_value; value; value = value->next) {
        if (in_block(value))
            value->tensor.data = graph->activations + value->offset;
        if (gradient_in_block(value))
            value->gradient = (float *)(void *)(graph->activations + value->gradient_offset);
        else if (value->parameter && value->gradient_comes)
            value->gradient = value->parameter->gradient;
    }
    return ASSAY_OK;
}

assay_status graph_plan(struct graph *graph, struct graph_cost *cost, assay_error *error)
{
    if (graph->status != ASSAY_OK) {
        if (error)
            *error = graph->error;
        return graph->status;
    }
    if (graph->options.device == DEVICE_CPU && !graph->options.kernels)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "the graph has no kernels to run with");
    if (graph->options.tape)
        plan_backward(graph);
    if (graph->layer_count)
        recompute_choose(graph);
    plan_lifetimes(graph);
    if (graph->layer_count)
        recompute_lifetimes(graph);
    struct graph_cost sum = {.nodes = graph->node_count};
    size_t scratch_floats = 0, shared_floats = 0;
    for (struct node *node = graph->first_node; node; node = node->next) {
        if (scratch_floats < node->scratch_floats)
            scratch_floats = node->scratch_floats;
        if (shared_floats < node->shared_floats)
            shared_floats = node->shared_floats;
        sum.forward_operations += node->operations;
        if (node->backward_runs)
            sum.backward_operations += 2 * node->operations;
        if (node->runs_again)
            sum.backward_operations += node->operations;
    }
    assay_status status = place_all(graph, &sum.activation_bytes, error);
    if (status != ASSAY_OK)
        return status;
    size_t threads = (size_t)thread_pool_size(graph->options.threads);
    sum.scratch_bytes = (scratch_floats * threads + shared_floats) * sizeof(float);
    sum.packed_bytes = graph->packed_bytes;
    if (cost)
        *cost = sum;
    if (graph->options.device == DEVICE_SHAPES)
        return ASSAY_OK;
    status = take_memory(graph, sum.activation_bytes, scratch_floats, shared_floats, error);
    graph->planned = status == ASSAY_OK;
    return status;
}

static assay_status ready(const struct graph *graph, bool backward, assay_error *error)
{
    if (graph->options.device == DEVICE_SHAPES)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "the shapes-only device computes nothing");
    if (!graph->planned || (backward && !(graph->options.tape && graph->forward_done)))
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         backward ? "backward needs a tape and a forward run"
                                  : "the graph is not planned");
    return ASSAY_OK;
}

assay_status graph_forward(struct graph *graph, assay_error *error)
{
    assay_status status = ready(graph, false, error);
    if (status != ASSAY_OK)
        return status;
    for (struct value *value = graph->first_value; value; value = value->next) {
        if (value->again) /* a run before this one may have ended at the other place */
            value->tensor.data = graph->activations + value->offset;
    }
    for (struct node *node = graph->first_node; node; node = node->next)
        node->op->forward(node);
    graph->forward_done = true;
    return ASSAY_OK;
}

/* Trained weights that this graph does not reach have a gradient too: zero. */
static void clear_unreached(struct graph *graph)
{
    const struct parameter_set *set = graph->options.parameters;
    if (!set || graph->options.accumulate)
        return;
    for (int64_t i = 0; i < parameter_set_count(set); i++) {
        struct parameter *parameter = parameter_set_get(set, i);
        if (!parameter->trained)
            continue;
        bool reached = false;
        for (struct value *value = graph->first_value; value && !reached; value = value->next)
            reached = value->parameter == parameter && value->gradient_comes;
        if (!reached)
            memset(parameter->gradient, 0,
                   (size_t)tensor_count(&parameter->tensor) * sizeof(float));
    }
}

assay_status graph_backward(struct graph *graph, assay_error *error)
{
    assay_status status = ready(graph, true, error);
    if (status != ASSAY_OK)
        return status;
    clear_unreached(graph);
    for (struct value *value = graph->first_value; value; value = value->next) {
        if (value->seed_is_copied && value->bytes)
            memcpy(value->gradient, value->seed, value->bytes);
    }
    for (struct node *node = graph->last_node; node; node = node->previous) {
        if (recompute_begins(node))
            recompute_layer(graph, node);
        if (node->backward_runs)
            node->op->backward(node);
    }
    /* The lifetimes of activations ended with this pass: running it again would read other tensors.
     */
    graph->forward_done = false;
    return ASSAY_OK;
}
