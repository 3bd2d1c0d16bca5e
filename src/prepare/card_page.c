/* A card as a page of Markdown. */
#include "prepare/card.h"

#include <inttypes.h>
#include <string.h>

/* Text from outside inside a line of Markdown: nothing in it is markup, a table's bar or a line
 * end. */
static void put_plain(struct buffer *page, const char *text, size_t length, bool *good)
{
    for (size_t i = 0; i < length && *good; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < ' ' || c == 127)
            *good = buffer_append_byte(page, ' ');
        else if (strchr("|`*_<>[]\\&", c))
            *good = buffer_append_byte(page, '\\') && buffer_append_byte(page, (char)c);
        else
            *good = buffer_append_byte(page, (char)c);
    }
}

static void put_text(struct buffer *page, const char *text, bool *good)
{
    put_plain(page, text, strlen(text), good);
}

static void put_mark(struct buffer *page, const char *text, bool *good)
{
    *good = *good && buffer_append_string(page, text);
}

/* A value on one line: strings as they are, lists with commas, everything else as JSON. */
static void put_value(struct buffer *page, const struct json *value, bool *good)
{
    if (json_kind(value) == JSON_STRING) {
        put_plain(page, json_string(value), json_string_length(value), good);
    } else if (json_kind(value) == JSON_ARRAY) {
        for (size_t i = 0; i < json_count(value); i++) {
            put_mark(page, i ? ", " : "", good);
            const struct json *item = json_element(value, i);
            if (json_kind(item) != JSON_ARRAY)
                put_value(page, item, good);
        }
    } else {
        struct buffer text = {0};
        struct json_writer writer = {.out = &text};
        json_put_value(&writer, value);
        *good = *good && !writer.failed;
        if (*good)
            put_plain(page, text.bytes, text.length, good);
        buffer_free(&text);
    }
}

struct table {
    struct buffer *page;
    const char *group; /* NULL: a table of two columns */
    bool good;
};

static assay_status put_row(void *context, const char *key, size_t length, const struct json *value,
                            assay_error *error)
{
    struct table *table = context;
    (void)error;
    put_mark(table->page, "| ", &table->good);
    if (table->group) {
        put_text(table->page, table->group, &table->good);
        put_mark(table->page, " | ", &table->good);
    }
    put_plain(table->page, key, length, &table->good);
    put_mark(table->page, " | ", &table->good);
    put_value(table->page, value, &table->good);
    put_mark(table->page, " |\n", &table->good);
    return ASSAY_OK;
}

static assay_status put_group(void *context, const char *key, size_t length,
                              const struct json *value, assay_error *error)
{
    struct table *table = context;
    (void)length;
    table->group = key;
    return json_each_member(value, put_row, table, error);
}

static void put_table(struct buffer *page, const char *head, const struct json *object, bool *good)
{
    if (!json_count(object))
        return;
    struct table table = {.page = page, .good = *good};
    put_mark(page, "\n| ", &table.good);
    put_mark(page, head, &table.good);
    put_mark(page, " | |\n|---|---|\n", &table.good);
    json_each_member(object, put_row, &table, NULL);
    *good = table.good;
}

static void put_counts(struct buffer *page, const struct json *counts, bool *good)
{
    if (!json_count(counts))
        return;
    struct table table = {.page = page, .good = *good};
    put_mark(page, "\n| counts | | |\n|---|---|---|\n", &table.good);
    json_each_member(counts, put_group, &table, NULL);
    *good = table.good;
}

static void put_file(struct buffer *page, const char *before, const struct json *file, bool *good)
{
    if (!file)
        return;
    put_mark(page, before, good);
    put_value(page, json_member(file, "name"), good);
    if (json_member(file, "rows"))
        *good = *good &&
                buffer_format(page, ", %" PRId64 " rows", json_integer(json_member(file, "rows")));
    *good = *good && buffer_format(page, ", %" PRId64 " bytes, SHA-256 ",
                                   json_integer(json_member(file, "bytes")));
    put_value(page, json_member(file, "sha256"), good);
    put_mark(page, "\n", good);
}

static void put_list(struct buffer *page, const char *head, const struct json *list,
                     const char *none, bool *good)
{
    put_mark(page, "- ", good);
    put_mark(page, head, good);
    put_mark(page, ": ", good);
    if (json_count(list))
        put_value(page, list, good);
    else
        put_mark(page, none, good);
    put_mark(page, "\n", good);
}

static void put_step(struct buffer *page, size_t number, const struct json *step, bool *good)
{
    *good = *good && buffer_format(page, "\n## %zu. ", number);
    put_value(page, json_member(step, "verb"), good);
    put_mark(page, "\n\n", good);
    const struct json *inputs = json_member(step, "inputs");
    for (size_t i = 0; i < json_count(inputs); i++)
        put_file(page, "- from ", json_element(inputs, i), good);
    put_file(page, "- to ", json_member(step, "output"), good);
    put_file(page, "- taken out: ", json_member(step, "removed"), good);
    if (json_member(step, "expected_sha256")) {
        put_mark(page, "The file is not the one that the steps above made: SHA-256 expected ",
                 good);
        put_value(page, json_member(step, "expected_sha256"), good);
        put_mark(page, ", found ", good);
        put_value(page, json_member(step, "found_sha256"), good);
        put_mark(page, ".\n", good);
    }
    put_table(page, "settings", json_member(step, "settings"), good);
    put_counts(page, json_member(step, "counts"), good);
    const struct json *notes = json_member(step, "notes");
    for (size_t i = 0; i < json_count(notes); i++) {
        put_mark(page, i ? "- " : "\n- ", good);
        put_value(page, json_element(notes, i), good);
        put_mark(page, "\n", good);
    }
}

bool card_write_page(struct buffer *page, const struct json *root)
{
    bool good = true;
    const struct json *file = json_member(root, "file");
    const struct json *part = json_member(root, "part");
    const struct json *steps = json_member(root, "steps");
    put_mark(page, "# Data card of ", &good);
    put_value(page, json_member(file, "name"), &good);
    put_mark(page, "\n\n", &good);
    put_file(page, "- file: ", file, &good);
    put_mark(page, "- part: ", &good);
    if (part)
        put_value(page, part, &good);
    else
        put_mark(page, "not said", &good);
    put_mark(page, "\n", &good);
    put_list(page, "licences", json_member(root, "licenses"), "not said", &good);
    put_list(page, "sources", json_member(root, "sources"), "not said", &good);
    put_table(page, "label", json_member(root, "labels"), &good);
    put_table(page, "class weight", json_member(root, "class_weights"), &good);
    for (size_t i = 0; i < json_count(steps); i++)
        put_step(page, i + 1, json_element(steps, i), &good);
    return good;
}
