/* hub: archives made by hand, a folder, and a tiny Hub on 127.0.0.1 that breaks in every way. */
#include "assay/pull.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "hub/archive.h"
#include "hub/model_files.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static char folder[64];
static char weights[200000]; /* stand for model.safetensors */

static const char README[] = "---\nlicense: apache-2.0\ntags:\n- x\n---\n# Model\n";

static const char *in_folder(const char *name)
{
    static char path[4][600];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static int remove_folder(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/assay-pull-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    setenv("ASSAY_HOME", in_folder("home"), 1);
    unsetenv("HF_TOKEN");
    unsetenv("HF_ENDPOINT");
    setenv("no_proxy", "127.0.0.1", 1);
    return 0;
}

static void put2(struct buffer *out, unsigned value)
{
    buffer_append_byte(out, (char)(unsigned char)value);
    buffer_append_byte(out, (char)(unsigned char)(value >> 8));
}

static void put4(struct buffer *out, uint32_t value)
{
    put2(out, value & 0xffff);
    put2(out, value >> 16);
}

struct zip_maker {
    struct buffer out;
    struct buffer directory;
    unsigned count;
};

static void zip_add(struct zip_maker *zip, const char *name, const void *bytes, size_t length,
                    bool packed)
{
    struct buffer data = {0};
    buffer_append(&data, bytes, length);
    if (packed) {
        z_stream stream = {.next_in = (unsigned char *)(uintptr_t)bytes,
                           .avail_in = (unsigned)length};
        deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
        buffer_clear(&data);
        buffer_reserve(&data, deflateBound(&stream, length));
        stream.next_out = (unsigned char *)data.bytes;
        stream.avail_out = (unsigned)deflateBound(&stream, length);
        assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
        data.length = stream.total_out;
        deflateEnd(&stream);
    }
    uint32_t crc = (uint32_t)crc32(0, bytes, (unsigned)length);
    uint32_t local = (uint32_t)zip->out.length;
    put4(&zip->out, 0x04034b50);
    put4(&zip->directory, 0x02014b50);
    put2(&zip->directory, 3 << 8 | 20);
    for (int i = 0; i < 2; i++) {
        struct buffer *out = i ? &zip->directory : &zip->out;
        put2(out, 20);
        put2(out, 0);
        put2(out, packed ? 8 : 0);
        put4(out, 0);
        put4(out, crc);
        put4(out, (uint32_t)data.length);
        put4(out, (uint32_t)length);
        put2(out, (unsigned)strlen(name));
        put2(out, 0);
    }
    put2(&zip->directory, 0);
    put2(&zip->directory, 0);
    put2(&zip->directory, 0);
    put4(&zip->directory, 0100644u << 16);
    put4(&zip->directory, local);
    buffer_append_string(&zip->directory, name);
    buffer_append_string(&zip->out, name);
    buffer_append(&zip->out, data.bytes, data.length);
    zip->count++;
    buffer_free(&data);
}

static void zip_finish(struct zip_maker *zip)
{
    uint32_t at = (uint32_t)zip->out.length;
    buffer_append(&zip->out, zip->directory.bytes, zip->directory.length);
    put4(&zip->out, 0x06054b50);
    put4(&zip->out, 0);
    put2(&zip->out, zip->count);
    put2(&zip->out, zip->count);
    put4(&zip->out, (uint32_t)zip->directory.length);
    put4(&zip->out, at);
    put2(&zip->out, 0);
    buffer_free(&zip->directory);
}

static void save(const char *name, const void *bytes, size_t length)
{
    assert_int_equal(file_write(in_folder(name), bytes, length, NULL), ASSAY_OK);
}

/* A line of RECORD for these bytes. */
static void put_record(struct buffer *record, const char *name, const void *bytes, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct sha256 hash;
    unsigned char digest[SHA256_BYTES + 1] = {0};
    char text[44] = "";
    sha256_begin(&hash);
    sha256_add(&hash, bytes, length);
    sha256_end(&hash, digest);
    for (int i = 0; i < 43; i++) {
        int bit = 6 * i;
        unsigned pair = (unsigned)digest[bit / 8] << 8 | digest[bit / 8 + 1];
        text[i] = digits[pair >> (10 - bit % 8) & 63];
    }
    buffer_format(record, "%s,sha256=%s,%zu\r\n", name, text, length);
}

static void make_wheel(const char *file, bool honest, bool with_readme)
{
    static const char metadata[] = "Metadata-Version: 2.1\nName: x\nLicense: MIT\n\nLicense: no\n";
    struct zip_maker zip = {0};
    struct buffer record = {0};
    zip_add(&zip, "pkg/__init__.py", "x", 1, false);
    zip_add(&zip, "pkg/model/", "", 0, false);
    zip_add(&zip, "pkg/model/config.json", "{}", 2, true);
    zip_add(&zip, "pkg/model/1_Pooling/config.json", "{\"a\": 1}", 8, false);
    zip_add(&zip, "pkg/model/model.safetensors", weights, sizeof weights, true);
    zip_add(&zip, "pkg/model/onnx/model.onnx", "no", 2, true);
    if (with_readme)
        zip_add(&zip, "pkg/model/README.md", README, sizeof README - 1, true);
    put_record(&record, "pkg/model/config.json", "{}", 2);
    put_record(&record, "pkg/model/model.safetensors", weights, sizeof weights - !honest);
    zip_add(&zip, "pkg-0.1.0.dist-info/METADATA", metadata, sizeof metadata - 1, true);
    zip_add(&zip, "pkg-0.1.0.dist-info/RECORD", record.bytes, record.length, true);
    zip_finish(&zip);
    save(file, zip.out.bytes, zip.out.length);
    buffer_free(&zip.out);
    buffer_free(&record);
}

static bool home_is_clean(void)
{
    bool clean = true;
    DIR *entries = opendir(in_folder("home/models"));
    for (struct dirent *entry; entries && (entry = readdir(entries));)
        clean = clean && strncmp(entry->d_name, ".partial", 8) != 0;
    if (entries)
        closedir(entries);
    return clean;
}

static void expect_pull(const char *name, const assay_pull_options *options, const char *into,
                        const char *licence, size_t files, bool already)
{
    assay_pull_result result;
    assay_error error = {0};
    assay_status status = assay_pull(name, options, &result, &error);
    char line[900];
    assay_error_format(&error, line, sizeof line);
    if (status)
        print_error("%s: %s\n", name, line);
    assert_int_equal(status, ASSAY_OK);
    char expected[600];
    snprintf(expected, sizeof expected, "%s/home/models/%s", folder, into);
    assert_string_equal(result.folder, expected);
    assert_string_equal(result.licence, licence);
    assert_int_equal(result.already_there, already);
    assert_int_equal(result.file_count, files);
    for (size_t i = 0; i < files; i++) {
        char path[1200];
        struct stat state;
        snprintf(path, sizeof path, "%s/%s", result.folder, result.files[i].path);
        assert_int_equal(stat(path, &state), 0);
        assert_int_equal(state.st_size, result.files[i].size);
        assert_int_equal(strlen(result.files[i].sha256), 64);
    }
    assert_true(home_is_clean());
    assay_pull_result_free(&result);
}

static void expect_failure(const char *name, const assay_pull_options *options, assay_status status,
                           const char *word, assay_error *error)
{
    assay_error own;
    assay_pull_result result;
    error = error ? error : &own;
    assay_status found = assay_pull(name, options, &result, error);
    char line[900];
    assay_error_format(error, line, sizeof line);
    if (found != status || !strstr(line, word))
        print_error("%s: %d %s\n", name, found, line);
    assert_int_equal(found, status);
    assert_non_null(strstr(line, word));
    assert_null(result.folder);
}

static void test_sha256(void **state)
{
    (void)state;
    struct sha256 hash;
    unsigned char digest[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE];
    sha256_begin(&hash);
    sha256_end(&hash, digest);
    sha256_hex(hex, digest);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_begin(&hash);
    for (int i = 0; i < 1000000; i += 125)
        sha256_add(&hash,
                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                   125);
    sha256_end(&hash, digest);
    sha256_hex(hex, digest);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_wheel(void **state)
{
    (void)state;
    make_wheel("pkg-0.1.0-py3-none-any.whl", true, true);
    expect_pull(in_folder("pkg-0.1.0-py3-none-any.whl"), NULL, "pkg", "apache-2.0", 4, false);
    expect_pull(in_folder("pkg-0.1.0-py3-none-any.whl"), NULL, "pkg", "apache-2.0", 4, true);
    assert_false(file_exists(in_folder("home/models/pkg/onnx")));
    struct buffer contents = {0};
    assert_int_equal(
        file_read(&contents, in_folder("home/models/pkg/model.safetensors"), sizeof weights, NULL),
        ASSAY_OK);
    assert_memory_equal(contents.bytes, weights, sizeof weights);
    buffer_free(&contents);
    /* Damage in place is noticed and repaired. */
    save("home/models/pkg/config.json", "[]", 2);
    expect_pull(in_folder("pkg-0.1.0-py3-none-any.whl"), NULL, "pkg", "apache-2.0", 4, false);
    assay_pull_options options = ASSAY_PULL_OPTIONS_INIT;
    options.save_as = "other";
    make_wheel("noreadme.whl", true, false);
    expect_pull(in_folder("noreadme.whl"), &options, "other", "MIT", 3, false);
    options.save_as = "../evil";
    expect_failure(in_folder("noreadme.whl"), &options, ASSAY_ERROR_ARGUMENT, "short name", NULL);
    options.save_as = NULL;
    options.sha256 = "0000000000000000000000000000000000000000000000000000000000000000";
    expect_failure(in_folder("noreadme.whl"), &options, ASSAY_ERROR_CHECKSUM, "asked for", NULL);
}

static void test_wheel_with_a_wrong_checksum(void **state)
{
    (void)state;
    assay_error error;
    make_wheel("liar-1.whl", false, true);
    expect_failure(in_folder("liar-1.whl"), NULL, ASSAY_ERROR_CHECKSUM, "states", &error);
    assert_true(error.expected[0] && error.found[0]);
    assert_false(file_exists(in_folder("home/models/liar")));
    assert_true(home_is_clean());
}

static void test_foreign_folder_is_kept(void **state)
{
    (void)state;
    make_wheel("mine-1.whl", true, true);
    assert_int_equal(folder_create(in_folder("home/models/mine"), NULL), ASSAY_OK);
    save("home/models/mine/precious", "x", 1);
    expect_failure(in_folder("mine-1.whl"), NULL, ASSAY_ERROR_IO, "not made by a pull", NULL);
    assert_true(file_exists(in_folder("home/models/mine/precious")));
    assert_true(home_is_clean());
}

static assay_status take_all(void *context, const char *name, uint64_t size, bool *wanted,
                             assay_error *error)
{
    (void)name;
    (void)size;
    (void)error;
    ++*(int *)context;
    *wanted = true;
    return ASSAY_OK;
}

static assay_status take_data(void *context, const void *bytes, size_t length, assay_error *error)
{
    (void)context;
    (void)bytes;
    (void)length;
    (void)error;
    return ASSAY_OK;
}

static assay_status take_end(void *context, assay_error *error)
{
    (void)context;
    (void)error;
    return ASSAY_OK;
}

static assay_status read_all(const void *bytes, size_t length, int *count, assay_error *error)
{
    const struct archive_visitor visitor = {count, take_all, take_data, take_end};
    const unsigned char *from = bytes;
    *count = 0;
    return from[0] == 'P' ? zip_read(from, length, &visitor, error)
                          : tar_read(from, length, &visitor, error);
}

static void test_memory_failures(void **state)
{
    (void)state;
    assay_pull_options options = ASSAY_PULL_OPTIONS_INIT;
    options.save_as = "memory";
    options.refresh = true;
    make_wheel("memory-1.whl", true, true);
    bool reached = true;
    for (uint64_t nth = 1; reached; nth++) {
        assay_pull_result result;
        uint64_t before = memory_allocation_count();
        memory_fail_at(nth);
        assay_status status = assay_pull(in_folder("memory-1.whl"), &options, &result, NULL);
        reached = memory_allocation_count() - before >= nth;
        memory_fail_at(0);
        if (status && status != ASSAY_ERROR_MEMORY)
            print_error("allocation %d: status %d\n", (int)nth, status);
        /* A failure inside a mere look may go unnoticed; nothing may be half done. */
        assert_true(status == ASSAY_OK || (reached && status == ASSAY_ERROR_MEMORY));
        assert_true(home_is_clean());
        assay_pull_result_free(&result);
    }
    expect_pull(in_folder("memory-1.whl"), &options, "memory", "apache-2.0", 4, false);
}

static void test_bad_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"../x", "/x", "a/../x", "a/..", "..", "a\\b", "C:x", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct zip_maker zip = {0};
        int count;
        assay_error error;
        zip_add(&zip, "good", "x", 1, false);
        zip_add(&zip, bad[i], "x", 1, false);
        zip_finish(&zip);
        assert_int_equal(read_all(zip.out.bytes, zip.out.length, &count, &error),
                         ASSAY_ERROR_FORMAT);
        assert_int_equal(count, 0); /* nothing is written before all names are known */
        assert_string_equal(error.place, bad[i]);
        buffer_free(&zip.out);
    }
    struct zip_maker zip = {0};
    int count;
    zip_add(&zip, "a..b/...", "x", 1, false);
    zip_add(&zip, "twice", "x", 1, false);
    zip_add(&zip, "twice", "y", 1, false);
    zip_finish(&zip);
    assert_int_equal(read_all(zip.out.bytes, zip.out.length, &count, NULL), ASSAY_ERROR_FORMAT);
    buffer_free(&zip.out);
}

static void test_damaged_zip(void **state)
{
    (void)state;
    struct zip_maker zip = {0};
    int count;
    assay_error error;
    zip_add(&zip, "a", "hello", 5, false);
    zip_add(&zip, "b", "hello hello hello", 17, true);
    zip_finish(&zip);
    assert_int_equal(read_all(zip.out.bytes, zip.out.length, &count, NULL), ASSAY_OK);
    assert_int_equal(count, 2);
    for (size_t length = 1; length < zip.out.length; length++) {
        char *cut = memory_copy_bytes(zip.out.bytes, length); /* so that a sanitizer sees the end */
        assert_int_not_equal(read_all(cut, length, &count, NULL), ASSAY_OK);
        memory_free(cut);
    }
    zip.out.bytes[31] ^= 1;
    assert_int_equal(read_all(zip.out.bytes, zip.out.length, &count, &error), ASSAY_ERROR_CHECKSUM);
    assert_string_equal(error.place, "a");
    zip.out.bytes[31] ^= 1;
    for (size_t i = 1; i < zip.out.length; i++) { /* any flip: no crash, never more than is there */
        zip.out.bytes[i] ^= 0x10;
        (void)read_all(zip.out.bytes, zip.out.length, &count, NULL);
        assert_true(count <= 2);
        zip.out.bytes[i] ^= 0x10;
    }
    size_t end = zip.out.length - 22;
    memset(zip.out.bytes + end + 16, 0xff, 4); /* elsewhere, it says, and nowhere */
    assert_int_equal(read_all(zip.out.bytes, zip.out.length, &count, NULL), ASSAY_ERROR_FORMAT);
    buffer_free(&zip.out);
}

static void test_bombs(void **state)
{
    (void)state;
    enum { LARGE = 100 << 20 };
    char *zeros = calloc(1, LARGE);
    struct zip_maker zip = {0};
    int count;
    zip_add(&zip, "bomb", zeros, LARGE, true);
    zip_finish(&zip);
    assert_int_equal(read_all(zip.out.bytes, zip.out.length, &count, NULL), ASSAY_ERROR_LIMIT);
    buffer_free(&zip.out);
    free(zeros);
}

struct tar_maker {
    struct buffer out;
};

static void tar_add(struct tar_maker *tar, const char *name, char type, const void *bytes,
                    size_t length)
{
    unsigned char block[512] = {0};
    unsigned sum = 0;
    strncpy((char *)block, name, 100);
    snprintf((char *)block + 100, 8, "0000644");
    snprintf((char *)block + 124, 12, "%011zo", length);
    memset(block + 148, ' ', 8);
    block[156] = (unsigned char)type;
    memcpy(block + 257,
           "ustar\0"
           "00",
           8);
    for (int i = 0; i < 512; i++)
        sum += block[i];
    snprintf((char *)block + 148, 8, "%06o", sum);
    buffer_append(&tar->out, block, 512);
    buffer_append(&tar->out, bytes, length);
    while (tar->out.length % 512)
        buffer_append_byte(&tar->out, '\0');
}

static void tar_finish(struct tar_maker *tar, bool packed)
{
    static const char zeros[1024];
    buffer_append(&tar->out, zeros, sizeof zeros);
    if (!packed)
        return;
    z_stream stream = {.next_in = (unsigned char *)tar->out.bytes,
                       .avail_in = (unsigned)tar->out.length};
    struct buffer out = {0};
    deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    buffer_reserve(&out, deflateBound(&stream, tar->out.length));
    stream.next_out = (unsigned char *)out.bytes;
    stream.avail_out = (unsigned)deflateBound(&stream, tar->out.length);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.length = stream.total_out;
    deflateEnd(&stream);
    buffer_free(&tar->out);
    tar->out = out;
}

static void test_tar(void **state)
{
    (void)state;
    for (int packed = 0; packed < 2; packed++) {
        struct tar_maker tar = {0};
        tar_add(&tar, "./tiny/", '5', "", 0);
        tar_add(&tar, "./tiny/config.json", '0', "{}", 2);
        tar_add(&tar, "././@LongLink", 'L', "tiny/model.safetensors", 23);
        tar_add(&tar, "tiny/model.safet", '0', weights, 1000);
        tar_add(&tar, "x", 'x', "28 path=tiny/tokenizer.json\n", 28);
        tar_add(&tar, "short", '0', "{\"t\": 1}", 8);
        tar_add(&tar, "tiny/vocab.txt", '2', "", 0);
        tar_add(&tar, "tiny/README.md", '\0', "---\nlicense:\n- mit\n---\n", 23);
        tar_finish(&tar, packed);
        const char *name = packed ? "tiny-packed.tar.gz" : "tiny-plain.tar";
        save(name, tar.out.bytes, tar.out.length);
        assay_pull_options options = ASSAY_PULL_OPTIONS_INIT;
        options.save_as = packed ? "packed" : NULL;
        expect_pull(in_folder(name), &options, packed ? "packed" : "tiny", "mit", 4, false);
        for (size_t length = 2; length < tar.out.length; length += packed ? 7 : 100) {
            char *cut = memory_copy_bytes(tar.out.bytes, length);
            int count;
            assay_status status = read_all(cut, length, &count, NULL);
            /* An uncompressed tar may end at any member. */
            assert_true(status || (!packed && length % 512 == 0) ||
                        length + 1024 >= tar.out.length);
            memory_free(cut);
        }
        if (packed) { /* the sum of gzip, behind everything else */
            int count;
            tar.out.bytes[tar.out.length - 6] ^= 1;
            assert_int_equal(read_all(tar.out.bytes, tar.out.length, &count, NULL),
                             ASSAY_ERROR_FORMAT);
        }
        buffer_free(&tar.out);
    }
    static const char *const bad[] = {"../x", "/x", "a/../../x"};
    for (size_t i = 0; i < 3; i++) {
        struct tar_maker tar = {0};
        int count;
        tar_add(&tar, bad[i], '0', "x", 1);
        tar_finish(&tar, false);
        assert_int_equal(read_all(tar.out.bytes, tar.out.length, &count, NULL), ASSAY_ERROR_FORMAT);
        assert_int_equal(count, 0);
        buffer_free(&tar.out);
    }
}

static void test_archives_without_a_model(void **state)
{
    (void)state;
    struct zip_maker zip = {0};
    zip_add(&zip, "a/readme", "x", 1, false);
    zip_finish(&zip);
    save("none.zip", zip.out.bytes, zip.out.length);
    expect_failure(in_folder("none.zip"), NULL, ASSAY_ERROR_FORMAT, "no model", NULL);
    buffer_free(&zip.out);
    struct zip_maker two = {0};
    zip_add(&two, "a/config.json", "{}", 2, false);
    zip_add(&two, "b/config.json", "{}", 2, false);
    zip_finish(&two);
    save("two.zip", two.out.bytes, two.out.length);
    expect_failure(in_folder("two.zip"), NULL, ASSAY_ERROR_FORMAT, "more than one", NULL);
    buffer_free(&two.out);
    struct zip_maker bare = {0};
    zip_add(&bare, "config.json", "{}", 2, false);
    zip_add(&bare, "training_args.bin", "x", 1, false);
    zip_finish(&bare);
    save("bare.zip", bare.out.bytes, bare.out.length);
    expect_failure(in_folder("bare.zip"), NULL, ASSAY_ERROR_FORMAT, "pytorch_model.bin", NULL);
    buffer_free(&bare.out);
    save("text.zip", "hello", 5);
    expect_failure(in_folder("text.zip"), NULL, ASSAY_ERROR_FORMAT, "not an archive", NULL);
    expect_failure(in_folder("absent.zip"), NULL, ASSAY_ERROR_NOT_FOUND, "no such", NULL);
    assert_true(home_is_clean());
}

/* Pickled weights are taken where there are no safetensors beside them, wherever these stand. */
static void test_pickled_archives(void **state)
{
    (void)state;
    struct zip_maker zip = {0};
    zip_add(&zip, "old/config.json", "{}", 2, false);
    zip_add(&zip, "old/pytorch_model-00001-of-00001.bin", "x", 1, false);
    zip_add(&zip, "old/pytorch_model.bin.index.json", "{}", 2, false);
    zip_add(&zip, "old/optimizer.pt", "x", 1, false);
    zip_add(&zip, "old/inner/model.safetensors", "x", 1, false);
    zip_add(&zip, "old/2_Dense/pytorch_model.bin", "x", 1, false);
    zip_finish(&zip);
    save("old.zip", zip.out.bytes, zip.out.length);
    expect_pull(in_folder("old.zip"), NULL, "old", "", 3, false);
    assert_true(file_exists(in_folder("home/models/old/pytorch_model-00001-of-00001.bin")));
    buffer_free(&zip.out);
    zip = (struct zip_maker){0};
    zip_add(&zip, "both/pytorch_model.bin", "x", 1, false);
    zip_add(&zip, "both/model.pt", "x", 1, false);
    zip_add(&zip, "both/config.json", "{}", 2, false);
    zip_add(&zip, "both/model.safetensors", "x", 1, false);
    zip_finish(&zip);
    save("both.zip", zip.out.bytes, zip.out.length);
    expect_pull(in_folder("both.zip"), NULL, "both", "", 2, false);
    assert_false(file_exists(in_folder("home/models/both/pytorch_model.bin")));
    buffer_free(&zip.out);
}

static void test_pickled_folders(void **state)
{
    (void)state;
    assert_int_equal(folder_create(in_folder("src/pickled"), NULL), ASSAY_OK);
    save("src/pickled/config.json", "{}", 2);
    save("src/pickled/pytorch_model.bin", weights, 5000);
    save("src/pickled/training_args.bin", "x", 1);
    expect_pull(in_folder("src/pickled"), NULL, "pickled", "", 2, false);
    expect_pull(in_folder("src/pickled"), NULL, "pickled", "", 2, true);
    save("src/pickled/model.safetensors", weights, 5000);
    expect_pull(in_folder("src/pickled"), NULL, "pickled", "", 2, false);
    assert_false(file_exists(in_folder("home/models/pickled/pytorch_model.bin")));
    assert_true(file_exists(in_folder("home/models/pickled/model.safetensors")));
}

static void test_folder(void **state)
{
    (void)state;
    assert_int_equal(folder_create(in_folder("src/named/model/1_Pooling"), NULL), ASSAY_OK);
    save("src/named/model/config.json", "{}", 2);
    save("src/named/model/model.safetensors", weights, 5000);
    save("src/named/model/1_Pooling/config.json", "{}", 2);
    save("src/named/model/README.md", README, sizeof README - 1);
    save("src/named/model/train.py", "x", 1);
    save("src/named/model/.secret.json", "x", 1);
    expect_pull(in_folder("src/named/model"), NULL, "named", "apache-2.0", 4, false);
    expect_pull(in_folder("src/named/model/"), NULL, "named", "apache-2.0", 4, true);
    save("src/named/model/config.json", "{ }", 3);
    expect_pull(in_folder("src/named/model"), NULL, "named", "apache-2.0", 4, false);
    assert_int_equal(folder_create(in_folder("src/nothing"), NULL), ASSAY_OK);
    expect_failure(in_folder("src/nothing"), NULL, ASSAY_ERROR_FORMAT, "no model", NULL);
    expect_failure(in_folder("home/models/named"), NULL, ASSAY_ERROR_ARGUMENT, "kept", NULL);
}

static void test_model_folder(void **state)
{
    (void)state;
    char *found;
    assay_error error;
    assert_int_equal(assay_model_folder(&found, "named", &error), ASSAY_OK);
    assert_string_equal(found, in_folder("home/models/named"));
    memory_free(found);
    assert_int_equal(assay_model_folder(&found, "some/named", &error), ASSAY_OK);
    memory_free(found);
    assert_int_equal(assay_model_folder(&found, in_folder("src"), &error), ASSAY_OK);
    assert_string_equal(found, in_folder("src"));
    memory_free(found);
    assert_int_equal(assay_model_folder(&found, "unknown", &error), ASSAY_ERROR_NOT_FOUND);
    assert_null(found);
    assert_non_null(strstr(error.message, in_folder("home/models/unknown")));
    assert_non_null(strstr(error.message, "assay pull unknown"));
    assert_int_equal(assay_model_folder(&found, "../models/named", &error), ASSAY_ERROR_NOT_FOUND);
    assert_int_equal(assay_model_folder(&found, "", &error), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(assay_model_folder(&found, in_folder("none.zip"), &error),
                     ASSAY_ERROR_ARGUMENT);
}

static void test_licences(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *licence;
    } cases[] = {{"---\nlicense: mit\n---\n", "mit"},
                 {"---\r\nlicense: \"cc-by-4.0\"\r\n---\r\n", "cc-by-4.0"},
                 {"---\nlicense: other\nlicense_name: llama\n---\n", "llama"},
                 {"---\nlicense:\n  - x\n---\n", ""},
                 {"license: mit\n", ""},
                 {"---\na: b\n---\nlicense: mit\n", ""},
                 {"---", ""},
                 {"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer out = {0};
        assert_int_equal(licence_of_readme(&out, cases[i].text, strlen(cases[i].text), NULL),
                         ASSAY_OK);
        assert_string_equal(out.bytes ? out.bytes : "", cases[i].licence);
        buffer_free(&out);
    }
}

/* A server for one connection at a time; what it does is set before each request comes. */
struct server {
    int listener;
    int port;
    pthread_t thread;
    _Atomic int requests;
    _Atomic int weight_requests;
    _Atomic int tokens;      /* requests that carried one */
    _Atomic int break_after; /* bytes of the weights to send before hanging up; 0: all */
    _Atomic int breaks_left;
    _Atomic bool wrong_bytes;
    _Atomic bool ignores_ranges;
    _Atomic bool fails_after_break;
    _Atomic long last_range;
    _Atomic int redirect_port; /* weights are elsewhere */
    _Atomic int error_status;
};

static void send_all(int fd, const void *bytes, size_t length)
{
    const char *from = bytes;
    while (length) {
        ssize_t count = send(fd, from, length, MSG_NOSIGNAL);
        if (count <= 0)
            return;
        from += count;
        length -= (size_t)count;
    }
}

static void answer(int fd, int code, const char *more, const void *bytes, size_t length,
                   size_t sent)
{
    char head[600];
    int count = snprintf(head, sizeof head,
                         "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n",
                         code, length, more);
    send_all(fd, head, (size_t)count);
    send_all(fd, bytes, sent);
}

static void send_weights(struct server *server, int fd, const char *request)
{
    size_t from = 0;
    int code = 200;
    const char *range = strstr(request, "Range: bytes=");
    char more[200] = "ETag: \"v1\"\r\n";
    server->weight_requests++;
    if (server->redirect_port) {
        snprintf(more, sizeof more, "Location: http://127.0.0.1:%d/weights\r\n",
                 server->redirect_port);
        answer(fd, 302, more, "moved", 5, 5);
        return;
    }
    if (server->fails_after_break && !server->breaks_left) {
        answer(fd, 503, "", "busy", 4, 4);
        return;
    }
    server->last_range = -1;
    if (range) {
        server->last_range = strtol(range + 13, NULL, 10);
        bool same = strstr(request, "If-Range: \"v1\"") != NULL;
        if (same && !server->ignores_ranges) {
            from = (size_t)server->last_range;
            code = 206;
            snprintf(more, sizeof more, "ETag: \"v1\"\r\nContent-Range: bytes %zu-%zu/%zu\r\n",
                     from, sizeof weights - 1, sizeof weights);
        }
    }
    size_t length = sizeof weights - from;
    size_t sent = length;
    if (server->breaks_left > 0) {
        server->breaks_left--;
        sent = (size_t)server->break_after < length ? (size_t)server->break_after : length;
    }
    if (server->wrong_bytes) {
        char *other = calloc(1, sizeof weights);
        answer(fd, code, more, other, length, sent);
        free(other);
    } else {
        answer(fd, code, more, weights + from, length, sent);
    }
}

static void serve(struct server *server, int fd)
{
    char request[4000] = "";
    size_t held = 0;
    while (!strstr(request, "\r\n\r\n") && held < sizeof request - 1) {
        ssize_t count = recv(fd, request + held, sizeof request - 1 - held, 0);
        if (count <= 0)
            return;
        held += (size_t)count;
        request[held] = '\0';
    }
    server->requests++;
    server->tokens += strstr(request, "Authorization: Bearer secret") != NULL;
    char sha256[SHA256_HEX_SIZE];
    unsigned char digest[SHA256_BYTES];
    struct sha256 hash;
    sha256_begin(&hash);
    sha256_add(&hash, weights, sizeof weights);
    sha256_end(&hash, digest);
    sha256_hex(sha256, digest);
    char listing[2000];
    bool pickled = strstr(request, "GET /api/models/org/old/") != NULL;
    int length = snprintf(
        listing, sizeof listing,
        "{\"id\":\"org/tiny\",\"sha\":\"c0ffee\",\"siblings\":["
        "{\"rfilename\":\".gitattributes\",\"size\":5},{\"rfilename\":\"README.md\",\"size\":%zu},"
        "{\"rfilename\":\"config.json\",\"size\":2},{\"rfilename\":\"onnx/model.onnx\"},"
        "{\"rfilename\":\"1_Pooling/config.json\"},%s"
        "{\"rfilename\":\"%s\",\"size\":%zu,\"lfs\":{\"sha256\":\"%s\","
        "\"size\":%zu}}]}",
        sizeof README - 1, pickled ? "" : "{\"rfilename\":\"pytorch_model.bin\",\"size\":9},",
        pickled ? "pytorch_model.bin" : "model.safetensors", sizeof weights, sha256,
        sizeof weights);
    if (server->error_status)
        answer(fd, server->error_status, "", "no", 2, 2);
    else if (strstr(request, "GET /api/models/org/tiny/revision/main?blobs=true ") ||
             strstr(request, "GET /api/models/org/tiny/revision/refs%2Fpr%2F1?blobs=true ") ||
             strstr(request, "GET /api/models/org/old/revision/main?blobs=true ") ||
             strstr(request,
                    "GET /api/models/sentence-transformers/tiny/revision/main?blobs=true "))
        answer(fd, 200, "", listing, (size_t)length, (size_t)length);
    else if (strstr(request, "/resolve/c0ffee/config.json ") ||
             strstr(request, "/resolve/c0ffee/1_Pooling/config.json "))
        answer(fd, 200, "", "{}", 2, 2);
    else if (strstr(request, "/resolve/c0ffee/README.md "))
        answer(fd, 200, "", README, sizeof README - 1, sizeof README - 1);
    else if (strstr(request, "/resolve/c0ffee/model.safetensors ") ||
             strstr(request, "GET /org/old/resolve/c0ffee/pytorch_model.bin ") ||
             strstr(request, "GET /weights "))
        send_weights(server, fd, request);
    else if (strstr(request, "GET /loop.whl "))
        answer(fd, 302, "Location: /loop.whl\r\n", "", 0, 0);
    else if (strstr(request, "GET /file.whl "))
        answer(fd, 302, "Location: file:///etc/passwd\r\n", "", 0, 0);
    else if (strstr(request, "GET /net-2.0.whl ")) {
        struct buffer wheel = {0};
        if (file_read(&wheel, in_folder("net-2.0.whl"), 10 << 20, NULL) == ASSAY_OK)
            answer(fd, 200, "", wheel.bytes, wheel.length, wheel.length);
        buffer_free(&wheel);
    } else
        answer(fd, 404, "", "no", 2, 2);
}

static void *run_server(void *context)
{
    struct server *server = context;
    for (;;) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        struct timeval patience = {.tv_sec = 10};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        serve(server, fd);
        shutdown(fd, SHUT_RDWR);
        close(fd);
    }
}

static void start_server(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    memset(server, 0, sizeof *server);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(server->listener, 8), 0);
    getsockname(server->listener, (struct sockaddr *)&address, &size);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, run_server, server), 0);
}

static void stop_server(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
}

static void use_endpoint(const struct server *server)
{
    char endpoint[100];
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d/", server->port);
    setenv("HF_ENDPOINT", endpoint, 1);
}

static bool have_curl(void)
{
    assay_pull_result result;
    setenv("HF_ENDPOINT", "http://127.0.0.1:1", 1);
    if (assay_pull("org/none", NULL, &result, NULL) != ASSAY_ERROR_MISSING_LIBRARY)
        return true;
    printf("libcurl is not installed: downloads are not tested\n");
    return false;
}

static uint64_t progress_last;

static void note_progress(void *context, const char *file, uint64_t done, uint64_t total)
{
    (void)context;
    if (strcmp(file, "model.safetensors") == 0) {
        progress_last = done;
        assert_true(!total || total == sizeof weights);
    }
}

static void test_hub(void **state)
{
    (void)state;
    struct server server;
    if (!have_curl())
        skip();
    start_server(&server);
    use_endpoint(&server);
    assay_pull_options options = ASSAY_PULL_OPTIONS_INIT;
    options.progress = note_progress;
    expect_pull("org/tiny", &options, "tiny", "apache-2.0", 4, false);
    assert_int_equal(progress_last, sizeof weights);
    assert_int_equal(server.requests, 5);
    expect_pull("org/tiny", NULL, "tiny", "apache-2.0", 4, true);
    assert_int_equal(server.requests, 5); /* without a word to the network */
    options.refresh = true;
    expect_pull("org/tiny", &options, "tiny", "apache-2.0", 4, false);
    options.revision = "refs/pr/1";
    options.save_as = "pr";
    expect_pull("org/tiny", &options, "pr", "apache-2.0", 4, false);
    /* The listing of org/tiny names pickled weights, too, which the server does not even have. */
    expect_pull("org/old", NULL, "old", "apache-2.0", 4, false);
    assert_true(file_exists(in_folder("home/models/old/pytorch_model.bin")));
    char page[200];
    snprintf(page, sizeof page, "http://127.0.0.1:%d/org/tiny/tree/main", server.port);
    expect_pull(page, NULL, "tiny", "apache-2.0", 4, true);
    stop_server(&server);
}

static void test_bare_names(void **state)
{
    (void)state;
    struct server server;
    if (!have_curl())
        skip();
    start_server(&server);
    use_endpoint(&server);
    assay_pull_options options = ASSAY_PULL_OPTIONS_INIT;
    options.save_as = "bare";
    expect_pull("tiny", &options, "bare", "apache-2.0", 4, false);
    expect_pull("tiny", &options, "bare", "apache-2.0", 4, true);
    expect_failure("absent", NULL, ASSAY_ERROR_NOT_FOUND, "404", NULL);
    expect_failure("org/absent", NULL, ASSAY_ERROR_NOT_FOUND, "/api/models/org/absent", NULL);
    expect_failure("not/a/name", NULL, ASSAY_ERROR_NOT_FOUND, "no such", NULL);
    expect_failure("org/..", NULL, ASSAY_ERROR_NOT_FOUND, "no such", NULL);
    server.error_status = 401;
    expect_failure("org/tiny2", NULL, ASSAY_ERROR_NETWORK, "HF_TOKEN", NULL);
    assert_true(home_is_clean());
    stop_server(&server);
    expect_failure("org/tiny3", NULL, ASSAY_ERROR_NETWORK, "", NULL);
}

static void test_resume_within_a_call(void **state)
{
    (void)state;
    struct server server;
    if (!have_curl())
        skip();
    start_server(&server);
    use_endpoint(&server);
    server.break_after = 70000;
    server.breaks_left = 2;
    assay_pull_options options = ASSAY_PULL_OPTIONS_INIT;
    options.save_as = "resumed";
    expect_pull("org/tiny", &options, "resumed", "apache-2.0", 4, false);
    assert_int_equal(server.weight_requests, 3);
    assert_int_equal(server.last_range, 140000);
    /* A server that ignores ranges sends everything again: nothing is doubled. */
    server.breaks_left = 1;
    server.ignores_ranges = true;
    options.save_as = "restarted";
    expect_pull("org/tiny", &options, "restarted", "apache-2.0", 4, false);
    assert_int_equal(server.last_range, 70000);
    stop_server(&server);
}

static void test_resume_in_a_later_call(void **state)
{
    (void)state;
    struct server server;
    if (!have_curl())
        skip();
    start_server(&server);
    use_endpoint(&server);
    assay_pull_options options = ASSAY_PULL_OPTIONS_INIT;
    options.save_as = "later";
    /* Half of it, and then a server that is out of order. */
    server.break_after = 120000;
    server.breaks_left = 1;
    server.fails_after_break = true;
    expect_failure("org/tiny", &options, ASSAY_ERROR_NETWORK, "503", NULL);
    assert_false(file_exists(in_folder("home/models/later")));
    assert_false(home_is_clean());
    server.fails_after_break = false;
    expect_pull("org/tiny", &options, "later", "apache-2.0", 4, false);
    assert_int_equal(server.last_range, 120000);
    stop_server(&server);
}

static void test_wrong_checksum(void **state)
{
    (void)state;
    struct server server;
    if (!have_curl())
        skip();
    start_server(&server);
    use_endpoint(&server);
    server.wrong_bytes = true;
    assay_pull_options options = ASSAY_PULL_OPTIONS_INIT;
    options.save_as = "wrong";
    assay_error error;
    expect_failure("org/tiny", &options, ASSAY_ERROR_CHECKSUM, "model.safetensors", &error);
    assert_int_equal(strlen(error.expected), 64);
    assert_int_equal(strlen(error.found), 64);
    assert_false(file_exists(in_folder("home/models/wrong")));
    /* The bad part was thrown away, so that the next try is not doomed. */
    server.wrong_bytes = false;
    expect_pull("org/tiny", &options, "wrong", "apache-2.0", 4, false);
    assert_int_equal(server.last_range, -1);
    stop_server(&server);
}

static void test_token_stays_with_its_host(void **state)
{
    (void)state;
    struct server hub;
    struct server store;
    if (!have_curl())
        skip();
    start_server(&hub);
    start_server(&store);
    use_endpoint(&hub);
    setenv("HF_TOKEN", "secret", 1);
    hub.redirect_port = store.port;
    assay_pull_options options = ASSAY_PULL_OPTIONS_INIT;
    options.save_as = "token";
    expect_pull("org/tiny", &options, "token", "apache-2.0", 4, false);
    assert_int_equal(hub.tokens, hub.requests);
    assert_int_equal(store.requests, 1);
    assert_int_equal(store.tokens, 0);
    unsetenv("HF_TOKEN");
    stop_server(&hub);
    stop_server(&store);
}

static void test_urls(void **state)
{
    (void)state;
    struct server server;
    char url[200];
    if (!have_curl())
        skip();
    start_server(&server);
    make_wheel("net-2.0.whl", true, true);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/net-2.0.whl", server.port);
    setenv("HF_ENDPOINT", "http://127.0.0.1:1", 1);
    expect_pull(url, NULL, "net", "apache-2.0", 4, false);
    int requests = server.requests;
    expect_pull(url, NULL, "net", "apache-2.0", 4, true);
    assert_int_equal(server.requests, requests);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/absent.whl", server.port);
    expect_failure(url, NULL, ASSAY_ERROR_NOT_FOUND, url, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/file.whl", server.port);
    expect_failure(url, NULL, ASSAY_ERROR_NETWORK, "not safe", NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/loop.whl", server.port);
    expect_failure(url, NULL, ASSAY_ERROR_NETWORK, "too many redirects", NULL);
    expect_failure("http://127.0.0.1/page.html", NULL, ASSAY_ERROR_UNSUPPORTED, "neither", NULL);
    stop_server(&server);
}

int main(void)
{
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof weights; i++) {
        seed = seed * 1664525 + 1013904223;
        weights[i] = (char)(unsigned char)(seed >> 24);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_wheel),
        cmocka_unit_test(test_wheel_with_a_wrong_checksum),
        cmocka_unit_test(test_foreign_folder_is_kept),
        cmocka_unit_test(test_memory_failures),
        cmocka_unit_test(test_bad_names),
        cmocka_unit_test(test_damaged_zip),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_tar),
        cmocka_unit_test(test_archives_without_a_model),
        cmocka_unit_test(test_pickled_archives),
        cmocka_unit_test(test_pickled_folders),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_model_folder),
        cmocka_unit_test(test_licences),
        cmocka_unit_test(test_hub),
        cmocka_unit_test(test_bare_names),
        cmocka_unit_test(test_resume_within_a_call),
        cmocka_unit_test(test_resume_in_a_later_call),
        cmocka_unit_test(test_wrong_checksum),
        cmocka_unit_test(test_token_stays_with_its_host),
        cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
