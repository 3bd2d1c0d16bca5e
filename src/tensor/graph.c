#include "tensor/graph_internal.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum precision precision_used(const struct kernels *kernels, enum precision asked)
{
    if (!kernels || !kernels->bfloat_product || (asked == PRECISION_HIGH && !kernels->bfloat_high))
        return PRECISION_HIGHEST;
    return asked;
}

assay_status graph_open(struct graph **out, assay_error *error)
{
    *out = memory_allocate_zeroed(1, sizeof **out);
    return *out ? ASSAY_OK : error_memory(error, sizeof **out);
}

void graph_close(struct graph *graph)
{
    if (!graph)
        return;
    while (graph->rules) {
        struct keep_rule *next = graph->rules->next;
        memory_free(graph->rules->glob);
        memory_free(graph->rules);
        graph->rules = next;
    }
    arena_free(&graph->arena);
    memory_free(graph->activations);
    memory_free(graph->scratch);
    memory_free(graph);
}

void graph_reset(struct graph *graph, const struct graph_options *options)
{
    arena_reset(&graph->arena);
    graph->options = *options;
    graph->first_node = graph->last_node = NULL;
    graph->node_count = 0;
    graph->layer = graph->layer_count = 0;
    graph->first_value = graph->last_value = NULL;
    graph->first_place = graph->last_place = NULL;
    graph->packed_bytes = 0;
    graph->status = ASSAY_OK;
    graph->planned = graph->forward_done = false;
}

const struct graph_options *graph_get_options(const struct graph *graph)
{
    return &graph->options;
}

void graph_attach(struct graph *graph, place_hook *hook, void *context)
{
    graph->hook = hook;
    graph->hook_context = context;
}

assay_status graph_keep(struct graph *graph, const char *glob, bool gradient, assay_error *error)
{
    struct keep_rule *rule = memory_allocate_zeroed(1, sizeof *rule);
    char *copy = memory_copy_string(glob);
    if (!rule || !copy) {
        memory_free(rule);
        memory_free(copy);
        return error_memory(error, sizeof *rule);
    }
    rule->glob = copy;
    rule->gradient = gradient;
    rule->next = graph->rules;
    graph->rules = rule;
    return ASSAY_OK;
}

bool graph_glob_matches(const char *glob, const char *name)
{
    const char *star = NULL, *resume = NULL;
    while (*name) {
        if (*glob == '*') {
            star = glob++;
            resume = name;
        } else if (*glob == *name) {
            glob++;
            name++;
        } else if (star) {
            glob = star + 1;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return !*glob;
}

struct value *graph_find(const struct graph *graph, const char *place)
{
    for (struct place *p = graph->first_place; p; p = p->next) {
        if (!strcmp(p->name, place))
            return p->value;
    }
    return NULL;
}

void *graph_fail(struct graph *graph, assay_status status, const char *place, const char *format,
                 ...)
{
    if (graph->status != ASSAY_OK)
        return NULL;
    graph->status = status;
    va_list arguments;
    va_start(arguments, format);
    char message[ASSAY_ERROR_MESSAGE_SIZE];
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    error_set(&graph->error, status, "%s", message);
    if (place)
        error_at_place(&graph->error, "%s", place);
    return NULL;
}

static struct value *new_value(struct graph *graph, enum dtype dtype, int rank,
                               const int64_t *shape)
{
    if (graph->status != ASSAY_OK)
        return NULL;
    size_t bytes;
    if (rank < 0 || rank > TENSOR_MAX_RANK || !tensor_size(&bytes, dtype, rank, shape))
        return graph_fail(graph, ASSAY_ERROR_SHAPE, NULL, "a tensor of rank %d is too large", rank);
    struct value *value = arena_allocate(&graph->arena, 1, sizeof *value);
    if (!value)
        return graph_fail(graph, ASSAY_ERROR_MEMORY, NULL, "not enough memory for the graph");
    value->tensor.dtype = dtype;
    value->tensor.rank = rank;
    memcpy(value->tensor.shape, shape, (size_t)rank * sizeof *shape);
    value->bytes = bytes;
    if (graph->last_value)
        graph->last_value->next = value;
    else
        graph->first_value = value;
    graph->last_value = value;
    return value;
}

struct value *graph_input(struct graph *graph, enum dtype dtype, int rank, const int64_t *shape,
                          const void *data)
{
    struct value *value = new_value(graph, dtype, rank, shape);
    if (value)
        value->tensor.data = (void *)(uintptr_t)data; /* inputs are only read */
    return value;
}

bool graph_has_weight(const struct graph *graph, const char *name)
{
    return graph->options.parameters && parameter_set_find(graph->options.parameters, name);
}

static struct value *find_weight_value(const struct graph *graph, const struct parameter *parameter)
{
    for (struct value *value = graph->first_value; value; value = value->next) {
        if (value->parameter == parameter)
            return value;
    }
    return NULL;
}

struct value *graph_weight(struct graph *graph, const char *name, int rank, const int64_t *shape)
{
    if (graph->status != ASSAY_OK)
        return NULL;
    struct parameter *parameter =
        graph->options.parameters ? parameter_set_find(graph->options.parameters, name) : NULL;
    if (!parameter)
        return graph_fail(graph, ASSAY_ERROR_NOT_FOUND, name, "the model has no such tensor");
    bool fits = rank < 0 || rank == parameter->tensor.rank;
    for (int i = 0; fits && i < rank; i++)
        fits = shape[i] < 0 || shape[i] == parameter->tensor.shape[i];
    if (!fits) {
        char wanted[TENSOR_SHAPE_TEXT], found[TENSOR_SHAPE_TEXT];
        graph_fail(graph, ASSAY_ERROR_SHAPE, name, "the tensor has the wrong shape");
        error_expected(&graph->error, "%s", tensor_shape_text(wanted, rank, shape));
        error_found(&graph->error, "%s",
                    tensor_shape_text(found, parameter->tensor.rank, parameter->tensor.shape));
        return NULL;
    }
    /* A tied weight is one value, so that its gradient is summed. */
    struct value *value = find_weight_value(graph, parameter);
    if (value)
        return value;
    value = new_value(graph, DTYPE_F32, parameter->tensor.rank, parameter->tensor.shape);
    if (!value)
        return NULL;
    value->parameter = parameter;
    value->tensor.data = parameter->tensor.data;
    value->needs_gradient = parameter->trained && graph->options.tape;
    return value;
}

const char *graph_name(struct graph *graph, const char *format, ...)
{
    char name[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof name) {
        graph_fail(graph, ASSAY_ERROR_LIMIT, NULL, "the name of a place is too long");
        return "";
    }
    char *copy = arena_allocate(&graph->arena, (size_t)length + 1, 1);
    if (!copy) {
        graph_fail(graph, ASSAY_ERROR_MEMORY, NULL, "not enough memory for the graph");
        return "";
    }
    return memcpy(copy, name, (size_t)length + 1);
}

struct value *graph_place(struct graph *graph, enum place_kind kind, const char *place,
                          struct value *input, struct value *output)
{
    if (output && graph->hook)
        output = graph->hook(graph->hook_context, graph, kind, place, input, output);
    if (!output || graph->status != ASSAY_OK)
        return NULL;
    struct place *named = arena_allocate(&graph->arena, 1, sizeof *named);
    if (!named)
        return graph_fail(graph, ASSAY_ERROR_MEMORY, place, "not enough memory for the graph");
    named->name = place;
    named->value = output;
    if (graph->last_place)
        graph->last_place->next = named;
    else
        graph->first_place = named;
    graph->last_place = named;
    for (struct keep_rule *rule = graph->rules; rule; rule = rule->next) {
        if (!graph_glob_matches(rule->glob, place))
            continue;
        output->kept = true;
        if (rule->gradient && graph->options.tape)
            output->gradient_kept = output->needs_gradient = true;
    }
    return output;
}

bool graph_narrows(const struct graph *graph, const char *place)
{
    const struct graph_options *options = &graph->options;
    if (graph->hook || precision_used(options->kernels, options->precision) != PRECISION_MEDIUM)
        return false;
    for (const struct keep_rule *rule = graph->rules; rule; rule = rule->next) {
        if (graph_glob_matches(rule->glob, place))
            return false;
    }
    return true;
}

bool row_layout_holds(const struct graph *graph, const struct row_layout *layout)
{
    if (!layout->offsets)
        return graph->options.device == DEVICE_SHAPES;
    bool holds = layout->rows >= 0 && layout->offsets[0] == 0;
    for (int64_t i = 0; holds && i < layout->rows; i++) {
        int64_t length = (int64_t)layout->offsets[i + 1] - layout->offsets[i];
        holds = length >= 0 && length <= layout->longest;
    }
    return holds && layout->offsets[layout->rows] == layout->tokens;
}

static bool dtypes_fit(struct graph *graph, const struct op *op, const char *place, int input_count,
                       struct value *const *inputs)
{
    for (int i = 0; i < input_count; i++) {
        enum dtype wanted = op->integer_inputs >> i & 1 ? DTYPE_I32 : DTYPE_F32;
        if (!inputs[i] || inputs[i]->tensor.dtype == wanted ||
            (inputs[i]->tensor.dtype == DTYPE_BF16 && (op->narrow_inputs >> i & 1)))
            continue;
        graph_fail(graph, ASSAY_ERROR_SHAPE, place, "input %d of %s has the wrong type", i + 1,
                   op->name);
        error_expected(&graph->error, "%s", dtype_name(wanted));
        error_found(&graph->error, "%s", dtype_name(inputs[i]->tensor.dtype));
        return false;
    }
    return true;
}

struct node *graph_node(struct graph *graph, const struct op *op, const char *place,
                        size_t attribute_bytes, int input_count, struct value *const *inputs)
{
    if (graph->status != ASSAY_OK || !dtypes_fit(graph, op, place, input_count, inputs))
        return NULL;
    struct node *node = arena_allocate(&graph->arena, 1, sizeof *node);
    void *attributes = arena_allocate(&graph->arena, 1, attribute_bytes ? attribute_bytes : 1);
    if (!node || !attributes)
        return graph_fail(graph, ASSAY_ERROR_MEMORY, place, "not enough memory for the graph");
    node->op = op;
    node->place = place;
    node->graph = graph;
    node->attributes = attributes;
    node->input_count = input_count;
    for (int i = 0; i < input_count; i++)
        node->inputs[i] = inputs[i];
    node->number = graph->node_count++;
    node->layer = graph->layer;
    node->previous = graph->last_node;
    if (graph->last_node)
        graph->last_node->next = node;
    else
        graph->first_node = node;
    graph->last_node = node;
    return node;
}

struct value *graph_output(struct node *node, enum dtype dtype, int rank, const int64_t *shape)
{
    if (!node)
        return NULL;
    struct value *value = new_value(node->graph, dtype, rank, shape);
    if (!value)
        return NULL;
    value->producer = node;
    for (int i = 0; i < node->input_count && dtype_is_float(dtype); i++)
        value->needs_gradient |= node->inputs[i] && node->inputs[i]->needs_gradient &&
                                 !(node->op->constant_inputs >> i & 1);
    if (value->needs_gradient && !node->op->backward)
        return graph_fail(node->graph, ASSAY_ERROR_UNSUPPORTED, node->place,
                          "%s has no backward, so it cannot stand on a tape", node->op->name);
    node->outputs[node->output_count++] = value;
    return value;
}

void graph_begin_layer(struct graph *graph)
{
    if (graph->options.recompute && graph->options.tape)
        graph->layer = ++graph->layer_count;
}

void graph_end_layers(struct graph *graph)
{
    graph->layer = 0;
}

void graph_count_packed(struct graph *graph, int64_t bytes)
{
    graph->packed_bytes += bytes;
}

const struct kernels *node_kernels(const struct node *node)
{
    return node->graph->options.kernels;
}

const struct kernel_context *node_context(const struct node *node)
{
    return &node->graph->context;
}

void graph_keep_value(struct graph *graph, struct value *value)
{
    if (value && graph->status == ASSAY_OK)
        value->kept = true;
}

void graph_watch(struct graph *graph, struct value *value)
{
    if (value && graph->status == ASSAY_OK)
        value->needs_gradient = value->gradient_kept = graph->options.tape;
}

void graph_seed(struct graph *graph, struct value *value, const float *gradient)
{
    if (!value || graph->status != ASSAY_OK)
        return;
    if (!graph->options.tape) {
        graph_fail(graph, ASSAY_ERROR_ARGUMENT, NULL, "a graph without a tape cannot run backward");
        return;
    }
    for (int i = 0; value->producer && !value->needs_gradient && i < value->producer->input_count;
         i++) {
        if (value->producer->inputs[i] && value->producer->inputs[i]->needs_gradient) {
            graph_fail(graph, ASSAY_ERROR_UNSUPPORTED, value->producer->place,
                       "this output of %s has no backward", value->producer->op->name);
            return;
        }
    }
    value->seed = gradient;
    value->gradient = (float *)(uintptr_t)gradient; /* seeds are only read */
    value->gradient_seeded = value->gradient_comes = true;
}
