#include "hub/archive.h"

#include "base/error.h"
#include "base/file.h"
#include "base/utf8.h"

#include <string.h>

static assay_status bad_name(const char *name, size_t length, const char *why, assay_error *error)
{
    int shown = length < ASSAY_ERROR_DETAIL_SIZE ? (int)length : ASSAY_ERROR_DETAIL_SIZE - 1;
    error_set(error, ASSAY_ERROR_FORMAT, "the archive holds a name that %s", why);
    error_at_place(error, "%.*s", shown, name);
    return ASSAY_ERROR_FORMAT;
}

assay_status archive_check_name(const char *name, size_t length, assay_error *error)
{
    if (length == 0 || length > ARCHIVE_MAX_NAME)
        return bad_name(name, length, "is empty or too long", error);
    if (memchr(name, '\0', length) || utf8_valid_prefix(name, length) != length)
        return bad_name(name, length, "is not UTF-8", error);
    if (name[0] == '/' || memchr(name, '\\', length) || (length > 1 && name[1] == ':'))
        return bad_name(name, length, "leads outside of it", error);
    for (size_t begin = 0; begin < length;) {
        const char *slash = memchr(name + begin, '/', length - begin);
        size_t end = slash ? (size_t)(slash - name) : length;
        if (end - begin == 2 && name[begin] == '.' && name[begin + 1] == '.')
            return bad_name(name, length, "leads outside of it", error);
        begin = end + 1;
    }
    return ASSAY_OK;
}

uint64_t archive_limit(size_t length)
{
    return (uint64_t)length * ARCHIVE_MAX_RATIO + ARCHIVE_FREE_BYTES;
}

static bool is_zip(const unsigned char *bytes, size_t length)
{
    return length >= 4 && bytes[0] == 'P' && bytes[1] == 'K' &&
           ((bytes[2] == 3 && bytes[3] == 4) || (bytes[2] == 5 && bytes[3] == 6));
}

static bool is_tar(const unsigned char *bytes, size_t length)
{
    return (length >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b) ||
           (length >= 512 && memcmp(bytes + 257, "ustar", 5) == 0);
}

assay_status archive_read(const char *path, const struct archive_visitor *visitor,
                          assay_error *error)
{
    struct mapped_file *file;
    assay_status status = mapped_file_open(&file, path, error);
    if (status)
        return status;
    const unsigned char *bytes = mapped_file_bytes(file);
    size_t length = mapped_file_size(file);
    if (is_zip(bytes, length)) {
        status = zip_read(bytes, length, visitor, error);
    } else if (is_tar(bytes, length)) {
        status = tar_read(bytes, length, visitor, error);
    } else {
        status = error_set(error, ASSAY_ERROR_FORMAT, "not an archive that can be read");
        error_expected(error, ".whl, .zip, .tar, .tar.gz or .tgz");
    }
    if (mapped_file_check(file, NULL))
        status = mapped_file_check(file, error);
    if (status)
        error_at_file(error, path);
    mapped_file_close(file);
    return status;
}
