#include "data/text_strings.h"

#include "text/unicode.h"

#include <string.h>

static const size_t ends[] = {4, 8, 16, 32, 64};
enum { ENDS = sizeof ends / sizeof *ends };

const char *text_string_name(enum text_string kind)
{
    static const char *const names[] = {
#define X(identifier, name, description) name,
        TEXT_STRING_LIST(X)
#undef X
    };
    return names[kind];
}

const char *text_string_description(enum text_string kind)
{
    static const char *const descriptions[] = {
#define X(identifier, name, description) description,
        TEXT_STRING_LIST(X)
#undef X
    };
    return descriptions[kind];
}

struct walk {
    text_string_visitor *visit;
    void *context;
    size_t length; /* of the word so far */
    size_t begin;  /* where it begins in the text */
    char word[TEXT_STRING_BYTES];
};

static bool put_word(struct walk *walk)
{
    size_t length = walk->length;
    walk->length = 0;
    return !length || walk->visit(walk->context, TEXT_STRING_WORD, walk->word, length, walk->begin);
}

static void add_to_word(struct walk *walk, uint32_t c, size_t at)
{
    if (!walk->length)
        walk->begin = at;
    unsigned count = 1;
    const uint32_t *lower = unicode_lower(c, &count);
    if (!lower) {
        lower = &c;
        count = 1;
    }
    for (unsigned i = 0; i < count; i++) {
        if (walk->length + unicode_utf8_length(lower[i]) <= TEXT_STRING_BYTES)
            walk->length += unicode_put_utf8(walk->word + walk->length, lower[i]);
    }
}

/* Letters, digits and marks; an apostrophe between letters belongs to the word. */
static bool words(struct walk *walk, const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t here = at;
        uint32_t c = unicode_get_utf8(text, &at);
        unsigned flags = unicode_flags(c);
        if (flags & UNICODE_CHINESE) {
            if (!put_word(walk))
                return false;
            add_to_word(walk, c, here);
            if (!put_word(walk))
                return false;
        } else if (flags & (UNICODE_LETTER | UNICODE_NUMBER | UNICODE_COMBINING)) {
            add_to_word(walk, c, here);
        } else if (c == '\'' && walk->length && at < length &&
                   (unicode_flags(unicode_get_utf8(text, &(size_t){at})) & UNICODE_LETTER)) {
            add_to_word(walk, c, here);
        } else if (!put_word(walk)) {
            return false;
        }
    }
    return put_word(walk);
}

static bool is_space_at(const char *text, size_t at, size_t *behind)
{
    *behind = at;
    return (unicode_flags(unicode_get_utf8(text, behind)) & UNICODE_WHITESPACE) != 0;
}

static size_t character_before(const char *text, size_t at)
{
    do
        at--;
    while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80);
    return at;
}

static bool put_cut(struct walk *walk, enum text_string kind, const char *text, size_t begin,
                    size_t end)
{
    while (end - begin > TEXT_STRING_BYTES)
        end = character_before(text, end);
    return walk->visit(walk->context, kind, text + begin, end - begin, begin);
}

static bool first_and_last_word(struct walk *walk, const char *text, size_t length)
{
    size_t begin = 0, behind, end, back;
    while (begin < length && is_space_at(text, begin, &behind))
        begin = behind;
    if (begin == length)
        return true;
    for (end = begin; end < length && !is_space_at(text, end, &behind); end = behind)
        continue;
    if (!put_cut(walk, TEXT_STRING_FIRST_WORD, text, begin, end))
        return false;
    end = length;
    while (end > 0 && is_space_at(text, back = character_before(text, end), &behind))
        end = back;
    for (begin = end; begin > 0; begin = back) {
        back = character_before(text, begin);
        if (is_space_at(text, back, &behind))
            break;
    }
    return put_cut(walk, TEXT_STRING_LAST_WORD, text, begin, end);
}

/* Only what is shorter than the text: whole texts are the business of duplicates. */
static bool first_characters(struct walk *walk, const char *text, size_t length)
{
    size_t at = 0, characters = 0;
    for (int i = 0; i < ENDS; i++) {
        for (; characters < ends[i] && at < length; characters++)
            unicode_get_utf8(text, &at);
        if (at >= length)
            return true;
        if (!walk->visit(walk->context, TEXT_STRING_FIRST_CHARACTERS, text, at, 0))
            return false;
    }
    return true;
}

static bool last_characters(struct walk *walk, const char *text, size_t length)
{
    size_t at = length, characters = 0;
    for (int i = 0; i < ENDS; i++) {
        for (; characters < ends[i] && at > 0; characters++)
            at = character_before(text, at);
        if (at == 0)
            return true;
        if (!walk->visit(walk->context, TEXT_STRING_LAST_CHARACTERS, text + at, length - at, at))
            return false;
    }
    return true;
}

bool text_strings(const char *text, size_t length, text_string_visitor *visit, void *context)
{
    struct walk walk = {.visit = visit, .context = context};
    return words(&walk, text, length) && first_and_last_word(&walk, text, length) &&
           first_characters(&walk, text, length) && last_characters(&walk, text, length);
}
