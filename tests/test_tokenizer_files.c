/* Tokenizer files that are damaged or ask for what assay does not do: each is refused with one
 * error that names the file and the place, and nothing leaks at any allocation that fails. */
#include "assay/tokenizer.h"
#include "base/file.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX_PATH = 1024 };

#define WORDPIECE_HEAD                                                                             \
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":"     \
    "\"##\",\"max_input_chars_per_word\":100,\"vocab\":"
#define WORDPIECE WORDPIECE_HEAD "{\"[UNK]\":0,\"a\":1,\"##b\":2,\"[CLS]\":3}}"
#define BPE_HEAD  "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":"

static char folder[] = "/tmp/assay-tokenizer-XXXXXX";

static void in_folder(char path[MAX_PATH], const char *name)
{
    snprintf(path, MAX_PATH, "%s/%s", folder, name);
}

static void write_text(const char *name, const char *text)
{
    char path[MAX_PATH];
    in_folder(path, name);
    assert_int_equal(file_write(path, text, strlen(text), NULL), ASSAY_OK);
}

static void remove_file(const char *name)
{
    char path[MAX_PATH];
    in_folder(path, name);
    unlink(path);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(folder);
}

struct bad_file {
    const char *text;
    assay_status status;
    const char *place; /* part of error.place, NULL for any */
};

static const struct bad_file bad_files[] = {
    {"", ASSAY_ERROR_FORMAT, NULL},
    {"[]", ASSAY_ERROR_FORMAT, NULL},
    {"{}", ASSAY_ERROR_FORMAT, NULL},
    {"{\"model\":3}", ASSAY_ERROR_FORMAT, NULL},
    {"{" WORDPIECE, ASSAY_ERROR_FORMAT, NULL},
    {"{\"version\":\"2.0\"," WORDPIECE "}", ASSAY_ERROR_UNSUPPORTED, NULL},
    {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}", ASSAY_ERROR_UNSUPPORTED, "model"},
    {"{" WORDPIECE_HEAD "{\"a\":1}}}", ASSAY_ERROR_FORMAT, "model"},             /* no [UNK] */
    {"{" WORDPIECE_HEAD "{\"[UNK]\":0,\"a\":0}}}", ASSAY_ERROR_FORMAT, "vocab"}, /* same id twice */
    {"{" WORDPIECE_HEAD "{\"[UNK]\":0,\"a\":-1}}}", ASSAY_ERROR_LIMIT, "vocab"},
    {"{" WORDPIECE_HEAD "{\"[UNK]\":0,\"a\":4000000000}}}", ASSAY_ERROR_LIMIT, "vocab"},
    {"{" WORDPIECE_HEAD "{\"[UNK]\":0,\"a\":\"1\"}}}", ASSAY_ERROR_FORMAT, "vocab"},
    {"{" WORDPIECE_HEAD "{\"[UNK]\":0,\"a\":1.5}}}", ASSAY_ERROR_FORMAT, "vocab"},
    {"{" BPE_HEAD "[\"a c\"]}}", ASSAY_ERROR_FORMAT, "merges[0]"},
    {"{" BPE_HEAD "[\"a b\",\"b a\"]}}", ASSAY_ERROR_FORMAT, "merges[1]"}, /* no product */
    {"{" BPE_HEAD "[\"a b\",\"ab\"]}}", ASSAY_ERROR_FORMAT, "merges[1]"},
    {"{" BPE_HEAD "[\"a  b\"]}}", ASSAY_ERROR_FORMAT, "merges[0]"},
    {"{" BPE_HEAD "[[\"a\"]]}}", ASSAY_ERROR_FORMAT, "merges[0]"},
    {"{" BPE_HEAD "{}}}", ASSAY_ERROR_FORMAT, "merges"},
    {"{" BPE_HEAD "[],\"dropout\":0.1}}", ASSAY_ERROR_UNSUPPORTED, "model"},
    {"{" BPE_HEAD "[],\"byte_fallback\":true}}", ASSAY_ERROR_UNSUPPORTED, "model"},
    {"{" BPE_HEAD "[],\"unk_token\":\"<unk>\"}}", ASSAY_ERROR_FORMAT, "model"},
    {"{\"normalizer\":{\"type\":\"Precompiled\"}," WORDPIECE "}", ASSAY_ERROR_UNSUPPORTED,
     "normalizer"},
    {"{\"normalizer\":{\"type\":\"Sequence\"}," WORDPIECE "}", ASSAY_ERROR_FORMAT, "normalizer"},
    {"{\"normalizer\":{\"type\":\"BertNormalizer\"}," WORDPIECE "}", ASSAY_ERROR_FORMAT, NULL},
    {"{\"pre_tokenizer\":{\"type\":\"Metaspace\"}," WORDPIECE "}", ASSAY_ERROR_UNSUPPORTED,
     "pre_tokenizer"},
    {"{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a\"},\"behavior\":"
     "\"Isolated\",\"invert\":false}," WORDPIECE "}",
     ASSAY_ERROR_FORMAT, "pre_tokenizer"},
    {"{\"pre_tokenizer\":{\"type\":\"Punctuation\",\"behavior\":\"Sideways\"}," WORDPIECE "}",
     ASSAY_ERROR_FORMAT, "pre_tokenizer"},
    {"{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":"
     "\"[CLS]\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"pair\":[],"
     "\"special_tokens\":{}}," WORDPIECE "}",
     ASSAY_ERROR_FORMAT, "post_processor"},
    {"{\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",3],\"sep\":[\"x\",77]},"
     "" WORDPIECE "}",
     ASSAY_ERROR_FORMAT, "post_processor"},
    {"{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[],\"pair\":[],"
     "\"special_tokens\":{}}," WORDPIECE "}",
     ASSAY_ERROR_UNSUPPORTED, "post_processor"},
    {"{\"decoder\":{\"type\":\"CTC\"}," WORDPIECE "}", ASSAY_ERROR_UNSUPPORTED, "decoder"},
    {"{\"added_tokens\":[{\"id\":5}]," WORDPIECE "}", ASSAY_ERROR_FORMAT, "added_tokens[0]"},
    {"{\"added_tokens\":[{\"id\":5,\"content\":\"\\u0301\",\"single_word\":false,\"lstrip\":false,"
     "\"rstrip\":false,\"normalized\":true,\"special\":false}],\"normalizer\":{\"type\":"
     "\"StripAccents\"}," WORDPIECE "}",
     ASSAY_ERROR_UNSUPPORTED, "added_tokens"},
    {"{\"truncation\":{\"max_length\":-1,\"stride\":0,\"strategy\":\"LongestFirst\"}," WORDPIECE
     "}",
     ASSAY_ERROR_FORMAT, "truncation"},
};

static void test_bad_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        assay_tokenizer *tokenizer = NULL;
        assay_error error = {0};
        write_text("tokenizer.json", bad_files[i].text);
        assay_status status = assay_tokenizer_open(&tokenizer, folder, &error);
        if (status != bad_files[i].status || tokenizer || !strstr(error.file, "tokenizer.json") ||
            !*error.message || (bad_files[i].place && !strstr(error.place, bad_files[i].place)))
            fail_msg("%s\n gave %s, place \"%s\", file \"%s\": %s", bad_files[i].text,
                     assay_status_name(status), error.place, error.file, error.message);
    }
    remove_file("tokenizer.json");
}

static void test_nesting(void **state)
{
    (void)state;
    char *text = calloc(1, 400000);
    strcpy(text, "{\"normalizer\":");
    for (int i = 0; i < 5000; i++)
        strcat(text + 14 + (size_t)i * 35, "{\"type\":\"Sequence\",\"normalizers\":[");
    assay_tokenizer *tokenizer = NULL;
    write_text("tokenizer.json", text);
    assert_int_equal(assay_tokenizer_open(&tokenizer, folder, NULL), ASSAY_ERROR_FORMAT);
    remove_file("tokenizer.json");
    free(text);
}

static void test_bad_folders(void **state)
{
    (void)state;
    assay_tokenizer *tokenizer = NULL;
    assay_error error = {0};
    assert_int_equal(assay_tokenizer_open(&tokenizer, folder, &error), ASSAY_ERROR_NOT_FOUND);
    assert_int_not_equal(assay_tokenizer_open(&tokenizer, "/nonexistent", &error), ASSAY_OK);
    assert_int_equal(assay_tokenizer_open(&tokenizer, NULL, &error), ASSAY_ERROR_ARGUMENT);

    write_text("vocab.txt", "[PAD]\n[CLS]\n[SEP]\na\n");
    assert_int_equal(assay_tokenizer_open(&tokenizer, folder, &error), ASSAY_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "unknown token"));
    write_text("vocab.txt", "[UNK]\nfine\nbr\xffken\n");
    assert_int_equal(assay_tokenizer_open(&tokenizer, folder, &error), ASSAY_ERROR_FORMAT);
    assert_int_equal(error.row, 3);
    assert_int_equal(error.column, 3);
    write_text("vocab.txt", "");
    assert_int_equal(assay_tokenizer_open(&tokenizer, folder, &error), ASSAY_ERROR_FORMAT);
    write_text("vocab.txt", "[UNK]\na\n");
    write_text("tokenizer_config.json", "{\"do_lower_case\":\"yes\"}");
    assert_int_equal(assay_tokenizer_open(&tokenizer, folder, &error), ASSAY_ERROR_FORMAT);
    write_text("tokenizer_config.json", "{");
    assert_int_equal(assay_tokenizer_open(&tokenizer, folder, &error), ASSAY_ERROR_FORMAT);
    assert_non_null(strstr(error.file, "tokenizer_config.json"));
    remove_file("tokenizer_config.json");
    remove_file("vocab.txt");

    write_text("vocab.json", "{\"a\":0,\"b\":1,\"ab\":2}");
    write_text("merges.txt", "#version: 0.2\na b\nb a\n");
    assert_int_equal(assay_tokenizer_open(&tokenizer, folder, &error), ASSAY_ERROR_FORMAT);
    assert_int_equal(error.row, 3);
    assert_non_null(strstr(error.file, "merges.txt"));
    write_text("merges.txt", "#version: 0.2\na b\n\n");
    assert_int_equal(assay_tokenizer_open(&tokenizer, folder, &error), ASSAY_ERROR_FORMAT);
    write_text("vocab.json", "[1]");
    assert_int_equal(assay_tokenizer_open(&tokenizer, folder, &error), ASSAY_ERROR_FORMAT);
    remove_file("vocab.json");
    remove_file("merges.txt");
}

/* Special tokens that vocab.txt lacks are added behind it, as transformers does. */
static void test_added_specials(void **state)
{
    (void)state;
    assay_tokenizer *tokenizer = NULL;
    assay_encoding encoding = {0};
    write_text("vocab.txt", "[UNK]\nhe\n##llo\n");
    assert_int_equal(assay_tokenizer_open(&tokenizer, folder, NULL), ASSAY_OK);
    assert_int_equal(assay_tokenizer_encode(tokenizer, &encoding, "Hello", 5, NULL, 0, NULL, NULL),
                     ASSAY_OK);
    assert_int_equal(encoding.count, 4);
    assert_int_equal(encoding.ids[0], assay_tokenizer_token_id(tokenizer, "[CLS]"));
    assert_int_equal(encoding.ids[1], 1);
    assert_int_equal(encoding.ids[2], 2);
    assay_encoding_free(&encoding);
    assay_tokenizer_close(tokenizer);
    /* A line twice: the last one wins. The next free id is then taken, which is an error. */
    write_text("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhe\nhe\t\n");
    assert_int_equal(assay_tokenizer_open(&tokenizer, folder, NULL), ASSAY_OK);
    assert_int_equal(assay_tokenizer_token_id(tokenizer, "he"), 6);
    assert_null(assay_tokenizer_token(tokenizer, 5));
    assay_tokenizer_close(tokenizer);
    write_text("added_tokens.json", "{\"<more>\":7}");
    assert_int_equal(assay_tokenizer_open(&tokenizer, folder, NULL), ASSAY_ERROR_FORMAT);
    remove_file("added_tokens.json");
    remove_file("vocab.txt");
}

static assay_status open_and_use(const char *path)
{
    assay_tokenizer *tokenizer = NULL;
    assay_encoding encoding = {0};
    char *decoded = NULL;
    assay_encode_options options = ASSAY_ENCODE_OPTIONS_INIT;
    options.truncation = ASSAY_TRUNCATE_LONGEST_FIRST;
    options.max_tokens = 8;
    options.keep_overflow = true;
    const char *text =
        "The naïve bakers 한국어 e\xcc\xa3\xcc\x87 don't [MASK] <mask> rememberingly";
    assay_status status = assay_tokenizer_open(&tokenizer, path, NULL);
    if (!status)
        status = assay_tokenizer_encode(tokenizer, &encoding, text, strlen(text), text,
                                        strlen(text), &options, NULL);
    if (!status)
        status =
            assay_tokenizer_decode(tokenizer, &decoded, encoding.ids, encoding.count, true, NULL);
    assay_string_free(decoded);
    assay_encoding_free(&encoding);
    assay_tokenizer_close(tokenizer);
    return status;
}

/* Every allocation fails once; each time the call must fail cleanly or do without. */
static void test_memory(void **state)
{
    (void)state;
    static const char *const names[] = {"bert_json", "bert_files", "roberta_files", "bpe_json",
                                        "nfkd_json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[MAX_PATH];
        snprintf(path, sizeof path, "%s/tokenizer/%s", ASSAY_TEST_DATA, names[i]);
        uint64_t before = memory_allocation_count();
        assert_int_equal(open_and_use(path), ASSAY_OK);
        uint64_t count = memory_allocation_count() - before;
        uint64_t step = count > 400 ? count / 400 : 1;
        for (uint64_t n = 1; n <= count; n += step) {
            memory_fail_at(n);
            assay_status status = open_and_use(path);
            memory_fail_at(0);
            if (status != ASSAY_OK && status != ASSAY_ERROR_MEMORY)
                fail_msg("%s: allocation %d gave %s", names[i], (int)n, assay_status_name(status));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_files),   cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_bad_folders), cmocka_unit_test(test_added_specials),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
