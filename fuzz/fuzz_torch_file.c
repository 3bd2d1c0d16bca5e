/* A checkpoint or a bare pickle: what is read can be used to its last byte, and nothing that a
 * pickle says makes more than its length. */
#include "base/memory.h"
#include "models/pickle.h"
#include "models/safetensors_writer.h"
#include "models/torch_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct safetensors *file)
{
    unsigned sum = 0;
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const struct safetensors_entry *entry = safetensors_at(file, i);
        for (size_t k = 0; k < entry->bytes; k++)
            sum += ((const unsigned char *)entry->data)[k];
        if (safetensors_find(file, entry->name) != entry)
            abort();
        if (entry->elements) {
            float value;
            (void)safetensors_read_floats(&value, file, entry, entry->elements - 1, 1, NULL);
        }
        safetensors_drop(file, entry);
    }
    volatile unsigned sink = sum;
    (void)sink;
}

static void read_bare(const uint8_t *data, size_t size)
{
    struct pickle *pickle;
    if (pickle_read(&pickle, data, size, NULL) != ASSAY_OK)
        return;
    const struct pickle_value *root = pickle_root(pickle);
    bool holds_items =
        root->kind == PICKLE_TUPLE || root->kind == PICKLE_LIST || root->kind == PICKLE_DICTIONARY;
    for (size_t i = 0; holds_items && i < root->as.items.count; i++)
        (void)pickle_kind_name(pickle_item(pickle, root, i)->kind);
    pickle_close(pickle);
}

static void read_file(const uint8_t *data, size_t size)
{
    char path[64];
    struct safetensors *file;
    int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (torch_file_open(&file, path, NULL) == ASSAY_OK) {
        size_t count = safetensors_count(file);
        struct safetensors_item *items = memory_allocate(count, sizeof *items);
        use(file);
        for (size_t i = 0; items && i < count; i++)
            items[i] = safetensors_item_of(safetensors_at(file, i));
        if (items && safetensors_write("/dev/null", items, count, NULL))
            abort();
        memory_free(items);
    }
    safetensors_close(file);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] == 0x80)
        read_bare(data, size);
    read_file(data, size);
    return 0;
}
