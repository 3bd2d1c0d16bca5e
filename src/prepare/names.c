#include "prepare/names.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#include <string.h>

enum { FIRST_CAPACITY = 64 };

const char *names_text(const struct names *names, int32_t number)
{
    return names->text.bytes + names->begins[number];
}

static size_t length_of(const struct names *names, int32_t number)
{
    size_t end = number + 1 < names->count ? names->begins[number + 1] : names->text.length;
    return end - names->begins[number] - 1;
}

/* The slot that holds the text, or the empty one where it belongs. */
static int32_t *slot_of(const struct names *names, const char *text, size_t length)
{
    uint32_t mask = (uint32_t)names->slot_count - 1;
    uint32_t at = (uint32_t)random_hash_bytes(text, length) & mask;
    for (;; at = (at + 1) & mask) {
        int32_t number = names->slots[at];
        if (number < 0 || (length_of(names, number) == length &&
                           !memcmp(names_text(names, number), text, length)))
            return &names->slots[at];
    }
}

static assay_status grow(struct names *names, assay_error *error)
{
    if (names->count > NAMES_MAX / 4)
        return error_set(error, ASSAY_ERROR_LIMIT, "there are too many different values");
    int32_t capacity = names->capacity ? 2 * names->capacity : FIRST_CAPACITY;
    size_t *begins = memory_resize(names->begins, (size_t)capacity, sizeof *begins);
    if (!begins)
        return error_memory(error, (size_t)capacity * sizeof *begins);
    names->begins = begins;
    int32_t *slots = memory_allocate((size_t)capacity * 2, sizeof *slots);
    if (!slots)
        return error_memory(error, (size_t)capacity * 2 * sizeof *slots);
    memory_free(names->slots);
    names->slots = slots;
    names->capacity = capacity;
    names->slot_count = capacity * 2;
    memset(slots, 0xff, (size_t)names->slot_count * sizeof *slots);
    for (int32_t i = 0; i < names->count; i++)
        *slot_of(names, names_text(names, i), length_of(names, i)) = i;
    return ASSAY_OK;
}

assay_status names_number(struct names *names, int32_t *number, const char *text, size_t length,
                          assay_error *error)
{
    if (names->count == names->capacity) {
        assay_status status = grow(names, error);
        if (status)
            return status;
    }
    int32_t *slot = slot_of(names, text, length);
    if (*slot < 0) {
        size_t begin = names->text.length;
        if (!buffer_append(&names->text, text, length) || !buffer_append_byte(&names->text, '\0')) {
            names->text.length = begin;
            return error_memory(error, length);
        }
        names->begins[names->count] = begin;
        *slot = names->count++;
    }
    *number = *slot;
    return ASSAY_OK;
}

void names_free(struct names *names)
{
    buffer_free(&names->text);
    memory_free(names->begins);
    memory_free(names->slots);
    *names = (struct names){0};
}

assay_status names_number_of(struct names *names, int32_t *number, const char *text,
                             assay_error *error)
{
    return names_number(names, number, text ? text : "", text ? strlen(text) : 0, error);
}

assay_status tally_add(struct tally *tally, const char *text, int64_t rows, assay_error *error)
{
    int32_t number;
    assay_status status = names_number_of(&tally->names, &number, text, error);
    if (status)
        return status;
    if (number >= tally->capacity) {
        int32_t capacity = tally->capacity ? 2 * tally->capacity : FIRST_CAPACITY;
        int64_t *grown = memory_resize(tally->rows, (size_t)capacity, sizeof *grown);
        if (!grown)
            return error_memory(error, (size_t)capacity * sizeof *grown);
        memset(grown + tally->capacity, 0, (size_t)(capacity - tally->capacity) * sizeof *grown);
        tally->rows = grown;
        tally->capacity = capacity;
    }
    tally->rows[number] += rows;
    return ASSAY_OK;
}

void tally_free(struct tally *tally)
{
    names_free(&tally->names);
    memory_free(tally->rows);
    *tally = (struct tally){0};
}
