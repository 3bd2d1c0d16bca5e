#include "data/fingerprint.h"

#include "base/error.h"
#include "base/file.h"
#include "data/class_folder.h"

#include <errno.h>
#include <string.h>

enum { PIECE = 8 << 20 };

static void finish(struct fingerprint *mark, struct sha256 *hash)
{
    unsigned char digest[SHA256_BYTES];
    sha256_end(hash, digest);
    sha256_hex(mark->hex, digest);
}

static assay_status no_rows(const char *path, assay_error *error)
{
    error_set(error, ASSAY_ERROR_FORMAT, "there are no rows");
    error_at_file(error, path);
    return ASSAY_ERROR_FORMAT;
}

static assay_status take_file(struct fingerprint *mark, const char *path,
                              fingerprint_progress *progress, void *context, assay_error *error)
{
    struct sha256 hash;
    struct mapped_file *file;
    if (S_ISREG(mark->state.st_mode) && mark->state.st_size == 0)
        return no_rows(path, error);
    assay_status status = mapped_file_open(&file, path, error);
    if (status)
        return status;
    size_t size = mapped_file_size(file);
    sha256_begin(&hash);
    for (size_t at = 0; at < size;) {
        const unsigned char *from = mapped_file_bytes(file) + at;
        size_t part = size - at < PIECE ? size - at : PIECE;
        sha256_add(&hash, from, part);
        mapped_file_drop(file, from, part);
        at += part;
        if (progress)
            progress(context, at, size);
    }
    finish(mark, &hash);
    mark->bytes = size;
    status = mapped_file_check(file, error);
    mapped_file_close(file);
    return status;
}

static assay_status add_member(struct fingerprint *mark, struct sha256 *hash, const char *path,
                               const char *id, assay_error *error)
{
    struct stat state;
    char hex[SHA256_HEX_SIZE];
    if (stat(path, &state) == 0 && !S_ISREG(state.st_mode)) {
        error_set(error, ASSAY_ERROR_IO, "not a regular file");
        error_at_file(error, path);
        return ASSAY_ERROR_IO;
    }
    assay_status status = sha256_file(hex, path, error);
    if (status)
        return status;
    sha256_add(hash, hex, strlen(hex));
    sha256_add(hash, "  ", 2);
    sha256_add(hash, id, strlen(id));
    sha256_add(hash, "\n", 1);
    mark->bytes += (uint64_t)state.st_size;
    return ASSAY_OK;
}

static assay_status take_folder(struct fingerprint *mark, const char *path,
                                fingerprint_progress *progress, void *context, assay_error *error)
{
    struct class_folder folder;
    struct sha256 hash;
    const char *file, *label, *id;
    bool any = false;
    assay_status status = class_folder_open(&folder, path, error);
    if (status)
        return status;
    sha256_begin(&hash);
    while (!(status = class_folder_next(&folder, &file, &label, &id, error)) && file) {
        any = true;
        status = add_member(mark, &hash, file, id, error);
        if (status)
            break;
        if (progress)
            progress(context, mark->bytes, 0);
    }
    class_folder_close(&folder);
    error_at_file(status ? error : NULL, path);
    if (!status && !any)
        status = no_rows(path, error);
    finish(mark, &hash);
    return status;
}

assay_status fingerprint_take(struct fingerprint *mark, const char *path,
                              fingerprint_progress *progress, void *context, assay_error *error)
{
    *mark = (struct fingerprint){0};
    if (stat(path, &mark->state) != 0) {
        assay_status status = errno == ENOENT ? ASSAY_ERROR_NOT_FOUND : ASSAY_ERROR_IO;
        error_set(error, status, "cannot open: %s", strerror(errno));
        error_at_file(error, path);
        return status;
    }
    return S_ISDIR(mark->state.st_mode) ? take_folder(mark, path, progress, context, error)
                                        : take_file(mark, path, progress, context, error);
}

assay_status fingerprint_hex(char hex[SHA256_HEX_SIZE], const char *path, assay_error *error)
{
    struct fingerprint mark;
    assay_status status = fingerprint_take(&mark, path, NULL, NULL, error);
    memcpy(hex, mark.hex, sizeof mark.hex);
    return status;
}

assay_status fingerprint_check(const struct fingerprint *mark, const char *path, assay_error *error)
{
    struct stat state;
    const struct stat *then = &mark->state;
    if (stat(path, &state) == 0 && state.st_size == then->st_size &&
        state.st_mtim.tv_sec == then->st_mtim.tv_sec &&
        state.st_mtim.tv_nsec == then->st_mtim.tv_nsec && state.st_ino == then->st_ino)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_CHANGED, "the file changed while it was in use");
    error_at_file(error, path);
    return ASSAY_ERROR_CHANGED;
}

bool fingerprint_same_file(const struct fingerprint *mark, const char *path)
{
    struct stat state;
    return stat(path, &state) == 0 && state.st_dev == mark->state.st_dev &&
           state.st_ino == mark->state.st_ino;
}
