#include "training_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "model_vectors.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST_FILE = 1 << 22, OPEN_FOLDERS = 8 };

static char root[] = "/tmp/assay-training-XXXXXX";

const char *training_path(const char *name)
{
    return in_folder(root, name);
}

int training_setup(void **state)
{
    (void)state;
    if (!mkdtemp(root))
        return -1;
    return setenv("ASSAY_HOME", training_path("home"), 1);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

int training_teardown(void **state)
{
    (void)state;
    return nftw(root, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}

void words_add(struct training_words *words, const char *format, ...)
{
    assert_true(words->count < TRAINING_MAX_WORDS);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(words->text[words->count], sizeof words->text[0], format, arguments);
    va_end(arguments);
    assert_true(length >= 0 && (size_t)length < sizeof words->text[0]);
    words->list[words->count] = words->text[words->count];
    words->count++;
}

static void copy_file(const char *from, const char *folder, const char *name)
{
    struct buffer contents = {0};
    assert_int_equal(file_read(&contents, from, LARGEST_FILE, NULL), ASSAY_OK);
    assert_int_equal(file_write(in_folder(folder, name), contents.bytes, contents.length, NULL),
                     ASSAY_OK);
    buffer_free(&contents);
}

void words_begin(struct training_words *words, const char *base, const char *tokenizer,
                 const char *out)
{
    char name[256], folder[TRAINING_MAX_PATH], from[TRAINING_MAX_PATH];
    *words = (struct training_words){0};
    snprintf(name, sizeof name, "base-%s", base);
    snprintf(folder, sizeof folder, "%s", training_path(name));
    bool own = strcmp(base, "regress") == 0;
    snprintf(from, sizeof from, "%s",
             own ? in_folder(ASSAY_TEST_DATA "/training", base) : model_vector(base));
    if (!file_is_folder(folder)) {
        assert_int_equal(folder_create(folder, NULL), ASSAY_OK);
        copy_file(in_folder(from, "config.json"), folder, "config.json");
        copy_file(in_folder(from, "model.safetensors"), folder, "model.safetensors");
        snprintf(name, sizeof name, "%s.json", tokenizer);
        copy_file(in_folder(ASSAY_TEST_DATA "/training/tokenizers", name), folder,
                  "tokenizer.json");
    }
    words_add(words, "base=%s", folder);
    words_add(words, "data=%s", ASSAY_TEST_DATA "/training/train.jsonl");
    words_add(words, "out=%s", training_path(out));
    words_add(words, "log.tensorboard=false");
}

void words_add_valid(struct training_words *words)
{
    words_add(words, "valid=%s", ASSAY_TEST_DATA "/training/valid.jsonl");
}

assay_status training_try(const struct training_words *words, const assay_training_options *options,
                          assay_training_result *result, assay_error *error)
{
    assay_training *training = NULL;
    assay_status status =
        assay_training_open(&training, NULL, words->list, words->count, options, error);
    if (status == ASSAY_OK)
        status = assay_training_run(training, result, error);
    assay_training_close(training);
    return status;
}

void training_go(const struct training_words *words, const assay_training_options *options,
                 assay_training_result *result)
{
    assay_error error = {0};
    assay_status status = training_try(words, options, result, &error);
    if (status == ASSAY_OK)
        return;
    char line[1500];
    assay_error_format(&error, line, sizeof line);
    fail_msg("%s: %s", assay_status_name(status), line);
}

struct json *read_json(const char *path)
{
    struct json *root_value = NULL;
    assay_error error = {0};
    if (json_parse_file(&root_value, path, LARGEST_FILE, &error) != ASSAY_OK)
        fail_msg("%s: %s", path, error.message);
    return root_value;
}

double number_of(const struct json *object, const char *key)
{
    const struct json *value = json_member(object, key);
    enum json_kind kind = json_kind(value);
    if (kind != JSON_NUMBER && kind != JSON_INTEGER)
        fail_msg("%s is %s", key, json_kind_name(kind));
    return json_number(value);
}

void record_read(struct training_record *record, const char *out)
{
    struct buffer text = {0};
    *record = (struct training_record){0};
    const char *path = in_folder(training_path(out), "log.jsonl");
    assert_int_equal(file_read(&text, path, LARGEST_FILE, NULL), ASSAY_OK);
    const char *at = (const char *)text.bytes, *end = at + text.length;
    while (at < end) {
        const char *line = at, *stop = memchr(at, '\n', (size_t)(end - at));
        assert_non_null(stop); /* entries are whole */
        at = stop + 1;
        struct json *entry = NULL;
        assert_int_equal(json_parse(&entry, line, (size_t)(stop - line), path, NULL), ASSAY_OK);
        bool evaluation = json_kind(json_member(entry, "valid")) == JSON_OBJECT;
        size_t *count = evaluation ? &record->figure_count : &record->step_count;
        assert_true(*count < TRAINING_MAX_LOG);
        (evaluation ? record->figures : record->steps)[(*count)++] = entry;
    }
    buffer_free(&text);
}

void record_free(struct training_record *record)
{
    for (size_t i = 0; i < record->step_count; i++)
        json_free(record->steps[i]);
    for (size_t i = 0; i < record->figure_count; i++)
        json_free(record->figures[i]);
}

void assert_same_weights(const char *one, const char *other)
{
    struct safetensors *a = NULL, *b = NULL;
    assert_int_equal(safetensors_open(&a, training_path(one), NULL), ASSAY_OK);
    assert_int_equal(safetensors_open(&b, training_path(other), NULL), ASSAY_OK);
    assert_int_equal(safetensors_count(a), safetensors_count(b));
    for (size_t i = 0; i < safetensors_count(a); i++) {
        const struct safetensors_entry *left = safetensors_at(a, i);
        const struct safetensors_entry *right = safetensors_find(b, left->name);
        assert_non_null(right);
        assert_int_equal(left->bytes, right->bytes);
        if (memcmp(left->data, right->data, left->bytes))
            fail_msg("%s differs between %s and %s", left->name, one, other);
    }
    safetensors_close(a);
    safetensors_close(b);
}
