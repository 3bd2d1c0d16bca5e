#include "torch_fixture.h"

#include <stdlib.h>
#include <string.h>

static void put(struct buffer *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        if (!buffer_append_byte(out, (char)(unsigned char)(i < 8 ? value >> 8 * i & 0xff : 0)))
            abort();
}

static void put_bytes(struct buffer *out, const void *bytes, size_t length)
{
    if (!buffer_append(out, bytes, length))
        abort();
}

void zip_add(struct zip_maker *zip, const char *name, const void *bytes, size_t length, int flags)
{
    uint32_t local = (uint32_t)zip->out.length;
    bool wide = flags & ZIP_IS_WIDE;
    for (int i = 0; i < 2; i++) {
        struct buffer *out = i ? &zip->directory : &zip->out;
        put(out, i ? 0x02014b50 : 0x04034b50, 4);
        put(out, 0, i ? 4 : 2);
        put(out, 0, 2);
        put(out, flags & ZIP_IS_PACKED ? 8 : 0, 2);
        put(out, 0, 8); /* time, and a CRC that nobody reads */
        put(out, wide && i ? 0xffffffff : length, 4);
        put(out, wide && i ? 0xffffffff : length, 4);
        put(out, strlen(name), 2);
        put(out, wide && i ? 4 + 3 + 4 + 24 : 0, 2);
    }
    put(&zip->directory, 0, 2 + 2 + 2 + 4);
    put(&zip->directory, wide ? 0xffffffff : local, 4);
    put_bytes(&zip->directory, name, strlen(name));
    if (wide) { /* another field first */
        put(&zip->directory, 0x4246, 2);
        put(&zip->directory, 3, 2);
        put(&zip->directory, 0, 3);
        put(&zip->directory, 1, 2);
        put(&zip->directory, 24, 2);
        put(&zip->directory, length, 8);
        put(&zip->directory, length, 8);
        put(&zip->directory, local, 8);
    }
    put_bytes(&zip->out, name, strlen(name));
    put_bytes(&zip->out, bytes, length);
    zip->count++;
}

void zip_finish(struct zip_maker *zip, int wide_end)
{
    size_t begin = zip->out.length, size = zip->directory.length;
    put_bytes(&zip->out, zip->directory.bytes, size);
    if (wide_end) {
        put(&zip->out, 0x06064b50, 4);
        put(&zip->out, 44, 8);
        put(&zip->out, 0, 2 + 2 + 4 + 4);
        put(&zip->out, zip->count, 8);
        put(&zip->out, zip->count, 8);
        put(&zip->out, size, 8);
        put(&zip->out, begin, 8);
        put(&zip->out, 0x07064b50, 4);
        put(&zip->out, 0, 4);
        put(&zip->out, begin + size, 8);
        put(&zip->out, 1, 4);
    }
    put(&zip->out, 0x06054b50, 4);
    put(&zip->out, 0, 4);
    put(&zip->out, zip->count, 2);
    put(&zip->out, zip->count, 2);
    put(&zip->out, size, 4);
    put(&zip->out, wide_end > 1 ? 0xffffffff : begin, 4);
    put(&zip->out, 0, 2);
}

void zip_free(struct zip_maker *zip)
{
    buffer_free(&zip->out);
    buffer_free(&zip->directory);
}

void make_checkpoint(struct zip_maker *zip, const void *pickle, size_t length, size_t storage)
{
    unsigned char *bytes = malloc(storage + 1);
    if (!bytes)
        abort();
    for (size_t i = 0; i < storage; i++)
        bytes[i] = (unsigned char)i;
    *zip = (struct zip_maker){0};
    zip_add(zip, "a/data.pkl", pickle, length, 0);
    zip_add(zip, "a/data/0", bytes, storage, 0);
    zip_finish(zip, 1);
    free(bytes);
}
