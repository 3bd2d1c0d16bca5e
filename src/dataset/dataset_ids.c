#include "dataset/dataset_ids.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024, SHOWN = 60 };

static bool make_room(struct dataset_ids *ids)
{
    if (ids->lengths && ids->rows < ids->capacity)
        return true;
    int64_t capacity = 2 * ids->rows > FIRST_CAPACITY ? 2 * ids->rows : FIRST_CAPACITY;
    uint32_t *grown = memory_resize(ids->lengths, (size_t)capacity, sizeof *grown);
    if (!grown)
        return false;
    if (!ids->lengths) /* the rows before this one are known by their numbers */
        memset(grown, 0, (size_t)ids->rows * sizeof *grown);
    ids->lengths = grown;
    ids->capacity = capacity;
    return true;
}

assay_status dataset_ids_add(struct dataset_ids *ids, const char *id, assay_error *error)
{
    size_t length = id ? strlen(id) : 0;
    if (length > DATASET_MAX_ID_BYTES) {
        error_set(error, ASSAY_ERROR_LIMIT, "the id is too long");
        error_expected(error, "at most %d bytes", DATASET_MAX_ID_BYTES);
        error_found(error, "%zu", length);
        return ASSAY_ERROR_LIMIT;
    }
    if (length && utf8_valid_prefix(id, length) != length)
        return error_set(error, ASSAY_ERROR_FORMAT, "the id is not UTF-8");
    if (length || ids->lengths) {
        if (!make_room(ids) || !buffer_append(&ids->text, id ? id : "", length))
            return error_memory(error, ids->text.length + sizeof *ids->lengths);
        ids->lengths[ids->rows] = (uint32_t)length;
    }
    ids->rows++;
    return ASSAY_OK;
}

struct seen {
    uint64_t hash;
    const char *id;
    int64_t row;
    uint32_t length;
};

static uint64_t hash_of(const char *id, size_t length)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)id[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static int compare_ids(const struct seen *a, const struct seen *b)
{
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    return memcmp(a->id, b->id, a->length);
}

static int compare(const void *left, const void *right)
{
    const struct seen *a = left, *b = right;
    int order = compare_ids(a, b);
    return order ? order : (a->row > b->row) - (a->row < b->row);
}

assay_status dataset_ids_check(const struct dataset_ids *ids, const int64_t *lines,
                               assay_error *error)
{
    size_t count = 0;
    const char *id = ids->text.bytes;
    const struct seen *first = NULL, *second = NULL;
    if (!ids->lengths)
        return ASSAY_OK;
    struct seen *seen = memory_allocate((size_t)ids->rows, sizeof *seen);
    if (!seen)
        return error_memory(error, (size_t)ids->rows * sizeof *seen);
    for (int64_t row = 0; row < ids->rows; row++) {
        uint32_t length = ids->lengths[row];
        if (length)
            seen[count++] = (struct seen){hash_of(id, length), id, row, length};
        id += length;
    }
    qsort(seen, count, sizeof *seen, compare);
    for (size_t i = 1; i < count; i++) {
        if (compare_ids(&seen[i - 1], &seen[i]) == 0 && (!second || seen[i].row < second->row)) {
            first = &seen[i - 1];
            second = &seen[i];
        }
    }
    assay_status status = ASSAY_OK;
    if (second) {
        int shown = second->length < SHOWN ? (int)second->length : SHOWN;
        status = error_set(error, ASSAY_ERROR_FORMAT,
                           "two rows have the same id, on line %" PRId64 " and line %" PRId64,
                           lines[first->row], lines[second->row]);
        error_at_row(error, lines[second->row], 0);
        error_expected(error, "an id of its own for each row");
        error_found(error, "%.*s", shown, second->id);
    }
    memory_free(seen);
    return status;
}

/* The id of a row as it is written, its zero byte counted in *length. */
static const char *text_of(char number[DATASET_NUMBER_SIZE], size_t *length,
                           const struct dataset_ids *ids, int64_t row, size_t at)
{
    size_t own = ids->lengths ? ids->lengths[row] : 0;
    if (own) {
        *length = own + 1;
        return ids->text.bytes + at;
    }
    *length = (size_t)snprintf(number, DATASET_NUMBER_SIZE, "%" PRId64, row + 1) + 1;
    return number;
}

assay_status dataset_ids_write(int64_t *bytes, const struct dataset_ids *ids,
                               struct cache_writer *writer, assay_error *error)
{
    char number[DATASET_NUMBER_SIZE];
    assay_status status = ASSAY_OK;
    size_t length;
    *bytes = 0;
    for (int64_t row = 0; row <= ids->rows && !status; row++) {
        status = cache_writer_put(writer, bytes, sizeof *bytes, error);
        if (row < ids->rows) {
            (void)text_of(number, &length, ids, row, 0);
            *bytes += (int64_t)length;
        }
    }
    if (!status)
        status = cache_writer_align(writer, error);
    size_t at = 0;
    for (int64_t row = 0; row < ids->rows && !status; row++) {
        const char *text = text_of(number, &length, ids, row, at);
        status = cache_writer_put(writer, text, length - 1, error);
        if (!status)
            status = cache_writer_put(writer, "", 1, error);
        at += text == number ? 0 : length - 1;
    }
    return status ? status : cache_writer_align(writer, error);
}

void dataset_ids_free(struct dataset_ids *ids)
{
    buffer_free(&ids->text);
    memory_free(ids->lengths);
    *ids = (struct dataset_ids){0};
}
