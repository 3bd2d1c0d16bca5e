/* The cache file of a dataset: any bytes are refused, or every index of the view lies inside its
 * array. The first byte picks: the file as it is; its ends put right (sizes, sum), so that what
 * lies behind them is reached. */
#include "base/utf8.h"
#include "dataset/dataset_cache.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile int64_t sink;

static void put_right(uint8_t *bytes, size_t size)
{
    struct cache_foot foot = {.size = size};
    struct cache_sum sum;
    if (size % DATASET_CACHE_ALIGNMENT || size < sizeof(struct cache_head) + 2 * sizeof foot)
        return;
    uint32_t version = DATASET_CACHE_VERSION, order = DATASET_CACHE_ORDER;
    memcpy(bytes, dataset_cache_magic, sizeof dataset_cache_magic);
    memcpy(bytes + offsetof(struct cache_head, version), &version, sizeof version);
    memcpy(bytes + offsetof(struct cache_head, order), &order, sizeof order);
    cache_sum_begin(&sum);
    cache_sum_add(&sum, bytes, size - sizeof foot);
    foot.sum = cache_sum_end(&sum);
    memcpy(foot.magic, dataset_cache_end, sizeof foot.magic);
    memcpy(bytes + size - sizeof foot, &foot, sizeof foot);
}

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct dataset *dataset)
{
    struct dataset_view view;
    int64_t at = 0, line;
    dataset_get(dataset, &view);
    must(view.rows >= 1 && view.offsets[0] == 0 && strlen(view.fingerprint) == 64);
    for (int64_t row = 0; row < view.rows; row++) {
        const char *id = dataset_row_id(dataset, row, &line);
        must(view.offsets[row] == at && view.lengths[row] >= 1 && line >= 1);
        must(view.lengths[row] <= view.longest && *id);
        must(utf8_valid_prefix(id, strlen(id)) == strlen(id));
        for (int32_t i = 0; i < view.lengths[row]; i++) {
            must(view.ids[at + i] >= 0 && (!view.types || view.types[at + i] >= 0));
            sink += view.ids[at + i];
        }
        must(!view.classes || (view.classes[row] >= 0 && view.classes[row] < view.class_count));
        must(!view.numbers || isfinite(view.numbers[row]));
        at += view.lengths[row];
    }
    must(at == view.tokens && view.offsets[view.rows] == at);
    for (int32_t i = 0; i < view.class_count; i++) {
        must(utf8_valid_prefix(view.class_names[i], strlen(view.class_names[i])) ==
             strlen(view.class_names[i]));
        must(view.class_rows[i] >= 1 && view.classes[view.class_first[i]] == i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct dataset *dataset;
    assay_error error;
    if (size < 2)
        return 0;
    uint8_t *copy = malloc(size - 1);
    must(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    if (data[0] & 1)
        put_right(copy, size - 1);
    int fd = memfd_create("fuzz", 0);
    must(fd >= 0 && write(fd, copy, size - 1) == (ssize_t)size - 1);
    free(copy);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assay_status status = dataset_open_cache(&dataset, path, NULL, &error);
    if (status == ASSAY_OK)
        check(dataset);
    else
        must(!dataset && error.message[0] != '\0');
    dataset_close(dataset);
    close(fd);
    return 0;
}
