#include "prepare/spill.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A place is a segment's number and an index of 40 bits in it. */
enum { SEGMENT_VALUES = 16 << 20, PLACE_BITS = 40 };

struct segment {
    uint32_t *values;
    size_t count, capacity;
};

struct spill {
    int fd;
    char *path; /* for messages: what the file lies beside */
    uint64_t bytes;
    struct segment *segments;
    size_t count, capacity;
};

static assay_status failed(const struct spill *spill, const char *what, int number,
                           assay_error *error)
{
    error_set(error, ASSAY_ERROR_IO, "%s the file of shingles beside it: %s", what,
              strerror(number));
    error_at_file(error, spill->path);
    return ASSAY_ERROR_IO;
}

static assay_status open_file(struct spill *spill, assay_error *error)
{
    size_t size = strlen(spill->path) + 32;
    char *name = memory_allocate(size, 1);
    if (!name)
        return error_memory(error, size);
    snprintf(name, size, "%s.partial-XXXXXX", spill->path);
    spill->fd = file_change_refused() ? -1 : mkostemp(name, O_CLOEXEC);
    assay_status status = spill->fd < 0 ? failed(spill, "cannot create", errno, error) : ASSAY_OK;
    if (!status)
        unlink(name);
    memory_free(name);
    return status;
}

assay_status spill_open(struct spill **out, const char *beside, assay_error *error)
{
    *out = NULL;
    struct spill *spill = memory_allocate_zeroed(1, sizeof *spill);
    if (!spill)
        return error_memory(error, sizeof *spill);
    spill->fd = -1;
    spill->path = memory_copy_string(beside);
    assay_status status =
        spill->path ? open_file(spill, error) : error_memory(error, strlen(beside));
    if (status)
        spill_close(spill);
    else
        *out = spill;
    return status;
}

static assay_status add_segment(struct spill *spill, size_t count, assay_error *error)
{
    size_t capacity = count > SEGMENT_VALUES ? count : SEGMENT_VALUES;
    size_t page = (size_t)sysconf(_SC_PAGESIZE) / sizeof(uint32_t);
    capacity = (capacity + page - 1) / page * page;
    size_t bytes = capacity * sizeof(uint32_t);
    if (spill->count == spill->capacity) {
        size_t more = spill->capacity ? 2 * spill->capacity : 16;
        struct segment *grown = memory_resize(spill->segments, more, sizeof *grown);
        if (!grown)
            return error_memory(error, more * sizeof *grown);
        spill->segments = grown;
        spill->capacity = more;
    }
    int fault = file_change_refused()
                    ? errno
                    : posix_fallocate(spill->fd, (off_t)spill->bytes, (off_t)bytes);
    if (fault)
        return failed(spill, "cannot enlarge", fault, error);
    void *values =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, spill->fd, (off_t)spill->bytes);
    if (values == MAP_FAILED)
        return failed(spill, "cannot map", errno, error);
    /* The finished segment may leave memory; the disk or the system's cache has it. */
    if (spill->count) {
        struct segment *full = &spill->segments[spill->count - 1];
        (void)madvise(full->values, full->capacity * sizeof(uint32_t), MADV_DONTNEED);
    }
    spill->bytes += bytes;
    spill->segments[spill->count++] = (struct segment){.values = values, .capacity = capacity};
    return ASSAY_OK;
}

assay_status spill_add(struct spill *spill, uint64_t *place, const uint32_t *values, size_t count,
                       assay_error *error)
{
    struct segment *segment = spill->count ? &spill->segments[spill->count - 1] : NULL;
    if (!segment || segment->capacity - segment->count < count) {
        assay_status status = add_segment(spill, count, error);
        if (status)
            return status;
        segment = &spill->segments[spill->count - 1];
    }
    *place = (uint64_t)(spill->count - 1) << PLACE_BITS | segment->count;
    if (count)
        memcpy(segment->values + segment->count, values, count * sizeof *values);
    segment->count += count;
    return ASSAY_OK;
}

const uint32_t *spill_get(const struct spill *spill, uint64_t place)
{
    const struct segment *segment = &spill->segments[place >> PLACE_BITS];
    return segment->values + (place & ((UINT64_C(1) << PLACE_BITS) - 1));
}

void spill_close(struct spill *spill)
{
    if (!spill)
        return;
    for (size_t i = 0; i < spill->count; i++)
        munmap(spill->segments[i].values, spill->segments[i].capacity * sizeof(uint32_t));
    memory_free(spill->segments);
    if (spill->fd >= 0)
        close(spill->fd);
    memory_free(spill->path);
    memory_free(spill);
}
