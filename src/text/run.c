#include "text/run.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "text/unicode.h"

#include <string.h>

bool run_reserve(struct run *run, size_t capacity)
{
    if (capacity <= run->capacity)
        return true;
    size_t grown = run->capacity + run->capacity / 2;
    if (grown < capacity)
        grown = capacity;
    if (grown < 256)
        grown = 256;
    uint32_t *cell = memory_resize(run->cell, grown, sizeof *cell);
    if (!cell)
        return false;
    run->cell = cell;
    int32_t *source = memory_resize(run->source, grown, sizeof *source);
    if (!source)
        return false;
    run->source = source;
    run->capacity = grown;
    return true;
}

void run_free(struct run *run)
{
    memory_free(run->cell);
    memory_free(run->source);
    *run = (struct run){0};
}

bool run_push(struct run *run, uint32_t cell, int32_t source)
{
    if (run->count == run->capacity && !run_reserve(run, run->count + 1))
        return false;
    run_put(run, cell, source);
    return true;
}

assay_status run_decode(struct run *run, const char *text, size_t length, assay_error *error)
{
    run->count = 0;
    if (!run_reserve(run, length))
        return error_memory(error, length * (sizeof *run->cell + sizeof *run->source));
    uint32_t *cell = run->cell;
    size_t at = 0, count = 0;
    while (at < length) {
        /* Eight ASCII bytes at a time, as most text is. */
        uint64_t eight;
        while (length - at >= 8 &&
               (memcpy(&eight, text + at, 8), !(eight & UINT64_C(0x8080808080808080)))) {
            for (size_t i = 0; i < 8; i++)
                cell[count + i] = (unsigned char)text[at + i];
            at += 8;
            count += 8;
        }
        if (at == length)
            break;
        size_t step = utf8_sequence((const unsigned char *)text + at, length - at);
        if (!step) {
            assay_status status = error_set(error, ASSAY_ERROR_FORMAT,
                                            "the text is not valid UTF-8 at byte %zu", at + 1);
            error_found(error, "byte 0x%02x", (unsigned char)text[at]);
            return status;
        }
        size_t next = at;
        cell[count++] = unicode_get_utf8(text, &next);
        at += step;
    }
    for (size_t i = 0; i < count; i++)
        run->source[i] = (int32_t)i;
    run->count = count;
    return ASSAY_OK;
}

void run_swap(struct run *a, struct run *b)
{
    struct run kept = *a;
    *a = *b;
    *b = kept;
}
