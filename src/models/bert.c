/* BERT, and MiniLM which is a small BERT. Reference: transformers' modeling_bert. */
#include "models/family.h"

static struct value *classify(const struct model_view *view, struct value *hidden)
{
    const struct model_config *c = view->config;
    struct value *x = bert_pooler(view, hidden);
    x = op_dropout(view->graph, "dropout", x, c->classifier_dropout, &view->batch->pooled);
    return op_linear(view->graph, "classifier", WEIGHT_OUT_IN, c->labels, x);
}

static struct vocabulary_head language(const struct model_view *view, struct value *hidden)
{
    struct graph *g = view->graph;
    struct vocabulary_head head = {
        .hidden = model_language_transform(view, "cls.predictions.transform.dense",
                                           "cls.predictions.transform.LayerNorm",
                                           view->config->activation, hidden),
        .weight_name = PLACE(view, "embeddings.word_embeddings.weight"),
        .bias_name = "cls.predictions.bias",
    };
    if (!view->config->tied_head && graph_has_weight(g, "cls.predictions.decoder.weight")) {
        head.weight_name = "cls.predictions.decoder.weight";
        if (graph_has_weight(g, "cls.predictions.decoder.bias"))
            head.bias_name = "cls.predictions.decoder.bias";
    }
    return head;
}

const struct model_family bert_family = {
    .model_type = "bert",
    .prefix = "bert.",
    .embedding_tensor = "embeddings.word_embeddings.weight",
    .classifier_tensor = "classifier.weight",
    .language_tensor = "cls.predictions.transform.dense.weight",
    .configure = bert_encoder_configure,
    .positions = positions_from_zero,
    .max_tokens = position_table_rows,
    .body = bert_encoder_body,
    .classify = classify,
    .language = language,
};
