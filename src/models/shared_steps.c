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

struct value *model_language_transform(const struct model_view *view, const char *dense,
                                       const char *norm, enum activation activation,
                                       struct value *hidden)
{
    struct value *x = op_linear(view->graph, dense, WEIGHT_OUT_IN, view->config->width, hidden);
    x = op_activation(view->graph, activation, x);
    return op_layer_norm(view->graph, norm, x, view->config->norm_epsilon);
}
