#include "clean/clean_text.h"

#include "base/memory.h"
#include "text/unicode.h"

#include <string.h>

void clean_decode(struct clean_text *text, const char *bytes, size_t length)
{
    size_t count = 0;
    text->failed = text->failed || !run_reserve(&text->cells, length);
    for (size_t at = 0; at < length && !text->failed;)
        text->cells.cell[count++] = unicode_get_utf8(bytes, &at);
    text->cells.count = count;
}

void clean_encode(struct clean_text *text)
{
    buffer_clear(&text->bytes);
    text->failed = text->failed || !buffer_reserve(&text->bytes, 4 * text->cells.count + 1);
    if (text->failed)
        return;
    size_t length = 0;
    for (size_t i = 0; i < text->cells.count; i++)
        length += unicode_put_utf8(text->bytes.bytes + length, text->cells.cell[i]);
    text->bytes.length = length;
    text->bytes.bytes[length] = '\0';
}

void clean_text_free(struct clean_text *text)
{
    run_free(&text->cells);
    run_free(&text->next);
    normal_forms_scratch_free(&text->forms);
    buffer_free(&text->bytes);
    memory_free(text->hashes);
    *text = (struct clean_text){0};
}

void clean_put(struct clean_text *text, uint32_t cell)
{
    if (!run_push(&text->next, cell, 0))
        text->failed = true;
}

void clean_put_ascii(struct clean_text *text, const char *ascii)
{
    for (; *ascii; ascii++)
        clean_put(text, (unsigned char)*ascii);
}

void clean_swap(struct clean_text *text)
{
    run_swap(&text->cells, &text->next);
    text->next.count = 0;
}

void clean_keep_all(struct run *cells)
{
    for (size_t i = 0; i < cells->count; i++)
        cells->source[i] = CLEAN_KEPT;
}

void clean_drop(struct run *cells, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++)
        cells->source[i] = CLEAN_DROPPED;
}

void clean_close_up(struct run *cells)
{
    size_t kept = 0;
    for (size_t i = 0; i < cells->count; i++) {
        if (cells->source[i] == CLEAN_KEPT)
            cells->cell[kept++] = cells->cell[i];
    }
    cells->count = kept;
}
