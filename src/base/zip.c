#include "base/zip.h"

#include "base/error.h"

#include <string.h>
#include <sys/stat.h>

enum {
    END_SIZE = 22,
    END_MAX_COMMENT = 65535,
    CENTRAL_SIZE = 46,
    LOCAL_SIZE = 30,
    LOCATOR_SIZE = 20,
    END64_SIZE = 56,
    END64_UNCOUNTED = 12, /* of it, in the size that it states */
    EXTRA_ZIP64 = 1,
    FLAG_ENCRYPTED = 1,
    MADE_BY_UNIX = 3,
};

/* A field that holds only ones has its value in the wider field of zip64. */
static const uint32_t ELSEWHERE_16 = 0xffff;
static const uint32_t ELSEWHERE_32 = 0xffffffff;

static const unsigned char END_MARK[] = {'P', 'K', 5, 6};
static const unsigned char END64_MARK[] = {'P', 'K', 6, 6};
static const unsigned char LOCATOR_MARK[] = {'P', 'K', 6, 7};
static const unsigned char CENTRAL_MARK[] = {'P', 'K', 1, 2};
static const unsigned char LOCAL_MARK[] = {'P', 'K', 3, 4};

static unsigned two(const unsigned char *from)
{
    return (unsigned)from[0] | (unsigned)from[1] << 8;
}

static uint32_t four(const unsigned char *from)
{
    return (uint32_t)two(from) | (uint32_t)two(from + 2) << 16;
}

static uint64_t eight(const unsigned char *from)
{
    return (uint64_t)four(from) | (uint64_t)four(from + 4) << 32;
}

assay_status zip_damaged(const char *what, assay_error *error)
{
    return error_set(error, ASSAY_ERROR_FORMAT, "the zip archive is damaged: %s", what);
}

static assay_status refuse_parts(assay_error *error)
{
    return error_set(error, ASSAY_ERROR_UNSUPPORTED, "zip archives in several parts are not read");
}

/* What the two kinds of end records say. */
struct end {
    uint64_t count, size, begin;
};

static bool agrees(uint64_t wide, uint32_t narrow, uint32_t elsewhere)
{
    return narrow == elsewhere || narrow == wide;
}

/* The wide record lies between the directory and its locator, which stands before the narrow one;
 * where that states a value, too, it is the same. */
static assay_status read_end64(struct end *end, size_t *at, const struct zip_directory *directory,
                               assay_error *error)
{
    const unsigned char *locator = directory->bytes + *at - LOCATOR_SIZE;
    uint64_t where = eight(locator + 8);
    if (four(locator + 4) || four(locator + 16) != 1)
        return refuse_parts(error);
    if (*at < LOCATOR_SIZE + END64_SIZE || where > *at - LOCATOR_SIZE - END64_SIZE)
        return zip_damaged("its zip64 record is not where it says", error);
    const unsigned char *record = directory->bytes + where;
    if (memcmp(record, END64_MARK, 4) != 0 ||
        eight(record + 4) != *at - LOCATOR_SIZE - where - END64_UNCOUNTED)
        return zip_damaged("its zip64 record is not where it says", error);
    if (four(record + 16) || four(record + 20) || eight(record + 24) != eight(record + 32))
        return refuse_parts(error);
    struct end wide = {eight(record + 32), eight(record + 40), eight(record + 48)};
    if (!agrees(wide.count, (uint32_t)end->count, ELSEWHERE_16) ||
        !agrees(wide.size, (uint32_t)end->size, ELSEWHERE_32) ||
        !agrees(wide.begin, (uint32_t)end->begin, ELSEWHERE_32))
        return zip_damaged("its two end records do not agree", error);
    *end = wide;
    *at = (size_t)where;
    return ASSAY_OK;
}

static assay_status read_end(struct zip_directory *directory, size_t at, assay_error *error)
{
    const unsigned char *record = directory->bytes + at;
    struct end end = {two(record + 10), four(record + 12), four(record + 16)};
    if (two(record + 4) || two(record + 6) || two(record + 8) != end.count)
        return refuse_parts(error);
    if (at >= LOCATOR_SIZE && memcmp(record - LOCATOR_SIZE, LOCATOR_MARK, 4) == 0) {
        assay_status status = read_end64(&end, &at, directory, error);
        if (status)
            return status;
    }
    if (end.begin > at || end.size != at - end.begin)
        return zip_damaged("its directory is not where it says", error);
    if (end.count > end.size / CENTRAL_SIZE)
        return zip_damaged("its directory is cut short", error);
    directory->begin = (size_t)end.begin;
    directory->end = at;
    directory->count = (size_t)end.count;
    return ASSAY_OK;
}

assay_status zip_directory_find(struct zip_directory *directory, const unsigned char *bytes,
                                size_t length, assay_error *error)
{
    *directory = (struct zip_directory){.bytes = bytes, .length = length};
    if (length < END_SIZE)
        return zip_damaged("it is cut short", error);
    size_t last = length - END_SIZE;
    size_t first = last > END_MAX_COMMENT ? last - END_MAX_COMMENT : 0;
    for (size_t at = last + 1; at-- > first;) {
        const unsigned char *record = bytes + at;
        if (memcmp(record, END_MARK, 4) == 0 && two(record + 20) == length - at - END_SIZE)
            return read_end(directory, at, error);
    }
    return zip_damaged("it has no directory; was the download cut short?", error);
}

/* Takes the next wide value where the narrow one is elsewhere. */
static bool widen(size_t *value, const unsigned char **from, size_t *left)
{
    if (*value != ELSEWHERE_32)
        return true;
    if (*left < 8)
        return false;
    *value = (size_t)eight(*from);
    *from += 8;
    *left -= 8;
    return true;
}

static assay_status read_extra64(struct zip_entry *entry, const unsigned char *extra, size_t length,
                                 assay_error *error)
{
    if (entry->size != ELSEWHERE_32 && entry->packed != ELSEWHERE_32 &&
        entry->local != ELSEWHERE_32)
        return ASSAY_OK;
    while (length >= 4 && two(extra + 2) <= length - 4) {
        size_t left = two(extra + 2);
        const unsigned char *from = extra + 4;
        if (two(extra) == EXTRA_ZIP64) {
            if (widen(&entry->size, &from, &left) && widen(&entry->packed, &from, &left) &&
                widen(&entry->local, &from, &left))
                return ASSAY_OK;
            break;
        }
        extra += 4 + left;
        length -= 4 + left;
    }
    return zip_damaged("a file's zip64 sizes are missing", error);
}

assay_status zip_directory_next(struct zip_entry *entry, const struct zip_directory *directory,
                                size_t *at, assay_error *error)
{
    const unsigned char *from = directory->bytes + *at;
    size_t end = directory->end;
    *entry = (struct zip_entry){.name = ""};
    if (*at > end || end - *at < CENTRAL_SIZE || memcmp(from, CENTRAL_MARK, 4) != 0)
        return zip_damaged("its directory is cut short", error);
    size_t name = two(from + 28);
    size_t extra = two(from + 30);
    size_t behind = extra + two(from + 32);
    if (end - *at - CENTRAL_SIZE < name + behind)
        return zip_damaged("its directory is cut short", error);
    *entry = (struct zip_entry){.name = (const char *)from + CENTRAL_SIZE,
                                .name_length = name,
                                .method = two(from + 10),
                                .crc = four(from + 16),
                                .packed = four(from + 20),
                                .size = four(from + 24),
                                .local = four(from + 42)};
    entry->regular = name && entry->name[name - 1] != '/';
    unsigned mode = four(from + 38) >> 16;
    if (two(from + 4) >> 8 == MADE_BY_UNIX && (mode & S_IFMT) && !S_ISREG(mode))
        entry->regular = false;
    if (two(from + 8) & FLAG_ENCRYPTED)
        return error_set(error, ASSAY_ERROR_UNSUPPORTED, "encrypted zip archives are not read");
    *at += CENTRAL_SIZE + name + behind;
    return read_extra64(entry, from + CENTRAL_SIZE + name, extra, error);
}

assay_status zip_entry_data(const unsigned char **data, const struct zip_directory *directory,
                            const struct zip_entry *entry, assay_error *error)
{
    size_t end = directory->begin;
    *data = NULL;
    if (entry->local > end || end - entry->local < LOCAL_SIZE)
        return zip_damaged("a file lies outside of it", error);
    const unsigned char *from = directory->bytes + entry->local;
    if (memcmp(from, LOCAL_MARK, 4) != 0 || two(from + 8) != entry->method)
        return zip_damaged("a file's header does not agree with the directory", error);
    size_t name = two(from + 26);
    size_t header = LOCAL_SIZE + name + two(from + 28);
    if (end - entry->local < header || end - entry->local - header < entry->packed)
        return zip_damaged("a file lies outside of it", error);
    if (name != entry->name_length || memcmp(from + LOCAL_SIZE, entry->name, name) != 0)
        return zip_damaged("a file's name does not agree with the directory", error);
    if (entry->method == ZIP_STORED && entry->packed != entry->size)
        return zip_damaged("a stored file has two sizes", error);
    *data = from + header;
    return ASSAY_OK;
}
