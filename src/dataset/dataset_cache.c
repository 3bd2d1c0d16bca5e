#include "dataset/dataset_cache.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "models/config.h"

#include <math.h>
#include <string.h>

static assay_status damaged(assay_error *error, const char *what)
{
    return error_set(error, ASSAY_ERROR_FORMAT, "the cache file is damaged: %s", what);
}

static bool all_hex(const char *text, size_t length)
{
    return strspn(text, "0123456789abcdef") >= length;
}

static assay_status check_head(struct dataset *dataset, const struct cache_head *head,
                               const char *key, assay_error *error)
{
    char held[SHA256_HEX_SIZE] = "";
    if (memcmp(head->magic, dataset_cache_magic, sizeof head->magic) != 0)
        return damaged(error, "it does not begin as one");
    if (head->order != DATASET_CACHE_ORDER || head->version != DATASET_CACHE_VERSION) {
        error_set(error, ASSAY_ERROR_FORMAT, "the cache file is of another version or machine");
        error_expected(error, "version %d", DATASET_CACHE_VERSION);
        error_found(error, "%u", (unsigned)head->version);
        return ASSAY_ERROR_FORMAT;
    }
    memcpy(held, head->key, sizeof head->key);
    memcpy(dataset->fingerprint, head->fingerprint, sizeof head->fingerprint);
    dataset->fingerprint[sizeof head->fingerprint] = '\0';
    if (!all_hex(held, sizeof head->key) ||
        !all_hex(dataset->fingerprint, sizeof head->fingerprint))
        return damaged(error, "a fingerprint is none");
    if (key && strcmp(held, key) != 0) {
        error_set(error, ASSAY_ERROR_FORMAT, "the cache file is of other data or settings");
        error_expected(error, "%s", key);
        error_found(error, "%s", held);
        return ASSAY_ERROR_FORMAT;
    }
    return ASSAY_OK;
}

/* Copies, as the file may shrink between a check and its use. */
static assay_status read_ends(struct cache_counts *counts, struct cache_layout *layout,
                              const struct mapped_file *file, assay_error *error)
{
    struct cache_foot foot;
    const unsigned char *bytes = mapped_file_bytes(file);
    size_t size = mapped_file_size(file);
    if (size % DATASET_CACHE_ALIGNMENT ||
        size < sizeof(struct cache_head) + sizeof *counts + sizeof foot)
        return damaged(error, "it is cut short");
    memcpy(&foot, bytes + size - sizeof foot, sizeof foot);
    memcpy(counts, bytes + size - sizeof foot - sizeof *counts, sizeof *counts);
    static const char zeros[sizeof foot.unused];
    if (memcmp(foot.magic, dataset_cache_end, sizeof foot.magic) != 0 || foot.size != size ||
        memcmp(foot.unused, zeros, sizeof zeros) != 0)
        return damaged(error, "it is cut short");
    if (counts->rows < 1 || counts->rows > INT64_MAX / 16 || counts->tokens < counts->rows ||
        counts->truncated < 0 || counts->truncated > counts->rows || counts->longest < 1 ||
        counts->labels < DATASET_UNLABELLED || counts->labels > DATASET_NUMBERS ||
        counts->class_count < 0 || counts->class_count > MODEL_MAX_LABELS ||
        (counts->class_count > 0) != (counts->labels == DATASET_CLASSES) ||
        (counts->has_types != 0 && counts->has_types != 1))
        return damaged(error, "its counts contradict each other");
    if (!cache_layout_make(layout, counts) || layout->size != size)
        return damaged(error, "its counts do not fit its size");
    struct cache_sum sum;
    cache_sum_begin(&sum);
    cache_sum_add(&sum, bytes, layout->foot_at);
    if (cache_sum_end(&sum) != foot.sum)
        return error_set(error, ASSAY_ERROR_CHECKSUM, "the cache file's sum does not match");
    return ASSAY_OK;
}

static bool none_negative(const int32_t *values, int64_t count)
{
    int32_t all = 0;
    for (int64_t i = 0; i < count; i++)
        all |= values[i];
    return all >= 0;
}

static assay_status check_rows(const struct dataset *dataset, assay_error *error)
{
    const struct dataset_view *view = &dataset->view;
    int64_t at = 0;
    int32_t longest = 0;
    for (int64_t row = 0; row < view->rows; row++) {
        int32_t length = view->lengths[row];
        if (view->offsets[row] != at || length < 1 || length > view->tokens - at)
            return damaged(error, "rows do not follow each other");
        if (dataset->lines[row] < 1)
            return damaged(error, "a line has no number");
        longest = length > longest ? length : longest;
        at += length;
    }
    if (view->offsets[view->rows] != at || at != view->tokens || longest != view->longest)
        return damaged(error, "rows do not add up");
    if (!none_negative(view->ids, view->tokens) ||
        (view->types && !none_negative(view->types, view->tokens)))
        return damaged(error, "a token is negative");
    for (int64_t row = 0; view->numbers && row < view->rows; row++) {
        if (!isfinite(view->numbers[row]))
            return damaged(error, "a number is not finite");
    }
    return ASSAY_OK;
}

static assay_status check_ids(const struct dataset *dataset, int64_t id_bytes, assay_error *error)
{
    const int64_t *at = dataset->id_at;
    if (at[0] != 0 || at[dataset->view.rows] != id_bytes ||
        utf8_valid_prefix(dataset->id_text, (size_t)id_bytes) != (size_t)id_bytes)
        return damaged(error, "its row ids are no text");
    for (int64_t row = 0; row < dataset->view.rows; row++) {
        int64_t from = at[row], to = at[row + 1];
        if (from < 0 || to <= from || to > id_bytes ||
            memchr(dataset->id_text + from, '\0', (size_t)(to - from)) != dataset->id_text + to - 1)
            return damaged(error, "a row id does not end");
    }
    return ASSAY_OK;
}

static assay_status take_names(struct dataset *dataset, const char *text, size_t bytes,
                               assay_error *error)
{
    size_t at = 0;
    if (utf8_valid_prefix(text, bytes) != bytes)
        return damaged(error, "its class names are no text");
    for (int32_t i = 0; i < dataset->view.class_count; i++) {
        const char *end = at < bytes ? memchr(text + at, '\0', bytes - at) : NULL;
        if (!end || end - (text + at) > MODEL_MAX_LABEL_BYTES)
            return damaged(error, "a class name does not end");
        dataset->class_names[i] = text + at;
        at = (size_t)(end - text) + 1;
    }
    return at == bytes ? ASSAY_OK : damaged(error, "there are more class names than classes");
}

static assay_status take_classes(struct dataset *dataset, const char *names, size_t bytes,
                                 assay_error *error)
{
    struct dataset_view *view = &dataset->view;
    size_t count = (size_t)view->class_count;
    if (!count)
        return bytes ? damaged(error, "there are class names without classes") : ASSAY_OK;
    dataset->class_names = memory_allocate_zeroed(count, sizeof *dataset->class_names);
    dataset->class_rows = memory_allocate_zeroed(count, sizeof *dataset->class_rows);
    dataset->class_first = memory_allocate_zeroed(count, sizeof *dataset->class_first);
    if (!dataset->class_names || !dataset->class_rows || !dataset->class_first)
        return error_memory(error, count * sizeof *dataset->class_rows);
    for (int64_t row = 0; row < view->rows; row++) {
        int32_t label = view->classes[row];
        if (label < 0 || label >= view->class_count)
            return damaged(error, "a label is no class");
        if (dataset->class_rows[label]++ == 0)
            dataset->class_first[label] = row;
    }
    for (size_t i = 0; i < count; i++) {
        if (!dataset->class_rows[i])
            return damaged(error, "a class has no row");
    }
    view->class_names = dataset->class_names;
    view->class_rows = dataset->class_rows;
    view->class_first = dataset->class_first;
    return take_names(dataset, names, bytes, error);
}

static void lay_view(struct dataset *dataset, const struct cache_counts *counts,
                     const struct cache_layout *layout)
{
    const unsigned char *base = mapped_file_bytes(dataset->file);
    const void *section[CACHE_SECTIONS];
    for (int i = 0; i < CACHE_SECTIONS; i++)
        section[i] = base + layout->at[i];
    dataset->view = (struct dataset_view){
        .rows = counts->rows,
        .tokens = counts->tokens,
        .truncated = counts->truncated,
        .longest = counts->longest,
        .ids = section[CACHE_IDS],
        .types = counts->has_types ? section[CACHE_TYPES] : NULL,
        .offsets = section[CACHE_OFFSETS],
        .lengths = section[CACHE_LENGTHS],
        .classes = counts->labels == DATASET_CLASSES ? section[CACHE_LABELS] : NULL,
        .numbers = counts->labels == DATASET_NUMBERS ? section[CACHE_LABELS] : NULL,
        .class_count = counts->class_count,
        .path = dataset->path,
        .fingerprint = dataset->fingerprint,
        .from_cache = true,
    };
    dataset->lines = section[CACHE_LINES];
    dataset->id_at = section[CACHE_ID_AT];
    dataset->id_text = section[CACHE_ID_TEXT];
}

static assay_status read_cache(struct dataset *dataset, const char *key, assay_error *error)
{
    struct cache_counts counts;
    struct cache_layout layout;
    const unsigned char *bytes = mapped_file_bytes(dataset->file);
    if (mapped_file_size(dataset->file) < sizeof(struct cache_head))
        return damaged(error, "it is cut short");
    struct cache_head head;
    memcpy(&head, bytes, sizeof head);
    assay_status status = check_head(dataset, &head, key, error);
    if (!status)
        status = read_ends(&counts, &layout, dataset->file, error);
    if (status)
        return status;
    lay_view(dataset, &counts, &layout);
    status = check_rows(dataset, error);
    if (!status)
        status = check_ids(dataset, counts.id_bytes, error);
    if (!status)
        status = take_classes(dataset, (const char *)bytes + layout.at[CACHE_NAMES],
                              (size_t)counts.name_bytes, error);
    return status ? status : mapped_file_check(dataset->file, error);
}

assay_status dataset_open_cache(struct dataset **out, const char *path, const char *key,
                                assay_error *error)
{
    *out = NULL;
    struct dataset *dataset = memory_allocate_zeroed(1, sizeof *dataset);
    if (!dataset)
        return error_memory(error, sizeof *dataset);
    dataset->path = memory_copy_string(path);
    assay_status status = dataset->path ? mapped_file_open(&dataset->file, path, error)
                                        : error_memory(error, strlen(path));
    if (!status) {
        status = read_cache(dataset, key, error);
        error_at_file(status ? error : NULL, path);
    }
    if (status)
        dataset_close(dataset);
    else
        *out = dataset;
    return status;
}

void dataset_close(struct dataset *dataset)
{
    if (!dataset)
        return;
    mapped_file_close(dataset->file);
    memory_free(dataset->path);
    memory_free(dataset->class_names);
    memory_free(dataset->class_rows);
    memory_free(dataset->class_first);
    memory_free(dataset);
}
