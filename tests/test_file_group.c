/* base/file_group: whatever call fails before the first rename, every file is the one it was; the
 * one added first is renamed last. */
#include "base/file_group.h"
#include "base/memory.h"
#include "folder_fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { FILES = 3, LIMIT = 1 << 16 };

static const char *const names[FILES] = {"first", "second", "third"};

/* Nothing but the three may be left. */
static int remove_files(void **state)
{
    (void)state;
    for (int i = 0; i < FILES; i++)
        remove(in_folder(names[i]));
    return rmdir(test_folder);
}

static void put(const char *text)
{
    for (int i = 0; i < FILES; i++)
        assert_int_equal(file_write(in_folder(names[i]), text, strlen(text), NULL), ASSAY_OK);
}

static bool is(const char *name, const char *text)
{
    struct buffer found = {0};
    bool same = file_read(&found, in_folder(name), LIMIT, NULL) == ASSAY_OK &&
                found.length == strlen(text) && !memcmp(found.bytes, text, found.length);
    buffer_free(&found);
    return same;
}

static int entries(void)
{
    int count = 0;
    DIR *open = opendir(test_folder);
    for (struct dirent *entry; (entry = readdir(open));)
        count += entry->d_name[0] != '.';
    closedir(open);
    return count;
}

static assay_status replace(bool *begun)
{
    struct file_group group = {0};
    assay_status status = ASSAY_OK;
    for (int i = 0; i < FILES && !status; i++)
        status = file_group_add_whole(&group, in_folder(names[i]), "new", 3, NULL);
    if (!status)
        status = file_group_commit(&group, NULL);
    if (begun)
        *begun = group.begun;
    file_group_close(&group);
    return status;
}

static void all_together(void **state)
{
    (void)state;
    bool begun = false;
    put("old");
    assert_int_equal(replace(&begun), ASSAY_OK);
    assert_true(begun);
    for (int i = 0; i < FILES; i++)
        assert_true(is(names[i], "new"));
    assert_int_equal(entries(), FILES);
}

static void left_alone(void **state)
{
    (void)state;
    struct file_group group = {0};
    put("old");
    for (int i = 0; i < FILES; i++)
        assert_int_equal(file_group_add_whole(&group, in_folder(names[i]), "new", 3, NULL),
                         ASSAY_OK);
    assert_int_equal(file_group_sync(&group, NULL), ASSAY_OK);
    assert_false(group.begun);
    file_group_close(&group);
    for (int i = 0; i < FILES; i++)
        assert_true(is(names[i], "old"));
    assert_int_equal(entries(), FILES);
}

/* Until the first rename all are old; what stands is new from the last one on. */
static void every_failing_call(void **state)
{
    (void)state;
    uint64_t before = file_change_count();
    put("old");
    uint64_t of_put = file_change_count() - before;
    before = file_change_count();
    assert_int_equal(replace(NULL), ASSAY_OK);
    uint64_t calls = file_change_count() - before;
    assert_int_equal(calls, of_put); /* syncing beforehand is no second sync */
    int untouched = 0, mixed = 0;
    for (uint64_t nth = 1; nth <= calls; nth++) {
        bool begun = false;
        put("old");
        file_fail_at(nth);
        assay_status status = replace(&begun);
        file_fail_at(0);
        assert_int_equal(entries(), FILES);
        int replaced = 0;
        for (int i = FILES; i-- > 0;) {
            bool fresh = is(names[i], "new");
            assert_true(fresh || is(names[i], "old"));
            assert_true(!fresh || replaced == FILES - 1 - i);
            replaced += fresh;
        }
        assert_int_equal(begun, replaced > 0);
        assert_true(status == ASSAY_ERROR_IO || replaced == FILES);
        untouched += replaced == 0;
        mixed += replaced > 0 && replaced < FILES;
    }
    assert_int_equal(untouched, 3 * FILES + 1); /* creating, writing, syncing; the first rename */
    assert_int_equal(mixed, FILES - 1);         /* the other renames */
}

static void every_kill(void **state)
{
    (void)state;
    uint64_t before = file_change_count();
    put("old");
    uint64_t calls = file_change_count() - before;
    for (uint64_t nth = 1; nth <= calls; nth++) {
        put("old");
        pid_t child = fork();
        assert_true(child >= 0);
        if (!child) {
            file_kill_at(nth);
            (void)replace(NULL);
            _exit(0);
        }
        int ended;
        assert_int_equal(waitpid(child, &ended, 0), child);
        assert_true(WIFSIGNALED(ended));
        if (is(names[0], "new"))
            assert_true(is(names[1], "new") && is(names[2], "new"));
        char command[100];
        snprintf(command, sizeof command, "rm -f %s/*.partial-*", test_folder);
        assert_int_equal(system(command), 0);
    }
}

static void too_many(void **state)
{
    (void)state;
    struct file_group group = {0};
    assay_error error = {0};
    char name[40];
    for (int i = 0; i < FILE_GROUP_MAX; i++) {
        snprintf(name, sizeof name, "many-%d", i);
        assert_int_equal(file_group_add_whole(&group, in_folder(name), "", 0, NULL), ASSAY_OK);
    }
    assert_int_equal(file_group_add_whole(&group, in_folder("last"), "", 0, &error),
                     ASSAY_ERROR_LIMIT);
    assert_non_null(strstr(error.file, "last"));
    file_group_close(&group);
    assert_int_equal(entries(), FILES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_together),       cmocka_unit_test(left_alone),
        cmocka_unit_test(every_failing_call), cmocka_unit_test(every_kill),
        cmocka_unit_test(too_many),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_files);
}
