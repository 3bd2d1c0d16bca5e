/* Model folders of a given shape with drawn weights, for measuring without a download. The
 * vocabulary is small, which does not change the work of a token: one row of the table is read.
 */
#ifndef ASSAY_MACHINE_DRAWN_MODEL_H
#define ASSAY_MACHINE_DRAWN_MODEL_H

#include "assay/status.h"

#include <stdbool.h>

enum { DRAWN_VOCABULARY = 2048, DRAWN_POSITIONS = 512 };

struct drawn_shape {
    bool distilbert; /* else bert */
    bool classifier; /* with two labels; distilbert only */
    int64_t layers, width, heads, inner;
};

/* Makes a folder under $TMPDIR or /tmp; a new string for drawn_model_remove. */
assay_status drawn_model_make(char **folder, const struct drawn_shape *shape, assay_error *error);
/* Removes the folder and its files; frees the string. NULL allowed. */
void drawn_model_remove(char *folder);

#endif
