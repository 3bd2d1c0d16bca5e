/* Steps that several families take. */
#include "models/family.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

const char *graph_prefixed(struct graph *graph, const char *prefix, const char *format, ...)
{
    char name[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    return graph_name(graph, "%s%s", prefix, name);
}

void positions_from_zero(const struct model_config *config, int32_t *positions, const int32_t *ids,
                         int64_t tokens)
{
    (void)config;
    (void)ids;
    for (int64_t i = 0; i < tokens; i++)
        positions[i] = (int32_t)i;
}

int64_t position_table_rows(const struct model_config *config)
{
    return config->positions;
}

struct value *model_input(const struct model_view *view, const int32_t *data)
{
    return graph_input(view->graph, DTYPE_I32, 1, &view->batch->rows.tokens, data);
}

struct vocabulary_head model_masked_head(const struct model_view *view,
                                         const struct head_part *parts, enum activation activation,
                                         struct value *hidden)
{
    struct graph *g = view->graph;
    struct value *x =
        op_linear(g, parts[MASKED_DENSE].module, WEIGHT_OUT_IN, view->config->width, hidden);
    x = op_activation(g, activation, x);
    x = op_layer_norm(g, parts[MASKED_NORM].module, x, view->config->norm_epsilon);
    struct vocabulary_head head = {
        .hidden = x,
        .weight_name = PLACE(view, "embeddings.word_embeddings.weight"),
        .bias_name = graph_name(g, "%s.bias", parts[MASKED_BIAS].module),
    };
    const char *decoder = graph_name(g, "%s.weight", parts[MASKED_DECODER].module);
    if (!view->config->tied_head && graph_has_weight(g, decoder)) {
        const char *bias = graph_name(g, "%s.bias", parts[MASKED_DECODER].module);
        head.weight_name = decoder;
        if (graph_has_weight(g, bias))
            head.bias_name = bias;
    }
    return head;
}
