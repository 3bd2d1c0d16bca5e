/* The kinds of attacks as records: which places of a text can be changed, and into what.
 *
 * A finder is asked for the first place at or behind an offset, which is 0 or where the last place
 * ended; places never overlap, and finding is linear in the text. A changer appends what stands
 * there instead. Both are pure functions; draws come in from outside.
 */
#ifndef ASSAY_DATA_ATTACK_KINDS_H
#define ASSAY_DATA_ATTACK_KINDS_H

#include "base/buffer.h"

#include <stdint.h>

struct attack_source {
    const char *text;
    size_t length;
};

/* Bytes begin .. end - 1; empty where something is put in. */
struct attack_place {
    size_t begin, end;
};

struct attack_kind {
    const char *name;
    const char *description;
    bool (*find)(struct attack_place *place, const struct attack_source *source, size_t from);
    /* False when memory runs out. */
    bool (*change)(struct buffer *out, const struct attack_source *source,
                   const struct attack_place *place, const uint32_t draw[4]);
};

/* letters */
extern const struct attack_kind attack_homoglyph;
extern const struct attack_kind attack_case;
extern const struct attack_kind attack_misspelling;
extern const struct attack_kind attack_number;
/* gaps */
extern const struct attack_kind attack_zero_width;
extern const struct attack_kind attack_whitespace;
extern const struct attack_kind attack_paragraph;
/* words */
extern const struct attack_kind attack_article;
extern const struct attack_kind attack_synonym;

/* One code point of the text, or one byte that is none (value ATTACK_BROKEN, one byte long). */
enum { ATTACK_BROKEN = 0x110000 };
struct attack_character {
    uint32_t value;
    size_t length; /* 0: the text ends (or, looking back, begins) here */
};
struct attack_character attack_at(const struct attack_source *source, size_t at);
struct attack_character attack_before(const struct attack_source *source, size_t at);

/* Of any script; near enough for telling words from what is between them. */
bool attack_is_letter(uint32_t character);
bool attack_is_digit(uint32_t character);
bool attack_is_blank(uint32_t character);

/* The next whole word at or behind `from`: letters, with apostrophes and hyphens only between them
 * left out ("don't" is one word, "well-known" two). */
bool attack_next_word(struct attack_place *word, const struct attack_source *source, size_t from);

#endif
