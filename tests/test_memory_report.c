/* Memory that runs out in an evaluation: scores of a file and of a model, baselines, slices,
 * attacks, a second scorer, the report and the page. */
#include "memory_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assay/eval.h"
#include "base/file.h"
#include "model_vectors.h"
#include "training_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 24, VOCABULARY = 90, RESAMPLES = 40, PATH_SIZE = 1200 };

static unsigned draw(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static int write_data(const char *data, const char *good, const char *bare)
{
    unsigned seed = 11;
    FILE *rows = fopen(training_path(data), "wb");
    FILE *logits = fopen(training_path(good), "wb"), *scores = fopen(training_path(bare), "wb");
    if (!rows || !logits || !scores)
        return -1;
    for (int i = 0; i < ROWS; i++) {
        bool ai = draw(&seed) % 5 < 2;
        fprintf(rows,
                "{\"id\": \"r%d\", \"label\": \"%s\", \"group\": \"g%d\", \"kind\": \"%s\", "
                "\"text\": \"",
                i, ai ? "ai" : "human", i / 2, i % 4 ? "a" : "b<&>");
        for (unsigned k = 0; k < 3 + draw(&seed) % 12; k++)
            fprintf(rows, "%sw%u", k ? " " : "", draw(&seed) % VOCABULARY);
        fputs("\"}\n", rows);
        double noise = (double)(draw(&seed) % 1000) / 400.0;
        fprintf(logits, "{\"id\": \"r%d\", \"label\": \"%s\", \"logits\": [%.6g, 1.25]}\n", i,
                ai ? "ai" : "human", noise + (ai ? 1.0 : 0.0));
        fprintf(scores, "{\"id\": \"r%d\", \"score\": %.6g}\n", i, 2.0 - noise);
    }
    int unwritten = fclose(rows) != 0;
    unwritten += fclose(logits) != 0;
    unwritten += fclose(scores) != 0;
    return unwritten ? -1 : 0;
}

static int begin(void **state)
{
    (void)state;
    static const char *const words[] = {"epochs=1", "batch.items=16", "max_tokens=20",
                                        "log.tensorboard=false", NULL};
    if (training_fixture_open("bert_odd_bare") ||
        write_data("data.jsonl", "good.jsonl", "bare.jsonl"))
        return -1;
    return training_go(training_path("model"), words, NULL, NULL, NULL) == ASSAY_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    training_fixture_close();
    return 0;
}

static assay_status evaluate(void *context, bool again, struct bits *bits, assay_error *error)
{
    (void)again;
    const assay_evaluation_options *options = context;
    assay_evaluation *evaluation = NULL;
    assay_status status = assay_evaluate(&evaluation, options, error);
    assert_int_equal(status == ASSAY_OK, evaluation != NULL);
    if (status == ASSAY_OK) {
        size_t length;
        const char *text = assay_evaluation_json(evaluation, &length);
        bits_add(bits, text, length);
        text = assay_evaluation_html(evaluation, &length);
        bits_add(bits, text, length);
        bits_add_file(bits, in_folder(options->out, "report.json"));
        bits_add_file(bits, in_folder(options->out, "report.html"));
        bits_add_file(bits, in_folder(options->out, "predictions.jsonl"));
    }
    assay_evaluation_close(evaluation);
    return status;
}

static assay_evaluation_options options_for(const char *out)
{
    assay_evaluation_options options = ASSAY_EVALUATION_OPTIONS_INIT;
    options.data = training_path("data.jsonl");
    options.out = training_path(out);
    options.threads = 1;
    options.resamples = RESAMPLES;
    options.without_baselines = true;
    return options;
}

static void scores_of_a_file(void **state)
{
    (void)state;
    const char *slices[] = {"kind"}, *labels[] = {"ai", "human"};
    assay_evaluation_options options = options_for("of-file");
    options.predictions = training_path("good.jsonl");
    options.against = training_path("bare.jsonl");
    options.slices = slices;
    options.slice_count = 1;
    options.labels = labels;
    options.label_count = 2;
    memory_job_try(&(struct memory_job){.name = "evaluate scores of a file",
                                        .run = evaluate,
                                        .untouched = {training_path(".")},
                                        .context = &options});
}

/* By themselves: each run clears tables of a million places. */
static void baselines(void **state)
{
    (void)state;
    const char *labels[] = {"ai", "human"};
    assay_evaluation_options options = options_for("baselines");
    options.predictions = training_path("good.jsonl");
    options.without_baselines = false;
    options.train = training_path("train.jsonl");
    options.valid = training_path("valid.jsonl");
    options.labels = labels;
    options.label_count = 2;
    memory_job_try(&(struct memory_job){.name = "evaluate with baselines",
                                        .run = evaluate,
                                        .costly = true,
                                        .untouched = {training_path(".")},
                                        .context = &options});
}

static void no_report(void *context)
{
    (void)context;
    training_remove(training_path("of-model"));
}

static void a_model(void **state)
{
    (void)state;
    const char *attacks[] = {"case", "misspelling"};
    assay_evaluation_options options = options_for("of-model");
    options.model = training_path("model");
    options.attacks = attacks;
    options.attack_count = 2;
    options.strength = 1.0;
    memory_job_try(&(struct memory_job){.name = "evaluate a model under attack",
                                        .run = evaluate,
                                        .prepare = no_report,
                                        .untouched = {training_path(".")},
                                        .context = &options});
}

/* test_memory_report [TEST] */
int main(int count, char **words)
{
    if (count > 1)
        cmocka_set_test_filter(words[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_of_a_file),
        cmocka_unit_test(baselines),
        cmocka_unit_test(a_model),
    };
    return memory_jobs_end(cmocka_run_group_tests(tests, begin, end));
}
