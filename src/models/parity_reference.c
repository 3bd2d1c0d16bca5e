#include "models/parity_reference.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { MAX_ROWS = 1 << 20 };

static const struct safetensors_entry *wanted(const struct parity_reference *r, const char *name,
                                              assay_error *error)
{
    const struct safetensors_entry *entry = safetensors_find(r->file, name);
    if (!entry) {
        error_set(error, ASSAY_ERROR_FORMAT, "the reference file lacks a tensor");
        error_at_place(error, "%s", name);
        error_at_file(error, safetensors_file_path(r->file, 0));
    }
    return entry;
}

/* All integers of a tensor of `count` elements, for memory_free; NULL on failure. */
static assay_status read_integers(int64_t **out, const struct parity_reference *r, const char *name,
                                  int64_t count, assay_error *error)
{
    const struct safetensors_entry *entry = wanted(r, name, error);
    *out = NULL;
    if (!entry)
        return ASSAY_ERROR_FORMAT;
    if ((int64_t)entry->elements != count) {
        error_set(error, ASSAY_ERROR_SHAPE, "the tensor has the wrong number of elements");
        error_at_place(error, "%s", name);
        error_at_file(error, safetensors_file_path(r->file, 0));
        error_expected(error, "%lld", (long long)count);
        error_found(error, "%zu", entry->elements);
        return ASSAY_ERROR_SHAPE;
    }
    int64_t *values = memory_allocate((size_t)count, sizeof *values);
    if (!values)
        return error_memory(error, (size_t)count * sizeof *values);
    assay_status status =
        safetensors_read_integers(values, r->file, entry, 0, (size_t)count, error);
    if (status == ASSAY_OK)
        *out = values;
    else
        memory_free(values);
    return status;
}

/* Takes the padding out of a (rows, longest) tensor of the file. */
static assay_status packed_tokens(int32_t **out, const struct parity_reference *r, const char *name,
                                  assay_error *error)
{
    int64_t *padded;
    assay_status status = read_integers(&padded, r, name, r->rows * r->longest, error);
    *out = NULL;
    if (status != ASSAY_OK)
        return status;
    int32_t *packed = memory_allocate((size_t)r->offsets[r->rows], sizeof *packed);
    for (int64_t row = 0; packed && row < r->rows; row++) {
        for (int64_t i = r->offsets[row]; i < r->offsets[row + 1]; i++) {
            int64_t value = padded[row * r->longest + i - r->offsets[row]];
            packed[i] = value < INT32_MIN || value > INT32_MAX ? -1 : (int32_t)value;
        }
    }
    if (!packed)
        status = error_memory(error, (size_t)r->offsets[r->rows] * sizeof *packed);
    memory_free(padded);
    *out = packed;
    return status;
}

static assay_status read_layout(struct parity_reference *r, assay_error *error)
{
    const struct safetensors_entry *ids = wanted(r, "input_ids", error);
    if (!ids)
        return ASSAY_ERROR_FORMAT;
    if (ids->rank != 2 || ids->shape[0] < 1 || ids->shape[0] > MAX_ROWS || ids->shape[1] < 1 ||
        ids->shape[1] > INT32_MAX / ids->shape[0]) {
        error_set(error, ASSAY_ERROR_SHAPE, "input_ids must be (rows, longest)");
        error_at_file(error, safetensors_file_path(r->file, 0));
        return ASSAY_ERROR_SHAPE;
    }
    r->rows = ids->shape[0];
    r->longest = ids->shape[1];
    int64_t *lengths;
    assay_status status = read_integers(&lengths, r, "lengths", r->rows, error);
    if (status != ASSAY_OK)
        return status;
    r->offsets = memory_allocate_zeroed((size_t)r->rows + 1, sizeof *r->offsets);
    if (!r->offsets)
        status = error_memory(error, (size_t)r->rows * sizeof *r->offsets);
    for (int64_t i = 0; status == ASSAY_OK && i < r->rows; i++) {
        if (lengths[i] < 1 || lengths[i] > r->longest) {
            status = error_set(error, ASSAY_ERROR_FORMAT, "a length is outside its row");
            error_at_row(error, i + 1, 0);
            error_at_place(error, "lengths");
        } else {
            r->offsets[i + 1] = r->offsets[i] + (int32_t)lengths[i];
        }
    }
    memory_free(lengths);
    return status;
}

static assay_status read_rows(struct parity_reference *r, const assay_model *model,
                              assay_error *error)
{
    assay_status status = read_layout(r, error);
    if (status != ASSAY_OK)
        return status;
    status = packed_tokens(&r->ids, r, "input_ids", error);
    if (status == ASSAY_OK && safetensors_find(r->file, "token_type_ids"))
        status = packed_tokens(&r->types, r, "token_type_ids", error);
    return status == ASSAY_OK
               ? model_check_rows(model, r->ids, r->types, r->offsets, r->rows, error)
               : status;
}

/* The label after each token, as a causal model is trained; the last token of a row has none. */
static void shift_labels(struct parity_reference *r)
{
    for (int64_t row = 0; row < r->rows; row++) {
        for (int64_t i = r->offsets[row]; i + 1 < r->offsets[row + 1]; i++)
            r->labels[i] = r->labels[i + 1];
        r->labels[r->offsets[row + 1] - 1] = -1;
    }
}

static assay_status read_labels(struct parity_reference *r, const assay_model *model,
                                assay_error *error)
{
    const struct safetensors_entry *labels = safetensors_find(r->file, "labels");
    const struct safetensors_entry *logits = safetensors_find(r->file, "logits.f64");
    if (!logits)
        logits = safetensors_find(r->file, "logits");
    int rank = logits ? logits->rank : labels ? labels->rank + 1 : 0;
    r->task = rank == 0 ? PARITY_BARE : rank == 2 ? PARITY_CLASSIFY : PARITY_LANGUAGE;
    if (r->task == PARITY_CLASSIFY && !(model->heads & ASSAY_HEAD_CLASSIFY))
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "the reference is of a classifier, the model has no such head");
    if (r->task == PARITY_LANGUAGE &&
        !(model->heads & (ASSAY_HEAD_MASKED_LM | ASSAY_HEAD_CAUSAL_LM)))
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "the reference is of a language model, the model has no such head");
    if (!labels)
        return ASSAY_OK;
    int64_t items = r->rows;
    assay_status status;
    if (r->task == PARITY_CLASSIFY) {
        int64_t *wide;
        status = read_integers(&wide, r, "labels", r->rows, error);
        r->labels = wide ? memory_allocate((size_t)r->rows, sizeof *r->labels) : NULL;
        if (wide && !r->labels)
            status = error_memory(error, (size_t)r->rows * sizeof *r->labels);
        for (int64_t i = 0; r->labels && i < r->rows; i++)
            r->labels[i] = wide[i] < 0 ? -1 : (int32_t)wide[i];
        memory_free(wide);
    } else {
        status = packed_tokens(&r->labels, r, "labels", error);
        items = r->offsets[r->rows];
        if (r->labels && model->family->causal)
            shift_labels(r);
    }
    if (status != ASSAY_OK)
        return status;
    int64_t classes = r->task == PARITY_CLASSIFY ? model->config.labels : model->config.vocabulary;
    for (int64_t i = 0; i < items; i++) {
        if (r->labels[i] >= classes)
            return error_set(error, ASSAY_ERROR_FORMAT, "label %d is outside the model's %lld",
                             r->labels[i], (long long)classes);
        r->valid += r->labels[i] >= 0;
    }
    r->seeds = memory_allocate((size_t)items, sizeof *r->seeds);
    if (!r->seeds)
        return error_memory(error, (size_t)items * sizeof *r->seeds);
    for (int64_t i = 0; i < items; i++)
        r->seeds[i] = r->labels[i] >= 0 ? (float)(1.0 / r->valid) : 0.0f;
    return ASSAY_OK;
}

assay_status parity_reference_open(struct parity_reference *out, const char *path,
                                   assay_error *error)
{
    *out = (struct parity_reference){0};
    return safetensors_open(&out->file, path, error);
}

assay_status parity_reference_read(struct parity_reference *r, const assay_model *model,
                                   assay_error *error)
{
    assay_status status = read_rows(r, model, error);
    return status == ASSAY_OK ? read_labels(r, model, error) : status;
}

void parity_reference_close(struct parity_reference *r)
{
    safetensors_close(r->file);
    memory_free(r->ids);
    memory_free(r->types);
    memory_free(r->offsets);
    memory_free(r->labels);
    memory_free(r->seeds);
    *r = (struct parity_reference){0};
}

bool parity_expected_name(const struct parity_reference *r, const struct safetensors_entry *entry,
                          char *name, size_t size)
{
    static const char *const inputs[] = {"input_ids", "lengths", "token_type_ids", "labels"};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        if (!strcmp(entry->name, inputs[i]))
            return false;
    }
    size_t length = strlen(entry->name);
    if (length + 5 > size)
        return false;
    strcpy(name, entry->name);
    if (length > 4 && !strcmp(name + length - 4, ".f64")) {
        name[length - 4] = '\0';
        return true;
    }
    char twin[PARITY_NAME_ROOM + 8];
    snprintf(twin, sizeof twin, "%s.f64", entry->name);
    return !safetensors_find(r->file, twin);
}
