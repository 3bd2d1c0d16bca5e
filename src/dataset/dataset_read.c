#include "dataset/dataset_read.h"

#include "assay/rows.h"
#include "base/error.h"
#include "base/memory.h"
#include "dataset/dataset_classes.h"
#include "dataset/dataset_ids.h"
#include "dataset/dataset_key.h"

#include <math.h>
#include <string.h>

enum { FIRST_ROOM = 1024, BLOCK = 4096 };

/* Token types come in runs: one for all texts, a few a row for pairs. */
struct type_run {
    uint32_t count;
    int32_t type;
};

struct reading {
    const struct dataset_request *request;
    const char *text_name, *label_name;
    assay_rows *rows;
    struct cache_writer *writer;
    assay_encoding encoding;
    struct cache_counts counts;
    int64_t room; /* of the arrays a row */
    int32_t *lengths;
    int64_t *lines;
    void *labels; /* int32_t: the class as it came; or float */
    struct type_run *runs;
    size_t run_count, run_room;
    struct dataset_classes classes;
    struct buffer names;
    struct dataset_ids ids;
};

static bool grow(void *array, size_t count, size_t size)
{
    void **place = array;
    void *larger = memory_resize(*place, count, size);
    if (larger)
        *place = larger;
    return larger != NULL;
}

static assay_status make_room(struct reading *r, assay_error *error)
{
    if (r->counts.rows < r->room)
        return ASSAY_OK;
    size_t room = r->room ? 2 * (size_t)r->room : FIRST_ROOM;
    if (!grow(&r->lengths, room, sizeof *r->lengths) || !grow(&r->lines, room, sizeof *r->lines) ||
        (r->request->labels != DATASET_UNLABELLED && !grow(&r->labels, room, sizeof(int32_t))))
        return error_memory(error, room * sizeof *r->lines);
    r->room = (int64_t)room;
    return ASSAY_OK;
}

static assay_status add_types(struct reading *r, assay_error *error)
{
    for (int32_t i = 0; i < r->encoding.count; i++) {
        int32_t type = r->encoding.type_ids[i];
        struct type_run *last = r->run_count ? &r->runs[r->run_count - 1] : NULL;
        r->counts.has_types |= type != 0;
        if (last && last->type == type && last->count < UINT32_MAX) {
            last->count++;
            continue;
        }
        if (r->run_count == r->run_room) {
            size_t room = r->run_room ? 2 * r->run_room : FIRST_ROOM;
            if (!grow(&r->runs, room, sizeof *r->runs))
                return error_memory(error, room * sizeof *r->runs);
            r->run_room = room;
        }
        r->runs[r->run_count++] = (struct type_run){1, type};
    }
    return ASSAY_OK;
}

static assay_status add_number(struct reading *r, const char *label, assay_error *error)
{
    double number;
    if (!dataset_number(&number, label) || !isfinite((float)number)) {
        error_set(error, ASSAY_ERROR_FORMAT, "the label is not a number");
        error_expected(error, "a finite number");
        error_found(error, "%s", label);
        return ASSAY_ERROR_FORMAT;
    }
    ((float *)r->labels)[r->counts.rows] = (float)number;
    return ASSAY_OK;
}

static assay_status add_label(struct reading *r, const assay_row *row, assay_error *error)
{
    assay_status status;
    if (r->request->labels == DATASET_UNLABELLED)
        return ASSAY_OK;
    if (!row->label || !*row->label) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "the row has no label");
        error_expected(error, "%s",
                       r->request->labels == DATASET_NUMBERS ? "a finite number"
                                                             : "a word, a number or a boolean");
        error_found(error, "nothing");
    } else if (r->request->labels == DATASET_NUMBERS) {
        status = add_number(r, row->label, error);
    } else {
        int32_t *labels = r->labels;
        status = dataset_classes_add(&labels[r->counts.rows], &r->classes, row->label, error);
    }
    if (status)
        error_at_place(error, "%s", r->label_name);
    return status;
}

static assay_status add_tokens(struct reading *r, const assay_row *row, assay_error *error)
{
    assay_encode_options options = ASSAY_ENCODE_OPTIONS_INIT;
    options.truncation = ASSAY_TRUNCATE_LONGEST_FIRST;
    options.max_tokens = r->request->max_tokens;
    assay_status status =
        assay_tokenizer_encode(r->request->tokenizer, &r->encoding, row->text, row->text_length,
                               row->pair, row->pair_length, &options, error);
    int32_t count = r->encoding.count;
    if (!status && count < 1) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "the text gives no tokens");
        error_expected(error, "at least one token");
        error_found(error, row->text_length ? "%zu bytes of text" : "an empty text",
                    row->text_length);
    }
    if (!status)
        status = add_types(r, error);
    if (status) {
        error_at_place(error, "%s", r->text_name);
        return status;
    }
    r->lengths[r->counts.rows] = count;
    r->counts.tokens += count;
    r->counts.truncated += r->encoding.truncated;
    r->counts.longest = count > r->counts.longest ? count : r->counts.longest;
    return cache_writer_put(r->writer, r->encoding.ids, (size_t)count * sizeof(int32_t), error);
}

static assay_status add_row(struct reading *r, const assay_row *row, assay_error *error)
{
    const char *pair_name = dataset_field(r->request, "pair");
    assay_status status = make_room(r, error);
    if (!status && pair_name && !row->pair) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "the row has no second text");
        error_at_place(error, "%s", pair_name);
    }
    if (!status)
        status = add_label(r, row, error);
    if (!status) {
        const char *id_name = dataset_field(r->request, "id");
        status = dataset_ids_add(&r->ids, row->numbered ? NULL : row->id, error);
        error_at_place(status ? error : NULL, "%s", id_name ? id_name : "id");
    }
    if (!status)
        status = add_tokens(r, row, error);
    if (status) {
        error_at_row(error, row->line, 0);
        error_at_file(error, row->file);
        return status;
    }
    r->lines[r->counts.rows++] = row->line;
    return ASSAY_OK;
}

static assay_status open_rows(struct reading *r, assay_error *error)
{
    assay_rows_options options = ASSAY_ROWS_OPTIONS_INIT;
    options.text_field = dataset_field(r->request, "text");
    options.pair_field = dataset_field(r->request, "pair");
    options.id_field = dataset_field(r->request, "id");
    /* Named, so that the error over a missing one says which fields there are. */
    options.label_field = r->request->labels == DATASET_UNLABELLED ? "" : r->label_name;
    return assay_rows_open(&r->rows, r->request->path, &options, error);
}

static assay_status read_rows(struct reading *r, struct dataset_meter *meter, assay_error *error)
{
    assay_row row;
    assay_status status;
    while (!(status = assay_rows_next(r->rows, &row, error)) && row.text) {
        status = add_row(r, &row, error);
        if (status)
            return status;
        meter->rows = r->counts.rows;
        dataset_meter_tell(meter, assay_rows_bytes(r->rows));
    }
    if (!status && !r->counts.rows)
        status = error_set(error, ASSAY_ERROR_FORMAT, "there are no rows");
    if (!status && !file_is_folder(r->request->path)) {
        status = dataset_ids_check(&r->ids, r->lines, error);
        const char *id_name = dataset_field(r->request, "id");
        error_at_place(status ? error : NULL, "%s", id_name ? id_name : "id");
    }
    error_at_file(status ? error : NULL, r->request->path);
    return status;
}

static assay_status put_types(struct reading *r, assay_error *error)
{
    int32_t block[BLOCK];
    assay_status status = ASSAY_OK;
    for (size_t i = 0; r->counts.has_types && i < r->run_count && !status; i++) {
        size_t left = r->runs[i].count;
        for (size_t k = 0; k < BLOCK && k < left; k++)
            block[k] = r->runs[i].type;
        while (left && !status) {
            size_t part = left < BLOCK ? left : BLOCK;
            status = cache_writer_put(r->writer, block, part * sizeof *block, error);
            left -= part;
        }
    }
    return status ? status : cache_writer_align(r->writer, error);
}

static assay_status put_offsets(struct reading *r, assay_error *error)
{
    int64_t at = 0;
    assay_status status = ASSAY_OK;
    for (int64_t row = 0; row <= r->counts.rows && !status; row++) {
        status = cache_writer_put(r->writer, &at, sizeof at, error);
        at += row < r->counts.rows ? r->lengths[row] : 0;
    }
    return status ? status : cache_writer_align(r->writer, error);
}

static assay_status put_array(struct reading *r, const void *array, size_t size, assay_error *error)
{
    assay_status status =
        array ? cache_writer_put(r->writer, array, (size_t)r->counts.rows * size, error) : ASSAY_OK;
    return status ? status : cache_writer_align(r->writer, error);
}

static assay_status number_classes(struct reading *r, assay_error *error)
{
    size_t count = r->classes.names.count;
    int32_t *labels = r->labels;
    int32_t *rank = memory_allocate(count, sizeof *rank);
    if (!rank)
        return error_memory(error, count * sizeof *rank);
    assay_status status = dataset_classes_sort(rank, &r->names, &r->classes, error);
    for (int64_t row = 0; row < r->counts.rows && !status; row++)
        labels[row] = rank[labels[row]];
    memory_free(rank);
    r->counts.class_count = (int32_t)count;
    r->counts.name_bytes = (int64_t)r->names.length;
    return status;
}

/* In the order of enum cache_section; the ids of tokens are there already. */
static assay_status put_sections(struct reading *r, assay_error *error)
{
    assay_status status = cache_writer_align(r->writer, error);
    if (!status)
        status = put_types(r, error);
    if (!status)
        status = put_offsets(r, error);
    if (!status)
        status = put_array(r, r->lengths, sizeof *r->lengths, error);
    if (!status && r->request->labels == DATASET_CLASSES)
        status = number_classes(r, error);
    if (!status)
        status = put_array(r, r->labels, sizeof(int32_t), error);
    if (!status)
        status = put_array(r, r->lines, sizeof *r->lines, error);
    if (!status)
        status = dataset_ids_write(&r->counts.id_bytes, &r->ids, r->writer, error);
    if (!status)
        status = cache_writer_put(r->writer, r->names.bytes, r->names.length, error);
    return status ? status : cache_writer_align(r->writer, error);
}

static assay_status check_unchanged(const struct dataset_request *request, const char *fingerprint,
                                    struct dataset_meter *meter, assay_error *error)
{
    char now[SHA256_HEX_SIZE];
    assay_status status = dataset_fingerprint(now, request->path, meter, error);
    if (status || strcmp(now, fingerprint) == 0)
        return status;
    error_set(error, ASSAY_ERROR_CHANGED, "the data changed while they were read");
    error_at_file(error, request->path);
    return ASSAY_ERROR_CHANGED;
}

assay_status dataset_make_cache(const struct dataset_request *request, const char *path,
                                const char *key, const char *fingerprint,
                                struct dataset_meter *meter, assay_error *error)
{
    struct reading r = {.request = request, .counts = {.labels = (int32_t)request->labels}};
    const char *text_name = dataset_field(request, "text");
    const char *label_name = dataset_field(request, "label");
    r.text_name = text_name ? text_name : "text";
    r.label_name = label_name ? label_name : "label";
    assay_status status = open_rows(&r, error);
    if (!status)
        status = cache_writer_open(&r.writer, path, key, fingerprint, error);
    if (!status)
        status = read_rows(&r, meter, error);
    if (!status)
        status = put_sections(&r, error);
    if (!status)
        status = check_unchanged(request, fingerprint, meter, error);
    if (status)
        cache_writer_abandon(r.writer);
    else
        status = cache_writer_finish(r.writer, &r.counts, error);
    assay_rows_close(r.rows);
    assay_encoding_free(&r.encoding);
    dataset_classes_free(&r.classes);
    dataset_ids_free(&r.ids);
    buffer_free(&r.names);
    memory_free(r.lengths);
    memory_free(r.lines);
    memory_free(r.labels);
    memory_free(r.runs);
    return status;
}
