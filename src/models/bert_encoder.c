/* The encoder of BERT and RoBERTa: post-norm layers under the names that both use. */
#include "models/config_fields.h"
#include "models/family.h"

#include <math.h>

assay_status bert_encoder_configure(struct model_config *config, const struct json *json,
                                    assay_error *error)
{
    config->inner = config->positions = config->types = 0;
    config->activation = ACTIVATION_GELU_ERF;
    config->norm_epsilon = 1e-12f;
    config->hidden_dropout = config->attention_dropout = 0.1f;
    config->classifier_dropout = -1.0f;
    const struct size_field sizes[] = {
        {"hidden_size", &config->width, 1, MODEL_MAX_WIDTH, true},
        {"num_hidden_layers", &config->layers, 0, MODEL_MAX_LAYERS, true},
        {"num_attention_heads", &config->heads, 1, MODEL_MAX_WIDTH, true},
        {"intermediate_size", &config->inner, 1, MODEL_MAX_WIDTH, true},
        {"max_position_embeddings", &config->positions, 1, MODEL_MAX_POSITIONS, true},
        {"type_vocab_size", &config->types, 1, MODEL_MAX_VOCABULARY, true},
    };
    float classifier = -1.0f;
    const struct rate_field rates[] = {
        {"layer_norm_eps", &config->norm_epsilon},
        {"hidden_dropout_prob", &config->hidden_dropout},
        {"attention_probs_dropout_prob", &config->attention_dropout},
        {"classifier_dropout", &classifier},
    };
    assay_status status = config_read_sizes(sizes, sizeof sizes / sizeof *sizes, json, error);
    if (status == ASSAY_OK)
        status = config_read_rates(rates, 3, json, error);
    classifier = config->hidden_dropout;
    if (status == ASSAY_OK)
        status = config_read_rates(rates + 3, 1, json, error);
    config->classifier_dropout = classifier;
    config->embedding_dropout = config->hidden_dropout;
    if (status == ASSAY_OK)
        status = config_read_activation(&config->activation, json, "hidden_act", error);
    return status;
}

static struct value *embeddings(const struct model_view *view)
{
    const struct model_config *c = view->config;
    const struct text_batch *batch = view->batch;
    struct graph *g = view->graph;
    struct value *words = op_embedding(g, PLACE(view, "embeddings.word_embeddings"), c->vocabulary,
                                       c->width, model_input(view, batch->ids));
    struct value *types = op_embedding(g, PLACE(view, "embeddings.token_type_embeddings"), c->types,
                                       c->width, model_input(view, batch->types));
    struct value *positions =
        op_embedding(g, PLACE(view, "embeddings.position_embeddings"), c->positions, c->width,
                     model_input(view, batch->positions));
    struct value *x = op_add(g, op_add(g, words, types), positions);
    x = op_layer_norm(g, PLACE(view, "embeddings.LayerNorm"), x, c->norm_epsilon);
    x = op_dropout(g, PLACE(view, "embeddings.dropout"), x, c->embedding_dropout, &batch->rows);
    return graph_place(g, PLACE_SUBLAYER, PLACE(view, "embeddings"), NULL, x);
}

static struct value *self_attention(const struct model_view *view, int layer, struct value *x)
{
    const struct model_config *c = view->config;
    const struct row_layout *rows = &view->batch->rows;
    struct graph *g = view->graph;
    const char *place = PLACE(view, "encoder.layer.%d.attention.self", layer);
    struct value *q = op_linear(g, graph_name(g, "%s.query", place), WEIGHT_OUT_IN, c->width, x);
    struct value *k = op_linear(g, graph_name(g, "%s.key", place), WEIGHT_OUT_IN, c->width, x);
    struct value *v = op_linear(g, graph_name(g, "%s.value", place), WEIGHT_OUT_IN, c->width, x);
    struct attention_options options = {.heads = c->heads,
                                        .scale = 1.0f / sqrtf((float)(c->width / c->heads)),
                                        .dropout = c->attention_dropout};
    return op_attention(g, place, q, k, v, c->width, rows, rows, &options);
}

static struct value *layer(const struct model_view *view, int number, struct value *x)
{
    const struct model_config *c = view->config;
    const struct row_layout *rows = &view->batch->rows;
    struct graph *g = view->graph;
    const char *place = PLACE(view, "encoder.layer.%d", number);
    struct value *a = self_attention(view, number, x);
    a = op_linear(g, graph_name(g, "%s.attention.output.dense", place), WEIGHT_OUT_IN, c->width, a);
    a = op_dropout(g, graph_name(g, "%s.attention.output.dropout", place), a, c->hidden_dropout,
                   rows);
    a = op_layer_norm(g, graph_name(g, "%s.attention.output.LayerNorm", place), op_add(g, a, x),
                      c->norm_epsilon);
    a = graph_place(g, PLACE_SUBLAYER, graph_name(g, "%s.attention", place), x, a);
    struct value *h = op_linear_activated(g, graph_name(g, "%s.intermediate.dense", place),
                                          WEIGHT_OUT_IN, c->inner, c->activation, a);
    h = op_linear(g, graph_name(g, "%s.output.dense", place), WEIGHT_OUT_IN, c->width, h);
    h = op_dropout(g, graph_name(g, "%s.output.dropout", place), h, c->hidden_dropout, rows);
    h = op_layer_norm(g, graph_name(g, "%s.output.LayerNorm", place), op_add(g, h, a),
                      c->norm_epsilon);
    return graph_place(g, PLACE_SUBLAYER, place, x, h);
}

const char bert_pooler_module[] = "pooler.dense";

struct value *bert_pooler(const struct model_view *view, struct value *hidden)
{
    struct graph *g = view->graph;
    struct value *first = op_pool(g, POOL_FIRST, hidden, &view->batch->rows);
    first = op_linear(g, PLACE(view, "%s", bert_pooler_module), WEIGHT_OUT_IN, view->config->width,
                      first);
    first = op_activation(g, ACTIVATION_TANH, first);
    return graph_place(g, PLACE_SUBLAYER, PLACE(view, "pooler"), hidden, first);
}

struct value *bert_encoder_body(const struct model_view *view)
{
    struct value *x = embeddings(view);
    for (int i = 0; i < view->config->layers; i++) {
        graph_begin_layer(view->graph);
        x = layer(view, i, x);
    }
    graph_end_layers(view->graph);
    if (view->with_pooler &&
        graph_has_weight(view->graph, PLACE(view, "%s.weight", bert_pooler_module)))
        bert_pooler(view, x);
    return x;
}
