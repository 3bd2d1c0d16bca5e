#include "tensor/weight_product.h"

struct weight_product weight_product_of(const struct graph *graph, struct parameter *weight,
                                        enum weight_layout layout)
{
    const struct graph_options *options = graph_get_options(graph);
    enum precision used = precision_used(options->kernels, options->precision);
    return (struct weight_product){
        .weight = weight,
        .layout = layout,
        .bfloat = used != PRECISION_HIGHEST,
        .low = used == PRECISION_HIGH,
        .passing = weight->trained && (used == PRECISION_HIGHEST || options->weights_change)};
}

static enum pack_kind kind_of(const struct weight_product *w, bool transposed)
{
    if (w->bfloat)
        return transposed ? PACK_BFLOAT_BACKWARD : PACK_BFLOAT_FORWARD;
    return transposed ? PACK_BACKWARD : PACK_FORWARD;
}

bool weight_product_reserve(struct graph *graph, const char *place, const struct weight_product *w,
                            bool transposed)
{
    const struct graph_options *options = graph_get_options(graph);
    if (options->device == DEVICE_SHAPES) {
        size_t copy = parameter_pack_bytes(w->weight, kind_of(w, transposed), options->kernels) *
                      (w->low ? 2 : 1);
        /* The forward copy of a frozen weight takes the place of the mapped file's pages. */
        size_t pages = w->weight->trained || transposed
                           ? 0
                           : (size_t)tensor_count(&w->weight->tensor) * sizeof(float);
        if (!w->passing)
            graph_count_packed(graph, (int64_t)copy - (int64_t)pages);
        return true;
    }
    if (!w->weight->tensor.data) {
        graph_fail(graph, ASSAY_ERROR_ARGUMENT, place,
                   "the weights were opened for their shapes only");
        return false;
    }
    if (w->passing)
        return true;
    assay_status status = parameter_pack_reserve(
        options->parameters, w->weight, kind_of(w, transposed), w->low, options->kernels, NULL);
    if (status != ASSAY_OK)
        graph_fail(graph, status, place, "not enough memory for the packed weight");
    return status == ASSAY_OK;
}

size_t weight_product_scratch(const struct kernels *kernels, const struct weight_product *w,
                              int64_t tokens)
{
    if (!w->bfloat)
        return 0;
    int64_t longest = tokens;
    for (int i = 0; i < 2; i++) {
        if (longest < w->weight->tensor.shape[i])
            longest = w->weight->tensor.shape[i];
    }
    return kernels->bfloat_scratch(longest);
}

size_t weight_product_passing(const struct kernels *kernels, const struct weight_product *w)
{
    size_t bytes = w->passing ? parameter_pack_bytes(w->weight, kind_of(w, false), kernels) : 0;
    return bytes / sizeof(float) * (w->low ? 2 : 1);
}

/* Floats of one packed copy of the activations, (tokens, columns of the weight). */
static size_t copy_floats(const struct kernels *kernels, const struct weight_product *w,
                          int64_t tokens)
{
    int64_t columns = w->weight->tensor.shape[1];
    return w->bfloat ? kernels->bfloat_bytes(tokens, columns) / sizeof(float)
                     : packed_floats(tokens, columns);
}

size_t weight_product_activations(const struct kernels *kernels, const struct weight_product *w,
                                  int64_t tokens)
{
    if (!kernels)
        return packed_floats(tokens, w->weight->tensor.shape[1]);
    return copy_floats(kernels, w, tokens) * (w->low ? 2 : 1);
}

struct packed_operand weight_product_pack(const struct node *node, const struct weight_product *w,
                                          bool transposed, float *passing)
{
    const struct kernels *kernels = node_kernels(node);
    const struct kernel_context *context = node_context(node);
    enum pack_kind kind = kind_of(w, transposed);
    if (w->passing) {
        float *low = w->low ? passing + weight_product_passing(kernels, w) / 2 : NULL;
        parameter_pack_into(passing, low, w->weight, kind, w->layout, kernels, context);
        graph_lap(node, PROFILE_PACKING, 0.0);
        return (struct packed_operand){passing, low};
    }
    parameter_pack_fill(graph_get_options(node->graph)->parameters, w->weight, kind, w->layout,
                        kernels, context);
    graph_lap(node, PROFILE_PACKING, 0.0);
    const struct packed_weight *packed = &w->weight->packed[kind];
    return (struct packed_operand){packed->data, w->low ? packed->low : NULL};
}

static void run(const struct node *node, bool bfloat, const struct product *product)
{
    if (bfloat)
        node_kernels(node)->bfloat_product(node_context(node), product);
    else
        node_kernels(node)->product(node_context(node), product);
}

void weight_product_run(const struct node *node, const struct weight_product *w,
                        struct product *product, struct packed_operand operand)
{
    product->b = operand.b;
    product->b_low = operand.b_low;
    run(node, w->bfloat, product);
}

void weight_product_gradient(const struct node *node, const struct weight_product *w,
                             float *gradient, float beta, struct rows_operand x,
                             struct rows_operand dy, int64_t tokens, float *room)
{
    const struct kernels *kernels = node_kernels(node);
    bool out_in = w->layout == WEIGHT_OUT_IN;
    const struct rows_operand left = out_in ? dy : x, right = out_in ? x : dy;
    int64_t m = w->weight->tensor.shape[0], n = w->weight->tensor.shape[1];
    float *low = w->low ? room + copy_floats(kernels, w, tokens) : NULL;
    if (w->bfloat)
        kernels->bfloat_pack(node_context(node), room, low, right.data, right.bfloat, n, 1, tokens,
                             n);
    else
        kernels->pack(node_context(node), room, right.data, n, 1, tokens, n);
    struct product product = {.c = gradient,
                              .c_row = n,
                              .a = left.data,
                              .a_row = 1,
                              .a_k = m,
                              .a_bfloat = left.bfloat,
                              .b = room,
                              .b_low = low,
                              .m = m,
                              .n = n,
                              .k = tokens,
                              .beta = beta};
    run(node, w->bfloat, &product);
}
