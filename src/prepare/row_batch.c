#include "prepare/row_batch.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>

assay_status row_batch_open(struct row_batch *batch, assay_error *error)
{
    *batch = (struct row_batch){0};
    batch->rows = memory_allocate_zeroed(BATCH_ROWS, sizeof *batch->rows);
    return batch->rows ? ASSAY_OK : error_memory(error, BATCH_ROWS * sizeof *batch->rows);
}

void row_batch_free(struct row_batch *batch)
{
    memory_free(batch->rows);
    buffer_free(&batch->bytes);
    *batch = (struct row_batch){0};
}

/* The block moves while it grows, so rows hold offsets, plus one, until the batch is full. */
static const char *offset(size_t at)
{
    return (const char *)(uintptr_t)(at + 1);
}

static void settle(const char **text, const char *bytes)
{
    if (*text)
        *text = bytes + ((uintptr_t)*text - 1);
}

static bool hold_text(struct row_batch *batch, const char **out, const char *text, size_t length)
{
    *out = offset(batch->bytes.length);
    return buffer_append(&batch->bytes, text, length) && buffer_append_byte(&batch->bytes, '\0');
}

static assay_status hold_row(struct row_batch *batch, const struct row_source *source,
                             const assay_rows *rows, const assay_row *row, assay_error *error)
{
    struct held_row *held = &batch->rows[batch->count];
    *held = (struct held_row){.text_length = row->text_length, .row = row->row, .line = row->line};
    bool good = hold_text(batch, &held->text, row->text, row->text_length) &&
                (row->numbered || hold_text(batch, &held->id, row->id, strlen(row->id))) &&
                (!row->label || hold_text(batch, &held->label, row->label, strlen(row->label)));
    if (!good)
        return error_memory(error, row->text_length);
    if (source) {
        size_t begin = batch->bytes.length;
        assay_status status = row_source_hold(&batch->bytes, source, rows, row, error);
        if (status)
            return status;
        held->held = offset(begin);
        held->held_length = batch->bytes.length - begin;
        if (!buffer_append_byte(&batch->bytes, '\0'))
            return error_memory(error, 1);
    }
    batch->count++;
    return ASSAY_OK;
}

static assay_status hold_fault(struct row_batch *batch, const assay_row *row,
                               const assay_error *fault, assay_error *error)
{
    char line[1024];
    assay_error said = *fault;
    said.file[0] = '\0'; /* the row knows its line, and the card must not know paths */
    said.row = 0;
    assay_error_format(&said, line, sizeof line);
    struct held_row *held = &batch->rows[batch->count];
    *held = (struct held_row){.row = row->row, .line = row->line};
    if (!hold_text(batch, &held->fault, line, strlen(line)))
        return error_memory(error, sizeof line);
    batch->count++;
    return ASSAY_OK;
}

assay_status row_batch_fill(struct row_batch *batch, assay_rows *rows,
                            const struct row_source *source, bool keep_faulty,
                            row_batch_visitor *each, void *context, assay_error *error)
{
    assay_status status = ASSAY_OK;
    batch->count = 0;
    buffer_clear(&batch->bytes);
    while (!status && !batch->ended && batch->count < BATCH_ROWS &&
           batch->bytes.length < BATCH_BYTES) {
        assay_row row;
        assay_error fault = {0};
        status = assay_rows_next(rows, &row, &fault);
        if (status == ASSAY_OK && !row.text) {
            batch->ended = true;
        } else if (status == ASSAY_OK) {
            if (each)
                status = each(context, rows, &row, error);
            if (!status)
                status = hold_row(batch, source, rows, &row, error);
        } else if (keep_faulty && (status == ASSAY_ERROR_FORMAT || status == ASSAY_ERROR_LIMIT)) {
            status = hold_fault(batch, &row, &fault, error);
        } else if (error) {
            *error = fault;
        }
    }
    for (int64_t i = 0; i < batch->count; i++) {
        struct held_row *row = &batch->rows[i];
        settle(&row->text, batch->bytes.bytes);
        settle(&row->held, batch->bytes.bytes);
        settle(&row->id, batch->bytes.bytes);
        settle(&row->label, batch->bytes.bytes);
        settle(&row->fault, batch->bytes.bytes);
    }
    return status;
}
