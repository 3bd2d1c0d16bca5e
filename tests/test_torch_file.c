/* models/torch_file: what torch wrote reads as the same tensors; what was made to do harm is an
 * error that names it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "models/pickle.h"
#include "models/safetensors_writer.h"
#include "models/torch_file.h"
#include "torch_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What is opened most of the time lies in memory: thousands of files are written here. */
static int file_in_memory;
static char path[64], saved_path[] = "/tmp/assay-torch-XXXXXX";

static int make_files(void **state)
{
    (void)state;
    int fd = mkstemp(saved_path);
    file_in_memory = memfd_create("checkpoint", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file_in_memory);
    return fd < 0 || file_in_memory < 0 ? -1 : close(fd);
}

static int remove_files(void **state)
{
    (void)state;
    close(file_in_memory);
    return unlink(saved_path);
}

static void put_file(const void *bytes, size_t length)
{
    assert_int_equal(ftruncate(file_in_memory, 0), 0);
    assert_int_equal(pwrite(file_in_memory, bytes, length, 0), length);
}

static void put_checkpoint(const void *pickle, size_t length)
{
    struct zip_maker zip;
    make_checkpoint(&zip, pickle, length, 16);
    put_file(zip.out.bytes, zip.out.length);
    zip_free(&zip);
}

static const char *vector(const char *name)
{
    static char names[2][600];
    static int turn;
    turn = !turn;
    snprintf(names[turn], sizeof names[turn], "%s/torch/%s", ASSAY_TEST_DATA, name);
    return names[turn];
}

static void same_tensors(const char *checkpoint, const char *reference)
{
    struct safetensors *file, *expected;
    assay_error error = {0};
    if (torch_file_open(&file, vector(checkpoint), &error))
        fail_msg("%s: %s: %s", checkpoint, error.place, error.message);
    assert_int_equal(safetensors_open(&expected, vector(reference), NULL), ASSAY_OK);
    assert_int_equal(safetensors_count(file), safetensors_count(expected));
    for (size_t i = 0; i < safetensors_count(expected); i++) {
        const struct safetensors_entry *wanted = safetensors_at(expected, i);
        const struct safetensors_entry *found = safetensors_find(file, wanted->name);
        assert_non_null(found);
        assert_string_equal(found->type_name, wanted->type_name);
        assert_int_equal(found->dtype, wanted->dtype);
        assert_int_equal(found->rank, wanted->rank);
        assert_memory_equal(found->shape, wanted->shape, sizeof wanted->shape);
        assert_int_equal(found->elements, wanted->elements);
        assert_int_equal(found->bytes, wanted->bytes);
        assert_memory_equal(found->data, wanted->data, wanted->bytes);
    }
    safetensors_close(file);
    safetensors_close(expected);
}

static void what_torch_wrote(void **state)
{
    (void)state;
    same_tensors("types.bin", "types.safetensors");
    same_tensors("layouts.bin", "layouts.safetensors");
    same_tensors("protocol4.bin", "layouts.safetensors");
    same_tensors("module.bin", "module.safetensors");
    same_tensors("mixed.bin", "mixed.safetensors");
}

static const struct safetensors_entry *entry_of(const struct safetensors *file, const char *name)
{
    const struct safetensors_entry *entry = safetensors_find(file, name);
    assert_non_null(entry);
    return entry;
}

static void data_stay_in_the_mapping(void **state)
{
    (void)state;
    struct safetensors *file;
    assert_int_equal(torch_file_open(&file, vector("layouts.bin"), NULL), ASSAY_OK);
    const struct safetensors_entry *base = entry_of(file, "base");
    const char *begin = base->data;
    assert_true(base->aligned);
    assert_ptr_equal(entry_of(file, "rows")->data, begin + 6 * 4);
    assert_ptr_equal(entry_of(file, "last")->data, begin + 23 * 4);
    assert_ptr_equal(entry_of(file, "one")->data, begin + 8 * 4);
    const struct safetensors_entry *tied = entry_of(file, "tied_a");
    assert_ptr_equal(entry_of(file, "tied_b")->data, tied->data);
    assert_ptr_equal(entry_of(file, "parameter")->data, tied->data);
    assert_int_equal(!tied->shared + !entry_of(file, "tied_b")->shared +
                         !entry_of(file, "parameter")->shared,
                     1);
    assert_false(entry_of(file, "rows")->shared);
    /* copied together, so outside of it */
    const char *turned = entry_of(file, "transposed")->data;
    assert_true(turned < begin - 100000 || turned > begin + 100000);
    assert_true(entry_of(file, "turned")->aligned && entry_of(file, "halves")->aligned);
    float values[2];
    assert_int_equal(safetensors_read_floats(values, file, entry_of(file, "columns"), 0, 2, NULL),
                     ASSAY_OK);
    assert_memory_equal(values, begin + 4, sizeof values);
    safetensors_drop(file, base);
    safetensors_drop(file, entry_of(file, "turned"));
    assert_int_equal(safetensors_check(file, NULL), ASSAY_OK);
    safetensors_close(file);
}

/* The open file fails so, naming itself and holding the words. */
static void expect(const char *name, assay_status status, const char *words)
{
    struct safetensors *file;
    assay_error error = {0};
    char line[1200];
    assay_status found = torch_file_open(&file, name, &error);
    assay_error_format(&error, line, sizeof line);
    if (found != status || !strstr(line, words))
        print_error("%s: %d, %s (wanted %d, %s)\n", name, found, line, status, words);
    assert_int_equal(found, status);
    assert_int_equal(error.status, status);
    assert_null(file);
    assert_string_equal(error.file, name);
    assert_non_null(strstr(line, words));
}

static void other_forms(void **state)
{
    (void)state;
    expect(vector("legacy.bin"), ASSAY_ERROR_UNSUPPORTED, "torch.save(torch.load(FILE");
    expect(vector("big.bin"), ASSAY_ERROR_UNSUPPORTED, "big-endian");
    expect(vector("packed.bin"), ASSAY_ERROR_UNSUPPORTED, "compressed");
    expect(vector("script.pt"), ASSAY_ERROR_UNSUPPORTED, "TorchScript");
    expect(vector("list.bin"), ASSAY_ERROR_UNSUPPORTED, "found a list");
    expect(vector("wrapped.bin"), ASSAY_ERROR_UNSUPPORTED, "state_dict: the tensors lie in an");
    expect(vector("types.safetensors"), ASSAY_ERROR_FORMAT, "no PyTorch checkpoint");
    expect(vector("none.bin"), ASSAY_ERROR_NOT_FOUND, "none.bin");
}

/* Pickles in pieces. */
#define TEXT(length, text) "X" length "\0\0\0" text
#define ID                 "(" TEXT("\7", "storage") "ctorch\nFloatStorage\n" TEXT("\1", "0") TEXT("\3", "cpu")
#define REBUILD            "ctorch._utils\n_rebuild_tensor_v2\n("
#define REST                                                                                       \
    "\x89"                                                                                         \
    "ccollections\nOrderedDict\n)R"
#define BEFORE "\x80\2}" TEXT("\1", "w") REBUILD ID
/* {"w": a tensor of 4 of the 4 elements of storage 0}, up to where a test goes on */
#define STORAGE_4 BEFORE "K\4tQ"

struct hostile {
    assay_status status;
    const char *words;
    size_t length;
    const char *pickle;
};

#define HOSTILE(status, words, pickle)                                                             \
    {                                                                                              \
        ASSAY_ERROR_##status, words, sizeof(pickle) - 1, pickle                                    \
    }

static const struct hostile hostile[] = {
    /* code */
    HOSTILE(UNSUPPORTED, "asks for os.system", "\x80\2cos\nsystem\n" TEXT("\2", "id") "\x85R."),
    HOSTILE(UNSUPPORTED, "byte 2 of the pickle", "\x80\2cos\nsystem\n" TEXT("\2", "id") "\x85R."),
    HOSTILE(UNSUPPORTED, "asks for posix.system",
            "\x80\4\x8c\5posix\x8c\6system\x93\x8c\2id\x85R."),
    HOSTILE(UNSUPPORTED, "asks for builtins.eval",
            "\x80\2}" TEXT("\1", "w") "cbuiltins\neval\n)Rs."),
    HOSTILE(UNSUPPORTED, "torch.storage._load_from_bytes",
            "\x80\2"
            "ctorch.storage\n_load_from_bytes\n" TEXT("\1", "x") "\x85R."),
    HOSTILE(UNSUPPORTED, "asks for ?[31mx.?y", "\x80\2c\x1b[31mx\n\xc3y\n."),
    HOSTILE(UNSUPPORTED, "asks for collections.OrderedDict.update",
            "\x80\4\x8c\13collections\x8c\22OrderedDict.update\x93."),
    HOSTILE(UNSUPPORTED, "calls torch.FloatStorage",
            "\x80\2"
            "ctorch\nFloatStorage\n)R."),
    HOSTILE(UNSUPPORTED, "found 'i'", "\x80\2(ios\nsystem\n."),
    HOSTILE(UNSUPPORTED, "found 'o'", "\x80\2(o."),
    HOSTILE(UNSUPPORTED, "found 0x81",
            "\x80\2"
            "ccollections\nOrderedDict\n)\x81."),
    HOSTILE(UNSUPPORTED, "found 0x82", "\x80\2\x82\1."),
    HOSTILE(UNSUPPORTED, "found 'P'", "\x80\2P0\n."),
    HOSTILE(UNSUPPORTED, "found 'S'", "\x80\2S'a'\n."),
    HOSTILE(UNSUPPORTED, "found 0x80", "\x80\2}\x80\2."),
    HOSTILE(UNSUPPORTED, "sets the state", "\x80\2])b."),
    HOSTILE(FORMAT, "called that is not a function", "\x80\2})R."),
    HOSTILE(FORMAT, "called that is not a function",
            "\x80\2"
            "ccollections\nOrderedDict\n]R."),
    HOSTILE(FORMAT, "OrderedDict is called with arguments",
            "\x80\2"
            "ccollections\nOrderedDict\n]\x85R."),
    HOSTILE(FORMAT, "a global's name is not a string", "\x80\4K\1K\2\x93."),
    /* sizes */
    HOSTILE(UNSUPPORTED, "found 0x8b", "\x80\2\x8b\xff\xff\xff\x7f."),
    HOSTILE(LIMIT, "more than 64 bits", "\x80\2\x8a\xff."),
    HOSTILE(LIMIT, "more than 64 bits", "\x80\2\x8a\11\0\0\0\0\0\0\0\0\1."),
    HOSTILE(FORMAT, "a string reaches beyond",
            "\x80\2X\xff\xff\xff\x7f"
            "ab."),
    HOSTILE(FORMAT, "a string reaches beyond",
            "\x80\4\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
            "ab."),
    HOSTILE(FORMAT, "a string reaches beyond", "\x80\4\x8c\5abc."),
    HOSTILE(FORMAT, "not UTF-8", "\x80\2X\2\0\0\0\xff\xfe."),
    HOSTILE(FORMAT, "a frame reaches beyond", "\x80\4\x95\xff\0\0\0\0\0\0\0}."),
    HOSTILE(LIMIT, "remembers too many", "\x80\2}r\xff\xff\xff\xff."),
    HOSTILE(FORMAT, "never remembered", "\x80\2}j\xff\xff\xff\xff."),
    HOSTILE(FORMAT, "never remembered", "\x80\2}q\0h\1."),
    /* shape of the machine */
    HOSTILE(FORMAT, "does not begin like one", "}."),
    HOSTILE(FORMAT, "does not begin like one", "\x80"),
    HOSTILE(UNSUPPORTED, "protocol is not known (expected 2 to 5, found 9)", "\x80\11}."),
    HOSTILE(FORMAT, "cut short", "\x80\2}"),
    HOSTILE(FORMAT, "a name does not end", "\x80\2cos"),
    HOSTILE(FORMAT, "does not end with one value", "\x80\2."),
    HOSTILE(FORMAT, "does not end with one value", "\x80\2}}."),
    HOSTILE(FORMAT, "does not end with one value", "\x80\2(}."),
    HOSTILE(FORMAT, "something follows", "\x80\2}.}"),
    HOSTILE(FORMAT, "lacks its values", "\x80\2\x85."),
    HOSTILE(FORMAT, "lacks its values", "\x80\2}(K\1s."),
    HOSTILE(FORMAT, "lacks its values", "\x80\2K\1(R."),
    HOSTILE(FORMAT, "lacks its values", "\x80\2q\0."),
    HOSTILE(FORMAT, "lacks its mark", "\x80\2}u."),
    HOSTILE(FORMAT, "lacks its mark", "\x80\2t."),
    HOSTILE(FORMAT, "put into something else", "\x80\2](K\1K\2u."),
    HOSTILE(FORMAT, "put into something else", "\x80\2}(K\1u."),
    HOSTILE(FORMAT, "put into something else", "\x80\2}K\1a."),
    /* persistent ids */
    HOSTILE(FORMAT, "a persistent id", "\x80\2K\1Q."),
    HOSTILE(FORMAT, "a persistent id", "\x80\2)Q."),
    HOSTILE(FORMAT, "a persistent id", "\x80\2" ID "K\4K\4tQ."),
    HOSTILE(FORMAT, "a persistent id", "\x80\2" ID "NtQ."),
    HOSTILE(FORMAT, "a persistent id", "\x80\2" ID "J\xff\xff\xff\xfftQ."),
    HOSTILE(FORMAT, "a persistent id",
            "\x80\2(" TEXT("\6", "module") "ctorch\nFloatStorage\n" TEXT("\1", "0")
                TEXT("\3", "cpu") "K\4tQ."),
    HOSTILE(FORMAT, "a persistent id",
            "\x80\2(" TEXT("\7", "storage") "ccollections\nOrderedDict\n" TEXT("\1", "0")
                TEXT("\3", "cpu") "K\4tQ."),
    /* tensors */
    HOSTILE(FORMAT, "w: the tensor's storage is missing",
            "\x80\2}" TEXT("\1", "w") REBUILD
            "(" TEXT("\7", "storage") "ctorch\nFloatStorage\n" TEXT("\1", "1")
                TEXT("\3", "cpu") "K\4tQK\0K\4\x85K\1\x85" REST "tRs."),
    HOSTILE(FORMAT, "w: the tensor's storage is missing",
            "\x80\2}" TEXT("\1", "w") REBUILD
            "(" TEXT("\7", "storage") "ctorch\nFloatStorage\n" TEXT("\13", "../data/0\0x")
                TEXT("\3", "cpu") "K\4tQK\0K\4\x85K\1\x85" REST "tRs."),
    HOSTILE(FORMAT, "another size than stated", BEFORE "K\5tQK\0K\4\x85K\1\x85" REST "tRs."),
    HOSTILE(FORMAT, "another size than stated",
            BEFORE "\x8a\10\4\0\0\0\0\0\0\x40tQK\0K\4\x85K\1\x85" REST "tRs."),
    HOSTILE(FORMAT, "w: the tensor reaches beyond", STORAGE_4 "K\0K\5\x85K\1\x85" REST "tRs."),
    HOSTILE(FORMAT, "w: the tensor reaches beyond", STORAGE_4 "K\1K\4\x85K\1\x85" REST "tRs."),
    HOSTILE(FORMAT, "w: the tensor reaches beyond", STORAGE_4 "K\0K\2\x85K\4\x85" REST "tRs."),
    HOSTILE(FORMAT, "w: the tensor reaches beyond", STORAGE_4 "K\4))" REST "tRs."),
    HOSTILE(FORMAT, "w: the tensor reaches beyond",
            STORAGE_4 "\x8a\10\xff\xff\xff\xff\xff\xff\xff\x7fK\4\x85K\1\x85" REST "tRs."),
    HOSTILE(FORMAT, "w: the tensor reaches beyond",
            STORAGE_4 "K\0K\2\x85\x8a\10\xff\xff\xff\xff\xff\xff\xff\x7f\x85" REST "tRs."),
    HOSTILE(FORMAT, "w: the tensor reaches beyond", /* 2 (2^63 - 1) + 2 is 0 in 64 bits */
            STORAGE_4 "K\2K\3\x85\x8a\10\xff\xff\xff\xff\xff\xff\xff\x7f\x85" REST "tRs."),
    HOSTILE(FORMAT, "w: the shape's product overflows",
            STORAGE_4 "K\0\x8a\5\0\0\0\0\1\x8a\5\0\0\0\0\1\x86K\0K\0\x86" REST "tRs."),
    HOSTILE(LIMIT, "w: the tensors come to suspiciously much",
            STORAGE_4 "K\0\x8a\5\0\0\0\0\1\x85K\0\x85" REST "tRs."),
    HOSTILE(FORMAT, "is no size", STORAGE_4 "K\0J\xff\xff\xff\xff\x85K\1\x85" REST "tRs."),
    HOSTILE(FORMAT, "is no size", STORAGE_4 "K\0K\4\x85J\xff\xff\xff\xff\x85" REST "tRs."),
    HOSTILE(FORMAT, "is no size", STORAGE_4 "K\0N\x85K\1\x85" REST "tRs."),
    HOSTILE(FORMAT, "begins before", STORAGE_4 "J\xff\xff\xff\xffK\4\x85K\1\x85" REST "tRs."),
    HOSTILE(FORMAT, "not as many strides", STORAGE_4 "K\0K\4\x85)" REST "tRs."),
    HOSTILE(LIMIT, "too many dimensions",
            STORAGE_4 "K\0(K\1K\1K\1K\1K\1K\1t(K\1K\1K\1K\1K\1K\1t" REST "tRs."),
    HOSTILE(FORMAT, "wrong number of arguments", STORAGE_4 "K\0K\4\x85tRs."),
    HOSTILE(FORMAT, "found None", STORAGE_4 "K\0NK\1\x85" REST "tRs."),
    HOSTILE(UNSUPPORTED, "conjugated",
            STORAGE_4 "K\0K\4\x85K\1\x85" REST "}" TEXT("\4", "conj") "\x88stRs."),
    HOSTILE(FORMAT, "a storage without a type",
            "\x80\2}" TEXT("\1", "w") REBUILD
            "(" TEXT("\7", "storage") "ctorch.storage\nUntypedStorage\n" TEXT("\1", "0")
                TEXT("\3", "cpu") "K\20tQK\0K\4\x85K\1\x85" REST "tRs."),
    HOSTILE(FORMAT, "a wrong type",
            "\x80\2}" TEXT("\1", "w") "ctorch._utils\n_rebuild_tensor_v3\n(" ID
                                      "K\4tQK\0K\4\x85K\1\x85" REST "ctorch\nfloat32\ntRs."),
    HOSTILE(FORMAT, "_rebuild_parameter is called with a wrong argument",
            "\x80\2"
            "ctorch._utils\n_rebuild_parameter\n(K\1\x88}tR."),
    /* the table */
    HOSTILE(UNSUPPORTED, "found a tuple", "\x80\2)."),
    HOSTILE(UNSUPPORTED, "found a tensor", "\x80\2" REBUILD ID "K\4tQK\0K\4\x85K\1\x85" REST "tR."),
    HOSTILE(FORMAT, "holds no tensors", "\x80\2}."),
    HOSTILE(FORMAT, "holds no tensors", "\x80\2}" TEXT("\1", "w") "K\1s."),
    HOSTILE(FORMAT, "w: the tensor stands in the file twice",
            STORAGE_4 "K\0K\4\x85K\1\x85" REST "tRq\0s" TEXT("\1", "w") "h\0s."),
    HOSTILE(FORMAT, "cannot be a tensor's name",
            "\x80\2}" TEXT("\3", "w\0x") REBUILD ID "K\4tQK\0K\4\x85K\1\x85" REST "tRs."),
    HOSTILE(FORMAT, "cannot be a tensor's name",
            "\x80\2}" TEXT("\14", "__metadata__") REBUILD ID "K\4tQK\0K\4\x85K\1\x85" REST "tRs."),
    HOSTILE(FORMAT, "name is not a string",
            "\x80\2}K\1" REBUILD ID "K\4tQK\0K\4\x85K\1\x85" REST "tRs."),
};

static const char honest[] = STORAGE_4 "K\0K\4\x85K\1\x85" REST "tRs.";

static void hostile_pickles(void **state)
{
    (void)state;
    struct safetensors *file;
    put_checkpoint(honest, sizeof honest - 1); /* what they are all made from is good */
    assert_int_equal(torch_file_open(&file, path, NULL), ASSAY_OK);
    assert_int_equal(safetensors_find(file, "w")->bytes, 16);
    safetensors_close(file);
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        put_checkpoint(hostile[i].pickle, hostile[i].length);
        expect(path, hostile[i].status, hostile[i].words);
    }
}

static void repeat(struct buffer *out, const char *bytes, size_t length, size_t times)
{
    while (times-- > 0)
        assert_true(buffer_append(out, bytes, length));
}

/* A pickle of `first`, then `each` many times; what comes of it. */
static assay_status read_repeated(const char *first, const char *each, size_t length, size_t times,
                                  const char *last, assay_error *error)
{
    struct buffer text = {0};
    struct pickle *pickle;
    repeat(&text, first, strlen(first), 1);
    repeat(&text, each, length, times);
    repeat(&text, last, strlen(last), 1);
    assay_status status =
        pickle_read(&pickle, (const unsigned char *)text.bytes, text.length, error);
    pickle_close(pickle);
    buffer_free(&text);
    return status;
}

static void bombs(void **state)
{
    (void)state;
    assay_error error;
    /* Each pair holds the one before it twice: 2^100000 values, were they counted out. */
    assert_int_equal(read_repeated("\x80\2)q\1", "h\1\x86q\1", 5, 100000, ".", &error), ASSAY_OK);
    assert_int_equal(read_repeated("\x80\2)", "\x85", 1, 1000000, ".", &error), ASSAY_OK);
    assert_int_equal(read_repeated("\x80\2", "(", 1, 1000, ".", &error), ASSAY_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "nests too deep"));
    assert_int_equal(read_repeated("\x80\2", "]", 1, 1000000, ".", &error), ASSAY_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "too deep"));
    assert_int_equal(read_repeated("\x80\2)", "\x85", 1, PICKLE_MAX_VALUES, ".", &error),
                     ASSAY_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "too many values"));
    /* A list that holds itself. */
    assert_int_equal(read_repeated("\x80\2]q\1", "h\1a", 3, 1000, ".", &error), ASSAY_OK);
    struct pickle *pickle;
    assert_int_equal(
        pickle_read(&pickle, (const unsigned char *)"", (size_t)PICKLE_MAX_BYTES + 1, &error),
        ASSAY_ERROR_LIMIT);
    /* The same storage under many names: more than the file may come to. */
    struct buffer many = {0};
    repeat(&many, STORAGE_4 "K\0\x8a\4\0\0\0\1\x85K\0\x85" REST "tRq\0s",
           sizeof STORAGE_4 "K\0\x8a\4\0\0\0\1\x85K\0\x85" REST "tRq\0s" - 1, 1);
    for (char name = 'a'; name < 'g'; name++) {
        repeat(&many, TEXT("\1", ""), 5, 1);
        repeat(&many, &name, 1, 1);
        repeat(&many, "h\0s", 3, 1);
    }
    repeat(&many, ".", 1, 1);
    put_checkpoint(many.bytes, many.length);
    expect(path, ASSAY_ERROR_LIMIT, "a: the tensors come to suspiciously much");
    buffer_free(&many);
}

static void truncated_anywhere(void **state)
{
    (void)state;
    struct buffer whole = {0};
    assert_int_equal(file_read(&whole, vector("module.bin"), 10000, NULL), ASSAY_OK);
    for (size_t length = 0; length < whole.length; length++) {
        put_file(whole.bytes, length);
        expect(path, ASSAY_ERROR_FORMAT, "");
    }
    buffer_free(&whole);
}

/* Any byte may be another: an error, or tensors that can be read to their last byte. */
static void any_byte_changed(void **state)
{
    (void)state;
    static const unsigned char changes[] = {0x01, 0x10, 0x80, 0xff};
    struct buffer whole = {0};
    int opened = 0, refused = 0;
    assert_int_equal(file_read(&whole, vector("module.bin"), 10000, NULL), ASSAY_OK);
    for (size_t i = 0; i < 4 * whole.length; i++) {
        struct safetensors *file;
        unsigned sum = 0;
        whole.bytes[i / 4] = (char)(whole.bytes[i / 4] ^ changes[i % 4]);
        put_file(whole.bytes, whole.length);
        whole.bytes[i / 4] = (char)(whole.bytes[i / 4] ^ changes[i % 4]);
        if (torch_file_open(&file, path, NULL) != ASSAY_OK) {
            refused++;
            continue;
        }
        opened++;
        for (size_t j = 0; j < safetensors_count(file); j++) {
            const struct safetensors_entry *entry = safetensors_at(file, j);
            for (size_t k = 0; k < entry->bytes; k++)
                sum += ((const unsigned char *)entry->data)[k];
        }
        volatile unsigned sink = sum;
        (void)sink;
        safetensors_close(file);
    }
    print_message("%d opened, %d refused\n", opened, refused);
    assert_true(refused > 1000);
    buffer_free(&whole);
}

/* A number of four or eight bytes at a place found by its mark. */
static void poke(struct buffer *file, const char *mark, size_t nth, size_t at, uint64_t value,
                 size_t bytes)
{
    char *found = file->bytes;
    for (size_t i = 0; i <= nth; i++) {
        found = memmem(found, (size_t)(file->bytes + file->length - found), mark, 4);
        assert_non_null(found);
        found += i < nth;
    }
    for (size_t i = 0; i < bytes; i++)
        found[at + i] = (char)(unsigned char)(value >> 8 * i & 0xff);
}

static const struct lie {
    const char *mark; /* of the record: the second local header, directory record, or an end */
    size_t nth, at;
    uint64_t value;
    size_t bytes;
    const char *words;
} lies[] = {
    {"PK\1\2", 1, 24, 17, 4, "two sizes"},
    {"PK\1\2", 1, 20, 15, 4, "two sizes"},
    {"PK\1\2", 1, 20, 0x7fffffff, 4, "outside"},
    {"PK\1\2", 1, 20, 0xffffffff, 4, "zip64 sizes are missing"},
    {"PK\1\2", 1, 42, 1, 4, "does not agree"},
    {"PK\1\2", 1, 42, 0x7fffffff, 4, "outside"},
    {"PK\1\2", 1, 28, 0xffff, 2, "cut short"},
    {"PK\1\2", 1, 46, 'b', 1, "storage is missing"},
    {"PK\1\2", 1, 10, 8, 2, "compressed"},
    {"PK\1\2", 1, 8, 1, 2, "encrypted"},
    {"PK\3\4", 1, 8, 8, 2, "does not agree"},
    {"PK\3\4", 1, 26, 7, 2, "name does not agree"},
    {"PK\3\4", 1, 28, 0xffff, 2, "outside"},
    {"PK\3\4", 1, 30, 'b', 1, "name does not agree"},
    {"PK\5\6", 0, 10, 3, 2, "several parts"},
    {"PK\5\6", 0, 12, 1, 4, "do not agree"},
    {"PK\5\6", 0, 16, 1, 4, "do not agree"},
    {"PK\6\6", 0, 4, 45, 8, "not where it says"},
    {"PK\6\6", 0, 24, UINT64_MAX, 8, "several parts"},
    {"PK\6\6", 0, 40, UINT64_MAX, 8, "do not agree"},
    {"PK\6\6", 0, 48, UINT64_MAX, 8, "do not agree"},
    {"PK\6\7", 0, 8, UINT64_MAX, 8, "not where it says"},
    {"PK\6\7", 0, 8, 0, 8, "not where it says"},
    {"PK\6\7", 0, 16, 2, 4, "several parts"},
};

static void make_zip(struct zip_maker *zip, int flags, int wide_end)
{
    *zip = (struct zip_maker){0};
    zip_add(zip, "a/data.pkl", honest, sizeof honest - 1, flags);
    zip_add(zip, "a/data/0", "0123456789abcdef", 16, flags);
    zip_finish(zip, wide_end);
}

static void save(const struct zip_maker *zip)
{
    put_file(zip->out.bytes, zip->out.length);
}

static void zips_that_lie(void **state)
{
    (void)state;
    struct zip_maker zip;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        make_zip(&zip, 0, 1);
        poke(&zip.out, lies[i].mark, lies[i].nth, lies[i].at, lies[i].value, lies[i].bytes);
        save(&zip);
        zip_free(&zip);
        struct safetensors *file;
        assay_error error = {0};
        assay_status status = torch_file_open(&file, path, &error);
        if (status == ASSAY_OK || !strstr(error.message, lies[i].words))
            print_error("lie %zu: %d %s\n", i, status, error.message);
        assert_int_not_equal(status, ASSAY_OK);
        assert_non_null(strstr(error.message, lies[i].words));
    }
    zip = (struct zip_maker){0};
    for (int i = 0; i < 2; i++)
        zip_add(&zip, "a/data.pkl", honest, sizeof honest - 1, 0);
    zip_finish(&zip, 0);
    save(&zip);
    zip_free(&zip);
    expect(path, ASSAY_ERROR_FORMAT, "twice");
    zip = (struct zip_maker){0};
    zip_add(&zip, "a/data/0", "x", 1, 0);
    zip_finish(&zip, 0);
    save(&zip);
    zip_free(&zip);
    expect(path, ASSAY_ERROR_FORMAT, "data.pkl: this is no PyTorch checkpoint");
    zip = (struct zip_maker){0};
    zip_finish(&zip, 0);
    save(&zip);
    zip_free(&zip);
    expect(path, ASSAY_ERROR_FORMAT, "data.pkl");
}

static void wide_zips(void **state)
{
    (void)state;
    for (int flags = 0; flags <= ZIP_IS_WIDE; flags++) {
        for (int end = 0; end <= 2; end++) {
            struct zip_maker zip;
            struct safetensors *file;
            make_zip(&zip, flags, end);
            save(&zip);
            zip_free(&zip);
            assert_int_equal(torch_file_open(&file, path, NULL), ASSAY_OK);
            assert_memory_equal(safetensors_find(file, "w")->data, "0123456789abcdef", 16);
            safetensors_close(file);
        }
    }
}

static void a_file_that_shrinks(void **state)
{
    (void)state;
    struct safetensors *file;
    assay_error error = {0};
    put_checkpoint(honest, sizeof honest - 1);
    assert_int_equal(torch_file_open(&file, path, NULL), ASSAY_OK);
    assert_int_equal(ftruncate(file_in_memory, 100), 0);
    float values[4];
    assert_int_equal(safetensors_read_floats(values, file, safetensors_at(file, 0), 0, 4, &error),
                     ASSAY_ERROR_CHANGED);
    assert_string_equal(error.file, path);
    safetensors_close(file);
}

static void memory_that_runs_out(void **state)
{
    (void)state;
    struct safetensors *file;
    const char *name = vector("layouts.bin");
    uint64_t before = memory_allocation_count();
    assert_int_equal(torch_file_open(&file, name, NULL), ASSAY_OK);
    uint64_t total = memory_allocation_count() - before;
    safetensors_close(file);
    assert_true(total > 30);
    for (uint64_t nth = 1; nth <= total; nth++) {
        assay_error error = {0};
        memory_fail_at(nth);
        assert_int_equal(torch_file_open(&file, name, &error), ASSAY_ERROR_MEMORY);
        assert_int_equal(error.status, ASSAY_ERROR_MEMORY);
        memory_fail_at(0);
    }
    print_message("%d allocations failed in turn\n", (int)total);
}

/* As safetensors, every tensor is what it was. */
static void saved_as_safetensors(void **state)
{
    (void)state;
    static const char *const names[] = {"types.bin", "layouts.bin"};
    for (int n = 0; n < 2; n++) {
        struct safetensors *file, *again;
        struct safetensors_item items[40];
        assert_int_equal(torch_file_open(&file, vector(names[n]), NULL), ASSAY_OK);
        size_t count = safetensors_count(file);
        assert_true(count <= 40);
        for (size_t i = 0; i < count; i++)
            items[i] = safetensors_item_of(safetensors_at(file, i));
        assert_int_equal(safetensors_write(saved_path, items, count, NULL), ASSAY_OK);
        assert_int_equal(safetensors_open(&again, saved_path, NULL), ASSAY_OK);
        assert_int_equal(safetensors_count(again), count);
        for (size_t i = 0; i < count; i++) {
            const struct safetensors_entry *old = safetensors_at(file, i);
            const struct safetensors_entry *now = safetensors_find(again, old->name);
            assert_non_null(now);
            assert_string_equal(now->type_name, old->type_name);
            assert_memory_equal(now->shape, old->shape, sizeof old->shape);
            assert_memory_equal(now->data, old->data, old->bytes);
        }
        safetensors_close(file);
        safetensors_close(again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_torch_wrote),
        cmocka_unit_test(data_stay_in_the_mapping),
        cmocka_unit_test(other_forms),
        cmocka_unit_test(hostile_pickles),
        cmocka_unit_test(bombs),
        cmocka_unit_test(truncated_anywhere),
        cmocka_unit_test(any_byte_changed),
        cmocka_unit_test(zips_that_lie),
        cmocka_unit_test(wide_zips),
        cmocka_unit_test(a_file_that_shrinks),
        cmocka_unit_test(memory_that_runs_out),
        cmocka_unit_test(saved_as_safetensors),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
