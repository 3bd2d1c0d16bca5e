/* The one table of a recipe's keys: kind, place in struct recipe, default, range and words.
 * Reading, defaults, writing and messages all follow it. Shared by the recipe_*.c files only.
 */
#ifndef ASSAY_RECIPE_RECIPE_FIELDS_H
#define ASSAY_RECIPE_RECIPE_FIELDS_H

#include "recipe/recipe.h"
#include "recipe/recipe_yaml.h"

enum recipe_kind {
    RECIPE_TEXT,    /* char * */
    RECIPE_WORD,    /* an enum, by its place in `words` */
    RECIPE_NUMBER,  /* double */
    RECIPE_INTEGER, /* int64_t */
    RECIPE_BOOLEAN, /* bool */
    RECIPE_TEXTS,   /* struct recipe_texts */
    RECIPE_PAIR,    /* double[2] */
    RECIPE_WEIGHTS, /* struct recipe_map of numbers */
    RECIPE_RENAMES  /* struct recipe_map of texts */
};

struct recipe_field {
    const char *path;
    enum recipe_kind kind;
    size_t offset;
    const char *fallback; /* YAML; "null": unset, 0 */
    double minimum;
    double maximum;
    bool below_maximum;       /* the maximum itself is outside */
    const char *const *words; /* RECIPE_WORD; NULL ends them */
    int first_missing;        /* words from this place on are not there yet; 0: all are */
    const char *sentinel;     /* a word that stands for a number */
    double sentinel_value;
    const char *rival; /* of the two only one may be set */
};

enum { RECIPE_FIELD_COUNT = 44 };
extern const struct recipe_field recipe_fields[RECIPE_FIELD_COUNT];

/* RECIPE_FIELD_COUNT when there is none of that path. */
size_t recipe_field_find(const char *path);
/* Whether fields begin with `path` and a dot. */
bool recipe_is_section(const char *path);

/* Gives the field the value of a node; null sets the default. Errors carry place, expected, found,
 * and the node's row. */
assay_status recipe_field_assign(struct recipe *recipe, const struct recipe_field *field,
                                 const struct yaml_tree *tree, const struct yaml_node *node,
                                 assay_error *error);
/* Sets or adds one entry of a field that is a map. */
assay_status recipe_field_assign_entry(struct recipe *recipe, const struct recipe_field *field,
                                       const char *key, const struct yaml_tree *tree,
                                       const struct yaml_node *node, assay_error *error);
assay_status recipe_field_default(struct recipe *recipe, const struct recipe_field *field,
                                  assay_error *error);
/* Frees what the field owns; numbers become 0. */
void recipe_field_clear(struct recipe *recipe, const struct recipe_field *field);
bool recipe_field_is_zero(const struct recipe *recipe, const struct recipe_field *field);

/* The key or section that was most likely meant; words of other trainers count. */
void recipe_nearest_key(char *key, size_t size, const char *unknown);
/* The nearest of the words; never NULL. */
const char *recipe_nearest_word(const char *unknown, const char *const *words);

/* A decimal number with an optional exponent: "3", "+.5", "5e-5". Free of the locale. */
assay_status recipe_parse_number(double *out, bool *valid, const char *text, assay_error *error);

#endif
