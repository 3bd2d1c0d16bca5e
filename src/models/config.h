/* What config.json says of a model, in one set of words for all families. */
#ifndef ASSAY_MODELS_CONFIG_H
#define ASSAY_MODELS_CONFIG_H

#include "assay/status.h"
#include "tensor/kernels.h"

/* Sizes beyond these are taken for damage, not for models. */
enum {
    MODEL_MAX_LAYERS = 1024,
    MODEL_MAX_WIDTH = 1 << 17,
    MODEL_MAX_VOCABULARY = 1 << 24,
    MODEL_MAX_POSITIONS = 1 << 24,
    MODEL_MAX_LABELS = 1 << 16,
    MODEL_MAX_LABEL_BYTES = 4096,
    MODEL_CONFIG_MAX_BYTES = 16 << 20
};

struct json;

struct model_config {
    char *model_type;
    char *architecture; /* the first of `architectures`, or "" */
    int64_t vocabulary, width, layers, heads, inner;
    int64_t positions; /* rows of the position table */
    int64_t types;     /* rows of the token type table, 0: none */
    int64_t pad_token; /* -1: none */
    enum activation activation;
    float norm_epsilon;
    float hidden_dropout, attention_dropout, embedding_dropout, classifier_dropout;
    float initializer_range; /* standard deviation of new weights */
    bool tied_head;
    bool scale_attention, scale_by_layer; /* GPT-2 */
    int64_t labels;
    char **label_names; /* (labels) */
};

/* Reads and checks config.json of a known family; errors name file and key. Start from {0}. */
assay_status model_config_read(struct model_config *config, const char *path, assay_error *error);
void model_config_free(struct model_config *config);

#endif
