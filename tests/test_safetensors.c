/* models/safetensors: every way a file can lie, shards, a shrinking file, and the writer. */
#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "folder_fixture.h"
#include "models/safetensors_writer.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A file with this header and `data_bytes` bytes 1, 2, 3 ... behind it. */
static void write_file(const char *path, const char *header, size_t header_length,
                       size_t data_bytes)
{
    struct buffer file = {0};
    for (int i = 0; i < 8; i++)
        buffer_append_byte(&file, (char)(unsigned char)((uint64_t)header_length >> (8 * i)));
    buffer_append(&file, header, header_length);
    for (size_t i = 0; i < data_bytes; i++)
        buffer_append_byte(&file, (char)(unsigned char)(i + 1));
    assert_int_equal(file_write(path, file.bytes, file.length, NULL), ASSAY_OK);
    buffer_free(&file);
}

static void refused(const char *header, size_t data_bytes, assay_status expected, const char *place,
                    const char *word)
{
    struct safetensors *file;
    assay_error error = {0};
    const char *path = in_folder("bad");
    write_file(path, header, strlen(header), data_bytes);
    assay_status status = safetensors_open(&file, path, &error);
    if (status != expected || !strstr(error.message, word))
        print_error("%s: %s\n", header, error.message);
    assert_int_equal(status, expected);
    assert_null(file);
    assert_string_equal(error.file, path);
    assert_string_equal(error.place, place);
    assert_non_null(strstr(error.message, word));
}

static void test_lying_headers(void **state)
{
    (void)state;
    const assay_status format = ASSAY_ERROR_FORMAT;
    refused("[]", 0, format, "", "'{'");
    refused(" {}", 0, format, "", "'{'");
    refused("{", 0, format, "", "'{'");
    refused("{}x", 0, format, "", "follows");
    refused("{}", 1, format, "", "cover");
    refused("{\"a\":1}", 0, format, "a", "kind");
    refused("{\"a\":{}}", 0, format, "a", "missing");
    refused("{\"a\":{\"dtype\":1,\"shape\":[],\"data_offsets\":[0,4]}}", 4, format, "a", "kind");
    refused("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, format, "a", "shape");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, format, "a", "data_offsets");
    refused("{\"a\":{\"dtype\":\"F99\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
            ASSAY_ERROR_UNSUPPORTED, "a", "type");
    refused("{\"a\":{\"dtype\":\"F32\\u0000\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
            ASSAY_ERROR_UNSUPPORTED, "a", "type");
    refused("{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, format, "a",
            "do not match");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, format, "a",
            "do not match");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, format, "a",
            "not a size");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, format, "a",
            "not a size");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[18446744073709551617],"
            "\"data_offsets\":[0,4]}}",
            4, format, "a", "not a size");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],"
            "\"data_offsets\":[0,0]}}",
            0, format, "a", "overflow");
    refused("{\"a\":{\"dtype\":\"F64\",\"shape\":[2305843009213693952],\"data_offsets\":[0,0]}}", 0,
            format, "a", "overflow");
    refused("{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,1]}}", 1, format, "a",
            "whole byte");
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1,
            ASSAY_ERROR_LIMIT, "a", "dimensions");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, format, "a",
            "outside");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, format, "a",
            "outside");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],"
            "\"data_offsets\":[9223372036854775800,9223372036854775804]}}",
            4, format, "a", "outside");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4, format, "a",
            "data_offsets");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, format, "a",
            "hole");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5, format, "",
            "cover");
    refused("{\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
            "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
            8, format, "a", "overlaps");
    refused("{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
            "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
            4, format, "a", "overlaps");
    refused("{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
            "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
            4, format, "b", "twice");
    refused("{\"b\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],"
            "\"data_offsets\":[0,4]}}",
            4, format, "", "twice");
    refused("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, format, "", "twice");
    refused("{\"__metadata__\":{\"a\":1}}", 0, format, "__metadata__", "string");
    refused("{\"__metadata__\":[]}", 0, format, "__metadata__", "kind");
}

static const char SAMPLE[] =
    "{\"__metadata__\":{\"format\":\"pt\",\"k\":\"a:\\\"b\"},"
    "\"w\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[1,9]},"
    "\"s\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]},"
    "\"none\":{\"dtype\":\"I64\",\"shape\":[0,3],\"data_offsets\":[9,9]},"
    "\"o\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[9,10]}}  ";
enum { SAMPLE_DATA = 10 };

static void test_reading(void **state)
{
    (void)state;
    const char *path = in_folder("good");
    struct safetensors *file;
    assay_error error;
    write_file(path, SAMPLE, sizeof SAMPLE - 1, SAMPLE_DATA);
    assert_int_equal(safetensors_open(&file, path, &error), ASSAY_OK);
    assert_int_equal(safetensors_count(file), 4);
    assert_string_equal(safetensors_at(file, 0)->name, "w");
    assert_null(safetensors_at(file, 4));
    assert_null(safetensors_find(file, "absent"));
    const struct safetensors_entry *scalar = safetensors_find(file, "s");
    assert_int_equal(scalar->rank, 0);
    assert_int_equal(scalar->elements, 1);
    assert_int_equal(*(const unsigned char *)scalar->data, 1);
    const struct safetensors_entry *weight = safetensors_find(file, "w");
    assert_int_equal(weight->dtype, DTYPE_F32);
    assert_int_equal(weight->rank, 2);
    assert_int_equal(weight->shape[0], 2);
    assert_int_equal(weight->bytes, 8);
    assert_int_equal(weight->aligned, (uintptr_t)weight->data % 4 == 0);
    float floats[2];
    float expected;
    assert_int_equal(safetensors_read_floats(floats, file, weight, 0, 2, NULL), ASSAY_OK);
    memcpy(&expected, "\6\7\10\11", 4);
    assert_true(floats[1] == expected);
    assert_int_equal(safetensors_read_floats(floats, file, weight, 1, 2, &error),
                     ASSAY_ERROR_ARGUMENT);
    int64_t integer;
    assert_int_equal(safetensors_read_integers(&integer, file, scalar, 0, 1, NULL), ASSAY_OK);
    assert_int_equal(integer, 1);
    assert_int_equal(safetensors_read_integers(&integer, file, weight, 0, 1, &error),
                     ASSAY_ERROR_SHAPE);
    assert_string_equal(error.place, "w");
    const struct safetensors_entry *other = safetensors_find(file, "o");
    assert_int_equal(other->dtype, DTYPE_OTHER);
    assert_string_equal(other->type_name, "F8_E4M3");
    assert_int_equal(safetensors_read_floats(floats, file, other, 0, 1, &error), ASSAY_ERROR_SHAPE);
    assert_string_equal(error.found, "F8_E4M3");
    assert_int_equal(safetensors_find(file, "none")->bytes, 0);
    assert_int_equal(safetensors_metadata_count(file), 2);
    assert_string_equal(safetensors_metadata(file, "k"), "a:\"b");
    assert_null(safetensors_metadata(file, "absent"));
    assert_int_equal(safetensors_file_count(file), 1);
    assert_string_equal(safetensors_file_path(file, 0), path);
    safetensors_drop(file, weight);
    assert_int_equal(safetensors_check(file, NULL), ASSAY_OK);
    safetensors_close(file);
    safetensors_close(NULL);
}

static void test_truncated_anywhere(void **state)
{
    (void)state;
    const char *path = in_folder("cut");
    write_file(path, SAMPLE, sizeof SAMPLE - 1, SAMPLE_DATA);
    struct buffer whole = {0};
    assert_int_equal(file_read(&whole, path, 10000, NULL), ASSAY_OK);
    for (size_t length = 0; length <= whole.length; length++) {
        struct safetensors *file;
        assay_error error;
        FILE *out = fopen(path, "wb");
        fwrite(whole.bytes, 1, length, out);
        fclose(out);
        assay_status status = safetensors_open(&file, path, &error);
        if (length == whole.length) {
            assert_int_equal(status, ASSAY_OK);
        } else {
            assert_int_equal(status, ASSAY_ERROR_FORMAT);
            assert_string_equal(error.file, path);
        }
        safetensors_close(file);
    }
    buffer_free(&whole);
}

static void test_oversized_header(void **state)
{
    (void)state;
    struct safetensors *file;
    assay_error error;
    const unsigned char huge[][10] = {
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, '{', '}'},
        {0x01, 0xe1, 0xf5, 0x05, 0, 0, 0, 0, '{', '}'}, /* 100,000,001 */
        {0x00, 0xe1, 0xf5, 0x05, 0, 0, 0, 0, '{', '}'}, /* 100,000,000, cut short */
    };
    const assay_status expected[] = {ASSAY_ERROR_LIMIT, ASSAY_ERROR_LIMIT, ASSAY_ERROR_FORMAT};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(file_write(in_folder("a"), huge[i], 10, NULL), ASSAY_OK);
        assert_int_equal(safetensors_open(&file, in_folder("a"), &error), expected[i]);
        assert_true(error.expected[0] && error.found[0]);
    }
}

static void test_conversions(void **state)
{
    (void)state;
    assert_true(float_from_half(0x3c00) == 1.0f);
    assert_true(float_from_half(0xc000) == -2.0f);
    assert_true(float_from_half(0x0001) == 0x1p-24f);
    assert_true(float_from_half(0x83ff) == -0x3ffp-24f);
    assert_true(float_from_half(0x7bff) == 65504.0f);
    assert_true(float_from_half(0xfc00) == -INFINITY);
    assert_true(isnan(float_from_half(0x7e01)));
    assert_true(signbit(float_from_half(0x8000)));
    assert_int_equal(bfloat_from_float(1.0f), 0x3f80);
    assert_int_equal(bfloat_from_float(float_from_bits(0x3f808000)), 0x3f80); /* tie to even */
    assert_int_equal(bfloat_from_float(float_from_bits(0x3f818000)), 0x3f82);
    assert_int_equal(bfloat_from_float(float_from_bits(0x3f808001)), 0x3f81);
    assert_int_equal(bfloat_from_float(float_from_bits(0x7f7fffff)), 0x7f80);
    assert_true(isnan(float_from_bfloat(bfloat_from_float(float_from_bits(0x7f800001)))));
    assert_int_equal(bfloat_from_float(-INFINITY), 0xff80);
    for (unsigned bits = 0; bits < 0x10000; bits++) {
        float value = float_from_bfloat((uint16_t)bits);
        if (!isnan(value))
            assert_int_equal(bfloat_from_float(value), bits);
    }
    for (int i = 0; i < DTYPE_OTHER; i++) {
        assert_int_equal(dtype_from_name(dtype_name((enum dtype)i)), i);
        assert_int_equal(dtype_size((enum dtype)i) * 8,
                         safetensors_type_bits(dtype_name((enum dtype)i)));
    }
    assert_int_equal(dtype_from_name("U64"), DTYPE_OTHER);
}

static void test_shrinking_file(void **state)
{
    (void)state;
    enum { COUNT = 16384 };
    static float values[COUNT];
    for (int i = 0; i < COUNT; i++)
        values[i] = (float)i;
    const char *path = in_folder("a");
    struct safetensors_item item = {
        .name = "w", .dtype = DTYPE_F32, .rank = 1, .shape = {COUNT}, .data = values};
    assert_int_equal(safetensors_write(path, &item, 1, NULL), ASSAY_OK);
    struct safetensors *file;
    assay_error error;
    assert_int_equal(safetensors_open(&file, path, NULL), ASSAY_OK);
    const struct safetensors_entry *entry = safetensors_find(file, "w");
    assert_true(entry->aligned);
    assert_int_equal(safetensors_read_floats(values, file, entry, 0, COUNT, NULL), ASSAY_OK);
    assert_true(values[COUNT - 1] == COUNT - 1);
    assert_int_equal(truncate(path, 5000), 0);
    assert_int_equal(safetensors_read_floats(values, file, entry, 0, COUNT, &error),
                     ASSAY_ERROR_CHANGED);
    assert_string_equal(error.file, path);
    assert_int_equal(safetensors_check(file, NULL), ASSAY_ERROR_CHANGED);
    safetensors_close(file);
}

static void test_writer_equals_the_reference(void **state)
{
    (void)state;
    /* The header as Python's safetensors 0.8 writes it for these tensors. */
    static const char expected[] =
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"n\\n\\\"\xc3\xa9\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[8,16]},"
        "\"b\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[16,20]},"
        "\"h\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[20,22]},"
        "\"g\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[22,24]},"
        "\"u\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[24,25]}}";
    static const int64_t integer = -2;
    static const float floats[] = {1, 2, 3};
    static const uint16_t halves[] = {0x3f80, 0x3c00};
    static const unsigned char yes = 1;
    const struct safetensors_item items[] = {
        {.name = "u", .dtype = DTYPE_BOOL, .rank = 1, .shape = {1}, .data = &yes},
        {.name = "g", .dtype = DTYPE_F16, .rank = 1, .shape = {1}, .data = halves + 1},
        {.name = "h", .dtype = DTYPE_BF16, .rank = 1, .shape = {1}, .data = halves},
        {.name = "b", .dtype = DTYPE_F32, .data = floats + 2},
        {.name = "a", .dtype = DTYPE_F32, .rank = 2, .shape = {1, 2}, .data = floats},
        {.name = "n\n\"\xc3\xa9", .dtype = DTYPE_I64, .rank = 1, .shape = {1}, .data = &integer},
    };
    assert_int_equal(safetensors_write(in_folder("a"), items, 6, NULL), ASSAY_OK);
    struct buffer file = {0};
    assert_int_equal(file_read(&file, in_folder("a"), 10000, NULL), ASSAY_OK);
    size_t padded = (sizeof expected - 1 + 7) / 8 * 8;
    assert_int_equal(file.length, 8 + padded + 25);
    assert_int_equal((unsigned char)file.bytes[0] | (unsigned char)file.bytes[1] << 8, padded);
    assert_memory_equal(file.bytes + 8, expected, sizeof expected - 1);
    for (size_t i = sizeof expected - 1; i < padded; i++)
        assert_int_equal(file.bytes[8 + i], ' ');
    assert_memory_equal(file.bytes + 8 + padded, &integer, 8);
    assert_memory_equal(file.bytes + 8 + padded + 8, floats, 12);
    assert_memory_equal(file.bytes + 8 + padded + 20, halves, 4);
    buffer_free(&file);
}

static void save_again(const char *from, const char *to)
{
    struct safetensors *file;
    struct safetensors_item items[256];
    assert_int_equal(safetensors_open(&file, from, NULL), ASSAY_OK);
    size_t count = safetensors_count(file);
    assert_true(count <= 256);
    for (size_t i = 0; i < count; i++)
        items[i] = safetensors_item_of(safetensors_at(file, i));
    assert_int_equal(safetensors_write(to, items, count, NULL), ASSAY_OK);
    struct safetensors *again;
    assert_int_equal(safetensors_open(&again, to, NULL), ASSAY_OK);
    assert_int_equal(safetensors_count(again), count);
    for (size_t i = 0; i < count; i++) {
        const struct safetensors_entry *old = safetensors_at(file, i);
        const struct safetensors_entry *new = safetensors_find(again, old->name);
        assert_non_null(new);
        assert_int_equal(new->bytes, old->bytes);
        assert_string_equal(new->type_name, old->type_name);
        assert_memory_equal(new->shape, old->shape, sizeof old->shape);
        assert_memory_equal(new->data, old->data, old->bytes);
    }
    safetensors_close(again);
    safetensors_close(file);
}

static void test_saving_what_was_read(void **state)
{
    (void)state;
    write_file(in_folder("a"), SAMPLE, sizeof SAMPLE - 1, SAMPLE_DATA);
    save_again(in_folder("a"), in_folder("b"));
    save_again(in_folder("b"), in_folder("c"));
    struct buffer first = {0};
    struct buffer second = {0};
    assert_int_equal(file_read(&first, in_folder("b"), 10000, NULL), ASSAY_OK);
    assert_int_equal(file_read(&second, in_folder("c"), 10000, NULL), ASSAY_OK);
    assert_int_equal(first.length, second.length);
    assert_memory_equal(first.bytes, second.bytes, first.length);
    buffer_free(&first);
    buffer_free(&second);
}

static void test_writer_refusals(void **state)
{
    (void)state;
    static const float value = 1;
    assay_error error;
    const char *path = in_folder("a");
    const struct safetensors_item good = {
        .name = "w", .dtype = DTYPE_F32, .rank = 1, .shape = {1}, .data = &value};
    struct safetensors_item items[2] = {good, good};
    assert_int_equal(safetensors_write(path, items, 2, &error), ASSAY_ERROR_ARGUMENT);
    assert_string_equal(error.place, "w");
    struct safetensors_item bad[8];
    for (int i = 0; i < 8; i++)
        bad[i] = good;
    bad[0].name = "__metadata__";
    bad[1].name = "\xff";
    bad[2].dtype = DTYPE_OTHER;
    bad[3].rank = 6;
    bad[4].shape[0] = -1;
    bad[5].shape[0] = INT64_MAX;
    bad[6].data = NULL;
    bad[7].name = NULL;
    for (int i = 0; i < 8; i++)
        assert_int_equal(safetensors_write(path, &bad[i], 1, &error), ASSAY_ERROR_ARGUMENT);
    assert_false(file_exists(path));
    assert_int_equal(safetensors_write("/dev/full", &good, 1, &error), ASSAY_ERROR_IO);
    assert_int_equal(safetensors_write(in_folder("none/a"), &good, 1, &error),
                     ASSAY_ERROR_NOT_FOUND);
}

static void write_text(const char *name, const char *text)
{
    assert_int_equal(file_write(in_folder(name), text, strlen(text), NULL), ASSAY_OK);
}

static assay_status open_folder(assay_error *error)
{
    struct safetensors *file;
    assay_status status = safetensors_open(&file, test_folder, error);
    safetensors_close(file);
    return status;
}

static void test_shards(void **state)
{
    (void)state;
    static const char first[] = "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}";
    static const char second[] = "{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}";
    static const char index[] = "model.safetensors.index.json";
    assay_error error;
    assert_int_equal(open_folder(&error), ASSAY_ERROR_NOT_FOUND);
    write_file(in_folder("one"), first, sizeof first - 1, 2);
    write_file(in_folder("two"), second, sizeof second - 1, 1);
    write_text(index, "{\"metadata\":{},\"weight_map\":{\"a\":\"one\",\"b\":\"two\"}}");
    struct safetensors *file;
    assert_int_equal(safetensors_open(&file, test_folder, &error), ASSAY_OK);
    assert_int_equal(safetensors_count(file), 2);
    assert_int_equal(safetensors_file_count(file), 2);
    assert_int_equal(safetensors_find(file, "b")->file, 1);
    assert_int_equal(safetensors_find(file, "a")->bytes, 2);
    safetensors_close(file);
    static const char *const outside[] = {"../one", "/etc/passwd", "..",         ".",
                                          "",       "x/one",       "one\\u0000x"};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        char text[200];
        snprintf(text, sizeof text, "{\"weight_map\":{\"a\":\"%s\"}}", outside[i]);
        write_text(index, text);
        assert_int_equal(open_folder(&error), ASSAY_ERROR_FORMAT);
        assert_string_equal(error.file, in_folder(index));
        assert_string_equal(error.place, "a");
    }
    write_text(index, "{\"weight_map\":{\"a\":\"two\",\"b\":\"two\"}}");
    assert_int_equal(open_folder(&error), ASSAY_ERROR_FORMAT);
    write_text(index, "{\"weight_map\":{\"a\":\"one\",\"b\":\"missing\"}}");
    assert_int_equal(open_folder(&error), ASSAY_ERROR_NOT_FOUND);
    assert_string_equal(error.file, in_folder("missing"));
    write_text(index, "{\"weight_map\":{}}");
    assert_int_equal(open_folder(&error), ASSAY_ERROR_FORMAT);
    write_text(index, "{\"weight_map\":{\"a\":7}}");
    assert_int_equal(open_folder(&error), ASSAY_ERROR_FORMAT);
    write_text(index, "{\"weight_map\":{\"a\":\"one\",\"b\":\"two\"}}");
    write_file(in_folder("two"), first, sizeof first - 1, 2);
    assert_int_equal(open_folder(&error), ASSAY_ERROR_FORMAT);
    assert_string_equal(error.place, "a");
}

static void test_memory_failures(void **state)
{
    (void)state;
    const char *path = in_folder("a");
    write_file(path, SAMPLE, sizeof SAMPLE - 1, SAMPLE_DATA);
    bool reached = true;
    for (uint64_t nth = 1; reached; nth++) {
        struct safetensors *file;
        uint64_t before = memory_allocation_count();
        memory_fail_at(nth);
        assay_status status = safetensors_open(&file, path, NULL);
        reached = memory_allocation_count() - before >= nth;
        memory_fail_at(0);
        assert_int_equal(status, reached ? ASSAY_ERROR_MEMORY : ASSAY_OK);
        safetensors_close(file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_lying_headers, empty_folder),
        cmocka_unit_test_teardown(test_reading, empty_folder),
        cmocka_unit_test_teardown(test_truncated_anywhere, empty_folder),
        cmocka_unit_test_teardown(test_oversized_header, empty_folder),
        cmocka_unit_test_teardown(test_conversions, empty_folder),
        cmocka_unit_test_teardown(test_shrinking_file, empty_folder),
        cmocka_unit_test_teardown(test_writer_equals_the_reference, empty_folder),
        cmocka_unit_test_teardown(test_saving_what_was_read, empty_folder),
        cmocka_unit_test_teardown(test_writer_refusals, empty_folder),
        cmocka_unit_test_teardown(test_shards, empty_folder),
        cmocka_unit_test_teardown(test_memory_failures, empty_folder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
