/* Opening models to train them: which tensors belong, which are kept, which are drawn and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "model_vectors.h"
#include "models/safetensors_writer.h"
#include "trainable_cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static assay_model *open_for(const char *folder, struct model_purpose purpose)
{
    assay_model *model = NULL;
    assay_error error = {0};
    if (model_open_trainable(&model, folder, &purpose, &error) != ASSAY_OK) {
        char line[1200];
        assay_error_format(&error, line, sizeof line);
        fail_msg("%s: %s", folder, line);
    }
    return model;
}

static const struct parameter *weight_of(const assay_model *model, const char *name)
{
    const struct parameter *parameter = parameter_set_find(model->parameters, name);
    assert_non_null(parameter);
    return parameter;
}

/* The set holds the tensors of transformers' model with that head, neither more nor fewer; those
 * that `from` has (under either name) are its own, the others are drawn. */
static void expect_tensors(const assay_model *model, const char *like, const char *from)
{
    struct safetensors *wanted = NULL, *source = NULL;
    assert_int_equal(safetensors_open(&wanted, model_vector(like), NULL), ASSAY_OK);
    assert_int_equal(safetensors_open(&source, from, NULL), ASSAY_OK);
    assert_int_equal(parameter_set_count(model->parameters), safetensors_count(wanted));
    for (size_t i = 0; i < safetensors_count(wanted); i++) {
        const struct safetensors_entry *entry = safetensors_at(wanted, i);
        const struct parameter *parameter = weight_of(model, entry->name);
        assert_int_equal(parameter->tensor.rank, entry->rank);
        assert_memory_equal(parameter->tensor.shape, entry->shape,
                            (size_t)entry->rank * sizeof *entry->shape);
        size_t prefix = strlen(model->prefix);
        bool in_body = !strncmp(entry->name, model->prefix, prefix);
        assert_int_equal(model_weight_is_of_head(model, entry->name), !in_body);
        const struct safetensors_entry *read = safetensors_find(source, entry->name);
        if (!read && in_body)
            read = safetensors_find(source, entry->name + prefix);
        assert_int_equal(model_weight_is_new(model, entry->name), !read);
        if (read)
            assert_memory_equal(parameter->tensor.data, read->data, read->bytes);
    }
    safetensors_close(wanted);
    safetensors_close(source);
}

static void every_checkpoint_for_every_task(void **state)
{
    (void)state;
    for (int family = 0; family < CASE_FAMILIES; family++) {
        for (int shape = 0; shape < CASE_SHAPES; shape++) {
            for (int from = 0; from < CASE_HEADS; from++) {
                for (int to = 1; to < CASE_HEADS; to++) {
                    char folder[1200];
                    snprintf(folder, sizeof folder, "%s",
                             model_vector(case_name(family, shape, from)));
                    assay_model *model = open_for(folder, case_purpose(family, shape, to));
                    expect_tensors(model, case_name(family, shape, to), folder);
                    float outputs[CASE_OUTPUTS];
                    assert_true(case_outputs(outputs, model) > 0);
                    assay_model_close(model);
                }
            }
        }
    }
}

/* Drawn weights: biases zero, norms one, matrices normal with the config's range. */
static void drawn_values(void **state)
{
    (void)state;
    assay_model *model = open_for(model_vector("bert_odd_bare"), case_purpose(0, 0, 2));
    const struct parameter *p = weight_of(model, "cls.predictions.transform.LayerNorm.weight");
    for (int64_t i = 0; i < tensor_count(&p->tensor); i++)
        assert_true(((const float *)p->tensor.data)[i] == 1.0f);
    p = weight_of(model, "cls.predictions.bias");
    for (int64_t i = 0; i < tensor_count(&p->tensor); i++)
        assert_true(((const float *)p->tensor.data)[i] == 0.0f);
    p = weight_of(model, "cls.predictions.transform.dense.weight");
    double squares = 0.0;
    for (int64_t i = 0; i < tensor_count(&p->tensor); i++)
        squares += pow(((const float *)p->tensor.data)[i], 2.0);
    assert_float_equal(sqrt(squares / (double)tensor_count(&p->tensor)), 0.02, 0.002);
    float first[8];
    memcpy(first, p->tensor.data, sizeof first);
    assay_model_close(model);

    char *folder = copy_model_vector("bert_odd_bare");
    assert_int_equal(edit_file(folder, "config.json", "\"initializer_range\": 0.02",
                               "\"initializer_range\": 0.04"),
                     0);
    model = open_for(folder, case_purpose(0, 0, 2));
    p = weight_of(model, "cls.predictions.transform.dense.weight");
    for (int i = 0; i < 8; i++)
        assert_float_equal(((const float *)p->tensor.data)[i], 2.0f * first[i], 1e-8);
    assay_model_close(model);

    struct model_purpose purpose = case_purpose(0, 0, 2);
    purpose.seed++;
    model = open_for(folder, purpose);
    p = weight_of(model, "cls.predictions.transform.dense.weight");
    assert_memory_not_equal(p->tensor.data, first, sizeof first);
    assay_model_close(model);
    remove_folder(folder);
}

/* What became of the classifier of bert_odd_classify under another purpose or config. */
static void expect_classifier(const char *folder, struct model_purpose purpose, bool is_new)
{
    assay_model *model = open_for(folder, purpose);
    assert_int_equal(model_weight_is_new(model, "classifier.weight"), is_new);
    assert_int_equal(model_weight_is_new(model, "classifier.bias"), is_new);
    assert_false(model_weight_is_new(model, "bert.pooler.dense.weight")); /* it is of the body */
    assert_int_equal(weight_of(model, "classifier.weight")->tensor.shape[0], purpose.labels);
    assert_int_equal(model->config.labels, purpose.labels);
    for (int64_t i = 0; i < purpose.labels; i++)
        assert_string_equal(model->config.label_names[i],
                            purpose.label_names ? purpose.label_names[i] : "LABEL_0");
    assert_string_equal(model->config.architecture, "BertForSequenceClassification");
    assay_model_close(model);
}

static void a_head_is_kept_or_made_anew(void **state)
{
    (void)state;
    static const char *const same[] = {"human", "ai"}, *const turned[] = {"ai", "human"};
    static const char *const three[] = {"human", "ai", "mixed"};
    const struct model_purpose plain = {MODEL_TASK_CLASSIFY, 2, same, 1};
    const struct model_purpose other_order = {MODEL_TASK_CLASSIFY, 2, turned, 1};
    const struct model_purpose more = {MODEL_TASK_CLASSIFY, 3, three, 1};
    const struct model_purpose regress = {MODEL_TASK_REGRESS, 1, NULL, 1};
    char *folder = copy_model_vector("bert_odd_classify");
    expect_classifier(folder, plain, false);
    expect_classifier(folder, other_order, true);
    expect_classifier(folder, more, true);
    expect_classifier(folder, regress, true);
    assert_int_equal(edit_file(folder, "config.json", "BertForSequenceClassification",
                               "BertForTokenClassification"),
                     0);
    expect_classifier(folder, plain, true);
    remove_folder(folder);

    folder = copy_model_vector("bert_odd_classify");
    assert_int_equal(edit_file(folder, "config.json", "\"0\": \"human\"", "\"0\": \"LABEL_0\""), 0);
    expect_classifier(folder, plain, true); /* half generic is another head */
    assert_int_equal(edit_file(folder, "config.json", "\"1\": \"ai\"", "\"1\": \"LABEL_1\""), 0);
    expect_classifier(folder, plain, false);
    expect_classifier(folder, other_order, false);
    expect_classifier(folder, more, true);
    remove_folder(folder);
}

/* Writes the folder's weights again, with names changed and tensors added by `change`. */
static void rewrite(const char *folder,
                    void (*change)(struct safetensors_item *items, size_t *count))
{
    struct safetensors *file = NULL;
    struct safetensors_item items[64];
    assert_int_equal(safetensors_open(&file, folder, NULL), ASSAY_OK);
    size_t count = safetensors_count(file);
    assert_true(count < 60);
    for (size_t i = 0; i < count; i++)
        items[i] = safetensors_item_of(safetensors_at(file, i));
    change(items, &count);
    assert_int_equal(safetensors_write(in_folder(folder, "model.safetensors"), items, count, NULL),
                     ASSAY_OK);
    safetensors_close(file);
}

static const char *old_name(const char *name, const char *now, const char *old)
{
    static char names[16][128];
    static int next;
    const char *at = strstr(name, now);
    if (!at)
        return name;
    char *room = names[next++ % 16];
    snprintf(room, sizeof names[0], "%.*s%s%s", (int)(at - name), name, old, at + strlen(now));
    return room;
}

/* As the first BERT checkpoints are: gamma and beta, a second copy of the tied decoder, the head of
 * next sentences, a buffer of positions. */
static void make_old(struct safetensors_item *items, size_t *count)
{
    static const float zeros[1024] = {0};
    static const int64_t positions[24] = {0};
    for (size_t i = 0; i < *count; i++) {
        items[i].name = old_name(items[i].name, "LayerNorm.weight", "LayerNorm.gamma");
        items[i].name = old_name(items[i].name, "LayerNorm.bias", "LayerNorm.beta");
        if (!strcmp(items[i].name, "bert.embeddings.word_embeddings.weight")) {
            items[*count] = items[i];
            items[(*count)++].name = "cls.predictions.decoder.weight";
        }
    }
    items[(*count)++] = (struct safetensors_item){
        "cls.seq_relationship.weight", DTYPE_F32, NULL, 2, {2, 21}, zeros};
    items[(*count)++] =
        (struct safetensors_item){"bert.pooler.dense.weight", DTYPE_F32, NULL, 2, {21, 21}, zeros};
    items[(*count)++] =
        (struct safetensors_item){"bert.pooler.dense.bias", DTYPE_F32, NULL, 1, {21}, zeros};
    items[(*count)++] = (struct safetensors_item){
        "bert.embeddings.position_ids", DTYPE_I64, NULL, 2, {1, 24}, positions};
}

static void make_old_gpt2(struct safetensors_item *items, size_t *count)
{
    static const float ones[24 * 24] = {1.0f};
    items[(*count)++] =
        (struct safetensors_item){"h.0.attn.bias", DTYPE_F32, NULL, 4, {1, 1, 24, 24}, ones};
    items[(*count)++] =
        (struct safetensors_item){"h.1.attn.masked_bias", DTYPE_F32, NULL, 0, {0}, ones};
}

static void tensors_of_old_checkpoints(void **state)
{
    (void)state;
    char *folder = copy_model_vector("bert_odd_mlm");
    rewrite(folder, make_old);
    assay_model *model = open_for(folder, case_purpose(0, 0, 2));
    expect_tensors(model, "bert_odd_mlm", model_vector("bert_odd_mlm"));
    assay_model_close(model);
    model = open_for(folder, case_purpose(0, 0, 1));
    assert_true(model_weight_is_new(model, "classifier.weight"));
    assert_false(model_weight_is_new(model, "bert.pooler.dense.weight"));
    assert_null(parameter_set_find(model->parameters, "cls.predictions.bias"));
    assay_model_close(model);
    remove_folder(folder);

    folder = copy_model_vector("gpt2_odd_bare");
    rewrite(folder, make_old_gpt2);
    model = open_for(folder, case_purpose(3, 0, 2));
    expect_tensors(model, "gpt2_odd_lm", folder);
    assay_model_close(model);
    remove_folder(folder);
}

static void reshape_bias(struct safetensors_item *items, size_t *count)
{
    static const float zeros[8] = {0};
    for (size_t i = 0; i < *count; i++) {
        if (!strcmp(items[i].name, "classifier.bias"))
            items[i] = (struct safetensors_item){"classifier.bias", DTYPE_F32, NULL, 1, {3}, zeros};
    }
}

static void expect_refusal(const char *folder, struct model_purpose purpose, assay_status wanted,
                           const char *words)
{
    assay_model *model = (assay_model *)&purpose;
    assay_error error = {0};
    char line[1200];
    assert_int_equal(model_open_trainable(&model, folder, &purpose, &error), wanted);
    assert_null(model);
    assert_int_equal(error.status, wanted);
    assay_error_format(&error, line, sizeof line);
    if (!strstr(line, words))
        fail_msg("no \"%s\" in: %s", words, line);
}

static void what_is_refused(void **state)
{
    (void)state;
    static const char *const twice[] = {"ai", "ai"}, *const hollow[] = {"ai", NULL};
    static const char *const good[] = {"human", "ai"}, *const broken[] = {"ai", "\xff"};
    const char *bert = strdup(model_vector("bert_odd_bare"));
    const char *gpt2 = strdup(model_vector("gpt2_odd_bare"));
    const struct {
        const char *folder;
        struct model_purpose purpose;
        assay_status status;
        const char *words;
    } cases[] = {
        {bert, {MODEL_TASK_CAUSAL_LM, 0, NULL, 0}, ASSAY_ERROR_UNSUPPORTED, "bert"},
        {gpt2, {MODEL_TASK_MASKED_LM, 0, NULL, 0}, ASSAY_ERROR_UNSUPPORTED, "gpt2"},
        {bert, {MODEL_TASK_CLASSIFY, 1, good, 0}, ASSAY_ERROR_ARGUMENT, "two labels"},
        {bert, {MODEL_TASK_CLASSIFY, 2, NULL, 0}, ASSAY_ERROR_ARGUMENT, "no names"},
        {bert, {MODEL_TASK_CLASSIFY, INT64_MAX, good, 0}, ASSAY_ERROR_ARGUMENT, "labels"},
        {bert, {MODEL_TASK_CLASSIFY, 2, twice, 0}, ASSAY_ERROR_ARGUMENT, "same name"},
        {bert, {MODEL_TASK_CLASSIFY, 2, hollow, 0}, ASSAY_ERROR_ARGUMENT, "empty"},
        {bert, {MODEL_TASK_CLASSIFY, 2, broken, 0}, ASSAY_ERROR_ARGUMENT, "UTF-8"},
        {bert, {MODEL_TASK_REGRESS, 2, NULL, 0}, ASSAY_ERROR_ARGUMENT, "one label"},
        {bert, {MODEL_TASK_REGRESS, 1, good, 0}, ASSAY_ERROR_ARGUMENT, "without a name"},
        {bert, {(enum model_task)77, 2, good, 0}, ASSAY_ERROR_ARGUMENT, "unknown task"},
        {"/nowhere", {MODEL_TASK_CLASSIFY, 2, good, 0}, ASSAY_ERROR_NOT_FOUND, "/nowhere"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refusal(cases[i].folder, cases[i].purpose, cases[i].status, cases[i].words);
    free((void *)(uintptr_t)bert);
    free((void *)(uintptr_t)gpt2);

    const struct model_purpose plain = {MODEL_TASK_CLASSIFY, 2, good, 0};
    char *folder = copy_model_vector("bert_odd_classify");
    rewrite(folder, reshape_bias);
    expect_refusal(folder, plain, ASSAY_ERROR_SHAPE, "classifier.bias");
    remove_folder(folder);
    folder = copy_model_vector("bert_odd_bare");
    assert_int_equal(
        edit_file(folder, "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"),
        0);
    expect_refusal(folder, plain, ASSAY_ERROR_NOT_FOUND, "encoder.layer.2");
    remove_folder(folder);
}

static bool not_of_layer_0(void *context, const struct parameter *parameter)
{
    (void)context;
    return !strstr(parameter->name, "layer.0.") && !strstr(parameter->name, ".h.0.");
}

/* Trained values survive what they were read from; frozen ones stay mapped. */
static void read_weights_are_let_go(void **state)
{
    (void)state;
    static const char *const folders[] = {"bert_odd_classify", "bert_float16", "gpt2_bfloat16"};
    static const int families[] = {0, 0, 3}, shapes[] = {0, 3, 3};
    for (int i = 0; i < 3; i++) {
        assay_model *model =
            open_for(model_vector(folders[i]), case_purpose(families[i], shapes[i], 1));
        float before[CASE_OUTPUTS], after[CASE_OUTPUTS];
        int count = case_outputs(before, model);
        assert_true(count > 0);
        assert_int_equal(parameter_set_train(model->parameters, not_of_layer_0, NULL, NULL),
                         ASSAY_OK);
        model_release_read_weights(model);
        model_release_read_weights(model); /* twice is once */
        assert_int_equal(case_outputs(after, model), count);
        assert_memory_equal(before, after, (size_t)count * sizeof *before);
        for (int64_t j = 0; j < parameter_set_count(model->parameters); j++) {
            const struct parameter *parameter = parameter_set_get(model->parameters, j);
            const struct weight_source *source = &model->sources[j];
            const void *read = source->values ? source->values : source->entry->data;
            if (parameter->trained)
                assert_null(source->values);
            else
                assert_ptr_equal(parameter->tensor.data, read);
        }
        assay_model_close(model);
    }
}

enum { WIDE = 256 };

static void widen(struct safetensors_item *items, size_t *count)
{
    static const float zeros[WIDE * WIDE] = {0};
    for (size_t i = 0; i < *count; i++) {
        for (int d = 0; d < items[i].rank; d++) {
            if (items[i].shape[d] == 21 || items[i].shape[d] == 37)
                items[i].shape[d] = WIDE;
        }
        items[i].data = zeros;
    }
}

/* Bytes of the folder's weight file that are in this process's memory. */
static long resident_bytes(const char *folder)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[1200];
    bool inside = false;
    long kilobytes = 0, some;
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        if (strstr(line, "-") && strstr(line, " r")) /* 7f...-7f... r--p ... path */
            inside = strstr(line, folder) != NULL;
        if (inside && sscanf(line, "Rss: %ld kB", &some) == 1)
            kilobytes += some;
    }
    fclose(maps);
    return kilobytes * 1024;
}

/* Under names that are not the file's, too: frozen weights once they are packed, trained ones once
 * they are copied. */
static void pages_are_let_go(void **state)
{
    (void)state;
    static const char *const edits[] = {"\"hidden_size\": 21",        "\"hidden_size\": 256",
                                        "\"num_attention_heads\": 3", "\"num_attention_heads\": 4",
                                        "\"intermediate_size\": 37",  "\"intermediate_size\": 256"};
    char *folder = copy_model_vector("bert_odd_bare");
    for (int i = 0; i < 6; i += 2)
        assert_int_equal(edit_file(folder, "config.json", edits[i], edits[i + 1]), 0);
    rewrite(folder, widen);
    const long matrices = 12L * WIDE * WIDE * (long)sizeof(float);
    float outputs[CASE_OUTPUTS];
    assay_model *model = open_for(folder, case_purpose(0, 0, 1));
    assert_true(case_outputs(outputs, model) > 0);
    assert_true(resident_bytes(folder) < matrices / 4);
    assay_model_close(model);

    model = open_for(folder, case_purpose(0, 0, 1));
    assert_int_equal(parameter_set_train(model->parameters, NULL, NULL, NULL), ASSAY_OK);
    assert_true(resident_bytes(folder) > matrices / 2);
    model_release_read_weights(model);
    assert_true(resident_bytes(folder) < matrices / 4);
    assay_model_close(model);
    remove_folder(folder);
}

static void memory_that_runs_out(void **state)
{
    (void)state;
    static const char *const folders[] = {"bert_odd_bare", "gpt2_bfloat16"};
    static const int families[] = {0, 3}, shapes[] = {0, 3};
    for (int i = 0; i < 2; i++) {
        struct model_purpose purpose = case_purpose(families[i], shapes[i], 1);
        uint64_t before = memory_allocation_count();
        assay_model_close(open_for(model_vector(folders[i]), purpose));
        uint64_t total = memory_allocation_count() - before;
        assert_true(total > 50);
        for (uint64_t nth = 1; nth <= total; nth++) {
            assay_model *model = NULL;
            assay_error error = {0};
            memory_fail_at(nth);
            assert_int_equal(
                model_open_trainable(&model, model_vector(folders[i]), &purpose, &error),
                ASSAY_ERROR_MEMORY);
            memory_fail_at(0);
            assert_int_equal(error.status, ASSAY_ERROR_MEMORY);
            assert_null(model);
        }
        print_message("%d allocations failed in turn\n", (int)total);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_checkpoint_for_every_task),
        cmocka_unit_test(drawn_values),
        cmocka_unit_test(a_head_is_kept_or_made_anew),
        cmocka_unit_test(tensors_of_old_checkpoints),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(read_weights_are_let_go),
        cmocka_unit_test(pages_are_let_go),
        cmocka_unit_test(memory_that_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
