/* BERT, and MiniLM which is a small BERT. Reference: transformers' modeling_bert. */
#include "models/family.h"

enum { CLASSIFIER, POOLER, CLASSIFY_PARTS };

static const struct head_part classify_parts[CLASSIFY_PARTS] = {
    [CLASSIFIER] = {"classifier", PART_LINEAR, .outputs = PART_LABELS},
    [POOLER] = {bert_pooler_module, PART_LINEAR, .in_body = true},
};

static const struct head_part masked_parts[MASKED_PARTS] = {
    [MASKED_DENSE] = {"cls.predictions.transform.dense", PART_LINEAR, .outputs = PART_WIDTH},
    [MASKED_NORM] = {"cls.predictions.transform.LayerNorm", PART_NORM, .outputs = PART_WIDTH},
    [MASKED_BIAS] = {"cls.predictions", PART_BIAS, .outputs = PART_VOCABULARY},
    [MASKED_DECODER] = {"cls.predictions.decoder", PART_LINEAR, .outputs = PART_VOCABULARY,
                        .untied = true},
};

static struct value *classify(const struct model_view *view, struct value *hidden)
{
    const struct model_config *c = view->config;
    struct value *x = bert_pooler(view, hidden);
    x = op_dropout(view->graph, "dropout", x, c->classifier_dropout, &view->batch->pooled);
    return op_linear(view->graph, classify_parts[CLASSIFIER].module, WEIGHT_OUT_IN, c->labels, x);
}

static struct vocabulary_head language(const struct model_view *view, struct value *hidden)
{
    return model_masked_head(view, masked_parts, view->config->activation, hidden);
}

const struct model_family bert_family = {
    .model_type = "bert",
    .prefix = "bert.",
    .embedding_tensor = "embeddings.word_embeddings.weight",
    .classify_head = {"BertForSequenceClassification", classify_parts, CLASSIFY_PARTS},
    .language_head = {"BertForMaskedLM", masked_parts, MASKED_PARTS},
    .configure = bert_encoder_configure,
    .positions = positions_from_zero,
    .max_tokens = position_table_rows,
    .body = bert_encoder_body,
    .classify = classify,
    .language = language,
};
