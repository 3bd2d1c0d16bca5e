/* Rows that must stay together: connected components over the values of several fields, and over
 * whatever else is joined. One thread; start from {0}.
 */
#ifndef ASSAY_PREPARE_GROUPS_H
#define ASSAY_PREPARE_GROUPS_H

#include "prepare/names.h"

struct groups {
    int32_t *parents;
    int32_t count, capacity;
    struct names values; /* of all fields, each with its field's number before it */
    int32_t *first;      /* by value: the first row that has it */
    int32_t first_capacity;
    struct buffer key;
};

/* One more row, alone for now. */
assay_status groups_add_row(struct groups *groups, assay_error *error);
/* The last row shares a value of a field (0, 1, ...) with the others that have it. */
assay_status groups_add_value(struct groups *groups, int field, const char *value, size_t length,
                              assay_error *error);
int32_t groups_find(struct groups *groups, int32_t row); /* the component's first row */
void groups_join(struct groups *groups, int32_t a, int32_t b);
void groups_free(struct groups *groups);

#endif
