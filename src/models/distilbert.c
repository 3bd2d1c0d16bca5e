/* DistilBERT: no token types, no pooler. Reference: transformers' modeling_distilbert. */
#include "models/config_fields.h"
#include "models/family.h"

#include <math.h>

static assay_status configure(struct model_config *config, const struct json *json,
                              assay_error *error)
{
    config->activation = ACTIVATION_GELU_ERF;
    config->norm_epsilon = 1e-12f;
    config->hidden_dropout = config->attention_dropout = 0.1f;
    config->classifier_dropout = 0.2f;
    config->inner = config->positions = 0;
    const struct size_field sizes[] = {
        {"dim", &config->width, 1, MODEL_MAX_WIDTH, true},
        {"n_layers", &config->layers, 0, MODEL_MAX_LAYERS, true},
        {"n_heads", &config->heads, 1, MODEL_MAX_WIDTH, true},
        {"hidden_dim", &config->inner, 1, MODEL_MAX_WIDTH, true},
        {"max_position_embeddings", &config->positions, 1, MODEL_MAX_POSITIONS, true},
    };
    const struct rate_field rates[] = {
        {"dropout", &config->hidden_dropout},
        {"attention_dropout", &config->attention_dropout},
        {"seq_classif_dropout", &config->classifier_dropout},
    };
    assay_status status = config_read_sizes(sizes, sizeof sizes / sizeof *sizes, json, error);
    if (status == ASSAY_OK)
        status = config_read_rates(rates, sizeof rates / sizeof *rates, json, error);
    config->embedding_dropout = config->hidden_dropout;
    if (status == ASSAY_OK)
        status = config_read_activation(&config->activation, json, "activation", error);
    return status;
}

static struct value *embeddings(const struct model_view *view)
{
    const struct model_config *c = view->config;
    const struct text_batch *batch = view->batch;
    struct graph *g = view->graph;
    struct value *words = op_embedding(g, PLACE(view, "embeddings.word_embeddings"), c->vocabulary,
                                       c->width, model_input(view, batch->ids));
    struct value *where = op_embedding(g, PLACE(view, "embeddings.position_embeddings"),
                                       c->positions, c->width, model_input(view, batch->positions));
    struct value *x = op_add(g, words, where);
    x = op_layer_norm(g, PLACE(view, "embeddings.LayerNorm"), x, c->norm_epsilon);
    x = op_dropout(g, PLACE(view, "embeddings.dropout"), x, c->embedding_dropout, &batch->rows);
    return graph_place(g, PLACE_SUBLAYER, PLACE(view, "embeddings"), NULL, x);
}

static struct value *self_attention(const struct model_view *view, const char *layer,
                                    struct value *x)
{
    const struct model_config *c = view->config;
    const struct row_layout *rows = &view->batch->rows;
    struct graph *g = view->graph;
    struct value *q =
        op_linear(g, graph_name(g, "%s.attention.q_lin", layer), WEIGHT_OUT_IN, c->width, x);
    struct value *k =
        op_linear(g, graph_name(g, "%s.attention.k_lin", layer), WEIGHT_OUT_IN, c->width, x);
    struct value *v =
        op_linear(g, graph_name(g, "%s.attention.v_lin", layer), WEIGHT_OUT_IN, c->width, x);
    struct attention_options options = {.heads = c->heads,
                                        .scale = 1.0f / sqrtf((float)(c->width / c->heads)),
                                        .dropout = c->attention_dropout};
    struct value *a = op_attention(g, graph_name(g, "%s.attention.context", layer), q, k, v,
                                   c->width, rows, rows, &options);
    a = op_linear(g, graph_name(g, "%s.attention.out_lin", layer), WEIGHT_OUT_IN, c->width, a);
    return graph_place(g, PLACE_SUBLAYER, graph_name(g, "%s.attention", layer), x, a);
}

static struct value *body(const struct model_view *view)
{
    const struct model_config *c = view->config;
    const struct row_layout *rows = &view->batch->rows;
    struct graph *g = view->graph;
    struct value *x = embeddings(view);
    for (int i = 0; i < c->layers; i++) {
        const char *layer = PLACE(view, "transformer.layer.%d", i);
        graph_begin_layer(g);
        struct value *a = self_attention(view, layer, x);
        a = op_layer_norm(g, graph_name(g, "%s.sa_layer_norm", layer), op_add(g, a, x),
                          c->norm_epsilon);
        struct value *h = op_linear_activated(g, graph_name(g, "%s.ffn.lin1", layer), WEIGHT_OUT_IN,
                                              c->inner, c->activation, a);
        h = op_linear(g, graph_name(g, "%s.ffn.lin2", layer), WEIGHT_OUT_IN, c->width, h);
        h = op_dropout(g, graph_name(g, "%s.ffn.dropout", layer), h, c->hidden_dropout, rows);
        h = graph_place(g, PLACE_SUBLAYER, graph_name(g, "%s.ffn", layer), a, h);
        h = op_layer_norm(g, graph_name(g, "%s.output_layer_norm", layer), op_add(g, h, a),
                          c->norm_epsilon);
        x = graph_place(g, PLACE_SUBLAYER, layer, x, h);
    }
    graph_end_layers(g);
    return x;
}

enum { CLASSIFIER, PRE_CLASSIFIER, CLASSIFY_PARTS };

static const struct head_part classify_parts[CLASSIFY_PARTS] = {
    [CLASSIFIER] = {"classifier", PART_LINEAR, .outputs = PART_LABELS},
    [PRE_CLASSIFIER] = {"pre_classifier", PART_LINEAR, .outputs = PART_WIDTH},
};

static const struct head_part masked_parts[MASKED_PARTS] = {
    [MASKED_DENSE] = {"vocab_transform", PART_LINEAR, .outputs = PART_WIDTH},
    [MASKED_NORM] = {"vocab_layer_norm", PART_NORM, .outputs = PART_WIDTH},
    [MASKED_BIAS] = {"vocab_projector", PART_BIAS, .outputs = PART_VOCABULARY},
    [MASKED_DECODER] = {"vocab_projector", PART_MATRIX, .outputs = PART_VOCABULARY, .untied = true},
};

static struct value *classify(const struct model_view *view, struct value *hidden)
{
    const struct model_config *c = view->config;
    struct graph *g = view->graph;
    struct value *x = op_pool(g, POOL_FIRST, hidden, &view->batch->rows);
    x = op_linear(g, classify_parts[PRE_CLASSIFIER].module, WEIGHT_OUT_IN, c->width, x);
    x = op_activation(g, ACTIVATION_RELU, x);
    x = op_dropout(g, "dropout", x, c->classifier_dropout, &view->batch->pooled);
    return op_linear(g, classify_parts[CLASSIFIER].module, WEIGHT_OUT_IN, c->labels, x);
}

static struct vocabulary_head language(const struct model_view *view, struct value *hidden)
{
    return model_masked_head(view, masked_parts, view->config->activation, hidden);
}

const struct model_family distilbert_family = {
    .model_type = "distilbert",
    .prefix = "distilbert.",
    .embedding_tensor = "embeddings.word_embeddings.weight",
    .classify_head = {"DistilBertForSequenceClassification", classify_parts, CLASSIFY_PARTS},
    .language_head = {"DistilBertForMaskedLM", masked_parts, MASKED_PARTS},
    .configure = configure,
    .positions = positions_from_zero,
    .max_tokens = position_table_rows,
    .body = body,
    .classify = classify,
    .language = language,
};
