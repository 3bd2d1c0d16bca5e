#include "text/pre_tokenizer.h"

#include "base/error.h"
#include "base/memory.h"
#include "text/byte_level.h"
#include "text/place.h"
#include "text/sequence.h"
#include "text/unicode.h"

#include <string.h>

enum { MAX_STEPS = 64 };

enum step_kind {
    STEP_BERT,
    STEP_BYTE_LEVEL,
    STEP_WHITESPACE,
    STEP_FLAGS, /* single characters with a flag: WhitespaceSplit, Punctuation, Digits */
    STEP_SPLIT
};

enum behavior { REMOVED, ISOLATED, MERGED_WITH_PREVIOUS, MERGED_WITH_NEXT, CONTIGUOUS };

struct pre_tokenizer_step {
    enum step_kind kind;
    enum behavior behavior;
    unsigned flags;
    bool invert;
    bool add_prefix_space, use_regex, keep_bytes; /* BYTE_LEVEL */
    struct pattern *pattern;
};

bool splits_push(struct splits *splits, size_t begin, size_t end, int32_t id)
{
    if (begin == end)
        return true;
    if (splits->count == splits->capacity) {
        size_t capacity = splits->capacity ? splits->capacity * 2 : 256;
        struct split *list = memory_resize(splits->list, capacity, sizeof *list);
        if (!list)
            return false;
        splits->list = list;
        splits->capacity = capacity;
    }
    splits->list[splits->count++] = (struct split){(uint32_t)begin, (uint32_t)end, id};
    return true;
}

void splits_free(struct splits *splits)
{
    memory_free(splits->list);
    *splits = (struct splits){0};
}

/* ---- cutting one split ---- */

/* Turns matches into splits at `base`, by what happens to what matched. */
static bool cut_by_matches(struct splits *out, const struct matches *matches, size_t base,
                           enum behavior behavior)
{
    const struct match *list = matches->list;
    size_t count = matches->count;
    for (size_t i = 0; i < count;) {
        size_t next = i + 1;
        size_t begin = list[i].begin, end = list[i].end;
        switch (behavior) {
        case REMOVED:
            if (list[i].matched)
                end = begin;
            break;
        case ISOLATED:
            break;
        case CONTIGUOUS:
            for (; next < count && list[next].matched == list[i].matched; next++)
                end = list[next].end;
            break;
        case MERGED_WITH_PREVIOUS:
            /* A match joins what came before, unless that was a match too. */
            if (next < count && list[next].matched && !list[i].matched)
                end = list[next++].end;
            break;
        case MERGED_WITH_NEXT:
            if (list[i].matched && next < count && !list[next].matched)
                end = list[next++].end;
            break;
        }
        if (!splits_push(out, base + begin, base + end, -1))
            return false;
        i = next;
    }
    return true;
}

static bool find_flags(struct matches *matches, const uint32_t *cell, size_t count, unsigned flags)
{
    size_t before = 0;
    matches->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(unicode_flags(cell[i]) & flags))
            continue;
        if (before < i && !matches_push(matches, (uint32_t)before, (uint32_t)i, false))
            return false;
        if (!matches_push(matches, (uint32_t)i, (uint32_t)i + 1, true))
            return false;
        before = i + 1;
    }
    return before == count || matches_push(matches, (uint32_t)before, (uint32_t)count, false);
}

/* White space away, then punctuation on its own. */
static bool cut_bert(struct splits *out, const uint32_t *cell, struct split split)
{
    enum { EITHER = UNICODE_WHITESPACE | UNICODE_PUNCTUATION };
    size_t begin = split.begin;
    for (size_t i = split.begin; i < split.end; i++) {
        unsigned flags = unicode_flags(cell[i]) & EITHER;
        if (!flags)
            continue;
        if (!splits_push(out, begin, i, -1))
            return false;
        if (!(flags & UNICODE_WHITESPACE) && !splits_push(out, i, i + 1, -1))
            return false;
        begin = i + 1;
    }
    return splits_push(out, begin, split.end, -1);
}

/* \w+|[^\w\s]+ */
static bool cut_words(struct splits *out, const uint32_t *cell, struct split split)
{
    enum { KINDS = UNICODE_WORD | UNICODE_REGEX_SPACE };
    for (size_t i = split.begin; i < split.end;) {
        unsigned kind = unicode_flags(cell[i]) & KINDS;
        size_t end = i + 1;
        while (end < split.end && (unicode_flags(cell[end]) & KINDS) == kind)
            end++;
        if (kind != UNICODE_REGEX_SPACE && !splits_push(out, i, end, -1))
            return false;
        i = end;
    }
    return true;
}

static bool cut_gpt2(struct splits *out, const uint32_t *cell, struct split split)
{
    for (size_t at = split.begin; at < split.end;) {
        size_t end = pattern_gpt2_next(cell, at, split.end);
        if (!splits_push(out, at, end, -1))
            return false;
        at = end;
    }
    return true;
}

/* ---- ByteLevel's rewriting of the run ---- */

static bool add_prefix_spaces(struct run *run, struct splits *splits, struct run *spare)
{
    spare->count = 0;
    if (!run_reserve(spare, run->count + splits->count))
        return false;
    for (size_t s = 0; s < splits->count; s++) {
        struct split *split = splits->list + s;
        size_t begin = spare->count;
        if (split->id < 0 && run->cell[split->begin] != ' ')
            run_put(spare, ' ', run->source[split->begin]);
        for (size_t i = split->begin; i < split->end; i++)
            run_put(spare, run->cell[i], run->source[i]);
        split->begin = (uint32_t)begin;
        split->end = (uint32_t)spare->count;
    }
    run_swap(run, spare);
    return true;
}

/* Puts the characters that stand for bytes into the run. */
static bool spell_bytes(struct run *run, struct splits *splits, struct run *spare)
{
    spare->count = 0;
    for (size_t s = 0; s < splits->count; s++) {
        struct split *split = splits->list + s;
        size_t begin = spare->count;
        for (size_t i = split->begin; i < split->end; i++) {
            char bytes[4];
            size_t length = unicode_put_utf8(bytes, run->cell[i]);
            if (!run_reserve(spare, spare->count + 4))
                return false;
            if (split->id >= 0) {
                run_put(spare, run->cell[i], run->source[i]);
                continue;
            }
            for (size_t b = 0; b < length; b++)
                run_put(spare, byte_level_character((unsigned char)bytes[b]), run->source[i]);
        }
        split->begin = (uint32_t)begin;
        split->end = (uint32_t)spare->count;
    }
    run_swap(run, spare);
    return true;
}

/* ---- applying ---- */

static assay_status cut(const struct pre_tokenizer_step *step, struct splits *out,
                        const struct run *run, struct split split,
                        struct pre_tokenizer_scratch *scratch, assay_error *error)
{
    const uint32_t *cell = run->cell + split.begin;
    size_t count = split.end - split.begin;
    bool fine = true;
    assay_status status = ASSAY_OK;
    switch (step->kind) {
    case STEP_BERT:
        fine = cut_bert(out, run->cell, split);
        break;
    case STEP_WHITESPACE:
        fine = cut_words(out, run->cell, split);
        break;
    case STEP_BYTE_LEVEL:
        fine = step->use_regex ? cut_gpt2(out, run->cell, split)
                               : splits_push(out, split.begin, split.end, -1);
        break;
    case STEP_FLAGS:
        fine = find_flags(&scratch->matches, cell, count, step->flags) &&
               cut_by_matches(out, &scratch->matches, split.begin, step->behavior);
        break;
    case STEP_SPLIT:
        status = pattern_find(step->pattern, &scratch->matches, cell, count, error);
        if (status)
            return status;
        for (size_t i = 0; step->invert && i < scratch->matches.count; i++)
            scratch->matches.list[i].matched = !scratch->matches.list[i].matched;
        fine = cut_by_matches(out, &scratch->matches, split.begin, step->behavior);
        break;
    }
    return fine ? ASSAY_OK : error_memory(error, out->count * sizeof *out->list);
}

assay_status pre_tokenizer_apply(const struct pre_tokenizer *pre_tokenizer, struct run *run,
                                 struct splits *splits, struct pre_tokenizer_scratch *scratch,
                                 assay_error *error)
{
    for (size_t i = 0; i < pre_tokenizer->count; i++) {
        const struct pre_tokenizer_step *step = pre_tokenizer->steps + i;
        if (step->kind == STEP_BYTE_LEVEL && step->add_prefix_space &&
            !add_prefix_spaces(run, splits, &scratch->spare_run))
            return error_memory(error, run->count * sizeof *run->cell);
        struct splits *out = &scratch->spare;
        out->count = 0;
        for (size_t s = 0; s < splits->count; s++) {
            struct split split = splits->list[s];
            assay_status status = ASSAY_OK;
            if (split.id < 0)
                status = cut(step, out, run, split, scratch, error);
            else if (!splits_push(out, split.begin, split.end, split.id))
                status = error_memory(error, out->count * sizeof *out->list);
            if (status)
                return status;
        }
        struct splits kept = *splits;
        *splits = *out;
        *out = kept;
        if (step->kind == STEP_BYTE_LEVEL && !step->keep_bytes &&
            !spell_bytes(run, splits, &scratch->spare_run))
            return error_memory(error, run->count * sizeof *run->cell);
    }
    return ASSAY_OK;
}

void pre_tokenizer_scratch_free(struct pre_tokenizer_scratch *scratch)
{
    splits_free(&scratch->spare);
    run_free(&scratch->spare_run);
    matches_free(&scratch->matches);
}

/* ---- parsing ---- */

static assay_status parse_behavior(enum behavior *behavior, const struct json *value, bool required,
                                   assay_error *error)
{
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous"};
    const char *name = NULL;
    assay_status status = json_read_string(&name, value, "behavior", required, error);
    if (status || !name)
        return status;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(name, names[i])) {
            *behavior = (enum behavior)i;
            return ASSAY_OK;
        }
    }
    status = error_set(error, ASSAY_ERROR_FORMAT, "no such behavior of a delimiter");
    error_found(error, "%s", name);
    return status;
}

static assay_status parse_split(struct pre_tokenizer_step *step, const struct json *value,
                                assay_error *error)
{
    step->kind = STEP_SPLIT;
    assay_status status = parse_behavior(&step->behavior, value, true, error);
    if (!status)
        status = json_read_boolean(&step->invert, value, "invert", true, error);
    if (status)
        return status;
    const struct json *pattern = json_member(value, "pattern");
    const struct json *literal = json_member(pattern, "String");
    const struct json *regex = json_member(pattern, "Regex");
    if (json_kind(literal) == JSON_STRING)
        return pattern_open_literal(&step->pattern, json_string(literal),
                                    json_string_length(literal), error);
    if (json_kind(regex) == JSON_STRING)
        return pattern_open_regex(&step->pattern, json_string(regex), json_string_length(regex),
                                  error);
    return error_set(error, ASSAY_ERROR_FORMAT,
                     "a pattern must be {\"String\": ...} or {\"Regex\": ...}");
}

static assay_status parse_step(struct pre_tokenizer_step *step, const char *type,
                               const struct json *value, assay_error *error)
{
    assay_status status = ASSAY_OK;
    step->kind = STEP_FLAGS;
    if (!strcmp(type, "BertPreTokenizer")) {
        step->kind = STEP_BERT;
    } else if (!strcmp(type, "Whitespace")) {
        step->kind = STEP_WHITESPACE;
    } else if (!strcmp(type, "WhitespaceSplit")) {
        step->flags = UNICODE_WHITESPACE;
        step->behavior = REMOVED;
    } else if (!strcmp(type, "Punctuation")) {
        step->flags = UNICODE_PUNCTUATION;
        step->behavior = ISOLATED;
        status = parse_behavior(&step->behavior, value, false, error);
    } else if (!strcmp(type, "Digits")) {
        bool individual = false;
        status = json_read_boolean(&individual, value, "individual_digits", true, error);
        step->flags = UNICODE_NUMERIC;
        step->behavior = individual ? ISOLATED : CONTIGUOUS;
    } else if (!strcmp(type, "Split")) {
        status = parse_split(step, value, error);
    } else if (!strcmp(type, "ByteLevel")) {
        step->kind = STEP_BYTE_LEVEL;
        step->use_regex = true;
        status = json_read_boolean(&step->add_prefix_space, value, "add_prefix_space", true, error);
        if (!status)
            status = json_read_boolean(&step->use_regex, value, "use_regex", false, error);
    } else {
        status = error_set(error, ASSAY_ERROR_UNSUPPORTED, "this pre-tokenizer is not supported");
        error_found(error, "%s", type);
    }
    return status;
}

static assay_status add_step(void *context, const char *type, const struct json *value,
                             assay_error *error)
{
    struct pre_tokenizer *pre_tokenizer = context;
    if (pre_tokenizer->count == MAX_STEPS)
        return error_set(error, ASSAY_ERROR_LIMIT, "more than %d pre-tokenizers", MAX_STEPS);
    struct pre_tokenizer_step *steps =
        memory_resize(pre_tokenizer->steps, pre_tokenizer->count + 1, sizeof *steps);
    if (!steps)
        return error_memory(error, (pre_tokenizer->count + 1) * sizeof *steps);
    pre_tokenizer->steps = steps;
    struct pre_tokenizer_step *step = steps + pre_tokenizer->count++;
    *step = (struct pre_tokenizer_step){0};
    return parse_step(step, type, value, error);
}

assay_status pre_tokenizer_parse(struct pre_tokenizer *pre_tokenizer, const struct json *value,
                                 assay_error *error)
{
    *pre_tokenizer = (struct pre_tokenizer){0};
    if (json_kind(value) == JSON_NULL)
        return ASSAY_OK;
    assay_status status = sequence_each(value, "pretokenizers", add_step, pre_tokenizer, error);
    if (status) {
        place_within(error, "pre_tokenizer");
        pre_tokenizer_free(pre_tokenizer);
    }
    return status;
}

void pre_tokenizer_leave_bytes(struct pre_tokenizer *pre_tokenizer)
{
    if (!pre_tokenizer->count)
        return;
    struct pre_tokenizer_step *last = pre_tokenizer->steps + pre_tokenizer->count - 1;
    if (last->kind != STEP_BYTE_LEVEL)
        return;
    last->keep_bytes = true;
    pre_tokenizer->bytes_left_to_model = true;
}

void pre_tokenizer_free(struct pre_tokenizer *pre_tokenizer)
{
    for (size_t i = 0; i < pre_tokenizer->count; i++)
        pattern_close(pre_tokenizer->steps[i].pattern);
    memory_free(pre_tokenizer->steps);
    *pre_tokenizer = (struct pre_tokenizer){0};
}
