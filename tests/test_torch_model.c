/* Models whose weights are PyTorch checkpoints: the same numbers as from safetensors, bit for bit,
 * wherever a model is opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assay/parity.h"
#include "base/file.h"
#include "base/memory.h"
#include "model_vectors.h"
#include "models/safetensors.h"
#include "models/trainable.h"
#include "models/weight_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void copy_file(const char *from, const char *to)
{
    struct buffer bytes = {0};
    assert_int_equal(file_read(&bytes, from, 1 << 20, NULL), ASSAY_OK);
    assert_int_equal(file_write(to, bytes.bytes, bytes.length, NULL), ASSAY_OK);
    buffer_free(&bytes);
}

/* The model's folder with the checkpoint's files instead of its own weights. */
static char *torch_folder(const char *model, const char *const *files, const char *const *names)
{
    char *folder = copy_model_vector(model);
    assert_non_null(folder);
    unlink(in_folder(folder, "model.safetensors"));
    for (size_t i = 0; files[i]; i++)
        copy_file(in_folder(ASSAY_TEST_DATA "/torch", files[i]),
                  in_folder(folder, names ? names[i] : strrchr(files[i], '/') + 1));
    return folder;
}

static const char *const plain[] = {"bert_plain/pytorch_model.bin", NULL};
static const char *const old[] = {"bert_old/pytorch_model.bin", NULL};
static const char *const tied[] = {"bert_tied/pytorch_model.bin", NULL};
static const char *const shards[] = {"bert_shards/pytorch_model.bin.index.json",
                                     "bert_shards/pytorch_model-00001-of-00002.bin",
                                     "bert_shards/pytorch_model-00002-of-00002.bin", NULL};

static const int32_t ids[] = {5, 6, 7, 8, 9, 10, 100, 1, 0}, offsets[] = {0, 3, 4, 9};
enum { ROWS = 3, LABELS = 2 };

static void classify(float logits[ROWS * LABELS], const char *folder)
{
    assay_model *model = NULL;
    assay_session *session = NULL;
    assay_error error = {0};
    char line[1200];
    if (assay_model_open(&model, folder, &error) != ASSAY_OK) {
        assay_error_format(&error, line, sizeof line);
        fail_msg("%s", line);
    }
    assert_int_equal(assay_session_open(&session, model, NULL, NULL), ASSAY_OK);
    assert_int_equal(assay_session_classify_ids(session, logits, ids, NULL, offsets, ROWS, &error),
                     ASSAY_OK);
    assay_session_close(session);
    assay_model_close(model);
}

static void the_same_logits(void **state)
{
    (void)state;
    static const char *const *const checkpoints[] = {plain, old, shards};
    float expected[ROWS * LABELS], found[ROWS * LABELS];
    for (size_t i = 0; i < 3; i++) {
        const char *model = i == 2 ? "bert_sharded" : "bert_odd_classify";
        classify(expected, model_vector(model));
        char *folder = torch_folder(model, checkpoints[i], NULL);
        unlink(in_folder(folder, "model.safetensors.index.json"));
        memset(found, 0, sizeof found);
        classify(found, folder);
        assert_memory_equal(found, expected, sizeof expected);
        remove_folder(folder);
    }
}

static void under_the_names_people_use(void **state)
{
    (void)state;
    static const char *const names[] = {"model.pt", "model.pth", "pytorch_model.pt",
                                        "pytorch_model.pth"};
    float expected[ROWS * LABELS], found[ROWS * LABELS];
    classify(expected, model_vector("bert_odd_classify"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *folder = torch_folder("bert_odd_classify", plain, &names[i]);
        assert_string_equal(weight_files_single(folder), names[i]);
        classify(found, folder);
        assert_memory_equal(found, expected, sizeof expected);
        remove_folder(folder);
    }
}

static void safetensors_go_first(void **state)
{
    (void)state;
    char *folder = copy_model_vector("bert_odd_classify");
    float logits[ROWS * LABELS];
    assert_non_null(folder);
    assert_int_equal(file_write(in_folder(folder, "pytorch_model.bin"), "no", 2, NULL), ASSAY_OK);
    assert_string_equal(weight_files_single(folder), "model.safetensors");
    classify(logits, folder);
    unlink(in_folder(folder, "model.safetensors"));
    assay_model *model = NULL;
    assay_error error = {0};
    assert_string_equal(weight_files_single(folder), "pytorch_model.bin");
    assert_int_equal(assay_model_open(&model, folder, &error), ASSAY_ERROR_FORMAT);
    assert_non_null(strstr(error.file, "pytorch_model.bin"));
    unlink(in_folder(folder, "pytorch_model.bin"));
    assert_null(weight_files_single(folder));
    assert_int_equal(assay_model_open(&model, folder, &error), ASSAY_ERROR_NOT_FOUND);
    assert_non_null(strstr(error.expected, "pytorch_model.bin"));
    remove_folder(folder);
}

static void parity_with_transformers(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        const char *const *files;
    } cases[] = {{"bert_odd_classify", old}, {"bert_odd_mlm", tied}};
    for (size_t i = 0; i < 2; i++) {
        char *folder = torch_folder(cases[i].model, cases[i].files, NULL);
        assay_parity *parity = NULL;
        assert_int_equal(assay_parity_run(&parity, folder,
                                          in_folder(folder, "reference.safetensors"), NULL, NULL),
                         ASSAY_OK);
        assert_true(assay_parity_count(parity) > 10);
        assert_true(assay_parity_passed(parity));
        assay_parity_close(parity);
        remove_folder(folder);
    }
}

static void tied_weights_count_once(void **state)
{
    (void)state;
    char *folder = torch_folder("bert_odd_mlm", tied, NULL);
    assay_model *with_ties = NULL, *without = NULL;
    assay_model_info info, expected;
    assert_int_equal(assay_model_open(&with_ties, folder, NULL), ASSAY_OK);
    assert_int_equal(assay_model_open(&without, model_vector("bert_odd_mlm"), NULL), ASSAY_OK);
    assay_model_get_info(with_ties, &info);
    assay_model_get_info(without, &expected);
    assert_true(info.tensors > expected.tensors); /* the decoder under a name of its own */
    assert_int_equal(info.parameters, expected.parameters);
    assert_int_equal(info.file_bytes, expected.file_bytes);
    assert_int_equal(info.heads, expected.heads);
    assert_string_equal(info.weight_type, "F32");
    assay_model_close(with_ties);
    assay_model_close(without);
    remove_folder(folder);
}

static void saved_as_safetensors(void **state)
{
    (void)state;
    char *folder = torch_folder("bert_odd_classify", old, NULL);
    char *target = copy_model_vector("bert_odd_classify"); /* only to have a folder */
    float expected[ROWS * LABELS], found[ROWS * LABELS];
    assay_model *model = NULL;
    assert_int_equal(unlink(in_folder(target, "model.safetensors")), 0);
    classify(expected, model_vector("bert_odd_classify"));
    assert_int_equal(assay_model_open(&model, folder, NULL), ASSAY_OK);
    assert_int_equal(assay_model_save(model, target, NULL), ASSAY_OK);
    assay_model_close(model);
    assert_string_equal(weight_files_single(target), "model.safetensors");
    assert_false(file_exists(in_folder(target, "pytorch_model.bin")));
    classify(found, target);
    assert_memory_equal(found, expected, sizeof expected);
    remove_folder(folder);
    remove_folder(target);
}

/* A base to be trained has the same weights, and what comes of it is safetensors. */
static void a_base_to_be_trained(void **state)
{
    (void)state;
    static const char *const labels[] = {"human", "ai"};
    const struct model_purpose purpose = {MODEL_TASK_CLASSIFY, 2, labels, 1};
    char *folder = torch_folder("bert_odd_classify", old, NULL);
    char *target = copy_model_vector("bert_odd_classify");
    assay_model *model = NULL;
    struct safetensors *expected, *saved;
    assert_int_equal(model_open_trainable(&model, folder, &purpose, NULL), ASSAY_OK);
    assert_false(model_weight_is_new(model, "classifier.weight"));
    assert_int_equal(unlink(in_folder(target, "model.safetensors")), 0);
    assert_int_equal(model_save_trained(model, target, NULL), ASSAY_OK);
    model_release_read_weights(model);
    assay_model_close(model);
    assert_int_equal(safetensors_open(&expected, model_vector("bert_odd_classify"), NULL),
                     ASSAY_OK);
    assert_int_equal(safetensors_open(&saved, target, NULL), ASSAY_OK);
    assert_int_equal(safetensors_count(saved), safetensors_count(expected));
    for (size_t i = 0; i < safetensors_count(expected); i++) {
        const struct safetensors_entry *a = safetensors_at(expected, i);
        const struct safetensors_entry *b = safetensors_find(saved, a->name);
        assert_non_null(b);
        assert_memory_equal(a->data, b->data, a->bytes);
    }
    safetensors_close(expected);
    safetensors_close(saved);
    remove_folder(folder);
    remove_folder(target);
}

static void expect_failure(const char *folder, assay_status status, const char *words)
{
    assay_model *model = NULL;
    assay_error error = {0};
    char line[1200];
    assay_status found = assay_model_open(&model, folder, &error);
    assay_error_format(&error, line, sizeof line);
    if (found != status || !strstr(line, words))
        print_error("%d %s\n", found, line);
    assert_int_equal(found, status);
    assert_non_null(strstr(line, words));
    assert_null(model);
}

static void shards_that_do_not_fit(void **state)
{
    (void)state;
    static const char *const swapped[] = {"pytorch_model.bin.index.json",
                                          "pytorch_model-00002-of-00002.bin",
                                          "pytorch_model-00001-of-00002.bin", NULL};
    const char *const same[] = {shards[0], shards[1], shards[1], NULL};
    static const char *const in_order[] = {"pytorch_model.bin.index.json",
                                           "pytorch_model-00001-of-00002.bin",
                                           "pytorch_model-00002-of-00002.bin", NULL};
    char *folder = torch_folder("bert_odd_classify", shards, swapped);
    expect_failure(folder, ASSAY_ERROR_FORMAT, "a tensor that its shard does not hold");
    remove_folder(folder);
    folder = torch_folder("bert_odd_classify", same, in_order);
    expect_failure(folder, ASSAY_ERROR_FORMAT, "stands in two shards");
    unlink(in_folder(folder, "pytorch_model-00002-of-00002.bin"));
    expect_failure(folder, ASSAY_ERROR_NOT_FOUND, "pytorch_model-00002-of-00002.bin");
    remove_folder(folder);
}

static void memory_that_runs_out(void **state)
{
    (void)state;
    assay_model *model = NULL;
    char *folder = torch_folder("bert_odd_classify", old, NULL);
    uint64_t before = memory_allocation_count();
    assert_int_equal(assay_model_open(&model, folder, NULL), ASSAY_OK);
    uint64_t total = memory_allocation_count() - before;
    assay_model_close(model);
    for (uint64_t nth = 1; nth <= total; nth++) {
        assay_error error = {0};
        memory_fail_at(nth);
        assert_int_equal(assay_model_open(&model, folder, &error), ASSAY_ERROR_MEMORY);
        memory_fail_at(0);
    }
    print_message("%d allocations failed in turn\n", (int)total);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_logits),         cmocka_unit_test(under_the_names_people_use),
        cmocka_unit_test(safetensors_go_first),    cmocka_unit_test(parity_with_transformers),
        cmocka_unit_test(tied_weights_count_once), cmocka_unit_test(saved_as_safetensors),
        cmocka_unit_test(a_base_to_be_trained),    cmocka_unit_test(shards_that_do_not_fit),
        cmocka_unit_test(memory_that_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
