#include "hub/archive.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/zip.h"
#include "hub/unpack_memory.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 << 10 };

struct zip {
    struct zip_directory directory;
    const struct archive_visitor *visitor;
    uint64_t left; /* of the bytes that contents may come to */
};

struct entry {
    struct zip_entry record;
    char name[ARCHIVE_MAX_NAME + 1];
};

static assay_status next_entry(struct entry *entry, const struct zip *zip, size_t *at,
                               assay_error *error)
{
    struct zip_entry *record = &entry->record;
    entry->name[0] = '\0';
    assay_status status = zip_directory_next(record, &zip->directory, at, error);
    if (!status)
        status = archive_check_name(record->name, record->name_length, error);
    if (status)
        return status;
    memcpy(entry->name, record->name, record->name_length);
    entry->name[record->name_length] = '\0';
    return ASSAY_OK;
}

/* zlib counts its input in 32 bits, an archive in 64. */
static void feed(z_stream *stream, const unsigned char *end)
{
    size_t left = (size_t)(end - stream->next_in);
    stream->avail_in = left < UINT_MAX ? (unsigned)left : UINT_MAX;
}

static assay_status inflate_entry(const struct zip *zip, const struct zip_entry *entry,
                                  const unsigned char *data, uint32_t *crc, assay_error *error)
{
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)data,
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
        feed(&stream, data + entry->packed);
        outcome = inflate(&stream, Z_NO_FLUSH);
        size_t count = CHUNK - stream.avail_out;
        if (outcome == Z_MEM_ERROR) {
            status = error_memory(error, CHUNK);
            break;
        }
        if ((outcome != Z_OK && outcome != Z_STREAM_END) || (!count && outcome == Z_OK) ||
            count > entry->size - made) {
            status = zip_damaged("a file cannot be unpacked", error);
            break;
        }
        *crc = (uint32_t)crc32(*crc, chunk, (unsigned)count);
        made += count;
        status = zip->visitor->data(zip->visitor->context, chunk, count, error);
    }
    if (!status && made != entry->size)
        status = zip_damaged("a file is shorter than stated", error);
    inflateEnd(&stream);
    memory_free(chunk);
    return status;
}

static assay_status copy_entry(const struct zip *zip, const struct zip_entry *entry,
                               const unsigned char *data, uint32_t *crc, assay_error *error)
{
    assay_status status = ASSAY_OK;
    for (size_t done = 0; done < entry->size && !status;) {
        size_t count = entry->size - done < CHUNK ? entry->size - done : CHUNK;
        *crc = (uint32_t)crc32(*crc, data + done, (unsigned)count);
        status = zip->visitor->data(zip->visitor->context, data + done, count, error);
        done += count;
    }
    return status;
}

static assay_status read_entry(struct zip *zip, const struct entry *named, assay_error *error)
{
    const struct archive_visitor *visitor = zip->visitor;
    const struct zip_entry *entry = &named->record;
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
        visitor->begin(visitor->context, named->name, entry->size, &wanted, error);
    if (status || !wanted)
        return status;
    status = zip_entry_data(&data, &zip->directory, entry, error);
    if (status)
        return status;
    if (entry->method == ZIP_STORED)
        status = copy_entry(zip, entry, data, &crc, error);
    else if (entry->method == ZIP_DEFLATED)
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
    size_t at = zip->directory.begin;
    size_t held = 0;
    if (zip->directory.count > ARCHIVE_MAX_ENTRIES) {
        error_set(error, ASSAY_ERROR_LIMIT, "the archive holds too many files");
        error_expected(error, "at most %d", ARCHIVE_MAX_ENTRIES);
        error_found(error, "%zu", zip->directory.count);
        return ASSAY_ERROR_LIMIT;
    }
    char **names = memory_allocate_zeroed(zip->directory.count, sizeof *names);
    if (!names)
        return error_memory(error, zip->directory.count * sizeof *names);
    while (held < zip->directory.count && !status) {
        status = next_entry(entry, zip, &at, error);
        if (!status && !(names[held++] = memory_copy_string(entry->name)))
            status = error_memory(error, sizeof entry->name);
    }
    if (!status)
        qsort(names, held, sizeof *names, compare_names);
    for (size_t i = 1; i < held && !status; i++) {
        if (strcmp(names[i - 1], names[i]) == 0) {
            status = zip_damaged("a name stands in it twice", error);
            error_at_place(error, "%s", names[i]);
        }
    }
    for (size_t i = 0; i < held; i++)
        memory_free(names[i]);
    memory_free(names);
    return status;
}

assay_status zip_read(const unsigned char *bytes, size_t length,
                      const struct archive_visitor *visitor, assay_error *error)
{
    struct zip zip = {.visitor = visitor, .left = archive_limit(length)};
    assay_status status = zip_directory_find(&zip.directory, bytes, length, error);
    if (status)
        return status;
    struct entry *entry = memory_allocate(1, sizeof *entry);
    if (!entry)
        return error_memory(error, sizeof *entry);
    status = check_directory(&zip, entry, error);
    size_t at = zip.directory.begin;
    for (size_t i = 0; i < zip.directory.count && !status; i++) {
        status = next_entry(entry, &zip, &at, error);
        if (!status)
            status = read_entry(&zip, entry, error);
        if (status)
            error_at_place(error, "%s", entry->name);
    }
    memory_free(entry);
    return status;
}
