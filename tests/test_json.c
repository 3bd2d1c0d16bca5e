/* base/json: what is refused and where, what is read, what is written. */
#include "base/json.h"
#include "base/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct json *parse(const char *text)
{
    struct json *root = NULL;
    assay_error error;
    assay_status status = json_parse(&root, text, strlen(text), "test.json", &error);
    if (status)
        print_error("%s: %s\n", text, error.message);
    assert_int_equal(status, ASSAY_OK);
    return root;
}

static void refused_at(const char *text, size_t length, int64_t row, int64_t column)
{
    struct json *root = (struct json *)1;
    assay_error error;
    assay_status status = json_parse(&root, text, length, "bad.json", &error);
    if (!status)
        print_error("accepted: %.*s\n", (int)length, text);
    assert_true(status == ASSAY_ERROR_FORMAT || status == ASSAY_ERROR_LIMIT);
    assert_null(root);
    assert_string_equal(error.file, "bad.json");
    assert_true(error.message[0]);
    if (row && (error.row != row || error.column != column))
        print_error("%.*s: %s\n", (int)length, text, error.message);
    if (row) {
        assert_int_equal(error.row, row);
        assert_int_equal(error.column, column);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "[",
        "]",
        "}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1 \"b\":2}",
        "{1:2}",
        "[}",
        "{]",
        "nul",
        "nulll",
        "True",
        "NaN",
        "Infinity",
        "-Infinity",
        "-",
        "+1",
        "01",
        "-01",
        "1.",
        ".5",
        "1.e3",
        "1e",
        "1e+",
        "0x10",
        "1 2",
        "[] []",
        "{}x",
        "\"",
        "\"a",
        "\"\\",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "\"a\tb\"",
        "/* c */ 1",
        "[1] // c",
        "\xef\xbb\xbf{}",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf5\x80\x80\x80\"",
        "\"\xe2\x82\"",
        "{\"a\\u0000b\":1}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused_at(bad[i], strlen(bad[i]), 0, 0);
    refused_at("1\0", 2, 1, 2);
    refused_at("\"a\0b\"", 5, 1, 3);
}

static void test_places(void **state)
{
    (void)state;
    refused_at("{\n  \"a\": tru\n}", 14, 2, 8);
    refused_at("[1,\n2,\n\n x]", 11, 4, 2);
    refused_at("[\"\xc3\xa9\xc3\xa9\" x]", 9, 1, 7); /* columns count characters */
    refused_at("{\"a\":1} {", 9, 1, 9);
}

static void test_every_prefix_is_refused(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\": [1, -2.5e-3, true, false, null], \"b\\n\\u00e9\": {\"c\": \"\xe2\x82\xac\"}}";
    json_free(parse(text));
    for (size_t length = 0; length + 1 < sizeof text; length++)
        refused_at(text, length, 0, 0);
}

static void test_depth(void **state)
{
    (void)state;
    char text[2 * (JSON_MAX_DEPTH + 1) + 1];
    for (int depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        struct json *root;
        assay_error error;
        assay_status status = json_parse(&root, text, 2 * (size_t)depth, NULL, &error);
        assert_int_equal(status, depth == JSON_MAX_DEPTH ? ASSAY_OK : ASSAY_ERROR_LIMIT);
        json_free(root);
    }
    size_t huge = 1 << 20;
    char *open = malloc(huge);
    memset(open, '[', huge);
    struct json *root;
    assert_int_equal(json_parse(&root, open, huge, NULL, NULL), ASSAY_ERROR_LIMIT);
    free(open);
}

static void test_values(void **state)
{
    (void)state;
    struct json *root =
        parse("{\"i\": 9223372036854775807, \"m\": -9223372036854775808,"
              "\"big\": 9223372036854775808, \"huge\": [123456789012345678901234567890],"
              "\"d\": 0.1, \"e\": 1e3, \"s\": \"a\\u0000b\\ud83d\\ude00\","
              "\"t\": true, \"n\": null, \"d\": 2.5}");
    assert_int_equal(json_kind(root), JSON_OBJECT);
    assert_true(json_integer(json_member(root, "i")) == INT64_MAX);
    assert_true(json_integer(json_member(root, "m")) == INT64_MIN);
    assert_int_equal(json_kind(json_member(root, "big")), JSON_NUMBER);
    assert_true(json_number(json_member(root, "big")) == 9223372036854775808.0);
    assert_true(json_number(json_element(json_member(root, "huge"), 0)) ==
                123456789012345678901234567890.0);
    assert_true(json_number(json_member(root, "d")) == 2.5); /* the last of equal keys */
    const struct json *string = json_member(root, "s");
    assert_int_equal(json_string_length(string), 7);
    assert_memory_equal(json_string(string), "a\0b\xf0\x9f\x98\x80", 8);
    assert_true(json_boolean(json_member(root, "t")));
    assert_null(json_member(root, "n"));
    assert_null(json_member(root, "absent"));
    assert_null(json_member(json_member(root, "s"), "x"));
    assert_null(json_element(json_member(root, "huge"), 1));
    assert_int_equal(json_count(json_member(root, "s")), 0);
    assert_string_equal(json_string(json_member(root, "i")), "");
    json_free(root);
    for (const char *const *text = (const char *const[]){"17", " -3 ", "0", "null", "\"x\"", NULL};
         *text; text++)
        json_free(parse(*text));
    json_free(NULL);
}

static void test_typed_reading(void **state)
{
    (void)state;
    struct json *root =
        parse("{\"one\": 1.0, \"k\": 1e3, \"half\": 0.5, \"far\": 1e30, \"s\": \"x\","
              "\"b\": false, \"n\": null, \"neg\": -1}");
    assay_error error;
    int64_t integer = 42;
    assert_int_equal(json_read_integer(&integer, root, "one", 0, 10, true, NULL), ASSAY_OK);
    assert_int_equal(integer, 1);
    assert_int_equal(json_read_integer(&integer, root, "k", 0, 1000, true, NULL), ASSAY_OK);
    assert_int_equal(integer, 1000);
    static const char *const wrong[] = {"half", "far", "s", "b", "neg"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(json_read_integer(&integer, root, wrong[i], 0, 999, false, &error),
                         ASSAY_ERROR_FORMAT);
        assert_string_equal(error.place, wrong[i]);
        assert_true(error.expected[0] && error.found[0]);
    }
    assert_int_equal(integer, 1000);
    assert_int_equal(json_read_integer(&integer, root, "n", 0, 9, false, NULL), ASSAY_OK);
    assert_int_equal(json_read_integer(&integer, root, "n", 0, 9, true, &error),
                     ASSAY_ERROR_FORMAT);
    assert_string_equal(error.place, "n");
    const char *string = "kept";
    assert_int_equal(json_read_string(&string, root, "absent", false, NULL), ASSAY_OK);
    assert_string_equal(string, "kept");
    assert_int_equal(json_read_string(&string, root, "one", false, NULL), ASSAY_ERROR_FORMAT);
    double number = 0;
    assert_int_equal(json_read_number(&number, root, "neg", true, NULL), ASSAY_OK);
    assert_true(number == -1);
    bool boolean = true;
    assert_int_equal(json_read_boolean(&boolean, root, "b", true, NULL), ASSAY_OK);
    assert_false(boolean);
    assert_int_equal(json_read_boolean(&boolean, root, "one", true, NULL), ASSAY_ERROR_FORMAT);
    json_free(root);
}

static assay_status collect(void *context, const char *key, size_t key_length,
                            const struct json *value, assay_error *error)
{
    (void)value;
    (void)error;
    assert_int_equal(strlen(key), key_length);
    strcat(context, key);
    return strcmp(key, "stop") == 0 ? ASSAY_ERROR_LIMIT : ASSAY_OK;
}

static void test_members_come_in_order(void **state)
{
    (void)state;
    char keys[64] = "";
    struct json *root = parse("{\"z\":1,\"a\":null,\"m\":3,\"stop\":1,\"never\":0}");
    assert_int_equal(json_each_member(root, collect, keys, NULL), ASSAY_ERROR_LIMIT);
    assert_string_equal(keys, "zamstop");
    json_free(root);
}

static void write_sample(struct json_writer *writer)
{
    json_begin_object(writer);
    json_key(writer, "a\"\\\n\x01\x7f");
    json_put_bytes(writer, "x\0\xff\xe2\x82y\xe2\x82\xac", 9);
    json_key(writer, "list");
    json_begin_array(writer);
    json_put_integer(writer, INT64_MIN);
    json_put_number(writer, 0.1);
    json_put_number(writer, 1.0);
    json_put_number(writer, NAN);
    json_put_float(writer, 0.1f);
    json_put_float(writer, -0.0f);
    json_put_boolean(writer, true);
    json_put_null(writer);
    json_end_array(writer);
    json_key(writer, "empty");
    json_begin_object(writer);
    json_end_object(writer);
    json_end_object(writer);
}

static void test_writer(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct json_writer writer = {.out = &out};
    write_sample(&writer);
    assert_false(writer.failed);
    assert_string_equal(
        out.bytes, "{\"a\\\"\\\\\\n\\u0001\x7f\": \"x\\u0000\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                   "y\xe2\x82\xac\", \"list\": [-9223372036854775808, 0.1, 1.0, null, 0.1, "
                   "-0.0, true, null], \"empty\": {}}");
    struct json *root = parse(out.bytes);
    buffer_clear(&out);
    writer = (struct json_writer){.out = &out, .indent = 2};
    json_begin_array(&writer);
    json_put_value(&writer, json_member(root, "empty"));
    json_put_value(&writer, json_member(json_member(root, "list"), "none"));
    json_put_value(&writer, json_element(json_member(root, "list"), 1));
    json_end_array(&writer);
    assert_string_equal(out.bytes, "[\n  {},\n  null,\n  0.1\n]");
    json_free(root);
    buffer_free(&out);
}

static void test_numbers_read_back_equal(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252u;
    struct buffer out = {0};
    for (int i = 0; i < 20000; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        double number;
        float single;
        memcpy(&number, &seed, sizeof number);
        memcpy(&single, &seed, sizeof single);
        buffer_clear(&out);
        struct json_writer writer = {.out = &out};
        json_begin_array(&writer);
        json_put_number(&writer, number);
        json_put_float(&writer, single);
        json_end_array(&writer);
        struct json *root = parse(out.bytes);
        if (isfinite(number))
            assert_true(json_number(json_element(root, 0)) == number);
        else
            assert_null(json_element(root, 0));
        if (isfinite(single))
            assert_true((float)json_number(json_element(root, 1)) == single);
        json_free(root);
    }
    buffer_free(&out);
}

static void test_writer_limits(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct json_writer writer = {.out = &out};
    for (int i = 0; i < JSON_MAX_DEPTH; i++)
        json_begin_array(&writer);
    assert_false(writer.failed);
    json_begin_array(&writer);
    assert_true(writer.failed);
    buffer_free(&out);
    writer = (struct json_writer){.out = &out};
    json_end_array(&writer);
    assert_true(writer.failed);
    buffer_free(&out);
    memory_fail_at(1);
    writer = (struct json_writer){.out = &out};
    json_put_integer(&writer, 1);
    memory_fail_at(0);
    assert_true(writer.failed);
    buffer_free(&out);
}

static void test_memory_failure(void **state)
{
    (void)state;
    static const char text[] = "[123456789012345678901234567890]";
    struct json *root;
    memory_fail_at(1);
    assert_int_equal(json_parse(&root, text, sizeof text - 1, NULL, NULL), ASSAY_ERROR_MEMORY);
    memory_fail_at(0);
    assert_null(root);
}

static void test_missing_file(void **state)
{
    (void)state;
    struct json *root;
    assay_error error;
    assert_int_equal(json_parse_file(&root, "/no/such/file.json", 10, &error),
                     ASSAY_ERROR_NOT_FOUND);
    assert_string_equal(error.file, "/no/such/file.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_every_prefix_is_refused),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_typed_reading),
        cmocka_unit_test(test_members_come_in_order),
        cmocka_unit_test(test_writer),
        cmocka_unit_test(test_numbers_read_back_equal),
        cmocka_unit_test(test_writer_limits),
        cmocka_unit_test(test_memory_failure),
        cmocka_unit_test(test_missing_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
