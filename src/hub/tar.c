#include "hub/archive.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "hub/unpack_memory.h"

#include <string.h>

enum {
    BLOCK = 512,
    CHUNK = 64 << 10,
    MAX_EXTENDED = 1 << 20, /* of one pax header or long name */
    NAME_SIZE = 100,
    PREFIX_AT = 345,
    PREFIX_SIZE = 155,
    SIZE_AT = 124,
    SIZE_SIZE = 12,
    CHECKSUM_AT = 148,
    CHECKSUM_SIZE = 8,
    TYPE_AT = 156,
    MAGIC_AT = 257,
    GUNZIP_WINDOW = 16 + MAX_WBITS,
};

/* Bytes of the tar inside, unpacked when they are gzip. */
struct source {
    z_stream stream;
    bool packed;
    bool begun;
    const unsigned char *bytes;
    size_t length;
    size_t at;
    unsigned char *chunk;
    size_t held;
    size_t used;
    uint64_t left; /* of the bytes that contents may come to */
};

struct tar {
    struct source source;
    const struct archive_visitor *visitor;
    struct buffer name; /* by a header in advance; empty when there was none */
    uint64_t size;
    bool has_size;
    char plain[NAME_SIZE + PREFIX_SIZE + 2];
};

static assay_status damaged(const char *what, assay_error *error)
{
    return error_set(error, ASSAY_ERROR_FORMAT, "the tar archive is damaged: %s", what);
}

/* Refills the chunk; *ended is true when there is nothing more. */
static assay_status refill(struct source *source, bool *ended, assay_error *error)
{
    *ended = false;
    source->used = source->held = 0;
    while (!source->held) {
        if (!source->begun && source->at == source->length) {
            *ended = true;
            return ASSAY_OK;
        }
        source->begun = true;
        size_t left = source->length - source->at;
        source->stream.next_in = (unsigned char *)(uintptr_t)(source->bytes + source->at);
        source->stream.avail_in = left < CHUNK ? (unsigned)left : CHUNK;
        size_t offered = source->stream.avail_in;
        source->stream.next_out = source->chunk;
        source->stream.avail_out = CHUNK;
        int outcome = inflate(&source->stream, Z_NO_FLUSH);
        source->at += offered - source->stream.avail_in;
        source->held = CHUNK - source->stream.avail_out;
        if (outcome == Z_STREAM_END) { /* another gzip member may follow */
            source->begun = false;
            inflateReset(&source->stream);
        } else if (outcome == Z_MEM_ERROR) {
            return error_memory(error, CHUNK);
        } else if (outcome != Z_OK || (!source->held && offered == 0)) {
            return damaged("its compression cannot be undone; was it cut short?", error);
        }
        if (source->held > source->left)
            return error_set(
                error, ASSAY_ERROR_LIMIT,
                "the archive unpacks to suspiciously much: more than %d times its size",
                ARCHIVE_MAX_RATIO);
        source->left -= source->held;
    }
    return ASSAY_OK;
}

/* Up to `most` bytes that lie together; *count is 0 at the end. */
static assay_status take(struct source *source, const unsigned char **bytes, size_t most,
                         size_t *count, assay_error *error)
{
    bool ended = false;
    *count = 0;
    if (!source->packed) {
        size_t left = source->length - source->at;
        *bytes = source->bytes + source->at;
        *count = left < most ? left : most;
        source->at += *count;
        return ASSAY_OK;
    }
    if (source->used == source->held) {
        assay_status status = refill(source, &ended, error);
        if (status || ended)
            return status;
    }
    *bytes = source->chunk + source->used;
    *count = source->held - source->used < most ? source->held - source->used : most;
    source->used += *count;
    return ASSAY_OK;
}

static assay_status take_block(struct source *source, unsigned char *block, size_t *count,
                               assay_error *error)
{
    *count = 0;
    while (*count < BLOCK) {
        const unsigned char *bytes;
        size_t more;
        assay_status status = take(source, &bytes, BLOCK - *count, &more, error);
        if (status || !more)
            return status;
        memcpy(block + *count, bytes, more);
        *count += more;
    }
    return ASSAY_OK;
}

/* The contents of one member and the padding behind them. */
static assay_status contents(struct tar *tar, uint64_t size, bool wanted, struct buffer *into,
                             assay_error *error)
{
    uint64_t padded = size + (BLOCK - size % BLOCK) % BLOCK;
    for (uint64_t done = 0; done < padded;) {
        const unsigned char *bytes;
        size_t count;
        size_t most = padded - done < CHUNK ? (size_t)(padded - done) : CHUNK;
        assay_status status = take(&tar->source, &bytes, most, &count, error);
        if (status)
            return status;
        if (!count)
            return damaged("it is cut short", error);
        size_t useful = done >= size ? 0 : size - done < count ? (size_t)(size - done) : count;
        if (into && !buffer_append(into, bytes, useful))
            return error_memory(error, useful);
        if (wanted && useful)
            status = tar->visitor->data(tar->visitor->context, bytes, useful, error);
        if (status)
            return status;
        done += count;
    }
    return ASSAY_OK;
}

/* An octal field, or GNU's big-endian number behind a set top bit. */
static bool number(uint64_t *value, const unsigned char *field, size_t size)
{
    *value = 0;
    if (field[0] & 0x80) {
        for (size_t i = 0; i < size; i++) {
            unsigned char byte = i ? field[i] : field[i] & 0x7f;
            if (*value >> 55)
                return false;
            *value = *value << 8 | byte;
        }
        return true;
    }
    size_t i = 0;
    while (i < size && field[i] == ' ')
        i++;
    for (; i < size && field[i] && field[i] != ' '; i++) {
        if (field[i] < '0' || field[i] > '7' || *value >> 59)
            return false;
        *value = *value << 3 | (uint64_t)(field[i] - '0');
    }
    return true;
}

static bool checksum_agrees(const unsigned char *block)
{
    uint64_t stated;
    uint64_t sum = 0;
    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= CHECKSUM_AT && i < CHECKSUM_AT + CHECKSUM_SIZE ? ' ' : block[i];
    return number(&stated, block + CHECKSUM_AT, CHECKSUM_SIZE) && stated == sum;
}

/* Records "LENGTH key=value\n" of a pax header. */
static assay_status read_pax(struct tar *tar, const struct buffer *header, assay_error *error)
{
    for (size_t at = 0; at < header->length;) {
        size_t length = 0;
        size_t i = at;
        while (i < header->length && header->bytes[i] >= '0' && header->bytes[i] <= '9' &&
               length <= MAX_EXTENDED)
            length = length * 10 + (size_t)(header->bytes[i++] - '0');
        if (i == at || i >= header->length || header->bytes[i] != ' ' ||
            length > header->length - at || length < i - at + 3 ||
            header->bytes[at + length - 1] != '\n')
            return damaged("an extended header cannot be read", error);
        const char *key = header->bytes + i + 1;
        size_t size = at + length - 1 - (i + 1);
        if (size > 5 && memcmp(key, "path=", 5) == 0) {
            buffer_clear(&tar->name);
            if (!buffer_append(&tar->name, key + 5, size - 5))
                return error_memory(error, size);
        } else if (size > 5 && memcmp(key, "size=", 5) == 0) {
            tar->size = 0;
            for (size_t k = 5; k < size; k++) {
                if (key[k] < '0' || key[k] > '9' || tar->size > INT64_MAX / 10 - 1)
                    return damaged("an extended header holds a strange size", error);
                tar->size = tar->size * 10 + (uint64_t)(key[k] - '0');
            }
            tar->has_size = true;
        }
        at += length;
    }
    return ASSAY_OK;
}

static assay_status read_extended(struct tar *tar, char type, uint64_t size, assay_error *error)
{
    struct buffer header = {0};
    if (size > MAX_EXTENDED)
        return error_set(error, ASSAY_ERROR_LIMIT, "an extended header of the archive is too long");
    assay_status status = contents(tar, size, false, &header, error);
    if (!status && type == 'x') {
        status = read_pax(tar, &header, error);
    } else if (!status) {
        buffer_clear(&tar->name);
        size_t length = header.bytes ? strnlen(header.bytes, header.length) : 0;
        if (!buffer_append(&tar->name, header.bytes ? header.bytes : "", length))
            status = error_memory(error, length);
    }
    buffer_free(&header);
    return status;
}

/* The member's name: from a header in advance, else from the block; a leading "./" is dropped. */
static const char *member_name(struct tar *tar, const unsigned char *block, size_t *length)
{
    const char *name = tar->plain;
    if (tar->name.length) {
        name = tar->name.bytes;
        *length = tar->name.length;
    } else {
        size_t prefix = memcmp(block + MAGIC_AT, "ustar\0", 6) == 0
                            ? strnlen((const char *)block + PREFIX_AT, PREFIX_SIZE)
                            : 0;
        size_t own = strnlen((const char *)block, NAME_SIZE);
        memcpy(tar->plain, block + PREFIX_AT, prefix);
        if (prefix)
            tar->plain[prefix++] = '/';
        memcpy(tar->plain + prefix, block, own);
        *length = prefix + own;
        tar->plain[*length] = '\0';
    }
    while (*length > 2 && name[0] == '.' && name[1] == '/') {
        name += 2;
        *length -= 2;
    }
    return name;
}

static assay_status read_member(struct tar *tar, const unsigned char *block, uint64_t size,
                                assay_error *error)
{
    char type = (char)block[TYPE_AT];
    size_t length;
    bool wanted = false;
    const struct archive_visitor *visitor = tar->visitor;
    const char *name = member_name(tar, block, &length);
    assay_status status = archive_check_name(name, length, error);
    bool regular =
        (type == '0' || type == '\0' || type == '7') && length && name[length - 1] != '/';
    if (!status && regular)
        status = visitor->begin(visitor->context, name, size, &wanted, error);
    if (!status)
        status = contents(tar, size, wanted, NULL, error);
    if (!status && wanted)
        status = visitor->end(visitor->context, error);
    if (status)
        error_at_place(error, "%s", name);
    buffer_clear(&tar->name);
    tar->has_size = false;
    return status;
}

static assay_status read_all(struct tar *tar, assay_error *error)
{
    unsigned char block[BLOCK];
    for (unsigned members = 0;;) {
        size_t count;
        uint64_t size;
        assay_status status = take_block(&tar->source, block, &count, error);
        if (status)
            return status;
        if (count == 0 ||
            (count == BLOCK && block[0] == 0 && memcmp(block, block + 1, BLOCK - 1) == 0))
            return ASSAY_OK;
        if (count < BLOCK || !checksum_agrees(block) || !number(&size, block + SIZE_AT, SIZE_SIZE))
            return damaged("a header does not agree with its checksum", error);
        char type = (char)block[TYPE_AT];
        if (++members > ARCHIVE_MAX_ENTRIES)
            return error_set(error, ASSAY_ERROR_LIMIT, "the archive holds too many files");
        if (type == 'x' || type == 'L') {
            status = read_extended(tar, type, size, error);
        } else if (type == 'g' || type == 'K') {
            status = contents(tar, size, false, NULL, error);
        } else {
            if (tar->has_size)
                size = tar->size;
            if (type >= '1' && type <= '6') /* links, devices, folders: nothing follows */
                size = 0;
            if (size > INT64_MAX / 2)
                return damaged("a file has a strange size", error);
            status = read_member(tar, block, size, error);
        }
        if (status)
            return status;
    }
}

assay_status tar_read(const unsigned char *bytes, size_t length,
                      const struct archive_visitor *visitor, assay_error *error)
{
    struct tar tar = {.visitor = visitor,
                      .source = {.bytes = bytes, .length = length, .left = archive_limit(length)}};
    tar.source.packed = length >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
    if (tar.source.packed) {
        tar.source.chunk = memory_allocate(CHUNK, 1);
        if (!tar.source.chunk)
            return error_memory(error, CHUNK);
        tar.source.stream.zalloc = unpack_allocate;
        tar.source.stream.zfree = unpack_free;
        if (inflateInit2(&tar.source.stream, GUNZIP_WINDOW) != Z_OK) {
            memory_free(tar.source.chunk);
            return error_memory(error, CHUNK);
        }
    }
    assay_status status = read_all(&tar, error);
    bool ended = !tar.source.packed;
    while (!status && !ended) /* zlib checks the sum at the very end */
        status = refill(&tar.source, &ended, error);
    if (tar.source.packed)
        inflateEnd(&tar.source.stream);
    memory_free(tar.source.chunk);
    buffer_free(&tar.name);
    return status;
}
