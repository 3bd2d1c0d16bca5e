/* Training against transformers and torch (tests/vectors/training, tools/make_training_vectors.py),
 * and what a run leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "model_vectors.h"
#include "training_cases.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_CASES = 64, LARGEST_RECIPE = 1 << 20 };

/* What float32 may do to a figure; more only where torch's own float32 run does more. */
static const double figure_tolerance = 1e-5;
/* Of a weight: a share of the largest change, above the rounding of the weight itself. */
static const double weight_tolerance = 1e-4;
static const double weight_rounding = 2.4e-7; /* two units in the last place of 1 */

static void assert_near(const char *what, size_t at, double ours, double theirs, double tolerance)
{
    if (!(fabs(ours - theirs) <= tolerance * fabs(theirs) + 1e-12))
        fail_msg("%s %zu: %.10g, not %.10g (tolerance %.1e)", what, at, ours, theirs, tolerance);
}

static double list_number(const struct json *object, const char *key, size_t index)
{
    const struct json *list = json_member(object, key);
    assert_true(index < json_count(list));
    return json_number(json_element(list, index));
}

static double tolerance_of(const struct json *expected, const char *what)
{
    double own = 4.0 * number_of(json_member(expected, "float32"), what);
    return own > figure_tolerance ? own : figure_tolerance;
}

static void check_steps(const struct json *expected, const struct training_record *record)
{
    assert_int_equal(record->step_count, json_count(json_member(expected, "loss")));
    for (size_t i = 0; i < record->step_count; i++) {
        const struct json *step = record->steps[i];
        assert_int_equal(json_integer(json_member(step, "step")), i + 1);
        assert_near("loss", i, number_of(step, "loss"), list_number(expected, "loss", i),
                    tolerance_of(expected, "loss"));
        assert_near("grad_norm", i, number_of(step, "grad_norm"),
                    list_number(expected, "grad_norm", i), tolerance_of(expected, "grad_norm"));
        assert_near("lr", i, number_of(step, "lr"), list_number(expected, "lr", i), 1e-9);
        assert_near("epoch", i, number_of(step, "epoch"), list_number(expected, "epoch", i), 1e-9);
        assert_int_equal(json_integer(json_member(step, "tokens")),
                         (int64_t)list_number(expected, "tokens", i));
    }
}

struct figure_check {
    const struct json *ours;
    size_t at;
    double tolerance;
};

static assay_status check_figure(void *context, const char *key, size_t length,
                                 const struct json *value, assay_error *error)
{
    (void)length;
    (void)error;
    const struct figure_check *check = context;
    assert_near(key, check->at, number_of(check->ours, key), json_number(value), check->tolerance);
    return ASSAY_OK;
}

static void check_figures(const struct json *expected, const struct training_record *record)
{
    const struct json *list = json_member(expected, "figures");
    assert_int_equal(record->figure_count, json_count(list));
    for (size_t i = 0; i < record->figure_count; i++) {
        const struct json *ours = record->figures[i], *theirs = json_element(list, i);
        assert_int_equal(json_integer(json_member(ours, "step")),
                         json_integer(json_member(theirs, "step")));
        assert_near("epoch of evaluation", i, number_of(ours, "epoch"), number_of(theirs, "epoch"),
                    1e-9);
        struct figure_check check = {json_member(ours, "valid"), i, tolerance_of(expected, "loss")};
        json_each_member(json_member(theirs, "valid"), check_figure, &check, NULL);
    }
}

struct weight_check {
    struct safetensors *before, *after;
    double largest_change;
    size_t tensors;
};

static float *read_all(const struct safetensors *file, const struct safetensors_entry *entry)
{
    float *values = malloc((entry->elements + 1) * sizeof *values);
    assert_non_null(values);
    assert_int_equal(safetensors_read_floats(values, file, entry, 0, entry->elements, NULL),
                     ASSAY_OK);
    return values;
}

/* The key third of GPT-2's joint bias has no gradient: rounding alone moves it. */
static bool is_noise(const char *name, size_t at, size_t elements)
{
    const char *end = strstr(name, "attn.c_attn.bias");
    return end && at >= elements / 3 && at < 2 * (elements / 3);
}

static assay_status check_tensor(void *context, const char *name, size_t length,
                                 const struct json *expected, assay_error *error)
{
    (void)length;
    (void)error;
    struct weight_check *check = context;
    const struct safetensors_entry *before = safetensors_find(check->before, name);
    const struct safetensors_entry *after = safetensors_find(check->after, name);
    if (!before || !after || before->elements != after->elements)
        fail_msg("%s is not there", name);
    float *old = read_all(check->before, before), *new = read_all(check->after, after);
    double sum = 0.0;
    for (size_t i = 0; i < after->elements; i++) {
        double change = is_noise(name, i, after->elements) ? 0.0 : (double)new[i] - (double)old[i];
        sum += change * change;
    }
    double change = sqrt(sum), wanted = number_of(expected, "change");
    double rounding = weight_rounding * sqrt((double)after->elements);
    if (wanted == 0.0)
        assert_memory_equal(old, new, after->elements * sizeof *old); /* frozen */
    else if (!(fabs(change - wanted) <= 1e-3 * wanted + rounding))
        fail_msg("%s changed by %.8g, not %.8g", name, change, wanted);
    for (size_t i = 0; i < json_count(json_member(expected, "at")); i++) {
        size_t at = (size_t)list_number(expected, "at", i);
        double value = list_number(expected, "values", i);
        double allowed = weight_tolerance * check->largest_change +
                         weight_rounding * fmax(fabs(value), fabs((double)old[at]));
        assert_true(at < after->elements);
        if (!(fabs((double)new[at] - value) <= allowed))
            fail_msg("%s[%zu] is %.9g, not %.9g (was %.9g)", name, at, (double)new[at], value,
                     (double)old[at]);
    }
    check->tensors++;
    free(old);
    free(new);
    return ASSAY_OK;
}

static void check_weights(const struct json *expected, const char *base, const char *out)
{
    struct weight_check check = {.largest_change = number_of(expected, "largest_change")};
    assert_int_equal(safetensors_open(&check.before, base, NULL), ASSAY_OK);
    assert_int_equal(safetensors_open(&check.after, training_path(out), NULL), ASSAY_OK);
    json_each_member(json_member(expected, "weights"), check_tensor, &check, NULL);
    assert_true(check.tensors > 4);
    safetensors_close(check.before);
    safetensors_close(check.after);
}

static void as_transformers(void **state)
{
    const char *name = *state;
    struct json *expected = read_json(in_folder(ASSAY_TEST_DATA "/training/cases", name));
    const struct json *list = json_member(expected, "words");
    struct training_words words;
    words_begin(&words, json_string(json_member(expected, "base")),
                json_string(json_member(expected, "tokenizer")), name);
    for (size_t i = 0; i < json_count(list); i++)
        words_add(&words, "%s", json_string(json_element(list, i)));
    if (json_boolean(json_member(expected, "valid")))
        words_add_valid(&words);
    assay_training_options options = ASSAY_TRAINING_OPTIONS_INIT;
    options.threads = 2;
    assay_training_result result;
    training_go(&words, &options, &result);
    struct training_record record;
    record_read(&record, name);
    check_steps(expected, &record);
    check_figures(expected, &record);
    check_weights(expected, words.text[0] + strlen("base="), name);
    assert_int_equal(result.steps, record.step_count);
    assert_int_equal(result.best_step, (int64_t)number_of(expected, "best_step"));
    assert_int_equal(result.stopped_early, json_boolean(json_member(expected, "stopped_early")));
    assert_false(result.stopped);
    record_free(&record);
    json_free(expected);
}

/* A short run of a classifier that has everything drawn at random in it. */
static void begin_drawn(struct training_words *words, const char *out)
{
    words_begin(words, "bert_odd_classify", "bert", out);
    words_add(words, "labels=[human, ai]");
    words_add(words, "max_tokens=20");
    words_add(words, "steps=7");
    words_add(words, "optimizer.lr=1e-3");
    words_add(words, "dropout=0.3");
    words_add(words, "precision=highest");
}

static void accumulation_is_the_same_step(void **state)
{
    (void)state;
    struct training_words words;
    assay_training_result result;
    begin_drawn(&words, "whole");
    words_add(&words, "shuffle=none");
    words_add(&words, "batch.items=4");
    training_go(&words, NULL, &result);
    begin_drawn(&words, "parts");
    words_add(&words, "shuffle=none");
    words_add(&words, "batch.items=1");
    words_add(&words, "batch.accumulate=4");
    training_go(&words, NULL, &result);
    assert_same_weights("whole", "parts");
}

static void runs_can_be_repeated(void **state)
{
    (void)state;
    struct training_words words;
    assay_training_options options = ASSAY_TRAINING_OPTIONS_INIT;
    assay_training_result result;
    static const char *const outs[] = {"repeat-1", "repeat-3", "repeat-seed"};
    for (int i = 0; i < 3; i++) {
        begin_drawn(&words, outs[i]);
        words_add(&words, "batch.items=5");
        words_add(&words, "seed=%d", i == 2 ? 8 : 7);
        options.threads = i == 1 ? 3 : 1;
        training_go(&words, &options, &result);
    }
    assert_same_weights("repeat-1", "repeat-3");
    struct training_record one, other;
    record_read(&one, "repeat-1");
    record_read(&other, "repeat-seed");
    assert_true(number_of(one.steps[0], "loss") != number_of(other.steps[0], "loss"));
    record_free(&one);
    record_free(&other);
}

static double mean_loss(const struct training_record *record, size_t first, size_t count)
{
    double sum = 0.0;
    for (size_t i = first; i < first + count; i++)
        sum += number_of(record->steps[i], "loss");
    return sum / (double)count;
}

/* The masks are drawn, so there is no reference; that it learns, and repeats, is what can be seen.
 */
static void masked_modelling_learns(void **state)
{
    (void)state;
    struct training_words words;
    assay_training_result result;
    for (int i = 0; i < 2; i++) {
        words_begin(&words, "bert_odd_mlm", "bert", i ? "mlm-again" : "mlm");
        words_add(&words, "task=mlm");
        words_add(&words, "max_tokens=20");
        words_add(&words, "steps=60");
        words_add(&words, "batch.items=9");
        words_add(&words, "optimizer.lr=5e-3");
        words_add(&words, "mlm.probability=0.3");
        words_add(&words, "precision=highest");
        training_go(&words, NULL, &result);
    }
    assert_same_weights("mlm", "mlm-again");
    struct training_record record;
    record_read(&record, "mlm");
    assert_true(mean_loss(&record, 50, 10) < 0.8 * mean_loss(&record, 0, 10));
    record_free(&record);
}

struct heard {
    int steps, evaluations, saved, readings;
    int64_t best_step;
};

static void hear(void *context, const assay_training_event *event)
{
    struct heard *heard = context;
    heard->steps += event->kind == ASSAY_TRAINING_STEP;
    heard->saved += event->kind == ASSAY_TRAINING_SAVED;
    heard->readings += event->kind == ASSAY_TRAINING_READING;
    if (event->kind != ASSAY_TRAINING_EVALUATED)
        return;
    heard->evaluations++;
    assert_true(event->metric_count > 0);
    if (event->best)
        heard->best_step = event->step;
}

static void check_link(const char *name, int64_t step)
{
    char wanted[64], target[256] = "";
    snprintf(wanted, sizeof wanted, "step-%lld", (long long)step);
    assert_true(readlink(training_path(name), target, sizeof target - 1) > 0);
    const char *last = strrchr(target, '/');
    assert_string_equal(last ? last + 1 : target, wanted);
}

static void check_detector(const char *path, int64_t best_step)
{
    struct json *card = read_json(path);
    const struct json *labels = json_member(card, "labels");
    assert_int_equal(json_count(labels), 2);
    assert_string_equal(json_string(json_element(labels, 0)), "human");
    assert_string_equal(json_string(json_element(labels, 1)), "ai");
    assert_string_equal(json_string(json_member(card, "positive")), "ai");
    const struct json *chosen = json_member(card, "selected_by");
    assert_string_equal(json_string(json_member(chosen, "metric")), "loss");
    assert_int_equal(json_integer(json_member(chosen, "step")), best_step);
    json_free(card);
}

/* recipe.yaml is the whole recipe: read back it writes the same text. */
static void check_recipe(const char *path)
{
    assay_training *training = NULL;
    struct buffer text = {0};
    char *again = NULL;
    assert_int_equal(file_read(&text, path, LARGEST_RECIPE, NULL), ASSAY_OK);
    assert_int_equal(assay_training_open(&training, path, NULL, 0, NULL, NULL), ASSAY_OK);
    assert_int_equal(assay_training_recipe(training, &again, NULL), ASSAY_OK);
    assert_string_equal(again, text.bytes);
    assert_string_equal(assay_training_label(training, 1), "ai");
    assert_null(assay_training_label(training, 2));
    assay_string_free(again);
    assay_training_close(training);
    buffer_free(&text);
}

static void what_a_run_leaves(void **state)
{
    (void)state;
    struct training_words words;
    struct heard heard = {.best_step = -1};
    assay_training_options options = ASSAY_TRAINING_OPTIONS_INIT;
    assay_training_result result;
    begin_drawn(&words, "left");
    words_add(&words, "batch.items=6"); /* three steps an epoch */
    words_add(&words, "early_stop.metric=loss");
    words_add_valid(&words);
    options.listen = hear;
    options.context = &heard;
    training_go(&words, &options, &result);
    assert_int_equal(heard.steps, 7);
    assert_int_equal(heard.evaluations, 3); /* after 3, 6 and the last */
    assert_true(heard.saved > 0 && heard.readings > 0);
    assert_int_equal(heard.best_step, result.best_step);
    assert_string_equal(result.metric_name, "loss");
    struct training_record record;
    record_read(&record, "left");
    assert_int_equal(record.figure_count, 3);
    double least = INFINITY;
    for (size_t i = 0; i < record.figure_count; i++)
        least = fmin(least, number_of(json_member(record.figures[i], "valid"), "loss"));
    assert_true(least == result.best_metric);
    record_free(&record);
    check_link("left/checkpoints/best", result.best_step);
    check_link("left/checkpoints/last", 7);
    check_detector(training_path("left/detector.json"), result.best_step);
    check_recipe(training_path("left/recipe.yaml"));
    assert_true(file_exists(training_path("left/tokenizer.json")));
    assay_model *model = NULL;
    assert_int_equal(assay_model_open(&model, training_path("left"), NULL), ASSAY_OK);
    assay_model_close(model);
    /* A run that is there already is not written over. */
    assay_error error = {0};
    assert_int_equal(training_try(&words, NULL, &result, &error), ASSAY_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "resume"));
}

static int by_name(const struct dirent *entry)
{
    const char *end = strrchr(entry->d_name, '.');
    return end && !strcmp(end, ".json");
}

int main(void)
{
    static const struct CMUnitTest own[] = {
        cmocka_unit_test(accumulation_is_the_same_step),
        cmocka_unit_test(runs_can_be_repeated),
        cmocka_unit_test(masked_modelling_learns),
        cmocka_unit_test(what_a_run_leaves),
    };
    struct CMUnitTest tests[MAX_CASES];
    struct dirent **names = NULL;
    size_t count = 0, own_count = sizeof own / sizeof *own;
    int found = scandir(ASSAY_TEST_DATA "/training/cases", &names, by_name, alphasort);
    if (found <= 0 || (size_t)found + own_count > MAX_CASES) {
        fprintf(stderr, "no cases, or too many, under " ASSAY_TEST_DATA "/training/cases\n");
        return 1;
    }
    for (int i = 0; i < found; i++)
        tests[count++] =
            (struct CMUnitTest){names[i]->d_name, as_transformers, NULL, NULL, names[i]->d_name};
    for (size_t i = 0; i < own_count; i++)
        tests[count++] = own[i];
    int failed =
        _cmocka_run_group_tests("training", tests, count, training_setup, training_teardown);
    for (int i = 0; i < found; i++)
        free(names[i]);
    free(names);
    return failed;
}
