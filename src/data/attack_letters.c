/* Attacks on letters and digits: look-alikes, the other case, slips of the keyboard, other numbers.
 */
#include "data/attack_kinds.h"

#include <string.h>

static bool is_ascii_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* ---- homoglyph ---- */

/* Cyrillic, and Greek for N, Z and v: they look the same in most fonts. */
static const char *look_alike(char letter)
{
    static const char *const lower[26] = {
        ['a' - 'a'] = "\xd0\xb0", ['c' - 'a'] = "\xd1\x81", ['d' - 'a'] = "\xd4\x81",
        ['e' - 'a'] = "\xd0\xb5", ['h' - 'a'] = "\xd2\xbb", ['i' - 'a'] = "\xd1\x96",
        ['j' - 'a'] = "\xd1\x98", ['l' - 'a'] = "\xd3\x8f", ['o' - 'a'] = "\xd0\xbe",
        ['p' - 'a'] = "\xd1\x80", ['q' - 'a'] = "\xd4\x9b", ['s' - 'a'] = "\xd1\x95",
        ['v' - 'a'] = "\xce\xbd", ['w' - 'a'] = "\xd4\x9d", ['x' - 'a'] = "\xd1\x85",
        ['y' - 'a'] = "\xd1\x83",
    };
    static const char *const upper[26] = {
        ['A' - 'A'] = "\xd0\x90", ['B' - 'A'] = "\xd0\x92", ['C' - 'A'] = "\xd0\xa1",
        ['E' - 'A'] = "\xd0\x95", ['H' - 'A'] = "\xd0\x9d", ['I' - 'A'] = "\xd0\x86",
        ['J' - 'A'] = "\xd0\x88", ['K' - 'A'] = "\xd0\x9a", ['M' - 'A'] = "\xd0\x9c",
        ['N' - 'A'] = "\xce\x9d", ['O' - 'A'] = "\xd0\x9e", ['P' - 'A'] = "\xd0\xa0",
        ['S' - 'A'] = "\xd0\x85", ['T' - 'A'] = "\xd0\xa2", ['X' - 'A'] = "\xd0\xa5",
        ['Y' - 'A'] = "\xd2\xae", ['Z' - 'A'] = "\xce\x96",
    };
    if (letter >= 'a' && letter <= 'z')
        return lower[letter - 'a'];
    return letter >= 'A' && letter <= 'Z' ? upper[letter - 'A'] : NULL;
}

static bool find_look_alike(struct attack_place *place, const struct attack_source *source,
                            size_t from)
{
    for (size_t at = from; at < source->length; at++) {
        if (look_alike(source->text[at])) {
            *place = (struct attack_place){at, at + 1};
            return true;
        }
    }
    return false;
}

static bool change_look_alike(struct buffer *out, const struct attack_source *source,
                              const struct attack_place *place, const uint32_t draw[4])
{
    (void)draw;
    return buffer_append_string(out, look_alike(source->text[place->begin]));
}

const struct attack_kind attack_homoglyph = {
    "homoglyph", "Latin letters become Cyrillic or Greek ones that look the same", find_look_alike,
    change_look_alike};

/* ---- case ---- */

/* The other case of ASCII, Latin-1, Greek and Cyrillic letters; 0 where there is none that takes
 * as many bytes. */
static uint32_t other_case(uint32_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ||
        (c >= 0x391 && c <= 0x3a9 && c != 0x3a2) || (c >= 0x410 && c <= 0x42f))
        return c + 0x20;
    if ((c >= 'a' && c <= 'z') || (c >= 0xe0 && c <= 0xfe && c != 0xf7) ||
        (c >= 0x3b1 && c <= 0x3c9 && c != 0x3c2) || (c >= 0x430 && c <= 0x44f))
        return c - 0x20;
    return 0;
}

static bool find_first_letter(struct attack_place *place, const struct attack_source *source,
                              size_t from)
{
    while (attack_next_word(place, source, from)) {
        struct attack_character first = attack_at(source, place->begin);
        from = place->end;
        if (other_case(first.value)) {
            place->end = place->begin + first.length;
            return true;
        }
    }
    return false;
}

static bool change_case(struct buffer *out, const struct attack_source *source,
                        const struct attack_place *place, const uint32_t draw[4])
{
    (void)draw;
    uint32_t c = other_case(attack_at(source, place->begin).value);
    if (c < 0x80)
        return buffer_append_byte(out, (char)c);
    return buffer_append_byte(out, (char)(0xc0 | c >> 6)) &&
           buffer_append_byte(out, (char)(0x80 | (c & 0x3f)));
}

const struct attack_kind attack_case = {"case", "the first letter of a word gets the other case",
                                        find_first_letter, change_case};

/* ---- misspelling ---- */

enum { LEAST_MISSPELT = 4 };

static bool all_ascii_letters(const struct attack_source *source, const struct attack_place *word)
{
    for (size_t i = word->begin; i < word->end; i++) {
        if (!is_ascii_letter(source->text[i]))
            return false;
    }
    return true;
}

static bool find_long_word(struct attack_place *place, const struct attack_source *source,
                           size_t from)
{
    while (attack_next_word(place, source, from)) {
        from = place->end;
        if (place->end - place->begin >= LEAST_MISSPELT && all_ascii_letters(source, place))
            return true;
    }
    return false;
}

/* A letter beside it on a QWERTY keyboard. */
static char key_beside(char letter, uint32_t draw)
{
    static const char *const beside[26] = {"qsz", "vn", "xv", "sf", "wr", "dg", "fh", "gj", "uo",
                                           "hk",  "jl", "k",  "n",  "bm", "ip", "o",  "wa", "et",
                                           "ad",  "ry", "yi", "cb", "qe", "zc", "tu", "xa"};
    bool upper = letter <= 'Z';
    const char *keys = beside[letter - (upper ? 'A' : 'a')];
    char key = keys[draw % strlen(keys)];
    return upper ? (char)(key - 'a' + 'A') : key;
}

/* A slip at an inner letter: two exchanged, one left out, one doubled, or the key beside. */
static bool change_word(struct buffer *out, const struct attack_source *source,
                        const struct attack_place *place, const uint32_t draw[4])
{
    const char *word = source->text + place->begin;
    size_t length = place->end - place->begin, at = 1 + draw[0] % (length - 2);
    enum { EXCHANGE, LEAVE_OUT, DOUBLE, BESIDE, SLIPS } slip = draw[1] % SLIPS;
    if (slip == EXCHANGE && (at + 1 == length - 1 || word[at] == word[at + 1]))
        slip = LEAVE_OUT;
    size_t behind = at + 1 + (slip == EXCHANGE);
    if (!buffer_append(out, word, at))
        return false;
    char put[2] = {word[at], word[at]};
    size_t count = 2;
    if (slip == EXCHANGE)
        put[0] = word[at + 1];
    else if (slip == BESIDE)
        put[0] = key_beside(word[at], draw[2]);
    if (slip == LEAVE_OUT || slip == BESIDE)
        count = slip == BESIDE;
    return buffer_append(out, put, count) && buffer_append(out, word + behind, length - behind);
}

const struct attack_kind attack_misspelling = {
    "misspelling", "a slip of the keyboard inside a word of four letters or more", find_long_word,
    change_word};

/* ---- number ---- */

static bool find_number(struct attack_place *place, const struct attack_source *source, size_t from)
{
    for (size_t at = from; at < source->length; at++) {
        if (!attack_is_digit((unsigned char)source->text[at]))
            continue;
        size_t end = at;
        while (end < source->length && attack_is_digit((unsigned char)source->text[end]))
            end++;
        *place = (struct attack_place){at, end};
        return true;
    }
    return false;
}

/* Every digit becomes another one; a number of several digits does not begin with 0. */
static bool change_number(struct buffer *out, const struct attack_source *source,
                          const struct attack_place *place, const uint32_t draw[4])
{
    size_t length = place->end - place->begin;
    for (size_t i = 0; i < length; i++) {
        unsigned digit = (unsigned)(source->text[place->begin + i] - '0');
        unsigned step = 1 + (draw[i % 4] >> (i / 4 % 8 * 4)) % 9;
        unsigned other = (digit + step) % 10;
        if (!other && !i && length > 1)
            other = digit == 1 ? 2 : digit - 1;
        if (!buffer_append_byte(out, (char)('0' + other)))
            return false;
    }
    return true;
}

const struct attack_kind attack_number = {
    "number", "a number becomes another one of as many digits", find_number, change_number};
