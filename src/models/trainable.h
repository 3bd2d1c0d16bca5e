/* Models opened to be trained for a task, with a head that may have to be made, and written as a
 * folder that transformers loads.
 *
 * A trainable model is not shared: one thread owns it. Its weights stay mapped until
 * parameter_set_train copies them. New weights are drawn as transformers' _init_weights does
 * (normal with the config's initializer_range, biases zero, norms one) from base/random.h, keyed by
 * seed and tensor name: the same on every machine, in any order.
 */
#ifndef ASSAY_MODELS_TRAINABLE_H
#define ASSAY_MODELS_TRAINABLE_H

#include "base/file_group.h"
#include "models/model.h"

enum model_task {
    MODEL_TASK_CLASSIFY,
    MODEL_TASK_REGRESS,
    MODEL_TASK_CAUSAL_LM,
    MODEL_TASK_MASKED_LM
};

struct model_purpose {
    enum model_task task;
    int64_t labels;                 /* MODEL_TASK_CLASSIFY: at least 2; MODEL_TASK_REGRESS: 1 */
    const char *const *label_names; /* (labels); NULL for MODEL_TASK_REGRESS */
    uint64_t seed;
};

/* Opens the folder for a purpose. A head that is missing, or of other labels, is made anew; one
 * that has these labels in this order, or as many with the generic names LABEL_0, ..., is kept.
 * Tensors of another task's head are left out. A bare body gets the family's prefix ("bert."), as
 * models with a head have it. The model's config carries the purpose's labels. A family that lacks
 * the task (causal language modelling with BERT, masked with GPT-2) is ASSAY_ERROR_UNSUPPORTED. */
assay_status model_open_trainable(assay_model **out, const char *folder,
                                  const struct model_purpose *purpose, assay_error *error);

/* Was this weight drawn rather than read? */
bool model_weight_is_new(const assay_model *model, const char *name);
/* Does it stand outside the body (not under the family's prefix)? */
bool model_weight_is_of_head(const assay_model *model, const char *name);
/* After parameter_set_train: the mapped pages and converted copies of trained weights are let go.
 */
void model_release_read_weights(assay_model *model);

/* Writes config.json (architectures, id2label, label2id, problem_type, dtype and, where GPT-2 lacks
 * one, pad_token_id are set; every other key as it was), model.safetensors with the values as they
 * are now in float32, and the tokenizer's files byte for byte; never detector.json or
 * sentence-transformers files. All are written before the first gets its place, the weights last.
 */
assay_status model_save_trained(const assay_model *model, const char *folder, assay_error *error);
/* The same into a group that is new, to be committed with files of the caller's. */
assay_status model_add_trained(const assay_model *model, struct file_group *group,
                               const char *folder, assay_error *error);

#endif
