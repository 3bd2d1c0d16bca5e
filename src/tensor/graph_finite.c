/* Where in a model a value that is not finite appeared first. */
#include "tensor/graph_internal.h"

#include <math.h>

static bool holds_not_finite(const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return true;
    }
    return false;
}

const char *graph_first_not_finite(const struct graph *graph, bool gradient)
{
    const char *last = NULL;
    for (const struct place *place = graph->first_place; place; place = place->next) {
        const struct value *value = place->value;
        if (value->tensor.dtype != DTYPE_F32)
            continue;
        const float *values = gradient ? value->gradient : value->tensor.data;
        if (!values || !(gradient ? value->gradient_kept : value->kept) ||
            !holds_not_finite(values, tensor_count(&value->tensor)))
            continue;
        if (!gradient)
            return place->name;
        last = place->name;
    }
    return last;
}
