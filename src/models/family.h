/* A model family: its configuration and its forward function over ops, written once (contract 1).
 *
 * Every place carries its Hugging Face module path, with the prefix ("bert.") that the checkpoint's
 * tensors have. A family knows nothing of what is attached to its places (contract 2).
 */
#ifndef ASSAY_MODELS_FAMILY_H
#define ASSAY_MODELS_FAMILY_H

#include "models/config.h"
#include "tensor/ops.h"

struct json;

/* Rows of tokens, not padded. */
struct text_batch {
    struct row_layout rows;
    const int32_t *ids;       /* (tokens) */
    const int32_t *types;     /* (tokens) or NULL: zeros */
    const int32_t *positions; /* (tokens), made by the family's position rule */
    const int32_t *chosen;    /* (rows) token that classification reads, or NULL: the family's */
    struct row_layout pooled; /* the same rows with one token each, for dropout after pooling */
};

/* What a forward function is given. */
struct model_view {
    struct graph *graph;
    const struct model_config *config;
    const char *prefix; /* "bert." or "" */
    const struct text_batch *batch;
    bool with_pooler; /* also make a bare model's pooled output, to be kept by its place */
};

/* A module of a head: which tensors it has, and so how new ones are drawn (models/heads.h). */
enum part_kind {
    PART_LINEAR, /* weight (outputs, width) and bias */
    PART_MATRIX, /* the weight alone */
    PART_NORM,
    PART_BIAS /* "<module>.bias" alone */
};
enum part_outputs { PART_WIDTH, PART_LABELS, PART_VOCABULARY };

struct head_part {
    const char *module; /* its path */
    enum part_kind kind;
    enum part_outputs outputs;
    bool in_body; /* the path is below the family's prefix */
    bool untied;  /* there only when the config does not tie the word embeddings */
};

/* A family's head for one kind of task. The first part tells whether a checkpoint has it. */
struct model_head {
    const char *architecture; /* transformers' class of body and head */
    const struct head_part *parts;
    int count;
};

/* What the heads of masked language models consist of, in this order for every family. */
enum { MASKED_DENSE, MASKED_NORM, MASKED_BIAS, MASKED_DECODER, MASKED_PARTS };

struct model_family {
    const char *model_type;
    const char *prefix;           /* that models with a head put before the bare model's names */
    const char *embedding_tensor; /* without prefix: tells whether the checkpoint has one */
    struct model_head classify_head, language_head;
    bool causal; /* the language head is always there: tied, or one matrix */
    /* The family's own keys of config.json; common ones are read already. */
    assay_status (*configure)(struct model_config *config, const struct json *json,
                              assay_error *error);
    /* Position ids of one row. */
    void (*positions)(const struct model_config *config, int32_t *positions, const int32_t *ids,
                      int64_t tokens);
    int64_t (*max_tokens)(const struct model_config *config);
    /* (tokens, width) */
    struct value *(*body)(const struct model_view *view);
    /* (rows, labels) */
    struct value *(*classify)(const struct model_view *view, struct value *hidden);
    /* The hidden state and weights for op_vocabulary. */
    struct vocabulary_head (*language)(const struct model_view *view, struct value *hidden);
};

extern const struct model_family bert_family, distilbert_family, roberta_family, gpt2_family;

/* NULL for an unknown model_type. */
const struct model_family *model_family_find(const char *model_type);

/* Shared steps of the families. */

/* A place's name with the checkpoint's prefix. */
#define PLACE(view, ...) graph_prefixed((view)->graph, (view)->prefix, __VA_ARGS__)
const char *graph_prefixed(struct graph *graph, const char *prefix, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Positions 0, 1, 2, ... and as many tokens as the position table has rows. */
void positions_from_zero(const struct model_config *config, int32_t *positions, const int32_t *ids,
                         int64_t tokens);
int64_t position_table_rows(const struct model_config *config);

/* A (tokens) input: ids, types or positions. */
struct value *model_input(const struct model_view *view, const int32_t *data);

/* BERT's encoder, which RoBERTa shares: embeddings with their norm, then all layers. */
struct value *bert_encoder_body(const struct model_view *view);
extern const char bert_pooler_module[];
/* (rows, width): dense and tanh of each row's first token. */
struct value *bert_pooler(const struct model_view *view, struct value *hidden);
assay_status bert_encoder_configure(struct model_config *config, const struct json *json,
                                    assay_error *error);
/* A masked language head: dense, activation, norm; then the decoder, which is the table of word
 * embeddings unless the config unties it and the checkpoint has one. */
struct vocabulary_head model_masked_head(const struct model_view *view,
                                         const struct head_part *parts, enum activation activation,
                                         struct value *hidden);

#endif
