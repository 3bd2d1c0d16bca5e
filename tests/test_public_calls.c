/* The public functions as a careless program calls them: with NULL wherever something is needed,
 * with options of no size, of another size, and with counted lists that are not there. Each call
 * says what it needs, opens nothing, and crashes nothing. tests/test_exports.sh sees to it that no
 * function of the shared library is missing here. */
#include "assay/assay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MODEL ASSAY_TEST_DATA "/models/bert_shallow_classify"

static assay_error error;

/* The call was refused, and the message names its function. */
static void refused(assay_status status, const char *function)
{
    assert_int_equal(status, ASSAY_ERROR_ARGUMENT);
    assert_int_equal(error.status, ASSAY_ERROR_ARGUMENT);
    if (!strstr(error.message, function))
        fail_msg("\"%s\" does not name %s", error.message, function);
    memset(&error, 0, sizeof error);
}
#define REFUSED(function, ...) refused(function(__VA_ARGS__, &error), #function)

/* The same of a call that opens `out`, which is then NULL. */
#define OPENS_NOTHING(out, function, ...)                                                          \
    do {                                                                                           \
        memset(&(out), 0xa5, sizeof(out));                                                         \
        refused(function(&(out), __VA_ARGS__, &error), #function);                                 \
        assert_null(out);                                                                          \
        refused(function(NULL, __VA_ARGS__, &error), #function);                                   \
        assert_int_equal(function(NULL, __VA_ARGS__, NULL), ASSAY_ERROR_ARGUMENT);                 \
    } while (0)

static void status_calls(void **state)
{
    (void)state;
    char line[8] = "before";
    assert_string_equal(assay_status_name(ASSAY_ERROR_IO), "ERROR_IO");
    assert_non_null(assay_status_message((assay_status)77));
    assert_int_equal(assay_error_format(NULL, line, sizeof line), 0);
    assert_string_equal(line, "");
    assay_error some = {.message = "something long"};
    assert_int_equal(assay_error_format(&some, NULL, 0), strlen("something long"));
    assert_int_equal(assay_error_format(&some, NULL, 100), strlen("something long"));
    assert_int_equal(assay_error_format(&some, line, sizeof line), strlen("something long"));
    assert_string_equal(line, "somethi");
    assay_string_free(NULL);
}

static void versions(void **state)
{
    (void)state;
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", ASSAY_VERSION_MAJOR, ASSAY_VERSION_MINOR,
             ASSAY_VERSION_PATCH);
    assert_string_equal(text, ASSAY_VERSION);
    assert_string_equal(assay_version(), ASSAY_VERSION);
    assert_int_equal(assay_version_number(), ASSAY_VERSION_NUMBER);
}

static void tokenizer_calls(void **state)
{
    (void)state;
    assay_tokenizer *tokenizer;
    assay_encoding encoding = {0};
    char *text;
    size_t length;
    int32_t ids[1] = {0};
    OPENS_NOTHING(tokenizer, assay_tokenizer_open, NULL);
    REFUSED(assay_tokenizer_encode, NULL, &encoding, "a", 1, NULL, 0, NULL);
    assert_int_equal(
        assay_tokenizer_open(&tokenizer, ASSAY_TEST_DATA "/tokenizer/bert_files", NULL), ASSAY_OK);
    REFUSED(assay_tokenizer_encode, tokenizer, NULL, "a", 1, NULL, 0, NULL);
    REFUSED(assay_tokenizer_encode, tokenizer, &encoding, NULL, 1, NULL, 0, NULL);
    REFUSED(assay_tokenizer_encode, tokenizer, &encoding, "a", 1, NULL, 1, NULL);
    assert_int_equal(assay_tokenizer_encode(tokenizer, &encoding, NULL, 0, NULL, 0, NULL, NULL),
                     ASSAY_OK);
    assay_encoding_free(&encoding);
    assay_encoding_free(NULL);
    refused(assay_tokenizer_decode(NULL, &text, ids, 1, false, &error), "assay_tokenizer_decode");
    refused(assay_tokenizer_decode(tokenizer, NULL, ids, 1, false, &error),
            "assay_tokenizer_decode");
    refused(assay_tokenizer_decode(tokenizer, &text, NULL, 1, false, &error),
            "assay_tokenizer_decode");
    refused(assay_tokenizer_decode(tokenizer, &text, ids, -1, false, &error),
            "assay_tokenizer_decode");
    refused(assay_tokenizer_decode_bytes(NULL, &text, &length, ids, 1, false, &error),
            "assay_tokenizer_decode");
    assert_false(assay_tokenizer_is_special(NULL, 0));
    assert_int_equal(assay_tokenizer_vocabulary_size(NULL), 0);
    assert_null(assay_tokenizer_token(NULL, 0));
    assert_null(assay_tokenizer_token(tokenizer, -1));
    assert_null(assay_tokenizer_token(tokenizer, INT32_MAX));
    assert_int_equal(assay_tokenizer_token_id(NULL, "a"), -1);
    assert_int_equal(assay_tokenizer_token_id(tokenizer, NULL), -1);
    assert_int_equal(assay_tokenizer_get_kind(NULL), ASSAY_WORDPIECE);
    assert_int_equal(assay_tokenizer_max_tokens(NULL), 0);
    assay_tokenizer_close(tokenizer);
    assay_tokenizer_close(NULL);
}

static void rows_calls(void **state)
{
    (void)state;
    assay_rows *rows;
    assay_row row;
    size_t length = 3;
    OPENS_NOTHING(rows, assay_rows_open, NULL, NULL);
    REFUSED(assay_rows_next, NULL, &row);
    assert_null(row.text);
    assert_null(assay_rows_field(NULL, "a", &length));
    assert_int_equal(length, 0);
    assert_int_equal(assay_rows_bytes(NULL), 0);
    assert_int_equal(assay_rows_open(&rows, ASSAY_TEST_DATA "/training/train.jsonl", NULL, NULL),
                     ASSAY_OK);
    REFUSED(assay_rows_next, rows, NULL);
    assert_int_equal(assay_rows_next(rows, &row, NULL), ASSAY_OK);
    assert_null(assay_rows_field(rows, NULL, &length));
    assert_non_null(assay_rows_field(rows, "label", NULL));
    assay_rows_close(rows);
    assay_rows_close(NULL);
}

static void model_calls(void **state)
{
    (void)state;
    assay_model *model;
    assay_model_info info;
    assay_tensor_info tensor;
    OPENS_NOTHING(model, assay_model_open, NULL);
    assay_model_retain(NULL);
    assay_model_close(NULL);
    assay_model_get_info(NULL, &info);
    assert_int_equal(info.parameters, 0);
    assert_null(info.family);
    assert_null(assay_model_label(NULL, 0));
    assert_null(assay_model_tokenizer(NULL));
    assert_int_equal(assay_model_get_tensor(NULL, 0, &tensor), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(assay_model_open(&model, MODEL, &error), ASSAY_OK);
    assay_model_get_info(model, NULL);
    assert_null(assay_model_label(model, -1));
    assert_null(assay_model_label(model, 1000));
    assert_int_equal(assay_model_get_tensor(model, 0, NULL), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(assay_model_get_tensor(model, -1, &tensor), ASSAY_ERROR_ARGUMENT);
    REFUSED(assay_model_save, model, NULL);
    REFUSED(assay_model_save, NULL, "nowhere");
    assay_model_close(model);

    char *folder;
    refused(assay_model_folder(NULL, "name", &error), "assay_model_folder");
    refused(assay_model_folder(&folder, NULL, &error), "folder or name");
    assert_null(folder);
    assay_precision precision = ASSAY_PRECISION_HIGH;
    assert_false(assay_precision_from_name(NULL, "high"));
    assert_false(assay_precision_from_name(&precision, NULL));
    assert_int_equal(precision, ASSAY_PRECISION_HIGH);
    assert_non_null(assay_precision_name((assay_precision)77));
}

static void session_calls(void **state)
{
    (void)state;
    assay_model *model;
    assay_session *session;
    float logits[64] = {0};
    const assay_text text = {"hello", 5, NULL, 0};
    const int32_t ids[] = {1, 2, 3}, offsets[] = {0, 3};
    OPENS_NOTHING(session, assay_session_open, NULL, NULL);
    assert_int_equal(assay_session_threads(NULL), 0);
    assert_int_equal(assay_session_precision(NULL), ASSAY_PRECISION_HIGHEST);
    assert_null(assay_session_kernels(NULL));
    assert_int_equal(assay_session_max_tokens(NULL), 0);
    REFUSED(assay_session_classify, NULL, logits, NULL, &text, 1);
    REFUSED(assay_session_embed, NULL, logits, NULL, &text, 1);
    REFUSED(assay_session_classify_ids, NULL, logits, ids, NULL, offsets, 1);
    REFUSED(assay_session_embed_ids, NULL, logits, ids, NULL, offsets, 1);
    assert_int_equal(assay_model_open(&model, MODEL, NULL), ASSAY_OK);
    assert_int_equal(assay_session_open(&session, model, NULL, NULL), ASSAY_OK);
    assay_model_close(model);
    REFUSED(assay_session_classify, session, NULL, NULL, &text, 1);
    REFUSED(assay_session_classify, session, logits, NULL, NULL, 1);
    REFUSED(assay_session_classify, session, logits, NULL, &text, -1);
    REFUSED(assay_session_embed, session, NULL, NULL, &text, 1);
    REFUSED(assay_session_embed, session, logits, NULL, NULL, 1);
    REFUSED(assay_session_classify_ids, session, NULL, ids, NULL, offsets, 1);
    REFUSED(assay_session_classify_ids, session, logits, NULL, NULL, offsets, 1);
    REFUSED(assay_session_classify_ids, session, logits, ids, NULL, NULL, 1);
    REFUSED(assay_session_embed_ids, session, NULL, ids, NULL, offsets, 1);
    REFUSED(assay_session_embed_ids, session, logits, ids, NULL, NULL, -1);
    assert_true(assay_session_max_tokens(session) > 0); /* the folder has no tokenizer */
    assert_int_equal(assay_session_classify(session, logits, NULL, &text, 1, NULL),
                     ASSAY_ERROR_NOT_FOUND);
    assert_int_equal(assay_session_classify_ids(session, logits, ids, NULL, offsets, 1, NULL),
                     ASSAY_OK);
    assay_session_close(session);
    assay_session_close(NULL);
    assay_softmax(NULL, logits, 3);
    assay_softmax(logits, NULL, 3);
}

static void detector_calls(void **state)
{
    (void)state;
    assay_model *model;
    assay_detector *detector;
    assay_detector_info info;
    assay_verdict verdict;
    assay_calibration_result result;
    const assay_text_result cut = {3, false};
    float logits[64] = {0};
    double low = 0.0, high = 0.0;
    char line[16];
    OPENS_NOTHING(detector, assay_detector_open, NULL, NULL);
    assay_detector_get_info(NULL, &info);
    assert_false(info.present);
    assert_int_equal(info.positive, -1);
    assert_int_equal(assay_detector_rates(NULL, &low, 1), 0);
    assert_false(assay_detector_expected_rate(NULL, 1, &low, &high));
    assert_false(assay_detector_fits(NULL, NULL, line, sizeof line));
    REFUSED(assay_detector_judge, NULL, &verdict, NULL, logits, &cut);
    assert_int_equal(assay_model_open(&model, MODEL, NULL), ASSAY_OK);
    assert_int_equal(assay_detector_open(&detector, model, NULL, NULL), ASSAY_OK);
    assay_model_close(model);
    assay_detector_get_info(detector, NULL);
    assert_int_equal(assay_detector_rates(detector, NULL, 3), 0);
    assert_int_equal(assay_detector_rates(detector, &low, -1), 0);
    assert_false(assay_detector_expected_rate(detector, 1, NULL, NULL));
    assert_false(assay_detector_fits(detector, NULL, NULL, 10));
    REFUSED(assay_detector_judge, detector, NULL, NULL, logits, &cut);
    REFUSED(assay_detector_judge, detector, &verdict, NULL, NULL, &cut);
    REFUSED(assay_detector_judge, detector, &verdict, NULL, logits, NULL);
    assert_int_equal(assay_detector_judge(detector, &verdict, NULL, logits, &cut, NULL), ASSAY_OK);
    assay_detector_close(detector);
    assay_detector_close(NULL);
    REFUSED(assay_calibrate, NULL, "rows.jsonl", NULL, &result);
    REFUSED(assay_calibrate, MODEL, NULL, NULL, &result);
    REFUSED(assay_calibrate, MODEL, "rows.jsonl", NULL, NULL);
}

static void evaluation_calls(void **state)
{
    (void)state;
    assay_evaluation *evaluation;
    assay_evaluation_options options = ASSAY_EVALUATION_OPTIONS_INIT;
    assay_evaluation_figure figure;
    size_t length = 3;
    const char *const none[] = {NULL};
    OPENS_NOTHING(evaluation, assay_evaluate, NULL);
    refused(assay_evaluate(&evaluation, &options, &error), "data");
    options.data = "rows.jsonl";
    refused(assay_evaluate(&evaluation, &options, &error), "model");
    options.model = MODEL;
    options.attack_count = 1;
    refused(assay_evaluate(&evaluation, &options, &error), "list");
    options.attacks = none;
    refused(assay_evaluate(&evaluation, &options, &error), "list");
    options.attack_count = 0;
    options.slice_count = 2;
    refused(assay_evaluate(&evaluation, &options, &error), "list");
    options.slice_count = 0;
    options.rename_count = 1;
    refused(assay_evaluate(&evaluation, &options, &error), "renamed");
    assert_null(assay_evaluation_sentence(NULL, 0, NULL));
    assert_false(assay_evaluation_get(NULL, 0, &figure));
    assert_null(assay_evaluation_json(NULL, &length));
    assert_int_equal(length, 0);
    assert_null(assay_evaluation_html(NULL, NULL));
    assay_evaluation_close(NULL);
}

static void training_calls(void **state)
{
    (void)state;
    assay_training *training;
    assay_training_plan_info info;
    assay_training_result result;
    char *yaml;
    const char *const none[] = {NULL};
    memset(&training, 0xa5, sizeof training);
    assert_int_equal(assay_training_open(&training, NULL, NULL, 0, NULL, &error),
                     ASSAY_ERROR_ARGUMENT);
    assert_null(training);
    refused(assay_training_open(NULL, NULL, NULL, 0, NULL, &error), "assay_training_open");
    refused(assay_training_open(&training, NULL, NULL, 2, NULL, &error), "list");
    refused(assay_training_open(&training, NULL, none, 1, NULL, &error), "list");
    REFUSED(assay_training_plan, NULL, false, &info);
    REFUSED(assay_training_run, NULL, &result);
    memset(&yaml, 0xa5, sizeof yaml);
    refused(assay_training_recipe(NULL, &yaml, &error), "assay_training_recipe");
    assert_null(yaml);
    refused(assay_training_recipe(NULL, NULL, &error), "assay_training_recipe");
    assert_null(assay_training_label(NULL, 0));
    assay_training_close(NULL);
}

static void parity_calls(void **state)
{
    (void)state;
    assay_parity *parity;
    OPENS_NOTHING(parity, assay_parity_run, NULL, "reference", NULL);
    OPENS_NOTHING(parity, assay_parity_run, MODEL, NULL, NULL);
    assert_int_equal(assay_parity_count(NULL), 0);
    assert_null(assay_parity_get(NULL, 0));
    assert_false(assay_parity_passed(NULL));
    assert_null(assay_parity_kernels(NULL));
    assay_parity_close(NULL);
}

static void pull_calls(void **state)
{
    (void)state;
    assay_pull_result result;
    assert_int_equal(assay_pull(NULL, NULL, &result, &error), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(assay_pull("", NULL, &result, &error), ASSAY_ERROR_ARGUMENT);
    REFUSED(assay_pull, "name", NULL, NULL);
    assay_pull_result_free(&result);
    assay_pull_result_free(NULL);
}

static void data_calls(void **state)
{
    (void)state;
    assay_data_summary *summary;
    assay_data_report *report;
    const char *const none[] = {NULL};
    memset(&summary, 0xa5, sizeof summary);
    refused(assay_data_show(&summary, NULL, 1, NULL, &error), "list");
    assert_null(summary);
    refused(assay_data_show(&summary, none, 1, NULL, &error), "list");
    refused(assay_data_show(NULL, none, 1, NULL, &error), "assay_data_show");
    refused(assay_data_show(&summary, none, -1, NULL, &error), "no file");
    assay_data_summary_free(NULL);
    OPENS_NOTHING(report, assay_data_clean, NULL);
    assay_cleaner *cleaner;
    const assay_cleaning counted = {.header_count = 1};
    const char *cleaned = NULL;
    size_t cleaned_length = 0;
    assert_null(assay_clean_step_name(ASSAY_CLEAN_STEP_COUNT));
    assert_null(assay_clean_step_name((assay_clean_step)-1));
    OPENS_NOTHING(cleaner, assay_cleaner_open, NULL, 1);
    refused(assay_cleaner_open(&cleaner, &counted, 1, &error), "list");
    assert_null(cleaner);
    REFUSED(assay_cleaner_clean, NULL, &cleaned, &cleaned_length, "x", 1);
    assert_int_equal(assay_cleaner_open(&cleaner, NULL, 0, NULL), ASSAY_OK);
    REFUSED(assay_cleaner_clean, cleaner, NULL, &cleaned_length, "x", 1);
    REFUSED(assay_cleaner_clean, cleaner, &cleaned, NULL, "x", 1);
    REFUSED(assay_cleaner_clean, cleaner, &cleaned, &cleaned_length, NULL, 1);
    assay_cleaner_close(cleaner);
    assay_cleaner_close(NULL);
    OPENS_NOTHING(report, assay_data_dedup, NULL);
    OPENS_NOTHING(report, assay_data_split, NULL);
    OPENS_NOTHING(report, assay_data_balance, NULL);
    OPENS_NOTHING(report, assay_data_attack, NULL);
    assert_null(assay_data_report_count(NULL, 0));
    assert_null(assay_data_report_note(NULL, 0));
    assert_null(assay_data_report_file(NULL, 0));
    assert_null(assay_data_report_phase(NULL, 0, NULL));
    assert_null(assay_data_report_weight(NULL, 0, NULL));
    assay_data_report_close(NULL);
    assay_split_part parts[ASSAY_SPLIT_MAX_PARTS];
    size_t count;
    char words[] = "train=.5,test=.5";
    REFUSED(assay_split_parts_parse, NULL, &count, words);
    REFUSED(assay_split_parts_parse, parts, NULL, words);
    REFUSED(assay_split_parts_parse, parts, &count, NULL);
    assert_null(assay_attack_name(-1));
    assert_null(assay_attack_name(assay_attack_count()));
    assert_null(assay_attack_description(-1));
}

/* Options that were set up, but name no input or too short a list. */
static void data_options(void **state)
{
    (void)state;
    assay_data_report *report;
    assay_clean_options clean;
    assay_dedup_options dedup;
    assay_split_options split;
    assay_balance_options balance;
    assay_attack_options attack;
    assay_clean_options_init(NULL);
    assay_dedup_options_init(NULL);
    assay_split_options_init(NULL);
    assay_balance_options_init(NULL);
    assay_attack_options_init(NULL);
    assay_clean_options_init(&clean);
    refused(assay_data_clean(&report, &clean, &error), "output");
    clean.files.output = "out.jsonl";
    clean.header_count = 1;
    refused(assay_data_clean(&report, &clean, &error), "list");
    clean.header_count = 0;
    refused(assay_data_clean(&report, &clean, &error), "input");
    assay_data_report_close(report);
    assay_dedup_options_init(&dedup);
    dedup.against_count = 1;
    refused(assay_data_dedup(&report, &dedup, &error), "list");
    assay_split_options_init(&split);
    split.files.output = "out";
    split.part_count = 1;
    refused(assay_data_split(&report, &split, &error), "parts");
    split.group_count = 1;
    refused(assay_data_split(&report, &split, &error), "list");
    assay_balance_options_init(&balance);
    refused(assay_data_balance(&report, &balance, &error), "output");
    balance.method = ASSAY_BALANCE_WEIGHTS;
    refused(assay_data_balance(&report, &balance, &error), "input");
    assay_data_report_close(report);
    assay_attack_options_init(&attack);
    attack.kind_count = 1;
    refused(assay_data_attack(&report, &attack, &error), "list");
}

static void machine_calls(void **state)
{
    (void)state;
    assay_doctor *doctor;
    refused(assay_doctor_open(NULL, &error), "assay_doctor_open");
    assert_int_equal(assay_doctor_count(NULL), 0);
    assert_null(assay_doctor_get(NULL, 0));
    assert_int_equal(assay_doctor_open(&doctor, NULL), ASSAY_OK);
    assert_null(assay_doctor_get(doctor, -1));
    assert_null(assay_doctor_get(doctor, assay_doctor_count(doctor)));
    assay_doctor_close(doctor);
    assay_doctor_close(NULL);
    assay_machine_get(NULL);
}

static void bench_calls(void **state)
{
    (void)state;
    assay_bench_result result = {0};
    assay_peer_result peer;
    assay_peer_options peer_options = ASSAY_PEER_OPTIONS_INIT;
    assay_bench_earlier earlier;
    assay_sweep_point point;
    assay_sweep_axis axis = ASSAY_SWEEP_BATCH;
    const int64_t *sizes;
    assert_null(assay_bench_work(-1, NULL));
    assert_null(assay_bench_work(1000, NULL));
    REFUSED(assay_bench_run, NULL, "product", NULL);
    REFUSED(assay_bench_run, &result, NULL, NULL);
    REFUSED(assay_bench_run_apart, NULL, "product", NULL);
    REFUSED(assay_bench_run_apart, &result, NULL, NULL);
    REFUSED(assay_bench_run_pairs, NULL, &peer, "minilm-train", NULL, &peer_options);
    REFUSED(assay_bench_run_pairs, &result, NULL, "minilm-train", NULL, &peer_options);
    REFUSED(assay_bench_run_pairs, &result, &peer, NULL, NULL, &peer_options);
    REFUSED(assay_bench_run_pairs, &result, &peer, "minilm-train", NULL, NULL);
    REFUSED(assay_bench_history_append, NULL, &result, NULL);
    REFUSED(assay_bench_history_append, "history.jsonl", NULL, NULL);
    REFUSED(assay_bench_history_find, NULL, "history.jsonl", &result);
    REFUSED(assay_bench_history_find, &earlier, NULL, &result);
    REFUSED(assay_bench_history_find, &earlier, "history.jsonl", NULL);
    REFUSED(assay_bench_sweep_point, NULL, "minilm-train", ASSAY_SWEEP_LENGTH, 16, NULL);
    REFUSED(assay_bench_sweep_point, &point, NULL, ASSAY_SWEEP_LENGTH, 16, NULL);
    assert_false(assay_peer_knows(NULL));
    assert_false(assay_sweep_knows(NULL));
    assert_false(assay_sweep_axis_from_name(NULL, "length"));
    assert_false(assay_sweep_axis_from_name(&axis, NULL));
    assert_null(assay_sweep_axis_name((assay_sweep_axis)77));
    assert_int_equal(assay_sweep_sizes(ASSAY_SWEEP_LENGTH, NULL), 0);
    assert_int_equal(assay_sweep_sizes((assay_sweep_axis)77, &sizes), 0);
    assert_null(sizes);
    assay_sweep_finish(NULL, 3);
}

/* An options struct of a size that the library does not know says so, and how to begin one. */
static void of_size(assay_status status, size_t known, size_t given, const char *start)
{
    char number[32];
    assert_int_equal(status, ASSAY_ERROR_ARGUMENT);
    assert_string_equal(error.place, "struct_size");
    if (!strstr(error.message, start))
        fail_msg("\"%s\" does not name %s", error.message, start);
    snprintf(number, sizeof number, "%zu", known);
    assert_string_equal(error.expected, number);
    snprintf(number, sizeof number, "%zu", given);
    assert_string_equal(error.found, number);
    memset(&error, 0, sizeof error);
}
#define SIZES(options, start, call)                                                                \
    do {                                                                                           \
        const size_t sizes[] = {0, 4, sizeof(options) - 1, sizeof(options) + 8, SIZE_MAX};         \
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {                                \
            (options).struct_size = sizes[i];                                                      \
            of_size(call, sizeof(options), sizes[i], start);                                       \
        }                                                                                          \
    } while (0)

static void sizes_of_options(void **state)
{
    (void)state;
    assay_model *model;
    assay_tokenizer *tokenizer;
    assert_int_equal(assay_model_open(&model, MODEL, NULL), ASSAY_OK);
    assert_int_equal(
        assay_tokenizer_open(&tokenizer, ASSAY_TEST_DATA "/tokenizer/bert_files", NULL), ASSAY_OK);
    assay_session *session;
    assay_session_options of_session = ASSAY_SESSION_OPTIONS_INIT;
    SIZES(of_session, "ASSAY_SESSION_OPTIONS_INIT",
          assay_session_open(&session, model, &of_session, &error));
    assay_detector *detector;
    assay_detector_options of_detector = ASSAY_DETECTOR_OPTIONS_INIT;
    SIZES(of_detector, "ASSAY_DETECTOR_OPTIONS_INIT",
          assay_detector_open(&detector, model, &of_detector, &error));
    assay_encoding encoding = {0};
    assay_encode_options of_encoding = ASSAY_ENCODE_OPTIONS_INIT;
    SIZES(of_encoding, "ASSAY_ENCODE_OPTIONS_INIT",
          assay_tokenizer_encode(tokenizer, &encoding, "a", 1, NULL, 0, &of_encoding, &error));
    assay_calibration_result calibrated;
    assay_calibration_options of_calibration = ASSAY_CALIBRATION_OPTIONS_INIT;
    SIZES(of_calibration, "ASSAY_CALIBRATION_OPTIONS_INIT",
          assay_calibrate(MODEL, "rows.jsonl", &of_calibration, &calibrated, &error));
    assay_rows *rows;
    assay_rows_options of_rows = ASSAY_ROWS_OPTIONS_INIT;
    SIZES(of_rows, "ASSAY_ROWS_OPTIONS_INIT", assay_rows_open(&rows, "a.jsonl", &of_rows, &error));
    assay_evaluation *evaluation;
    assay_evaluation_options of_evaluation = ASSAY_EVALUATION_OPTIONS_INIT;
    SIZES(of_evaluation, "ASSAY_EVALUATION_OPTIONS_INIT",
          assay_evaluate(&evaluation, &of_evaluation, &error));
    assay_training *training;
    assay_training_options of_training = ASSAY_TRAINING_OPTIONS_INIT;
    SIZES(of_training, "ASSAY_TRAINING_OPTIONS_INIT",
          assay_training_open(&training, NULL, NULL, 0, &of_training, &error));
    assay_parity *parity;
    assay_parity_options of_parity = ASSAY_PARITY_OPTIONS_INIT;
    SIZES(of_parity, "ASSAY_PARITY_OPTIONS_INIT",
          assay_parity_run(&parity, MODEL, "reference", &of_parity, &error));
    assay_pull_result pulled;
    assay_pull_options of_pull = ASSAY_PULL_OPTIONS_INIT;
    SIZES(of_pull, "ASSAY_PULL_OPTIONS_INIT", assay_pull("name", &of_pull, &pulled, &error));
    assay_tokenizer_close(tokenizer);
    assay_model_close(model);
}

static void sizes_of_data_options(void **state)
{
    (void)state;
    const char *const path = ASSAY_TEST_DATA "/training/train.jsonl";
    assay_data_summary *summary;
    assay_data_show_options of_show = ASSAY_DATA_SHOW_OPTIONS_INIT;
    SIZES(of_show, "ASSAY_DATA_SHOW_OPTIONS_INIT",
          assay_data_show(&summary, &path, 1, &of_show, &error));
    assay_data_report *report;
    assay_clean_options clean;
    assay_clean_options_init(&clean);
    SIZES(clean, "assay_clean_options_init", assay_data_clean(&report, &clean, &error));
    assay_dedup_options dedup;
    assay_dedup_options_init(&dedup);
    SIZES(dedup, "assay_dedup_options_init", assay_data_dedup(&report, &dedup, &error));
    assay_split_options split;
    assay_split_options_init(&split);
    SIZES(split, "assay_split_options_init", assay_data_split(&report, &split, &error));
    assay_balance_options balance;
    assay_balance_options_init(&balance);
    SIZES(balance, "assay_balance_options_init", assay_data_balance(&report, &balance, &error));
    assay_attack_options attack;
    assay_attack_options_init(&attack);
    SIZES(attack, "assay_attack_options_init", assay_data_attack(&report, &attack, &error));
    assay_bench_result result;
    assay_bench_options bench = ASSAY_BENCH_OPTIONS_INIT;
    SIZES(bench, "ASSAY_BENCH_OPTIONS_INIT", assay_bench_run(&result, "product", &bench, &error));
    assay_sweep_point point;
    SIZES(bench, "ASSAY_BENCH_OPTIONS_INIT",
          assay_bench_sweep_point(&point, "minilm-train", ASSAY_SWEEP_LENGTH, 16, &bench, &error));
    assay_peer_result answer;
    assay_peer_options peer = ASSAY_PEER_OPTIONS_INIT;
    SIZES(peer, "ASSAY_PEER_OPTIONS_INIT",
          assay_bench_run_pairs(&result, &answer, "minilm-train", NULL, &peer, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_calls),
        cmocka_unit_test(versions),
        cmocka_unit_test(tokenizer_calls),
        cmocka_unit_test(rows_calls),
        cmocka_unit_test(model_calls),
        cmocka_unit_test(session_calls),
        cmocka_unit_test(detector_calls),
        cmocka_unit_test(evaluation_calls),
        cmocka_unit_test(training_calls),
        cmocka_unit_test(parity_calls),
        cmocka_unit_test(pull_calls),
        cmocka_unit_test(data_calls),
        cmocka_unit_test(data_options),
        cmocka_unit_test(machine_calls),
        cmocka_unit_test(bench_calls),
        cmocka_unit_test(sizes_of_options),
        cmocka_unit_test(sizes_of_data_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
