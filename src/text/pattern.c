#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/pattern.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "text/unicode.h"

#include <pcre2.h>
#include <string.h>

enum {
    REGEX_MATCH_LIMIT = 1000000,
    REGEX_HEAP_LIMIT_KIB = 65536,
    REGEX_MAX_LENGTH = 65536,
    REGEX_MAX_NESTING = 100
};

static const char GPT2_PATTERN[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

enum pattern_kind { PATTERN_LITERAL, PATTERN_GPT2, PATTERN_REGEX };

struct pattern {
    enum pattern_kind kind;
    uint32_t *literal;
    size_t literal_count;
    pcre2_code *code;
    pcre2_match_context *context;
};

bool matches_push(struct matches *matches, uint32_t begin, uint32_t end, bool matched)
{
    if (matches->count == matches->capacity) {
        size_t capacity = matches->capacity ? matches->capacity * 2 : 256;
        struct match *list = memory_resize(matches->list, capacity, sizeof *list);
        if (!list)
            return false;
        matches->list = list;
        matches->capacity = capacity;
    }
    matches->list[matches->count++] = (struct match){begin, end, matched};
    return true;
}

void matches_free(struct matches *matches)
{
    memory_free(matches->list);
    *matches = (struct matches){0};
}

assay_status pattern_open_literal(struct pattern **out, const char *text, size_t length,
                                  assay_error *error)
{
    struct pattern *pattern = memory_allocate_zeroed(1, sizeof *pattern);
    if (!pattern)
        return error_memory(error, sizeof *pattern);
    pattern->kind = PATTERN_LITERAL;
    pattern->literal = memory_allocate(length, sizeof *pattern->literal);
    if (!pattern->literal) {
        pattern_close(pattern);
        return error_memory(error, length * sizeof *pattern->literal);
    }
    for (size_t at = 0; at < length;)
        pattern->literal[pattern->literal_count++] = unicode_get_utf8(text, &at);
    *out = pattern;
    return ASSAY_OK;
}

/* PCRE2 counts U+180E as white space and not U+0085, the reference does the opposite: \s and \S
 * are spelled out, but for \S inside brackets. */
static bool spell_spaces(struct buffer *out, const char *text, size_t length)
{
    static const char spaces[] = "\\t-\\r \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}"
                                 "\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}";
    bool bracket = false;
    bool fine = true;
    for (size_t at = 0; at < length && fine; at++) {
        char c = text[at], next = at + 1 < length ? text[at + 1] : '\0';
        if (c == '\\' && (next == 's' || (next == 'S' && !bracket))) {
            fine = (bracket || buffer_append_string(out, next == 's' ? "[" : "[^")) &&
                   buffer_append_string(out, spaces) && (bracket || buffer_append_string(out, "]"));
            at++;
            continue;
        }
        fine = buffer_append_byte(out, c);
        if (c == '\\' && next && fine) {
            fine = buffer_append_byte(out, next);
            at++;
        } else if (c == '[' && !bracket) {
            bracket = true;
            /* A "]" that stands first does not close. */
            for (; fine && at + 1 < length && strchr("^]", text[at + 1]); at++)
                fine = buffer_append_byte(out, text[at + 1]);
        } else if (c == ']') {
            bracket = false;
        }
    }
    return fine;
}

/* PCRE2's memory, through base/memory.h. */
static void *allocate(size_t bytes, void *unused)
{
    (void)unused;
    return memory_allocate(bytes, 1);
}

static void release(void *block, void *unused)
{
    (void)unused;
    memory_free(block);
}

/* The expression as PCRE2 reads it, its limits set. */
static assay_status compile_spelled(struct pattern *pattern, const struct buffer *spelled,
                                    pcre2_compile_context *context, assay_error *error)
{
    int code = 0;
    PCRE2_SIZE where = 0;
    pcre2_set_max_pattern_length(context, REGEX_MAX_LENGTH);
    pcre2_set_parens_nest_limit(context, REGEX_MAX_NESTING);
    pattern->code =
        pcre2_compile((PCRE2_SPTR)spelled->bytes, spelled->length,
                      PCRE2_UTF | PCRE2_UCP | PCRE2_NO_UTF_CHECK | PCRE2_NEVER_BACKSLASH_C, &code,
                      &where, context);
    if (!pattern->code && code == PCRE2_ERROR_HEAP_FAILED)
        return error_memory(error, spelled->length);
    if (!pattern->code) {
        PCRE2_UCHAR message[128];
        pcre2_get_error_message(code, message, sizeof message);
        return error_set(error, ASSAY_ERROR_FORMAT,
                         "the regular expression is not valid at byte %zu: %s", where + 1,
                         (const char *)message);
    }
    return ASSAY_OK;
}

static assay_status compile(struct pattern *pattern, const char *given, size_t given_length,
                            assay_error *error)
{
    struct buffer spelled = {0};
    assay_status status = ASSAY_OK;
    pcre2_compile_context *compiling = NULL;
    pcre2_general_context *general = pcre2_general_context_create(allocate, release, NULL);
    if (general)
        compiling = pcre2_compile_context_create(general);
    if (!compiling || !spell_spaces(&spelled, given, given_length) || !buffer_reserve(&spelled, 0))
        status = error_memory(error, given_length);
    if (!status)
        status = compile_spelled(pattern, &spelled, compiling, error);
    if (!status) {
        /* Without the just-in-time compiler the interpreter does the same, slower. */
        pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE);
        pattern->context = pcre2_match_context_create(general);
        if (!pattern->context)
            status = error_memory(error, 0);
    }
    if (!status) {
        pcre2_set_match_limit(pattern->context, REGEX_MATCH_LIMIT);
        pcre2_set_heap_limit(pattern->context, REGEX_HEAP_LIMIT_KIB);
    }
    pcre2_compile_context_free(compiling);
    pcre2_general_context_free(general);
    buffer_free(&spelled);
    return status;
}

assay_status pattern_open_regex(struct pattern **out, const char *text, size_t length,
                                assay_error *error)
{
    struct pattern *pattern = memory_allocate_zeroed(1, sizeof *pattern);
    if (!pattern)
        return error_memory(error, sizeof *pattern);
    assay_status status = ASSAY_OK;
    if (length == sizeof GPT2_PATTERN - 1 && !memcmp(text, GPT2_PATTERN, length)) {
        pattern->kind = PATTERN_GPT2;
    } else {
        pattern->kind = PATTERN_REGEX;
        status = compile(pattern, text, length, error);
    }
    if (status) {
        pattern_close(pattern);
        return status;
    }
    *out = pattern;
    return ASSAY_OK;
}

void pattern_close(struct pattern *pattern)
{
    if (!pattern)
        return;
    pcre2_match_context_free(pattern->context);
    pcre2_code_free(pattern->code);
    memory_free(pattern->literal);
    memory_free(pattern);
}

/* After a "'" at `at`: the length of 's 't 're 've 'm 'll 'd, or 0. */
static size_t contraction(const uint32_t *cell, size_t at, size_t count)
{
    if (at + 1 >= count)
        return 0;
    uint32_t a = cell[at + 1], b = at + 2 < count ? cell[at + 2] : 0;
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return 2;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l'))
        return 3;
    return 0;
}

size_t pattern_gpt2_next(const uint32_t *cell, size_t at, size_t count)
{
    enum { KINDS = UNICODE_LETTER | UNICODE_NUMBER | UNICODE_SPACE };
    if (cell[at] == '\'') {
        size_t length = contraction(cell, at, count);
        if (length)
            return at + length;
    }
    size_t start = at;
    if (cell[at] == ' ' && at + 1 < count && !(unicode_flags(cell[at + 1]) & UNICODE_SPACE))
        start++;
    unsigned kind = unicode_flags(cell[start]) & KINDS;
    size_t end = start + 1;
    while (end < count && (unicode_flags(cell[end]) & KINDS) == kind)
        end++;
    /* White space before a word leaves its last character to it. */
    if (kind == UNICODE_SPACE && end < count && end - at > 1)
        end--;
    return end;
}

static assay_status find_literal(const struct pattern *pattern, struct matches *matches,
                                 const uint32_t *cell, size_t count, assay_error *error)
{
    size_t length = pattern->literal_count, before = 0, at = 0;
    while (length && count - at >= length) {
        if (cell[at] != pattern->literal[0] ||
            memcmp(cell + at, pattern->literal, length * sizeof *cell) != 0) {
            at++;
            continue;
        }
        if ((before < at && !matches_push(matches, (uint32_t)before, (uint32_t)at, false)) ||
            !matches_push(matches, (uint32_t)at, (uint32_t)(at + length), true))
            return error_memory(error, 0);
        at += length;
        before = at;
    }
    if (before < count && !matches_push(matches, (uint32_t)before, (uint32_t)count, false))
        return error_memory(error, 0);
    return ASSAY_OK;
}

/* Byte offsets of a text to cell numbers, for offsets that never fall. */
struct cell_clock {
    const char *text;
    size_t byte;
    size_t cell;
};

static size_t cell_at(struct cell_clock *clock, size_t byte)
{
    while (clock->byte < byte) {
        unicode_get_utf8(clock->text, &clock->byte);
        clock->cell++;
    }
    return clock->cell;
}

static assay_status find_regex(const struct pattern *pattern, struct matches *matches,
                               const uint32_t *cell, size_t count, assay_error *error)
{
    assay_status status = ASSAY_OK;
    pcre2_match_data *data = NULL;
    char *text = memory_allocate(count, 4);
    if (!text)
        return error_memory(error, count * 4);
    size_t length = 0;
    for (size_t i = 0; i < count; i++)
        length += unicode_put_utf8(text + length, cell[i]);
    data = pcre2_match_data_create_from_pattern(pattern->code, NULL);
    if (!data) {
        status = error_memory(error, 0);
        goto done;
    }
    struct cell_clock clock = {.text = text};
    size_t at = 0, before = 0, last_end = SIZE_MAX;
    while (at <= length) {
        int found = pcre2_match(pattern->code, (PCRE2_SPTR)text, length, at, PCRE2_NO_UTF_CHECK,
                                data, pattern->context);
        if (found == PCRE2_ERROR_JIT_STACKLIMIT)
            found = pcre2_match(pattern->code, (PCRE2_SPTR)text, length, at,
                                PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, pattern->context);
        if (found == PCRE2_ERROR_NOMATCH)
            break;
        if (found == PCRE2_ERROR_NOMEMORY) {
            status = error_memory(error, length);
            goto done;
        }
        if (found < 0) {
            status = error_set(error, ASSAY_ERROR_LIMIT,
                               "a regular expression of the tokenizer could not be matched within "
                               "its limits (PCRE2 error %d)",
                               found);
            goto done;
        }
        const PCRE2_SIZE *range = pcre2_get_ovector_pointer(data);
        size_t begin = range[0], end = range[1];
        /* \K may move a match's begin: what would overlap or run backwards is not a match. */
        bool usable = begin >= at && end >= begin && !(begin == end && end == last_end);
        if (usable) {
            uint32_t from = (uint32_t)cell_at(&clock, before);
            uint32_t first = (uint32_t)cell_at(&clock, begin);
            uint32_t after = (uint32_t)cell_at(&clock, end);
            if ((from < first && !matches_push(matches, from, first, false)) ||
                !matches_push(matches, first, after, true)) {
                status = error_memory(error, 0);
                goto done;
            }
            before = end;
            last_end = end;
        }
        if (usable && end > at) {
            at = end;
        } else if (at < length) {
            unicode_get_utf8(text, &at);
        } else {
            break;
        }
    }
    if (before < length &&
        !matches_push(matches, (uint32_t)cell_at(&clock, before), (uint32_t)count, false))
        status = error_memory(error, 0);
done:
    pcre2_match_data_free(data);
    memory_free(text);
    return status;
}

assay_status pattern_find(const struct pattern *pattern, struct matches *matches,
                          const uint32_t *cell, size_t count, assay_error *error)
{
    matches->count = 0;
    switch (pattern->kind) {
    case PATTERN_LITERAL:
        return find_literal(pattern, matches, cell, count, error);
    case PATTERN_REGEX:
        return find_regex(pattern, matches, cell, count, error);
    case PATTERN_GPT2:
        break;
    }
    for (size_t at = 0; at < count;) {
        size_t end = pattern_gpt2_next(cell, at, count);
        if (!matches_push(matches, (uint32_t)at, (uint32_t)end, true))
            return error_memory(error, 0);
        at = end;
    }
    return ASSAY_OK;
}
