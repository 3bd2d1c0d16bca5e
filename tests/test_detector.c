/* detector.json: written, read back, refused where anything in it is wrong; verdicts by it. */
#include "assay/detect.h"
#include "base/file.h"
#include "base/memory.h"
#include "detect/detector.h"
#include "detect/score.h"
#include "model_vectors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 3000, LIMIT = 1 << 22 };

static const char *const names[] = {"human", "ai", "mixed"};
static const struct detector_card card = {names, 3, 1};
static const char sum[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static struct calibration_source source = {.path = "valid.jsonl",
                                           .part = "half",
                                           .sha256 = sum,
                                           .rows_sha256 = sum,
                                           .group = "prompt",
                                           .seed = 7,
                                           .precision = ASSAY_PRECISION_MEDIUM,
                                           .max_tokens = 20};

/* Three labels; `rows` rows, of which every third is positive. */
static void fit(struct calibration *out, int64_t rows)
{
    static float logits[3 * ROWS];
    static int32_t truth[ROWS], tokens[ROWS];
    static uint64_t group[ROWS];
    for (int64_t i = 0; i < rows; i++) {
        truth[i] = (int32_t)(i % 3);
        tokens[i] = 6 + (int32_t)(i / 3 % 12);
        group[i] = (uint64_t)i / 6;
        for (int j = 0; j < 3; j++)
            logits[3 * i + j] =
                (float)((i * 7919 + j * 104729) % 1000) * 0.004f + (j == truth[i] ? 1.5f : 0.0f);
    }
    struct calibration_rows all = {logits, truth, tokens, group, rows, 3, 1};
    assert_int_equal(calibration_fit(out, &all, NULL), ASSAY_OK);
}

static char *new_folder(void)
{
    char *folder = copy_model_vector("bert_shallow_classify");
    assert_non_null(folder);
    return folder;
}

static void write_card(const char *folder, int64_t rows)
{
    struct calibration c;
    fit(&c, rows);
    assert_int_equal(detector_rewrite(folder, &card, &c, &source, NULL), ASSAY_OK);
    calibration_free(&c);
}

static struct buffer read_card(const char *folder)
{
    struct buffer text = {0};
    assert_int_equal(file_read(&text, in_folder(folder, "detector.json"), LIMIT, NULL), ASSAY_OK);
    return text;
}

static void same_calibration(const struct calibration *a, const struct calibration *b)
{
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->negatives, b->negatives);
    assert_int_equal(a->positives, b->positives);
    assert_int_equal(a->groups, b->groups);
    assert_true(a->temperature == b->temperature);
    assert_string_equal(a->temperature_reason, b->temperature_reason);
    assert_int_equal(a->point_count, b->point_count);
    for (int i = 0; i < a->point_count; i++) {
        const struct calibration_point *p = &a->points[i], *q = &b->points[i];
        assert_true(p->fpr == q->fpr && p->threshold == q->threshold);
        assert_true(p->achieved == q->achieved && p->achieved_low == q->achieved_low);
        assert_true(p->achieved_high == q->achieved_high && p->tpr == q->tpr);
        assert_true(p->design_effect == q->design_effect && p->tpr_low == q->tpr_low);
        assert_int_equal(p->false_positives, q->false_positives);
        assert_int_equal(p->true_positives, q->true_positives);
    }
    assert_int_equal(a->refused_count, b->refused_count);
    for (int i = 0; i < a->refused_count; i++)
        assert_string_equal(a->refused[i].reason, b->refused[i].reason);
    assert_int_equal(a->least_tokens, b->least_tokens);
    assert_int_equal(a->most_tokens, b->most_tokens);
    const struct conformal *x = &a->negatives_scores, *y = &b->negatives_scores;
    assert_int_equal(x->count, y->count);
    assert_int_equal(x->kept, y->kept);
    assert_memory_equal(x->scores, y->scores, (size_t)x->kept * sizeof *x->scores);
    assert_int_equal(x->above != NULL, y->above != NULL);
    if (x->above)
        assert_memory_equal(x->above, y->above, (size_t)x->kept * sizeof *x->above);
}

static void reads_what_it_writes(void **state)
{
    (void)state;
    static const int64_t sizes[] = {30, 300, 900, 3000};
    char *folder = new_folder();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct calibration c;
        struct detector d;
        assay_error error = {0};
        fit(&c, sizes[i]);
        assert_int_equal(detector_rewrite(folder, &card, &c, &source, NULL), ASSAY_OK);
        if (detector_read(&d, folder, &error) != ASSAY_OK)
            fail_msg("%s: %s", error.place, error.message);
        assert_true(d.present && d.calibrated);
        assert_int_equal(d.positive, 1);
        assert_int_equal(d.precision, ASSAY_PRECISION_MEDIUM);
        assert_int_equal(d.max_tokens, 20);
        same_calibration(&c, &d.calibration);
        detector_free(&d);
        calibration_free(&c);
    }
    remove_folder(folder);
}

/* More negatives than are kept one by one. */
static void reads_a_sketch(void **state)
{
    (void)state;
    char *folder = new_folder();
    struct calibration c;
    struct detector d;
    fit(&c, ROWS);
    conformal_free(&c.negatives_scores);
    static float sorted[9000];
    for (int i = 0; i < 9000; i++)
        sorted[i] = (float)(4500 - i / 2) * 0.01f;
    c.rows = 9000 + c.positives;
    c.negatives = 9000;
    assert_int_equal(conformal_make(&c.negatives_scores, sorted, 9000, NULL, 0, NULL), ASSAY_OK);
    assert_int_equal(detector_rewrite(folder, &card, &c, &source, NULL), ASSAY_OK);
    assert_int_equal(detector_read(&d, folder, NULL), ASSAY_OK);
    same_calibration(&c, &d.calibration);
    for (int i = 0; i < 9000; i += 11)
        assert_true(conformal_p(&d.calibration.negatives_scores, sorted[i]) ==
                    conformal_p(&c.negatives_scores, sorted[i]));
    detector_free(&d);
    calibration_free(&c);
    remove_folder(folder);
}

static const char trained[] =
    "{\"format\": \"assay-detector\", \"format_version\": 1, \"assay\": \"0.1.0\",\n"
    " \"labels\": [\"human\", \"ai\", \"mixed\"], \"positive\": \"ai\",\n"
    " \"temperature\": null, \"thresholds\": null, \"max_tokens\": 16,\n"
    " \"precision\": {\"asked\": \"high\", \"used\": \"high\"}, \"selected_by\": {\"step\": 3},\n"
    " \"data\": {\"train\": {\"path\": \"t\", \"rows\": 1, \"sha256\": "
    "\"00000000000000000000000000000000000000000000000000000000000000ff\", \"cleaning\": "
    "[{\"steps\": [\"unicode\"]}, {\"steps\": [], \"headers\": [\"Essay:\"]}]}, \"valid\": null},\n"
    " \"own\": [1, 2.5, {\"deep\": null}], \"recipe\": \"abc\"}\n";

/* A card from before there were calibrations is read, and keeps all else when it gets one. */
static void cards_without_calibration(void **state)
{
    (void)state;
    struct detector d;
    assert_int_equal(detector_parse(&d, trained, strlen(trained), NULL, NULL), ASSAY_OK);
    assert_true(d.present && !d.calibrated && d.selected);
    assert_int_equal(d.max_tokens, 16);
    assert_int_equal(d.precision, ASSAY_PRECISION_HIGH);
    assert_string_equal(d.train_sha256 + 60, "00ff");
    assert_string_equal(d.valid_sha256, "");
    assert_int_equal(d.cleaning.count, 2);
    assert_true(d.cleaning.passes[0].steps[ASSAY_CLEAN_UNICODE]);
    assert_string_equal(d.cleaning.passes[1].headers[0], "Essay:");
    detector_free(&d);

    char *folder = new_folder();
    const char *path = in_folder(folder, "detector.json");
    assert_int_equal(file_write(path, trained, strlen(trained), NULL), ASSAY_OK);
    write_card(folder, 900);
    struct buffer text = read_card(folder);
    static const char *const kept[] = {
        "\"own\": [",         "\"deep\": null", "\"recipe\": \"abc\"",
        "\"selected_by\": {", "00ff\"",         "Essay:"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        assert_non_null(strstr(text.bytes, kept[i]));
    assert_int_equal(detector_read(&d, folder, NULL), ASSAY_OK);
    assert_true(d.calibrated && d.selected);
    assert_int_equal(d.max_tokens, 20);
    detector_free(&d);
    /* Once more gives the same bytes. */
    write_card(folder, 900);
    struct buffer again = read_card(folder);
    assert_string_equal(text.bytes, again.bytes);
    buffer_free(&text);
    buffer_free(&again);
    remove_folder(folder);
    folder = new_folder();
    assert_int_equal(detector_read(&d, folder, NULL), ASSAY_OK);
    assert_false(d.present);
    detector_free(&d);
    remove_folder(folder);
}

static void bad_cleanings(void **state)
{
    (void)state;
    static const struct {
        const char *cleaning, *place;
    } bad[] = {{"{}", "cleaning"},
               {"[\"unicode\"]", "cleaning"},
               {"[{\"steps\": [\"polish\"]}]", "steps"},
               {"[{\"steps\": [], \"headers\": [1]}]", "headers"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct detector d;
        struct buffer text = {0};
        assay_error error = {0};
        assert_true(buffer_format(&text,
                                  "{\"format\": \"assay-detector\", \"format_version\": 1, "
                                  "\"labels\": [\"a\"], \"data\": {\"train\": {\"cleaning\": %s}}}",
                                  bad[i].cleaning));
        assert_true(detector_parse(&d, text.bytes, text.length, NULL, &error) != ASSAY_OK);
        assert_string_equal(error.place, bad[i].place);
        buffer_free(&text);
    }
}

/* Each change of a good card, and the place that its error names. */
static void bad_cards(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *place;
    } changes[] = {
        {"assay-detector", "something", "format"},
        {"\"format_version\": 1", "\"format_version\": 2", "format_version"},
        {"\"format_version\": 1", "\"format_version\": \"1\"", "format_version"},
        {"\"format_version\": 1", "\"format_version\": null", "format_version"},
        {"\"human\",", "\"ai\",", "labels"},
        {"\"human\",", "7,", "labels"},
        {"\"human\",", "\"hu\\u0000man\",", "labels"},
        {"\"positive\": \"ai\"", "\"positive\": \"robot\"", "positive"},
        {"\"positive\": \"ai\"", "\"positive\": 1", "positive"},
        {"\"positive\": \"ai\"", "\"positive\": null", "thresholds"},
        {"\"temperature\": ", "\"temperature\": -", "temperature"},
        {"\"temperature\": ", "\"temperature\": 1e9, \"old\": ", "temperature"},
        {"\"temperature\": ", "\"temperature\": \"hot\", \"old\": ", "temperature"},
        {"\"thresholds\": [", "\"thresholds\": {}, \"old\": [", "thresholds"},
        {"\"thresholds\": [", "\"thresholds\": [3, ", "thresholds"},
        {"\"fpr\": 0.05", "\"fpr\": 5", "fpr"},
        {"\"fpr\": 0.05", "\"fpr\": 0.2", "thresholds"},
        {"\"log_odds\": ", "\"log_odds\": 1e39, \"old\": ", "log_odds"},
        {"\"log_odds\": ", "\"log_odds\": -300, \"old\": ", "thresholds"},
        {"\"false_positives\": ", "\"false_positives\": -", "false_positives"},
        {"\"achieved\": ", "\"achieved\": 0.9, \"old\": ", "achieved"},
        {"\"interval\": [", "\"interval\": [0.9, ", "interval"},
        {"\"interval\": [", "\"interval\": [1, 0], \"old\": [", "interval"},
        {"\"interval\": [", "\"interval\": [true, 1], \"old\": [", "interval"},
        {"\"design_effect\": ", "\"design_effect\": 0.5, \"old\": ", "design_effect"},
        {"\"calibration\": {", "\"calibration\": [], \"old\": {", "calibration"},
        {"\"calibration\": {", "\"calibration\": null, \"old\": {", "calibration"},
        {"\"precision\": \"medium\"", "\"precision\": \"best\"", "precision"},
        {"\"precision\": \"medium\"", "\"precision\": null", "precision"},
        {"\"max_tokens\": 20", "\"max_tokens\": 0", "max_tokens"},
        {"\"max_tokens\": 20", "\"max_tokens\": 20.5", "max_tokens"},
        {"\"rows\": 900", "\"rows\": 901", "rows"},
        {"\"rows\": 900", "\"rows\": 0", "rows"},
        {"\"negatives\": 600", "\"negatives\": 599", "rows"},
        {"\"groups\": 150", "\"groups\": 0", "groups"},
        {"\"least\": ", "\"least\": 100, \"old\": ", "tokens"},
        {"\"shortest\": ", "\"shortest\": 0, \"old\": ", "shortest"},
        {"\"tokens\": {", "\"tokens\": null, \"old\": {", "tokens"},
        {"\"refused\": [", "\"refused\": [1, ", "refused"},
        {"\"count\": 600", "\"count\": 601", "scores"},
        {"\"count\": 600", "\"count\": 0", "count"},
        {"\"count\": 600", "\"above\": [0], \"count\": 600", "scores"},
        {"\"scores\": {", "\"scores\": null, \"old\": {", "scores"},
    };
    char *folder = new_folder();
    write_card(folder, 900);
    struct buffer good = read_card(folder);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *at = strstr(good.bytes, changes[i].from);
        if (!at)
            fail_msg("the card has no %s", changes[i].from);
        struct buffer text = {0};
        struct detector d;
        assay_error error = {0};
        assert_true(buffer_append(&text, good.bytes, (size_t)(at - good.bytes)) &&
                    buffer_append_string(&text, changes[i].to) &&
                    buffer_append_string(&text, at + strlen(changes[i].from)));
        assay_status status = detector_parse(&d, text.bytes, text.length, "d.json", &error);
        if (status != ASSAY_ERROR_FORMAT && status != ASSAY_ERROR_UNSUPPORTED)
            fail_msg("%s instead of %s was taken", changes[i].to, changes[i].from);
        if (strcmp(error.place, changes[i].place) != 0 || strcmp(error.file, "d.json") != 0)
            fail_msg("%s: %s: \"%s\" instead of %s", error.file, error.place, error.message,
                     changes[i].to);
        assert_null(d.labels);
        buffer_free(&text);
    }
    /* Cut anywhere it is no card, or says what is missing. */
    for (size_t length = 0; length < good.length - 3; length += 13) {
        struct detector d;
        assay_error error = {0};
        assert_true(detector_parse(&d, good.bytes, length, "d.json", &error) != ASSAY_OK);
        assert_true(error.message[0] && error.file[0]);
    }
    buffer_free(&good);
    remove_folder(folder);
}

/* Whatever call of the disk fails, the card is the old or the new one, whole. */
static void failing_disks(void **state)
{
    (void)state;
    char *folder = new_folder();
    struct calibration c;
    write_card(folder, 300);
    struct buffer old = read_card(folder);
    fit(&c, 900);
    int failed = 0;
    for (uint64_t nth = 1;; nth++) {
        file_fail_at(nth);
        assay_status status = detector_rewrite(folder, &card, &c, &source, NULL);
        file_fail_at(0);
        struct buffer now = read_card(folder);
        if (status == ASSAY_OK) {
            buffer_free(&now);
            break;
        }
        assert_int_equal(status, ASSAY_ERROR_IO);
        struct detector d;
        assert_int_equal(detector_read(&d, folder, NULL), ASSAY_OK);
        assert_true(d.calibration.rows == 300 || d.calibration.rows == 900);
        detector_free(&d);
        buffer_free(&now);
        failed++;
    }
    assert_true(failed >= 3);
    buffer_free(&old);
    calibration_free(&c);
    remove_folder(folder);
}

static void no_memory(void **state)
{
    (void)state;
    char *folder = new_folder();
    write_card(folder, 300);
    struct buffer text = read_card(folder);
    struct detector d;
    uint64_t before = memory_allocation_count();
    assert_int_equal(detector_parse(&d, text.bytes, text.length, NULL, NULL), ASSAY_OK);
    uint64_t used = memory_allocation_count() - before;
    detector_free(&d);
    for (uint64_t nth = 1; nth <= used; nth++) {
        memory_fail_at(nth);
        assert_int_equal(detector_parse(&d, text.bytes, text.length, NULL, NULL),
                         ASSAY_ERROR_MEMORY);
        memory_fail_at(0);
    }
    buffer_free(&text);
    remove_folder(folder);
}

struct judging {
    char *folder;
    assay_model *model;
    assay_detector *detector;
    assay_detector_info info;
};

static void begin_judging(struct judging *j, int64_t rows, double fpr)
{
    assay_detector_options options = ASSAY_DETECTOR_OPTIONS_INIT;
    assay_error error = {0};
    options.fpr = fpr;
    j->folder = new_folder();
    if (rows)
        write_card(j->folder, rows);
    assert_int_equal(assay_model_open(&j->model, j->folder, NULL), ASSAY_OK);
    if (assay_detector_open(&j->detector, j->model, &options, &error) != ASSAY_OK)
        fail_msg("%s", error.message);
    assay_detector_get_info(j->detector, &j->info);
}

static void end_judging(struct judging *j)
{
    assay_model_close(j->model); /* the detector holds on to it */
    assay_detector_close(j->detector);
    remove_folder(j->folder);
}

static assay_verdict judge(const struct judging *j, float human, float ai, float mixed, int tokens)
{
    const float logits[3] = {human, ai, mixed};
    float probabilities[3];
    assay_text_result text = {tokens, false};
    assay_verdict verdict;
    assert_int_equal(
        assay_detector_judge(j->detector, &verdict, probabilities, logits, &text, NULL), ASSAY_OK);
    assert_true(fabsf(probabilities[0] + probabilities[1] + probabilities[2] - 1.0f) < 1e-6f);
    return verdict;
}

static void verdicts(void **state)
{
    (void)state;
    struct judging j;
    begin_judging(&j, 900, 0.0);
    assert_true(j.info.present && j.info.calibrated);
    assert_true(j.info.fpr == 0.05 && j.info.positive == 1 && j.info.temperature != 1.0);
    assert_int_equal(j.info.precision, ASSAY_PRECISION_MEDIUM);
    assert_int_equal(j.info.max_tokens, 20);
    /* Up and down the score there is one place where the verdict turns, and it is the threshold. */
    int turns = 0;
    bool before = false;
    for (int i = -4000; i <= 4000; i++) {
        assay_verdict v = judge(&j, 0.1f, (float)i * 0.002f, 0.0f, 10);
        bool flagged = v.label == 1;
        assert_true(flagged == (v.p_value <= v.fpr));
        assert_true(flagged == (detect_probability(v.score) >= v.threshold * (1.0 - 1e-9)));
        if (!flagged)
            assert_int_equal(v.label, 0); /* the likelier of the others */
        turns += i > -4000 && flagged != before;
        before = flagged;
        assert_string_equal(v.reason, "at 5 % false positives");
    }
    assert_int_equal(turns, 1);
    assert_true(before);
    /* Most probable, and yet not enough for a verdict. */
    assay_verdict v = judge(&j, 0.0f, 0.1f, 0.0f, 10);
    assert_int_equal(v.predicted, 1);
    assert_int_equal(v.label, 0);
    v = judge(&j, 0.0f, 9.0f, 0.0f, j.info.least_tokens - 1);
    assert_int_equal(v.label, ASSAY_ABSTAINS);
    assert_true(isnan(v.p_value) && strstr(v.reason, "too short"));
    v = judge(&j, 0.0f, 9.0f, 0.0f, j.info.most_tokens + 1);
    assert_int_equal(v.label, 1);
    assert_non_null(strstr(v.reason, "longer than"));
    const float broken[3] = {0.0f, NAN, 0.0f};
    assay_text_result text = {10, false};
    assert_int_equal(assay_detector_judge(j.detector, &v, NULL, broken, &text, NULL),
                     ASSAY_ERROR_NUMERIC);
    double low, high, rates[4];
    assert_true(assay_detector_expected_rate(j.detector, 500, &low, &high));
    assert_true(low < 0.05 && high > 0.05 && low >= 0.0 && high < 0.2);
    assert_int_equal(assay_detector_rates(j.detector, rates, 4), 2);
    assert_true(rates[0] == 0.05 && rates[1] == 0.1);
    end_judging(&j);
    begin_judging(&j, 900, 0.1);
    assert_true(j.info.fpr == 0.1);
    assert_string_equal(judge(&j, 0, 0, 0, 10).reason, "at 10 % false positives");
    end_judging(&j);
    /* 5 % is not fitted on 200 negatives less one: the smallest that is. */
    begin_judging(&j, 297, 0.0);
    assert_true(j.info.fpr == 0.1);
    end_judging(&j);
    begin_judging(&j, 60, 0.0);
    assert_true(j.info.fpr == 0.0 && j.info.calibrated);
    v = judge(&j, 0.0f, 1.0f, 0.0f, 10);
    assert_int_equal(v.label, 1);
    assert_true(isnan(v.threshold) && v.p_value > 0.0);
    assert_non_null(strstr(v.reason, "no threshold is fitted"));
    end_judging(&j);
    begin_judging(&j, 0, 0.0);
    assert_false(j.info.present || j.info.calibrated);
    v = judge(&j, 0.0f, 1.0f, 0.0f, 1);
    assert_int_equal(v.label, 1);
    assert_true(isnan(v.threshold) && isnan(v.p_value) && isnan(v.score));
    assert_string_equal(v.reason, "no detector.json: the most probable label");
    end_judging(&j);
}

static void no_such_rate(void **state)
{
    (void)state;
    char *folder = new_folder();
    assay_model *model;
    assay_detector *detector;
    assay_error error = {0};
    assay_detector_options options = ASSAY_DETECTOR_OPTIONS_INIT;
    options.fpr = 0.01;
    write_card(folder, 900);
    assert_int_equal(assay_model_open(&model, folder, NULL), ASSAY_OK);
    assert_int_equal(assay_detector_open(&detector, model, &options, &error), ASSAY_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "1000 negatives"));
    assert_string_equal(error.expected, "one of 0.05, 0.1");
    options.fpr = NAN;
    assert_int_equal(assay_detector_open(&detector, model, &options, &error), ASSAY_ERROR_ARGUMENT);
    options.fpr = 0.05;
    options.struct_size--;
    assert_int_equal(assay_detector_open(&detector, model, &options, &error), ASSAY_ERROR_ARGUMENT);
    /* A card of another model. */
    assert_int_equal(edit_file(folder, "detector.json", "\"human\"", "\"person\""), 0);
    assert_int_equal(assay_detector_open(&detector, model, NULL, &error), ASSAY_ERROR_FORMAT);
    assert_string_equal(error.place, "labels");
    assay_model_close(model);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(reads_a_sketch),
        cmocka_unit_test(cards_without_calibration),
        cmocka_unit_test(bad_cleanings),
        cmocka_unit_test(bad_cards),
        cmocka_unit_test(failing_disks),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(no_such_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
