/* Memory that runs out while models and tokenizers are opened, saved, scored with and compared. */
#include "memory_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assay/detect.h"
#include "assay/parity.h"
#include "base/file.h"
#include "model_vectors.h"
#include "training_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 1 << 22, CALIBRATION_ROWS = 160, TEXTS = 3, MOST_FLOATS = 4096 };

static void copy_file(const char *from, const char *folder, const char *name)
{
    struct buffer contents = {0};
    assert_int_equal(file_read(&contents, from, LARGEST, NULL), ASSAY_OK);
    assert_int_equal(file_write(in_folder(folder, name), contents.bytes, contents.length, NULL),
                     ASSAY_OK);
    buffer_free(&contents);
}

/* A folder with the vector's weights and a tokenizer that fits its vocabulary. */
static const char *with_tokenizer(const char *vector, const char *family)
{
    char name[100], tokenizer[100];
    snprintf(name, sizeof name, "%s-ready", vector);
    snprintf(tokenizer, sizeof tokenizer, "%s.json", family);
    const char *folder = training_path(name);
    if (file_is_folder(folder))
        return folder;
    assert_int_equal(folder_create(folder, NULL), ASSAY_OK);
    copy_file(in_folder(model_vector(vector), "config.json"), folder, "config.json");
    copy_file(in_folder(model_vector(vector), "model.safetensors"), folder, "model.safetensors");
    copy_file(in_folder(ASSAY_TEST_DATA "/training/tokenizers", tokenizer), folder,
              "tokenizer.json");
    return folder;
}

static int begin(void **state)
{
    (void)state;
    return training_fixture_open("bert_odd_bare");
}

static int end(void **state)
{
    (void)state;
    training_fixture_close();
    return 0;
}

/* ---- opening and saving */

static assay_status open_model(void *context, bool again, struct bits *bits, assay_error *error)
{
    (void)again;
    assay_model *model = NULL;
    assay_status status = assay_model_open(&model, context, error);
    if (status == ASSAY_OK) {
        assay_model_info info;
        assay_model_get_info(model, &info);
        bits_add_text(bits, info.family);
        bits_add_text(bits, info.weight_type);
        bits_add(bits, &info.parameters, sizeof info.parameters);
        for (int64_t i = 0; i < info.tensors && status == ASSAY_OK; i++) {
            assay_tensor_info tensor;
            status = assay_model_get_tensor(model, i, &tensor);
            if (status == ASSAY_OK)
                bits_add_text(bits, tensor.name);
        }
    }
    assay_model_close(model);
    return status;
}

static void opening(void **state)
{
    (void)state;
    static const char *const vectors[] = {
        "bert_one_classify",    "distilbert_one_classify",
        "roberta_one_classify", "gpt2_one_classify",
        "bert_one_mlm",         "gpt2_one_lm",
        "bert_sharded",         "bert_float16",
        "gpt2_bfloat16",
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char name[100], folder[1200];
        snprintf(name, sizeof name, "open %s", vectors[i]);
        snprintf(folder, sizeof folder, "%s", model_vector(vectors[i]));
        memory_job_try(&(struct memory_job){.name = name, .run = open_model, .context = folder});
    }
}

static assay_status save_model(void *context, bool again, struct bits *bits, assay_error *error)
{
    (void)again;
    const char *to = training_path("saved");
    assay_model *model = NULL;
    assay_status status = assay_model_open(&model, context, error);
    if (status == ASSAY_OK)
        status = assay_model_save(model, to, error);
    if (status == ASSAY_OK) {
        bits_add_file(bits, in_folder(to, "config.json"));
        bits_add_file(bits, in_folder(to, "tokenizer.json"));
        bits_add_file(bits, in_folder(to, "1_Pooling/config.json"));
        bits_add_file(bits, in_folder(to, "model.safetensors"));
    }
    assay_model_close(model);
    return status;
}

static void no_saved_folder(void *context)
{
    (void)context;
    training_remove(training_path("saved"));
}

static void nothing_saved(void *context)
{
    (void)context;
    assert_false(file_exists(training_path("saved")));
}

static void saving(void **state)
{
    (void)state;
    char folder[1200];
    snprintf(folder, sizeof folder, "%s", with_tokenizer("bert_one_classify", "bert"));
    assert_int_equal(folder_create(in_folder(folder, "1_Pooling"), NULL), ASSAY_OK);
    const char *pooling = "{\"pooling_mode_mean_tokens\": true}\n";
    assert_int_equal(
        file_write(in_folder(folder, "1_Pooling/config.json"), pooling, strlen(pooling), NULL),
        ASSAY_OK);
    memory_job_try(&(struct memory_job){.name = "save a model",
                                        .run = save_model,
                                        .prepare = no_saved_folder,
                                        .failed = nothing_saved,
                                        .untouched = {folder},
                                        .context = folder});
    memory_job_try(&(struct memory_job){.name = "save a model over another",
                                        .run = save_model,
                                        .untouched = {folder, training_path("saved")},
                                        .context = folder});
}

/* ---- tokenizers */

static const char sample[] =
    "I'm  s\xc3\xb6 gl\xc3\xa4"
    "d, don't you think? \xe4\xbd\xa0\xe5\xa5\xbd 12345 [MASK] <mask> "
    "the wooden bridge\n\nand unbelievably long words stand here, stand here, stand here. "
    "\xf0\x9f\x98\x80 <|endoftext|> caf\x65\xcc\x81 \xe2\x80\x9cquoted\xe2\x80\x9d!";

static void add_encoding(struct bits *bits, const assay_encoding *encoding)
{
    bits_add(bits, encoding->ids, (size_t)encoding->count * sizeof *encoding->ids);
    bits_add(bits, encoding->end, (size_t)encoding->count * sizeof *encoding->end);
}

static assay_status tokenize(void *context, bool again, struct bits *bits, assay_error *error)
{
    (void)again;
    assay_tokenizer *tokenizer = NULL;
    assay_encoding encoding = {0};
    assay_encode_options options = ASSAY_ENCODE_OPTIONS_INIT;
    char *text = NULL;
    assay_status status = assay_tokenizer_open(&tokenizer, context, error);
    if (status == ASSAY_OK)
        status = assay_tokenizer_encode(tokenizer, &encoding, sample, strlen(sample), sample,
                                        strlen(sample), NULL, error);
    if (status == ASSAY_OK) {
        add_encoding(bits, &encoding);
        status =
            assay_tokenizer_decode(tokenizer, &text, encoding.ids, encoding.count, true, error);
    }
    if (status == ASSAY_OK) {
        bits_add_text(bits, text);
        options.keep_overflow = true;
        options.truncation = ASSAY_TRUNCATE_LONGEST_FIRST;
        options.max_tokens = 12;
        options.stride = 2;
        status = assay_tokenizer_encode(tokenizer, &encoding, sample, strlen(sample), NULL, 0,
                                        &options, error);
    }
    if (status == ASSAY_OK) {
        add_encoding(bits, &encoding);
        for (int32_t i = 0; i < encoding.overflow_count; i++)
            add_encoding(bits, &encoding.overflow[i]);
    }
    assay_string_free(text);
    assay_encoding_free(&encoding);
    assay_tokenizer_close(tokenizer);
    return status;
}

static void tokenizers(void **state)
{
    (void)state;
    static const char *const vectors[] = {"bert_files", "bert_json", "nfkd_json",
                                          "gpt2_files", "bpe_json",  "roberta_files"};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char name[100], folder[1200];
        snprintf(name, sizeof name, "tokenizer %s", vectors[i]);
        snprintf(folder, sizeof folder, "%s", in_folder(ASSAY_TEST_DATA "/tokenizer", vectors[i]));
        memory_job_try(&(struct memory_job){.name = name, .run = tokenize, .context = folder});
    }
}

/* ---- scoring */

struct scoring {
    char folder[1200];
    assay_session_options options;
    bool judged;
};

static const assay_text texts[TEXTS] = {{"the dog and so", 14, NULL, 0},
                                        {"in conclusion we can see rain again", 35, NULL, 0},
                                        {"is", 2, NULL, 0}};

static assay_status judge(assay_model *model, const float *logits, int32_t labels,
                          const assay_text_result *results, struct bits *bits, assay_error *error)
{
    assay_detector *detector = NULL;
    assay_status status = assay_detector_open(&detector, model, NULL, error);
    for (int i = 0; i < TEXTS && status == ASSAY_OK; i++) {
        float probabilities[16];
        assay_verdict verdict;
        assert_true(labels <= 16);
        status = assay_detector_judge(detector, &verdict, probabilities,
                                      logits + (size_t)i * (size_t)labels, &results[i], error);
        if (status != ASSAY_OK)
            break;
        bits_add(bits, probabilities, (size_t)labels * sizeof *probabilities);
        bits_add(bits, &verdict.p_value, sizeof verdict.p_value);
        bits_add_text(bits, verdict.reason);
    }
    assay_detector_close(detector);
    return status;
}

static assay_status score(void *context, bool again, struct bits *bits, assay_error *error)
{
    (void)again;
    const struct scoring *scoring = context;
    assay_model *model = NULL;
    assay_session *session = NULL;
    assay_text_result results[TEXTS];
    static float values[MOST_FLOATS];
    assay_model_info info = {0};
    assay_status status = assay_model_open(&model, scoring->folder, error);
    if (status == ASSAY_OK)
        status = assay_session_open(&session, model, &scoring->options, error);
    if (status == ASSAY_OK) {
        assay_model_get_info(model, &info);
        assert_true(TEXTS * info.labels <= MOST_FLOATS && TEXTS * info.width <= MOST_FLOATS);
        status = assay_session_embed(session, values, results, texts, TEXTS, error);
    }
    if (status == ASSAY_OK) {
        bits_add(bits, values, TEXTS * (size_t)info.width * sizeof *values);
        status = assay_session_classify(session, values, results, texts, TEXTS, error);
    }
    if (status == ASSAY_OK) {
        bits_add(bits, values, TEXTS * (size_t)info.labels * sizeof *values);
        if (scoring->judged)
            status = judge(model, values, info.labels, results, bits, error);
    }
    assay_session_close(session);
    assay_model_close(model);
    return status;
}

static void scoring(void **state)
{
    (void)state;
    static const struct {
        const char *vector, *family;
        assay_precision precision;
    } cases[] = {
        {"bert_one_classify", "bert", ASSAY_PRECISION_HIGHEST},
        {"distilbert_one_classify", "bert", ASSAY_PRECISION_HIGHEST},
        {"roberta_one_classify", "roberta", ASSAY_PRECISION_HIGHEST},
        {"gpt2_one_classify", "gpt2", ASSAY_PRECISION_HIGHEST},
        {"bert_odd_classify", "bert", ASSAY_PRECISION_MEDIUM},
        {"bert_odd_classify", "bert", ASSAY_PRECISION_HIGH},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scoring scoring = {.options = ASSAY_SESSION_OPTIONS_INIT};
        char name[100];
        scoring.options.threads = 1;
        scoring.options.precision = cases[i].precision;
        snprintf(scoring.folder, sizeof scoring.folder, "%s",
                 with_tokenizer(cases[i].vector, cases[i].family));
        snprintf(name, sizeof name, "score with %s at %s", cases[i].vector,
                 assay_precision_name(cases[i].precision));
        memory_job_try(&(struct memory_job){
            .name = name, .run = score, .untouched = {scoring.folder}, .context = &scoring});
    }
}

/* Rows that both classes say alike: what is calibrated does not matter here. */
static const char *calibration_rows(void)
{
    static const char *const words[] = {"the", "dog", "and", "so", "rain", "again", "we", "said"};
    const char *path = training_path("calibration.jsonl");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (unsigned i = 0; i < CALIBRATION_ROWS; i++) {
        fprintf(file, "{\"id\": %u, \"label\": \"%s\", \"text\": \"", i, i % 4 ? "human" : "ai");
        for (unsigned k = 0; k < 2 + i % 5; k++)
            fprintf(file, "%s%s", k ? " " : "", words[(i * 7 + k * (1 + i / 8)) % 8]);
        fputs("\"}\n", file);
    }
    assert_int_equal(fclose(file), 0);
    return path;
}

struct calibrating {
    char folder[1200], data[1200];
};

static assay_status calibrate(void *context, bool again, struct bits *bits, assay_error *error)
{
    (void)again;
    const struct calibrating *work = context;
    assay_calibration_options options = ASSAY_CALIBRATION_OPTIONS_INIT;
    assay_calibration_result result;
    options.threads = 1;
    assay_status status = assay_calibrate(work->folder, work->data, &options, &result, error);
    if (status == ASSAY_OK)
        bits_add_file(bits, in_folder(work->folder, "detector.json"));
    return status;
}

static void cold_cache(void *context)
{
    (void)context;
    training_remove(training_path("home/tokens"));
}

static void judging(void **state)
{
    (void)state;
    struct calibrating calibrating;
    struct scoring scoring = {.options = ASSAY_SESSION_OPTIONS_INIT, .judged = true};
    scoring.options.threads = 1;
    snprintf(scoring.folder, sizeof scoring.folder, "%s",
             with_tokenizer("bert_one_classify", "bert"));
    snprintf(calibrating.folder, sizeof calibrating.folder, "%s", scoring.folder);
    snprintf(calibrating.data, sizeof calibrating.data, "%s", calibration_rows());
    struct bits bits = {0};
    memory_job_try(&(struct memory_job){.name = "detect without detector.json",
                                        .run = score,
                                        .untouched = {scoring.folder},
                                        .context = &scoring});
    assay_error error = {0};
    if (calibrate(&calibrating, false, &bits, &error) != ASSAY_OK)
        fail_msg("%s: %s", error.place, error.message);
    memory_job_try(&(struct memory_job){.name = "calibrate",
                                        .run = calibrate,
                                        .prepare = cold_cache,
                                        .untouched = {scoring.folder, calibrating.data},
                                        .context = &calibrating});
    memory_job_try(&(struct memory_job){
        .name = "detect", .run = score, .untouched = {scoring.folder}, .context = &scoring});
}

/* ---- parity */

static assay_status compare(void *context, bool again, struct bits *bits, assay_error *error)
{
    (void)again;
    const char *folder = context;
    assay_parity *parity = NULL;
    assay_parity_options options = ASSAY_PARITY_OPTIONS_INIT;
    options.threads = 1;
    assay_status status = assay_parity_run(
        &parity, folder, in_folder(folder, "reference.safetensors"), &options, error);
    for (int64_t i = 0; status == ASSAY_OK && i < assay_parity_count(parity); i++) {
        const assay_parity_item *item = assay_parity_get(parity, i);
        bits_add_text(bits, item->name);
        bits_add_text(bits, item->note);
        bits_add(bits, &item->error, sizeof item->error);
    }
    assay_parity_close(parity);
    return status;
}

static void parity(void **state)
{
    (void)state;
    static const char *const vectors[] = {"bert_shallow_classify", "gpt2_shallow_lm",
                                          "roberta_shallow_mlm", "distilbert_shallow_bare"};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char name[100], folder[1200];
        snprintf(name, sizeof name, "parity %s", vectors[i]);
        snprintf(folder, sizeof folder, "%s", model_vector(vectors[i]));
        memory_job_try(&(struct memory_job){.name = name, .run = compare, .context = folder});
    }
}

/* test_memory_models [TEST] */
int main(int count, char **words)
{
    if (count > 1)
        cmocka_set_test_filter(words[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening), cmocka_unit_test(saving),  cmocka_unit_test(tokenizers),
        cmocka_unit_test(scoring), cmocka_unit_test(judging), cmocka_unit_test(parity),
    };
    return memory_jobs_end(cmocka_run_group_tests(tests, begin, end));
}
