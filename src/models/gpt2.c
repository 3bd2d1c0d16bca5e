/* GPT-2: pre-norm causal layers with fused query, key and value, weights as (inputs, outputs), the
 * head tied to the word embeddings. Reference: transformers' modeling_gpt2. */
#include "base/error.h"
#include "base/json.h"
#include "models/config_fields.h"
#include "models/family.h"

#include <math.h>

static assay_status configure(struct model_config *config, const struct json *json,
                              assay_error *error)
{
    config->activation = ACTIVATION_GELU_TANH;
    config->norm_epsilon = 1e-5f;
    config->hidden_dropout = config->attention_dropout = config->embedding_dropout = 0.1f;
    config->classifier_dropout = 0.0f;
    config->scale_attention = true;
    config->inner = 0;
    const struct size_field sizes[] = {
        {"n_embd", &config->width, 1, MODEL_MAX_WIDTH, true},
        {"n_layer", &config->layers, 0, MODEL_MAX_LAYERS, true},
        {"n_head", &config->heads, 1, MODEL_MAX_WIDTH, true},
        {"n_positions", &config->positions, 1, MODEL_MAX_POSITIONS, true},
        {"n_inner", &config->inner, 1, MODEL_MAX_WIDTH, false},
    };
    const struct rate_field rates[] = {
        {"layer_norm_epsilon", &config->norm_epsilon},
        {"resid_pdrop", &config->hidden_dropout},
        {"attn_pdrop", &config->attention_dropout},
        {"embd_pdrop", &config->embedding_dropout},
    };
    assay_status status = config_read_sizes(sizes, sizeof sizes / sizeof *sizes, json, error);
    if (status == ASSAY_OK)
        status = config_read_rates(rates, sizeof rates / sizeof *rates, json, error);
    if (status == ASSAY_OK)
        status = config_read_activation(&config->activation, json, "activation_function", error);
    if (status == ASSAY_OK)
        status =
            json_read_boolean(&config->scale_attention, json, "scale_attn_weights", false, error);
    if (status == ASSAY_OK)
        status = json_read_boolean(&config->scale_by_layer, json, "scale_attn_by_inverse_layer_idx",
                                   false, error);
    bool cross = false;
    if (status == ASSAY_OK)
        status = json_read_boolean(&cross, json, "add_cross_attention", false, error);
    if (status == ASSAY_OK && cross)
        status = error_set(error, ASSAY_ERROR_UNSUPPORTED, "GPT-2 with cross-attention");
    if (!config->inner)
        config->inner = 4 * config->width;
    return status;
}

static struct value *self_attention(const struct model_view *view, const char *block, int number,
                                    struct value *x)
{
    const struct model_config *c = view->config;
    const struct row_layout *rows = &view->batch->rows;
    struct graph *g = view->graph;
    struct value *qkv =
        op_linear(g, graph_name(g, "%s.attn.c_attn", block), WEIGHT_IN_OUT, 3 * c->width, x);
    struct attention_options options = {.heads = c->heads,
                                        .scale = 1.0f,
                                        .causal = true,
                                        .dropout = c->attention_dropout,
                                        .k_column = c->width,
                                        .v_column = 2 * c->width};
    if (c->scale_attention)
        options.scale = 1.0f / sqrtf((float)(c->width / c->heads));
    if (c->scale_by_layer)
        options.scale /= (float)(number + 1);
    struct value *a = op_attention(g, graph_name(g, "%s.attn.context", block), qkv, qkv, qkv,
                                   c->width, rows, rows, &options);
    a = op_linear(g, graph_name(g, "%s.attn.c_proj", block), WEIGHT_IN_OUT, c->width, a);
    a = op_dropout(g, graph_name(g, "%s.attn.resid_dropout", block), a, c->hidden_dropout, rows);
    return graph_place(g, PLACE_SUBLAYER, graph_name(g, "%s.attn", block), x, a);
}

static struct value *body(const struct model_view *view)
{
    const struct model_config *c = view->config;
    const struct text_batch *batch = view->batch;
    struct graph *g = view->graph;
    struct value *words =
        op_embedding(g, PLACE(view, "wte"), c->vocabulary, c->width, model_input(view, batch->ids));
    struct value *where = op_embedding(g, PLACE(view, "wpe"), c->positions, c->width,
                                       model_input(view, batch->positions));
    struct value *x = op_add(g, words, where);
    x = op_dropout(g, PLACE(view, "drop"), x, c->embedding_dropout, &batch->rows);
    x = graph_place(g, PLACE_SUBLAYER, PLACE(view, "drop"), NULL, x);
    for (int i = 0; i < c->layers; i++) {
        const char *block = PLACE(view, "h.%d", i);
        graph_begin_layer(g);
        struct value *a = op_layer_norm(g, graph_name(g, "%s.ln_1", block), x, c->norm_epsilon);
        a = op_add(g, self_attention(view, block, i, a), x);
        struct value *h = op_layer_norm(g, graph_name(g, "%s.ln_2", block), a, c->norm_epsilon);
        h = op_linear_activated(g, graph_name(g, "%s.mlp.c_fc", block), WEIGHT_IN_OUT, c->inner,
                                c->activation, h);
        h = op_linear(g, graph_name(g, "%s.mlp.c_proj", block), WEIGHT_IN_OUT, c->width, h);
        h = op_dropout(g, graph_name(g, "%s.mlp.dropout", block), h, c->hidden_dropout,
                       &batch->rows);
        h = graph_place(g, PLACE_SUBLAYER, graph_name(g, "%s.mlp", block), a, h);
        x = graph_place(g, PLACE_SUBLAYER, block, x, op_add(g, a, h));
    }
    graph_end_layers(g);
    return op_layer_norm(g, PLACE(view, "ln_f"), x, c->norm_epsilon);
}

static const struct head_part classify_parts[] = {{"score", PART_MATRIX, .outputs = PART_LABELS}};
static const struct head_part language_parts[] = {
    {"lm_head", PART_MATRIX, .outputs = PART_VOCABULARY, .untied = true},
};

static struct value *classify(const struct model_view *view, struct value *hidden)
{
    const struct text_batch *batch = view->batch;
    struct graph *g = view->graph;
    struct value *x;
    if (batch->chosen)
        x = op_select(g, hidden, graph_input(g, DTYPE_I32, 1, &batch->rows.rows, batch->chosen));
    else
        x = op_pool(g, POOL_LAST, hidden, &batch->rows);
    return op_linear(g, classify_parts[0].module, WEIGHT_OUT_IN, view->config->labels, x);
}

static struct vocabulary_head language(const struct model_view *view, struct value *hidden)
{
    struct graph *g = view->graph;
    const char *own = graph_name(g, "%s.weight", language_parts[0].module);
    bool untied = !view->config->tied_head && graph_has_weight(g, own);
    return (struct vocabulary_head){
        .hidden = hidden,
        .weight_name = untied ? own : PLACE(view, "wte.weight"),
    };
}

const struct model_family gpt2_family = {
    .model_type = "gpt2",
    .prefix = "transformer.",
    .embedding_tensor = "wte.weight",
    .classify_head = {"GPT2ForSequenceClassification", classify_parts, 1},
    .language_head = {"GPT2LMHeadModel", language_parts, 1},
    .causal = true,
    .configure = configure,
    .positions = positions_from_zero,
    .max_tokens = position_table_rows,
    .body = body,
    .classify = classify,
    .language = language,
};
