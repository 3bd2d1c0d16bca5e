#include "prepare/groups.h"

#include "base/error.h"
#include "base/memory.h"

enum { FIRST_CAPACITY = 1024, MAX_ROWS = INT32_MAX / 2 };

assay_status groups_add_row(struct groups *groups, assay_error *error)
{
    if (groups->count == MAX_ROWS)
        return error_set(error, ASSAY_ERROR_LIMIT, "there are more than %d rows", MAX_ROWS);
    if (groups->count == groups->capacity) {
        int32_t capacity = groups->capacity ? 2 * groups->capacity : FIRST_CAPACITY;
        int32_t *grown = memory_resize(groups->parents, (size_t)capacity, sizeof *grown);
        if (!grown)
            return error_memory(error, (size_t)capacity * sizeof *grown);
        groups->parents = grown;
        groups->capacity = capacity;
    }
    groups->parents[groups->count] = groups->count;
    groups->count++;
    return ASSAY_OK;
}

/* Halves the path as it goes; parents are always earlier rows, so that the root is the first. */
int32_t groups_find(struct groups *groups, int32_t row)
{
    int32_t *parents = groups->parents;
    while (parents[row] != row) {
        parents[row] = parents[parents[row]];
        row = parents[row];
    }
    return row;
}

void groups_join(struct groups *groups, int32_t a, int32_t b)
{
    a = groups_find(groups, a);
    b = groups_find(groups, b);
    if (a < b)
        groups->parents[b] = a;
    else
        groups->parents[a] = b;
}

assay_status groups_add_value(struct groups *groups, int field, const char *value, size_t length,
                              assay_error *error)
{
    int32_t number, known = groups->values.count;
    buffer_clear(&groups->key);
    if (!buffer_append_byte(&groups->key, (char)field) ||
        !buffer_append(&groups->key, value, length))
        return error_memory(error, length);
    assay_status status =
        names_number(&groups->values, &number, groups->key.bytes, groups->key.length, error);
    if (status)
        return status;
    if (number < known) {
        groups_join(groups, groups->first[number], groups->count - 1);
        return ASSAY_OK;
    }
    if (number >= groups->first_capacity) {
        int32_t capacity = groups->first_capacity ? 2 * groups->first_capacity : FIRST_CAPACITY;
        int32_t *grown = memory_resize(groups->first, (size_t)capacity, sizeof *grown);
        if (!grown)
            return error_memory(error, (size_t)capacity * sizeof *grown);
        groups->first = grown;
        groups->first_capacity = capacity;
    }
    groups->first[number] = groups->count - 1;
    return ASSAY_OK;
}

void groups_free(struct groups *groups)
{
    memory_free(groups->parents);
    memory_free(groups->first);
    names_free(&groups->values);
    buffer_free(&groups->key);
    *groups = (struct groups){0};
}
