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

/* Where a weight's values came from; the parameter of the same index has them until it is trained.
 */
struct weight_source {
    const struct safetensors_entry *entry; /* NULL: drawn */
    float *values; /* owned: drawn, or converted as they could not stay mapped; else NULL */
};

/* What a model was opened to be trained for (models/trainable.h). */
struct model_rule {
    const struct model_head *head;
    unsigned head_bit;
    const char *problem_type; /* in config.json; NULL: the head has no labels */
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
    struct weight_source *sources; /* one a parameter, in the set's order */
    struct model_rule rule;        /* zeroed: opened to be read */
    assay_tokenizer *tokenizer;
    struct embedding_rule embedding;
};

/* Like assay_model_open without looking for a tokenizer. */
assay_status model_open_weights(assay_model **out, const char *folder, assay_error *error);

/* The steps of opening. A model with config and files open but no weights yet: */
assay_status model_open_files(assay_model **out, const char *folder, assay_error *error);
/* The tensor's name as transformers has it now; `room` may hold it. */
const char *model_modern_name(char *room, size_t size, const char *name);
/* Room for the sources of so many weights; then each, mapped or converted, and all of them made
 * known to the set. */
assay_status model_expect_weights(assay_model *model, size_t count, assay_error *error);
assay_status model_add_weight(assay_model *model, const char *name,
                              const struct safetensors_entry *entry, assay_error *error);
/* Of a parameter of this model, in its set and in `sources`; -1: it is not one. */
int64_t model_weight_index(const assay_model *model, const struct parameter *parameter);
/* Runs the forward functions on the shapes-only device with one row of one token: every tensor that
 * they want must be in the set in the right shape. `look` (may be NULL) is given the last node. */
assay_status model_trace(const assay_model *model, struct parameter_set *set,
                         void (*look)(void *context, const struct node *last), void *context,
                         assay_error *error);
/* Tokenizer and sentence-transformers files. */
assay_status model_read_companions(assay_model *model, assay_error *error);

/* No allocation: running out of memory must not look like a file that is not there. */
bool model_folder_has(const char *folder, const char *name);

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
/* What these kernels compute at when that precision is asked for. */
assay_precision model_precision_used(const struct kernels *kernels, assay_precision asked);

/* After a result was not a finite number: names the tensor that holds one, if any does. */
assay_status model_blame_weights(const assay_model *model, const char *what, assay_error *error);

/* Rows that the model takes: lengths, ids, types. Errors carry the row from 1. */
assay_status model_check_rows(const assay_model *model, const int32_t *ids, const int32_t *types,
                              const int32_t *offsets, int64_t rows, assay_error *error);

#endif
