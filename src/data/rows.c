#include "assay/rows.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "data/class_folder.h"
#include "data/csv.h"
#include "data/row_source.h"
#include "data/unfinished.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum role { TEXT, PAIR, ID, LABEL, ROLE_COUNT };

static const char *const usual_names[ROLE_COUNT] = {"text", NULL, "id", "label"};
static const char STANDARD_INPUT[] = "standard input";

enum { NO_COLUMN = -1, NAMED_FIELDS_SHOWN = 100 };

struct assay_rows {
    assay_rows_format format;
    char *path;
    char *names[ROLE_COUNT]; /* NULL: this role is not looked for */
    bool named[ROLE_COUNT];  /* by the caller, so it must exist */
    size_t max_bytes;
    bool ended;
    int64_t row;
    uint64_t bytes_before; /* of the folder's files that are done */
    struct reader reader;
    struct buffer line;
    struct json *json; /* the present row of .jsonl */
    struct csv_record header;
    struct csv_record record;
    int columns[ROLE_COUNT];
    struct class_folder folder;
    const char *file;
    char number[24];
    struct buffer scratch[ROLE_COUNT]; /* values that are not strings, as text */
    struct buffer field;
};

static assay_rows_format format_of(const char *path)
{
    static const struct {
        const char *ending;
        assay_rows_format format;
    } endings[] = {{".jsonl", ASSAY_ROWS_JSONL},
                   {".ndjson", ASSAY_ROWS_JSONL},
                   {".csv", ASSAY_ROWS_CSV},
                   {".tsv", ASSAY_ROWS_TSV}};
    if (strcmp(path, "-") == 0)
        return ASSAY_ROWS_LINES;
    if (file_is_folder(path))
        return ASSAY_ROWS_FOLDER;
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t ending = strlen(endings[i].ending);
        if (length >= ending && strcasecmp(path + length - ending, endings[i].ending) == 0)
            return endings[i].format;
    }
    return ASSAY_ROWS_WHOLE;
}

static assay_status take_options(struct assay_rows *rows, const char *path,
                                 const assay_rows_options *options, assay_error *error)
{
    const assay_rows_options none = ASSAY_ROWS_OPTIONS_INIT;
    if (!options)
        options = &none;
    if (error_options(error, options->struct_size, sizeof *options, "ASSAY_ROWS_OPTIONS_INIT"))
        return ASSAY_ERROR_ARGUMENT;
    if (options->format > ASSAY_ROWS_FOLDER)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "unknown format of rows");
    const char *wanted[ROLE_COUNT] = {options->text_field, options->pair_field, options->id_field,
                                      options->label_field};
    for (int role = 0; role < ROLE_COUNT; role++) {
        const char *name = wanted[role] ? wanted[role] : usual_names[role];
        rows->columns[role] = NO_COLUMN;
        if (role != TEXT && name && !*name)
            continue;
        rows->named[role] = wanted[role] != NULL || role == TEXT;
        if (name && !(rows->names[role] = memory_copy_string(name)))
            return error_memory(error, strlen(name));
    }
    rows->format = options->format ? options->format : format_of(path);
    rows->max_bytes = options->max_row_bytes ? options->max_row_bytes : ASSAY_ROWS_MAX_BYTES;
    rows->path = memory_copy_string(strcmp(path, "-") == 0 ? STANDARD_INPUT : path);
    rows->file = rows->path;
    return rows->path ? ASSAY_OK : error_memory(error, strlen(path));
}

/* Says that a field is missing and which ones there are. */
static assay_status missing_field(const char *wanted, const struct buffer *present,
                                  assay_error *error)
{
    error_set(error, ASSAY_ERROR_FORMAT, "there is no field of this name");
    error_at_place(error, "%s", wanted);
    error_expected(error, "%s", wanted);
    error_found(error, "%s", present->length ? present->bytes : "no fields");
    return ASSAY_ERROR_FORMAT;
}

static bool append_name(struct buffer *list, const char *name)
{
    if (list->length > NAMED_FIELDS_SHOWN)
        return true;
    return (!list->length || buffer_append_string(list, ", ")) && buffer_append_string(list, name);
}

static assay_status find_columns(struct assay_rows *rows, assay_error *error)
{
    struct buffer present = {0};
    assay_status status = ASSAY_OK;
    for (size_t i = 0; i < rows->header.count && !status; i++) {
        size_t length;
        const char *name = csv_field(&rows->header, i, &length);
        if (!append_name(&present, name))
            status = error_memory(error, length);
        for (int role = 0; role < ROLE_COUNT && !status; role++) {
            if (!rows->names[role] || strcmp(rows->names[role], name) != 0)
                continue;
            if (rows->columns[role] != NO_COLUMN) {
                status = error_set(error, ASSAY_ERROR_FORMAT, "two columns have this name");
                error_at_place(error, "%s", name);
            }
            rows->columns[role] = (int)i;
        }
    }
    for (int role = 0; role < ROLE_COUNT && !status; role++) {
        if (rows->named[role] && rows->columns[role] == NO_COLUMN)
            status = missing_field(rows->names[role], &present, error);
    }
    buffer_free(&present);
    return status;
}

static assay_status next_record(struct assay_rows *rows, struct csv_record *record, bool *found,
                                assay_error *error)
{
    char separator = rows->format == ASSAY_ROWS_TSV ? '\t' : ',';
    return csv_next(record, &rows->reader, separator, rows->max_bytes, found, error);
}

static assay_status read_header(struct assay_rows *rows, assay_error *error)
{
    bool found;
    assay_status status = next_record(rows, &rows->header, &found, error);
    if (!status && !found)
        status = error_set(error, ASSAY_ERROR_FORMAT, "the file has no header line");
    if (!status)
        status = find_columns(rows, error);
    if (status)
        error_at_row(error, found ? rows->header.line : 1, 0);
    return status;
}

assay_status assay_rows_open(assay_rows **out, const char *path, const assay_rows_options *options,
                             assay_error *error)
{
    if (!out)
        return error_needs(error, __func__, "out");
    *out = NULL;
    if (!path)
        return error_needs(error, __func__, "a path");
    struct assay_rows *rows = memory_allocate(1, sizeof *rows);
    if (!rows)
        return error_memory(error, sizeof *rows);
    memset(rows, 0, sizeof *rows);
    rows->reader.fd = -1;
    assay_status status = take_options(rows, path, options, error);
    if (!status && rows->format != ASSAY_ROWS_FOLDER && strcmp(path, "-") != 0)
        status = unfinished_check(path, error);
    if (!status && rows->format == ASSAY_ROWS_FOLDER)
        status = class_folder_open(&rows->folder, path, error);
    else if (!status)
        status = reader_open(&rows->reader, path, error);
    if (!status && (rows->format == ASSAY_ROWS_CSV || rows->format == ASSAY_ROWS_TSV))
        status = read_header(rows, error);
    if (status) {
        error_at_file(error, rows->path ? rows->path : path);
        assay_rows_close(rows);
    } else {
        *out = rows;
    }
    return status;
}

void assay_rows_close(assay_rows *rows)
{
    if (!rows)
        return;
    reader_close(&rows->reader);
    class_folder_close(&rows->folder);
    csv_free(&rows->header);
    csv_free(&rows->record);
    json_free(rows->json);
    buffer_free(&rows->line);
    buffer_free(&rows->field);
    for (int role = 0; role < ROLE_COUNT; role++) {
        buffer_free(&rows->scratch[role]);
        memory_free(rows->names[role]);
    }
    memory_free(rows->path);
    memory_free(rows);
}

/* Text of a file is UTF-8 or refused with the place of the first byte that is not. */
static assay_status check_text(const char *text, size_t length, const char *place,
                               assay_error *error)
{
    size_t valid = utf8_valid_prefix(text, length);
    if (valid == length)
        return ASSAY_OK;
    unsigned char byte = (unsigned char)text[valid];
    bool utf16 =
        length > 1 && valid == 0 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2));
    error_set(error, ASSAY_ERROR_FORMAT, "not UTF-8%s", utf16 ? "; it looks like UTF-16" : "");
    if (place)
        error_at_place(error, "%s", place);
    error_found(error, "byte 0x%02x at position %zu", byte, valid + 1);
    return ASSAY_ERROR_FORMAT;
}

static assay_status check_name(const char *value, size_t length, const char *place,
                               assay_error *error)
{
    if (strlen(value) == length)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_FORMAT, "a zero byte stands in it");
    error_at_place(error, "%s", place);
    return ASSAY_ERROR_FORMAT;
}

static void set_value(assay_row *row, enum role role, const char *value, size_t length)
{
    switch (role) {
    case TEXT:
        row->text = value;
        row->text_length = length;
        break;
    case PAIR:
        row->pair = value;
        row->pair_length = length;
        break;
    case ID:
        row->id = value;
        break;
    default:
        row->label = value;
        break;
    }
}

static bool as_json_text(struct buffer *out, const struct json *value)
{
    struct json_writer writer = {.out = out};
    buffer_clear(out);
    json_put_value(&writer, value);
    return !writer.failed;
}

struct member_search {
    struct buffer present;
    const char *wanted;
    bool found; /* so it is null */
};

static assay_status add_key(void *context, const char *key, size_t key_length,
                            const struct json *value, assay_error *error)
{
    struct member_search *search = context;
    (void)value;
    search->found = search->found || strcmp(key, search->wanted) == 0;
    return append_name(&search->present, key) ? ASSAY_OK : error_memory(error, key_length);
}

static assay_status missing_member(const struct assay_rows *rows, enum role role,
                                   assay_error *error)
{
    struct member_search search = {.wanted = rows->names[role]};
    assay_status status = json_each_member(rows->json, add_key, &search, error);
    if (!status && search.found) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "the field is null");
        error_at_place(error, "%s", search.wanted);
        error_expected(error, "a value");
        error_found(error, "null");
    } else if (!status) {
        status = missing_field(search.wanted, &search.present, error);
    }
    buffer_free(&search.present);
    return status;
}

static assay_status take_member(struct assay_rows *rows, assay_row *row, enum role role,
                                assay_error *error)
{
    const struct json *value = json_member(rows->json, rows->names[role]);
    enum json_kind kind = json_kind(value);
    if (kind == JSON_STRING) {
        set_value(row, role, json_string(value), json_string_length(value));
        return role == ID || role == LABEL
                   ? check_name(json_string(value), json_string_length(value), rows->names[role],
                                error)
                   : ASSAY_OK;
    }
    if (kind == JSON_NULL)
        return rows->named[role] ? missing_member(rows, role, error) : ASSAY_OK;
    bool number = kind == JSON_INTEGER || kind == JSON_NUMBER;
    if (!(role == ID && number) && !(role == LABEL && (number || kind == JSON_BOOLEAN))) {
        error_set(error, ASSAY_ERROR_FORMAT, "wrong kind of value");
        error_at_place(error, "%s", rows->names[role]);
        error_expected(error, "%s",
                       role == ID      ? "a string or a number"
                       : role == LABEL ? "a string, a number or a boolean"
                                       : "a string");
        error_found(error, "%s", json_kind_name(kind));
        return ASSAY_ERROR_FORMAT;
    }
    if (!as_json_text(&rows->scratch[role], value))
        return error_memory(error, rows->scratch[role].length);
    set_value(row, role, rows->scratch[role].bytes, rows->scratch[role].length);
    return ASSAY_OK;
}

static bool is_blank(const struct buffer *line)
{
    return !line->length || strspn(line->bytes, " \t\r") == line->length;
}

static assay_status next_line(struct assay_rows *rows, assay_row *row, bool skip_blank, bool *found,
                              assay_error *error)
{
    assay_status status;
    do {
        buffer_clear(&rows->line);
        row->line = rows->reader.line;
        status = reader_line(&rows->reader, &rows->line, rows->max_bytes, found, error);
    } while (!status && *found && skip_blank && is_blank(&rows->line));
    return status;
}

static assay_status next_json(struct assay_rows *rows, assay_row *row, bool *found,
                              assay_error *error)
{
    json_free(rows->json);
    rows->json = NULL;
    assay_status status = next_line(rows, row, true, found, error);
    if (status || !*found)
        return status;
    status = json_parse(&rows->json, rows->line.bytes, rows->line.length, NULL, error);
    if (status) {
        if (error) /* the parser counted from the start of this line */
            error->row = row->line;
        return status;
    }
    if (json_kind(rows->json) != JSON_OBJECT) {
        error_set(error, ASSAY_ERROR_FORMAT, "the row is not an object");
        error_expected(error, "an object");
        error_found(error, "%s", json_kind_name(json_kind(rows->json)));
        return ASSAY_ERROR_FORMAT;
    }
    for (int role = 0; role < ROLE_COUNT && !status; role++) {
        if (rows->names[role])
            status = take_member(rows, row, (enum role)role, error);
    }
    return status;
}

static assay_status next_csv(struct assay_rows *rows, assay_row *row, bool *found,
                             assay_error *error)
{
    assay_status status = next_record(rows, &rows->record, found, error);
    row->line = rows->record.line;
    if (status || !*found)
        return status;
    if (rows->record.count != rows->header.count) {
        error_set(error, ASSAY_ERROR_FORMAT,
                  "the row has another number of fields than the header");
        error_expected(error, "%zu fields", rows->header.count);
        error_found(error, "%zu", rows->record.count);
        return ASSAY_ERROR_FORMAT;
    }
    for (int role = 0; role < ROLE_COUNT && !status; role++) {
        if (rows->columns[role] == NO_COLUMN)
            continue;
        size_t length;
        const char *value = csv_field(&rows->record, (size_t)rows->columns[role], &length);
        status = check_text(value, length, rows->names[role], error);
        if ((role == ID || role == LABEL) && length == 0)
            continue; /* an empty cell is an absent one */
        if (!status && (role == ID || role == LABEL))
            status = check_name(value, length, rows->names[role], error);
        set_value(row, (enum role)role, value, length);
    }
    return status;
}

static assay_status next_text_line(struct assay_rows *rows, assay_row *row, bool *found,
                                   assay_error *error)
{
    assay_status status = next_line(rows, row, false, found, error);
    if (status || !*found)
        return status;
    set_value(row, TEXT, rows->line.bytes ? rows->line.bytes : "", rows->line.length);
    return check_text(row->text, row->text_length, NULL, error);
}

static assay_status whole_text(struct assay_rows *rows, assay_row *row, assay_error *error)
{
    buffer_clear(&rows->line);
    row->line = 1;
    assay_status status = reader_rest(&rows->reader, &rows->line, rows->max_bytes, error);
    if (status)
        return status;
    set_value(row, TEXT, rows->line.bytes ? rows->line.bytes : "", rows->line.length);
    return check_text(row->text, row->text_length, NULL, error);
}

static assay_status next_file(struct assay_rows *rows, assay_row *row, bool *found,
                              assay_error *error)
{
    const char *path;
    rows->bytes_before += rows->reader.bytes;
    rows->reader.bytes = 0;
    reader_close(&rows->reader);
    rows->file = rows->path; /* the last file's name goes */
    assay_status status = class_folder_next(&rows->folder, &path, &row->label, &row->id, error);
    *found = status || path;
    if (status || !path)
        return status;
    rows->file = path;
    status = reader_open(&rows->reader, path, error);
    if (!status)
        status = whole_text(rows, row, error);
    return status;
}

assay_status assay_rows_next(assay_rows *rows, assay_row *row, assay_error *error)
{
    if (!row)
        return error_needs(error, __func__, "row");
    *row = (assay_row){0};
    if (!rows)
        return error_needs(error, __func__, "rows");
    bool found = !rows->ended;
    if (!found)
        return ASSAY_OK;
    assay_status status = ASSAY_OK;
    switch (rows->format) {
    case ASSAY_ROWS_JSONL:
        status = next_json(rows, row, &found, error);
        break;
    case ASSAY_ROWS_CSV:
    case ASSAY_ROWS_TSV:
        status = next_csv(rows, row, &found, error);
        break;
    case ASSAY_ROWS_LINES:
        status = next_text_line(rows, row, &found, error);
        break;
    case ASSAY_ROWS_FOLDER:
        status = next_file(rows, row, &found, error);
        break;
    default:
        status = whole_text(rows, row, error);
        rows->ended = true;
        break;
    }
    if (!found || rows->reader.failure)
        rows->ended = rows->format != ASSAY_ROWS_FOLDER || !found;
    rows->row += found;
    row->row = rows->row;
    row->file = rows->file;
    if (status) {
        row->text = NULL;
        error_at_file(error, rows->file);
        error_at_row(error, row->line, 0);
        return status;
    }
    if (found && !row->id) {
        snprintf(rows->number, sizeof rows->number, "%" PRId64, rows->row);
        row->id = rows->number;
        row->numbered = true;
    }
    return ASSAY_OK;
}

assay_rows_format rows_format(const assay_rows *rows)
{
    return rows->format;
}

const struct buffer *rows_line(const assay_rows *rows)
{
    return &rows->line;
}

const struct csv_record *rows_header(const assay_rows *rows)
{
    return &rows->header;
}

const struct csv_record *rows_record(const assay_rows *rows)
{
    return &rows->record;
}

const char *rows_field_name(const assay_rows *rows, enum row_role role)
{
    static const enum role roles[] = {[ROW_TEXT] = TEXT, [ROW_ID] = ID, [ROW_LABEL] = LABEL};
    return rows->names[roles[role]];
}

uint64_t assay_rows_bytes(const assay_rows *rows)
{
    if (!rows)
        return 0;
    return rows->bytes_before + rows->reader.bytes;
}

const char *assay_rows_field(assay_rows *rows, const char *name, size_t *length)
{
    size_t unused;
    if (!length)
        length = &unused;
    *length = 0;
    if (!rows || !name)
        return NULL;
    if (rows->format == ASSAY_ROWS_JSONL) {
        const struct json *value = json_member(rows->json, name);
        if (!value)
            return NULL;
        if (json_kind(value) == JSON_STRING) {
            *length = json_string_length(value);
            return json_string(value);
        }
        if (!as_json_text(&rows->field, value))
            return NULL;
        *length = rows->field.length;
        return rows->field.bytes;
    }
    for (size_t i = 0; i < rows->header.count && i < rows->record.count; i++) {
        size_t name_length;
        if (strcmp(csv_field(&rows->header, i, &name_length), name) == 0)
            return csv_field(&rows->record, i, length);
    }
    return NULL;
}
