#include "prepare/outputs.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>

assay_status outputs_open(struct output_set *set, struct output_file **out, const char *path,
                          const char *ending, assay_error *error)
{
    *out = NULL;
    if (set->count == FILE_GROUP_MAX)
        return error_set(error, ASSAY_ERROR_LIMIT, "too many files at once");
    struct buffer whole = {0};
    struct output_file *file = memory_allocate_zeroed(1, sizeof *file);
    if (!file || !buffer_append_string(&whole, path) || !buffer_append_string(&whole, ending)) {
        buffer_free(&whole);
        memory_free(file);
        return error_memory(error, strlen(path));
    }
    file->path = whole.bytes;
    set->files[set->count++] = file;
    sha256_begin(&file->hash);
    *out = file;
    return file_group_add(&set->group, &file->writer, file->path, error);
}

assay_status output_write(struct output_file *file, const void *bytes, size_t length,
                          assay_error *error)
{
    sha256_add(&file->hash, bytes, length);
    file->bytes += length;
    return file_writer_write(file->writer, bytes, length, error);
}

void output_end(struct output_file *file)
{
    unsigned char digest[SHA256_BYTES];
    sha256_end(&file->hash, digest);
    sha256_hex(file->hex, digest);
}

void outputs_close(struct output_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        memory_free(set->files[i]->path);
        memory_free(set->files[i]);
    }
    set->count = 0;
    file_group_close(&set->group);
}
