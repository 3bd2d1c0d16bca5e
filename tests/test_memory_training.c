/* Memory that runs out in a run: opened from a recipe, planned, trained, evaluated, saved at a
 * checkpoint, calibrated, written out; and resumed. A run right after goes on from what stands. */
#include "memory_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "model_vectors.h"
#include "training_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 1200, VALID_ROWS = 90, VOCABULARY = 96 };

static unsigned draw(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Two rows a group; half of the groups are of either class, so that both halves of them can be
 * calibrated on. */
static int write_valid(const char *name)
{
    unsigned seed = 7;
    FILE *file = fopen(training_path(name), "wb");
    if (!file)
        return -1;
    for (int i = 0; i < VALID_ROWS; i++) {
        bool ai = i / 2 % 3 == 0;
        fprintf(file, "{\"id\": %d, \"prompt\": \"p%d\", \"label\": \"%s\", \"text\": \"", i, i / 2,
                ai ? "ai" : "human");
        for (int k = 0; k < 3 + i % 4; k++)
            fprintf(file, "%sw%u", k ? " " : "", draw(&seed) % (ai ? VOCABULARY / 3 : VOCABULARY));
        fputs("\"}\n", file);
    }
    return fclose(file) ? -1 : 0;
}

static int begin(void **state)
{
    (void)state;
    return training_fixture_open("bert_odd_bare") || write_valid("grouped.jsonl");
}

static int end(void **state)
{
    (void)state;
    training_fixture_close();
    return 0;
}

/* Three steps; an average, two evaluations, two checkpoints, a calibration. */
static const char *const recipe[] = {"epochs=1",          "batch.items=16",    "optimizer.lr=0.01",
                                     "ema=0.5",           "eval.every=2",      "checkpoint.every=2",
                                     "checkpoint.keep=1", "data.group=prompt", NULL};

static assay_status go(const char *out, bool resume, bool (*stop)(void *context), void *context,
                       assay_error *error)
{
    static char valid[PATH_SIZE];
    const char *words[16] = {valid};
    assay_training_options options = ASSAY_TRAINING_OPTIONS_INIT;
    snprintf(valid, sizeof valid, "data.valid=%s", training_path("grouped.jsonl"));
    for (size_t i = 0; recipe[i]; i++)
        words[i + 1] = recipe[i];
    options.threads = 1;
    options.resume = resume;
    options.stop = stop;
    options.context = context;
    return training_go(out, words, &options, NULL, error);
}

/* ---- what a failure may leave */

static void no_partial_files(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char inner[PATH_SIZE];
        struct stat state;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (strstr(entry->d_name, "partial") || strstr(entry->d_name, "tmp"))
            fail_msg("%s was left behind", inner);
        if (lstat(inner, &state) == 0 && S_ISDIR(state.st_mode))
            no_partial_files(inner);
    }
    if (folder)
        closedir(folder);
}

/* The model's files stand all, or none of them. */
static void no_half_model(void *context)
{
    static const char *const names[] = {"config.json", "vocab.txt", "detector.json",
                                        "model.safetensors"};
    const char *out = context;
    int found = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        found += file_exists(in_folder(out, names[i]));
    if (found != 0 && found != 4)
        fail_msg("%d of the model's 4 files stand", found);
    no_partial_files(out);
    no_partial_files(training_path("home"));
}

/* ---- the whole of a run */

static char out[PATH_SIZE], whole[PATH_SIZE], stopped[PATH_SIZE];

static void add_model(void *context, struct bits *bits)
{
    const char *folder = context;
    static const char *const names[] = {"model.safetensors", "config.json", "vocab.txt",
                                        "detector.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(file_exists(in_folder(folder, names[i])));
        bits_add_file(bits, in_folder(folder, names[i]));
    }
    bits_add_text(bits, training_same_runs(whole, folder) ? "the same log" : "another log");
}

static void nothing_there(void *context)
{
    training_remove(context);
    training_remove(training_path("home/tokens"));
}

static assay_status train(void *context, bool again, struct bits *bits, assay_error *error)
{
    (void)bits;
    return go(context, again, NULL, NULL, error);
}

static void training(void **state)
{
    (void)state;
    memory_job_try(
        &(struct memory_job){.name = "train",
                             .run = train,
                             .result = add_model,
                             .prepare = nothing_there,
                             .failed = no_half_model,
                             .untouched = {training_path("base"), training_path("train.jsonl"),
                                           training_path("grouped.jsonl")},
                             .context = out});
}

/* ---- resumed */

static bool after_one_step(void *context)
{
    return ++*(int *)context > 2;
}

/* Files, folders and links, as they are. */
static void copy_tree(const char *from, const char *to)
{
    DIR *folder = opendir(from);
    assert_non_null(folder);
    assert_int_equal(mkdir(to, 0777), 0);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char source[PATH_SIZE], target[PATH_SIZE], link[PATH_SIZE];
        struct stat state;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        snprintf(source, sizeof source, "%s/%s", from, entry->d_name);
        snprintf(target, sizeof target, "%s/%s", to, entry->d_name);
        assert_int_equal(lstat(source, &state), 0);
        if (S_ISDIR(state.st_mode)) {
            copy_tree(source, target);
        } else if (S_ISLNK(state.st_mode)) {
            ssize_t length = readlink(source, link, sizeof link - 1);
            assert_true(length > 0);
            link[length] = '\0';
            assert_int_equal(symlink(link, target), 0);
        } else {
            size_t length = 0;
            char *bytes = training_read(source, &length);
            FILE *copy = fopen(target, "wb");
            assert_true(bytes && copy && fwrite(bytes, 1, length, copy) == length);
            assert_int_equal(fclose(copy), 0);
            free(bytes);
        }
    }
    closedir(folder);
}

static void as_it_stopped(void *context)
{
    training_remove(context);
    copy_tree(stopped, context);
}

/* What was resumed from is there as long as the run has not come to its end. */
static void checkpoint_stands(void *context)
{
    no_half_model(context);
    assert_true(file_exists(in_folder(context, "checkpoints/last/state.safetensors")));
}

static assay_status resume(void *context, bool again, struct bits *bits, assay_error *error)
{
    (void)again;
    (void)bits;
    return go(context, true, NULL, NULL, error);
}

static void resuming(void **state)
{
    (void)state;
    int asked = 0;
    assay_error error = {0};
    if (go(stopped, false, after_one_step, &asked, &error) != ASSAY_OK)
        fail_msg("%s", error.message);
    assert_false(file_exists(in_folder(stopped, "model.safetensors")));
    memory_job_try(
        &(struct memory_job){.name = "resume",
                             .run = resume,
                             .result = add_model,
                             .prepare = as_it_stopped,
                             .failed = checkpoint_stands,
                             .untouched = {training_path("base"), training_path("train.jsonl"),
                                           training_path("home"), training_path("grouped.jsonl")},
                             .context = out});
}

/* ---- a plan, from a recipe in a file */

static const char yaml[] = "base: %s\n"
                           "data: {train: %s, valid: %s, group: prompt, balance: weights}\n"
                           "labels: [human, ai]\n"
                           "freeze: [embeddings, \"encoder.layer.0\"]\n"
                           "epochs: 2\n"
                           "optimizer: {name: adamw, lr: 5e-5, betas: [0.9, 0.999], clip: 1.0}\n"
                           "schedule: {name: cosine, warmup: 0.1}\n"
                           "early_stop: {metric: auroc, patience: 3}\n"
                           "out: %s\n";

static assay_status plan(void *context, bool again, struct bits *bits, assay_error *error)
{
    (void)again;
    assay_training *training = NULL;
    assay_training_plan_info info;
    assay_training_options options = ASSAY_TRAINING_OPTIONS_INIT;
    char *text = NULL;
    options.threads = 1;
    assay_status status = assay_training_open(&training, context, NULL, 0, &options, error);
    if (status == ASSAY_OK)
        status = assay_training_plan(training, false, &info, error);
    if (status == ASSAY_OK)
        status = assay_training_recipe(training, &text, error);
    if (status == ASSAY_OK) {
        bits_add_text(bits, text);
        bits_add(bits, &info.trained, sizeof info.trained);
        bits_add(bits, &info.steps, sizeof info.steps);
        bits_add(bits, &info.activation_bytes, sizeof info.activation_bytes);
    }
    assay_string_free(text);
    assay_training_close(training);
    return status;
}

static void planning(void **state)
{
    (void)state;
    char text[4 * PATH_SIZE];
    snprintf(text, sizeof text, yaml, training_path("base"), training_path("train.jsonl"),
             training_path("grouped.jsonl"), training_path("planned"));
    assert_int_equal(training_write("recipe.yaml", text), 0);
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s", training_path("recipe.yaml"));
    memory_job_try(&(struct memory_job){.name = "plan a recipe",
                                        .run = plan,
                                        .untouched = {training_path("home"), training_path("base")},
                                        .context = path});
    assert_false(file_exists(training_path("planned")));
}

static int begin_all(void **state)
{
    if (begin(state))
        return -1;
    snprintf(out, sizeof out, "%s", training_path("run"));
    snprintf(whole, sizeof whole, "%s", training_path("whole"));
    snprintf(stopped, sizeof stopped, "%s", training_path("stopped"));
    return go(whole, false, NULL, NULL, NULL) == ASSAY_OK ? 0 : -1;
}

/* test_memory_training [TEST] */
int main(int count, char **words)
{
    if (count > 1)
        cmocka_set_test_filter(words[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training),
        cmocka_unit_test(resuming),
        cmocka_unit_test(planning),
    };
    return memory_jobs_end(cmocka_run_group_tests(tests, begin_all, end));
}
