#include "text/normalizer.h"

#include "base/error.h"
#include "base/memory.h"
#include "text/place.h"
#include "text/sequence.h"
#include "text/unicode.h"

#include <string.h>

enum { MAX_STEPS = 64 };

enum step_kind {
    STEP_BERT,
    STEP_FORM,
    STEP_LOWERCASE,
    STEP_STRIP_ACCENTS,
    STEP_STRIP,
    STEP_PREPEND,
    STEP_REPLACE
};

struct normalizer_step {
    enum step_kind kind;
    bool compose, compatible;                           /* FORM */
    bool clean_text, chinese, strip_accents, lowercase; /* BERT */
    bool left, right;                                   /* STRIP */
    struct pattern *pattern;                            /* REPLACE */
    uint32_t *content;                                  /* REPLACE, PREPEND */
    size_t content_count;
};

/* ---- applying ---- */

static bool put_lower(struct run *out, uint32_t cell, int32_t source)
{
    unsigned count;
    const uint32_t *lower = unicode_lower(cell, &count);
    if (!lower)
        return run_push(out, cell, source);
    for (unsigned i = 0; i < count; i++) {
        if (!run_push(out, lower[i], source))
            return false;
    }
    return true;
}

static bool lowercase(struct run *out, const struct run *in)
{
    out->count = 0;
    for (size_t i = 0; i < in->count; i++) {
        if (!put_lower(out, in->cell[i], in->source[i]))
            return false;
    }
    return true;
}

/* Removes, in place, the cells that have one of the flags. */
static void drop_flagged(struct run *run, unsigned flags)
{
    size_t kept = 0;
    for (size_t i = 0; i < run->count; i++) {
        if (unicode_flags(run->cell[i]) & flags)
            continue;
        run->cell[kept] = run->cell[i];
        run->source[kept++] = run->source[i];
    }
    run->count = kept;
}

static bool set_chinese_apart(struct run *out, const struct run *in)
{
    out->count = 0;
    for (size_t i = 0; i < in->count; i++) {
        if (!run_reserve(out, out->count + 3))
            return false;
        bool apart = unicode_flags(in->cell[i]) & UNICODE_CHINESE;
        if (apart)
            run_put(out, ' ', in->source[i]);
        run_put(out, in->cell[i], in->source[i]);
        if (apart)
            run_put(out, ' ', in->source[i]);
    }
    return true;
}

/* One character through the whole uncased BertNormalizer. Sets *reorder, and gives up, at a mark
 * that stays and may have to change places, which needs the general way. */
static bool bert_character(struct run *out, uint32_t cell, int32_t source, bool *reorder)
{
    unsigned flags = unicode_flags(cell);
    if (flags & UNICODE_BERT_DROPPED)
        return true;
    if (flags & UNICODE_BERT_SPACE)
        return run_push(out, ' ', source);
    if ((flags & UNICODE_CHINESE) && !run_push(out, ' ', source))
        return false;
    uint32_t part[UNICODE_MAX_DECOMPOSITION];
    unsigned count = unicode_decompose(part, cell, false);
    for (unsigned i = 0; i < count; i++) {
        if (unicode_flags(part[i]) & UNICODE_NONSPACING)
            continue;
        if (unicode_class(part[i])) {
            *reorder = true;
            return true;
        }
        if (!put_lower(out, part[i], source))
            return false;
    }
    return !(flags & UNICODE_CHINESE) || run_push(out, ' ', source);
}

/* All four parts of BertNormalizer in one pass. */
static bool bert_uncased(struct run *out, const struct run *in, bool *reorder)
{
    out->count = 0;
    *reorder = false;
    if (!run_reserve(out, in->count))
        return false;
    const uint32_t *cell = in->cell;
    for (size_t i = 0; i < in->count && !*reorder; i++) {
        uint32_t c = cell[i];
        if (c - 'A' < 26)
            c += 32;
        if (c - 'a' >= 26 && c != ' ' && !(unicode_flags(c) & UNICODE_BERT_PLAIN)) {
            if (!bert_character(out, c, in->source[i], reorder))
                return false;
            /* What follows needs one cell each, unless it comes here too. */
            if (!run_reserve(out, out->count + in->count - i))
                return false;
        } else {
            run_put(out, c, in->source[i]);
        }
    }
    return true;
}

static bool bert_stepwise(const struct normalizer_step *step, struct run *run,
                          struct normalizer_scratch *scratch)
{
    struct run *spare = &scratch->spare;
    if (step->clean_text) {
        drop_flagged(run, UNICODE_BERT_DROPPED);
        for (size_t i = 0; i < run->count; i++) {
            if (unicode_flags(run->cell[i]) & UNICODE_BERT_SPACE)
                run->cell[i] = ' ';
        }
    }
    if (step->chinese) {
        if (!set_chinese_apart(spare, run))
            return false;
        run_swap(spare, run);
    }
    if (step->strip_accents) {
        if (!normal_form(spare, run, false, false, &scratch->forms))
            return false;
        run_swap(spare, run);
        drop_flagged(run, UNICODE_NONSPACING);
    }
    if (step->lowercase) {
        if (!lowercase(spare, run))
            return false;
        run_swap(spare, run);
    }
    return true;
}

static bool apply_bert(const struct normalizer_step *step, struct run *run,
                       struct normalizer_scratch *scratch)
{
    if (step->clean_text && step->chinese && step->strip_accents && step->lowercase) {
        bool reorder;
        if (!bert_uncased(&scratch->spare, run, &reorder))
            return false;
        if (!reorder) {
            run_swap(&scratch->spare, run);
            return true;
        }
    }
    return bert_stepwise(step, run, scratch);
}

static void strip(const struct normalizer_step *step, struct run *run)
{
    size_t begin = 0, end = run->count;
    while (step->left && begin < end && unicode_flags(run->cell[begin]) & UNICODE_WHITESPACE)
        begin++;
    while (step->right && end > begin && unicode_flags(run->cell[end - 1]) & UNICODE_WHITESPACE)
        end--;
    memmove(run->cell, run->cell + begin, (end - begin) * sizeof *run->cell);
    memmove(run->source, run->source + begin, (end - begin) * sizeof *run->source);
    run->count = end - begin;
}

static bool prepend(const struct normalizer_step *step, struct run *run)
{
    size_t more = step->content_count;
    if (!run->count)
        return true;
    if (!run_reserve(run, run->count + more))
        return false;
    memmove(run->cell + more, run->cell, run->count * sizeof *run->cell);
    memmove(run->source + more, run->source, run->count * sizeof *run->source);
    for (size_t i = 0; i < more; i++) {
        run->cell[i] = step->content[i];
        run->source[i] = run->source[more];
    }
    run->count += more;
    return true;
}

static assay_status replace(const struct normalizer_step *step, struct run *run,
                            struct normalizer_scratch *scratch, assay_error *error)
{
    if (!run->count)
        return ASSAY_OK;
    assay_status status =
        pattern_find(step->pattern, &scratch->matches, run->cell, run->count, error);
    if (status)
        return status;
    struct run *out = &scratch->spare;
    out->count = 0;
    for (size_t m = 0; m < scratch->matches.count; m++) {
        struct match match = scratch->matches.list[m];
        size_t count = match.matched ? step->content_count : match.end - match.begin;
        if (!run_reserve(out, out->count + count))
            return error_memory(error, count * sizeof *out->cell);
        if (!match.matched) {
            for (size_t i = match.begin; i < match.end; i++)
                run_put(out, run->cell[i], run->source[i]);
        } else {
            /* What is put in belongs to the last character that it replaces. */
            int32_t source = run->source[match.end ? match.end - 1 : 0];
            for (size_t i = 0; i < count; i++)
                run_put(out, step->content[i], source);
        }
    }
    run_swap(out, run);
    return ASSAY_OK;
}

static assay_status apply_step(const struct normalizer_step *step, struct run *run,
                               struct normalizer_scratch *scratch, assay_error *error)
{
    bool fine = true;
    switch (step->kind) {
    case STEP_BERT:
        fine = apply_bert(step, run, scratch);
        break;
    case STEP_FORM:
        fine = normal_form(&scratch->spare, run, step->compose, step->compatible, &scratch->forms);
        if (fine)
            run_swap(&scratch->spare, run);
        break;
    case STEP_LOWERCASE:
        fine = lowercase(&scratch->spare, run);
        if (fine)
            run_swap(&scratch->spare, run);
        break;
    case STEP_STRIP_ACCENTS:
        drop_flagged(run, UNICODE_COMBINING);
        break;
    case STEP_STRIP:
        strip(step, run);
        break;
    case STEP_PREPEND:
        fine = prepend(step, run);
        break;
    case STEP_REPLACE:
        return replace(step, run, scratch, error);
    }
    return fine ? ASSAY_OK : error_memory(error, run->count * sizeof *run->cell);
}

assay_status normalizer_apply(const struct normalizer *normalizer, struct run *run,
                              struct normalizer_scratch *scratch, assay_error *error)
{
    for (size_t i = 0; i < normalizer->count; i++) {
        assay_status status = apply_step(normalizer->steps + i, run, scratch, error);
        if (status)
            return status;
    }
    return ASSAY_OK;
}

void normalizer_scratch_free(struct normalizer_scratch *scratch)
{
    run_free(&scratch->spare);
    normal_forms_scratch_free(&scratch->forms);
    matches_free(&scratch->matches);
}

/* ---- parsing ---- */

static assay_status read_cells(uint32_t **cells, size_t *count, const struct json *object,
                               const char *key, assay_error *error)
{
    const char *text = "";
    assay_status status = json_read_string(&text, object, key, true, error);
    if (status)
        return status;
    size_t length = json_string_length(json_member(object, key));
    *cells = memory_allocate(length, sizeof **cells);
    if (!*cells)
        return error_memory(error, length * sizeof **cells);
    for (size_t at = 0; at < length;)
        (*cells)[(*count)++] = unicode_get_utf8(text, &at);
    return ASSAY_OK;
}

static assay_status parse_bert(struct normalizer_step *step, const struct json *value,
                               assay_error *error)
{
    step->kind = STEP_BERT;
    assay_status status = json_read_boolean(&step->clean_text, value, "clean_text", true, error);
    if (!status)
        status = json_read_boolean(&step->chinese, value, "handle_chinese_chars", true, error);
    if (!status)
        status = json_read_boolean(&step->lowercase, value, "lowercase", true, error);
    step->strip_accents = step->lowercase;
    if (!status)
        status = json_read_boolean(&step->strip_accents, value, "strip_accents", false, error);
    return status;
}

static assay_status parse_replace(struct normalizer_step *step, const struct json *value,
                                  assay_error *error)
{
    step->kind = STEP_REPLACE;
    const struct json *pattern = json_member(value, "pattern");
    const struct json *literal = json_member(pattern, "String");
    const struct json *regex = json_member(pattern, "Regex");
    assay_status status;
    if (json_kind(literal) == JSON_STRING)
        status = pattern_open_literal(&step->pattern, json_string(literal),
                                      json_string_length(literal), error);
    else if (json_kind(regex) == JSON_STRING)
        status = pattern_open_regex(&step->pattern, json_string(regex), json_string_length(regex),
                                    error);
    else
        status = error_set(error, ASSAY_ERROR_FORMAT,
                           "a pattern must be {\"String\": ...} or {\"Regex\": ...}");
    if (!status)
        status = read_cells(&step->content, &step->content_count, value, "content", error);
    return status;
}

static assay_status parse_step(struct normalizer_step *step, const char *type,
                               const struct json *value, assay_error *error)
{
    assay_status status = ASSAY_OK;
    if (!strcmp(type, "BertNormalizer"))
        return parse_bert(step, value, error);
    if (!strcmp(type, "Replace"))
        return parse_replace(step, value, error);
    if (!strncmp(type, "NF", 2)) {
        bool compatible = type[2] == 'K';
        const char *rest = type + (compatible ? 3 : 2);
        if (!strcmp(rest, "C") || !strcmp(rest, "D")) {
            step->kind = STEP_FORM;
            step->compose = *rest == 'C';
            step->compatible = compatible;
            return ASSAY_OK;
        }
    }
    if (!strcmp(type, "Lowercase")) {
        step->kind = STEP_LOWERCASE;
    } else if (!strcmp(type, "StripAccents")) {
        step->kind = STEP_STRIP_ACCENTS;
    } else if (!strcmp(type, "Strip")) {
        step->kind = STEP_STRIP;
        status = json_read_boolean(&step->left, value, "strip_left", true, error);
        if (!status)
            status = json_read_boolean(&step->right, value, "strip_right", true, error);
    } else if (!strcmp(type, "Prepend")) {
        step->kind = STEP_PREPEND;
        status = read_cells(&step->content, &step->content_count, value, "prepend", error);
    } else {
        status = error_set(error, ASSAY_ERROR_UNSUPPORTED, "this normalizer is not supported");
        error_found(error, "%s", type);
    }
    return status;
}

static assay_status add_step(void *context, const char *type, const struct json *value,
                             assay_error *error)
{
    struct normalizer *normalizer = context;
    if (normalizer->count == MAX_STEPS)
        return error_set(error, ASSAY_ERROR_LIMIT, "more than %d normalizers", MAX_STEPS);
    struct normalizer_step *steps =
        memory_resize(normalizer->steps, normalizer->count + 1, sizeof *steps);
    if (!steps)
        return error_memory(error, (normalizer->count + 1) * sizeof *steps);
    normalizer->steps = steps;
    struct normalizer_step *step = steps + normalizer->count++;
    *step = (struct normalizer_step){0};
    return parse_step(step, type, value, error);
}

assay_status normalizer_parse(struct normalizer *normalizer, const struct json *value,
                              assay_error *error)
{
    *normalizer = (struct normalizer){0};
    if (json_kind(value) == JSON_NULL)
        return ASSAY_OK;
    assay_status status = sequence_each(value, "normalizers", add_step, normalizer, error);
    if (status) {
        place_within(error, "normalizer");
        normalizer_free(normalizer);
    }
    return status;
}

void normalizer_free(struct normalizer *normalizer)
{
    for (size_t i = 0; i < normalizer->count; i++) {
        pattern_close(normalizer->steps[i].pattern);
        memory_free(normalizer->steps[i].content);
    }
    memory_free(normalizer->steps);
    *normalizer = (struct normalizer){0};
}
