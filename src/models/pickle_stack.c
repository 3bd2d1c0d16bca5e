/* What the machine holds: values, the stack of their numbers with its marks, and the memo. */
#include "base/error.h"
#include "base/memory.h"
#include "models/pickle_internal.h"

#include <string.h>

assay_status pickle_refuse(const struct pickle *pickle, assay_status status, const char *what,
                           assay_error *error)
{
    error_set(error, status, "%s", what);
    error_at_place(error, "byte %zu of the pickle", pickle->operation);
    return status;
}

assay_status pickle_damaged(const struct pickle *pickle, const char *what, assay_error *error)
{
    error_set(error, ASSAY_ERROR_FORMAT, "the pickle is damaged: %s", what);
    error_at_place(error, "byte %zu of the pickle", pickle->operation);
    return ASSAY_ERROR_FORMAT;
}

static assay_status too_many(const struct pickle *pickle, const char *what, size_t most,
                             assay_error *error)
{
    pickle_refuse(pickle, ASSAY_ERROR_LIMIT, what, error);
    error_expected(error, "at most %zu", most);
    return ASSAY_ERROR_LIMIT;
}

/* Room for one more element; capacities double. */
static assay_status grow(void **block, size_t *capacity, size_t held, size_t size,
                         assay_error *error)
{
    if (held < *capacity)
        return ASSAY_OK;
    size_t wanted = *capacity ? 2 * *capacity : 64;
    void *grown = memory_resize(*block, wanted, size);
    if (!grown)
        return error_memory(error, wanted * size);
    *block = grown;
    *capacity = wanted;
    return ASSAY_OK;
}

static assay_status push_number(struct pickle *pickle, uint32_t number, assay_error *error)
{
    void *block = pickle->stack;
    if (pickle->depth == PICKLE_MAX_STACK)
        return too_many(pickle, "the pickle's stack is too deep", PICKLE_MAX_STACK, error);
    assay_status status =
        grow(&block, &pickle->stack_capacity, pickle->depth, sizeof *pickle->stack, error);
    pickle->stack = block;
    if (status == ASSAY_OK)
        pickle->stack[pickle->depth++] = number;
    return status;
}

assay_status pickle_push(struct pickle *pickle, struct pickle_value value, assay_error *error)
{
    void *block = pickle->values;
    if (pickle->value_count == PICKLE_MAX_VALUES)
        return too_many(pickle, "the pickle holds too many values", PICKLE_MAX_VALUES, error);
    assay_status status =
        grow(&block, &pickle->value_capacity, pickle->value_count, sizeof *pickle->values, error);
    pickle->values = block;
    if (status == ASSAY_OK) {
        pickle->values[pickle->value_count] = value;
        status = push_number(pickle, (uint32_t)pickle->value_count++, error);
    }
    return status;
}

/* Values above the last mark. */
static size_t above_mark(const struct pickle *pickle)
{
    return pickle->depth - (pickle->mark_count ? pickle->marks[pickle->mark_count - 1] : 0);
}

assay_status pickle_need(const struct pickle *pickle, size_t count, assay_error *error)
{
    return above_mark(pickle) >= count
               ? ASSAY_OK
               : pickle_damaged(pickle, "an operation lacks its values", error);
}

struct pickle_value *pickle_top(const struct pickle *pickle, size_t below)
{
    return &pickle->values[pickle->stack[pickle->depth - 1 - below]];
}

assay_status pickle_pop_mark(struct pickle *pickle, size_t *count, assay_error *error)
{
    *count = 0;
    if (!pickle->mark_count)
        return pickle_damaged(pickle, "an operation lacks its mark", error);
    *count = above_mark(pickle);
    pickle->mark_count--;
    return ASSAY_OK;
}

assay_status pickle_push_tuple(struct pickle *pickle, size_t count, assay_error *error)
{
    struct pickle_value tuple = {.kind = PICKLE_TUPLE};
    assay_status status = pickle_need(pickle, count, error);
    if (status != ASSAY_OK)
        return status;
    if (count) {
        uint32_t *numbers = arena_allocate(&pickle->arena, count, sizeof *numbers);
        if (!numbers)
            return error_memory(error, count * sizeof *numbers);
        pickle->depth -= count;
        memcpy(numbers, pickle->stack + pickle->depth, count * sizeof *numbers);
        tuple.as.items.numbers = numbers;
        tuple.as.items.count = (uint32_t)count;
    }
    return pickle_push(pickle, tuple, error);
}

assay_status pickle_add_items(struct pickle *pickle, enum pickle_kind kind, size_t count,
                              assay_error *error)
{
    size_t each = kind == PICKLE_DICTIONARY ? 2 : 1;
    assay_status status = pickle_need(pickle, count + 1, error);
    if (status != ASSAY_OK)
        return status;
    struct pickle_value *container = pickle_top(pickle, count);
    if (container->kind != kind || count % each)
        return pickle_damaged(pickle, "items are put into something else", error);
    const uint32_t *from = pickle->stack + pickle->depth - count;
    size_t held = container->as.items.count, capacity = container->as.items.capacity;
    while (capacity < held + count)
        capacity = capacity ? 2 * capacity : 8;
    if (capacity > UINT32_MAX)
        return too_many(pickle, "a container holds too many items", UINT32_MAX, error);
    if (capacity != container->as.items.capacity) {
        uint32_t *grown = memory_resize(container->as.items.numbers, capacity, sizeof *grown);
        if (!grown)
            return error_memory(error, capacity * sizeof *grown);
        container->as.items.numbers = grown;
        container->as.items.capacity = (uint32_t)capacity;
    }
    if (count)
        memcpy(container->as.items.numbers + held, from, count * sizeof *from);
    container->as.items.count = (uint32_t)(held + count);
    pickle->depth -= count;
    return ASSAY_OK;
}

assay_status pickle_mark(struct pickle *pickle, assay_error *error)
{
    if (pickle->mark_count == PICKLE_MAX_MARKS)
        return too_many(pickle, "the pickle nests too deep", PICKLE_MAX_MARKS, error);
    pickle->marks[pickle->mark_count++] = pickle->depth;
    return ASSAY_OK;
}

assay_status pickle_put_memo(struct pickle *pickle, uint64_t index, assay_error *error)
{
    assay_status status = pickle_need(pickle, 1, error);
    if (status != ASSAY_OK)
        return status;
    if (index >= PICKLE_MAX_MEMO)
        return too_many(pickle, "the pickle remembers too many values", PICKLE_MAX_MEMO, error);
    if (index >= pickle->memo_size) {
        size_t size = pickle->memo_size ? pickle->memo_size : 256;
        while (size <= index)
            size *= 2;
        uint32_t *grown = memory_resize(pickle->memo, size, sizeof *grown);
        if (!grown)
            return error_memory(error, size * sizeof *grown);
        memset(grown + pickle->memo_size, 0, (size - pickle->memo_size) * sizeof *grown);
        pickle->memo = grown;
        pickle->memo_size = size;
    }
    pickle->memo_held += !pickle->memo[index];
    pickle->memo[index] = pickle->stack[pickle->depth - 1] + 1;
    return ASSAY_OK;
}

assay_status pickle_get_memo(struct pickle *pickle, uint64_t index, assay_error *error)
{
    if (index >= pickle->memo_size || !pickle->memo[index])
        return pickle_damaged(pickle, "a value is asked for that was never remembered", error);
    return push_number(pickle, pickle->memo[index] - 1, error);
}
