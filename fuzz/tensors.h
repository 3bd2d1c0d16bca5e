/* What the fuzz targets of weight files do with one that opened: every byte of every tensor is
 * read, and it is saved again.
 */
#ifndef FUZZ_TENSORS_H
#define FUZZ_TENSORS_H

#include "base/memory.h"
#include "models/safetensors_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void read_to_the_end(const struct safetensors *file)
{
    unsigned sum = 0;
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const struct safetensors_entry *entry = safetensors_at(file, i);
        for (size_t k = 0; k < entry->bytes; k++)
            sum += ((const unsigned char *)entry->data)[k];
        if (safetensors_find(file, entry->name) != entry)
            abort();
        if (entry->elements && entry->elements <= entry->bytes) {
            float value;
            int64_t integer;
            (void)safetensors_read_floats(&value, file, entry, entry->elements - 1, 1, NULL);
            (void)safetensors_read_integers(&integer, file, entry, 0, 1, NULL);
        }
        safetensors_drop(file, entry);
    }
    volatile unsigned sink = sum;
    (void)sink;
}

static void save_again(const struct safetensors *file)
{
    size_t count = safetensors_count(file);
    struct safetensors_item *items = memory_allocate(count, sizeof *items);
    for (size_t i = 0; items && i < count; i++)
        items[i] = safetensors_item_of(safetensors_at(file, i));
    if (items && safetensors_write("/dev/null", items, count, NULL))
        abort();
    memory_free(items);
}

typedef assay_status tensor_opener(struct safetensors **out, const char *path, assay_error *error);

/* The input stands in memory as a file, which readers of a path can open. */
static void use_as_file(const uint8_t *data, size_t size, tensor_opener *open)
{
    char path[64];
    struct safetensors *file;
    assay_error error;
    int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (open(&file, path, &error) == ASSAY_OK) {
        read_to_the_end(file);
        save_again(file);
    }
    safetensors_close(file);
    close(fd);
}

#endif
