/* The small checkpoints as starting points of training: which task goes with which family, and what
 * a model computes, in one number a token or label.
 */
#ifndef ASSAY_TESTS_TRAINABLE_CASES_H
#define ASSAY_TESTS_TRAINABLE_CASES_H

#include "models/trainable.h"

enum { CASE_FAMILIES = 4, CASE_SHAPES = 4, CASE_HEADS = 3, CASE_OUTPUTS = 64 };

extern const char *const case_families[CASE_FAMILIES];
extern const char *const case_shapes[CASE_SHAPES];

/* "bare", "classify", or the family's language head: "mlm" or "lm". */
const char *case_head(int family, int head);
/* "bert_odd_mlm" in a static buffer. */
const char *case_name(int family, int shape, int head);
/* The purpose whose head is `head` (1: the vector's own labels, 2: language). */
struct model_purpose case_purpose(int family, int shape, int head);

/* Labels' logits, or each token's entropy under the language head, of one row; returns how many. */
int case_outputs(float outputs[CASE_OUTPUTS], const assay_model *model);

#endif
