/* What both readers of archives refuse: names that lead elsewhere, and bombs. */
#include "hub/archive.h"

#include "base/error.h"
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
