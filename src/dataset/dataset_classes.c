#include "dataset/dataset_classes.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "models/config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool dataset_number(double *number, const char *text)
{
    char *end;
    size_t length = strlen(text);
    if (!length || strspn(text, "+-.0123456789eE") != length)
        return false;
    *number = strtod(text, &end);
    return end == text + length && isfinite(*number);
}

assay_status dataset_classes_add(int32_t *index, struct dataset_classes *classes, const char *label,
                                 assay_error *error)
{
    size_t length = strlen(label);
    *index = vocabulary_find(&classes->names, label, length);
    if (*index >= 0)
        return ASSAY_OK;
    if (length > MODEL_MAX_LABEL_BYTES) {
        error_set(error, ASSAY_ERROR_LIMIT, "the label is too long");
        error_expected(error, "at most %d bytes", MODEL_MAX_LABEL_BYTES);
        error_found(error, "%zu", length);
        return ASSAY_ERROR_LIMIT;
    }
    if (utf8_valid_prefix(label, length) != length)
        return error_set(error, ASSAY_ERROR_FORMAT, "the label is not UTF-8");
    if (classes->names.count == MODEL_MAX_LABELS) {
        error_set(error, ASSAY_ERROR_LIMIT, "there are too many different labels");
        error_expected(error, "at most %d; is this the right field?", MODEL_MAX_LABELS);
        return ASSAY_ERROR_LIMIT;
    }
    *index = (int32_t)classes->names.count;
    return vocabulary_add(&classes->names, label, length, *index, error);
}

struct sorted {
    double number;
    const char *name;
    int32_t index;
};

static int by_bytes(const void *left, const void *right)
{
    const struct sorted *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static int by_number(const void *left, const void *right)
{
    const struct sorted *a = left, *b = right;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return by_bytes(left, right);
}

assay_status dataset_classes_sort(int32_t *rank, struct buffer *text,
                                  const struct dataset_classes *classes, assay_error *error)
{
    size_t count = classes->names.count;
    assay_status status = ASSAY_OK;
    bool numbers = true;
    struct sorted *sorted = memory_allocate(count, sizeof *sorted);
    if (!sorted)
        return error_memory(error, count * sizeof *sorted);
    for (size_t i = 0; i < count; i++) {
        sorted[i].index = (int32_t)i;
        sorted[i].name = vocabulary_text(&classes->names, (int32_t)i, NULL);
        numbers = numbers && dataset_number(&sorted[i].number, sorted[i].name);
    }
    qsort(sorted, count, sizeof *sorted, numbers ? by_number : by_bytes);
    for (size_t i = 0; i < count && !status; i++) {
        rank[sorted[i].index] = (int32_t)i;
        if (!buffer_append(text, sorted[i].name, strlen(sorted[i].name) + 1))
            status = error_memory(error, text->length);
    }
    memory_free(sorted);
    return status;
}

void dataset_classes_free(struct dataset_classes *classes)
{
    vocabulary_free(&classes->names);
}
