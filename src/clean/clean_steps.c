#include "clean/clean_steps.h"

#include "clean/common_header.h"

#include <string.h>

enum { WORDS_LISTED = 5 };

void clean_change(struct clean_text *text, int64_t edits[ASSAY_CLEAN_STEP_COUNT],
                  struct buffer *words, const assay_cleaning *pass)
{
    static const struct {
        assay_clean_step step;
        int64_t (*change)(
            struct clean_text *text); /* NULL: the text stays, and words are counted */
    } changes[] = {{ASSAY_CLEAN_LISTS, clean_lists},
                   {ASSAY_CLEAN_MARKUP, clean_markup},
                   {ASSAY_CLEAN_UNICODE, clean_unicode},
                   {ASSAY_CLEAN_INVISIBLE, clean_invisible},
                   {ASSAY_CLEAN_TYPOGRAPHY, clean_typography},
                   {ASSAY_CLEAN_HOMOGLYPHS, NULL},
                   {ASSAY_CLEAN_REPLACE_HOMOGLYPHS, clean_homoglyphs},
                   {ASSAY_CLEAN_WHITESPACE, clean_whitespace},
                   {ASSAY_CLEAN_ONE_LINE, clean_one_line}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        assay_clean_step step = changes[i].step;
        if (pass->steps[step])
            edits[step] = changes[i].change ? changes[i].change(text)
                                            : homoglyph_words(text, words, WORDS_LISTED);
    }
    clean_encode(text);
}

/* A header is cut off together with the space behind it. */
static void cut_header(struct clean_text *text, int64_t edits[ASSAY_CLEAN_STEP_COUNT],
                       const assay_cleaning *pass)
{
    size_t size =
        header_length(pass->headers, pass->header_count, text->bytes.bytes, text->bytes.length);
    if (!size)
        return;
    clean_decode(text, text->bytes.bytes + size, text->bytes.length - size);
    size_t space = 0;
    while (space < text->cells.count && clean_is_space(text->cells.cell[space]))
        space++;
    text->cells.count -= space;
    memmove(text->cells.cell, text->cells.cell + space,
            text->cells.count * sizeof *text->cells.cell);
    edits[ASSAY_CLEAN_TRIM_HEADER] = 1;
    clean_encode(text);
}

void clean_finish(struct clean_text *text, int64_t edits[ASSAY_CLEAN_STEP_COUNT],
                  const assay_cleaning *pass)
{
    cut_header(text, edits, pass);
    if (pass->steps[ASSAY_CLEAN_LOWERCASE] &&
        (edits[ASSAY_CLEAN_LOWERCASE] = clean_lowercase(text)))
        clean_encode(text);
}
