#include "text/byte_level.h"

#include "base/utf8.h"

/* Printable Latin-1 stands for itself; the others get U+0100 and up, in order. */
static bool stands_for_itself(unsigned byte)
{
    return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) ||
           (byte >= 0xae && byte <= 0xff);
}

uint32_t byte_level_character(unsigned char byte)
{
    if (stands_for_itself(byte))
        return byte;
    if (byte <= ' ')
        return 0x100u + byte;
    if (byte <= 0xa0)
        return 0x121u + (byte - 0x7fu);
    return 0x143;
}

int byte_level_byte(uint32_t character)
{
    if (character < 0x100)
        return stands_for_itself(character) ? (int)character : -1;
    if (character <= 0x120)
        return (int)(character - 0x100);
    if (character <= 0x142)
        return (int)(character - 0x121 + 0x7f);
    return character == 0x143 ? 0xad : -1;
}

/* How many bytes of a broken sequence belong together: the longest prefix of a valid one. */
static size_t broken_length(const unsigned char *bytes, size_t length)
{
    unsigned char lead = bytes[0];
    size_t needed = lead >= 0xc2 && lead < 0xe0   ? 2
                    : lead >= 0xe0 && lead < 0xf0 ? 3
                    : lead >= 0xf0 && lead < 0xf5 ? 4
                                                  : 1;
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    size_t count = 1;
    while (count < needed && count < length && bytes[count] >= low && bytes[count] <= high) {
        low = 0x80;
        high = 0xbf;
        count++;
    }
    return count;
}

bool byte_level_append_text(struct buffer *out, const char *bytes, size_t length)
{
    while (length) {
        size_t good = utf8_valid_prefix(bytes, length);
        if (!buffer_append(out, bytes, good))
            return false;
        bytes += good;
        length -= good;
        if (!length)
            break;
        size_t bad = broken_length((const unsigned char *)bytes, length);
        if (!buffer_append_string(out, "\xef\xbf\xbd"))
            return false;
        bytes += bad;
        length -= bad;
    }
    return true;
}
