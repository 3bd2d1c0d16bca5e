/* What Hugging Face `tokenizers` does with each Unicode scalar value: classes, lower case,
 * decompositions, compositions. The tables are probed from that library (it mixes several Unicode
 * versions), so they follow it and not any one version of the standard. Pure functions on constant
 * data; every code point up to U+10FFFF may be asked for, surrogates have no properties.
 */
#ifndef ASSAY_TEXT_UNICODE_H
#define ASSAY_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    UNICODE_WHITESPACE = 1 << 0,   /* white space for all but the two regular expression engines */
    UNICODE_BERT_DROPPED = 1 << 1, /* removed by BertNormalizer's clean_text */
    UNICODE_BERT_SPACE = 1 << 2,   /* a space after clean_text */
    UNICODE_CHINESE = 1 << 3,      /* set apart by handle_chinese_chars */
    UNICODE_NONSPACING = 1 << 4,   /* removed by BertNormalizer's strip_accents */
    UNICODE_COMBINING = 1 << 5,    /* removed by StripAccents */
    UNICODE_PUNCTUATION = 1 << 6,
    UNICODE_NUMERIC = 1 << 7, /* Digits */
    UNICODE_LETTER = 1 << 8,  /* \p{L}, \p{N} and \s of the ByteLevel pattern */
    UNICODE_NUMBER = 1 << 9,
    UNICODE_SPACE = 1 << 10,
    UNICODE_WORD = 1 << 11, /* \w and \s of the Whitespace pattern and of added tokens */
    UNICODE_REGEX_SPACE = 1 << 12,
    UNICODE_BERT_PLAIN = 1 << 13 /* untouched by an uncased BertNormalizer */
};

enum { UNICODE_LIMIT = 0x110000, UNICODE_BLOCK = 128, UNICODE_BLOCKS = 0x110000 / 128 };

/* The generated tables: a block number for every 128 code points, then the blocks. */
extern const uint8_t unicode_flags_block[UNICODE_BLOCKS];
extern const uint16_t unicode_flags_value[];
extern const uint8_t unicode_class_block[UNICODE_BLOCKS];
extern const uint8_t unicode_class_value[];
extern const uint8_t unicode_lower_block[UNICODE_BLOCKS];
extern const uint16_t unicode_lower_value[];
extern const uint8_t unicode_nfd_block[UNICODE_BLOCKS];
extern const uint16_t unicode_nfd_value[];
extern const uint8_t unicode_nfkd_block[UNICODE_BLOCKS];
extern const uint16_t unicode_nfkd_value[];
extern const uint32_t unicode_pool[];
extern const uint32_t unicode_compositions[]; /* (first, second, composed), sorted */
extern const uint32_t unicode_composition_count;

static inline unsigned unicode_flags(uint32_t c)
{
    return unicode_flags_value[unicode_flags_block[c / UNICODE_BLOCK] * UNICODE_BLOCK +
                               c % UNICODE_BLOCK];
}

/* Canonical combining class, renumbered: only the order of classes means something. */
static inline unsigned unicode_class(uint32_t c)
{
    return unicode_class_value[unicode_class_block[c / UNICODE_BLOCK] * UNICODE_BLOCK +
                               c % UNICODE_BLOCK];
}

/* The lower-case form: 1 to 3 code points, at *out (constant memory), or NULL when unchanged. */
static inline const uint32_t *unicode_lower(uint32_t c, unsigned *count)
{
    unsigned at = unicode_lower_value[unicode_lower_block[c / UNICODE_BLOCK] * UNICODE_BLOCK +
                                      c % UNICODE_BLOCK];
    *count = unicode_pool[at];
    return at ? unicode_pool + at + 1 : NULL;
}

enum { UNICODE_MAX_DECOMPOSITION = 32 };

/* Full canonical or compatibility decomposition into `out`; returns how many. */
unsigned unicode_decompose(uint32_t out[UNICODE_MAX_DECOMPOSITION], uint32_t c, bool compatible);

/* The canonical composition of two code points, 0 when there is none. */
uint32_t unicode_compose(uint32_t first, uint32_t second);

/* Writes the UTF-8 form of a scalar value, 1 to 4 bytes. */
static inline size_t unicode_put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static inline unsigned unicode_utf8_length(uint32_t c)
{
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

/* Reads one scalar value from text that is known to be valid; advances *at. */
static inline uint32_t unicode_get_utf8(const char *text, size_t *at)
{
    const unsigned char *b = (const unsigned char *)text + *at;
    if (b[0] < 0x80) {
        *at += 1;
        return b[0];
    }
    if (b[0] < 0xe0) {
        *at += 2;
        return (uint32_t)(b[0] & 0x1f) << 6 | (b[1] & 0x3f);
    }
    if (b[0] < 0xf0) {
        *at += 3;
        return (uint32_t)(b[0] & 0x0f) << 12 | (uint32_t)(b[1] & 0x3f) << 6 | (b[2] & 0x3f);
    }
    *at += 4;
    return (uint32_t)(b[0] & 0x07) << 18 | (uint32_t)(b[1] & 0x3f) << 12 |
           (uint32_t)(b[2] & 0x3f) << 6 | (b[3] & 0x3f);
}

#endif
