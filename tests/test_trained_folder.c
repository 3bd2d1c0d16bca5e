/* Folders of trained models: what transformers wrote for the same head is the measure of names,
 * shapes and config.json; nothing is ever half there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "model_vectors.h"
#include "trainable_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *new_folder(void)
{
    char *folder = strdup("/tmp/assay-test-XXXXXX");
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    return folder;
}

static assay_model *open_for(const char *folder, struct model_purpose purpose)
{
    assay_model *model = NULL;
    assert_int_equal(model_open_trainable(&model, folder, &purpose, NULL), ASSAY_OK);
    return model;
}

/* Every weight a little further, as an optimizer would have it. */
static void train(assay_model *model)
{
    int64_t count;
    assert_int_equal(parameter_set_train(model->parameters, NULL, NULL, NULL), ASSAY_OK);
    float *values = parameter_set_values(model->parameters, &count);
    for (int64_t i = 0; i < count; i++)
        values[i] += (float)(i % 7 - 3) * 0.01f;
    parameter_set_changed(model->parameters);
    model_release_read_weights(model);
}

static char *text_of(const struct json *value)
{
    struct buffer text = {0};
    struct json_writer writer = {.out = &text};
    json_put_value(&writer, value);
    assert_false(writer.failed);
    char *copy = strdup(text.bytes);
    buffer_free(&text);
    return copy;
}

static void expect_member(const struct json *object, const char *key, const char *wanted)
{
    char *text = text_of(json_member(object, key));
    assert_string_equal(text, wanted);
    free(text);
}

static struct json *config_of(const char *folder)
{
    struct json *json = NULL;
    assert_int_equal(json_parse_file(&json, in_folder(folder, "config.json"), 1 << 20, NULL),
                     ASSAY_OK);
    return json;
}

struct comparison {
    const struct json *saved;
    bool may_pad;
};

static assay_status same_member(void *context, const char *key, size_t length,
                                const struct json *value, assay_error *error);

/* transformers sorts by name, which says nothing in JSON */
static void same_members(const struct json *saved, const struct json *wanted, bool may_pad)
{
    struct comparison comparison = {saved, may_pad};
    assert_int_equal(json_kind(saved), JSON_OBJECT);
    json_each_member(wanted, same_member, &comparison, NULL);
}

static assay_status same_member(void *context, const char *key, size_t length,
                                const struct json *value, assay_error *error)
{
    const struct comparison *comparison = context;
    (void)length;
    (void)error;
    if (comparison->may_pad && !strcmp(key, "pad_token_id"))
        return ASSAY_OK;
    if (json_kind(value) == JSON_OBJECT) {
        same_members(json_member(comparison->saved, key), value, false);
        assert_int_equal(json_count(json_member(comparison->saved, key)), json_count(value));
        return ASSAY_OK;
    }
    char *wanted = text_of(value);
    expect_member(comparison->saved, key, wanted);
    free(wanted);
    return ASSAY_OK;
}

/* The saved config.json is the one that transformers wrote with this head. */
static void expect_config(const char *folder, const char *like, bool labelled, bool may_pad)
{
    struct json *saved = config_of(folder), *wanted = config_of(model_vector(like));
    same_members(saved, wanted, may_pad);
    assert_int_equal(json_count(saved), json_count(wanted) + labelled);
    if (labelled)
        expect_member(saved, "problem_type", "\"single_label_classification\"");
    json_free(saved);
    json_free(wanted);
}

static void saved_and_opened_again(const char *from, const char *like, struct model_purpose purpose)
{
    char *folder = new_folder();
    assay_model *model = open_for(model_vector(from), purpose), *again = NULL;
    float before[CASE_OUTPUTS], trained[CASE_OUTPUTS], after[CASE_OUTPUTS];
    int count = case_outputs(before, model);
    train(model);
    assert_int_equal(case_outputs(trained, model), count);
    assert_memory_not_equal(before, trained, (size_t)count * sizeof *before);
    assert_int_equal(model_save_trained(model, folder, NULL), ASSAY_OK);
    assert_int_equal(assay_model_open(&again, folder, NULL), ASSAY_OK);
    assert_int_equal(again->heads, model->heads);
    assert_string_equal(again->prefix, model->prefix);
    assert_string_equal(again->config.architecture, model->config.architecture);
    assert_int_equal(case_outputs(after, again), count);
    assert_memory_equal(trained, after, (size_t)count * sizeof *after);
    assert_int_equal(parameter_set_count(again->parameters),
                     parameter_set_count(model->parameters));
    for (int64_t i = 0; i < parameter_set_count(model->parameters); i++) {
        const struct parameter *one = parameter_set_get(model->parameters, i);
        const struct parameter *two = parameter_set_find(again->parameters, one->name);
        assert_non_null(two);
        assert_memory_equal(one->tensor.data, two->tensor.data,
                            (size_t)tensor_count(&one->tensor) * sizeof(float));
    }
    for (size_t i = 0; i < safetensors_count(again->file); i++)
        assert_int_equal(safetensors_at(again->file, i)->dtype, DTYPE_F32);
    bool labelled = purpose.task == MODEL_TASK_CLASSIFY;
    expect_config(folder, like, labelled, model->family->causal);
    /* what was made once is found the next time */
    assay_model_close(model);
    assay_model_close(again);
    model = open_for(folder, purpose);
    for (int64_t i = 0; i < parameter_set_count(model->parameters); i++)
        assert_false(model_weight_is_new(model, parameter_set_get(model->parameters, i)->name));
    assert_int_equal(case_outputs(after, model), count);
    assert_memory_equal(trained, after, (size_t)count * sizeof *after);
    assay_model_close(model);
    remove_folder(folder);
}

static void every_checkpoint_for_every_task(void **state)
{
    (void)state;
    for (int family = 0; family < CASE_FAMILIES; family++) {
        for (int shape = 0; shape < CASE_SHAPES; shape++) {
            for (int from = 0; from < CASE_HEADS; from++) {
                for (int to = 1; to < CASE_HEADS; to++) {
                    char source[64], like[64];
                    snprintf(source, sizeof source, "%s", case_name(family, shape, from));
                    snprintf(like, sizeof like, "%s", case_name(family, shape, to));
                    saved_and_opened_again(source, like, case_purpose(family, shape, to));
                }
            }
        }
    }
}

static void other_types_and_shards(void **state)
{
    (void)state;
    saved_and_opened_again("bert_float16", "bert_shallow_classify", case_purpose(0, 3, 1));
    saved_and_opened_again("gpt2_bfloat16", "gpt2_shallow_classify", case_purpose(3, 3, 1));
    saved_and_opened_again("bert_sharded", "bert_odd_classify", case_purpose(0, 0, 1));
}

static void save_edited(const char *vector, struct model_purpose purpose, const char *const *edits,
                        struct json **config)
{
    char *source = copy_model_vector(vector), *folder = new_folder();
    for (int i = 0; edits[i]; i += 2)
        assert_int_equal(edit_file(source, "config.json", edits[i], edits[i + 1]), 0);
    assay_model *model = open_for(source, purpose);
    assert_int_equal(model_save_trained(model, folder, NULL), ASSAY_OK);
    assay_model_close(model);
    *config = config_of(folder);
    remove_folder(source);
    remove_folder(folder);
}

static void keys_of_the_config(void **state)
{
    (void)state;
    struct json *config;
    const struct model_purpose regress = {MODEL_TASK_REGRESS, 1, NULL, 1};
    save_edited("bert_odd_classify", regress, (const char *const[]){NULL}, &config);
    expect_member(config, "id2label", "{\"0\": \"LABEL_0\"}");
    expect_member(config, "label2id", "{\"LABEL_0\": 0}");
    expect_member(config, "problem_type", "\"regression\"");
    json_free(config);

    /* torch_dtype is kept as the key; num_labels would contradict; other keys stay as they were */
    const char *const older[] = {"\"dtype\": \"float32\"",
                                 "\"torch_dtype\": \"float16\"",
                                 "\"is_decoder\": false",
                                 "\"num_labels\": 2",
                                 "\"use_cache\": true",
                                 "\"mine\": {\"a\": [1, 2.5e-7, null]}",
                                 NULL};
    save_edited("bert_odd_bare", regress, older, &config);
    expect_member(config, "torch_dtype", "\"float32\"");
    expect_member(config, "mine", "{\"a\": [1, 2.5e-07, null]}");
    assert_null(json_member(config, "dtype"));
    assert_null(json_member(config, "num_labels"));
    json_free(config);

    const char *const neither[] = {"\"dtype\": \"float32\",\n", "", NULL};
    save_edited("bert_odd_bare", regress, neither, &config);
    expect_member(config, "dtype", "\"float32\"");
    json_free(config);

    static const char *const strange[] = {"\"quoted\" \\ \n", "\xc3\xa4\xe4\xbd\xa0"};
    const struct model_purpose names = {MODEL_TASK_CLASSIFY, 2, strange, 1};
    save_edited("bert_odd_bare", names, (const char *const[]){NULL}, &config);
    const struct json *labels = json_member(config, "id2label");
    assert_string_equal(json_string(json_member(labels, "0")), strange[0]);
    assert_string_equal(json_string(json_member(labels, "1")), strange[1]);
    assert_int_equal(json_integer(json_member(json_member(config, "label2id"), strange[1])), 1);
    json_free(config);

    /* language models keep what the file says of labels */
    save_edited("bert_odd_bare", case_purpose(0, 0, 2), (const char *const[]){NULL}, &config);
    expect_member(config, "id2label", "{\"0\": \"human\", \"1\": \"ai\"}");
    assert_null(json_member(config, "problem_type"));
    json_free(config);
}

/* GPT-2 has no token for padding, without which transformers refuses batches. */
static void gpt2_gets_a_pad_token(void **state)
{
    (void)state;
    struct json *config;
    save_edited("gpt2_odd_bare", case_purpose(3, 0, 1), (const char *const[]){NULL}, &config);
    expect_member(config, "pad_token_id", "100"); /* had one */
    json_free(config);
    save_edited("gpt2_one_bare", case_purpose(3, 1, 1), (const char *const[]){NULL}, &config);
    expect_member(config, "eos_token_id", "60");
    expect_member(config, "pad_token_id", "60");
    json_free(config);
    const char *const endless[] = {"\"eos_token_id\": 60,\n", "", NULL};
    save_edited("gpt2_one_bare", case_purpose(3, 1, 1), endless, &config);
    expect_member(config, "pad_token_id", "null"); /* the default is beyond the vocabulary */
    json_free(config);
}

static void put_file(const char *folder, const char *name, const char *text)
{
    assert_int_equal(file_write(in_folder(folder, name), text, strlen(text), NULL), ASSAY_OK);
}

static const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n";

static void which_files_travel(void **state)
{
    (void)state;
    char *source = copy_model_vector("bert_odd_bare"), *folder = new_folder();
    put_file(source, "vocab.txt", vocabulary);
    put_file(source, "tokenizer_config.json", "{\"do_lower_case\":  true}");
    put_file(source, "detector.json", "{}");
    put_file(source, "modules.json", "[]");
    put_file(source, "README.md", "?");
    assay_model *model = open_for(source, case_purpose(0, 0, 1));
    assert_non_null(assay_model_tokenizer(model));
    assert_int_equal(model_save_trained(model, folder, NULL), ASSAY_OK);
    struct buffer text = {0};
    assert_int_equal(file_read(&text, in_folder(folder, "vocab.txt"), 1 << 20, NULL), ASSAY_OK);
    assert_int_equal(text.length, strlen(vocabulary));
    assert_memory_equal(text.bytes, vocabulary, text.length);
    buffer_clear(&text);
    assert_int_equal(file_read(&text, in_folder(folder, "tokenizer_config.json"), 1 << 20, NULL),
                     ASSAY_OK);
    assert_string_equal(text.bytes, "{\"do_lower_case\":  true}");
    buffer_free(&text);
    static const char *const absent[] = {"detector.json", "modules.json", "README.md",
                                         "reference.safetensors"};
    for (int i = 0; i < 4; i++)
        assert_false(file_exists(in_folder(folder, absent[i])));
    /* over its own source, the mapped weights too */
    float before[CASE_OUTPUTS], after[CASE_OUTPUTS];
    int count = case_outputs(before, model);
    assert_int_equal(model_save_trained(model, source, NULL), ASSAY_OK);
    assay_model_close(model);
    assert_int_equal(assay_model_open(&model, source, NULL), ASSAY_OK);
    assert_int_equal(case_outputs(after, model), count);
    assert_memory_equal(before, after, (size_t)count * sizeof *after);
    assay_model_close(model);
    remove_folder(source);
    remove_folder(folder);
}

static void only_trainable_models(void **state)
{
    (void)state;
    char *folder = new_folder();
    assay_model *model = NULL;
    assay_error error = {0};
    assert_int_equal(assay_model_open(&model, model_vector("bert_odd_classify"), NULL), ASSAY_OK);
    assert_int_equal(model_save_trained(model, folder, &error), ASSAY_ERROR_ARGUMENT);
    assert_false(file_exists(in_folder(folder, "config.json")));
    assay_model_close(model);
    remove_folder(folder);
}

static void a_source_that_shrank(void **state)
{
    (void)state;
    char *source = copy_model_vector("bert_odd_bare"), *folder = new_folder();
    assay_model *model = open_for(source, case_purpose(0, 0, 1));
    assay_error error = {0};
    assert_int_equal(truncate(in_folder(source, "model.safetensors"), 4096), 0);
    assert_int_equal(model_save_trained(model, folder, &error), ASSAY_ERROR_CHANGED);
    assert_false(file_exists(in_folder(folder, "model.safetensors")));
    assay_model_close(model);
    remove_folder(source);
    remove_folder(folder);
}

/* A file is complete or not there, whichever call fails; nothing is left beside. */
static void expect_whole_files(const char *folder)
{
    if (file_exists(in_folder(folder, "config.json")))
        json_free(config_of(folder));
    if (file_exists(in_folder(folder, "vocab.txt"))) {
        struct buffer text = {0};
        assert_int_equal(file_read(&text, in_folder(folder, "vocab.txt"), 1 << 20, NULL), ASSAY_OK);
        assert_int_equal(text.length, strlen(vocabulary));
        buffer_free(&text);
    }
    if (file_exists(in_folder(folder, "model.safetensors"))) {
        struct safetensors *file = NULL;
        assert_int_equal(safetensors_open(&file, folder, NULL), ASSAY_OK);
        safetensors_close(file);
        assert_true(file_exists(in_folder(folder, "vocab.txt")));
        assert_true(file_exists(in_folder(folder, "config.json")));
    }
}

/* Saves with the n-th call failing; true when saving got over it, as it may over the sync of the
 * folder behind each file's rename. */
static bool survives(const assay_model *model, void (*fail_at)(uint64_t), uint64_t nth,
                     assay_status wanted)
{
    char *folder = new_folder();
    assay_error error = {0};
    fail_at(nth);
    assay_status status = model_save_trained(model, folder, &error);
    fail_at(0);
    assert_int_equal(error.status, status);
    if (status != ASSAY_OK)
        assert_int_equal(status, wanted);
    if (status != ASSAY_OK && wanted == ASSAY_ERROR_IO)
        assert_true(error.file[0] != '\0');
    assert_true(status != ASSAY_OK || file_exists(in_folder(folder, "model.safetensors")));
    expect_whole_files(folder);
    remove_folder(folder);
    return status == ASSAY_OK;
}

enum { SAVED_FILES = 3 };

static void every_failure_of_saving(void **state)
{
    (void)state;
    char *source = copy_model_vector("bert_odd_bare"), *folder = new_folder();
    put_file(source, "vocab.txt", vocabulary);
    assay_model *model = open_for(source, case_purpose(0, 0, 1));
    uint64_t allocations = memory_allocation_count(), changes = file_change_count();
    assert_int_equal(model_save_trained(model, folder, NULL), ASSAY_OK);
    allocations = memory_allocation_count() - allocations;
    changes = file_change_count() - changes;
    assert_true(allocations > 10 && changes >= 4 * SAVED_FILES);
    remove_folder(folder);
    int survived = 0;
    for (uint64_t nth = 1; nth <= changes; nth++)
        survived += survives(model, file_fail_at, nth, ASSAY_ERROR_IO);
    assert_int_equal(survived, SAVED_FILES);
    survived = 0;
    for (uint64_t nth = 1; nth <= allocations; nth++)
        survived += survives(model, memory_fail_at, nth, ASSAY_ERROR_MEMORY);
    assert_int_equal(survived, SAVED_FILES);
    print_message("%d file calls and %d allocations failed in turn\n", (int)changes,
                  (int)allocations);
    assay_model_close(model);
    remove_folder(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_checkpoint_for_every_task),
        cmocka_unit_test(other_types_and_shards),
        cmocka_unit_test(keys_of_the_config),
        cmocka_unit_test(gpt2_gets_a_pad_token),
        cmocka_unit_test(which_files_travel),
        cmocka_unit_test(only_trainable_models),
        cmocka_unit_test(a_source_that_shrank),
        cmocka_unit_test(every_failure_of_saving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
