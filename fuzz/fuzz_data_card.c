/* The first byte chooses: a data card, which is read, carried on and made a page; or a row of
 * .jsonl or .csv whose text is replaced, after which it reads back with that text and its other
 * fields; or the words of --parts. */
#include "base/memory.h"
#include "data/row_source.h"
#include "prepare/card.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_nothing(struct json_writer *writer, const void *context)
{
    (void)writer;
    (void)context;
}

static void read_card(const char *text, size_t length)
{
    struct data_card card;
    struct assay_data_report *report = NULL;
    struct buffer json = {0}, page = {0};
    assay_error error;
    if (card_parse(&card, text, length, "card", &error))
        return;
    card_is_for_judging(&card);
    if (report_open(&report, &error))
        abort();
    struct card_file file = {"a/b.jsonl", 1, 2, "c"};
    struct card_step step = {.verb = "fuzz",
                             .inputs = &file,
                             .input_count = 1,
                             .output = file,
                             .put_settings = put_nothing,
                             .report = report};
    /* A card nested to the limit cannot be nested deeper. */
    if (card_write(&json, &page, &card, &step, &error) == ASSAY_OK) {
        struct data_card again;
        if (card_parse(&again, json.bytes, json.length, "again", &error))
            abort();
        card_close(&again);
    }
    assay_data_report_close(report);
    buffer_free(&json);
    buffer_free(&page);
    card_close(&card);
}

/* A file in memory; its path lasts until the next call. */
static int open_bytes(char path[64], const void *bytes, size_t length)
{
    int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, bytes, length) != (ssize_t)length)
        abort();
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static void replace_text(const char *bytes, size_t length, assay_rows_format format)
{
    static const char replacement[] = "new \"text\",\n\t\\";
    char path[64];
    assay_rows *rows = NULL;
    assay_row row;
    assay_rows_options options = ASSAY_ROWS_OPTIONS_INIT;
    struct row_source source = {0};
    struct buffer held = {0}, out = {0}, json = {0};
    options.format = format;
    int fd = open_bytes(path, bytes, length);
    if (assay_rows_open(&rows, path, &options, NULL) == ASSAY_OK &&
        assay_rows_next(rows, &row, NULL) == ASSAY_OK && row.text &&
        row_source_open(&source, rows, NULL) == ASSAY_OK) {
        char *label = row.label ? memory_copy_string(row.label) : NULL;
        if (row_source_hold(&held, &source, rows, &row, NULL))
            abort();
        struct row_change change = {source.names[ROW_TEXT], replacement, strlen(replacement)};
        if (source.column_count &&
            (!buffer_append(&out, source.header.bytes, source.header.length) ||
             !buffer_append_byte(&out, '\n')))
            abort();
        if (row_source_write(&out, &source, held.bytes, held.length, &change, 1, NULL) ||
            row_source_write_json(&json, &source, held.bytes, held.length, NULL))
            abort();
        assay_rows_close(rows);
        close(fd);
        fd = open_bytes(path, out.bytes, out.length);
        options.format = source.format;
        if (assay_rows_open(&rows, path, &options, NULL) || assay_rows_next(rows, &row, NULL) ||
            !row.text || row.text_length != strlen(replacement) ||
            strcmp(row.text, replacement) != 0 ||
            (label ? !row.label || strcmp(row.label, label) != 0 : row.label != NULL))
            abort();
        memory_free(label);
    }
    assay_rows_close(rows);
    row_source_close(&source);
    buffer_free(&held);
    buffer_free(&out);
    buffer_free(&json);
    close(fd);
}

static void read_parts(const char *bytes, size_t length)
{
    assay_split_part parts[ASSAY_SPLIT_MAX_PARTS];
    size_t count;
    char *words = memory_copy_bytes(bytes, length);
    if (words && assay_split_parts_parse(parts, &count, words, NULL) == ASSAY_OK &&
        (!count || count > ASSAY_SPLIT_MAX_PARTS))
        abort();
    memory_free(words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    const char *bytes = (const char *)data + 1;
    switch (data[0] % 4) {
    case 0:
        read_card(bytes, size - 1);
        break;
    case 1:
        replace_text(bytes, size - 1, ASSAY_ROWS_JSONL);
        break;
    case 2:
        replace_text(bytes, size - 1, data[0] & 0x80 ? ASSAY_ROWS_TSV : ASSAY_ROWS_CSV);
        break;
    default:
        read_parts(bytes, size - 1);
        break;
    }
    return 0;
}
