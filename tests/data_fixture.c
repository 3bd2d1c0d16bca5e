#include "data_fixture.h"

#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

int data_folder_make(void **state)
{
    (void)state;
    /* Thousands of syncs: in memory where there is such a folder. */
    const char *where = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, sizeof folder, "%s/assay-data-XXXXXX", where);
    return mkdtemp(folder) ? 0 : -1;
}

int data_folder_remove(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

const char *in_folder(const char *name)
{
    static char path[8][400];
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

void put_file(const char *name, const char *text)
{
    assert_int_equal(file_write(in_folder(name), text, strlen(text), NULL), ASSAY_OK);
}

char *get_file(const char *name)
{
    struct buffer text = {0};
    if (file_read(&text, in_folder(name), (size_t)1 << 30, NULL))
        fail_msg("there is no %s", name);
    return text.bytes ? text.bytes : memory_copy_string("");
}

bool has_file(const char *name)
{
    return file_exists(in_folder(name));
}

int64_t count_lines(const char *name)
{
    char *text = get_file(name);
    int64_t lines = 0;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    memory_free(text);
    return lines;
}

int count_entries(const char *part)
{
    int found = 0;
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries));)
        found += strstr(entry->d_name, part) != NULL;
    closedir(entries);
    return found;
}

struct json *json_line(const char *name, int64_t number)
{
    char *text = get_file(name), *line = text;
    struct json *root = NULL;
    for (int64_t i = 1; i < number; i++) {
        line = strchr(line, '\n');
        assert_non_null(line);
        line++;
    }
    assert_int_equal(json_parse(&root, line, strcspn(line, "\n"), name, NULL), ASSAY_OK);
    memory_free(text);
    return root;
}

struct json *json_file(const char *name)
{
    struct json *root = NULL;
    assert_int_equal(json_parse_file(&root, in_folder(name), (size_t)1 << 26, NULL), ASSAY_OK);
    return root;
}

const char *member_text(const struct json *object, const char *key)
{
    return json_string(json_member(object, key));
}

int64_t count_of(const assay_data_report *report, const char *group, const char *name)
{
    const assay_data_count *count;
    for (int64_t i = 0; (count = assay_data_report_count(report, i)); i++) {
        if (!strcmp(count->group, group) && !strcmp(count->name, name))
            return count->value;
    }
    return -1;
}
