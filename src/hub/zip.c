#include "hub/archive.h"

#include "base/error.h"
#include "base/memory.h"
#include "hub/unpack_memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    END_SIZE = 22,
    END_MAX_COMMENT = 65535,
    CENTRAL_SIZE = 46,
    LOCAL_SIZE = 30,
    ZIP64_LOCATOR_SIZE = 20,
    METHOD_STORED = 0,
    METHOD_DEFLATE = 8,
    FLAG_ENCRYPTED = 1,
    MADE_BY_UNIX = 3,
    CHUNK = 64 << 10,
};

static const unsigned char END_MARK[] = {'P', 'K', 5, 6};
static const unsigned char CENTRAL_MARK[] = {'P', 'K', 1, 2};
static const unsigned char LOCAL_MARK[] = {'P', 'K', 3, 4};
static const unsigned char ZIP64_MARK[] = {'P', 'K', 6, 7};

struct zip {
    const unsigned char *bytes;
    size_t length;
    const struct archive_visitor *visitor;
    size_t directory; /* where the central directory begins; all data lie before it */
    unsigned count;
    uint64_t left; /* of the bytes that contents may come to */
};

struct entry {
    char name[ARCHIVE_MAX_NAME + 1];
    unsigned method;
    uint32_t crc;
    size_t packed;
    size_t size;
    size_t local;
    bool regular;
};

static unsigned two(const unsigned char *from)
{
    return (unsigned)from[0] | (unsigned)from[1] << 8;
}

static uint32_t four(const unsigned char *from)
{
    return (uint32_t)two(from) | (uint32_t)two(from + 2) << 16;
}

static assay_status damaged(const char *what, assay_error *error)
{
    return error_set(error, ASSAY_ERROR_FORMAT, "the zip archive is damaged: %s", what);
}

static assay_status refuse_zip64(assay_error *error)
{
    return error_set(error, ASSAY_ERROR_UNSUPPORTED,
                     "zip64 archives are not read; unpack it and pull the folder");
}

static assay_status find_directory(struct zip *zip, assay_error *error)
{
    if (zip->length < END_SIZE)
        return damaged("it is cut short", error);
    size_t last = zip->length - END_SIZE;
    size_t first = last > END_MAX_COMMENT ? last - END_MAX_COMMENT : 0;
    for (size_t at = last + 1; at-- > first;) {
        const unsigned char *end = zip->bytes + at;
        if (memcmp(end, END_MARK, 4) != 0 || two(end + 20) != zip->length - at - END_SIZE)
            continue;
        size_t size = four(end + 12);
        zip->count = two(end + 10);
        zip->directory = four(end + 16);
        bool has_locator =
            at >= ZIP64_LOCATOR_SIZE && memcmp(end - ZIP64_LOCATOR_SIZE, ZIP64_MARK, 4) == 0;
        if (has_locator || zip->count == 0xffff || size == 0xffffffff ||
            zip->directory == 0xffffffff)
            return refuse_zip64(error);
        if (two(end + 4) || two(end + 6) || two(end + 8) != zip->count)
            return error_set(error, ASSAY_ERROR_UNSUPPORTED,
                             "zip archives in several parts are not read");
        if (zip->directory > at || size != at - zip->directory)
            return damaged("its directory is not where it says", error);
        return ASSAY_OK;
    }
    return damaged("it has no directory; was the download cut short?", error);
}

static assay_status read_central(struct entry *entry, const struct zip *zip, size_t *at,
                                 assay_error *error)
{
    const unsigned char *from = zip->bytes + *at;
    size_t end = zip->length - END_SIZE;
    if (*at > end || end - *at < CENTRAL_SIZE || memcmp(from, CENTRAL_MARK, 4) != 0)
        return damaged("its directory is cut short", error);
    size_t name = two(from + 28);
    size_t behind = (size_t)two(from + 30) + two(from + 32);
    if (end - *at - CENTRAL_SIZE < name + behind)
        return damaged("its directory is cut short", error);
    assay_status status = archive_check_name((const char *)from + CENTRAL_SIZE, name, error);
    if (status)
        return status;
    memcpy(entry->name, from + CENTRAL_SIZE, name);
    entry->name[name] = '\0';
    entry->method = two(from + 10);
    entry->crc = four(from + 16);
    entry->packed = four(from + 20);
    entry->size = four(from + 24);
    entry->local = four(from + 42);
    entry->regular = entry->name[name - 1] != '/';
    unsigned mode = four(from + 38) >> 16;
    if (two(from + 4) >> 8 == MADE_BY_UNIX && (mode & S_IFMT) && !S_ISREG(mode))
        entry->regular = false;
    if (entry->packed == 0xffffffff || entry->size == 0xffffffff || entry->local == 0xffffffff)
        return refuse_zip64(error);
    if (two(from + 8) & FLAG_ENCRYPTED)
        return error_set(error, ASSAY_ERROR_UNSUPPORTED, "encrypted zip archives are not read");
    *at += CENTRAL_SIZE + name + behind;
    return ASSAY_OK;
}

static assay_status find_data(const unsigned char **data, const struct zip *zip,
                              const struct entry *entry, assay_error *error)
{
    size_t end = zip->directory;
    if (entry->local > end || end - entry->local < LOCAL_SIZE)
        return damaged("a file lies outside of it", error);
    const unsigned char *from = zip->bytes + entry->local;
    if (memcmp(from, LOCAL_MARK, 4) != 0 || two(from + 8) != entry->method)
        return damaged("a file's header does not agree with the directory", error);
    size_t name = two(from + 26);
    size_t header = LOCAL_SIZE + name + two(from + 28);
    if (end - entry->local < header || end - entry->local - header < entry->packed)
        return damaged("a file lies outside of it", error);
    if (name != strlen(entry->name) || memcmp(from + LOCAL_SIZE, entry->name, name) != 0)
        return damaged("a file's name does not agree with the directory", error);
    *data = from + header;
    return ASSAY_OK;
}

static assay_status inflate_entry(const struct zip *zip, const struct entry *entry,
                                  const unsigned char *data, uint32_t *crc, assay_error *error)
{
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)data,
                       .avail_in = (unsigned)entry->packed,
                       .zalloc = unpack_allocate,
                       .zfree = unpack_free};
    size_t made = 0;
    int outcome = Z_OK;
    assay_status status = ASSAY_OK;
    unsigned char *chunk = memory_allocate(CHUNK, 1);
    if (!chunk)
        return error_memory(error, CHUNK);
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
        memory_free(chunk);
        return error_memory(error, CHUNK);
    }
    while (!status && outcome != Z_STREAM_END) {
        stream.next_out = chunk;
        stream.avail_out = CHUNK;
        outcome = inflate(&stream, Z_NO_FLUSH);
        size_t count = CHUNK - stream.avail_out;
        if (outcome == Z_MEM_ERROR) {
            status = error_memory(error, CHUNK);
            break;
        }
        if ((outcome != Z_OK && outcome != Z_STREAM_END) || (!count && outcome == Z_OK) ||
            count > entry->size - made) {
            status = damaged("a file cannot be unpacked", error);
            break;
        }
        *crc = (uint32_t)crc32(*crc, chunk, (unsigned)count);
        made += count;
        status = zip->visitor->data(zip->visitor->context, chunk, count, error);
    }
    if (!status && made != entry->size)
        status = damaged("a file is shorter than stated", error);
    inflateEnd(&stream);
    memory_free(chunk);
    return status;
}

static assay_status copy_entry(const struct zip *zip, const struct entry *entry,
                               const unsigned char *data, uint32_t *crc, assay_error *error)
{
    if (entry->packed != entry->size)
        return damaged("a stored file has two sizes", error);
    assay_status status = ASSAY_OK;
    for (size_t done = 0; done < entry->size && !status;) {
        size_t count = entry->size - done < CHUNK ? entry->size - done : CHUNK;
        *crc = (uint32_t)crc32(*crc, data + done, (unsigned)count);
        status = zip->visitor->data(zip->visitor->context, data + done, count, error);
        done += count;
    }
    return status;
}

static assay_status read_entry(struct zip *zip, const struct entry *entry, assay_error *error)
{
    const struct archive_visitor *visitor = zip->visitor;
    const unsigned char *data = NULL;
    bool wanted = false;
    uint32_t crc = (uint32_t)crc32(0, NULL, 0);
    if (!entry->regular)
        return ASSAY_OK;
    if (entry->size > zip->left)
        return error_set(error, ASSAY_ERROR_LIMIT,
                         "the archive unpacks to suspiciously much: more than %d times its size",
                         ARCHIVE_MAX_RATIO);
    zip->left -= entry->size;
    assay_status status =
        visitor->begin(visitor->context, entry->name, entry->size, &wanted, error);
    if (status || !wanted)
        return status;
    status = find_data(&data, zip, entry, error);
    if (status)
        return status;
    if (entry->method == METHOD_STORED)
        status = copy_entry(zip, entry, data, &crc, error);
    else if (entry->method == METHOD_DEFLATE)
        status = inflate_entry(zip, entry, data, &crc, error);
    else
        status =
            error_set(error, ASSAY_ERROR_UNSUPPORTED,
                      "the zip archive uses method %u; stored and deflate are read", entry->method);
    if (!status && crc != entry->crc) {
        status = error_set(error, ASSAY_ERROR_CHECKSUM, "a file in the archive is damaged");
        error_expected(error, "CRC %08x", (unsigned)entry->crc);
        error_found(error, "%08x", (unsigned)crc);
    }
    return status ? status : visitor->end(visitor->context, error);
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Checks every directory record first, so that nothing is written from a crooked archive. */
static assay_status check_directory(const struct zip *zip, struct entry *entry, assay_error *error)
{
    assay_status status = ASSAY_OK;
    size_t at = zip->directory;
    unsigned held = 0;
    char **names = memory_allocate_zeroed(zip->count, sizeof *names);
    if (!names)
        return error_memory(error, zip->count * sizeof *names);
    while (held < zip->count && !status) {
        status = read_central(entry, zip, &at, error);
        if (!status && !(names[held++] = memory_copy_string(entry->name)))
            status = error_memory(error, sizeof entry->name);
    }
    if (!status)
        qsort(names, held, sizeof *names, compare_names);
    for (unsigned i = 1; i < held && !status; i++) {
        if (strcmp(names[i - 1], names[i]) == 0) {
            status = damaged("a name stands in it twice", error);
            error_at_place(error, "%s", names[i]);
        }
    }
    for (unsigned i = 0; i < held; i++)
        memory_free(names[i]);
    memory_free(names);
    return status;
}

assay_status zip_read(const unsigned char *bytes, size_t length,
                      const struct archive_visitor *visitor, assay_error *error)
{
    struct zip zip = {
        .bytes = bytes, .length = length, .visitor = visitor, .left = archive_limit(length)};
    assay_status status = find_directory(&zip, error);
    if (status)
        return status;
    struct entry *entry = memory_allocate(1, sizeof *entry);
    if (!entry)
        return error_memory(error, sizeof *entry);
    status = check_directory(&zip, entry, error);
    size_t at = zip.directory;
    for (unsigned i = 0; i < zip.count && !status; i++) {
        status = read_central(entry, &zip, &at, error);
        if (!status)
            status = read_entry(&zip, entry, error);
        if (status)
            error_at_place(error, "%s", entry->name);
    }
    memory_free(entry);
    return status;
}
