/* RoBERTa: BERT's encoder, positions from pad + 1, heads of its own. Reference: transformers'
 * modeling_roberta. */
#include "models/family.h"

/* Pad tokens keep the pad position; the others count from pad + 1. */
static void positions(const struct model_config *config, int32_t *out, const int32_t *ids,
                      int64_t tokens)
{
    int32_t pad = (int32_t)config->pad_token, next = pad + 1;
    for (int64_t i = 0; i < tokens; i++)
        out[i] = ids[i] == pad ? pad : next++;
}

static int64_t max_tokens(const struct model_config *config)
{
    int64_t room = config->positions - config->pad_token - 1;
    return room > 0 ? room : 0;
}

static assay_status configure(struct model_config *config, const struct json *json,
                              assay_error *error)
{
    if (config->pad_token < 0)
        config->pad_token = 1; /* RobertaConfig's default */
    return bert_encoder_configure(config, json, error);
}

enum { OUTPUT, DENSE, CLASSIFY_PARTS };

static const struct head_part classify_parts[CLASSIFY_PARTS] = {
    [OUTPUT] = {"classifier.out_proj", PART_LINEAR, .outputs = PART_LABELS},
    [DENSE] = {"classifier.dense", PART_LINEAR, .outputs = PART_WIDTH},
};

static const struct head_part masked_parts[MASKED_PARTS] = {
    [MASKED_DENSE] = {"lm_head.dense", PART_LINEAR, .outputs = PART_WIDTH},
    [MASKED_NORM] = {"lm_head.layer_norm", PART_NORM, .outputs = PART_WIDTH},
    [MASKED_BIAS] = {"lm_head", PART_BIAS, .outputs = PART_VOCABULARY},
    [MASKED_DECODER] = {"lm_head.decoder", PART_LINEAR, .outputs = PART_VOCABULARY, .untied = true},
};

static struct value *classify(const struct model_view *view, struct value *hidden)
{
    const struct model_config *c = view->config;
    struct graph *g = view->graph;
    struct value *x = op_pool(g, POOL_FIRST, hidden, &view->batch->rows);
    x = op_dropout(g, "classifier.dropout.0", x, c->classifier_dropout, &view->batch->pooled);
    x = op_linear(g, classify_parts[DENSE].module, WEIGHT_OUT_IN, c->width, x);
    x = op_activation(g, ACTIVATION_TANH, x);
    x = op_dropout(g, "classifier.dropout.1", x, c->classifier_dropout, &view->batch->pooled);
    return op_linear(g, classify_parts[OUTPUT].module, WEIGHT_OUT_IN, c->labels, x);
}

static struct vocabulary_head language(const struct model_view *view, struct value *hidden)
{
    return model_masked_head(view, masked_parts, ACTIVATION_GELU_ERF, hidden);
}

const struct model_family roberta_family = {
    .model_type = "roberta",
    .prefix = "roberta.",
    .embedding_tensor = "embeddings.word_embeddings.weight",
    .classify_head = {"RobertaForSequenceClassification", classify_parts, CLASSIFY_PARTS},
    .language_head = {"RobertaForMaskedLM", masked_parts, MASKED_PARTS},
    .configure = configure,
    .positions = positions,
    .max_tokens = max_tokens,
    .body = bert_encoder_body,
    .classify = classify,
    .language = language,
};
