#include "base/file.h"

#include "base/error.h"
#include "base/file_internal.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_AHEAD_ROOM = 4096 };

static _Atomic uint64_t changes;
static _Atomic uint64_t failing;
static _Atomic uint64_t killing;

bool file_change_refused(void)
{
    uint64_t nth = atomic_fetch_add_explicit(&changes, 1, memory_order_relaxed) + 1;
    if (nth == atomic_load_explicit(&killing, memory_order_relaxed))
        raise(SIGKILL);
    if (nth != atomic_load_explicit(&failing, memory_order_relaxed))
        return false;
    errno = EIO;
    return true;
}

void file_fail_at(uint64_t nth)
{
    atomic_store(&failing, nth ? atomic_load(&changes) + nth : 0);
}

void file_kill_at(uint64_t nth)
{
    atomic_store(&killing, nth ? atomic_load(&changes) + nth : 0);
}

uint64_t file_change_count(void)
{
    return atomic_load(&changes);
}

assay_status file_io_error(assay_error *error, const char *path, const char *what)
{
    int number = errno;
    assay_status status = number == ENOENT || number == ENOTDIR ? ASSAY_ERROR_NOT_FOUND
                          : number == ENOMEM                    ? ASSAY_ERROR_MEMORY
                                                                : ASSAY_ERROR_IO;
    error_set(error, status, "%s: %s", what, strerror(number));
    error_at_file(error, path);
    return status;
}

assay_status file_open_regular(int *out, struct stat *state, const char *path, assay_error *error)
{
    *out = -1;
    /* O_NONBLOCK keeps a FIFO of that name from blocking for ever. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return file_io_error(error, path, "cannot open");
    assay_status status = ASSAY_OK;
    if (fstat(fd, state) != 0) {
        status = file_io_error(error, path, "cannot read");
    } else if (!S_ISREG(state->st_mode)) {
        status = error_set(error, ASSAY_ERROR_IO, "not a regular file");
        error_found(error, "%s", S_ISDIR(state->st_mode) ? "a folder" : "a special file");
        error_at_file(error, path);
    }
    if (status)
        close(fd);
    else
        *out = fd;
    return status;
}

assay_status file_too_large(const char *path, size_t max_bytes, uint64_t found, assay_error *error)
{
    error_set(error, ASSAY_ERROR_LIMIT, "the file is too large");
    error_at_file(error, path);
    error_expected(error, "at most %zu bytes", max_bytes);
    error_found(error, "%llu", (unsigned long long)found);
    return ASSAY_ERROR_LIMIT;
}

assay_status file_read(struct buffer *contents, const char *path, size_t max_bytes,
                       assay_error *error)
{
    int fd;
    struct stat state;
    size_t start = contents->length;
    assay_status status = file_open_regular(&fd, &state, path, error);
    if (status)
        return status;
    if ((uint64_t)state.st_size > max_bytes) {
        status = file_too_large(path, max_bytes, (uint64_t)state.st_size, error);
        goto cleanup;
    }
    /* One byte more than the size, so that the end is met without growing. */
    size_t room = (size_t)state.st_size + 1;
    for (;;) {
        if (!buffer_reserve(contents, room)) {
            status = error_memory(error, room);
            goto cleanup;
        }
        ssize_t count = read(fd, contents->bytes + contents->length, room);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            status = file_io_error(error, path, "cannot read");
            goto cleanup;
        }
        if (count == 0)
            break;
        contents->length += (size_t)count;
        contents->bytes[contents->length] = '\0';
        if (contents->length - start > max_bytes) {
            status = file_too_large(path, max_bytes, contents->length - start, error);
            goto cleanup;
        }
        room = room > (size_t)count ? room - (size_t)count : READ_AHEAD_ROOM;
    }
cleanup:
    if (status && contents->bytes) {
        contents->length = start;
        contents->bytes[start] = '\0';
    }
    close(fd);
    return status;
}

bool file_exists(const char *path)
{
    struct stat state;
    return stat(path, &state) == 0;
}

bool file_is_folder(const char *path)
{
    struct stat state;
    return stat(path, &state) == 0 && S_ISDIR(state.st_mode);
}

assay_status folder_create(const char *path, assay_error *error)
{
    assay_status status = ASSAY_OK;
    char *partial = memory_copy_string(path);
    if (!partial)
        return error_memory(error, strlen(path));
    size_t length = strlen(partial);
    for (size_t i = 1; i <= length && !status; i++) {
        if (partial[i] != '/' && partial[i] != '\0')
            continue;
        char kept = partial[i];
        partial[i] = '\0';
        if (!file_is_folder(partial) && (file_change_refused() || mkdir(partial, 0777) != 0) &&
            !file_is_folder(partial)) {
            if (errno == EEXIST)
                errno = ENOTDIR;
            error_set(error, ASSAY_ERROR_IO, "cannot create the folder: %s", strerror(errno));
            error_at_file(error, partial);
            status = ASSAY_ERROR_IO;
        }
        partial[i] = kept;
    }
    memory_free(partial);
    return status;
}

char *path_join(const char *folder, const char *name)
{
    size_t length = strlen(folder);
    const char *between = length && folder[length - 1] != '/' ? "/" : "";
    struct buffer path = {0};
    if (buffer_append(&path, folder, length) && buffer_append_string(&path, between) &&
        buffer_append_string(&path, name))
        return path.bytes;
    buffer_free(&path);
    return NULL;
}
