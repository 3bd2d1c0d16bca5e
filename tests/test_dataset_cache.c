/* src/dataset: whatever happens to a cache, its disk, memory or the process, the rows come out
 * right or the error says why, and no part of a cache stays. */
#include "base/file.h"
#include "base/memory.h"
#include "dataset_fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_cache_folder_that_cannot_be(void **unused)
{
    (void)unused;
    struct dataset *dataset;
    assay_error error;
    struct dataset_request request = ask(put("a.jsonl", JSONL), DATASET_CLASSES);
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s", put("file", "no folder"));
    request.cache_folder = path;
    assert_int_equal(dataset_open(&dataset, &request, &error), ASSAY_ERROR_IO);
    assert_string_equal(error.file, path);
    /* A disk that is full: no file may grow beyond 100 bytes. */
    request.cache_folder = cache;
    struct rlimit kept, little = {100, RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &kept);
    little.rlim_max = kept.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &little);
    assay_status status = dataset_open(&dataset, &request, &error);
    setrlimit(RLIMIT_FSIZE, &kept);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, ASSAY_ERROR_IO);
    expect("full", error.file, cache);
    assert_int_equal(caches(), 0);
    /* A folder in the place of the cache file. */
    dataset_close(must_open(&request, &(struct dataset_view){0}));
    char there[PATH_SIZE];
    snprintf(there, sizeof there, "%s", only_cache());
    unlink(there);
    assert_int_equal(folder_create(there, NULL), ASSAY_OK);
    assert_int_equal(dataset_open(&dataset, &request, &error), ASSAY_ERROR_IO);
    assert_string_equal(error.file, there);
}

static void overwrite(const char *path, const struct buffer *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes->bytes, 1, length, file), length);
    fclose(file);
}

/* A pair and a label a row, so that every section has something in it. */
static struct dataset_request full_request(void)
{
    static struct recipe_entry entries[] = {{.key = "pair", .text = "b"}};
    static struct recipe_map fields = {entries, 1};
    struct dataset_request request =
        ask(put("f.csv", "text,b,id,label\nthe cat,sat,x,1\na dog,ran on,y,10\na,,z,2\n"),
            DATASET_CLASSES);
    request.fields = &fields;
    return request;
}

static void check_rebuilt(const struct dataset_request *request, const struct dataset *wanted,
                          const char *path)
{
    struct dataset *dataset;
    struct dataset_view view;
    assay_error error;
    assay_status status = dataset_open_cache(&dataset, path, NULL, &error);
    assert_true(status == ASSAY_ERROR_FORMAT || status == ASSAY_ERROR_CHECKSUM);
    assert_string_equal(error.file, path);
    assert_true(error.message[0] != '\0');
    assert_null(dataset);
    int before = notes;
    dataset = must_open(request, &view);
    assert_false(view.from_cache);
    assert_int_equal(notes, before + 1);
    expect("note", last_note, path);
    check_same(wanted, dataset);
    dataset_close(dataset);
}

static void test_damaged_cache(void **unused)
{
    (void)unused;
    struct dataset_view view;
    struct buffer bytes = {0};
    struct dataset_request request = full_request();
    struct dataset *wanted = must_open(&request, &view);
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s", only_cache());
    assert_int_equal(file_read(&bytes, path, 1 << 20, NULL), ASSAY_OK);
    size_t size = bytes.length;
    for (size_t length = 0; length < size; length += 64) {
        unlink(path); /* the one open here is not to shrink */
        overwrite(path, &bytes, length);
        check_rebuilt(&request, wanted, path);
    }
    /* Every byte, one bit of it; but those of the head that nothing fills. */
    for (size_t at = 0; at < size; at++) {
        bytes.bytes[at] ^= (char)(1 << at % 8);
        unlink(path);
        overwrite(path, &bytes, size);
        check_rebuilt(&request, wanted, path);
        bytes.bytes[at] ^= (char)(1 << at % 8);
    }
    /* A whole one of another key under this name. */
    char other[PATH_SIZE];
    struct dataset_request another = request;
    another.max_tokens++;
    unlink(path);
    dataset_close(must_open(&another, &view));
    snprintf(other, sizeof other, "%s", only_cache());
    assert_int_equal(rename(other, path), 0);
    int before = notes;
    struct dataset *dataset = must_open(&request, &view);
    assert_false(view.from_cache);
    assert_int_equal(notes, before + 1);
    expect("note", last_note, "of other data or settings");
    check_same(wanted, dataset);
    dataset_close(dataset);
    buffer_free(&bytes);
    dataset_close(wanted);
}

static void test_shrinking_cache(void **unused)
{
    (void)unused;
    struct dataset_view view;
    assay_error error;
    struct dataset_request request = ask(put("a.jsonl", JSONL), DATASET_CLASSES);
    struct dataset *dataset = must_open(&request, &view);
    assert_int_equal(truncate(only_cache(), 0), 0);
    int64_t sum = 0;
    for (int64_t i = 0; i < view.tokens; i++)
        sum += view.ids[i];
    assert_int_equal(sum, 0);
    assert_string_equal(dataset_row_id(dataset, 2, NULL), "");
    assert_int_equal(dataset_check(dataset, &error), ASSAY_ERROR_CHANGED);
    dataset_close(dataset);
}

static void test_failing_disk(void **unused)
{
    (void)unused;
    struct dataset_request request = full_request();
    struct dataset *dataset;
    assay_error error;
    uint64_t before = file_change_count();
    dataset_close(must_open(&request, &(struct dataset_view){0}));
    uint64_t calls = file_change_count() - before;
    assert_true(calls >= 6); /* two folders, create, write, sync, rename */
    int failed = 0;
    for (uint64_t nth = 1; nth <= calls; nth++) {
        remove_tree(in_top("home"));
        file_fail_at(nth);
        assay_status status = dataset_open(&dataset, &request, &error);
        file_fail_at(0);
        failed += status != ASSAY_OK;
        if (status) { /* the folder's own sync may fail without harm */
            assert_int_equal(status, ASSAY_ERROR_IO);
            expect("failed", error.file, in_top("home"));
            assert_null(dataset);
            assert_int_equal(caches(), 0);
        }
        dataset_close(dataset);
        dataset_close(must_open(&request, &(struct dataset_view){0}));
        assert_int_equal(caches(), 1);
    }
    assert_true(failed >= (int)calls - 1);
    assert_int_equal(notes, 0);
}

static void test_killed(void **unused)
{
    (void)unused;
    struct dataset_request request = full_request();
    struct dataset_view view;
    uint64_t before = file_change_count();
    struct dataset *wanted = must_open(&request, &view);
    uint64_t calls = file_change_count() - before;
    int killed = 0;
    for (uint64_t nth = 1; nth <= calls; nth++) {
        remove_tree(in_top("home"));
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct dataset *dataset;
            file_kill_at(nth);
            _exit(dataset_open(&dataset, &request, NULL) ? 1 : 0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        killed++;
        struct dataset *dataset = must_open(&request, &view);
        assert_int_equal(notes, 0);
        check_same(wanted, dataset);
        dataset_close(dataset);
    }
    assert_int_equal(killed, calls);
    dataset_close(wanted);
}

static void test_no_memory(void **unused)
{
    (void)unused;
    struct dataset_request request = full_request();
    struct dataset *dataset;
    assay_error error;
    dataset_close(must_open(&request, &(struct dataset_view){0})); /* what is kept for ever */
    for (int cached = 0; cached < 2; cached++) {
        remove_tree(in_top("home"));
        if (cached)
            dataset_close(must_open(&request, &(struct dataset_view){0}));
        uint64_t before = memory_allocation_count();
        dataset_close(must_open(&request, &(struct dataset_view){0}));
        uint64_t calls = memory_allocation_count() - before;
        int failed = 0;
        for (uint64_t nth = 1; nth <= calls; nth++) {
            if (!cached)
                remove_tree(in_top("home"));
            memory_fail_at(nth);
            assay_status status = dataset_open(&dataset, &request, &error);
            memory_fail_at(0);
            assert_true(status == ASSAY_OK || status == ASSAY_ERROR_MEMORY);
            assert_true(!status == !!dataset);
            failed += status != ASSAY_OK;
            dataset_close(dataset);
            assert_true(caches() <= 1); /* and no part of one */
        }
        assert_true(failed > (int)calls / 2);
        assert_int_equal(notes, 0);
    }
}

static void test_two_writers(void **unused)
{
    (void)unused;
    enum { WRITERS = 6 };
    struct dataset_request request = full_request();
    pid_t children[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct dataset *dataset;
            struct dataset_view view = {0};
            int good = 1;
            for (int turn = 0; turn < 20 && good; turn++) {
                good = dataset_open(&dataset, &request, NULL) == ASSAY_OK;
                if (good)
                    dataset_get(dataset, &view);
                good = good && view.rows == 3 && view.class_count == 3;
                dataset_close(dataset);
                if (turn % 2 && i == 0) {
                    char command[PATH_SIZE];
                    snprintf(command, sizeof command, "rm -f %s/*.tokens", cache);
                    good = good && system(command) == 0;
                }
            }
            _exit(good ? 0 : 1);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    dataset_close(must_open(&request, &(struct dataset_view){0}));
    assert_int_equal(caches(), 1);
}

static void append_row(void *context, int64_t rows, uint64_t done, uint64_t total, const char *note)
{
    (void)done;
    (void)total;
    (void)note;
    const char *path = context;
    if (rows == 0) { /* fingerprinted: another process adds a row before they are read */
        FILE *file = fopen(path, "a");
        assert_non_null(file);
        fputs("{\"text\": \"b\"}\n", file);
        fclose(file);
    }
}

static void test_data_that_change(void **unused)
{
    (void)unused;
    struct dataset *dataset;
    assay_error error;
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s", put("c.jsonl", "{\"text\": \"a\"}\n"));
    struct dataset_request request = ask(path, DATASET_UNLABELLED);
    request.progress = append_row;
    request.context = path;
    assert_int_equal(dataset_open(&dataset, &request, &error), ASSAY_ERROR_CHANGED);
    assert_string_equal(error.file, path);
    assert_int_equal(caches(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_cache_folder_that_cannot_be),
        TEST(test_damaged_cache),
        TEST(test_shrinking_cache),
        TEST(test_failing_disk),
        TEST(test_killed),
        TEST(test_no_memory),
        TEST(test_two_writers),
        TEST(test_data_that_change),
    };
    return cmocka_run_group_tests(tests, open_tokenizers, close_tokenizers);
}
