#include "graph_fixture.h"

#include "test_kernels.h"

#include <math.h>
#include <stdlib.h>

const int32_t offsets[ROWS + 1] = {0, 4, 5, 10};
const struct row_layout layout = {ROWS, TOKENS, 5, offsets, NULL};
const int32_t ids[TOKENS] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 19};
const int32_t labels[ROWS] = {0, 2, 1};
const float seed[ROWS] = {0.5f, -1.0f, 0.25f};

const struct weight weights[WEIGHTS] = {
    {"embeddings.weight", 2, {WORDS, WIDTH}},
    {"norm.weight", 1, {WIDTH}},
    {"norm.bias", 1, {WIDTH}},
    {"qkv.weight", 2, {3 * WIDTH, WIDTH}},
    {"qkv.bias", 1, {3 * WIDTH}},
    {"up.weight", 2, {2 * WIDTH, WIDTH}},
    {"up.bias", 1, {2 * WIDTH}},
    {"down.weight", 2, {WIDTH, 2 * WIDTH}},
    {"classifier.weight", 2, {CLASSES, WIDTH}},
    {"classifier.bias", 1, {CLASSES}},
    {"sampling.weight", 2, {WORDS, 4}},
    {"unused.weight", 2, {5, 5}},
};

int64_t weight_count(const struct weight *weight)
{
    return weight->shape[0] * (weight->rank > 1 ? weight->shape[1] : 1);
}

int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!f)
        return 1;
    *state = f;
    kernel_set_open(&f->kernels, kernel_set_count() - 1);
    f->values = calloc(MOST_VALUES, sizeof(float));
    if (!f->values || parameter_set_open(&f->set, NULL) != ASSAY_OK ||
        graph_open(&f->graph, NULL) != ASSAY_OK)
        return 1;
    for (int i = 0; i < MOST_VALUES; i++)
        f->values[i] = sinf((float)(i * i % 997)) * 0.5f;
    int64_t at = 0;
    for (int i = 0; i < WEIGHTS; i++) {
        if (parameter_set_add(f->set, weights[i].name, weights[i].rank, weights[i].shape,
                              f->values + at, NULL) != ASSAY_OK)
            return 1;
        at += weight_count(&weights[i]);
    }
    return at > MOST_VALUES;
}

int close_fixture(void **state)
{
    struct fixture *f = *state;
    graph_close(f->graph);
    parameter_set_close(f->set);
    free(f->values);
    free(f);
    return 0;
}

struct graph_options plain_options(const struct fixture *f)
{
    return (struct graph_options){.parameters = f->set, .kernels = &f->kernels};
}

struct graph_options tape_options(const struct fixture *f)
{
    struct graph_options options = plain_options(f);
    options.tape = true;
    return options;
}

struct heads build_model(struct graph *graph)
{
    struct heads heads;
    struct value *id_values = graph_input(graph, DTYPE_I32, 1, (const int64_t[]){TOKENS}, ids);
    struct value *label_values = graph_input(graph, DTYPE_I32, 1, (const int64_t[]){ROWS}, labels);
    struct value *x = op_embedding(graph, "embeddings", WORDS, WIDTH, id_values);
    for (int layer = 0; layer < 3; layer++) {
        struct value *qkv = op_linear(graph, "qkv", WEIGHT_OUT_IN, 3 * WIDTH, x);
        struct attention_options attention = {
            .heads = HEADS, .scale = 0.4f, .k_column = WIDTH, .v_column = 2 * WIDTH};
        const char *place = graph_name(graph, "layer.%d.attention", layer);
        struct value *mixed =
            op_attention(graph, place, qkv, qkv, qkv, WIDTH, &layout, &layout, &attention);
        x = op_layer_norm(graph, "norm", op_add(graph, x, mixed), 1e-5f);
        struct value *up = op_linear(graph, "up", WEIGHT_OUT_IN, 2 * WIDTH, x);
        up = op_activation(graph, ACTIVATION_GELU_ERF, up);
        struct value *down = op_linear(graph, "down", WEIGHT_OUT_IN, WIDTH, up);
        x = graph_place(graph, PLACE_SUBLAYER, graph_name(graph, "layer.%d", layer), x,
                        op_add(graph, x, down));
    }
    heads.hidden = x;
    struct value *pooled = op_pool(graph, POOL_MEAN, x, &layout);
    heads.logits = op_linear(graph, "classifier", WEIGHT_OUT_IN, CLASSES, pooled);
    heads.loss = op_cross_entropy(graph, heads.logits, label_values, NULL, 0.0f);
    graph_keep_value(graph, heads.logits);
    graph_keep_value(graph, heads.loss);
    return heads;
}
