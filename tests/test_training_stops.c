/* What stops a run: numbers that are not finite, with step, row and place; and files that change
 * under it. Nothing that was saved is lost. */
#include "base/file.h"
#include "models/safetensors.h"
#include "training_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

/* Overwrites one element of a tensor in the base's file. */
static void set_element(const char *tensor, size_t element, float value)
{
    const char *path = training_path("base/model.safetensors");
    struct safetensors *file = NULL;
    assert_int_equal(safetensors_open(&file, path, NULL), ASSAY_OK);
    const struct safetensors_entry *entry = safetensors_find(file, tensor);
    assert_non_null(entry);
    assert_true(element < entry->elements);
    const struct safetensors_entry *last = entry;
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const struct safetensors_entry *other = safetensors_at(file, i);
        if ((const char *)other->data > (const char *)last->data)
            last = other;
    }
    size_t from_end = (size_t)((const char *)last->data + last->bytes - (const char *)entry->data);
    safetensors_close(file);
    FILE *out = fopen(path, "r+b");
    assert_non_null(out);
    assert_int_equal(fseek(out, -(long)from_end + (long)(element * sizeof value), SEEK_END), 0);
    assert_int_equal(fwrite(&value, sizeof value, 1, out), 1);
    assert_int_equal(fclose(out), 0);
}

static const char *const words[] = {"epochs=1",      "batch.items=8",         "shuffle=none",
                                    "max_tokens=20", "log.tensorboard=false", NULL};

static void stops(const char *out, assay_error *error)
{
    *error = (assay_error){0};
    assert_int_equal(training_go(training_path(out), words, NULL, NULL, error),
                     ASSAY_ERROR_NUMERIC);
}

static void a_weight_that_is_no_number(void **state)
{
    (void)state;
    assay_error error;
    set_element("encoder.layer.1.output.dense.weight", 3, NAN);
    stops("nan", &error);
    assert_non_null(strstr(error.place, "encoder.layer.1.output.dense.weight"));
    set_element("encoder.layer.1.output.dense.weight", 3, 0.01f);
}

/* Word 50 first stands in a row of the data; only there does its embedding overflow. */
static void an_activation_that_overflows(void **state)
{
    (void)state;
    enum { WORD = 50 };
    size_t length = 0;
    char *rows = training_read(training_path("train.jsonl"), &length);
    assert_non_null(rows);
    char word[16];
    snprintf(word, sizeof word, "w%d", WORD - 5);
    long long row = 0;
    bool there = false;
    for (char *line = strtok(rows, "\n"); line && !there; line = strtok(NULL, "\n")) {
        row++;
        for (char *at = strstr(line, word); at && !there; at = strstr(at + 1, word))
            there = at[strlen(word)] == ' ' || at[strlen(word)] == '"';
    }
    free(rows);
    assert_true(there);
    for (size_t i = 0; i < 21; i++)
        set_element("embeddings.word_embeddings.weight", WORD * 21 + i, i % 2 ? 3e38f : -3e38f);
    assay_error error;
    stops("overflow", &error);
    assert_int_equal(error.row, row);
    assert_non_null(strstr(error.place, "embeddings"));
    assert_non_null(strstr(error.message, "step"));
    for (size_t i = 0; i < 21; i++)
        set_element("embeddings.word_embeddings.weight", WORD * 21 + i, 0.01f);
}

/* The same tokens, other weights of the file: with a sound base the run ends well. */
static void a_sound_base_trains(void **state)
{
    (void)state;
    assay_training_result result;
    assay_error error = {0};
    assert_int_equal(training_go(training_path("sound"), words, NULL, &result, &error), ASSAY_OK);
    assert_true(result.steps > 3);
    assert_true(result.best_step > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_weight_that_is_no_number),
        cmocka_unit_test(an_activation_that_overflows),
        cmocka_unit_test(a_sound_base_trains),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
