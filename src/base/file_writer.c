/* Files under construction: written beside their place, synced, renamed. */
#include "base/error.h"
#include "base/file.h"
#include "base/file_internal.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITE_BUFFER = 64 << 10, NAME_ATTEMPTS = 100 };

struct file_writer {
    int fd;
    bool direct; /* the target is a device or pipe: nothing to rename */
    bool failed;
    bool synced; /* since the last write */
    char *path;
    char *partial;
    size_t held;
    char buffer[WRITE_BUFFER];
};

static void free_writer(struct file_writer *writer)
{
    if (writer->fd >= 0)
        close(writer->fd);
    memory_free(writer->path);
    memory_free(writer->partial);
    memory_free(writer);
}

/* Opens "path.partial-PID-N", a name that no other writer has. */
static assay_status open_partial(struct file_writer *writer, assay_error *error)
{
    static _Atomic unsigned counter;
    size_t size = strlen(writer->path) + 64;
    writer->partial = memory_allocate(size, 1);
    if (!writer->partial)
        return error_memory(error, size);
    for (int i = 0; i < NAME_ATTEMPTS && writer->fd < 0; i++) {
        snprintf(writer->partial, size, "%s.partial-%ld-%u", writer->path, (long)getpid(),
                 atomic_fetch_add(&counter, 1u));
        if (file_change_refused())
            break;
        writer->fd = open(writer->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (writer->fd < 0 && errno != EEXIST)
            break;
    }
    if (writer->fd < 0)
        return file_io_error(error, writer->path, "cannot create");
    return ASSAY_OK;
}

assay_status file_writer_open(struct file_writer **out, const char *path, assay_error *error)
{
    *out = NULL;
    struct stat state;
    assay_status status = ASSAY_OK;
    struct file_writer *writer = memory_allocate(1, sizeof *writer);
    if (!writer)
        return error_memory(error, sizeof *writer);
    writer->fd = -1;
    writer->direct = writer->failed = writer->synced = false;
    writer->held = 0;
    writer->partial = NULL;
    writer->path = memory_copy_string(path);
    bool exists = stat(path, &state) == 0;
    if (!writer->path) {
        status = error_memory(error, strlen(path));
    } else if (exists && S_ISDIR(state.st_mode)) {
        errno = EISDIR;
        status = file_io_error(error, path, "cannot write");
    } else if (exists && !S_ISREG(state.st_mode)) {
        writer->direct = true;
        writer->fd = open(path, O_WRONLY | O_CLOEXEC);
        if (writer->fd < 0)
            status = file_io_error(error, path, "cannot write");
    } else {
        status = open_partial(writer, error);
    }
    if (status)
        free_writer(writer);
    else
        *out = writer;
    return status;
}

static assay_status write_out(struct file_writer *writer, const char *bytes, size_t length,
                              assay_error *error)
{
    while (length) {
        ssize_t count = file_change_refused() ? -1 : write(writer->fd, bytes, length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            if (count == 0)
                errno = ENOSPC;
            writer->failed = true;
            return file_io_error(error, writer->path, "cannot write");
        }
        bytes += count;
        length -= (size_t)count;
    }
    return ASSAY_OK;
}

static assay_status flush(struct file_writer *writer, assay_error *error)
{
    size_t held = writer->held;
    writer->held = 0;
    return write_out(writer, writer->buffer, held, error);
}

assay_status file_writer_write(struct file_writer *writer, const void *bytes, size_t length,
                               assay_error *error)
{
    if (writer->failed) {
        error_set(error, ASSAY_ERROR_IO, "an earlier write failed");
        error_at_file(error, writer->path);
        return ASSAY_ERROR_IO;
    }
    writer->synced = false;
    if (length > sizeof writer->buffer - writer->held) {
        assay_status status = flush(writer, error);
        if (status)
            return status;
        if (length >= sizeof writer->buffer)
            return write_out(writer, bytes, length, error);
    }
    if (length)
        memcpy(writer->buffer + writer->held, bytes, length);
    writer->held += length;
    return ASSAY_OK;
}

/* Makes the rename itself durable. Some file systems cannot sync folders; that is no failure. */
static void sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? memory_copy_bytes(path, slash == path ? 1 : (size_t)(slash - path))
                         : memory_copy_string(".");
    if (!folder)
        return;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        if (!file_change_refused())
            (void)fsync(fd);
        close(fd);
    }
    memory_free(folder);
}

assay_status file_writer_sync(struct file_writer *writer, assay_error *error)
{
    assay_status status;
    if (writer->synced)
        return ASSAY_OK;
    if (writer->failed) {
        status = error_set(error, ASSAY_ERROR_IO, "an earlier write failed");
        error_at_file(error, writer->path);
    } else {
        status = flush(writer, error);
    }
    if (!status && (file_change_refused() || fsync(writer->fd) != 0) &&
        !(writer->direct && errno != EIO && errno != ENOSPC)) {
        writer->failed = true;
        status = file_io_error(error, writer->path, "cannot write");
    }
    writer->synced = !status;
    return status;
}

assay_status file_writer_commit(struct file_writer *writer, assay_error *error)
{
    assay_status status = file_writer_sync(writer, error);
    int fd = writer->fd;
    writer->fd = -1;
    if (close(fd) != 0 && !status)
        status = file_io_error(error, writer->path, "cannot write");
    if (!writer->direct) {
        if (!status && (file_change_refused() || rename(writer->partial, writer->path) != 0))
            status = file_io_error(error, writer->path, "cannot put the file into place");
        if (status)
            unlink(writer->partial);
        else
            sync_parent(writer->path);
    }
    free_writer(writer);
    return status;
}

void file_writer_abandon(struct file_writer *writer)
{
    if (!writer)
        return;
    if (writer->partial)
        unlink(writer->partial);
    free_writer(writer);
}

assay_status file_write(const char *path, const void *bytes, size_t length, assay_error *error)
{
    struct file_writer *writer;
    assay_status status = file_writer_open(&writer, path, error);
    if (status)
        return status;
    status = file_writer_write(writer, bytes, length, error);
    if (status) {
        file_writer_abandon(writer);
        return status;
    }
    return file_writer_commit(writer, error);
}
