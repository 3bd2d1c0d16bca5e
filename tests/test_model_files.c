/* Model folders: saving what was loaded, and one clear error for each kind of damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assay/model.h"
#include "base/memory.h"
#include "model_vectors.h"
#include "models/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const loadable[] = {"bert_odd_classify", "distilbert_odd_mlm", "roberta_odd_mlm",
                                       "gpt2_odd_lm",       "bert_sharded",       "bert_float16",
                                       "gpt2_bfloat16"};

static void saved_tensors_are_the_same_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof loadable / sizeof *loadable; i++) {
        char *folder = copy_model_vector("bert_odd_classify"); /* only to have a folder */
        assert_non_null(folder);
        assay_model *model = NULL;
        assert_int_equal(assay_model_open(&model, model_vector(loadable[i]), NULL), ASSAY_OK);
        assert_int_equal(assay_model_save(model, folder, NULL), ASSAY_OK);
        assay_model_close(model);
        struct safetensors *before = NULL, *after = NULL;
        assert_int_equal(safetensors_open(&before, model_vector(loadable[i]), NULL), ASSAY_OK);
        assert_int_equal(safetensors_open(&after, folder, NULL), ASSAY_OK);
        assert_int_equal(safetensors_count(before), safetensors_count(after));
        for (size_t j = 0; j < safetensors_count(before); j++) {
            const struct safetensors_entry *a = safetensors_at(before, j);
            const struct safetensors_entry *b = safetensors_find(after, a->name);
            assert_non_null(b);
            assert_string_equal(a->type_name, b->type_name);
            assert_int_equal(a->bytes, b->bytes);
            assert_memory_equal(a->data, b->data, a->bytes);
        }
        safetensors_close(before);
        safetensors_close(after);
        assert_int_equal(assay_model_open(&model, folder, NULL), ASSAY_OK);
        assay_model_close(model);
        remove_folder(folder);
    }
}

/* Opens the folder and expects a failure whose line holds `words`. */
static void expect_failure(const char *folder, const char *words)
{
    assay_model *model = NULL;
    assay_error error = {0};
    assay_status status = assay_model_open(&model, folder, &error);
    char line[1200];
    assay_error_format(&error, line, sizeof line);
    assert_int_not_equal(status, ASSAY_OK);
    assert_null(model);
    assert_int_equal(status, error.status);
    assert_non_null(strstr(line, words));
    assert_non_null(strstr(line, folder)); /* names the file */
}

static void bad_configs(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *words;
    } edits[] = {
        {"\"hidden_size\": 21", "\"hidden_size\": 2100000000", "hidden_size"},
        {"\"hidden_size\": 21", "\"hidden_size\": -21", "hidden_size"},
        {"\"hidden_size\": 21", "\"hidden_size\": \"wide\"", "hidden_size"},
        {"\"hidden_size\": 21", "\"hidden_width\": 21", "hidden_size"},
        {"\"hidden_size\": 21", "\"hidden_size\": 24", "embeddings"},
        {"\"num_attention_heads\": 3", "\"num_attention_heads\": 4", "heads"},
        {"\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "layer.2"},
        {"\"num_hidden_layers\": 2", "\"num_hidden_layers\": 99999999", "num_hidden_layers"},
        {"\"vocab_size\": 101", "\"vocab_size\": 102", "word_embeddings"},
        {"\"model_type\": \"bert\"", "\"model_type\": \"llama\"", "llama"},
        {"\"hidden_act\": \"gelu\"", "\"hidden_act\": \"mish\"", "mish"},
        {"\"layer_norm_eps\": 1e-12", "\"layer_norm_eps\": -1", "layer_norm_eps"},
        {"\"1\": \"ai\"", "\"7\": \"ai\"", "id2label"},
        {"{", "[", "config.json"},
    };
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        char *folder = copy_model_vector("bert_odd_classify");
        assert_non_null(folder);
        assert_int_equal(edit_file(folder, "config.json", edits[i].from, edits[i].to), 0);
        expect_failure(folder, edits[i].words);
        remove_folder(folder);
    }
}

static void bad_weights(void **state)
{
    (void)state;
    char *folder = copy_model_vector("bert_odd_classify");
    assert_non_null(folder);
    assert_int_equal(truncate(in_folder(folder, "model.safetensors"), 30000), 0);
    expect_failure(folder, "model.safetensors");
    assert_int_equal(unlink(in_folder(folder, "model.safetensors")), 0);
    expect_failure(folder, "safetensors");
    remove_folder(folder);
    folder = copy_model_vector("bert_odd_classify");
    /* of the same length, so that the header stays whole */
    assert_int_equal(edit_file(folder, "model.safetensors", "layer.1.output.dense.weight",
                               "layer.1.output.dense.wEight"),
                     0);
    expect_failure(folder, "layer.1.output.dense.weight");
    remove_folder(folder);
    expect_failure("/nowhere/at/all", "no such model folder");
}

static assay_status classify(const char *folder, assay_error *error)
{
    static const int32_t ids[] = {5, 6, 7}, offsets[] = {0, 3};
    assay_model *model = NULL;
    assay_session *session = NULL;
    float logits[8];
    assay_status status = assay_model_open(&model, folder, error);
    if (status == ASSAY_OK)
        status = assay_session_open(&session, model, NULL, error);
    if (status == ASSAY_OK)
        status = assay_session_classify_ids(session, logits, ids, NULL, offsets, 1, error);
    assay_session_close(session);
    assay_model_close(model);
    return status;
}

static void a_weight_that_is_no_number(void **state)
{
    (void)state;
    char *folder = copy_model_vector("bert_odd_classify");
    struct safetensors *file = NULL;
    assert_int_equal(safetensors_open(&file, folder, NULL), ASSAY_OK);
    const struct safetensors_entry *entry =
        safetensors_find(file, "bert.encoder.layer.1.output.dense.weight");
    const struct safetensors_entry *first = safetensors_at(file, 0);
    assert_non_null(entry);
    long distance = (long)((const char *)entry->data - (const char *)first->data);
    safetensors_close(file);
    FILE *stream = fopen(in_folder(folder, "model.safetensors"), "r+b");
    uint64_t header;
    float value = NAN;
    assert_int_equal(fread(&header, 8, 1, stream), 1);
    assert_int_equal(fseek(stream, 8 + (long)header + distance + 40, SEEK_SET), 0);
    assert_int_equal(fwrite(&value, 4, 1, stream), 1);
    fclose(stream);
    assay_error error = {0};
    assert_int_equal(classify(folder, &error), ASSAY_ERROR_NUMERIC);
    assert_string_equal(error.place, "bert.encoder.layer.1.output.dense.weight");
    assert_non_null(strstr(error.file, "model.safetensors"));
    remove_folder(folder);
}

static void a_file_that_shrinks_under_a_model(void **state)
{
    (void)state;
    char *folder = copy_model_vector("gpt2_odd_classify");
    assay_model *model = NULL;
    assay_session *session = NULL;
    assay_error error = {0};
    assert_int_equal(assay_model_open(&model, folder, NULL), ASSAY_OK);
    assert_int_equal(assay_session_open(&session, model, NULL, NULL), ASSAY_OK);
    assert_int_equal(truncate(in_folder(folder, "model.safetensors"), 4096), 0);
    static const int32_t ids[] = {5, 6, 7}, offsets[] = {0, 3};
    float logits[8];
    assert_int_equal(assay_session_classify_ids(session, logits, ids, NULL, offsets, 1, &error),
                     ASSAY_ERROR_CHANGED);
    assert_non_null(strstr(error.file, "model.safetensors"));
    assay_session_close(session);
    assay_model_close(model);
    remove_folder(folder);
}

static void rows_that_the_model_cannot_take(void **state)
{
    (void)state;
    assay_model *model = NULL;
    assay_session *session = NULL;
    assay_error error = {0};
    assert_int_equal(assay_model_open(&model, model_vector("bert_odd_classify"), NULL), ASSAY_OK);
    assert_int_equal(assay_session_open(&session, model, NULL, NULL), ASSAY_OK);
    float logits[8];
    int32_t ids[100] = {0}, two[] = {0, 1, 2}, none[] = {0, 1, 1}, many[] = {0, 1, 100};
    ids[1] = 101;
    assert_int_equal(assay_session_classify_ids(session, logits, ids, NULL, two, 2, &error),
                     ASSAY_ERROR_ARGUMENT);
    assert_int_equal(error.row, 2);
    assert_int_equal(assay_session_classify_ids(session, logits, ids, NULL, none, 2, &error),
                     ASSAY_ERROR_LIMIT);
    assert_int_equal(assay_session_classify_ids(session, logits, ids, NULL, many, 2, &error),
                     ASSAY_ERROR_LIMIT);
    int32_t types[100] = {0, 2};
    ids[1] = 7;
    assert_int_equal(assay_session_classify_ids(session, logits, ids, types, two, 2, &error),
                     ASSAY_ERROR_ARGUMENT);
    /* no tokenizer, and a model without the head */
    assay_text text = {.text = "hello", .length = 5};
    assert_int_equal(assay_session_classify(session, logits, NULL, &text, 1, &error),
                     ASSAY_ERROR_NOT_FOUND);
    assay_session_close(session);
    assay_model_close(model);
    assert_int_equal(assay_model_open(&model, model_vector("bert_odd_mlm"), NULL), ASSAY_OK);
    assert_int_equal(assay_session_open(&session, model, NULL, NULL), ASSAY_OK);
    assert_int_equal(assay_session_classify_ids(session, logits, ids, NULL, two, 2, &error),
                     ASSAY_ERROR_UNSUPPORTED);
    assay_session_close(session);
    assay_model_close(model);
}

/* Every single allocation of loading and scoring fails once; each time there is an error, never a
 * crash, and nothing leaks (the sanitizers see to that). */
static void memory_that_runs_out(void **state)
{
    (void)state;
    uint64_t before = memory_allocation_count();
    assert_int_equal(classify(model_vector("bert_odd_classify"), NULL), ASSAY_OK);
    uint64_t total = memory_allocation_count() - before;
    assert_true(total > 50);
    for (uint64_t nth = 1; nth <= total; nth++) {
        assay_error error = {0};
        memory_fail_at(nth);
        assert_int_equal(classify(model_vector("bert_odd_classify"), &error), ASSAY_ERROR_MEMORY);
        assert_int_equal(error.status, ASSAY_ERROR_MEMORY);
        memory_fail_at(0);
    }
    print_message("%d allocations failed in turn\n", (int)total);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saved_tensors_are_the_same_bytes),
        cmocka_unit_test(bad_configs),
        cmocka_unit_test(bad_weights),
        cmocka_unit_test(a_weight_that_is_no_number),
        cmocka_unit_test(a_file_that_shrinks_under_a_model),
        cmocka_unit_test(rows_that_the_model_cannot_take),
        cmocka_unit_test(memory_that_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
