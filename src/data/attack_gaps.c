/* Attacks on what is between letters and words: marks that are not seen, blanks, paragraphs. */
#include "data/attack_kinds.h"

/* ---- zero-width ---- */

/* Between two letters of a word. */
static bool find_inside_word(struct attack_place *place, const struct attack_source *source,
                             size_t from)
{
    for (size_t at = from; at < source->length;) {
        struct attack_character left = attack_at(source, at);
        struct attack_character right = attack_at(source, at + left.length);
        if (attack_is_letter(left.value) && attack_is_letter(right.value)) {
            /* With the left letter, so that the next place begins behind it. */
            *place = (struct attack_place){at, at + left.length};
            return true;
        }
        at += left.length;
    }
    return false;
}

static bool add_zero_width_space(struct buffer *out, const struct attack_source *source,
                                 const struct attack_place *place, const uint32_t draw[4])
{
    (void)draw;
    return buffer_append(out, source->text + place->begin, place->end - place->begin) &&
           buffer_append_string(out, "\xe2\x80\x8b");
}

const struct attack_kind attack_zero_width = {
    "zero-width", "a zero-width space (U+200B) between two letters of a word", find_inside_word,
    add_zero_width_space};

/* ---- whitespace ---- */

static bool is_stop(char c)
{
    return c == ',' || c == '.' || c == ';' || c == ':' || c == '!' || c == '?';
}

/* A blank between two words, or a stop right behind a word. */
static bool find_blank_or_stop(struct attack_place *place, const struct attack_source *source,
                               size_t from)
{
    for (size_t at = from; at < source->length;) {
        struct attack_character here = attack_at(source, at);
        struct attack_character left = attack_before(source, at);
        struct attack_character right = attack_at(source, at + here.length);
        bool blank = here.value == ' ' && left.length && right.length &&
                     !attack_is_blank(left.value) && !attack_is_blank(right.value);
        bool stop = here.length == 1 && is_stop(source->text[at]) && attack_is_letter(left.value) &&
                    (!right.length || attack_is_blank(right.value));
        if (blank || stop) {
            *place = (struct attack_place){at, at + 1};
            return true;
        }
        at += here.length;
    }
    return false;
}

static bool add_blank(struct buffer *out, const struct attack_source *source,
                      const struct attack_place *place, const uint32_t draw[4])
{
    (void)draw;
    return buffer_append_byte(out, ' ') && buffer_append_byte(out, source->text[place->begin]);
}

const struct attack_kind attack_whitespace = {
    "whitespace", "a second blank between words, or a blank before a stop", find_blank_or_stop,
    add_blank};

/* ---- paragraph-insertion ---- */

static bool closes(uint32_t c)
{
    return c == '"' || c == '\'' || c == ')' || c == ']' || c == 0x201d || c == 0x2019;
}

/* The blanks between two sentences: behind a full stop and what closes with it, where no small
 * letter goes on ("e.g. this"). */
static bool find_sentence_end(struct attack_place *place, const struct attack_source *source,
                              size_t from)
{
    bool ended = false;
    for (size_t at = from; at < source->length;) {
        struct attack_character here = attack_at(source, at);
        if (ended && attack_is_blank(here.value)) {
            size_t end = at;
            bool paragraph = false;
            while (attack_is_blank(here.value)) {
                paragraph = paragraph || here.value == '\n' || here.value == '\r';
                end += here.length;
                here = attack_at(source, end);
            }
            bool goes_on = here.value >= 'a' && here.value <= 'z';
            if (!paragraph && !goes_on && here.length) {
                *place = (struct attack_place){at, end};
                return true;
            }
            ended = false;
            at = end;
            continue;
        }
        if (here.value == '.' || here.value == '!' || here.value == '?')
            ended = true;
        else if (!closes(here.value))
            ended = false;
        at += here.length;
    }
    return false;
}

static bool add_paragraph(struct buffer *out, const struct attack_source *source,
                          const struct attack_place *place, const uint32_t draw[4])
{
    (void)source;
    (void)place;
    (void)draw;
    return buffer_append_string(out, "\n\n");
}

const struct attack_kind attack_paragraph = {
    "paragraph-insertion", "two sentences become two paragraphs", find_sentence_end, add_paragraph};
