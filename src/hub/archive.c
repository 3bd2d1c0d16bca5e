#include "hub/archive.h"

#include "base/error.h"
#include "base/file.h"

#include <string.h>

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
