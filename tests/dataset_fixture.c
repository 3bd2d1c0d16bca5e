#include "dataset_fixture.h"

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

const char BERT[] = ASSAY_TEST_DATA "/tokenizer/bert_json";
const char BERT_FILES[] = ASSAY_TEST_DATA "/tokenizer/bert_files";
const char BPE[] = ASSAY_TEST_DATA "/tokenizer/bpe_json";

char top[64], cache[100];
assay_tokenizer *bert, *bpe;
int notes;
char last_note[2000];

const char *in_top(const char *name)
{
    static char path[4][PATH_SIZE];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", top, name);
    return path[turn];
}

void remove_tree(const char *path)
{
    char command[PATH_SIZE + 20];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

int begin(void **state)
{
    (void)state;
    snprintf(top, sizeof top, "%s/assay-dataset-XXXXXX",
             access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(top))
        return -1;
    snprintf(cache, sizeof cache, "%s/home/tokens", top);
    notes = 0;
    return 0;
}

int end(void **state)
{
    (void)state;
    file_fail_at(0);
    file_kill_at(0);
    memory_fail_at(0);
    remove_tree(top);
    return 0;
}

int open_tokenizers(void **state)
{
    (void)state;
    return assay_tokenizer_open(&bert, BERT, NULL) || assay_tokenizer_open(&bpe, BPE, NULL);
}

int close_tokenizers(void **state)
{
    (void)state;
    assay_tokenizer_close(bert);
    assay_tokenizer_close(bpe);
    return 0;
}

const char *put_bytes(const char *name, const void *bytes, size_t length)
{
    assert_int_equal(file_write(in_top(name), bytes, length, NULL), ASSAY_OK);
    return in_top(name);
}

const char *put(const char *name, const char *text)
{
    return put_bytes(name, text, strlen(text));
}

static void take_progress(void *context, int64_t rows, uint64_t done, uint64_t total,
                          const char *note)
{
    (void)context;
    assert_true(rows >= 0);
    assert_true(total == 0 || done <= total);
    if (note) {
        notes++;
        snprintf(last_note, sizeof last_note, "%s", note);
    }
}

struct dataset_request ask(const char *path, enum dataset_labels labels)
{
    static char kept[4][PATH_SIZE];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(kept[turn], sizeof kept[turn], "%s", path);
    return (struct dataset_request){.path = kept[turn],
                                    .labels = labels,
                                    .tokenizer = bert,
                                    .tokenizer_folder = BERT,
                                    .max_tokens = CUT,
                                    .cache_folder = cache,
                                    .progress = take_progress};
}

struct dataset *must_open(const struct dataset_request *request, struct dataset_view *view)
{
    struct dataset *dataset;
    assay_error error;
    char line[1000];
    assay_status status = dataset_open(&dataset, request, &error);
    if (status) {
        assay_error_format(&error, line, sizeof line);
        print_error("%s\n", line);
    }
    assert_int_equal(status, ASSAY_OK);
    dataset_get(dataset, view);
    assert_int_equal(dataset_check(dataset, NULL), ASSAY_OK);
    return dataset;
}

int caches(void)
{
    int count = 0;
    DIR *entries = opendir(cache);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (entry->d_name[0] == '.')
            continue;
        assert_int_equal(strlen(entry->d_name), 64 + strlen(".tokens"));
        assert_string_equal(entry->d_name + 64, ".tokens");
        count++;
    }
    if (entries)
        closedir(entries);
    return count;
}

const char *only_cache(void)
{
    static char path[PATH_SIZE];
    assert_int_equal(caches(), 1);
    DIR *entries = opendir(cache);
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (entry->d_name[0] != '.')
            snprintf(path, sizeof path, "%s/%s", cache, entry->d_name);
    }
    closedir(entries);
    return path;
}

void check_id(const struct dataset *dataset, int64_t row, const char *id, int64_t line)
{
    int64_t found;
    assert_string_equal(dataset_row_id(dataset, row, &found), id);
    assert_int_equal(found, line);
    assert_string_equal(dataset_row_id(dataset, row, NULL), id);
}

void check_same(const struct dataset *left, const struct dataset *right)
{
    struct dataset_view a, b;
    dataset_get(left, &a);
    dataset_get(right, &b);
    assert_int_equal(a.rows, b.rows);
    assert_int_equal(a.tokens, b.tokens);
    assert_int_equal(a.truncated, b.truncated);
    assert_int_equal(a.longest, b.longest);
    assert_int_equal(a.class_count, b.class_count);
    assert_string_equal(a.path, b.path);
    assert_string_equal(a.fingerprint, b.fingerprint);
    size_t rows = (size_t)a.rows, tokens = (size_t)a.tokens, classes = (size_t)a.class_count;
    assert_memory_equal(a.ids, b.ids, tokens * sizeof *a.ids);
    assert_memory_equal(a.offsets, b.offsets, (rows + 1) * sizeof *a.offsets);
    assert_memory_equal(a.lengths, b.lengths, rows * sizeof *a.lengths);
    assert_true(!a.types == !b.types && !a.classes == !b.classes && !a.numbers == !b.numbers);
    if (a.types)
        assert_memory_equal(a.types, b.types, tokens * sizeof *a.types);
    if (a.numbers)
        assert_memory_equal(a.numbers, b.numbers, rows * sizeof *a.numbers);
    if (a.classes) {
        assert_memory_equal(a.classes, b.classes, rows * sizeof *a.classes);
        assert_memory_equal(a.class_rows, b.class_rows, classes * sizeof *a.class_rows);
        assert_memory_equal(a.class_first, b.class_first, classes * sizeof *a.class_first);
    }
    for (size_t i = 0; i < classes; i++)
        assert_string_equal(a.class_names[i], b.class_names[i]);
    for (int64_t row = 0; row < a.rows; row++) {
        int64_t line;
        const char *id = dataset_row_id(left, row, &line);
        check_id(right, row, id, line);
    }
}

void expect(const char *what, const char *found, const char *wanted)
{
    if (wanted && !strstr(found, wanted))
        fail_msg("%s: \"%s\" does not say \"%s\"", what, found, wanted);
}

const char JSONL[] =
    "{\"text\": \"the cat sat\", \"id\": \"first\", \"label\": \"human\"}\n"
    "\n"
    "{\"text\": \"a dog ran over the hill and the cat sat on the mat and the dog ran\","
    " \"label\": \"ai\"}\n"
    "{\"text\": \"\", \"id\": 7, \"label\": \"human\", \"score\": 1}\n";
