/* Parts of the tokenizers by themselves: the alphabet of bytes, normal forms, patterns, the merging
 * of words long and short, and the real vocabularies where they are at hand. */
#include "assay/tokenizer.h"
#include "base/file.h"
#include "text/bpe.h"
#include "text/byte_level.h"
#include "text/normal_forms.h"
#include "text/pattern.h"
#include "text/unicode.h"
#include "text/word_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { MAX_PATH = 1024, LONG_WORD = 1 << 20 };

static void test_alphabet(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++)
        assert_int_equal(byte_level_byte(byte_level_character((unsigned char)byte)), byte);
    assert_int_equal(byte_level_character(' '), BYTE_LEVEL_SPACE);
    assert_int_equal(byte_level_character('\n'), 0x10a);
    assert_int_equal(byte_level_character(0xa0), 0x142);
    assert_int_equal(byte_level_character(0xad), 0x143);
    assert_int_equal(byte_level_byte(0x144), -1);
    assert_int_equal(byte_level_byte(' '), -1);
}

static void test_broken_bytes(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"ok", "ok"},
        {"\xff", "\xef\xbf\xbd"},
        {"a\xe2\x82z", "a\xef\xbf\xbdz"}, /* two bytes of three: one mark */
        {"\xe2\x28\xa1", "\xef\xbf\xbd(\xef\xbf\xbd"},
        {"\xf0\x9f\x98", "\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer out = {0};
        assert_true(byte_level_append_text(&out, cases[i][0], strlen(cases[i][0])));
        assert_string_equal(out.bytes, cases[i][1]);
        buffer_free(&out);
    }
}

/* Decomposing twice is decomposing once; composing what was decomposed is composing. */
static void test_normal_forms(void **state)
{
    (void)state;
    struct run in = {0}, once = {0}, twice = {0}, composed = {0};
    struct normal_forms_scratch scratch = {0};
    uint32_t random = 12345;
    for (int round = 0; round < 20000; round++) {
        in.count = 0;
        for (int i = 0; i < 12; i++) {
            random = random * 1664525 + 1013904223;
            uint32_t c = (random >> 8) % (round % 2 ? 0x3400 : 0x700);
            assert_true(run_push(&in, c, i));
        }
        for (int compatible = 0; compatible < 2; compatible++) {
            assert_true(normal_form(&once, &in, false, compatible, &scratch));
            assert_true(normal_form(&twice, &once, false, compatible, &scratch));
            assert_int_equal(once.count, twice.count);
            assert_memory_equal(once.cell, twice.cell, once.count * sizeof *once.cell);
            for (size_t i = 1; i < once.count; i++)
                assert_true(once.source[i - 1] <= once.source[i]);
            assert_true(normal_form(&composed, &in, true, compatible, &scratch));
            assert_true(normal_form(&twice, &once, true, compatible, &scratch));
            assert_int_equal(composed.count, twice.count);
            assert_memory_equal(composed.cell, twice.cell, twice.count * sizeof *twice.cell);
        }
    }
    run_free(&in);
    run_free(&once);
    run_free(&twice);
    run_free(&composed);
    normal_forms_scratch_free(&scratch);
}

static void check_pattern(const char *regex, const char *text, const char *want)
{
    struct pattern *pattern = NULL;
    struct matches matches = {0};
    struct run run = {0};
    char got[256] = "";
    assert_int_equal(pattern_open_regex(&pattern, regex, strlen(regex), NULL), ASSAY_OK);
    assert_int_equal(run_decode(&run, text, strlen(text), NULL), ASSAY_OK);
    assert_int_equal(pattern_find(pattern, &matches, run.cell, run.count, NULL), ASSAY_OK);
    for (size_t i = 0; i < matches.count; i++) {
        char item[32];
        snprintf(item, sizeof item, "%s%u-%u", matches.list[i].matched ? "" : "!",
                 matches.list[i].begin, matches.list[i].end);
        strcat(strcat(got, i ? " " : ""), item);
    }
    if (strcmp(got, want) != 0)
        fail_msg("/%s/ in \"%s\": %s, not %s", regex, text, got, want);
    pattern_close(pattern);
    matches_free(&matches);
    run_free(&run);
}

static void test_patterns(void **state)
{
    (void)state;
    const char *gpt2 =
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    check_pattern(gpt2, "Hi  you're 12!\n\n x'S",
                  "0-2 2-3 3-7 7-10 10-13 13-14 14-16 16-18 18-19 19-20");
    check_pattern(gpt2, " \t a", "0-2 2-4");
    check_pattern(gpt2, "  ", "0-2");
    check_pattern("[0-9]+", "a12b3", "!0-1 1-3 !3-4 4-5");
    check_pattern("\\s+",
                  "a\xc2\x85 b\xe1\xa0\x8e"
                  "c",
                  "!0-1 1-3 !3-6"); /* not U+180E */
    check_pattern("[\\s!]", "a !", "!0-1 1-2 2-3");
    check_pattern("x*", "axb", "0-0 !0-1 1-2 !2-3 3-3");
    check_pattern("\xc3\xa9", "e\xc3\xa9", "!0-1 1-2");
}

static void test_runaway_pattern(void **state)
{
    (void)state;
    struct pattern *pattern = NULL;
    struct matches matches = {0};
    uint32_t cell[64];
    for (size_t i = 0; i < 64; i++)
        cell[i] = i < 63 ? 'a' : 'b';
    assert_int_equal(pattern_open_regex(&pattern, "(a+a+)+$", 8, NULL), ASSAY_OK);
    assert_int_equal(pattern_find(pattern, &matches, cell, 64, NULL), ASSAY_ERROR_LIMIT);
    pattern_close(pattern);
    matches_free(&matches);
}

static void add_word(struct vocabulary *vocabulary, const char *text)
{
    assert_int_equal(
        vocabulary_add(vocabulary, text, strlen(text), (int64_t)vocabulary->limit, NULL), ASSAY_OK);
}

/* A word of a million equal letters is merged in n log n, and a long word as a short one is. */
static void test_long_words(void **state)
{
    (void)state;
    struct vocabulary vocabulary = {0};
    struct bpe bpe = {0};
    struct bpe_scratch scratch = {0};
    struct pieces pieces = {0};
    struct json *model = NULL;
    add_word(&vocabulary, "b");
    char word[257] = "";
    for (int length = 1; length <= 256; length *= 2) {
        memset(word, 'a', (size_t)length);
        word[length] = '\0';
        add_word(&vocabulary, word);
    }
    add_word(&vocabulary, "ab");
    assert_int_equal(json_parse(&model, "{}", 2, NULL, NULL), ASSAY_OK);
    assert_int_equal(bpe_parse(&bpe, model, &vocabulary, true, NULL), ASSAY_OK);
    for (int length = 1; length <= 128; length *= 2)
        assert_int_equal(
            bpe_add_merge(&bpe, &vocabulary, word, (size_t)length, word, (size_t)length, NULL),
            ASSAY_OK);
    assert_int_equal(bpe_add_merge(&bpe, &vocabulary, "a", 1, "b", 1, NULL), ASSAY_OK);
    uint32_t *cell = malloc(LONG_WORD * sizeof *cell);
    for (size_t i = 0; i < LONG_WORD; i++)
        cell[i] = 'a';
    clock_t start = clock();
    assert_true(bpe_tokenize(&bpe, &vocabulary, &pieces, cell, LONG_WORD, &scratch));
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 20);
    assert_int_equal(pieces.count, LONG_WORD / 256);
    assert_int_equal(pieces.list[pieces.count - 1].end, LONG_WORD);
    /* 47, 48 and 49 symbols: both ways of merging, the same result. */
    for (size_t length = 47; length <= 49; length++) {
        pieces.count = 0;
        cell[length - 1] = 'b';
        assert_true(bpe_tokenize(&bpe, &vocabulary, &pieces, cell, length, &scratch));
        assert_int_equal(pieces.list[0].end, 32);
        assert_int_equal(pieces.list[1].end, length == 49 ? 48 : 40);
        cell[length - 1] = 'a';
    }
    free(cell);
    json_free(model);
    pieces_free(&pieces);
    bpe_scratch_free(&scratch);
    bpe_free(&bpe);
    vocabulary_free(&vocabulary);
}

static void test_word_cache(void **state)
{
    (void)state;
    struct word_cache cache = {0};
    word_cache_own(&cache, 1);
    for (uint32_t n = 0; n < 300000; n++) {
        uint32_t cell[3] = {n, n >> 8, 7};
        struct piece piece = {(int32_t)n, 0, 3};
        word_cache_put(&cache, word_cache_hash(cell, 3), cell, 3, &piece, 1);
        struct cached_word found;
        if (word_cache_find(&cache, word_cache_hash(cell, 3), cell, 3, &found)) {
            assert_int_equal(found.count, 1);
            assert_int_equal(found.piece[0], n);
        }
        assert_true(cache.word_capacity <= 1 << 20 && cache.slot_count <= 1 << 17);
    }
    uint32_t last[3] = {299999, 299999 >> 8, 7};
    struct cached_word found;
    assert_true(word_cache_find(&cache, word_cache_hash(last, 3), last, 3, &found));
    word_cache_own(&cache, 2);
    assert_false(word_cache_find(&cache, word_cache_hash(last, 3), last, 3, &found));
    word_cache_free(&cache);
}

/* The real vocabularies, when they are here: a few well-known encodings. */
static void test_real_vocabularies(void **state)
{
    (void)state;
    static const int32_t gpt2[] = {15496, 995};
    static const int32_t bert[] = {101, 7592, 2088, 102};
    static const struct {
        const char *folder;
        const int32_t *ids;
        int32_t count;
    } cases[] = {{"gpt2", gpt2, 2}, {"bert-base-uncased", bert, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[MAX_PATH];
        snprintf(path, sizeof path, "%s/tokenizers/%s", ASSAY_SHARED_DATA, cases[i].folder);
        if (!file_is_folder(path)) {
            print_message("skipped: %s is not here\n", path);
            skip();
        }
        assay_tokenizer *tokenizer = NULL;
        assay_encoding encoding = {0};
        assert_int_equal(assay_tokenizer_open(&tokenizer, path, NULL), ASSAY_OK);
        assert_int_equal(
            assay_tokenizer_encode(tokenizer, &encoding, "Hello world", 11, NULL, 0, NULL, NULL),
            ASSAY_OK);
        assert_int_equal(encoding.count, cases[i].count);
        assert_memory_equal(encoding.ids, cases[i].ids,
                            (size_t)cases[i].count * sizeof *encoding.ids);
        assay_encoding_free(&encoding);
        assay_tokenizer_close(tokenizer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alphabet),        cmocka_unit_test(test_broken_bytes),
        cmocka_unit_test(test_normal_forms),    cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_runaway_pattern), cmocka_unit_test(test_long_words),
        cmocka_unit_test(test_word_cache),      cmocka_unit_test(test_real_vocabularies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
