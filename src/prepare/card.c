#include "prepare/card.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <string.h>
#include <strings.h>

static const char FORMAT[] = "assay-data-card";
enum { MAX_STEPS = 10000 };

/* ---- reading */

static assay_status read_texts(const struct json **out, const struct json *root, const char *key,
                               assay_error *error)
{
    const struct json *list = json_member(root, key);
    *out = NULL;
    if (!list)
        return ASSAY_OK;
    bool good = json_kind(list) == JSON_ARRAY;
    for (size_t i = 0; good && i < json_count(list); i++)
        good = json_kind(json_element(list, i)) == JSON_STRING;
    if (!good) {
        error_set(error, ASSAY_ERROR_FORMAT, "wrong kind of value");
        error_at_place(error, "%s", key);
        error_expected(error, "a list of strings");
        return ASSAY_ERROR_FORMAT;
    }
    *out = list;
    return ASSAY_OK;
}

static assay_status read_steps(struct data_card *card, assay_error *error)
{
    const struct json *steps = json_member(card->root, "steps");
    if (json_kind(steps) != JSON_ARRAY || json_count(steps) > MAX_STEPS) {
        error_set(error, ASSAY_ERROR_FORMAT, "the card has no list of steps");
        error_at_place(error, "steps");
        error_expected(error, "a list of at most %d objects", MAX_STEPS);
        return ASSAY_ERROR_FORMAT;
    }
    for (size_t i = 0; i < json_count(steps); i++) {
        const char *verb = NULL;
        const struct json *step = json_element(steps, i);
        if (json_kind(step) != JSON_OBJECT || json_read_string(&verb, step, "verb", true, NULL)) {
            error_set(error, ASSAY_ERROR_FORMAT, "a step of the card names no verb");
            error_at_place(error, "steps[%zu]", i);
            return ASSAY_ERROR_FORMAT;
        }
    }
    card->steps = steps;
    return ASSAY_OK;
}

static assay_status read_card(struct data_card *card, assay_error *error)
{
    const char *format = "";
    int64_t version = 0;
    assay_status status = json_read_string(&format, card->root, "format", true, error);
    if (!status && strcmp(format, FORMAT) != 0) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "this is no data card");
        error_at_place(error, "format");
        error_expected(error, "\"%s\"", FORMAT);
        error_found(error, "\"%.60s\"", format);
    }
    if (!status)
        status =
            json_read_integer(&version, card->root, "format_version", 1, CARD_VERSION, true, error);
    if (!status)
        status = json_read_string(&card->part, card->root, "part", false, error);
    if (!status)
        status =
            json_read_string(&card->sha256, json_member(card->root, "file"), "sha256", true, error);
    if (!status)
        status = read_texts(&card->licenses, card->root, "licenses", error);
    if (!status)
        status = read_texts(&card->sources, card->root, "sources", error);
    return status ? status : read_steps(card, error);
}

assay_status card_parse(struct data_card *card, const char *text, size_t length, const char *file,
                        assay_error *error)
{
    *card = (struct data_card){0};
    assay_status status = json_parse(&card->root, text, length, file, error);
    if (!status)
        status = read_card(card, error);
    if (status) {
        error_at_file(error, file);
        card_close(card);
    }
    return status;
}

assay_status card_open(struct data_card *card, const char *path, assay_error *error)
{
    *card = (struct data_card){0};
    struct buffer name = {0}, text = {0};
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    assay_status status = ASSAY_OK;
    if (!buffer_append(&name, path, length) || !buffer_append_string(&name, ".card.json"))
        status = error_memory(error, length);
    else if (file_exists(name.bytes))
        status = file_read(&text, name.bytes, CARD_MAX_BYTES, error);
    if (!status && text.length)
        status = card_parse(card, text.bytes, text.length, name.bytes, error);
    buffer_free(&name);
    buffer_free(&text);
    return status;
}

void card_close(struct data_card *card)
{
    json_free(card->root);
    *card = (struct data_card){0};
}

bool card_is_for_judging(const struct data_card *card)
{
    static const char *const names[] = {"valid",       "validation", "val",    "dev",
                                        "calibration", "cal",        "test",   "test_iid",
                                        "eval",        "evaluation", "holdout"};
    for (size_t i = 0; card->part && i < sizeof names / sizeof *names; i++) {
        if (!strcasecmp(card->part, names[i]))
            return true;
    }
    return false;
}

/* ---- writing */

static const char *last_name(const char *path, size_t *length)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin && path[begin - 1] != '/')
        begin--;
    *length = end - begin;
    return path + begin;
}

static void put_file(struct json_writer *writer, const struct card_file *file)
{
    size_t length;
    const char *name = last_name(file->path, &length);
    json_begin_object(writer);
    json_key(writer, "name");
    json_put_bytes(writer, name, length);
    if (file->rows >= 0)
        json_put_named_integer(writer, "rows", file->rows);
    json_put_named_integer(writer, "bytes", (int64_t)file->bytes);
    json_put_named_string(writer, "sha256", file->sha256);
    json_end_object(writer);
}

/* The list of the input's card, and what was given now where it is not there yet. */
static void put_texts(struct json_writer *writer, const char *key, const struct json *before,
                      const char *now)
{
    json_key(writer, key);
    json_begin_array(writer);
    for (size_t i = 0; i < json_count(before); i++) {
        const struct json *text = json_element(before, i);
        json_put_value(writer, text);
        if (now && !strcmp(json_string(text), now))
            now = NULL;
    }
    if (now)
        json_put_string(writer, now);
    json_end_array(writer);
}

static void put_counts(struct json_writer *writer, const struct assay_data_report *report)
{
    const char *group = NULL;
    json_key(writer, "counts");
    json_begin_object(writer);
    for (size_t i = 0; i < report->count; i++) {
        const assay_data_count *count = &report->counts[i];
        if (!group || strcmp(group, count->group) != 0) {
            if (group)
                json_end_object(writer);
            group = count->group;
            json_key(writer, group);
            json_begin_object(writer);
        }
        json_key(writer, count->name);
        json_put_integer(writer, count->value);
    }
    if (group)
        json_end_object(writer);
    json_end_object(writer);
    if (!report->notes.count)
        return;
    json_key(writer, "notes");
    json_begin_array(writer);
    for (size_t i = 0; i < report->notes.count; i++)
        json_put_string(writer, report->notes.items[i]);
    json_end_array(writer);
}

static void put_step(struct json_writer *writer, const struct card_step *step)
{
    json_begin_object(writer);
    json_put_named_string(writer, "verb", step->verb);
    json_put_named_string(writer, "assay", ASSAY_VERSION);
    json_key(writer, "inputs");
    json_begin_array(writer);
    for (size_t i = 0; i < step->input_count; i++)
        put_file(writer, &step->inputs[i]);
    json_end_array(writer);
    json_key(writer, "settings");
    json_begin_object(writer);
    step->put_settings(writer, step->context);
    json_end_object(writer);
    put_counts(writer, step->report);
    if (step->removed.path) {
        json_key(writer, "removed");
        put_file(writer, &step->removed);
    }
    json_key(writer, "output");
    put_file(writer, &step->output);
    json_end_object(writer);
}

/* The file is not the one that its card describes: said, so that the chain does not pretend. */
static void put_break(struct json_writer *writer, const struct data_card *before, const char *found)
{
    json_begin_object(writer);
    json_put_named_string(writer, "verb", "changed outside assay");
    json_put_named_string(writer, "expected_sha256", before->sha256);
    json_put_named_string(writer, "found_sha256", found);
    json_end_object(writer);
}

static void put_card(struct json_writer *writer, const struct data_card *before,
                     const struct card_step *step)
{
    const char *part = step->part ? step->part : before->part;
    json_begin_object(writer);
    json_put_named_string(writer, "format", FORMAT);
    json_put_named_integer(writer, "format_version", CARD_VERSION);
    json_put_named_string(writer, "assay", ASSAY_VERSION);
    json_key(writer, "file");
    put_file(writer, &step->output);
    json_put_named_string(writer, "part", part);
    put_texts(writer, "licenses", before->licenses, step->license);
    put_texts(writer, "sources", before->sources, step->source);
    json_key(writer, "labels");
    json_begin_object(writer);
    for (size_t i = 0; i < step->label_count; i++) {
        json_key(writer, step->labels[i].label);
        json_put_integer(writer, step->labels[i].rows);
    }
    json_end_object(writer);
    if (step->report->weight_count) {
        json_key(writer, "class_weights");
        json_begin_object(writer);
        for (size_t i = 0; i < step->report->weight_count; i++) {
            json_key(writer, step->report->weights[i].label);
            json_put_number(writer, step->report->weights[i].weight);
        }
        json_end_object(writer);
    }
    json_key(writer, "steps");
    json_begin_array(writer);
    for (size_t i = 0; i < json_count(before->steps); i++)
        json_put_value(writer, json_element(before->steps, i));
    if (before->root && strcmp(before->sha256, step->inputs[0].sha256) != 0)
        put_break(writer, before, step->inputs[0].sha256);
    put_step(writer, step);
    json_end_array(writer);
    json_end_object(writer);
}

assay_status card_write(struct buffer *json, struct buffer *page, const struct data_card *before,
                        const struct card_step *step, assay_error *error)
{
    struct json_writer writer = {.out = json, .indent = 2};
    struct json *root = NULL;
    put_card(&writer, before, step);
    if (writer.failed || !buffer_append_byte(json, '\n'))
        return error_memory(error, json->length);
    /* The page is made from what was written, as it is from any other card. */
    assay_status status = json_parse(&root, json->bytes, json->length, NULL, error);
    if (!status && !card_write_page(page, root))
        status = error_memory(error, page->length);
    json_free(root);
    return status;
}
