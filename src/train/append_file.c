#include "train/append_file.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static assay_status io_error(assay_error *error, const char *path, const char *what)
{
    int number = errno;
    error_set(error, ASSAY_ERROR_IO, "%s: %s", what, strerror(number));
    error_at_file(error, path);
    return ASSAY_ERROR_IO;
}

/* The length of what is to be kept. */
static assay_status measure(int64_t *kept, const char *path, size_t max_record,
                            append_file_record *record, void *context, assay_error *error)
{
    struct mapped_file *file;
    assay_status status = mapped_file_open(&file, path, error);
    *kept = 0;
    if (status)
        return status;
    const char *bytes = (const char *)mapped_file_bytes(file);
    size_t size = mapped_file_size(file);
    size_t at = 0;
    while (at < size) {
        size_t shown = size - at < max_record ? size - at : max_record;
        int64_t length = record(context, bytes + at, shown);
        if (length < 0)
            status = error_memory(error, shown);
        if (length <= 0)
            break;
        at += (size_t)length;
    }
    if (!status)
        status = mapped_file_check(file, error);
    mapped_file_close(file);
    *kept = (int64_t)at;
    return status;
}

assay_status append_file_open(struct append_file *out, const char *path, size_t max_record,
                              append_file_record *record, void *context, assay_error *error)
{
    struct stat state;
    int64_t kept = 0;
    assay_status status = ASSAY_OK;
    *out = (struct append_file){.fd = -1, .path = memory_copy_string(path)};
    if (!out->path)
        return error_memory(error, strlen(path));
    if (file_change_refused() ||
        (out->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666)) < 0 ||
        fstat(out->fd, &state) != 0) {
        status = io_error(error, path, "cannot open for writing");
        goto failed;
    }
    out->regular = S_ISREG(state.st_mode);
    if (out->regular && record && state.st_size) {
        status = measure(&kept, path, max_record, record, context, error);
        if (status)
            goto failed;
    }
    if (out->regular && kept < state.st_size &&
        (file_change_refused() || ftruncate(out->fd, kept) != 0)) {
        status = io_error(error, path, "cannot cut the file");
        goto failed;
    }
    out->size = kept;
    return ASSAY_OK;
failed:
    append_file_close(out);
    return status;
}

assay_status append_file_write(struct append_file *file, const void *bytes, size_t length,
                               assay_error *error)
{
    const char *rest = bytes;
    size_t left = length;
    while (left) {
        ssize_t count = file_change_refused() ? -1 : write(file->fd, rest, left);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            if (count == 0)
                errno = ENOSPC;
            assay_status status = io_error(error, file->path, "cannot write");
            if (file->regular && left < length && ftruncate(file->fd, file->size) != 0)
                error_found(error, "a torn record at byte %lld", (long long)file->size);
            return status;
        }
        rest += count;
        left -= (size_t)count;
    }
    file->size += (int64_t)length;
    return ASSAY_OK;
}

assay_status append_file_sync(struct append_file *file, assay_error *error)
{
    if (file->fd < 0 || !file->regular)
        return ASSAY_OK;
    if (file_change_refused() || fsync(file->fd) != 0)
        return io_error(error, file->path, "cannot sync");
    return ASSAY_OK;
}

void append_file_close(struct append_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    memory_free(file->path);
    *file = (struct append_file){.fd = -1};
}
