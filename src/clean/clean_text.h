/* A text while it is cleaned: code points, and the steps that change them. Every step replaces the
 * text's cells and returns how much it changed: characters taken out, put in or replaced, or, of
 * markup, constructs. Memory is kept from text to text; one thread; start from {0}.
 *
 * `failed` becomes true when memory runs out, and stays; the text is then of no use.
 */
#ifndef ASSAY_CLEAN_CLEAN_TEXT_H
#define ASSAY_CLEAN_CLEAN_TEXT_H

#include "assay/data_make.h"
#include "base/buffer.h"
#include "text/normal_forms.h"

struct clean_text {
    struct run cells, next; /* `source` means nothing between steps */
    struct normal_forms_scratch forms;
    struct buffer bytes; /* the text as UTF-8, after clean_encode */
    uint64_t *hashes;    /* of lines or of runs of words */
    size_t hash_capacity;
    bool failed;
};

void clean_decode(struct clean_text *text, const char *bytes, size_t length);
void clean_encode(struct clean_text *text);
void clean_text_free(struct clean_text *text);

/* Appends to the next cells; clean_swap makes them the text's. */
void clean_put(struct clean_text *text, uint32_t cell);
void clean_put_ascii(struct clean_text *text, const char *ascii);
void clean_swap(struct clean_text *text);

/* For steps that mark first: all cells are kept, some are dropped, what is kept closes up. */
enum { CLEAN_KEPT = 0, CLEAN_DROPPED = 1 };
void clean_keep_all(struct run *cells);
void clean_drop(struct run *cells, size_t begin, size_t end);
void clean_close_up(struct run *cells);

/* clean_characters.c */
int64_t clean_unicode(struct clean_text *text);
int64_t clean_invisible(struct clean_text *text);
int64_t clean_typography(struct clean_text *text);
int64_t clean_whitespace(struct clean_text *text);
int64_t clean_one_line(struct clean_text *text);
int64_t clean_lowercase(struct clean_text *text);
bool clean_is_space(uint32_t cell); /* any white space, line ends included */

/* Items of lists and the sentence that leads to them are taken out. */
int64_t clean_lists(struct clean_text *text);

/* clean_markup.c: HTML, then Markdown. */
int64_t clean_markup(struct clean_text *text);
/* HTML's character references alone, as html.unescape of Python has them. */
int64_t clean_entities(struct clean_text *text);

/* homoglyphs.c: words that mix scripts that look alike; the first `limit` of them are appended to
 * `words`, each with a zero byte (NULL: not wanted). Returns how many there are. */
int64_t homoglyph_words(struct clean_text *text, struct buffer *words, int limit);
int64_t clean_homoglyphs(struct clean_text *text);

/* clean_rules.c: the first rule that takes the text out, ASSAY_CLEAN_RULE_COUNT: none; `why` says
 * it in words. */
enum { CLEAN_WHY_SIZE = 128 };
assay_clean_rule clean_rule_of(char why[CLEAN_WHY_SIZE], struct clean_text *text,
                               const assay_clean_options *options);

#endif
