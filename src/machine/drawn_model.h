/* Model folders of a given shape with drawn weights, for measuring without a download. For scores
 * the vocabulary is small, which does not change the work of a token: one row of the table is read.
 * Training steps over the whole table, so its shapes name the vocabulary.
 */
#ifndef ASSAY_MACHINE_DRAWN_MODEL_H
#define ASSAY_MACHINE_DRAWN_MODEL_H

#include "assay/status.h"

#include <stdbool.h>

enum { DRAWN_VOCABULARY = 2048, DRAWN_POSITIONS = 512 };

enum drawn_family { DRAWN_BERT, DRAWN_DISTILBERT, DRAWN_GPT2 };

struct drawn_shape {
    enum drawn_family family;
    bool classifier; /* with two labels; distilbert only */
    int64_t layers, width, heads, inner;
    int64_t vocabulary; /* 0: DRAWN_VOCABULARY */
    int64_t positions;  /* 0: the family's usual number */
};

/* Makes a folder under $TMPDIR or /tmp; a new string for drawn_model_remove. */
assay_status drawn_model_make(char **folder, const struct drawn_shape *shape, assay_error *error);
/* Removes the folder and its files; frees the string. NULL allowed. */
void drawn_model_remove(char *folder);

#endif
