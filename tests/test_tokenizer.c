/* The small tokenizers of tests/vectors/tokenizer against what Hugging Face makes with them: cases
 * one by one, and a digest over every Unicode scalar value. Written by
 * tools/make_tokenizer_vectors.py. */
#include "assay/tokenizer.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "text/unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const folders[] = {"bert_json",     "bert_files", "gpt2_files",
                                      "roberta_files", "bpe_json",   "nfkd_json"};

enum { MAX_PATH = 1024, MAX_VECTORS = 1 << 24 };

static assay_tokenizer *open_folder(const char *name)
{
    char path[MAX_PATH];
    assay_tokenizer *tokenizer = NULL;
    assay_error error = {0};
    snprintf(path, sizeof path, "%s/tokenizer/%s", ASSAY_TEST_DATA, name);
    if (assay_tokenizer_open(&tokenizer, path, &error)) {
        char line[2048];
        assay_error_format(&error, line, sizeof line);
        fail_msg("%s", line);
    }
    return tokenizer;
}

static enum assay_truncation strategy_of(const struct json *line)
{
    const char *name = json_string(json_member(line, "strategy"));
    if (json_boolean(json_member(line, "none")))
        return ASSAY_TRUNCATE_NONE;
    return !strcmp(name, "longest_first") ? ASSAY_TRUNCATE_LONGEST_FIRST
           : !strcmp(name, "only_first")  ? ASSAY_TRUNCATE_ONLY_FIRST
           : !strcmp(name, "only_second") ? ASSAY_TRUNCATE_ONLY_SECOND
                                          : ASSAY_TRUNCATE_MODEL;
}

static int64_t number(const struct json *list, size_t index)
{
    return json_integer(json_element(list, index));
}

static bool same_tokens(const assay_encoding *encoding, const struct json *tokens)
{
    if (json_count(tokens) != 3 * (size_t)encoding->count)
        return false;
    for (int32_t i = 0; i < encoding->count; i++) {
        size_t at = 3 * (size_t)i;
        if (encoding->ids[i] != number(tokens, at) ||
            encoding->begin[i] != number(tokens, at + 1) ||
            encoding->end[i] != number(tokens, at + 2))
            return false;
    }
    return true;
}

static bool same_window(const assay_encoding *encoding, const struct json *window)
{
    if (json_count(window) != 6 * (size_t)encoding->count)
        return false;
    for (int32_t i = 0; i < encoding->count; i++) {
        size_t at = 6 * (size_t)i;
        if (encoding->ids[i] != number(window, at) ||
            encoding->begin[i] != number(window, at + 1) ||
            encoding->end[i] != number(window, at + 2) ||
            encoding->type_ids[i] != number(window, at + 3) ||
            encoding->sequence[i] != number(window, at + 4) ||
            encoding->special[i] != number(window, at + 5))
            return false;
    }
    return true;
}

static bool check_encode(const assay_tokenizer *tokenizer, assay_encoding *encoding,
                         const struct json *line)
{
    const struct json *text = json_member(line, "text"), *pair = json_member(line, "pair");
    const struct json *windows = json_member(line, "windows");
    assay_encode_options options = ASSAY_ENCODE_OPTIONS_INIT;
    options.truncation = strategy_of(line);
    options.max_tokens = (int32_t)json_integer(json_member(line, "max"));
    options.stride = (int32_t)json_integer(json_member(line, "stride"));
    options.truncate_left = json_boolean(json_member(line, "left"));
    options.without_special_tokens = json_boolean(json_member(line, "plain"));
    options.keep_overflow = json_member(line, "strategy") != NULL;
    if (assay_tokenizer_encode(tokenizer, encoding, json_string(text), json_string_length(text),
                               pair ? json_string(pair) : NULL, json_string_length(pair), &options,
                               NULL))
        return false;
    if (!windows)
        return same_tokens(encoding, json_member(line, "tokens"));
    bool same = json_count(windows) == 1 + (size_t)encoding->overflow_count &&
                same_window(encoding, json_element(windows, 0));
    for (int32_t i = 0; same && i < encoding->overflow_count; i++)
        same = same_window(encoding->overflow + i, json_element(windows, (size_t)i + 1));
    return same;
}

static bool check_decode(const assay_tokenizer *tokenizer, const struct json *line)
{
    const struct json *list = json_member(line, "ids"), *want = json_member(line, "decoded");
    size_t count = json_count(list), length = 0;
    int32_t *ids = malloc((count + 1) * sizeof *ids);
    char *text = NULL;
    for (size_t i = 0; i < count; i++)
        ids[i] = (int32_t)number(list, i);
    bool same = !assay_tokenizer_decode_bytes(tokenizer, &text, &length, ids, (int32_t)count,
                                              json_boolean(json_member(line, "skip")), NULL) &&
                length == json_string_length(want) && !memcmp(text, json_string(want), length);
    assay_string_free(text);
    free(ids);
    return same;
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        assay_tokenizer *tokenizer = open_folder(folders[f]);
        assay_encoding encoding = {0};
        struct buffer file = {0};
        char path[MAX_PATH];
        snprintf(path, sizeof path, "%s/tokenizer/%s/cases.jsonl", ASSAY_TEST_DATA, folders[f]);
        assert_int_equal(file_read(&file, path, MAX_VECTORS, NULL), ASSAY_OK);
        size_t lines = 0;
        for (char *at = file.bytes; *at; lines++) {
            char *end = strchr(at, '\n');
            struct json *line = NULL;
            assert_int_equal(json_parse(&line, at, (size_t)(end - at), path, NULL), ASSAY_OK);
            bool same = json_member(line, "ids") ? check_decode(tokenizer, line)
                                                 : check_encode(tokenizer, &encoding, line);
            if (!same)
                fail_msg("%s: line %zu differs", path, lines + 1);
            json_free(line);
            at = end + 1;
        }
        assert_true(lines > 100);
        buffer_free(&file);
        assay_encoding_free(&encoding);
        assay_tokenizer_close(tokenizer);
    }
}

static uint64_t mix(uint64_t hash, int32_t value)
{
    return (hash ^ (uint32_t)value) * UINT64_C(0x100000001b3);
}

static uint64_t digest(const assay_tokenizer *tokenizer, const char *before, const char *after)
{
    assay_encoding encoding = {0};
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (uint32_t c = 0; c < UNICODE_LIMIT; c++) {
        char text[8];
        if (c >= 0xd800 && c < 0xe000)
            continue;
        size_t length = strlen(before);
        memcpy(text, before, length);
        length += unicode_put_utf8(text + length, c);
        memcpy(text + length, after, strlen(after));
        length += strlen(after);
        assert_int_equal(
            assay_tokenizer_encode(tokenizer, &encoding, text, length, NULL, 0, NULL, NULL), 0);
        hash = mix(hash, encoding.count);
        for (int32_t i = 0; i < encoding.count; i++)
            hash = mix(mix(mix(hash, encoding.ids[i]), encoding.begin[i]), encoding.end[i]);
    }
    assay_encoding_free(&encoding);
    return hash;
}

static void test_every_scalar(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        assay_tokenizer *tokenizer = open_folder(folders[f]);
        struct buffer file = {0};
        char path[MAX_PATH], *rest = NULL;
        snprintf(path, sizeof path, "%s/tokenizer/%s/digest.txt", ASSAY_TEST_DATA, folders[f]);
        assert_int_equal(file_read(&file, path, MAX_VECTORS, NULL), ASSAY_OK);
        uint64_t alone = strtoull(file.bytes, &rest, 16);
        uint64_t between = strtoull(rest, NULL, 16);
        if (digest(tokenizer, "", "") != alone || digest(tokenizer, "a", "b") != between)
            fail_msg("%s: some Unicode scalar value gives other tokens", folders[f]);
        buffer_free(&file);
        assay_tokenizer_close(tokenizer);
    }
}

static void test_names(void **state)
{
    (void)state;
    assay_tokenizer *tokenizer = open_folder("roberta_files");
    assert_int_equal(assay_tokenizer_get_kind(tokenizer), ASSAY_BYTE_LEVEL_BPE);
    assert_int_equal(assay_tokenizer_token_id(tokenizer, "<mask>"), 4);
    assert_string_equal(assay_tokenizer_token(tokenizer, 4), "<mask>");
    assert_true(assay_tokenizer_is_special(tokenizer, 4));
    assert_int_equal(assay_tokenizer_token_id(tokenizer, "no such token"), -1);
    assert_null(assay_tokenizer_token(tokenizer, -1));
    assert_null(assay_tokenizer_token(tokenizer, assay_tokenizer_vocabulary_size(tokenizer)));
    int32_t space = assay_tokenizer_token_id(tokenizer, "\xc4\xa0");
    assert_true(space >= 0); /* a space, in its printable form */
    assert_false(assay_tokenizer_is_special(tokenizer, space));
    assert_int_equal(assay_tokenizer_max_tokens(tokenizer), 0);
    assay_tokenizer_close(tokenizer);
    tokenizer = open_folder("bert_json");
    assert_int_equal(assay_tokenizer_get_kind(tokenizer), ASSAY_WORDPIECE);
    assert_int_equal(assay_tokenizer_max_tokens(tokenizer), 16);
    assay_tokenizer_close(tokenizer);
    tokenizer = open_folder("bert_files");
    assert_int_equal(assay_tokenizer_max_tokens(tokenizer), 64);
    assay_tokenizer_close(tokenizer);
    tokenizer = open_folder("gpt2_files");
    assert_int_equal(assay_tokenizer_max_tokens(tokenizer), 0); /* 1e30 says none */
    assay_tokenizer_close(tokenizer);
    assay_tokenizer_close(NULL);
}

/* One encoding used with two tokenizers in turn must not mix up their words. */
static void test_shared_encoding(void **state)
{
    (void)state;
    assay_tokenizer *a = open_folder("bert_json"), *b = open_folder("gpt2_files");
    assay_encoding shared = {0}, alone = {0};
    const char *text = "The baker watches the river.";
    for (int round = 0; round < 4; round++) {
        assay_tokenizer *tokenizer = round % 2 ? b : a;
        assert_int_equal(
            assay_tokenizer_encode(tokenizer, &shared, text, strlen(text), NULL, 0, NULL, NULL),
            ASSAY_OK);
        assert_int_equal(
            assay_tokenizer_encode(tokenizer, &alone, text, strlen(text), NULL, 0, NULL, NULL),
            ASSAY_OK);
        assert_int_equal(shared.count, alone.count);
        assert_memory_equal(shared.ids, alone.ids, (size_t)alone.count * sizeof *alone.ids);
        assay_encoding_free(&alone);
    }
    assay_encoding_free(&shared);
    assay_tokenizer_close(a);
    assay_tokenizer_close(b);
}

static void test_bad_calls(void **state)
{
    (void)state;
    assay_tokenizer *tokenizer = open_folder("bert_json");
    assay_encoding encoding = {0};
    assay_error error = {0};
    assay_encode_options options = ASSAY_ENCODE_OPTIONS_INIT;
    assert_int_equal(
        assay_tokenizer_encode(tokenizer, &encoding, "ab\xff", 3, NULL, 0, NULL, &error),
        ASSAY_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "byte 3"));
    assert_int_equal(encoding.count, 0);
    assert_int_equal(
        assay_tokenizer_encode(tokenizer, &encoding, "ok", 2, "\xed\xa0\x80", 3, NULL, &error),
        ASSAY_ERROR_FORMAT); /* a surrogate */
    options.truncation = ASSAY_TRUNCATE_ONLY_FIRST;
    assert_int_equal(
        assay_tokenizer_encode(tokenizer, &encoding, "ok", 2, NULL, 0, &options, &error),
        ASSAY_ERROR_ARGUMENT); /* max_tokens is missing */
    options.max_tokens = 1;
    assert_int_equal(
        assay_tokenizer_encode(tokenizer, &encoding, "ok", 2, NULL, 0, &options, &error),
        ASSAY_ERROR_ARGUMENT); /* less than the special tokens */
    options.struct_size = 3;
    assert_int_equal(
        assay_tokenizer_encode(tokenizer, &encoding, "ok", 2, NULL, 0, &options, &error),
        ASSAY_ERROR_ARGUMENT);
    assert_int_equal(assay_tokenizer_encode(tokenizer, &encoding, "the", 3, NULL, 0, NULL, &error),
                     ASSAY_OK); /* and still usable */
    assert_int_equal(encoding.count, 3);
    assay_encoding_free(&encoding);
    assay_encoding_free(NULL);
    assay_tokenizer_close(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),     cmocka_unit_test(test_every_scalar),
        cmocka_unit_test(test_names),     cmocka_unit_test(test_shared_encoding),
        cmocka_unit_test(test_bad_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
