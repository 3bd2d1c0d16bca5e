/* What the files of the pickle machine share; see models/pickle.h for the contract.
 */
#ifndef ASSAY_MODELS_PICKLE_INTERNAL_H
#define ASSAY_MODELS_PICKLE_INTERNAL_H

#include "base/arena.h"
#include "models/pickle.h"

struct pickle {
    const unsigned char *bytes;
    size_t length;
    size_t at;        /* the next byte */
    size_t operation; /* where the one that runs began */
    struct pickle_value *values;
    size_t value_count, value_capacity;
    uint32_t *stack; /* numbers of values */
    size_t depth, stack_capacity;
    size_t marks[PICKLE_MAX_MARKS]; /* depths */
    size_t mark_count;
    uint32_t *memo; /* numbers of values plus one; 0: nothing is kept there */
    size_t memo_size, memo_held;
    struct arena arena; /* items of tuples, storages, tensors */
};

/* ASSAY_ERROR_FORMAT at the operation that runs; `status` in the second. */
assay_status pickle_damaged(const struct pickle *pickle, const char *what, assay_error *error);
assay_status pickle_refuse(const struct pickle *pickle, assay_status status, const char *what,
                           assay_error *error);

assay_status pickle_push(struct pickle *pickle, struct pickle_value value, assay_error *error);
/* That many values stand above the last mark. */
assay_status pickle_need(const struct pickle *pickle, size_t count, assay_error *error);
/* The value `below` places under the top, until the next push. */
struct pickle_value *pickle_top(const struct pickle *pickle, size_t below);
assay_status pickle_mark(struct pickle *pickle, assay_error *error);
/* How many values stand above the mark that is taken away. */
assay_status pickle_pop_mark(struct pickle *pickle, size_t *count, assay_error *error);
/* The `count` values on top become one tuple. */
assay_status pickle_push_tuple(struct pickle *pickle, size_t count, assay_error *error);
/* The `count` values on top go into the container below them. */
assay_status pickle_add_items(struct pickle *pickle, enum pickle_kind kind, size_t count,
                              assay_error *error);
/* The memo keeps the value on top; a kept value is pushed. */
assay_status pickle_put_memo(struct pickle *pickle, uint64_t index, assay_error *error);
assay_status pickle_get_memo(struct pickle *pickle, uint64_t index, assay_error *error);

/* The global of that name. */
assay_status pickle_find_global(const struct pickle_global **out, const struct pickle *pickle,
                                struct pickle_text module, struct pickle_text name,
                                assay_error *error);
/* What the global makes of a tuple of arguments. */
assay_status pickle_call(struct pickle_value *out, struct pickle *pickle,
                         const struct pickle_global *global, const struct pickle_value *arguments,
                         assay_error *error);
/* The storage that a persistent id stands for. */
assay_status pickle_find_storage(struct pickle_value *out, struct pickle *pickle,
                                 const struct pickle_value *id, assay_error *error);

#endif
