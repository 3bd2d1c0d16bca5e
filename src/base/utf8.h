/* UTF-8 as Unicode defines it: no overlong forms, no surrogates, nothing above U+10FFFF. The one
 * check that JSON, data files and the writers share.
 */
#ifndef ASSAY_BASE_UTF8_H
#define ASSAY_BASE_UTF8_H

#include <stddef.h>

/* Length (1 to 4) of the sequence at the start of `length` >= 1 bytes, 0 when there is none. */
static inline size_t utf8_sequence(const unsigned char *bytes, size_t length)
{
    unsigned char lead = bytes[0];
    if (lead < 0x80)
        return 1;
    size_t needed = lead >= 0xc2 && lead < 0xe0   ? 2
                    : lead >= 0xe0 && lead < 0xf0 ? 3
                    : lead >= 0xf0 && lead < 0xf5 ? 4
                                                  : 0;
    if (!needed || needed > length)
        return 0;
    for (size_t i = 1; i < needed; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    }
    unsigned char second = bytes[1];
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
        return 0;
    return needed;
}

/* Offset of the first byte that is not part of a valid sequence; `length` when all are. */
static inline size_t utf8_valid_prefix(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        size_t step = utf8_sequence((const unsigned char *)text + at, length - at);
        if (!step)
            break;
        at += step;
    }
    return at;
}

#endif
