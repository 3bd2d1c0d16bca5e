#include "text/processor.h"

#include "base/error.h"
#include "base/memory.h"
#include "text/place.h"
#include "text/sequence.h"

#include <string.h>

static assay_status add_part(struct template *template, int sequence, int32_t id, int32_t type_id,
                             assay_error *error)
{
    if (template->count == TEMPLATE_MAX_PARTS)
        return error_set(error, ASSAY_ERROR_LIMIT, "a template of more than %d tokens",
                         TEMPLATE_MAX_PARTS);
    struct template_part *part = memory_resize(template->part, template->count + 1, sizeof *part);
    if (!part)
        return error_memory(error, (template->count + 1) * sizeof *part);
    template->part = part;
    part[template->count++] = (struct template_part){sequence, id, type_id};
    template->special_count += sequence < 0;
    return ASSAY_OK;
}

static void free_template(struct template *template)
{
    memory_free(template->part);
    *template = (struct template){0};
}

void processor_free(struct processor *processor)
{
    free_template(&processor->single);
    free_template(&processor->pair);
    *processor = (struct processor){0};
}

/* Sequences alone, as where no special tokens are added. */
static assay_status set_plain(struct processor *processor, assay_error *error)
{
    assay_status status = add_part(&processor->single, 0, -1, 0, error);
    if (!status)
        status = add_part(&processor->pair, 0, -1, 0, error);
    if (!status)
        status = add_part(&processor->pair, 1, -1, 1, error);
    return status;
}

/* ["[SEP]", 102] */
static assay_status read_token(int32_t *id, const struct json *value, const char *key,
                               assay_error *error)
{
    const struct json *pair = json_member(value, key);
    const struct json *number = json_element(pair, 1);
    int64_t given = json_kind(number) == JSON_INTEGER ? json_integer(number) : -1;
    if (given < 0 || given > INT32_MAX) {
        assay_status status =
            error_set(error, ASSAY_ERROR_FORMAT, "a special token must be [\"token\", id]");
        error_found(error, "\"%s\"", key);
        return status;
    }
    *id = (int32_t)given;
    return ASSAY_OK;
}

/* `pattern` spells a template: c and s are the special tokens, A and B the sequences, each followed
 * by its type. */
static assay_status spell(struct template *template, const char *pattern, int32_t cls, int32_t sep,
                          assay_error *error)
{
    assay_status status = ASSAY_OK;
    for (; *pattern && !status; pattern += 2) {
        int sequence = *pattern == 'A' ? 0 : *pattern == 'B' ? 1 : -1;
        int32_t id = *pattern == 'c' ? cls : *pattern == 's' ? sep : -1;
        status = add_part(template, sequence, id, pattern[1] - '0', error);
    }
    return status;
}

static assay_status add_trim(struct processor *processor, bool add_prefix_space, assay_error *error)
{
    if (processor->trim_count == PROCESSOR_MAX_TRIMS)
        return error_set(error, ASSAY_ERROR_LIMIT, "more than %d post-processors",
                         PROCESSOR_MAX_TRIMS);
    processor->trim_prefix[processor->trim_count++] = add_prefix_space;
    return ASSAY_OK;
}

static assay_status parse_trim(struct processor *processor, const struct json *value,
                               assay_error *error)
{
    bool trim = false, prefix = false;
    assay_status status = json_read_boolean(&trim, value, "trim_offsets", true, error);
    if (!status)
        status = json_read_boolean(&prefix, value, "add_prefix_space", true, error);
    if (!status && trim)
        status = add_trim(processor, prefix, error);
    return status;
}

static assay_status parse_pair(struct processor *processor, const struct json *value, bool roberta,
                               assay_error *error)
{
    int32_t cls = -1, sep = -1;
    assay_status status = read_token(&cls, value, "cls", error);
    if (!status)
        status = read_token(&sep, value, "sep", error);
    if (!status)
        status = spell(&processor->single, "c0A0s0", cls, sep, error);
    if (!status)
        status = spell(&processor->pair, roberta ? "c0A0s0s0B0s0" : "c0A0s0B1s1", cls, sep, error);
    processor->one_type = roberta;
    return status;
}

static assay_status parse_special(struct template *template, const struct json *special,
                                  const struct json *tokens, assay_error *error)
{
    const char *name = "";
    int64_t type_id = 0;
    assay_status status = json_read_string(&name, special, "id", true, error);
    if (!status)
        status = json_read_integer(&type_id, special, "type_id", 0, INT32_MAX, true, error);
    if (status)
        return status;
    const struct json *ids = json_member(json_member(tokens, name), "ids");
    if (json_kind(ids) != JSON_ARRAY) {
        status = error_set(error, ASSAY_ERROR_FORMAT,
                           "the template names a special token that special_tokens lacks");
        error_found(error, "\"%s\"", name);
        return status;
    }
    for (size_t i = 0; i < json_count(ids) && !status; i++) {
        const struct json *id = json_element(ids, i);
        if (json_kind(id) != JSON_INTEGER || json_integer(id) < 0 || json_integer(id) > INT32_MAX) {
            status = error_set(error, ASSAY_ERROR_FORMAT, "a special token's id is not an id");
            error_found(error, "in \"%s\"", name);
        } else {
            status = add_part(template, -1, (int32_t)json_integer(id), (int32_t)type_id, error);
        }
    }
    return status;
}

static assay_status parse_template(struct template *template, const struct json *value,
                                   const char *key, bool pair, assay_error *error)
{
    const struct json *list = json_member(value, key);
    const struct json *tokens = json_member(value, "special_tokens");
    int seen[2] = {0, 0};
    assay_status status = ASSAY_OK;
    if (json_kind(list) != JSON_ARRAY)
        return error_set(error, ASSAY_ERROR_FORMAT, "TemplateProcessing needs a list \"%s\"", key);
    for (size_t i = 0; i < json_count(list) && !status; i++) {
        const struct json *item = json_element(list, i);
        const struct json *sequence = json_member(item, "Sequence");
        const struct json *special = json_member(item, "SpecialToken");
        if (special) {
            status = parse_special(template, special, tokens, error);
            continue;
        }
        const char *name = "";
        int64_t type_id = 0;
        status = json_read_string(&name, sequence, "id", true, error);
        if (!status)
            status = json_read_integer(&type_id, sequence, "type_id", 0, INT32_MAX, true, error);
        if (status)
            break;
        bool is_b = !strcmp(name, "B");
        if (!is_b && strcmp(name, "A") != 0)
            status = error_set(error, ASSAY_ERROR_FORMAT, "a template's sequence is A or B");
        else
            status = add_part(template, is_b, -1, (int32_t)type_id, error);
        seen[is_b]++;
    }
    if (!status && (seen[0] != 1 || seen[1] != (pair ? 1 : 0)))
        status = error_set(error, ASSAY_ERROR_UNSUPPORTED,
                           "the template \"%s\" must use sequence A once%s", key,
                           pair ? " and B once" : " and not B");
    return status;
}

struct parsing {
    struct processor *processor;
    bool adds; /* a template is set */
};

static assay_status parse_one(void *context, const char *type, const struct json *value,
                              assay_error *error)
{
    struct parsing *parsing = context;
    struct processor *processor = parsing->processor;
    assay_status status = ASSAY_OK;
    if (parsing->adds)
        return error_set(error, ASSAY_ERROR_UNSUPPORTED,
                         "in a Sequence of post-processors, the one that adds special tokens must "
                         "be the last");
    if (!strcmp(type, "ByteLevel"))
        return parse_trim(processor, value, error);
    parsing->adds = true;
    if (!strcmp(type, "TemplateProcessing")) {
        status = parse_template(&processor->single, value, "single", false, error);
        if (!status)
            status = parse_template(&processor->pair, value, "pair", true, error);
    } else if (!strcmp(type, "BertProcessing")) {
        status = parse_pair(processor, value, false, error);
    } else if (!strcmp(type, "RobertaProcessing")) {
        status = parse_trim(processor, value, error);
        if (!status)
            status = parse_pair(processor, value, true, error);
    } else {
        status = error_set(error, ASSAY_ERROR_UNSUPPORTED, "this post-processor is not supported");
        error_found(error, "%s", type);
    }
    return status;
}

assay_status processor_parse(struct processor *processor, const struct json *value,
                             assay_error *error)
{
    *processor = (struct processor){0};
    struct parsing parsing = {.processor = processor};
    assay_status status = ASSAY_OK;
    processor->none = json_kind(value) == JSON_NULL;
    if (!processor->none)
        status = sequence_each(value, "processors", parse_one, &parsing, error);
    if (!status && !parsing.adds)
        status = set_plain(processor, error);
    if (status) {
        place_within(error, "post_processor");
        processor_free(processor);
    }
    return status;
}
