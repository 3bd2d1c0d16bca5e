/* assay_data_attack: copies in the format of the input, every other field as it was. */
#include "assay/attack.h"
#include "base/file.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/assay-attack-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

/* Files, and folders of files two deep. */
static void empty(const char *path, int depth)
{
    DIR *list = opendir(path);
    struct dirent *entry;
    while (list && (entry = readdir(list))) {
        char inner[512];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (unlink(inner) != 0 && depth) {
            empty(inner, depth - 1);
            rmdir(inner);
        }
    }
    if (list)
        closedir(list);
}

static int remove_folder(void **state)
{
    (void)state;
    empty(folder, 3);
    return rmdir(folder);
}

static const char *in(const char *name)
{
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    assert_int_equal(file_write(in(name), text, strlen(text), NULL), ASSAY_OK);
}

static void holds(const char *name, const char *expected)
{
    struct buffer text = {0};
    assert_int_equal(file_read(&text, in(name), 1 << 20, NULL), ASSAY_OK);
    assert_string_equal(text.bytes ? text.bytes : "", expected);
    buffer_free(&text);
}

static assay_status attack(const char *from, const char *to, const char *const *kinds, size_t count,
                           double strength, assay_data_report **report, assay_error *error)
{
    assay_attack_options options;
    assay_attack_options_init(&options);
    options.files.input = in(from);
    options.files.output = in(to);
    options.files.threads = 1;
    options.kinds = kinds;
    options.kind_count = count;
    options.strength = strength;
    return assay_data_attack(report, &options, error);
}

static void go(const char *from, const char *to, const char *const *kinds, size_t count)
{
    assay_data_report *report;
    assay_error error = {0};
    if (attack(from, to, kinds, count, 1.0, &report, &error) != ASSAY_OK)
        fail_msg("%s: %s", error.file, error.message);
    assay_data_report_close(report);
}

static int64_t count_of(const assay_data_report *report, const char *group, const char *name)
{
    const assay_data_count *count;
    for (int64_t i = 0; (count = assay_data_report_count(report, i)); i++) {
        if (!strcmp(count->group, group) && !strcmp(count->name, name))
            return count->value;
    }
    fail_msg("no count %s of %s", name, group);
    return -1;
}

static const char *const one_kind[] = {"case"}, *const two_kinds[] = {"case", "article-deletion"};

static void fields_stay(void **state)
{
    (void)state;
    put("a.jsonl", "{\"id\":\"x\",  \"n\":1.10,\"text\":\"The cat\",\"big\":12345678901234567890}\n"
                   "{\"text\":\"A dog\",\"attack\":\"none\",\"deep\":{\"attack\":1}}\n\n"
                   "{\"text\":\"an owl\", \"attack\" : null }\n");
    go("a.jsonl", "b.jsonl", one_kind, 1);
    holds("b.jsonl",
          "{\"id\":\"x\",  \"n\":1.10,\"text\":\"the Cat\",\"big\":12345678901234567890, "
          "\"attack\": \"case\"}\n"
          "{\"text\":\"a Dog\",\"attack\":\"case\",\"deep\":{\"attack\":1}}\n"
          "{\"text\":\"An Owl\", \"attack\" : \"case\" }\n");
    holds("b.jsonl.removed.jsonl", "");
    go("a.jsonl", "c.jsonl", two_kinds, 2);
    holds("c.jsonl", "{\"id\":\"x~case\",  \"n\":1.10,\"text\":\"the "
                     "Cat\",\"big\":12345678901234567890, \"attack\": \"case\"}\n"
                     "{\"id\":\"x~article-deletion\",  \"n\":1.10,\"text\":\"Cat\",\"big\":"
                     "12345678901234567890, \"attack\": \"article-deletion\"}\n"
                     "{\"text\":\"a Dog\",\"attack\":\"case\",\"deep\":{\"attack\":1}}\n"
                     "{\"text\":\"Dog\",\"attack\":\"article-deletion\",\"deep\":{\"attack\":1}}\n"
                     "{\"text\":\"An Owl\", \"attack\" : \"case\" }\n"
                     "{\"text\":\"owl\", \"attack\" : \"article-deletion\" }\n");
}

static void tables(void **state)
{
    (void)state;
    put("a.csv", "id,text,note\nx,\"The cat, a dog\",\"q \"\"r\"\"\"\ny,none,\n");
    go("a.csv", "b.csv", one_kind, 1);
    holds("b.csv", "id,text,note,attack\nx,\"the Cat, A Dog\",\"q \"\"r\"\"\",case\n"
                   "y,None,,case\n");
    go("b.csv", "c.csv", two_kinds + 1, 1);
    holds("c.csv", "id,text,note,attack\nx,\"Cat, A Dog\",\"q \"\"r\"\"\",article-deletion\n"
                   "y,None,,article-deletion\n");
    put("a.tsv", "text\tlabel\nThe cat\tai\n");
    go("a.tsv", "b.tsv", one_kind, 1);
    holds("b.tsv", "text\tlabel\tattack\nthe Cat\tai\tcase\n");
    assert_int_equal(mkdir(in("classes"), 0777), 0);
    assert_int_equal(mkdir(in("classes/ai"), 0777), 0);
    assert_int_equal(mkdir(in("classes/human"), 0777), 0);
    put("classes/ai/1.txt", "The cat");
    put("classes/human/2.txt", "a dog");
    go("classes", "d.jsonl", one_kind, 1);
    holds("d.jsonl",
          "{\"id\": \"ai/1.txt\", \"text\": \"the Cat\", \"label\": \"ai\", \"attack\": \"case\"}\n"
          "{\"id\": \"human/2.txt\", \"text\": \"A Dog\", \"label\": \"human\", \"attack\": "
          "\"case\"}\n");
}

/* A row's copy is the same whatever rows stand around it. */
static void rows_stand_alone(void **state)
{
    (void)state;
    static const char row[] = "{\"id\": \"it\", \"text\": \"the quick brown fox jumps over it\"}\n";
    struct buffer text = {0}, alone = {0}, among = {0};
    for (int i = 0; i < 50; i++)
        assert_true(
            buffer_format(&text, "{\"id\": \"r%d\", \"text\": \"a few other words\"}\n", i));
    assert_true(buffer_append_string(&text, row));
    put("among.jsonl", text.bytes);
    put("alone.jsonl", row);
    assay_data_report *report;
    static const char *const kinds[] = {"homoglyph", "misspelling", "zero-width"};
    assert_int_equal(attack("among.jsonl", "x.jsonl", kinds, 3, 0.3, &report, NULL), ASSAY_OK);
    assert_int_equal(count_of(report, "rows", "read"), 51);
    assert_int_equal(count_of(report, "rows", "written"), 153);
    assert_true(count_of(report, "changed places", "homoglyph") > 100);
    assay_data_report_close(report);
    assert_int_equal(attack("alone.jsonl", "y.jsonl", kinds + 1, 1, 0.3, &report, NULL), ASSAY_OK);
    assay_data_report_close(report);
    assert_int_equal(file_read(&among, in("x.jsonl"), 1 << 20, NULL), ASSAY_OK);
    assert_int_equal(file_read(&alone, in("y.jsonl"), 1 << 20, NULL), ASSAY_OK);
    const char *copy = strstr(alone.bytes, "\"text\"");
    assert_non_null(strstr(among.bytes, copy));
    buffer_free(&text);
    buffer_free(&alone);
    buffer_free(&among);
}

static void broken_rows(void **state)
{
    (void)state;
    put("bad.jsonl",
        "{\"text\": \"a cat\"}\n{\"text\": \"caf\xff\"}\n{\"text\": 7}\n{\"text\": \"\"}\n");
    assay_data_report *report;
    assert_int_equal(attack("bad.jsonl", "good.jsonl", one_kind, 1, 1.0, &report, NULL), ASSAY_OK);
    assert_int_equal(count_of(report, "rows", "read"), 2);
    assert_int_equal(count_of(report, "rows", "removed"), 2);
    assert_int_equal(count_of(report, "unchanged rows", "case"), 1);
    assay_data_report_close(report);
    holds("good.jsonl", "{\"text\": \"A Cat\", \"attack\": \"case\"}\n"
                        "{\"text\": \"\", \"attack\": \"case\"}\n");
    struct buffer removed = {0};
    assert_int_equal(file_read(&removed, in("good.jsonl.removed.jsonl"), 1 << 20, NULL), ASSAY_OK);
    assert_non_null(strstr(removed.bytes, "\"row\": 2"));
    assert_non_null(strstr(removed.bytes, "\"row\": 3"));
    buffer_free(&removed);
}

static void refuse(const char *from, const char *to, const char *const *kinds, size_t count,
                   double strength, assay_status expected)
{
    assay_data_report *report = NULL;
    assay_error error = {0};
    assert_int_equal(attack(from, to, kinds, count, strength, &report, &error), expected);
    assert_null(report);
    assert_true(error.message[0]);
    assert_false(file_exists(in("no.jsonl")));
    assert_false(file_exists(in("no.jsonl.card.json")));
}

static void refusals(void **state)
{
    (void)state;
    static const char *const unknown[] = {"cases"}, *const twice[] = {"case", "case"};
    put("ok.jsonl", "{\"text\": \"a cat\"}\n");
    put("empty.jsonl", "");
    put("field.jsonl", "{\"body\": \"a cat\"}\n");
    refuse("ok.jsonl", "no.jsonl", unknown, 1, 0.5, ASSAY_ERROR_ARGUMENT);
    refuse("ok.jsonl", "no.jsonl", twice, 2, 0.5, ASSAY_ERROR_ARGUMENT);
    refuse("ok.jsonl", "no.jsonl", one_kind, 0, 0.5, ASSAY_ERROR_ARGUMENT);
    refuse("ok.jsonl", "no.jsonl", one_kind, 1, 1.5, ASSAY_ERROR_ARGUMENT);
    refuse("ok.jsonl", "no.csv", one_kind, 1, 0.5, ASSAY_ERROR_ARGUMENT);
    refuse("ok.jsonl", "ok.jsonl", one_kind, 1, 0.5, ASSAY_ERROR_ARGUMENT);
    refuse("none.jsonl", "no.jsonl", one_kind, 1, 0.5, ASSAY_ERROR_NOT_FOUND);
    refuse("empty.jsonl", "no.jsonl", one_kind, 1, 0.5, ASSAY_ERROR_FORMAT);
    refuse("field.jsonl", "no.jsonl", one_kind, 1, 0.5, ASSAY_ERROR_FORMAT);
    holds("ok.jsonl", "{\"text\": \"a cat\"}\n");
}

/* Whatever call of the disk fails, the copies are there whole or not at all. */
static void failing_disks(void **state)
{
    (void)state;
    put("disk.jsonl", "{\"text\": \"a cat\"}\n");
    int failed = 0;
    for (uint64_t nth = 1; nth < 100; nth++) {
        assay_data_report *report = NULL;
        unlink(in("disk-out.jsonl"));
        file_fail_at(nth);
        assay_status status =
            attack("disk.jsonl", "disk-out.jsonl", one_kind, 1, 1.0, &report, NULL);
        file_fail_at(0);
        if (file_exists(in("disk-out.jsonl")))
            holds("disk-out.jsonl", "{\"text\": \"A Cat\", \"attack\": \"case\"}\n");
        if (status == ASSAY_OK) {
            assay_data_report_close(report);
            break;
        }
        assert_int_equal(status, ASSAY_ERROR_IO);
        failed++;
    }
    assert_true(failed >= 6 && failed < 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_stay),      cmocka_unit_test(tables),
        cmocka_unit_test(rows_stand_alone), cmocka_unit_test(broken_rows),
        cmocka_unit_test(refusals),         cmocka_unit_test(failing_disks),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
