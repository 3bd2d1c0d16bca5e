/* The tensors of a family's heads, spelt out from the tables in the family files, and new values
 * for them as transformers' _init_weights draws them: matrices normal, biases 0, norms 1.
 */
#ifndef ASSAY_MODELS_HEADS_H
#define ASSAY_MODELS_HEADS_H

#include "models/family.h"

enum { HEAD_MAX_WEIGHTS = 8, HEAD_NAME_SIZE = 128 };

enum weight_draw { DRAW_NORMAL, DRAW_ZEROS, DRAW_ONES };

struct head_weight {
    char name[HEAD_NAME_SIZE];
    int rank;
    int64_t shape[2];
    enum weight_draw draw;
    bool in_body;
};

struct head_weights {
    struct head_weight items[HEAD_MAX_WEIGHTS];
    int count;
};

/* The tensors that the head has under this config; those in the body get the prefix. */
void head_list_weights(struct head_weights *weights, const struct model_head *head,
                       const struct model_config *config, const char *prefix);
/* The tensor whose presence tells that a checkpoint has the head. */
void head_telling_name(char name[HEAD_NAME_SIZE], const struct model_head *head);
/* NULL when the head has none of that name. */
const struct head_weight *head_find_weight(const struct head_weights *weights, const char *name);

/* New values, the same on every machine: a function of the config's initializer_range, the seed,
 * the weight's name and the position alone. */
void head_draw_weight(float *values, const struct head_weight *weight,
                      const struct model_config *config, uint64_t seed);

#endif
