#include "train/tensorboard.h"

#include <string.h>

enum {
    HEADER = 12, /* u64 length, u32 checksum of these */
    FOOTER = 4,
    VARINT_BYTES = 10,
};

/* Wire types of protocol buffers. */
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

enum { EVENT_WALL_TIME = 1, EVENT_STEP = 2, EVENT_FILE_VERSION = 3, EVENT_SUMMARY = 5 };
enum { SUMMARY_VALUE = 1, VALUE_TAG = 1, VALUE_SIMPLE = 2 };

/* The polynomial 0x1EDC6F41 with its bits reversed, four at a time: a record is a few hundred
 * bytes, so a table of 16 entries is enough. */
uint32_t crc32c(const void *bytes, size_t length)
{
    static const uint32_t table[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
                                       0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
                                       0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                       0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    const unsigned char *byte = bytes;
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < length; i++) {
        crc ^= byte[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static uint32_t masked(const void *bytes, size_t length)
{
    uint32_t crc = crc32c(bytes, length);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static bool put_little(struct buffer *out, uint64_t value, int bytes)
{
    char text[8];
    for (int i = 0; i < bytes; i++)
        text[i] = (char)(value >> 8 * i);
    return buffer_append(out, text, (size_t)bytes);
}

static bool put_varint(struct buffer *out, uint64_t value)
{
    char text[VARINT_BYTES];
    size_t length = 0;
    for (; value >= 0x80; value >>= 7)
        text[length++] = (char)(value | 0x80);
    text[length++] = (char)value;
    return buffer_append(out, text, length);
}

static bool put_field(struct buffer *out, unsigned field, unsigned wire)
{
    return put_varint(out, field << 3 | wire);
}

static bool put_bytes(struct buffer *out, unsigned field, const void *bytes, size_t length)
{
    return put_field(out, field, WIRE_BYTES) && put_varint(out, length) &&
           buffer_append(out, bytes, length);
}

static bool put_double(struct buffer *out, unsigned field, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put_field(out, field, WIRE_64) && put_little(out, bits, 8);
}

static bool put_float(struct buffer *out, unsigned field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put_field(out, field, WIRE_32) && put_little(out, bits, 4);
}

static bool put_record(struct buffer *out, const struct buffer *event)
{
    size_t start = out->length;
    if (event->length > TENSORBOARD_MAX_RECORD - HEADER - FOOTER)
        return false;
    return put_little(out, event->length, 8) && put_little(out, masked(out->bytes + start, 8), 4) &&
           buffer_append(out, event->bytes, event->length) &&
           put_little(out, masked(event->bytes, event->length), 4);
}

bool tensorboard_put_version(struct buffer *out, double wall_time)
{
    static const char version[] = "brain.Event:2";
    struct buffer event = {0};
    bool done = put_double(&event, EVENT_WALL_TIME, wall_time) &&
                put_bytes(&event, EVENT_FILE_VERSION, version, strlen(version)) &&
                put_record(out, &event);
    buffer_free(&event);
    return done;
}

bool tensorboard_put_scalars(struct buffer *out, double wall_time, int64_t step,
                             const struct tensorboard_scalar *scalars, size_t count)
{
    struct buffer event = {0}, summary = {0}, value = {0};
    bool done = true;
    for (size_t i = 0; i < count && done; i++) {
        buffer_clear(&value);
        done = put_bytes(&value, VALUE_TAG, scalars[i].tag, strlen(scalars[i].tag)) &&
               put_float(&value, VALUE_SIMPLE, scalars[i].value) &&
               put_bytes(&summary, SUMMARY_VALUE, value.bytes, value.length);
    }
    done = done && put_double(&event, EVENT_WALL_TIME, wall_time) &&
           put_field(&event, EVENT_STEP, WIRE_VARINT) && put_varint(&event, (uint64_t)step) &&
           put_bytes(&event, EVENT_SUMMARY, summary.bytes, summary.length) &&
           put_record(out, &event);
    buffer_free(&event);
    buffer_free(&summary);
    buffer_free(&value);
    return done;
}

static uint64_t get_little(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static bool get_varint(uint64_t *out, const unsigned char **at, const unsigned char *end)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 7 * VARINT_BYTES && *at < end; shift += 7) {
        unsigned char byte = *(*at)++;
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool get_step(int64_t *step, const unsigned char *at, const unsigned char *end)
{
    *step = 0;
    while (at < end) {
        uint64_t key, value;
        if (!get_varint(&key, &at, end))
            return false;
        size_t skipped = 0;
        switch (key & 7) {
        case WIRE_VARINT:
            if (!get_varint(&value, &at, end))
                return false;
            if (key >> 3 == EVENT_STEP)
                *step = (int64_t)value;
            break;
        case WIRE_64:
            skipped = 8;
            break;
        case WIRE_32:
            skipped = 4;
            break;
        case WIRE_BYTES:
            if (!get_varint(&value, &at, end) || value > (uint64_t)(end - at))
                return false;
            skipped = (size_t)value;
            break;
        default:
            return false;
        }
        if (skipped > (size_t)(end - at))
            return false;
        at += skipped;
    }
    return true;
}

size_t tensorboard_read_record(int64_t *step, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    *step = 0;
    if (length < HEADER + FOOTER || get_little(at + 8, 4) != masked(at, 8))
        return 0;
    uint64_t size = get_little(at, 8);
    if (size > length - HEADER - FOOTER)
        return 0;
    const unsigned char *event = at + HEADER;
    if (get_little(event + size, 4) != masked(event, size) || !get_step(step, event, event + size))
        return 0;
    return HEADER + (size_t)size + FOOTER;
}
