/* base/file: whole reads, mappings under a shrinking file, writes that are all or nothing. */
#include "base/file.h"
#include "base/memory.h"
#include "folder_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int count_files(void)
{
    int count = 0;
    DIR *entries = opendir(test_folder);
    for (struct dirent *entry; (entry = readdir(entries));)
        count += entry->d_name[0] != '.';
    closedir(entries);
    return count;
}

static void test_read(void **state)
{
    (void)state;
    struct buffer contents = {0};
    assay_error error;
    const char *path = in_folder("a");
    assert_int_equal(file_write(path, "hello", 5, &error), ASSAY_OK);
    assert_int_equal(file_read(&contents, path, 5, &error), ASSAY_OK);
    assert_int_equal(file_read(&contents, path, 5, &error), ASSAY_OK);
    assert_string_equal(contents.bytes, "hellohello");
    assert_int_equal(file_read(&contents, path, 4, &error), ASSAY_ERROR_LIMIT);
    assert_string_equal(error.file, path);
    assert_string_equal(contents.bytes, "hellohello");
    assert_int_equal(file_read(&contents, in_folder("none"), 9, &error), ASSAY_ERROR_NOT_FOUND);
    assert_int_equal(file_read(&contents, test_folder, 9, &error), ASSAY_ERROR_IO);
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_int_equal(file_read(&contents, in_folder("fifo"), 9, &error), ASSAY_ERROR_IO);
    buffer_free(&contents);
}

static void test_write_replaces(void **state)
{
    (void)state;
    struct buffer contents = {0};
    const char *path = in_folder("a");
    assert_int_equal(file_write(path, "old", 3, NULL), ASSAY_OK);
    struct file_writer *writer;
    assert_int_equal(file_writer_open(&writer, path, NULL), ASSAY_OK);
    static char block[200000];
    memset(block, 'n', sizeof block);
    assert_int_equal(file_writer_write(writer, "new", 3, NULL), ASSAY_OK);
    assert_int_equal(file_writer_write(writer, block, sizeof block, NULL), ASSAY_OK);
    assert_int_equal(file_writer_write(writer, NULL, 0, NULL), ASSAY_OK);
    assert_int_equal(file_read(&contents, path, 1000, NULL), ASSAY_OK);
    assert_string_equal(contents.bytes, "old");
    assert_int_equal(file_writer_commit(writer, NULL), ASSAY_OK);
    buffer_clear(&contents);
    assert_int_equal(file_read(&contents, path, 1 << 20, NULL), ASSAY_OK);
    assert_int_equal(contents.length, 3 + sizeof block);
    assert_memory_equal(contents.bytes, "newnnn", 6);
    assert_int_equal(count_files(), 1);
    assert_int_equal(file_writer_open(&writer, path, NULL), ASSAY_OK);
    assert_int_equal(file_writer_write(writer, "x", 1, NULL), ASSAY_OK);
    file_writer_abandon(writer);
    file_writer_abandon(NULL);
    assert_int_equal(count_files(), 1);
    buffer_free(&contents);
}

static void test_write_refusals(void **state)
{
    (void)state;
    assay_error error;
    assert_int_equal(file_write(test_folder, "x", 1, &error), ASSAY_ERROR_IO);
    assert_int_equal(file_write(in_folder("none/a"), "x", 1, &error), ASSAY_ERROR_NOT_FOUND);
    assert_string_equal(error.file, in_folder("none/a"));
    /* A device is written through, never replaced by a file. */
    assert_int_equal(file_write("/dev/full", "x", 1, &error), ASSAY_ERROR_IO);
    assert_string_equal(error.file, "/dev/full");
    assert_non_null(strstr(error.message, "space"));
    struct stat device;
    assert_int_equal(stat("/dev/full", &device), 0);
    assert_true(S_ISCHR(device.st_mode));
    assert_int_equal(file_write("/dev/null", "x", 1, &error), ASSAY_OK);
}

static void test_disk_full_leaves_nothing(void **state)
{
    (void)state;
    const char *path = in_folder("a");
    assert_int_equal(file_write(path, "old", 3, NULL), ASSAY_OK);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit small = {.rlim_cur = 100000, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    static char block[150000];
    assay_error error;
    struct file_writer *writer;
    assert_int_equal(file_writer_open(&writer, path, NULL), ASSAY_OK);
    assay_status first = file_writer_write(writer, block, sizeof block, &error);
    assay_status second = file_writer_write(writer, "x", 1, NULL);
    assay_status last = file_writer_commit(writer, NULL);
    /* And one that is only noticed by commit. */
    static char half[60000];
    small.rlim_cur = 50000;
    setrlimit(RLIMIT_FSIZE, &small);
    assay_status late = file_write(path, half, sizeof half, NULL);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(first, ASSAY_ERROR_IO);
    assert_string_equal(error.file, path);
    assert_int_equal(second, ASSAY_ERROR_IO);
    assert_int_equal(last, ASSAY_ERROR_IO);
    assert_int_equal(late, ASSAY_ERROR_IO);
    assert_int_equal(count_files(), 1);
    struct buffer contents = {0};
    assert_int_equal(file_read(&contents, path, 10, NULL), ASSAY_OK);
    assert_string_equal(contents.bytes, "old");
    buffer_free(&contents);
}

static void test_map(void **state)
{
    (void)state;
    struct mapped_file *file;
    assay_error error;
    assert_int_equal(mapped_file_open(&file, in_folder("none"), &error), ASSAY_ERROR_NOT_FOUND);
    assert_null(file);
    assert_int_equal(mapped_file_open(&file, test_folder, &error), ASSAY_ERROR_IO);
    assert_int_equal(file_write(in_folder("empty"), "", 0, NULL), ASSAY_OK);
    assert_int_equal(mapped_file_open(&file, in_folder("empty"), &error), ASSAY_ERROR_FORMAT);
    assert_int_equal(file_write(in_folder("a"), "abc", 3, NULL), ASSAY_OK);
    assert_int_equal(mapped_file_open(&file, in_folder("a"), &error), ASSAY_OK);
    assert_int_equal(mapped_file_size(file), 3);
    assert_memory_equal(mapped_file_bytes(file), "abc", 3);
    assert_string_equal(mapped_file_path(file), in_folder("a"));
    assert_int_equal(mapped_file_check(file, NULL), ASSAY_OK);
    mapped_file_drop(file, mapped_file_bytes(file), 3);
    mapped_file_drop(file, mapped_file_bytes(file) + 1, 100);
    mapped_file_close(file);
    mapped_file_close(NULL);
}

static void test_shrinking_file(void **state)
{
    (void)state;
    enum { SIZE = 64 << 10, KEPT = 10000 };
    static unsigned char block[SIZE];
    memset(block, 7, SIZE);
    const char *path = in_folder("a");
    assert_int_equal(file_write(path, block, SIZE, NULL), ASSAY_OK);
    struct mapped_file *file;
    assay_error error;
    assert_int_equal(mapped_file_open(&file, path, NULL), ASSAY_OK);
    const volatile unsigned char *bytes = mapped_file_bytes(file);
    assert_int_equal(bytes[SIZE - 1], 7);
    assert_int_equal(truncate(path, KEPT), 0);
    assert_int_equal(bytes[SIZE - 1], 0);
    assert_int_equal(bytes[SIZE / 2], 0);
    assert_int_equal(bytes[KEPT - 1], 7);
    assert_int_equal(mapped_file_check(file, &error), ASSAY_ERROR_CHANGED);
    assert_string_equal(error.file, path);
    /* Growing again does not bring the data back: the report stays. */
    assert_int_equal(truncate(path, SIZE), 0);
    assert_int_equal(mapped_file_check(file, &error), ASSAY_ERROR_CHANGED);
    mapped_file_close(file);
    /* A cut inside the last page raises no signal; the size tells. */
    assert_int_equal(file_write(path, block, SIZE, NULL), ASSAY_OK);
    assert_int_equal(mapped_file_open(&file, path, NULL), ASSAY_OK);
    assert_int_equal(truncate(path, SIZE - 1), 0);
    assert_int_equal(mapped_file_check(file, &error), ASSAY_ERROR_CHANGED);
    mapped_file_close(file);
}

static sigjmp_buf escape;

static void jump_out(int number)
{
    (void)number;
    siglongjmp(escape, 1);
}

/* In a child: the handler that stood before ours gets the faults of other mappings. */
static int foreign_fault(bool with_handler)
{
    const char *path = in_folder("foreign");
    pid_t child = fork();
    if (child == 0) {
        struct mapped_file *file;
        signal(SIGBUS, with_handler ? jump_out : SIG_DFL);
        char block[8192] = {1};
        if (file_write(path, block, sizeof block, NULL) || mapped_file_open(&file, path, NULL))
            _exit(3);
        int fd = open(path, O_RDONLY);
        volatile char *other = mmap(NULL, sizeof block, PROT_READ, MAP_SHARED, fd, 0);
        if (truncate(path, 0) != 0)
            _exit(4);
        if (sigsetjmp(escape, 1))
            _exit(mapped_file_check(file, NULL) == ASSAY_ERROR_CHANGED ? 5 : 6);
        _exit(other[0] + 7);
    }
    int status;
    waitpid(child, &status, 0);
    return status;
}

static void test_other_faults_are_passed_on(void **state)
{
    (void)state;
    int status = foreign_fault(true);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 5);
#ifndef __SANITIZE_ADDRESS__
    status = foreign_fault(false);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGBUS);
#endif
}

static void test_many_mappings(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    static struct mapped_file *files[MANY];
    assert_int_equal(file_write(in_folder("a"), "abc", 3, NULL), ASSAY_OK);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int count = 0;
    assay_status status;
    while (count < MANY && !(status = mapped_file_open(&files[count], in_folder("a"), NULL)))
        count++;
    assert_true(count >= 500);
    assert_true(status == ASSAY_ERROR_LIMIT || status == ASSAY_ERROR_IO);
    for (int i = 0; i < count; i++)
        mapped_file_close(files[i]);
    assert_int_equal(mapped_file_open(&files[0], in_folder("a"), NULL), ASSAY_OK);
    mapped_file_close(files[0]);
}

static void test_memory_failures(void **state)
{
    (void)state;
    const char *path = in_folder("a");
    struct mapped_file *file = NULL;
    for (uint64_t nth = 1;; nth++) {
        memory_fail_at(nth);
        uint64_t before = memory_allocation_count();
        assay_status status = file_write(path, "abc", 3, NULL);
        if (!status)
            status = mapped_file_open(&file, path, NULL);
        bool reached = memory_allocation_count() - before >= nth;
        memory_fail_at(0);
        mapped_file_close(file);
        file = NULL;
        assert_true(count_files() <= 1);
        if (!reached) {
            assert_int_equal(status, ASSAY_OK);
            break;
        }
        assert_true(!status || status == ASSAY_ERROR_MEMORY);
    }
}

static void test_folders(void **state)
{
    (void)state;
    assay_error error;
    assert_int_equal(folder_create(in_folder("x/y//z/"), &error), ASSAY_OK);
    assert_int_equal(folder_create(in_folder("x/y//z"), &error), ASSAY_OK);
    assert_true(file_is_folder(in_folder("x/y/z")));
    assert_true(file_exists(in_folder("x")));
    assert_int_equal(file_write(in_folder("f"), "", 0, NULL), ASSAY_OK);
    assert_false(file_is_folder(in_folder("f")));
    assert_int_equal(folder_create(in_folder("f/g"), &error), ASSAY_ERROR_IO);
    rmdir(in_folder("x/y/z"));
    rmdir(in_folder("x/y"));
    char *joined = path_join("a/", "b");
    assert_string_equal(joined, "a/b");
    memory_free(joined);
    joined = path_join("", "b");
    assert_string_equal(joined, "b");
    memory_free(joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_read, empty_folder),
        cmocka_unit_test_teardown(test_write_replaces, empty_folder),
        cmocka_unit_test_teardown(test_write_refusals, empty_folder),
        cmocka_unit_test_teardown(test_disk_full_leaves_nothing, empty_folder),
        cmocka_unit_test_teardown(test_map, empty_folder),
        cmocka_unit_test_teardown(test_shrinking_file, empty_folder),
        cmocka_unit_test_teardown(test_other_faults_are_passed_on, empty_folder),
        cmocka_unit_test_teardown(test_many_mappings, empty_folder),
        cmocka_unit_test_teardown(test_memory_failures, empty_folder),
        cmocka_unit_test_teardown(test_folders, empty_folder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
