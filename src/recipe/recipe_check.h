/* A recipe being read, and the checks that need all of it: which key forbids or asks for another.
 * What one value may be stands in the table (recipe_fields.h). Shared by recipe.c and
 * recipe_check.c only; a reader borrows everything it points to.
 */
#ifndef ASSAY_RECIPE_RECIPE_CHECK_H
#define ASSAY_RECIPE_RECIPE_CHECK_H

#include "recipe/recipe_fields.h"

enum { RECIPE_FILE_LAYER = 1, RECIPE_WORD_LAYER = 2 };

/* Where a field's value was said: nowhere (layer 0), in the file, in a word. */
struct recipe_mark {
    int layer;
    bool is_null;
    int64_t row;
    int64_t column;
};

struct recipe_reader {
    struct recipe *recipe;
    struct recipe_mark marks[RECIPE_FIELD_COUNT];
    int layer;
    const char *file;
    assay_error *error;
};

/* What errors name in place of a file when a word of the command line is at fault. */
extern const char recipe_word_source[];

/* Of a recipe with every field set; a fault points to where the field was said. */
assay_status recipe_check(const struct recipe_reader *reader);

#endif
