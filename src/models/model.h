/* The inside of an assay_model, for sessions, parity and (later) training. */
#ifndef ASSAY_MODELS_MODEL_H
#define ASSAY_MODELS_MODEL_H

#include "assay/model.h"
#include "models/family.h"
#include "models/safetensors.h"

#include <stdatomic.h>

/* How a folder of sentence-transformers turns token vectors into one. */
struct embedding_rule {
    enum pooling pooling;
    bool normalize;
    char unsupported[64]; /* a pooling that assay lacks, or "" */
    int32_t max_tokens;   /* sentence_bert_config.json's; 0: none */
};

struct assay_model {
    _Atomic int references;
    char *folder;
    struct model_config config;
    const struct model_family *family;
    const char *prefix; /* of the body's tensors in this checkpoint */
    unsigned heads;
    struct safetensors *file;
    struct parameter_set *parameters;
    float **converted; /* weights that could not stay mapped: other types, or unaligned */
    size_t converted_count;
    assay_tokenizer *tokenizer;
    struct embedding_rule embedding;
};

/* Like assay_model_open without looking for a tokenizer. */
assay_status model_open_weights(assay_model **out, const char *folder, assay_error *error);

enum model_output { MODEL_HIDDEN, MODEL_CLASSIFY, MODEL_EMBED };

/* Puts the model's forward function into the graph. (tokens, width), (rows, labels) or (rows,
 * width). */
struct value *model_forward(const assay_model *model, struct graph *graph,
                            const struct text_batch *batch, enum model_output output,
                            bool with_pooler);
/* The hidden state and weights of the language head, from model_forward's hidden state. */
struct vocabulary_head model_language_head(const assay_model *model, struct graph *graph,
                                           const struct text_batch *batch, struct value *hidden);

/* The graph's name of a public precision. */
enum precision model_precision(assay_precision precision);

/* After a result was not a finite number: names the tensor that holds one, if any does. */
assay_status model_blame_weights(const assay_model *model, const char *what, assay_error *error);

/* Rows that the model takes: lengths, ids, types. Errors carry the row from 1. */
assay_status model_check_rows(const assay_model *model, const int32_t *ids, const int32_t *types,
                              const int32_t *offsets, int64_t rows, assay_error *error);

#endif
