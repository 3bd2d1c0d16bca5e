/* The end of a run: calibrated on rows that had no part in it, the same after a kill, and what
 * detect computes is what was calibrated; then a model folder calibrated anew. */
#include "assay/detect.h"
#include "base/file.h"
#include "base/json.h"
#include "detect/detector.h"
#include "model_vectors.h"
#include "training_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 720, WORDS = 96, LIMIT = 1 << 22 };

static unsigned draw(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Three rows a group; every third group is of the other class, by other words. */
static int write_rows(const char *name, int rows, unsigned seed, bool with_group,
                      const char *positive)
{
    FILE *file = fopen(training_path(name), "wb");
    if (!file)
        return -1;
    for (int i = 0; i < rows; i++) {
        bool ai = i / 3 % 3 == 0;
        fprintf(file, "{\"id\": \"%s-%d\", \"label\": \"%s\", ", name, i, ai ? positive : "human");
        if (with_group)
            fprintf(file, "\"prompt\": \"p%d\", ", i / 3);
        fputs("\"text\": \"", file);
        int last = 3 + (int)(draw(&seed) % 9);
        for (int k = 0; k <= last; k++) {
            unsigned word = draw(&seed) % WORDS;
            fprintf(file, "%sw%u", k ? " " : "", ai && draw(&seed) & 1 ? word / 3 : word);
        }
        fputs("\"}\n", file);
    }
    return fclose(file) ? -1 : 0;
}

static int write_grouped(const char *name, int rows, unsigned seed, bool with_group)
{
    return write_rows(name, rows, seed, with_group, "ai");
}

static int begin(void **state)
{
    (void)state;
    return training_fixture_open("bert_odd_bare") || write_grouped("kept.jsonl", ROWS, 3, true) ||
           write_grouped("own.jsonl", ROWS, 4, true) || write_grouped("bare.jsonl", 80, 5, false);
}

static int end(void **state)
{
    (void)state;
    training_fixture_close();
    return 0;
}

/* Words of a short run with data.valid and what else is said. */
struct words {
    char text[8][700];
    const char *list[16];
    size_t count;
};

static const char *const shape[] = {"epochs=2", "batch.items=8", "optimizer.lr=0.01", "ema=0.5",
                                    "log.tensorboard=false"};

static void say(struct words *w, const char *key, const char *value)
{
    snprintf(w->text[w->count], sizeof w->text[0], "%s=%s", key, value);
    w->list[w->count] = w->text[w->count];
    w->count++;
}

static struct words *begin_words(const char *valid)
{
    static struct words w;
    w = (struct words){0};
    say(&w, "data.valid", training_path(valid));
    return &w;
}

static assay_status go(struct words *w, const char *out, bool resume, assay_error *error)
{
    assay_training_options options = ASSAY_TRAINING_OPTIONS_INIT;
    options.threads = 1;
    options.resume = resume;
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        w->list[w->count + i] = shape[i];
    w->list[w->count + sizeof shape / sizeof *shape] = NULL;
    return training_go(training_path(out), w->list, &options, NULL, error);
}

static void must_go(struct words *w, const char *out, bool resume)
{
    assay_error error = {0};
    if (go(w, out, resume, &error) != ASSAY_OK)
        fail_msg("%s: %s: %s", error.file, error.place, error.message);
}

static struct json *card_of(const char *out)
{
    struct json *root = NULL;
    assert_int_equal(
        json_parse_file(&root, in_folder(training_path(out), "detector.json"), LIMIT, NULL),
        ASSAY_OK);
    return root;
}

static void must_read(struct detector *d, const char *out)
{
    assay_error error = {0};
    if (detector_read(d, training_path(out), &error) != ASSAY_OK)
        fail_msg("%s: %s", error.place, error.message);
}

static void halves_of_valid(void **state)
{
    (void)state;
    struct words *w = begin_words("kept.jsonl");
    say(w, "data.group", "prompt");
    must_go(w, "half", false);
    struct detector d;
    must_read(&d, "half");
    assert_true(d.calibrated && d.calibration.groups > 100);
    assert_true(d.calibration.rows >= ROWS / 2 - 3 && d.calibration.rows <= ROWS / 2 + 3);
    assert_int_equal(d.calibration.groups, d.calibration.rows / 3); /* no group is torn */
    assert_int_equal(d.calibration.point_count, 2);
    assert_int_equal(d.calibration.refused_count, 1);
    struct json *card = card_of("half");
    const struct json *valid = json_member(json_member(card, "data"), "valid");
    assert_int_equal(json_integer(json_member(valid, "rows")), ROWS);
    assert_int_equal(json_integer(json_member(valid, "used_rows")), ROWS - d.calibration.rows);
    const struct json *calibration = json_member(card, "calibration");
    assert_string_equal(json_string(json_member(calibration, "part")), "half");
    assert_string_equal(json_string(json_member(calibration, "group")), "prompt");
    assert_string_equal(json_string(json_member(calibration, "sha256")), d.valid_sha256);
    json_free(card);
    detector_free(&d);
}

/* What detect computes for the rows of data.valid holds every score that the card keeps. */
static void detect_computes_the_same(void **state)
{
    (void)state;
    static assay_text texts[ROWS];
    static float logits[2 * ROWS];
    static assay_text_result results[ROWS];
    size_t length;
    assay_model *model;
    assay_session *session;
    assay_detector *detector;
    assay_detector_info info;
    struct detector d;
    must_read(&d, "half");
    assert_int_equal(assay_model_open(&model, training_path("half"), NULL), ASSAY_OK);
    assert_int_equal(assay_detector_open(&detector, model, NULL, NULL), ASSAY_OK);
    assay_detector_get_info(detector, &info);
    assay_session_options options = ASSAY_SESSION_OPTIONS_INIT;
    options.precision = info.precision;
    options.max_tokens = info.max_tokens;
    options.threads = 2;
    assert_int_equal(assay_session_open(&session, model, &options, NULL), ASSAY_OK);
    char line[256];
    assert_true(assay_detector_fits(detector, session, line, sizeof line));
    char *rows = training_read(training_path("kept.jsonl"), &length), *at = rows;
    for (int i = 0; i < ROWS; i++) {
        char *text = strstr(at, "\"text\": \"") + 9;
        at = strchr(text, '"');
        texts[i] = (assay_text){.text = text, .length = (size_t)(at - text)};
    }
    assert_int_equal(assay_session_classify(session, logits, results, texts, ROWS, NULL), ASSAY_OK);
    const struct conformal *c = &d.calibration.negatives_scores;
    int64_t found = 0;
    for (int64_t k = 0; k < c->kept; k++) {
        bool seen = false;
        for (int i = 0; i < ROWS && !seen; i++) {
            assay_verdict v;
            assert_int_equal(
                assay_detector_judge(detector, &v, NULL, logits + 2 * i, &results[i], NULL),
                ASSAY_OK);
            seen = (float)v.score == c->scores[k];
        }
        found += seen;
    }
    assert_int_equal(found, c->count);
    free(rows);
    /* Computed otherwise it says so. */
    assay_session_close(session);
    options.max_tokens = 5;
    assert_int_equal(assay_session_open(&session, model, &options, NULL), ASSAY_OK);
    assert_false(assay_detector_fits(detector, session, line, sizeof line));
    assert_non_null(strstr(line, "cut at 5 here"));
    assay_session_close(session);
    assay_detector_close(detector);
    assay_model_close(model);
    detector_free(&d);
}

static void same_files(const char *one, const char *other)
{
    static const char *const files[] = {"detector.json", "model.safetensors"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        size_t length, other_length;
        char *a = training_read(in_folder(training_path(one), files[i]), &length);
        char *b = training_read(in_folder(training_path(other), files[i]), &other_length);
        assert_true(a && b && length == other_length && !memcmp(a, b, length));
        free(a);
        free(b);
    }
    assert_true(training_same_runs(training_path(one), training_path(other)));
}

/* Killed at calls all along the run, the ones of the calibration and the card among them. */
static void resumed_calibrates_alike(void **state)
{
    (void)state;
    struct words *w = begin_words("kept.jsonl");
    say(w, "data.group", "prompt");
    must_go(w, "again", false);
    same_files("half", "again");
    uint64_t before = file_change_count();
    must_go(w, "count", false);
    uint64_t changes = file_change_count() - before;
    assert_true(changes > 20);
    for (uint64_t nth = 3; nth <= changes; nth += changes / 9) {
        pid_t child = fork();
        if (child == 0) {
            file_kill_at(nth);
            _exit(go(w, "killed", false, NULL) == ASSAY_OK ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        must_go(w, "killed", true);
        same_files("half", "killed");
        training_remove(training_path("killed"));
    }
}

static void other_seeds_halve_otherwise(void **state)
{
    (void)state;
    struct words *w = begin_words("kept.jsonl");
    say(w, "data.group", "prompt");
    say(w, "seed", "5");
    must_go(w, "seed", false);
    struct json *one = card_of("half"), *other = card_of("seed");
    const char *a = json_string(json_member(json_member(one, "calibration"), "rows_sha256"));
    const char *b = json_string(json_member(json_member(other, "calibration"), "rows_sha256"));
    assert_true(strlen(a) == 64 && strlen(b) == 64 && strcmp(a, b) != 0);
    json_free(one);
    json_free(other);
}

static void files_of_their_own(void **state)
{
    (void)state;
    struct words *w = begin_words("kept.jsonl");
    say(w, "data.calibration", training_path("own.jsonl"));
    must_go(w, "own", false);
    struct detector d;
    must_read(&d, "own");
    assert_int_equal(d.calibration.rows, ROWS);
    assert_int_equal(d.calibration.groups, 0);
    assert_int_equal(d.calibration.negatives, ROWS * 2 / 3);
    detector_free(&d);
    struct json *card = card_of("own");
    const struct json *valid = json_member(json_member(card, "data"), "valid");
    assert_int_equal(json_kind(json_member(valid, "used_rows")), JSON_NULL); /* all of it */
    json_free(card);
}

static void expect_refusal(struct words *w, const char *out, const char *reason)
{
    must_go(w, out, false);
    struct json *card = card_of(out);
    assert_int_equal(json_kind(json_member(card, "calibration")), JSON_NULL);
    const char *said = json_string(json_member(card, "calibration_refused"));
    if (!strstr(said, reason))
        fail_msg("\"%s\" does not say \"%s\"", said, reason);
    json_free(card);
    struct detector d;
    must_read(&d, out);
    assert_false(d.calibrated);
    detector_free(&d);
}

static void reasons(void **state)
{
    (void)state;
    struct words *w = begin_words("kept.jsonl");
    say(w, "data.calibration", "none");
    expect_refusal(w, "none", "data.calibration is none");
    expect_refusal(begin_words("valid.jsonl"), "small", "19 rows, fewer than the 64");
}

static void expect_error(struct words *w, assay_status expected, const char *place,
                         const char *message)
{
    assay_error error = {0};
    assert_int_equal(go(w, "no", false, &error), expected);
    assert_string_equal(error.place, place);
    if (!strstr(error.message, message))
        fail_msg("\"%s\" does not say \"%s\"", error.message, message);
    assert_false(file_is_folder(training_path("no")));
}

static void wrong_rows(void **state)
{
    (void)state;
    struct words *w = begin_words("kept.jsonl");
    say(w, "data.calibration", training_path("train.jsonl"));
    expect_error(w, ASSAY_ERROR_ARGUMENT, "data.calibration", "trained on these rows");
    w = begin_words("kept.jsonl");
    say(w, "data.calibration", training_path("kept.jsonl"));
    expect_error(w, ASSAY_ERROR_ARGUMENT, "data.calibration", "choose the weights");
    w = begin_words("bare.jsonl");
    say(w, "data.group", "prompt");
    expect_error(w, ASSAY_ERROR_FORMAT, "prompt", "no group");
}

static assay_status calibrate(const char *out, const char *data, const char *group,
                              assay_calibration_result *result, assay_error *error)
{
    assay_calibration_options options = ASSAY_CALIBRATION_OPTIONS_INIT;
    options.threads = 1;
    options.group_field = group;
    return assay_calibrate(training_path(out), training_path(data), &options, result, error);
}

static void folders(void **state)
{
    (void)state;
    assay_calibration_result result;
    assay_error error = {0};
    size_t length;
    /* The same rows in the same way give what the run's end gave. */
    struct detector before, after;
    must_read(&before, "own");
    if (calibrate("own", "own.jsonl", NULL, &result, &error) != ASSAY_OK)
        fail_msg("%s", error.message);
    must_read(&after, "own");
    assert_true(before.calibration.temperature == after.calibration.temperature);
    assert_true(before.calibration.points[0].threshold == after.calibration.points[0].threshold);
    assert_int_equal(before.precision, after.precision);
    assert_int_equal(before.max_tokens, after.max_tokens);
    detector_free(&before);
    detector_free(&after);
    assert_int_equal(result.rows, ROWS);
    assert_int_equal(result.points, 2);
    assert_true(result.point[0].expected_low < result.point[0].achieved &&
                result.point[0].expected_high > 0.05);
    assert_int_equal(calibrate("own", "own.jsonl", "prompt", &result, NULL), ASSAY_OK);
    assert_int_equal(result.groups, ROWS / 3);
    /* Rows that name a class otherwise are the same rows; a rename that fits none is refused. */
    const assay_label_rename robots[] = {{"robot", "ai"}, {"human", "robot"}};
    assay_calibration_options renaming = ASSAY_CALIBRATION_OPTIONS_INIT;
    renaming.threads = 1;
    renaming.renames = robots;
    renaming.rename_count = 1;
    assert_int_equal(write_rows("robots.jsonl", ROWS, 4, true, "robot"), 0);
    assert_int_equal(calibrate("own", "own.jsonl", NULL, &result, NULL), ASSAY_OK);
    must_read(&before, "own");
    assert_int_equal(assay_calibrate(training_path("own"), training_path("robots.jsonl"), &renaming,
                                     &result, NULL),
                     ASSAY_OK);
    must_read(&after, "own");
    assert_true(before.calibration.points[0].threshold == after.calibration.points[0].threshold);
    detector_free(&before);
    detector_free(&after);
    struct json *renamed = card_of("own");
    const struct json *recorded =
        json_element(json_member(json_member(renamed, "calibration"), "renamed_labels"), 0);
    assert_string_equal(json_string(json_member(recorded, "from")), "robot");
    assert_string_equal(json_string(json_member(recorded, "to")), "ai");
    json_free(renamed);
    assert_int_equal(assay_calibrate(training_path("own"), training_path("own.jsonl"), &renaming,
                                     &result, &error),
                     ASSAY_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "no row has the label"));
    renaming.renames = robots + 1;
    assert_int_equal(assay_calibrate(training_path("own"), training_path("own.jsonl"), &renaming,
                                     &result, &error),
                     ASSAY_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "that the model lacks"));
    assert_int_equal(calibrate("own", "own.jsonl", NULL, &result, NULL), ASSAY_OK);
    /* An uncalibrated one gets its points, and its card keeps the rest. */
    assert_int_equal(calibrate("none", "own.jsonl", NULL, &result, NULL), ASSAY_OK);
    must_read(&after, "none");
    assert_true(after.calibrated && after.train_sha256[0]);
    detector_free(&after);
    struct json *card = card_of("none");
    assert_null(json_member(card, "calibration_refused"));
    assert_int_equal(json_kind(json_member(card, "recipe")), JSON_STRING);
    json_free(card);
    /* What is refused leaves the card as it was. */
    char *old = training_read(in_folder(training_path("none"), "detector.json"), &length);
    assert_int_equal(calibrate("none", "train.jsonl", NULL, &result, &error), ASSAY_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "trained on these rows"));
    assert_int_equal(calibrate("none", "bare.jsonl", "prompt", &result, &error),
                     ASSAY_ERROR_FORMAT);
    assert_int_equal(error.row, 1);
    assert_int_equal(training_write("robot.jsonl", "{\"text\": \"w1\", \"label\": \"robot\"}\n"),
                     0);
    assert_int_equal(calibrate("none", "robot.jsonl", NULL, &result, &error), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(error.row, 1);
    assert_int_equal(training_write("one.jsonl", "{\"text\": \"w1\", \"label\": \"ai\"}\n"), 0);
    assert_int_equal(calibrate("none", "one.jsonl", NULL, &result, &error), ASSAY_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "one class"));
    assert_int_equal(calibrate("none", "missing.jsonl", NULL, &result, &error),
                     ASSAY_ERROR_NOT_FOUND);
    assert_int_equal(calibrate("base", "own.jsonl", NULL, &result, &error),
                     ASSAY_ERROR_UNSUPPORTED);
    char *now = training_read(in_folder(training_path("none"), "detector.json"), &length);
    assert_string_equal(old, now);
    free(old);
    free(now);
    /* Without a card, as another trainer leaves it. */
    training_remove(in_folder(training_path("none"), "detector.json"));
    assert_int_equal(calibrate("none", "own.jsonl", NULL, &result, NULL), ASSAY_OK);
    must_read(&after, "none");
    assert_int_equal(after.label_count, 2);
    assert_string_equal(after.labels[after.positive], "ai");
    detector_free(&after);
}

struct notes {
    char text[2000];
};

static void keep_note(void *context, int64_t done, int64_t total, const char *note)
{
    struct notes *notes = context;
    size_t used = strlen(notes->text);
    (void)done;
    (void)total;
    if (note)
        snprintf(notes->text + used, sizeof notes->text - used, "%s\n", note);
}

/* detector.json says how the texts of the training were cleaned, where their card does. */
static void cleaned_texts(void **state)
{
    (void)state;
    static const char card[] = "{\"format\": \"assay-data-card\", \"format_version\": 1, "
                               "\"file\": {\"sha256\": \"%s\"}, \"steps\": [%s]}";
    static const char clean[] = "{\"verb\": \"clean\", \"settings\": {\"steps\": [\"%s\"], "
                                "\"rules\": [\"short\"], \"headers\": [\"w1 \"]}}, "
                                "{\"verb\": \"split\", \"settings\": {}}";
    struct json *before = card_of("own");
    const struct json *train = json_member(json_member(before, "data"), "train");
    const struct {
        const char *sha256, *step;
        size_t passes; /* 0: nothing is known */
    } cases[] = {{json_string(json_member(train, "sha256")), "whitespace", 1},
                 {json_string(json_member(train, "sha256")), "polish", 0},
                 {"another", "whitespace", 0}};
    assert_int_equal(json_kind(json_member(train, "cleaning")), JSON_NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024], steps[512], name[32];
        struct detector d;
        assay_error error = {0};
        snprintf(steps, sizeof steps, clean, cases[i].step);
        snprintf(text, sizeof text, card, cases[i].sha256, steps);
        snprintf(name, sizeof name, "cleaned%zu", i);
        assert_int_equal(training_write("train.jsonl.card.json", text), 0);
        if (go(begin_words("own.jsonl"), name, false, &error) != ASSAY_OK)
            fail_msg("%s", error.message);
        must_read(&d, name);
        assert_int_equal(d.cleaning.count, cases[i].passes);
        if (d.cleaning.count) {
            assert_true(d.cleaning.passes[0].steps[ASSAY_CLEAN_WHITESPACE]);
            assert_string_equal(d.cleaning.passes[0].headers[0], "w1 ");
        }
        detector_free(&d);
        struct json *now = card_of(name);
        assert_int_equal(
            json_kind(json_member(json_member(json_member(now, "data"), "train"), "cleaning")),
            cases[i].passes ? JSON_ARRAY : JSON_NULL);
        json_free(now);
    }
    training_remove(training_path("train.jsonl.card.json"));
    json_free(before);
    /* Rows that no card says were cleaned alike set thresholds for other texts. */
    struct notes notes = {{0}};
    assay_calibration_options options = ASSAY_CALIBRATION_OPTIONS_INIT;
    assay_calibration_result result;
    options.threads = 1;
    options.progress = keep_note;
    options.context = &notes;
    assert_int_equal(assay_calibrate(training_path("cleaned0"), training_path("own.jsonl"),
                                     &options, &result, NULL),
                     ASSAY_OK);
    assert_non_null(strstr(notes.text, "nothing says that these were cleaned alike"));
    notes.text[0] = '\0';
    assert_int_equal(assay_calibrate(training_path("cleaned1"), training_path("own.jsonl"),
                                     &options, &result, NULL),
                     ASSAY_OK);
    assert_null(strstr(notes.text, "cleaned"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_of_valid),
        cmocka_unit_test(detect_computes_the_same),
        cmocka_unit_test(resumed_calibrates_alike),
        cmocka_unit_test(other_seeds_halve_otherwise),
        cmocka_unit_test(files_of_their_own),
        cmocka_unit_test(reasons),
        cmocka_unit_test(wrong_rows),
        cmocka_unit_test(folders),
        cmocka_unit_test(cleaned_texts),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
