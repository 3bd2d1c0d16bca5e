/* Mappings that survive a file that shrinks, and the signal handler behind them. */
#include "base/error.h"
#include "base/file.h"
#include "base/file_internal.h"
#include "base/memory.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_MAPPINGS = 1024 };

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
    status = file_open_regular(&file->fd, &state, path, error);
    if (status)
        goto failed;
    if (state.st_size == 0) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "the file is empty");
        error_at_file(error, path);
        goto failed;
    }
    if ((uint64_t)state.st_size > SIZE_MAX / 2) {
        status = file_too_large(path, SIZE_MAX / 2, (uint64_t)state.st_size, error);
        goto failed;
    }
    void *bytes = mmap(NULL, (size_t)state.st_size, PROT_READ, MAP_SHARED, file->fd, 0);
    if (bytes == MAP_FAILED) {
        status = file_io_error(error, path, "cannot map");
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
