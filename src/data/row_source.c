#include "data/row_source.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>

static bool is_table(const struct row_source *source)
{
    return source->format != ASSAY_ROWS_JSONL;
}

static char separator_of(const struct row_source *source)
{
    return source->format == ASSAY_ROWS_TSV ? '\t' : ',';
}

/* A field of a table: in quotes where it would be read as something else without them. */
static bool put_cell(struct buffer *out, const char *value, size_t length, char separator,
                     bool alone)
{
    bool quoted = alone && !length;
    for (size_t i = 0; i < length && !quoted; i++)
        quoted = value[i] == separator || value[i] == '"' || value[i] == '\n' || value[i] == '\r';
    if (!quoted)
        return buffer_append(out, value, length);
    bool good = buffer_append_byte(out, '"');
    for (size_t i = 0; i < length && good;) {
        const char *quote = memchr(value + i, '"', length - i);
        size_t run = quote ? (size_t)(quote - value) - i + 1 : length - i;
        good = buffer_append(out, value + i, run) && (!quote || buffer_append_byte(out, '"'));
        i += run;
    }
    return good && buffer_append_byte(out, '"');
}

static bool put_record(struct buffer *out, const struct csv_record *record, char separator)
{
    bool good = true;
    for (size_t i = 0; i < record->count && good; i++) {
        size_t length;
        const char *value = csv_field(record, i, &length);
        good = (!i || buffer_append_byte(out, separator)) &&
               put_cell(out, value, length, separator, record->count == 1);
    }
    return good;
}

static assay_status take_header(struct row_source *source, const struct csv_record *header,
                                assay_error *error)
{
    source->columns = memory_allocate_zeroed(header->count, sizeof *source->columns);
    if (!source->columns || !put_record(&source->header, header, separator_of(source)))
        return error_memory(error, header->bytes.length);
    for (; source->column_count < header->count; source->column_count++) {
        size_t length;
        const char *name = csv_field(header, source->column_count, &length);
        if (!(source->columns[source->column_count] = memory_copy_bytes(name, length)))
            return error_memory(error, length);
    }
    return ASSAY_OK;
}

assay_status row_source_open(struct row_source *source, const assay_rows *rows, assay_error *error)
{
    static const char *const made[] = {[ROW_TEXT] = "text", [ROW_ID] = "id", [ROW_LABEL] = "label"};
    assay_rows_format format = rows_format(rows);
    bool kept = format == ASSAY_ROWS_JSONL || format == ASSAY_ROWS_CSV || format == ASSAY_ROWS_TSV;
    *source = (struct row_source){.format = kept ? format : ASSAY_ROWS_JSONL};
    assay_status status = ASSAY_OK;
    for (int role = ROW_TEXT; role <= ROW_LABEL && !status; role++) {
        const char *name = kept ? rows_field_name(rows, (enum row_role)role) : made[role];
        if (name && !(source->names[role] = memory_copy_string(name)))
            status = error_memory(error, strlen(name));
    }
    if (!status && is_table(source))
        status = take_header(source, rows_header(rows), error);
    if (status)
        row_source_close(source);
    return status;
}

void row_source_close(struct row_source *source)
{
    for (int role = ROW_TEXT; role <= ROW_LABEL; role++)
        memory_free(source->names[role]);
    for (size_t i = 0; i < source->column_count; i++)
        memory_free(source->columns[i]);
    memory_free(source->columns);
    buffer_free(&source->header);
    *source = (struct row_source){0};
}

const char *row_source_ending(const struct row_source *source)
{
    return source->format == ASSAY_ROWS_CSV   ? ".csv"
           : source->format == ASSAY_ROWS_TSV ? ".tsv"
                                              : ".jsonl";
}

/* Rows of sources that have no fields. */
static bool put_made(struct buffer *held, const assay_row *row)
{
    struct json_writer writer = {.out = held};
    json_begin_object(&writer);
    if (!row->numbered)
        json_put_named_string(&writer, "id", row->id);
    json_key(&writer, "text");
    json_put_bytes(&writer, row->text, row->text_length);
    if (row->label)
        json_put_named_string(&writer, "label", row->label);
    json_end_object(&writer);
    return !writer.failed;
}

assay_status row_source_hold(struct buffer *held, const struct row_source *source,
                             const assay_rows *rows, const assay_row *row, assay_error *error)
{
    bool good;
    if (is_table(source))
        good = put_record(held, rows_record(rows), separator_of(source));
    else if (rows_format(rows) == ASSAY_ROWS_JSONL)
        good = buffer_append(held, rows_line(rows)->bytes, rows_line(rows)->length);
    else
        good = put_made(held, row);
    return good ? ASSAY_OK : error_memory(error, row->text_length);
}

/* ---- JSON: members found in a line that was parsed before, so that it is known to be well formed.
 * All the same nothing here reads beyond its end. */

struct span {
    size_t begin, end;
};

static size_t skip_space(const char *text, size_t length, size_t at)
{
    while (at < length &&
           (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n'))
        at++;
    return at;
}

/* From behind the opening quote to behind the closing one. */
static size_t skip_string(const char *text, size_t length, size_t at)
{
    while (at < length && text[at] != '"')
        at += text[at] == '\\' ? 2 : 1;
    return at < length ? at + 1 : length;
}

static size_t skip_value(const char *text, size_t length, size_t at)
{
    size_t depth = 0;
    while (at < length) {
        char c = text[at];
        if (c == '"') {
            at = skip_string(text, length, at + 1);
            if (!depth)
                return at;
            continue;
        }
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (!depth)
                return at;
            if (!--depth)
                return at + 1;
        } else if (!depth && (c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n')) {
            return at;
        }
        at++;
    }
    return at;
}

/* The next member from *at on, its key with the quotes; false behind the last. */
static bool next_member(const char *text, size_t length, size_t *at, struct span *key,
                        struct span *value)
{
    size_t i = skip_space(text, length, *at);
    if (i < length && (text[i] == ',' || text[i] == '{'))
        i = skip_space(text, length, i + 1);
    if (i >= length || text[i] != '"')
        return false;
    key->begin = i;
    i = key->end = skip_string(text, length, i + 1);
    i = skip_space(text, length, i);
    if (i >= length || text[i] != ':')
        return false;
    value->begin = skip_space(text, length, i + 1);
    value->end = *at = skip_value(text, length, value->begin);
    return true;
}

static bool is_named(const char *key, size_t length, const char *name)
{
    if (!memchr(key, '\\', length))
        return length == strlen(name) + 2 && !memcmp(key + 1, name, length - 2);
    struct json *parsed;
    if (json_parse(&parsed, key, length, NULL, NULL))
        return false;
    bool same = json_string_length(parsed) == strlen(name) && !strcmp(json_string(parsed), name);
    json_free(parsed);
    return same;
}

static bool write_object(struct buffer *out, const char *held, size_t length,
                         const struct row_change *changes, size_t count)
{
    struct span key, value;
    size_t at = 0, copied = 0;
    while (count && next_member(held, length, &at, &key, &value)) {
        const struct row_change *change = NULL;
        for (size_t i = 0; i < count && !change; i++) {
            if (is_named(held + key.begin, key.end - key.begin, changes[i].name))
                change = &changes[i];
        }
        if (!change)
            continue;
        struct json_writer writer = {.out = out};
        if (!buffer_append(out, held + copied, value.begin - copied))
            return false;
        json_put_bytes(&writer, change->value, change->length);
        if (writer.failed)
            return false;
        copied = value.end;
    }
    return buffer_append(out, held + copied, length - copied);
}

/* ---- tables, in the form that put_record gives them */

/* The next cell into `cell`; *at comes to stand on the separator or the end. */
static bool next_cell(struct buffer *cell, const char *held, size_t length, size_t *at,
                      char separator)
{
    size_t i = *at;
    buffer_clear(cell);
    if (i < length && held[i] == '"') {
        for (i++; i < length; i++) {
            if (held[i] == '"' && (++i == length || held[i] != '"'))
                break;
            if (!buffer_append_byte(cell, held[i]))
                return false;
        }
    } else {
        const char *end = memchr(held + i, separator, length - i);
        size_t run = end ? (size_t)(end - held) - i : length - i;
        if (!buffer_append(cell, held + i, run))
            return false;
        i += run;
    }
    *at = i;
    return true;
}

static bool write_record(struct buffer *out, const struct row_source *source, const char *held,
                         size_t length, const struct row_change *changes, size_t count)
{
    struct buffer cell = {0};
    char separator = separator_of(source);
    size_t at = 0;
    bool good = true;
    for (size_t column = 0; column < source->column_count && good; column++) {
        good = next_cell(&cell, held, length, &at, separator) &&
               (!column || buffer_append_byte(out, separator));
        const char *value = cell.bytes ? cell.bytes : "";
        size_t value_length = cell.length;
        for (size_t i = 0; i < count; i++) {
            if (strcmp(changes[i].name, source->columns[column]) != 0)
                continue;
            value = changes[i].value;
            value_length = changes[i].length;
        }
        good = good && put_cell(out, value, value_length, separator, source->column_count == 1);
        at += at < length;
    }
    buffer_free(&cell);
    return good;
}

assay_status row_source_write(struct buffer *out, const struct row_source *source, const char *held,
                              size_t length, const struct row_change *changes, size_t count,
                              assay_error *error)
{
    bool good;
    if (!count)
        good = buffer_append(out, held, length);
    else if (is_table(source))
        good = write_record(out, source, held, length, changes, count);
    else
        good = write_object(out, held, length, changes, count);
    return good && buffer_append_byte(out, '\n') ? ASSAY_OK : error_memory(error, length);
}

assay_status row_source_write_json(struct buffer *out, const struct row_source *source,
                                   const char *held, size_t length, assay_error *error)
{
    if (!is_table(source))
        return buffer_append(out, held, length) ? ASSAY_OK : error_memory(error, length);
    struct json_writer writer = {.out = out};
    struct buffer cell = {0};
    size_t at = 0;
    bool good = true;
    json_begin_object(&writer);
    for (size_t column = 0; column < source->column_count && good; column++) {
        good = next_cell(&cell, held, length, &at, separator_of(source));
        json_key(&writer, source->columns[column]);
        json_put_bytes(&writer, cell.bytes ? cell.bytes : "", good ? cell.length : 0);
        at += at < length;
    }
    json_end_object(&writer);
    buffer_free(&cell);
    return good && !writer.failed ? ASSAY_OK : error_memory(error, length);
}
