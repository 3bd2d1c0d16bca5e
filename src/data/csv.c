#include "data/csv.h"

#include "assay/rows.h"
#include "base/error.h"
#include "base/memory.h"

struct parse {
    struct csv_record *record;
    struct reader *reader;
    int separator;
    size_t max_bytes;
    size_t used;
    assay_status status; /* once set, the rest of the record is read and thrown away */
    assay_error *error;
};

static void keep(struct parse *parse, int byte)
{
    if (parse->status)
        return;
    if (++parse->used > parse->max_bytes) {
        parse->status = error_set(parse->error, ASSAY_ERROR_LIMIT, "the row is too long");
        error_expected(parse->error, "at most %zu bytes", parse->max_bytes);
    } else if (!buffer_append_byte(&parse->record->bytes, (char)byte)) {
        parse->status = error_memory(parse->error, parse->record->bytes.length);
    }
}

static void end_field(struct parse *parse)
{
    struct csv_record *record = parse->record;
    if (parse->status)
        return;
    if (record->count == ASSAY_ROWS_MAX_FIELDS) {
        parse->status = error_set(parse->error, ASSAY_ERROR_LIMIT, "the row has too many fields");
        error_expected(parse->error, "at most %d", ASSAY_ROWS_MAX_FIELDS);
        return;
    }
    if (record->count == record->capacity) {
        size_t capacity = record->capacity ? 2 * record->capacity : 16;
        size_t *grown = memory_resize(record->ends, capacity, sizeof *grown);
        if (!grown) {
            parse->status = error_memory(parse->error, capacity * sizeof *grown);
            return;
        }
        record->ends = grown;
        record->capacity = capacity;
    }
    record->ends[record->count++] = record->bytes.length;
    if (!buffer_append_byte(&record->bytes, '\0'))
        parse->status = error_memory(parse->error, record->bytes.length);
}

static bool at_line_end(struct parse *parse, int byte)
{
    if (byte == '\r' && reader_peek(parse->reader) == '\n')
        byte = reader_byte(parse->reader);
    return byte == '\n';
}

/* From behind the opening quote to behind the closing one. */
static void quoted(struct parse *parse)
{
    int64_t line = parse->reader->line;
    for (;;) {
        int byte = reader_byte(parse->reader);
        if (byte < 0) {
            if (!parse->status) {
                parse->status = error_set(parse->error, ASSAY_ERROR_FORMAT,
                                          "a quoted field is not closed before the file ends");
                error_at_row(parse->error, line, 0);
            }
            return;
        }
        if (byte == '"') {
            if (reader_peek(parse->reader) != '"')
                return;
            reader_byte(parse->reader);
        }
        keep(parse, byte);
    }
}

/* One field; true when it was the record's last. */
static bool field(struct parse *parse)
{
    bool was_quoted = reader_peek(parse->reader) == '"';
    if (was_quoted) {
        reader_byte(parse->reader);
        quoted(parse);
    }
    for (;;) {
        int byte = reader_byte(parse->reader);
        if (byte == '\r' && reader_peek(parse->reader) == READER_END)
            byte = READER_END;
        bool last = byte < 0 || at_line_end(parse, byte);
        if (last || byte == parse->separator) {
            end_field(parse);
            return last;
        }
        if (was_quoted && !parse->status) {
            parse->status = error_set(parse->error, ASSAY_ERROR_FORMAT,
                                      "something follows the quote that closes a field");
            error_expected(parse->error, "a separator or the end of the line");
            error_at_place(parse->error, "field %zu", parse->record->count + 1);
        }
        keep(parse, byte);
    }
}

assay_status csv_next(struct csv_record *record, struct reader *reader, char separator,
                      size_t max_bytes, bool *found, assay_error *error)
{
    struct parse parse = {.record = record,
                          .reader = reader,
                          .separator = (unsigned char)separator,
                          .max_bytes = max_bytes,
                          .error = error};
    int byte;
    buffer_clear(&record->bytes);
    record->count = 0;
    while ((byte = reader_peek(reader)) == '\n' || byte == '\r') {
        reader_byte(reader);
    }
    record->line = reader->line;
    *found = byte >= 0;
    while (*found && !field(&parse))
        continue;
    return reader->failure ? reader_failure(reader, error) : parse.status;
}

const char *csv_field(const struct csv_record *record, size_t index, size_t *length)
{
    size_t begin = index ? record->ends[index - 1] + 1 : 0;
    *length = record->ends[index] - begin;
    return record->bytes.bytes + begin;
}

void csv_free(struct csv_record *record)
{
    buffer_free(&record->bytes);
    memory_free(record->ends);
    *record = (struct csv_record){0};
}
