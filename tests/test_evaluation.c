/* Evaluations as a caller has them: figures, what is said of worthless scorers, the same bytes
 * again, bad input, disks and memory that fail; and with a model, trained here. */
#include "assay/eval.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "base/metrics_decisions.h"
#include "base/random.h"
#include "training_fixture.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 480, CLASSES = 2 };

static float logits[ROWS * CLASSES];
static int32_t labels[ROWS];

static double uniform(uint32_t row, uint32_t place)
{
    uint32_t four[4];
    const uint32_t counter[4] = {row, place, 0, 0};
    random_block(four, 3, counter);
    return ((double)four[0] + 0.5) / 4294967296.0;
}

/* Words of a text: longer ones for the positive class, so that length alone ranks somewhat. */
static void put_words(FILE *file, uint32_t row, bool ai)
{
    int words = 3 + (int)(uniform(row, 1) * 40.0) + (ai ? 12 : 0);
    for (int w = 0; w < words; w++)
        fprintf(file, "%sw%d", w ? " " : "", (int)(uniform(row, 10 + (uint32_t)w) * 90.0));
}

static const char *write_data(const char *name, const char *positive)
{
    const char *path = training_path(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (uint32_t i = 0; i < ROWS; i++) {
        labels[i] = uniform(i, 0) < 0.45 ? 0 : 1; /* in order of name: ai, human */
        fprintf(file,
                "{\"id\": \"r%u\", \"label\": \"%s\", \"group\": \"g%u\", \"kind\": \"%s\", "
                "\"text\": \"",
                i, labels[i] ? "human" : positive, i / 2, i % 5 ? "a" : "b<&>");
        put_words(file, i, labels[i] == 0);
        fputs("\"}\n", file);
    }
    assert_int_equal(fclose(file), 0);
    return path;
}

enum scorer_kind { GOOD, CONSTANT, RANDOM, LENGTH, BACKWARDS };

static const char *write_scores(const char *name, enum scorer_kind kind)
{
    const char *path = training_path(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (uint32_t i = 0; i < ROWS; i++) {
        double noise = uniform(i, 2) * 3.0, value = 0.0;
        int words = 3 + (int)(uniform(i, 1) * 40.0) + (labels[i] == 0 ? 12 : 0);
        if (kind == GOOD) {
            logits[2 * i] = (float)((labels[i] == 0 ? 1.5 : 0.0) + noise);
            logits[2 * i + 1] = (float)(uniform(i, 3) * 3.0);
            fprintf(file,
                    "{\"id\": \"r%u\", \"label\": \"%s\", \"predicted\": \"%s\", "
                    "\"logits\": [%.9g, %.9g]}\n",
                    i, labels[i] ? "human" : "ai",
                    logits[2 * i] >= logits[2 * i + 1] ? "ai" : "human", (double)logits[2 * i],
                    (double)logits[2 * i + 1]);
            continue;
        }
        value = kind == CONSTANT    ? 0.5
                : kind == RANDOM    ? uniform(i, 4)
                : kind == BACKWARDS ? (labels[i] == 0 ? 0.0 : 1.5) + noise
                                    : words;
        fprintf(file, "{\"id\": \"r%u\", \"score\": %.17g}\n", i, value);
    }
    assert_int_equal(fclose(file), 0);
    return path;
}

static int begin(void **state)
{
    (void)state;
    if (training_fixture_open("bert_odd_bare"))
        return -1;
    write_data("data.jsonl", "ai");
    write_data("machine.jsonl", "machine");
    write_scores("good.jsonl", GOOD);
    return 0;
}

static int end(void **state)
{
    (void)state;
    training_fixture_close();
    return 0;
}

static assay_evaluation_options options_for(const char *predictions)
{
    assay_evaluation_options options = ASSAY_EVALUATION_OPTIONS_INIT;
    options.predictions = predictions;
    options.data = training_path("data.jsonl");
    options.threads = 1;
    options.resamples = 200;
    return options;
}

static assay_evaluation *evaluate(const assay_evaluation_options *options)
{
    assay_evaluation *evaluation = NULL;
    assay_error error = {0};
    char line[1024];
    if (assay_evaluate(&evaluation, options, &error) != ASSAY_OK) {
        assay_error_format(&error, line, sizeof line);
        fail_msg("%s", line);
    }
    return evaluation;
}

static struct json *report_of(const assay_evaluation *evaluation)
{
    size_t length;
    struct json *report = NULL;
    const char *text = assay_evaluation_json(evaluation, &length);
    assert_int_equal(json_parse(&report, text, length, NULL, NULL), ASSAY_OK);
    return report;
}

static double number(const struct json *object, const char *key)
{
    const struct json *value = json_member(object, key);
    return json_kind(value) == JSON_NULL ? (double)NAN : json_number(value);
}

static bool says(const assay_evaluation *evaluation, assay_finding_kind wanted, const char *part)
{
    assay_finding_kind kind;
    const char *text;
    for (int64_t i = 0; (text = assay_evaluation_sentence(evaluation, i, &kind)); i++) {
        if (kind == wanted && strstr(text, part))
            return true;
    }
    return false;
}

static void near(double found, double wanted)
{
    if (!(fabs(found - wanted) <= 1e-12))
        fail_msg("%.17g is not %.17g", found, wanted);
}

/* What base/metrics, which is held against scikit-learn, says of the same logits. */
static void figures_are_those_of_the_metrics(void **state)
{
    (void)state;
    assay_evaluation_options options = options_for(training_path("good.jsonl"));
    const char *slices[] = {"kind"};
    options.slices = slices;
    options.slice_count = 1;
    assay_evaluation *evaluation = evaluate(&options);
    struct json *report = report_of(evaluation);
    int32_t said[ROWS];
    struct decision_figures figures;
    for (int i = 0; i < ROWS; i++)
        said[i] = logits[2 * i] >= logits[2 * i + 1] ? 0 : 1;
    double area = 0.0, precision = 0.0;
    assert_true(metric_decisions_of_rows(&figures, said, labels, ROWS, 2) &&
                metric_auroc_of_logits(&area, logits, labels, ROWS, 2, 0) &&
                metric_auprc_of_logits(&precision, logits, labels, ROWS, 2, 0));
    near(number(report, "accuracy"), figures.accuracy);
    near(number(report, "balanced_accuracy"), figures.balanced_accuracy);
    near(number(report, "macro_f1"), figures.macro.f1);
    near(number(report, "mcc"), figures.mcc);
    near(number(report, "auroc"), area);
    near(number(report, "auprc"), precision);
    near(number(report, "brier"), metric_brier(logits, labels, ROWS, 2));
    near(number(report, "ece"), metric_ece(logits, labels, ROWS, 2));
    assert_string_equal(json_string(json_member(report, "positive")), "ai");
    const struct json *interval = json_member(json_member(report, "intervals"), "auroc");
    assert_int_equal(json_count(interval), 2);
    double low = json_number(json_element(interval, 0)),
           high = json_number(json_element(interval, 1));
    assert_true(low < number(report, "auroc") && number(report, "auroc") < high);
    assert_int_equal(json_integer(json_member(report, "clusters")), ROWS / 2);
    /* The slices are all rows, and what is written into the page is escaped. */
    const struct json *kinds = json_member(json_member(report, "slices"), "kind");
    assert_int_equal(json_integer(json_member(json_member(kinds, "a"), "rows")) +
                         json_integer(json_member(json_member(kinds, "b<&>"), "rows")),
                     ROWS);
    size_t length;
    const char *page = assay_evaluation_html(evaluation, &length);
    assert_int_equal(strlen(page), length);
    assert_non_null(strstr(page, "b&lt;&amp;&gt;"));
    assert_null(strstr(page, "b<&>"));
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "http"));
    json_free(report);
    assay_evaluation_close(evaluation);
}

static void rates_need_negatives(void **state)
{
    (void)state;
    assay_evaluation_options options = options_for(training_path("good.jsonl"));
    assay_evaluation *evaluation = evaluate(&options);
    struct json *report = report_of(evaluation);
    const struct json *rates = json_member(report, "tpr_at_fpr");
    const struct json *one = json_member(rates, "0.01"), *five = json_member(rates, "0.05");
    assert_true(json_kind(json_member(one, "tpr")) == JSON_NULL);
    assert_non_null(strstr(json_string(json_member(one, "reason")), "at least 1000 negative rows"));
    assert_false(isnan(number(five, "tpr"))); /* 200 are needed, and there are more */
    assert_true(number(five, "achieved_fpr") <= 0.05);
    assert_int_equal(json_count(json_member(five, "wilson")), 2);
    assert_true(says(evaluation, ASSAY_FINDING_DOUBT, "TPR at 1 % FPR is not given"));
    json_free(report);
    assay_evaluation_close(evaluation);
}

static void worthless_scorers_are_told(void **state)
{
    (void)state;
    static const struct {
        enum scorer_kind kind;
        const char *said;
    } cases[] = {{CONSTANT, "the same for every row"},
                 {RANDOM, "cannot be told from chance"},
                 {LENGTH, "a trivial feature of the text and nothing more"},
                 {BACKWARDS, "ranks backwards"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assay_evaluation_options options =
            options_for(write_scores("worthless.jsonl", cases[i].kind));
        assay_evaluation *evaluation = evaluate(&options);
        struct json *report = report_of(evaluation);
        if (!says(evaluation, ASSAY_FINDING_FAULT, cases[i].said))
            fail_msg("it does not say \"%s\"", cases[i].said);
        assert_true(json_kind(json_member(report, "accuracy")) == JSON_NULL);
        assert_true(json_kind(json_member(report, "brier")) == JSON_NULL);
        const struct json *five = json_member(json_member(report, "tpr_at_fpr"), "0.05");
        if (cases[i].kind == CONSTANT) {
            near(number(report, "auroc"), 0.5);
            assert_true(isnan(number(five, "tpr")));
            assert_non_null(strstr(json_string(json_member(five, "reason")), "tie"));
        }
        json_free(report);
        assay_evaluation_close(evaluation);
    }
    assay_evaluation_options options = options_for(training_path("good.jsonl"));
    assay_evaluation *evaluation = evaluate(&options);
    assert_false(says(evaluation, ASSAY_FINDING_FAULT, "The score"));
    assay_evaluation_close(evaluation);
}

static bool same_text(const char *a, const char *b)
{
    size_t n = 0, m = 0;
    char *one = training_read(a, &n), *other = training_read(b, &m);
    bool same = one && other && n == m && memcmp(one, other, n) == 0;
    free(one);
    free(other);
    return same;
}

static void compare_files(const char *a, const char *b, const char *name)
{
    char one[700], other[700];
    snprintf(one, sizeof one, "%s/%s", a, name);
    snprintf(other, sizeof other, "%s/%s", b, name);
    if (!same_text(one, other))
        fail_msg("%s differs", name);
}

static void the_same_bytes(void **state)
{
    (void)state;
    static const char *const files[] = {"report.json", "report.html", "predictions.jsonl"};
    const char *outs[] = {training_path("out1"), training_path("out2"), training_path("out3")};
    for (int i = 0; i < 3; i++) {
        assay_evaluation_options options = options_for(training_path("good.jsonl"));
        options.out = outs[i];
        options.threads = i + 1;
        options.train = training_path("data.jsonl");
        assay_evaluation_close(evaluate(&options));
    }
    for (size_t f = 0; f < 3; f++) {
        compare_files(outs[0], outs[1], files[f]);
        compare_files(outs[0], outs[2], files[f]);
    }
    /* What was written is judged like what it was written from. */
    char path[700];
    snprintf(path, sizeof path, "%s/predictions.jsonl", outs[0]);
    assay_evaluation_options again = options_for(path), first = options_for(NULL);
    first.predictions = training_path("good.jsonl");
    assay_evaluation *a = evaluate(&first), *b = evaluate(&again);
    struct json *one = report_of(a), *other = report_of(b);
    static const char *const keys[] = {"accuracy", "auroc", "auprc", "brier", "ece"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        near(number(one, keys[k]), number(other, keys[k]));
    json_free(one);
    json_free(other);
    assay_evaluation_close(a);
    assay_evaluation_close(b);
    for (int i = 0; i < 3; i++)
        training_remove(outs[i]);
}

static int entries(const char *folder)
{
    DIR *open = opendir(folder);
    int count = 0;
    struct dirent *entry;
    while (open && (entry = readdir(open)))
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (open)
        closedir(open);
    return count;
}

static void refused(const assay_evaluation_options *options, assay_status wanted, const char *part)
{
    assay_evaluation *evaluation = NULL;
    assay_error error = {0};
    char line[2048];
    assay_evaluation_options own = *options;
    own.out = training_path("refused");
    assay_status status = assay_evaluate(&evaluation, &own, &error);
    assay_error_format(&error, line, sizeof line);
    if (status != wanted || !strstr(line, part))
        fail_msg("\"%s\" (%s) should be %s and say \"%s\"", line, assay_status_name(status),
                 assay_status_name(wanted), part);
    assert_null(evaluation);
    assert_false(file_is_folder(own.out)); /* nor anything in it */
}

static void bad_data(void **state)
{
    (void)state;
    static const struct {
        const char *rows, *said;
    } cases[] = {
        {"", "there are no rows"},
        {"{\"id\": \"r0\", \"text\": \"a\"}\n", "the row has no label"},
        {"{\"id\": \"r0\", \"text\": \"a\", \"label\": \"ai\"}\nnot json\n", "bad.jsonl:2"},
        {"{\"id\": \"r0\", \"text\": \"\xff\", \"label\": \"ai\"}\n", "bad.jsonl:1"},
        {"{\"id\": \"r0\", \"label\": \"ai\"}\n", "text"},
        {"{\"id\": \"r0\", \"text\": \"a\", \"label\": \"ai\"}\n"
         "{\"id\": \"r0\", \"text\": \"b\", \"label\": \"human\"}\n",
         "bad.jsonl:2: id: an id stands twice"},
        {"{\"id\": \"other\", \"text\": \"a\", \"label\": \"ai\"}\n",
         "a row of the data is not in the predictions"},
        {"{\"id\": \"r0\", \"text\": \"a\", \"label\": \"robot\"}\n", "label"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(training_write("bad.jsonl", cases[i].rows), 0);
        assay_evaluation_options options = options_for(training_path("good.jsonl"));
        options.data = training_path("bad.jsonl");
        refused(&options, ASSAY_ERROR_FORMAT, cases[i].said);
    }
    assay_evaluation_options options = options_for(training_path("good.jsonl"));
    options.data = training_path("missing.jsonl");
    refused(&options, ASSAY_ERROR_NOT_FOUND, "missing.jsonl");
}

static void bad_predictions(void **state)
{
    (void)state;
    static const struct {
        const char *rows, *said;
        assay_status status;
    } cases[] = {
        {"", "there are no rows", ASSAY_ERROR_FORMAT},
        {"[1]\n", "not an object", ASSAY_ERROR_FORMAT},
        {"{\"id\": \"r0\"}\n", "nothing to judge", ASSAY_ERROR_FORMAT},
        {"{\"id\": \"r0\", \"score\": \"high\"}\n", "score", ASSAY_ERROR_FORMAT},
        {"{\"id\": \"r0\", \"score\": 1e999}\n", "score", ASSAY_ERROR_FORMAT},
        {"{\"id\": \"r0\", \"score\": 1}\n{\"id\": \"r0\", \"score\": 2}\n", "an id stands twice",
         ASSAY_ERROR_FORMAT},
        {"{\"id\": \"r0\", \"score\": 1}\n", "not in the predictions", ASSAY_ERROR_FORMAT},
        {"{\"id\": \"r0\", \"logits\": [1]}\n", "a number a label", ASSAY_ERROR_FORMAT},
        {"{\"id\": \"r0\", \"logits\": [1, 2]}\n{\"id\": \"r1\", \"logits\": [1, 2, 3]}\n",
         "bad.jsonl:2: logits", ASSAY_ERROR_FORMAT},
        {"{\"id\": \"r0\", \"logits\": [1, 2]}\n", "--labels", ASSAY_ERROR_ARGUMENT},
        {"{\"id\": \"r0\", \"probabilities\": [0.5, 0.6]}\n", "do not add up", ASSAY_ERROR_FORMAT},
        {"{\"id\": \"r0\", \"probabilities\": [-0.5, 1.5]}\n", "out of range", ASSAY_ERROR_FORMAT},
        {"{\"id\": \"r0\", \"predicted\": \"ai\", \"logits\": [1, 2]}\n"
         "{\"id\": \"r1\", \"predicted\": \"ai\", \"logits\": [2, 1]}\n",
         "bad.jsonl:2: what is predicted is not what is most probable", ASSAY_ERROR_FORMAT},
        {"{\"id\": \"r0\", \"predicted\": \"ai\"}\n{\"id\": \"r1\"}\n", "predicted",
         ASSAY_ERROR_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(training_write("bad.jsonl", cases[i].rows), 0);
        assay_evaluation_options options = options_for(training_path("bad.jsonl"));
        refused(&options, cases[i].status, cases[i].said);
    }
    /* Labels that contradict the data; a row too many. */
    size_t length;
    char *good = training_read(training_path("good.jsonl"), &length);
    assert_non_null(good);
    char *label = strstr(good, "\"label\": \"ai\"");
    assert_non_null(label);
    memcpy(label, "\"label\":\"oth\"", strlen("\"label\":\"oth\""));
    assert_int_equal(training_write("bad.jsonl", good), 0);
    assay_evaluation_options options = options_for(training_path("bad.jsonl"));
    refused(&options, ASSAY_ERROR_FORMAT, "they are of other data");
    free(good);
    good = training_read(training_path("good.jsonl"), &length);
    char *longer = malloc(length + 100);
    assert_true(good && longer);
    snprintf(longer, length + 100,
             "%s{\"id\": \"more\", \"predicted\": \"ai\", \"logits\": [2, 1]}\n", good);
    assert_int_equal(training_write("bad.jsonl", longer), 0);
    refused(&options, ASSAY_ERROR_FORMAT, "a row of the predictions is not in the data");
    free(longer);
    free(good);
}

static void bad_options(void **state)
{
    (void)state;
    assay_evaluation_options options = options_for(training_path("good.jsonl"));
    const char *attacks[] = {"all"}, *unknown[] = {"homoglyf"}, *slices[] = {"no such field"};
    options.attacks = attacks;
    options.attack_count = 1;
    refused(&options, ASSAY_ERROR_ARGUMENT, "attacked texts are new texts");
    options = options_for(NULL);
    refused(&options, ASSAY_ERROR_ARGUMENT, "either a model or predictions");
    options.model = training_path("base");
    options.attacks = unknown;
    options.attack_count = 1;
    refused(&options, ASSAY_ERROR_ARGUMENT, "homoglyf");
    options.attack_count = 0;
    refused(&options, ASSAY_ERROR_UNSUPPORTED, "no classification head");
    options = options_for(training_path("good.jsonl"));
    options.slices = slices;
    options.slice_count = 1;
    refused(&options, ASSAY_ERROR_ARGUMENT, "no such field");
    options.slice_count = 0;
    options.positive = "robot";
    refused(&options, ASSAY_ERROR_ARGUMENT, "robot");
    options.positive = NULL;
    options.group = "nobody";
    refused(&options, ASSAY_ERROR_FORMAT, "nobody");
    options.group = NULL;
    options.train = training_path("missing.jsonl");
    refused(&options, ASSAY_ERROR_NOT_FOUND, "missing.jsonl");
    options.train = NULL;
    options.struct_size = 3;
    refused(&options, ASSAY_ERROR_ARGUMENT, "ASSAY_EVALUATION_OPTIONS_INIT");
    /* A folder that is a file. */
    assay_evaluation *evaluation;
    options = options_for(training_path("good.jsonl"));
    options.out = training_path("good.jsonl");
    assert_int_not_equal(assay_evaluate(&evaluation, &options, NULL), ASSAY_OK);
    assert_null(evaluation);
}

/* Each call that changes the disk fails once: no file stays, or all three were there before. */
static void failing_disks(void **state)
{
    (void)state;
    assay_evaluation_options options = options_for(training_path("good.jsonl"));
    options.without_baselines = true;
    options.resamples = 40;
    options.out = training_path("disk");
    uint64_t before = file_change_count();
    assay_evaluation_close(evaluate(&options));
    uint64_t changes = file_change_count() - before;
    assert_true(changes >= 9); /* three files are created, synced and renamed */
    training_remove(options.out);
    for (uint64_t nth = 1; nth <= changes; nth++) {
        assay_evaluation *evaluation;
        file_fail_at(nth);
        assay_status status = assay_evaluate(&evaluation, &options, NULL);
        file_fail_at(0);
        assay_evaluation_close(evaluation);
        if (status == ASSAY_OK) { /* only what comes behind a rename may fail unseen */
            assert_int_equal(entries(options.out), 3);
        } else {
            int left = entries(options.out);
            DIR *open = opendir(options.out);
            struct dirent *entry;
            while (open && (entry = readdir(open)))
                assert_null(strstr(entry->d_name, ".tmp"));
            if (open)
                closedir(open);
            assert_true(left < 3);
        }
        training_remove(options.out);
    }
}

static void failing_memory(void **state)
{
    (void)state;
    assay_evaluation_options options = options_for(training_path("good.jsonl"));
    options.resamples = 40;
    options.train = training_path("train.jsonl");
    uint64_t before = memory_allocation_count();
    assay_evaluation_close(evaluate(&options));
    uint64_t count = memory_allocation_count() - before;
    uint64_t step = count / 60 + 1;
    for (uint64_t nth = 1; nth <= count; nth += nth < 120 ? 7 : step) {
        assay_evaluation *evaluation;
        memory_fail_at(nth);
        assay_status status = assay_evaluate(&evaluation, &options, NULL);
        memory_fail_at(0);
        assert_true(status == ASSAY_OK || status == ASSAY_ERROR_MEMORY);
        assay_evaluation_close(evaluation);
    }
}

static void two_scorers(void **state)
{
    (void)state;
    assay_evaluation_options options = options_for(training_path("good.jsonl"));
    options.against = training_path("good.jsonl");
    assay_evaluation *evaluation = evaluate(&options);
    struct json *report = report_of(evaluation);
    const struct json *against = json_member(report, "against");
    near(number(json_member(against, "auroc"), "lead"), 0.0);
    near(number(json_member(against, "mcnemar"), "p_value"), 1.0);
    json_free(report);
    assay_evaluation_close(evaluation);
    options.against = write_scores("random.jsonl", RANDOM);
    evaluation = evaluate(&options);
    report = report_of(evaluation);
    const struct json *lead =
        json_member(json_member(json_member(report, "against"), "auroc"), "lead_interval");
    assert_true(json_number(json_element(lead, 0)) > 0.0);
    assert_true(says(evaluation, ASSAY_FINDING_FACT, ": better"));
    json_free(report);
    assay_evaluation_close(evaluation);
}

/* Rows that name a class otherwise are judged as those that name it alike. */
static void renamed_labels(void **state)
{
    (void)state;
    assay_evaluation_options options = options_for(training_path("good.jsonl"));
    assay_evaluation *usual = evaluate(&options);
    struct json *expected = report_of(usual);
    assert_int_equal(json_count(json_member(expected, "renamed_labels")), 0);
    assay_label_rename renames[] = {{"machine", "ai"}, {"machine", "human"}};
    options.data = training_path("machine.jsonl");
    refused(&options, ASSAY_ERROR_FORMAT, "the model lacks");
    options.renames = renames;
    options.rename_count = 1;
    options.out = training_path("renamed");
    assay_evaluation *evaluation = evaluate(&options);
    struct json *report = report_of(evaluation);
    near(number(report, "auroc"), number(expected, "auroc"));
    near(number(report, "accuracy"), number(expected, "accuracy"));
    const struct json *renamed = json_element(json_member(report, "renamed_labels"), 0);
    int64_t positives = 0;
    for (int i = 0; i < ROWS; i++)
        positives += labels[i] == 0;
    assert_string_equal(json_string(json_member(renamed, "from")), "machine");
    assert_string_equal(json_string(json_member(renamed, "to")), "ai");
    assert_int_equal(json_integer(json_member(renamed, "rows")), positives);
    assert_true(
        says(evaluation, ASSAY_FINDING_FACT, "that the data call \"machine\" are judged as"));
    size_t length;
    char *predictions = training_read(training_path("renamed/predictions.jsonl"), &length);
    assert_null(strstr(predictions, "machine"));
    free(predictions);
    json_free(report);
    json_free(expected);
    assay_evaluation_close(evaluation);
    assay_evaluation_close(usual);
    options.out = NULL;
    options.rename_count = 2;
    refused(&options, ASSAY_ERROR_ARGUMENT, "renamed twice");
    options.rename_count = 1;
    renames[0].to = "robot";
    refused(&options, ASSAY_ERROR_ARGUMENT, "renamed to one that the model lacks");
    renames[0].to = "";
    refused(&options, ASSAY_ERROR_ARGUMENT, "to nothing");
    renames[0] = (assay_label_rename){"Machine", "ai"};
    options.data = training_path("data.jsonl");
    refused(&options, ASSAY_ERROR_ARGUMENT, "no row has the label that is to be renamed");
}

/* A model trained here, judged on rows that trained it and on others, with attacks. */
static void a_model(void **state)
{
    (void)state;
    static const char *const words[] = {"epochs=2",
                                        "batch.items=8",
                                        "max_tokens=20",
                                        "early_stop.metric=loss",
                                        "log.tensorboard=false",
                                        NULL};
    const char *model = training_path("model"), *attacks[] = {"case", "whitespace"};
    assay_error error = {0};
    if (training_go(model, words, NULL, NULL, &error) != ASSAY_OK)
        fail_msg("%s", error.message);
    assay_evaluation_options options = options_for(NULL);
    options.model = model;
    options.attacks = attacks;
    options.attack_count = 2;
    options.strength = 1.0;
    options.against = model;
    const char *outs[] = {training_path("model1"), training_path("model2")};
    for (int i = 0; i < 2; i++) {
        options.out = outs[i];
        options.threads = i + 1;
        assay_evaluation_close(evaluate(&options));
    }
    compare_files(outs[0], outs[1], "report.json");
    compare_files(outs[0], outs[1], "report.html");
    compare_files(outs[0], outs[1], "predictions.jsonl");
    options.out = NULL;
    assay_evaluation *evaluation = evaluate(&options);
    struct json *report = report_of(evaluation);
    const struct json *baselines = json_member(report, "baselines");
    assert_true(json_kind(json_member(baselines, "left_out")) == JSON_NULL);
    assert_true(
        json_boolean(json_member(json_member(baselines, "train"), "is_what_trained_the_model")));
    assert_int_equal(json_count(json_member(json_member(report, "attacks"), "kinds")), 2);
    assert_int_equal(json_integer(json_member(json_member(report, "model"), "max_tokens")), 20);
    near(number(json_member(json_member(report, "against"), "auroc"), "lead"), 0.0);
    options.attack_count = 0;
    options.against = NULL;
    /* The training file, which detector.json names, keeps its labels; one that is given does not.
     */
    static const assay_label_rename machine = {"machine", "ai"};
    options.data = training_path("machine.jsonl");
    options.renames = &machine;
    options.rename_count = 1;
    for (int given = 0; given < 2; given++) {
        options.train = given ? options.data : NULL;
        assay_evaluation *again = evaluate(&options);
        struct json *other = report_of(again);
        near(number(other, "auroc"), number(report, "auroc"));
        const struct json *trained = json_member(json_member(other, "baselines"), "linear_model");
        assert_int_equal(json_kind(trained), JSON_OBJECT);
        if (!given)
            near(number(trained, "auroc"), number(json_member(baselines, "linear_model"), "auroc"));
        json_free(other);
        assay_evaluation_close(again);
    }
    options.train = NULL;
    options.rename_count = 0;
    json_free(report);
    assay_evaluation_close(evaluation);
    options.data = training_path("train.jsonl");
    evaluation = evaluate(&options);
    assert_true(says(evaluation, ASSAY_FINDING_FAULT, "the very rows"));
    assay_evaluation_close(evaluation);
    /* A training file that changed is not taken for what it was. */
    assert_int_equal(training_write("train.jsonl", "{\"text\": \"a\", \"label\": \"ai\"}\n"), 0);
    options.data = training_path("data.jsonl");
    evaluation = evaluate(&options);
    assert_true(says(evaluation, ASSAY_FINDING_DOUBT, "has changed since"));
    assay_evaluation_close(evaluation);
    assert_int_equal(training_write("bad.jsonl", "{\"text\": \"w1\", \"label\": \"robot\"}\n"), 0);
    options.data = training_path("bad.jsonl");
    refused(&options, ASSAY_ERROR_FORMAT,
            "the row has a label that the model lacks (expected one of ai, human, or --label to "
            "rename it, found \"robot\")");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_the_metrics),
        cmocka_unit_test(rates_need_negatives),
        cmocka_unit_test(worthless_scorers_are_told),
        cmocka_unit_test(the_same_bytes),
        cmocka_unit_test(bad_data),
        cmocka_unit_test(bad_predictions),
        cmocka_unit_test(bad_options),
        cmocka_unit_test(failing_disks),
        cmocka_unit_test(failing_memory),
        cmocka_unit_test(two_scorers),
        cmocka_unit_test(renamed_labels),
        cmocka_unit_test(a_model),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
