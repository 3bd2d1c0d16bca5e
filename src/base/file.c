#include "base/file.h"

#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_MAPPINGS = 1024,
    WRITE_BUFFER = 64 << 10,
    NAME_ATTEMPTS = 100,
    READ_AHEAD_ROOM = 4096,
};

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

static assay_status io_error(assay_error *error, const char *path, const char *what)
{
    int number = errno;
    assay_status status = number == ENOENT || number == ENOTDIR ? ASSAY_ERROR_NOT_FOUND
                          : number == ENOMEM                    ? ASSAY_ERROR_MEMORY
                                                                : ASSAY_ERROR_IO;
    error_set(error, status, "%s: %s", what, strerror(number));
    error_at_file(error, path);
    return status;
}

/* Opens a regular file for reading; O_NONBLOCK keeps a FIFO of that name from blocking for ever. */
static assay_status open_regular(int *out, struct stat *state, const char *path, assay_error *error)
{
    *out = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return io_error(error, path, "cannot open");
    assay_status status = ASSAY_OK;
    if (fstat(fd, state) != 0) {
        status = io_error(error, path, "cannot read");
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

static assay_status too_large(const char *path, size_t max_bytes, uint64_t found,
                              assay_error *error)
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
    assay_status status = open_regular(&fd, &state, path, error);
    if (status)
        return status;
    if ((uint64_t)state.st_size > max_bytes) {
        status = too_large(path, max_bytes, (uint64_t)state.st_size, error);
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
            status = io_error(error, path, "cannot read");
            goto cleanup;
        }
        if (count == 0)
            break;
        contents->length += (size_t)count;
        contents->bytes[contents->length] = '\0';
        if (contents->length - start > max_bytes) {
            status = too_large(path, max_bytes, contents->length - start, error);
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

struct mapped_file {
    unsigned char *bytes;
    size_t size;
    int fd;
    int slot;
    _Atomic bool changed;
    char *path;
};

/* What the signal handler may look at: fixed, without locks. A slot is taken by setting `file`
 * and given back before its pages are unmapped. */
static struct {
    _Atomic uintptr_t begin;
    _Atomic uintptr_t end;
    struct mapped_file *_Atomic file;
} mappings[MAX_MAPPINGS];

static struct sigaction previous_action;
static uintptr_t page_size;
static pthread_mutex_t handler_lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local volatile uintptr_t passing_on; /* address of a fault that is not ours */

static struct mapped_file *find_mapping(uintptr_t address)
{
    for (int i = 0; i < MAX_MAPPINGS; i++) {
        if (address >= atomic_load(&mappings[i].begin) && address < atomic_load(&mappings[i].end))
            return atomic_load(&mappings[i].file);
    }
    return NULL;
}

/* Puts zero pages where the file no longer reaches. Only system calls here. */
static bool cover_missing_pages(struct mapped_file *file, uintptr_t address)
{
    uintptr_t begin = (uintptr_t)file->bytes;
    uintptr_t end = (begin + file->size + page_size - 1) & ~(page_size - 1);
    uintptr_t page = address & ~(page_size - 1);
    uintptr_t first = page;
    uintptr_t last = page + page_size; /* alone, when the disk failed to give this page */
    struct stat state;
    if (fstat(file->fd, &state) == 0 && (uint64_t)state.st_size < file->size) {
        uintptr_t kept = (begin + (uintptr_t)state.st_size + page_size - 1) & ~(page_size - 1);
        if (kept <= page) {
            first = kept;
            last = end;
        }
    }
    atomic_store(&file->changed, true);
    return mmap((void *)first, last - first, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                0) != MAP_FAILED;
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    struct mapped_file *file = find_mapping((uintptr_t)info->si_addr);
    bool covered = file && cover_missing_pages(file, (uintptr_t)info->si_addr);
    errno = saved;
    if (covered)
        return;
    /* A later handler that chained back to us would go round for ever. */
    bool in_circle = passing_on && passing_on == (uintptr_t)info->si_addr;
    passing_on = (uintptr_t)info->si_addr;
    if (!in_circle && previous_action.sa_flags & SA_SIGINFO) {
        previous_action.sa_sigaction(number, info, context);
    } else if (!in_circle && previous_action.sa_handler != SIG_DFL &&
               previous_action.sa_handler != SIG_IGN) {
        previous_action.sa_handler(number);
    } else {
        /* The faulting instruction runs again after the return and now ends the process. */
        signal(number, SIG_DFL);
        if (info->si_code <= 0)
            raise(number);
    }
    passing_on = 0;
}

/* Done at every open, as a host or another library may have set its own handler since. */
static void install_handler(void)
{
    struct sigaction current;
    pthread_mutex_lock(&handler_lock);
    if (!page_size)
        page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    sigaction(SIGBUS, NULL, &current);
    if (!(current.sa_flags & SA_SIGINFO) || current.sa_sigaction != on_bus_error) {
        struct sigaction action = {.sa_sigaction = on_bus_error,
                                   .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
        sigemptyset(&action.sa_mask);
        previous_action = current;
        sigaction(SIGBUS, &action, NULL);
    }
    pthread_mutex_unlock(&handler_lock);
}

static bool register_mapping(struct mapped_file *file)
{
    uintptr_t begin = (uintptr_t)file->bytes;
    for (int i = 0; i < MAX_MAPPINGS; i++) {
        struct mapped_file *empty = NULL;
        if (atomic_compare_exchange_strong(&mappings[i].file, &empty, file)) {
            atomic_store(&mappings[i].begin, begin);
            atomic_store(&mappings[i].end, begin + file->size);
            file->slot = i;
            return true;
        }
    }
    return false;
}

assay_status mapped_file_open(struct mapped_file **out, const char *path, assay_error *error)
{
    *out = NULL;
    install_handler();
    struct stat state;
    assay_status status;
    struct mapped_file *file = memory_allocate_zeroed(1, sizeof *file);
    if (!file)
        return error_memory(error, sizeof *file);
    file->fd = -1;
    file->slot = -1;
    file->path = memory_copy_string(path);
    if (!file->path) {
        status = error_memory(error, strlen(path));
        goto failed;
    }
    status = open_regular(&file->fd, &state, path, error);
    if (status)
        goto failed;
    if (state.st_size == 0) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "the file is empty");
        error_at_file(error, path);
        goto failed;
    }
    if ((uint64_t)state.st_size > SIZE_MAX / 2) {
        status = too_large(path, SIZE_MAX / 2, (uint64_t)state.st_size, error);
        goto failed;
    }
    void *bytes = mmap(NULL, (size_t)state.st_size, PROT_READ, MAP_SHARED, file->fd, 0);
    if (bytes == MAP_FAILED) {
        status = io_error(error, path, "cannot map");
        goto failed;
    }
    file->bytes = bytes;
    file->size = (size_t)state.st_size;
    if (!register_mapping(file)) {
        status = error_set(error, ASSAY_ERROR_LIMIT, "too many files are mapped at once");
        error_expected(error, "at most %d", MAX_MAPPINGS);
        error_at_file(error, path);
        goto failed;
    }
    *out = file;
    return ASSAY_OK;
failed:
    mapped_file_close(file);
    return status;
}

const unsigned char *mapped_file_bytes(const struct mapped_file *file)
{
    return file->bytes;
}

size_t mapped_file_size(const struct mapped_file *file)
{
    return file->size;
}

const char *mapped_file_path(const struct mapped_file *file)
{
    return file->path;
}

assay_status mapped_file_check(const struct mapped_file *file, assay_error *error)
{
    struct stat state;
    bool shrunk = fstat(file->fd, &state) == 0 && (uint64_t)state.st_size < file->size;
    if (!shrunk && !atomic_load(&file->changed))
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_CHANGED, "the file changed while it was in use");
    error_at_file(error, file->path);
    if (shrunk) {
        error_expected(error, "%zu bytes", file->size);
        error_found(error, "%lld", (long long)state.st_size);
    }
    return ASSAY_ERROR_CHANGED;
}

void mapped_file_drop(const struct mapped_file *file, const void *begin, size_t bytes)
{
    uintptr_t base = (uintptr_t)file->bytes;
    uintptr_t first = (uintptr_t)begin;
    if (first < base || first - base > file->size || bytes > file->size - (first - base))
        return;
    uintptr_t last = (first + bytes) & ~(page_size - 1);
    first = (first + page_size - 1) & ~(page_size - 1);
    if (first < last)
        (void)madvise((void *)first, last - first, MADV_DONTNEED); /* only a hint */
}

void mapped_file_close(struct mapped_file *file)
{
    if (!file)
        return;
    if (file->slot >= 0) {
        atomic_store(&mappings[file->slot].begin, 0);
        atomic_store(&mappings[file->slot].end, 0);
        atomic_store(&mappings[file->slot].file, NULL);
    }
    if (file->bytes)
        munmap(file->bytes, file->size);
    if (file->fd >= 0)
        close(file->fd);
    memory_free(file->path);
    memory_free(file);
}

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
        return io_error(error, writer->path, "cannot create");
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
        status = io_error(error, path, "cannot write");
    } else if (exists && !S_ISREG(state.st_mode)) {
        writer->direct = true;
        writer->fd = open(path, O_WRONLY | O_CLOEXEC);
        if (writer->fd < 0)
            status = io_error(error, path, "cannot write");
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
            return io_error(error, writer->path, "cannot write");
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
        status = io_error(error, writer->path, "cannot write");
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
        status = io_error(error, writer->path, "cannot write");
    if (!writer->direct) {
        if (!status && (file_change_refused() || rename(writer->partial, writer->path) != 0))
            status = io_error(error, writer->path, "cannot put the file into place");
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
