/* zip, tar and tar.gz: no name leads outside, no contents exceed what was announced. */
#include "hub/archive.h"
#include "hub/model_files.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    uint64_t left;
};

static assay_status begin(void *context, const char *name, uint64_t size, bool *wanted,
                          assay_error *error)
{
    struct seen *seen = context;
    (void)error;
    if (name[0] == '/' || strstr(name, "/../") || strncmp(name, "../", 3) == 0)
        abort();
    (void)model_file_kind(name);
    seen->left = size;
    *wanted = true;
    return ASSAY_OK;
}

static assay_status take(void *context, const void *bytes, size_t length, assay_error *error)
{
    struct seen *seen = context;
    struct buffer licence = {0};
    char hex[65];
    if (length > seen->left)
        abort();
    seen->left -= length;
    (void)licence_of_readme(&licence, bytes, length, error);
    (void)licence_of_metadata(&licence, bytes, length, error);
    (void)record_checksum(hex, bytes, length, "a");
    buffer_free(&licence);
    return ASSAY_OK;
}

static assay_status end(void *context, assay_error *error)
{
    struct seen *seen = context;
    (void)error;
    if (seen->left)
        abort();
    return ASSAY_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen seen = {0};
    assay_error error;
    const struct archive_visitor visitor = {&seen, begin, take, end};
    if (size && data[0] == 'P')
        (void)zip_read(data, size, &visitor, &error);
    else
        (void)tar_read(data, size, &visitor, &error);
    return 0;
}
