#include "data/cleaning_record.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>

static const char *const step_names[] = {
#define X(name, text, on, what) text,
    ASSAY_CLEAN_STEP_LIST(X)
#undef X
};

const char *assay_clean_step_name(assay_clean_step step)
{
    return (unsigned)step < ASSAY_CLEAN_STEP_COUNT ? step_names[step] : NULL;
}

static assay_status refuse(assay_error *error, const char *place, const char *expected,
                           const struct json *found)
{
    error_set(error, ASSAY_ERROR_FORMAT, "wrong kind of value");
    error_at_place(error, "%s", place);
    error_expected(error, "%s", expected);
    error_found(error, "%s", json_kind_name(json_kind(found)));
    return ASSAY_ERROR_FORMAT;
}

/* A member that is a list of texts without zero bytes; an absent one is empty. */
static assay_status check_texts(const struct json **list, const struct json *object,
                                const char *key, bool required, assay_error *error)
{
    *list = json_member(object, key);
    if (json_kind(*list) == JSON_NULL && !required)
        return ASSAY_OK;
    if (json_kind(*list) != JSON_ARRAY)
        return refuse(error, key, "a list of texts", *list);
    for (size_t i = 0; i < json_count(*list); i++) {
        const struct json *text = json_element(*list, i);
        if (json_kind(text) != JSON_STRING || strlen(json_string(text)) != json_string_length(text))
            return refuse(error, key, "a list of texts", text);
    }
    return ASSAY_OK;
}

static assay_status read_step(assay_cleaning *pass, const char *name, assay_error *error)
{
    for (int step = 0; step < ASSAY_CLEAN_STEP_COUNT; step++) {
        if (strcmp(step_names[step], name) != 0)
            continue;
        pass->steps[step] = true;
        return ASSAY_OK;
    }
    error_set(error, ASSAY_ERROR_UNSUPPORTED, "a step of cleaning that this assay does not know");
    error_at_place(error, "steps");
    error_found(error, "\"%.60s\"", name);
    return ASSAY_ERROR_UNSUPPORTED;
}

static void pass_free(assay_cleaning *pass)
{
    for (size_t i = 0; i < pass->header_count; i++)
        memory_free((char *)pass->headers[i]);
    memory_free((void *)pass->headers);
}

static assay_status read_headers(assay_cleaning *pass, const struct json *list, assay_error *error)
{
    size_t count = json_count(list);
    if (!count)
        return ASSAY_OK;
    char **headers = memory_allocate_zeroed(count, sizeof *headers);
    if (!headers)
        return error_memory(error, count * sizeof *headers);
    pass->headers = (const char *const *)headers;
    for (size_t i = 0; i < count; i++) {
        headers[i] = memory_copy_string(json_string(json_element(list, i)));
        if (!headers[i])
            return error_memory(error, json_string_length(json_element(list, i)));
        pass->header_count++;
    }
    return ASSAY_OK;
}

assay_status cleaning_record_add(struct cleaning_record *record, const struct json *settings,
                                 assay_error *error)
{
    const struct json *steps, *headers;
    if (json_kind(settings) != JSON_OBJECT)
        return refuse(error, "cleaning", "an object", settings);
    assay_status status = check_texts(&steps, settings, "steps", true, error);
    if (!status)
        status = check_texts(&headers, settings, "headers", false, error);
    if (status)
        return status;
    if (record->count == CLEANING_MAX_PASSES)
        return error_set(error, ASSAY_ERROR_LIMIT, "the texts were cleaned too many times");
    assay_cleaning *grown = memory_resize(record->passes, record->count + 1, sizeof *grown);
    if (!grown)
        return error_memory(error, (record->count + 1) * sizeof *grown);
    record->passes = grown;
    assay_cleaning *pass = &grown[record->count];
    *pass = (assay_cleaning){0};
    for (size_t i = 0; i < json_count(steps) && !status; i++)
        status = read_step(pass, json_string(json_element(steps, i)), error);
    if (!status)
        status = read_headers(pass, headers, error);
    if (status)
        pass_free(pass);
    else
        record->count++;
    return status;
}

assay_status cleaning_record_read(struct cleaning_record *record, const struct json *list,
                                  assay_error *error)
{
    assay_status status = ASSAY_OK;
    if (json_kind(list) != JSON_ARRAY)
        return refuse(error, "cleaning", "a list", list);
    for (size_t i = 0; i < json_count(list) && !status; i++)
        status = cleaning_record_add(record, json_element(list, i), error);
    return status;
}

static bool same_pass(const assay_cleaning *a, const assay_cleaning *b)
{
    bool same = !memcmp(a->steps, b->steps, sizeof a->steps) && a->header_count == b->header_count;
    for (size_t i = 0; i < a->header_count && same; i++)
        same = !strcmp(a->headers[i], b->headers[i]);
    return same;
}

bool cleaning_record_same(const struct cleaning_record *a, const struct cleaning_record *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; i < a->count && same; i++)
        same = same_pass(&a->passes[i], &b->passes[i]);
    return same;
}

void cleaning_record_free(struct cleaning_record *record)
{
    for (size_t i = 0; i < record->count; i++)
        pass_free(&record->passes[i]);
    memory_free(record->passes);
    *record = (struct cleaning_record){0};
}

void cleaning_put_steps(struct json_writer *writer, const assay_cleaning *pass)
{
    json_key(writer, "steps");
    json_begin_array(writer);
    for (int step = 0; step < ASSAY_CLEAN_STEP_COUNT; step++) {
        if (pass->steps[step])
            json_put_string(writer, step_names[step]);
    }
    json_end_array(writer);
}

void cleaning_put_headers(struct json_writer *writer, const assay_cleaning *pass)
{
    if (!pass->header_count)
        return;
    json_key(writer, "headers");
    json_begin_array(writer);
    for (size_t i = 0; i < pass->header_count; i++)
        json_put_string(writer, pass->headers[i]);
    json_end_array(writer);
}

void cleaning_record_put(struct json_writer *writer, const struct cleaning_record *record)
{
    json_begin_array(writer);
    for (size_t i = 0; i < record->count; i++) {
        json_begin_object(writer);
        cleaning_put_steps(writer, &record->passes[i]);
        cleaning_put_headers(writer, &record->passes[i]);
        json_end_object(writer);
    }
    json_end_array(writer);
}
