#include "clean/homoglyphs.h"

#include "clean/clean_text.h"
#include "text/unicode.h"

static enum script script_of(uint32_t c)
{
    int32_t low = 0, high = script_range_count;
    while (low < high) {
        int32_t middle = (low + high) / 2;
        const struct script_range *range = &script_ranges[middle];
        if (c < range->first)
            high = middle;
        else if (c > range->last)
            low = middle + 1;
        else
            return range->script;
    }
    return SCRIPT_OTHER;
}

/* The Latin letter that `c` looks like, or 0. */
static uint32_t latin_of(uint32_t c)
{
    int32_t low = 0, high = homoglyph_pair_count;
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (homoglyph_pairs[middle].letter == c)
            return homoglyph_pairs[middle].latin;
        if (homoglyph_pairs[middle].letter < c)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* The letter of a script that looks like a Latin one, or 0. */
static uint32_t of_script(uint32_t latin, enum script script)
{
    for (int32_t i = 0; i < homoglyph_pair_count; i++) {
        if (homoglyph_pairs[i].latin == latin && script_of(homoglyph_pairs[i].letter) == script)
            return homoglyph_pairs[i].letter;
    }
    return 0;
}

struct word {
    size_t begin, end;
    enum script most; /* the script that most of its letters have, Latin among equals */
    bool mixed;       /* it has letters of two scripts, and one of them looks like a Latin letter */
};

static bool is_letter(uint32_t c)
{
    return unicode_flags(c) & (UNICODE_LETTER | UNICODE_COMBINING);
}

/* The next word with a letter beyond ASCII, from *at on. */
static bool next_word(struct word *word, const struct run *cells, size_t *at)
{
    for (size_t i = *at; i < cells->count;) {
        int letters[SCRIPT_COUNT] = {0};
        bool alike = false, beyond = false;
        size_t begin = i;
        for (; i < cells->count && is_letter(cells->cell[i]); i++) {
            uint32_t c = cells->cell[i];
            enum script script = script_of(c);
            letters[script]++;
            beyond = beyond || c >= 0x80;
            alike = alike || (script > SCRIPT_LATIN && latin_of(c));
        }
        if (beyond) {
            int scripts = 0;
            *word = (struct word){.begin = begin, .end = i, .most = SCRIPT_LATIN};
            for (enum script s = SCRIPT_LATIN; s < SCRIPT_COUNT; s++) {
                scripts += letters[s] > 0;
                if (letters[s] > letters[word->most])
                    word->most = s;
            }
            word->mixed = alike && scripts > 1;
            *at = i;
            return true;
        }
        i += i == begin;
    }
    *at = cells->count;
    return false;
}

int64_t homoglyph_words(struct clean_text *text, struct buffer *words, int limit)
{
    struct word word;
    int64_t found = 0;
    size_t at = 0;
    while (next_word(&word, &text->cells, &at)) {
        if (!word.mixed)
            continue;
        for (size_t i = word.begin; words && found < limit && i < word.end; i++) {
            char utf8[4];
            if (!buffer_append(words, utf8, unicode_put_utf8(utf8, text->cells.cell[i])))
                text->failed = true;
        }
        if (words && found < limit && !buffer_append_byte(words, '\0'))
            text->failed = true;
        found++;
    }
    return found;
}

int64_t clean_homoglyphs(struct clean_text *text)
{
    struct word word;
    int64_t changed = 0;
    size_t at = 0;
    while (next_word(&word, &text->cells, &at)) {
        for (size_t i = word.begin; word.mixed && i < word.end; i++) {
            uint32_t *c = &text->cells.cell[i];
            enum script script = script_of(*c);
            if (script == word.most || script == SCRIPT_OTHER)
                continue;
            uint32_t latin = script == SCRIPT_LATIN ? *c : latin_of(*c);
            uint32_t better = word.most == SCRIPT_LATIN ? latin : of_script(latin, word.most);
            if (better) {
                *c = better;
                changed++;
            }
        }
    }
    return changed;
}
