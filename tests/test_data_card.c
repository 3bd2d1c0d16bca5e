/* The card over several verbs, and what a fault of the disk or a kill leaves of their files. */
#include "data_fixture.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "prepare/card.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char input[400], output[400];
static uint64_t split_seed;

static void name_files(const char *in, const char *out)
{
    snprintf(input, sizeof input, "%s", in_folder(in));
    snprintf(output, sizeof output, "%s", in_folder(out));
}

static void put_rows(void)
{
    struct buffer rows = {0};
    for (int i = 0; i < 60; i++)
        assert_true(buffer_format(
            &rows, "{\"id\": \"r%d\", \"text\": \"the  row %d\", \"label\": \"%s\"}\n", i, i / 2,
            i % 3 ? "human" : "ai"));
    put_file("all.jsonl", rows.bytes);
    buffer_free(&rows);
}

enum verb { CLEAN, DEDUP, SPLIT, BALANCE, VERBS };

static assay_status call(enum verb verb, assay_error *error)
{
    static const assay_split_part parts[] = {{"train", .5, 0}, {"test", .5, 0}};
    assay_data_files files = {.input = input,
                              .output = output,
                              .license = verb == CLEAN ? "CC-BY-4.0" : NULL,
                              .source = verb == CLEAN ? "a letter" : "a diary",
                              .threads = 1};
    assay_clean_options cleaning;
    assay_dedup_options dedup;
    assay_split_options split;
    assay_balance_options balance;
    assay_data_report *report = NULL;
    assay_status status = ASSAY_OK;
    assay_clean_options_init(&cleaning);
    assay_dedup_options_init(&dedup);
    assay_split_options_init(&split);
    assay_balance_options_init(&balance);
    cleaning.files = dedup.files = split.files = balance.files = files;
    split.parts = parts;
    split.part_count = 2;
    split.seed = split_seed;
    split.near_duplicates = true;
    switch (verb) {
    case CLEAN:
        status = assay_data_clean(&report, &cleaning, error);
        break;
    case DEDUP:
        status = assay_data_dedup(&report, &dedup, error);
        break;
    case SPLIT:
        status = assay_data_split(&report, &split, error);
        break;
    default:
        status = assay_data_balance(&report, &balance, error);
        break;
    }
    assert_int_equal(status == ASSAY_OK, report != NULL);
    assay_data_report_close(report);
    return status;
}

static void check_file(const struct json *file, const char *name)
{
    char hex[SHA256_HEX_SIZE];
    char *text = get_file(name);
    assert_int_equal(sha256_file(hex, in_folder(name), NULL), ASSAY_OK);
    assert_string_equal(member_text(file, "sha256"), hex);
    assert_int_equal(json_integer(json_member(file, "bytes")), strlen(text));
    assert_int_equal(json_integer(json_member(file, "rows")), count_lines(name));
    memory_free(text);
}

static void steps_make_a_chain(void **state)
{
    (void)state;
    static const char *const verbs[] = {"clean", "dedup", "split", "balance"};
    put_rows();
    name_files("all.jsonl", "clean.jsonl");
    assert_int_equal(call(CLEAN, NULL), ASSAY_OK);
    name_files("clean.jsonl", "unique.jsonl");
    assert_int_equal(call(DEDUP, NULL), ASSAY_OK);
    name_files("unique.jsonl", "parts");
    assert_int_equal(call(SPLIT, NULL), ASSAY_OK);
    name_files("parts/train.jsonl", "even.jsonl");
    assert_int_equal(call(BALANCE, NULL), ASSAY_OK);
    struct json *card = json_file("even.jsonl.card.json");
    const struct json *steps = json_member(card, "steps");
    assert_int_equal(json_count(steps), 4);
    for (size_t i = 0; i < 4; i++) {
        const struct json *step = json_element(steps, i);
        assert_string_equal(member_text(step, "verb"), verbs[i]);
        if (i)
            assert_string_equal(
                member_text(json_element(json_member(step, "inputs"), 0), "sha256"),
                member_text(json_member(json_element(steps, i - 1), "output"), "sha256"));
    }
    check_file(json_element(json_member(json_element(steps, 0), "inputs"), 0), "all.jsonl");
    check_file(json_member(json_element(steps, 0), "output"), "clean.jsonl");
    check_file(json_member(json_element(steps, 1), "removed"), "unique.jsonl.removed.jsonl");
    check_file(json_member(json_element(steps, 3), "output"), "even.jsonl");
    check_file(json_member(card, "file"), "even.jsonl");
    assert_string_equal(member_text(card, "part"), "train");
    const struct json *licenses = json_member(card, "licenses");
    const struct json *sources = json_member(card, "sources");
    assert_int_equal(json_count(licenses), 1);
    assert_string_equal(json_string(json_element(licenses, 0)), "CC-BY-4.0");
    assert_int_equal(json_count(sources), 2);
    assert_string_equal(json_string(json_element(sources, 1)), "a diary");
    json_free(card);
    char *page = get_file("even.jsonl.card.md");
    assert_non_null(strstr(page, "# Data card of even.jsonl"));
    assert_non_null(strstr(page, "## 4. balance"));
    assert_non_null(strstr(page, "CC-BY-4.0"));
    assert_null(strstr(page, in_folder("")));
    memory_free(page);
}

static void a_changed_file_breaks_the_chain(void **state)
{
    (void)state;
    put_rows();
    name_files("all.jsonl", "clean.jsonl");
    assert_int_equal(call(CLEAN, NULL), ASSAY_OK);
    put_file("clean.jsonl", "{\"text\": \"another\"}\n");
    name_files("clean.jsonl", "unique.jsonl");
    assert_int_equal(call(DEDUP, NULL), ASSAY_OK);
    struct json *card = json_file("unique.jsonl.card.json");
    const struct json *steps = json_member(card, "steps");
    assert_int_equal(json_count(steps), 3);
    assert_string_equal(member_text(json_element(steps, 1), "verb"), "changed outside assay");
    json_free(card);
}

static void broken_cards_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "[]",
        "{\"format\": \"x\"}",
        "{\"format\": \"assay-data-card\", \"format_version\": 2, \"file\": {\"sha256\": \"a\"}, "
        "\"steps\": []}",
        "{\"format\": \"assay-data-card\", \"format_version\": 1, \"steps\": []}",
        "{\"format\": \"assay-data-card\", \"format_version\": 1, \"file\": {\"sha256\": \"a\"}}",
        "{\"format\": \"assay-data-card\", \"format_version\": 1, \"file\": {\"sha256\": \"a\"}, "
        "\"steps\": [1]}",
        "{\"format\": \"assay-data-card\", \"format_version\": 1, \"file\": {\"sha256\": \"a\"}, "
        "\"steps\": [], \"licenses\": [1]}",
        "{\"format\": \"assay-data-card\", \"format_version\": 1, \"file\": {\"sha256\": \"a\"}, "
        "\"steps\": [], \"part\": 3}"};
    assay_error error;
    put_rows();
    name_files("all.jsonl", "out.jsonl");
    for (size_t i = 1; i < sizeof wrong / sizeof *wrong; i++) {
        put_file("all.jsonl.card.json", wrong[i]);
        error = (assay_error){0};
        assert_int_equal(call(DEDUP, &error), ASSAY_ERROR_FORMAT);
        assert_non_null(strstr(error.file, "all.jsonl.card.json"));
        assert_int_equal(count_entries("out.jsonl"), 0);
    }
    remove(in_folder("all.jsonl.card.json"));
}

/* How much of the files of a call there is: 0 none, 1 some, 2 all. */
static int how_much(enum verb verb)
{
    static const char *const endings[] = {"", ".removed.jsonl", ".card.json", ".card.md"};
    static const char *const of_parts[] = {"/train.jsonl", "/test.jsonl", "/train.jsonl.card.json",
                                           "/test.jsonl.card.md"};
    int found = 0;
    for (int i = 0; i < 4; i++) {
        char path[500];
        snprintf(path, sizeof path, "%s%s", output, verb == SPLIT ? of_parts[i] : endings[i]);
        found += file_exists(path);
    }
    return found == 0 ? 0 : found == 4 ? 2 : 1;
}

static void remove_outputs(void)
{
    char command[1000];
    snprintf(command, sizeof command, "rm -rf %s*", output);
    assert_int_equal(system(command), 0);
}

/* Every call that changes the disk fails once. Until the renames begin nothing stands; whenever the
 * data stands, everything does; partial files never stay. */
static void a_failing_disk_leaves_nothing_half(void **state)
{
    (void)state;
    put_rows();
    for (enum verb verb = CLEAN; verb < VERBS; verb++) {
        name_files("all.jsonl", verb == SPLIT ? "disk" : "disk.jsonl");
        uint64_t before = file_change_count();
        assert_int_equal(call(verb, NULL), ASSAY_OK);
        uint64_t calls = file_change_count() - before;
        assert_true(calls > 10);
        int nothing = 0;
        for (uint64_t n = 1; n <= calls; n++) {
            assay_error error = {0};
            remove_outputs();
            file_fail_at(n);
            assay_status status = call(verb, &error);
            file_fail_at(0);
            int much = how_much(verb);
            assert_int_equal(count_entries(".partial"), 0);
            if (status == ASSAY_OK) { /* the sync of a folder may fail */
                assert_int_equal(much, 2);
                continue;
            }
            assert_true(error.message[0] && error.file[0]);
            nothing += much == 0;
            if (verb != SPLIT)
                assert_false(file_exists(output));
        }
        assert_true(nothing > 5);
        remove_outputs();
    }
    char *text = get_file("all.jsonl");
    assert_int_equal(count_lines("all.jsonl"), 60);
    memory_free(text);
}

/* Killed before any such call: the data stands only where everything does, and a call after that
 * is as if nothing had been. */
static void a_kill_leaves_nothing_half(void **state)
{
    (void)state;
    put_rows();
    for (enum verb verb = CLEAN; verb < VERBS; verb++) {
        if (verb == SPLIT)
            continue; /* its parts stand one by one; another test sees to them */
        name_files("all.jsonl", "kill.jsonl");
        uint64_t before = file_change_count();
        assert_int_equal(call(verb, NULL), ASSAY_OK);
        uint64_t calls = file_change_count() - before;
        char *whole = get_file("kill.jsonl"), *card = get_file("kill.jsonl.card.json");
        for (uint64_t n = 1; n <= calls; n++) {
            remove_outputs();
            pid_t child = fork();
            assert_true(child >= 0);
            if (!child) {
                file_kill_at(n);
                (void)call(verb, NULL);
                _exit(0);
            }
            int ended;
            assert_int_equal(waitpid(child, &ended, 0), child);
            assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
            if (file_exists(output)) {
                char *text = get_file("kill.jsonl");
                assert_int_equal(how_much(verb), 2);
                assert_string_equal(text, whole);
                memory_free(text);
            }
        }
        assert_int_equal(call(verb, NULL), ASSAY_OK);
        char *again = get_file("kill.jsonl"), *card_again = get_file("kill.jsonl.card.json");
        assert_string_equal(again, whole);
        assert_string_equal(card_again, card);
        memory_free(again);
        memory_free(card_again);
        memory_free(whole);
        memory_free(card);
        remove_outputs();
    }
}

static assay_status open_rows(const char *name, assay_error *error)
{
    assay_rows *rows = NULL;
    *error = (assay_error){0};
    assay_status status = assay_rows_open(&rows, in_folder(name), NULL, error);
    assay_rows_close(rows);
    return status;
}

static const char *const part_files[] = {"parts/train.jsonl", "parts/test.jsonl"};
enum { PART_FILES = 2 };

/* How many of the parts are these texts; every part that stands must be of `old` or of `new`. */
static int parts_of(char *const *fresh, char *const *old)
{
    int count = 0;
    for (int p = 0; p < PART_FILES; p++) {
        if (!has_file(part_files[p])) {
            assert_null(old);
            continue;
        }
        char *text = get_file(part_files[p]);
        bool is_fresh = !strcmp(text, fresh[p]);
        if (!is_fresh)
            assert_true(old && !strcmp(text, old[p]));
        count += is_fresh;
        memory_free(text);
    }
    return count;
}

/* Killed before each call that changes the disk, over no parts and over those of another split:
 * parts of both, or not all of them, are never read, and the next split makes all of it good. */
static void a_killed_split_is_noticed(void **state)
{
    (void)state;
    assay_error error;
    char *fresh[PART_FILES], *old[PART_FILES];
    put_rows();
    name_files("all.jsonl", "parts");
    for (uint64_t seed = 1; seed < 3; seed++) {
        split_seed = seed;
        remove_outputs();
        assert_int_equal(call(SPLIT, NULL), ASSAY_OK);
        assert_false(has_file("parts/unfinished-split.txt"));
        for (int p = 0; p < PART_FILES; p++)
            (seed == 1 ? old : fresh)[p] = get_file(part_files[p]);
    }
    assert_string_not_equal(old[0], fresh[0]);
    uint64_t before = file_change_count();
    assert_int_equal(call(SPLIT, NULL), ASSAY_OK);
    uint64_t calls = file_change_count() - before;
    for (int over = 0; over < 2; over++) {
        int noticed = 0, untouched = 0;
        for (uint64_t n = 1; n <= calls; n++) {
            remove_outputs();
            split_seed = 1;
            if (over)
                assert_int_equal(call(SPLIT, NULL), ASSAY_OK);
            split_seed = 2;
            pid_t child = fork();
            assert_true(child >= 0);
            if (!child) {
                file_kill_at(n);
                (void)call(SPLIT, NULL);
                _exit(0);
            }
            int ended;
            assert_int_equal(waitpid(child, &ended, 0), child);
            assert_true(WIFSIGNALED(ended));
            int count = parts_of(fresh, over ? old : NULL);
            bool marked = has_file("parts/unfinished-split.txt");
            assert_true(marked || count == 0);
            for (int p = 0; p < PART_FILES && marked; p++) {
                if (!has_file(part_files[p]))
                    continue;
                assert_int_equal(open_rows(part_files[p], &error), ASSAY_ERROR_FORMAT);
                assert_non_null(strstr(error.file, part_files[p]));
                assert_non_null(strstr(error.found, "unfinished-split.txt"));
            }
            noticed += marked;
            untouched += !marked;
            assert_int_equal(call(SPLIT, NULL), ASSAY_OK);
            assert_false(has_file("parts/unfinished-split.txt"));
            assert_int_equal(parts_of(fresh, NULL), PART_FILES);
            assert_int_equal(open_rows(part_files[0], &error), ASSAY_OK);
        }
        assert_true(noticed >= 2 * PART_FILES && untouched > 5);
    }
    for (int p = 0; p < PART_FILES; p++) {
        memory_free(old[p]);
        memory_free(fresh[p]);
    }
    split_seed = 0;
    remove_outputs();
}

/* What another split left marked stays so until one replaces it. */
static void marks_of_other_parts_stay(void **state)
{
    (void)state;
    assay_error error;
    put_rows();
    name_files("all.jsonl", "parts");
    remove_outputs();
    assert_int_equal(call(SPLIT, NULL), ASSAY_OK);
    put_file("parts/valid.jsonl", "{\"text\": \"of an earlier split\"}\n");
    put_file("parts/other.jsonl", "{\"text\": \"of no split\"}\n");
    put_file("parts/unfinished-split.txt", "# killed\nvalid.jsonl\ntrain.jsonl\n");
    assert_int_equal(open_rows("parts/train.jsonl", &error), ASSAY_ERROR_FORMAT);
    assert_int_equal(open_rows("parts/other.jsonl", &error), ASSAY_OK);
    assert_int_equal(call(SPLIT, NULL), ASSAY_OK);
    assert_int_equal(open_rows("parts/train.jsonl", &error), ASSAY_OK);
    assert_int_equal(open_rows("parts/valid.jsonl", &error), ASSAY_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "may be of another split"));
    char *mark = get_file("parts/unfinished-split.txt");
    assert_null(strstr(mark, "train.jsonl"));
    assert_non_null(strstr(mark, "\nvalid.jsonl\n"));
    memory_free(mark);
    assert_int_equal(remove(in_folder("parts/unfinished-split.txt")), 0);
    assert_int_equal(open_rows("parts/valid.jsonl", &error), ASSAY_OK);
    remove_outputs();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_make_a_chain),
        cmocka_unit_test(a_changed_file_breaks_the_chain),
        cmocka_unit_test(broken_cards_are_refused),
        cmocka_unit_test(a_failing_disk_leaves_nothing_half),
        cmocka_unit_test(a_kill_leaves_nothing_half),
        cmocka_unit_test(a_killed_split_is_noticed),
        cmocka_unit_test(marks_of_other_parts_stay),
    };
    return cmocka_run_group_tests(tests, data_folder_make, data_folder_remove);
}
