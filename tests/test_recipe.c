/* src/recipe: defaults, every key, what is refused and where, words of the command line, writing
 * and reading back, the fingerprint, patterns of places, memory failures. */
#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "recipe/recipe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define HEAD         "base: model\ndata: {train: t.jsonl, valid: v.jsonl}\n"

static void read_recipe(struct recipe *recipe, const char *text, const char *const *words,
                        size_t count)
{
    assay_error error;
    assay_status status =
        recipe_read_text(recipe, text, text ? strlen(text) : 0, "r.yaml", words, count, &error);
    if (status) {
        char line[1024];
        assay_error_format(&error, line, sizeof line);
        print_error("%s\n", line);
    }
    assert_int_equal(status, ASSAY_OK);
}

static void write_text(struct buffer *out, const struct recipe *recipe)
{
    assert_int_equal(recipe_write(out, recipe, NULL), ASSAY_OK);
}

static void assert_empty(const struct recipe *recipe)
{
    static const struct recipe nothing;
    assert_null(recipe->base);
    assert_null(recipe->labels.items);
    assert_memory_equal(recipe, &nothing, sizeof nothing);
}

/* The whole form, by heart: a changed default is a changed promise. */
static const char whole[] = "base: model\n"
                            "task: classify\n"
                            "data:\n"
                            "  train: t.jsonl\n"
                            "  valid: null\n"
                            "  calibration: null\n"
                            "  test: null\n"
                            "  group: null\n"
                            "  fields: {}\n"
                            "  balance: none\n"
                            "labels: []\n"
                            "positive: null\n"
                            "class_weights: {}\n"
                            "freeze: []\n"
                            "method: full\n"
                            "epochs: 3\n"
                            "batch:\n"
                            "  tokens: 8192\n"
                            "  accumulate: 1\n"
                            "optimizer:\n"
                            "  name: adamw\n"
                            "  lr: 5.0e-05\n"
                            "  weight_decay: 0.01\n"
                            "  betas: [0.9, 0.999]\n"
                            "  eps: 1.0e-08\n"
                            "  clip: 1\n"
                            "schedule:\n"
                            "  name: linear\n"
                            "  warmup: 0.1\n"
                            "max_tokens: 512\n"
                            "shuffle: buckets\n"
                            "label_smoothing: 0\n"
                            "dropout: model\n"
                            "ema: 0\n"
                            "mlm:\n"
                            "  probability: 0.15\n"
                            "early_stop:\n"
                            "  metric: auroc\n"
                            "  patience: 0\n"
                            "eval:\n"
                            "  every: epoch\n"
                            "checkpoint:\n"
                            "  every: 500\n"
                            "  keep: 2\n"
                            "log:\n"
                            "  jsonl: true\n"
                            "  tensorboard: true\n"
                            "seed: 0\n"
                            "precision: medium\n"
                            "recompute: none\n"
                            "out: null\n";

static void test_defaults(void **state)
{
    (void)state;
    static const char *const words[] = {"base=model", "data=t.jsonl"};
    struct recipe recipe;
    struct buffer text = {0};
    read_recipe(&recipe, NULL, words, COUNT(words));
    assert_string_equal(recipe.base, "model");
    assert_string_equal(recipe.data.train, "t.jsonl");
    assert_null(recipe.data.valid);
    assert_true(recipe.optimizer.lr == 5e-5);
    assert_true(recipe.optimizer.eps == 1e-8);
    assert_true(recipe.optimizer.betas[0] == 0.9 && recipe.optimizer.betas[1] == 0.999);
    assert_true(recipe.dropout < 0);
    assert_int_equal(recipe.eval_every, 0);
    assert_int_equal(recipe.precision, ASSAY_PRECISION_MEDIUM);
    assert_int_equal(recipe.early_stop.metric, RECIPE_AUROC);
    write_text(&text, &recipe);
    assert_string_equal(text.bytes, whole);
    buffer_free(&text);
    recipe_free(&recipe);
    assert_empty(&recipe);
    recipe_free(&recipe);
    recipe_free(NULL);
}

static const char everything[] =
    "# a comment\n"
    "base: all-MiniLM-L6-v2\n"
    "task: classify\n"
    "data: {train: train.jsonl, valid: valid.jsonl, calibration: cal.jsonl, test: test.jsonl,\n"
    "       group: \"the group\", fields: {text: body, label: 'is it'}, balance: none}\n"
    "labels: [human, ai, 7, \"null\", no, \"caf\xc3\xa9 \\u2028 \\x85 \\t\\\"\\\\\"]\n"
    "positive: ai\n"
    "class_weights: {human: 1.5, ai: .25, no: 1e-3}\n"
    "freeze: [embeddings, \"encoder.layer.0-3\", '*.bias']\n"
    "method: head\n"
    "steps: 1000\n"
    "batch: {items: 32, accumulate: 4}\n"
    "optimizer: {name: adamw, lr: 1E-4, weight_decay: 0, betas: [.8, 0.95], eps: 1e-6,\n"
    "            clip: 0.}\n"
    "schedule: {name: cosine, warmup: 100}\n"
    "max_tokens: 128\nshuffle: full\nlabel_smoothing: 0.1\ndropout: 0\nema: 0.999\n"
    "mlm: {probability: 0.3}\n"
    "early_stop: {metric: macro_f1, patience: 3}\n"
    "eval: {every: 250}\ncheckpoint: {every: epoch, keep: 5}\n"
    "log: {jsonl: No, tensorboard: off}\nseed: 42\nprecision: highest\n"
    "out: \"runs/a b\"\n";

static void test_everything(void **state)
{
    (void)state;
    struct recipe recipe;
    read_recipe(&recipe, everything, NULL, 0);
    assert_string_equal(recipe.data.group, "the group");
    assert_int_equal(recipe.data.fields.count, 2);
    assert_string_equal(recipe.data.fields.entries[1].key, "label");
    assert_string_equal(recipe.data.fields.entries[1].text, "is it");
    assert_int_equal(recipe.labels.count, 6);
    assert_string_equal(recipe.labels.items[2], "7");
    assert_string_equal(recipe.labels.items[3], "null");
    assert_string_equal(recipe.labels.items[4], "no");
    assert_string_equal(recipe.labels.items[5], "caf\xc3\xa9 \xe2\x80\xa8 \xc2\x85 \t\"\\");
    assert_int_equal(recipe.class_weights.count, 3);
    assert_true(recipe.class_weights.entries[1].number == 0.25);
    assert_true(recipe.class_weights.entries[2].number == 1e-3);
    assert_int_equal(recipe.freeze.count, 3);
    assert_int_equal(recipe.method, RECIPE_HEAD);
    assert_true(recipe.epochs == 0 && recipe.steps == 1000);
    assert_true(recipe.batch.tokens == 0 && recipe.batch.items == 32);
    assert_int_equal(recipe.batch.accumulate, 4);
    assert_true(recipe.optimizer.lr == 1e-4 && recipe.optimizer.weight_decay == 0);
    assert_true(recipe.optimizer.betas[0] == 0.8 && recipe.optimizer.betas[1] == 0.95);
    assert_true(recipe.optimizer.eps == 1e-6 && recipe.optimizer.clip == 0);
    assert_int_equal(recipe.schedule.name, RECIPE_COSINE);
    assert_true(recipe.schedule.warmup == 100);
    assert_int_equal(recipe.max_tokens, 128);
    assert_int_equal(recipe.shuffle, RECIPE_SHUFFLE_FULL);
    assert_true(recipe.label_smoothing == 0.1 && recipe.dropout == 0 && recipe.ema == 0.999);
    assert_true(recipe.mlm_probability == 0.3);
    assert_int_equal(recipe.early_stop.metric, RECIPE_MACRO_F1);
    assert_int_equal(recipe.early_stop.patience, 3);
    assert_int_equal(recipe.eval_every, 250);
    assert_int_equal(recipe.checkpoint.every, 0);
    assert_int_equal(recipe.checkpoint.keep, 5);
    assert_false(recipe.log.jsonl);
    assert_false(recipe.log.tensorboard);
    assert_int_equal(recipe.seed, 42);
    assert_int_equal(recipe.precision, ASSAY_PRECISION_HIGHEST);
    assert_string_equal(recipe.out, "runs/a b");

    struct buffer first = {0};
    struct buffer second = {0};
    struct recipe again;
    write_text(&first, &recipe);
    read_recipe(&again, first.bytes, NULL, 0);
    write_text(&second, &again);
    assert_string_equal(first.bytes, second.bytes);
    assert_string_equal(again.labels.items[5], recipe.labels.items[5]);
    assert_true(again.optimizer.lr == recipe.optimizer.lr);
    recipe_free(&again);
    recipe_free(&recipe);
    buffer_free(&first);
    buffer_free(&second);
}

struct refusal {
    const char *text; /* after HEAD */
    assay_status status;
    int64_t row;
    int64_t column;
    const char *place;
    const char *says; /* part of the line */
};

static void refused(const char *text, const struct refusal *want)
{
    char line[2048];
    assay_error error;
    struct recipe recipe;
    assay_status status = recipe_read_text(&recipe, text, strlen(text), "r.yaml", NULL, 0, &error);
    assert_empty(&recipe);
    assay_error_format(&error, line, sizeof line);
    if (status != want->status || error.row != want->row || error.column != want->column ||
        strcmp(error.place, want->place) || !strstr(line, want->says))
        print_error("for %s: %d, %s\n", text, (int)status, line);
    assert_int_equal(status, want->status);
    assert_int_equal(error.status, want->status);
    assert_string_equal(error.file, "r.yaml");
    assert_int_equal(error.row, want->row);
    assert_int_equal(error.column, want->column);
    assert_string_equal(error.place, want->place);
    assert_non_null(strstr(line, want->says));
}

enum { F = ASSAY_ERROR_FORMAT, U = ASSAY_ERROR_UNSUPPORTED, L = ASSAY_ERROR_LIMIT };

static void test_refusals(void **state)
{
    (void)state;
    static const struct refusal list[] = {
        {"epoch: 3\n", F, 3, 1, "epoch", "nearest is \"epochs\""},
        {"optimizer: {lr: 1, weight_decy: 0}\n", F, 3, 20, "optimizer.weight_decy",
         "nearest is \"optimizer.weight_decay\""},
        {"optimiser: {lr: 1}\n", F, 3, 1, "optimiser", "nearest is \"optimizer\""},
        {"lr: 1e-4\n", F, 3, 1, "lr", "nearest is \"optimizer.lr\""},
        {"learning_rate: 1e-4\n", F, 3, 1, "learning_rate", "nearest is \"optimizer.lr\""},
        {"optimizer.lr: 1e-4\n", F, 3, 1, "optimizer.lr", "nearest is \"optimizer.lr\""},
        {"<<: {seed: 1}\n", F, 3, 1, "<<", "not known"},
        {"seed: 1\nseed: 2\n", F, 4, 1, "seed", "the same key at row 3"},
        {"valid: w.jsonl\n", F, 3, 8, "data.valid", "given twice"},
        {"epochs: 2\nsteps: 5\n", F, 4, 8, "steps", "also epochs"},
        {"batch: {tokens: 10, items: 5}\n", F, 3, 28, "batch.items", "also batch.tokens"},
        {"batch: 32\n", F, 3, 8, "batch", "a map of tokens, items, accumulate, found \"32\""},
        {"valid: {a: b}\n", F, 3, 8, "valid", "expected a text, found a map of 1"},
        {"task: clasify\n", F, 3, 7, "task", "nearest is \"classify\""},
        {"shuffle: [full]\n", F, 3, 10, "shuffle", "expected buckets, full, none"},
        {"max_tokens: 12.5\n", F, 3, 13, "max_tokens", "found \"12.5\""},
        {"max_tokens: 0\n", F, 3, 13, "max_tokens", "at least 1"},
        {"max_tokens: \"12\"\n", F, 3, 13, "max_tokens", "found the text \"12\""},
        {"seed: 1_0\n", F, 3, 7, "seed", "whole number"},
        {"seed: 0x10\n", F, 3, 7, "seed", "whole number"},
        {"seed: -1\n", F, 3, 7, "seed", "at least 0"},
        {"seed: 1e400\n", F, 3, 7, "seed", "whole number"},
        {"ema: .nan\n", F, 3, 6, "ema", "below 1"},
        {"ema: inf\n", F, 3, 6, "ema", "below 1"},
        {"ema: 1\n", F, 3, 6, "ema", "below 1"},
        {"ema: 1e\n", F, 3, 6, "ema", "found \"1e\""},
        {"ema: .\n", F, 3, 6, "ema", "found \".\""},
        {"ema: 0.5 5\n", F, 3, 6, "ema", "found \"0.5 5\""},
        {"dropout: none\n", F, 3, 10, "dropout", "or the word model"},
        {"eval: {every: epochs}\n", F, 3, 15, "eval.every", "or the word epoch"},
        {"optimizer: {betas: [0.9]}\n", F, 3, 20, "optimizer.betas", "found a list of 1"},
        {"optimizer: {betas: [0.9, 1.0]}\n", F, 3, 26, "optimizer.betas", "below 1"},
        {"log: {jsonl: 1}\n", F, 3, 14, "log.jsonl", "true or false"},
        {"log: {jsonl: \"true\"}\n", F, 3, 14, "log.jsonl", "true or false"},
        {"labels: {a: b}\n", F, 3, 9, "labels", "a list of texts"},
        {"labels: [a, ~]\n", F, 3, 13, "labels", "found nothing"},
        {"labels: [a, [b]]\n", F, 3, 13, "labels", "a list of texts"},
        {"labels: [a, b, a]\n", F, 3, 9, "labels", "twice"},
        {"labels: [a]\n", F, 3, 9, "labels", "no choice"},
        {"labels: [a, b]\npositive: c\n", F, 4, 11, "positive", "none of the labels"},
        {"labels: [a, b]\nclass_weights: {c: 1}\n", F, 4, 16, "class_weights", "\"c\""},
        {"class_weights: {a: heavy}\n", F, 3, 20, "class_weights.a", "map from labels"},
        {"class_weights: {a: -1}\n", F, 3, 20, "class_weights.a", "at least 0"},
        {"class_weights: [1, 2]\n", F, 3, 16, "class_weights", "map from labels"},
        {"task: regress\nlabels: [a, b]\n", F, 4, 9, "labels", "classify"},
        {"task: lm\nearly_stop: {metric: auroc}\n", F, 4, 22, "early_stop.metric", "figure"},
        {"schedule: {warmup: 1.5}\n", F, 3, 20, "schedule.warmup", "share"},
        {"schedule: {warmup: 9}\nsteps: 8\n", F, 3, 20, "schedule.warmup", "more steps"},
        {"freeze: [layer.3-1]\n", F, 3, 9, "freeze", "\"layer.3-1\""},
        {"freeze: a..b\n", F, 3, 9, "freeze", "\"a..b\""},
        {"out: \"\"\n", F, 3, 6, "out", "a text of at most"},
        {"method: lora\n", U, 3, 9, "method", "lora is not there yet"},
        {"task: embed\n", U, 3, 7, "task", "embed is not there yet"},
        {"lora: {r: 8}\n", U, 3, 1, "lora", "lora is not there yet"},
        {"seed: &a 1\n", F, 3, 7, "", "anchors"},
        {"seed: *a\n", F, 3, 7, "", "anchors"},
        {"seed: !!int 1\n", F, 3, 7, "", "tags"},
        {"? [a]\n: 1\n", F, 3, 3, "", "a key must be a word"},
        {"seed: [1\n", F, 4, 1, "", "not YAML"},
        {"seed: 1\n---\nseed: 2\n", F, 4, 1, "", "second document"},
        {"out: \"a\\0b\"\n", F, 3, 6, "", "zero byte"},
        {"out: a\xff\n", F, 3, 7, "", "not YAML"},
        {"out: [[[[[[[[1]]]]]]]]\n", L, 3, 13, "", "too deep"},
    };
    for (size_t i = 0; i < COUNT(list); i++) {
        char text[512];
        snprintf(text, sizeof text, "%s%s", HEAD, list[i].text);
        refused(text, &list[i]);
    }
    static const struct refusal alone[] = {
        {"[a]", F, 1, 1, "", "a recipe is a map"},
        {"base", F, 1, 1, "", "a recipe is a map"},
        {"", ASSAY_ERROR_ARGUMENT, 0, 0, "base", "base=MODEL"},
        {"base: m", ASSAY_ERROR_ARGUMENT, 0, 0, "data.train", "data=FILE"},
        {"{base: m, data: t, early_stop: {patience: 2}}", F, 1, 43, "early_stop.patience",
         "data.valid"},
        {"{base: m, data: t, class_weights: {a: 1}, data: u}", F, 1, 43, "data", "twice"},
    };
    for (size_t i = 0; i < COUNT(alone); i++)
        refused(alone[i].text, &alone[i]);
}

static void test_limits(void **state)
{
    (void)state;
    struct recipe recipe;
    struct buffer text = {0};
    assay_error error;
    assert_true(buffer_append_string(&text, HEAD "out: "));
    for (int i = 0; i < RECIPE_MAX_TEXT; i++)
        assert_true(buffer_append_byte(&text, 'x'));
    read_recipe(&recipe, text.bytes, NULL, 0);
    recipe_free(&recipe);
    assert_true(buffer_append_byte(&text, 'x'));
    assert_int_equal(recipe_read_text(&recipe, text.bytes, text.length, NULL, NULL, 0, &error), F);
    assert_string_equal(error.place, "out");

    buffer_clear(&text);
    assert_true(buffer_append_string(&text, HEAD "labels: ["));
    for (int i = 0; i < 9000; i++)
        assert_true(buffer_append_string(&text, "a,"));
    assert_int_equal(recipe_read_text(&recipe, text.bytes, text.length, NULL, NULL, 0, &error), L);

    /* What is read must also fit when it is written with escapes. */
    buffer_clear(&text);
    assert_true(buffer_append_string(&text, HEAD "labels: ["));
    for (int i = 0; i < 2000; i++) {
        assert_true(buffer_format(&text, "\"%d", i));
        for (int j = 0; j < 40; j++)
            assert_true(buffer_append_string(&text, "\xc2\xa0"));
        assert_true(buffer_append_string(&text, "\","));
    }
    assert_true(buffer_append_byte(&text, ']'));
    assert_int_equal(recipe_read_text(&recipe, text.bytes, text.length, NULL, NULL, 0, &error), L);
    assert_non_null(strstr(error.message, "complete"));
    assert_empty(&recipe);

    buffer_clear(&text);
    while (text.length <= RECIPE_MAX_BYTES)
        assert_true(buffer_append_string(&text, "#                              \n"));
    assert_int_equal(recipe_read_text(&recipe, text.bytes, text.length, NULL, NULL, 0, &error), L);
    buffer_free(&text);
}

static void test_words(void **state)
{
    (void)state;
    static const char file[] = HEAD "epochs: 3\nbatch: {tokens: 100, accumulate: 2}\n"
                                    "class_weights: {a: 1, b: 2}\npositive: a\nmethod: lora\n"
                                    "early_stop: {metric: mcc, patience: 2}\n";
    static const char *const words[] = {
        "steps=70",
        "batch.items=8",
        "optimizer={lr: 1e-3}",
        "schedule=cosine",
        "positive=null",
        "class_weights.b=3.5",
        "class_weights.c=4",
        "method=head",
        "data.test=a #b: c",
        "out='x y'",
        "freeze=embeddings",
        "early_stop.metric=",
        "data.fields.text=body",
    };
    struct recipe recipe;
    read_recipe(&recipe, file, words, COUNT(words));
    assert_true(recipe.epochs == 0 && recipe.steps == 70);
    assert_true(recipe.batch.tokens == 0 && recipe.batch.items == 8);
    assert_int_equal(recipe.batch.accumulate, 2);
    assert_true(recipe.optimizer.lr == 1e-3 && recipe.optimizer.weight_decay == 0.01);
    assert_int_equal(recipe.schedule.name, RECIPE_COSINE);
    assert_null(recipe.positive);
    assert_int_equal(recipe.class_weights.count, 3);
    assert_true(recipe.class_weights.entries[1].number == 3.5);
    assert_string_equal(recipe.class_weights.entries[2].key, "c");
    assert_int_equal(recipe.method, RECIPE_HEAD);
    assert_string_equal(recipe.data.test, "a #b: c");
    assert_string_equal(recipe.out, "x y");
    assert_int_equal(recipe.freeze.count, 1);
    assert_int_equal(recipe.early_stop.metric, RECIPE_AUROC);
    assert_int_equal(recipe.early_stop.patience, 2);
    assert_string_equal(recipe.data.fields.entries[0].text, "body");
    recipe_free(&recipe);

    static const char *const back[] = {"steps=null",
                                       "task=lm",
                                       "class_weights={}",
                                       "method=full",
                                       "data=-",
                                       "positive=~",
                                       "early_stop.metric=perplexity"};
    read_recipe(&recipe, file, back, COUNT(back));
    assert_true(recipe.epochs == 3 && recipe.steps == 0);
    assert_int_equal(recipe.class_weights.count, 0);
    assert_string_equal(recipe.data.train, "-");
    recipe_free(&recipe);

    static const char *const forms[] = {"data={train: a, test: b}", "valid=", "base='[m]'"};
    read_recipe(&recipe, "\xef\xbb\xbf" HEAD "optimizer:\r\n  lr: 1\r\nschedule:\n", forms,
                COUNT(forms));
    assert_string_equal(recipe.data.train, "a");
    assert_string_equal(recipe.data.test, "b");
    assert_null(recipe.data.valid);
    assert_string_equal(recipe.base, "[m]");
    assert_true(recipe.optimizer.lr == 1);
    recipe_free(&recipe);

    static const char *const nothing[] = {"epochs=null", "method=full"};
    read_recipe(&recipe, HEAD "steps: 5\n", nothing, COUNT(nothing));
    assert_true(recipe.epochs == 0 && recipe.steps == 5);
    recipe_free(&recipe);
    static const char *const neither[] = {"steps=null"};
    read_recipe(&recipe, HEAD "steps: 5\n", neither, COUNT(neither));
    assert_true(recipe.epochs == 3 && recipe.steps == 0);
    recipe_free(&recipe);
}

static void test_wrong_words(void **state)
{
    (void)state;
    static const struct {
        const char *words[2];
        const char *place;
        const char *says;
    } list[] = {
        {{"seed"}, "", "expected key=value"},
        {{"=3"}, "", "expected key=value"},
        {{"out=\xff"}, "", "expected key=value"},
        {{"lr=3"}, "lr", "nearest is \"optimizer.lr\""},
        {{"optimizer.lr=fast"}, "optimizer.lr", "found \"fast\""},
        {{"seed=1", "seed=2"}, "seed", "given twice"},
        {{"data=a", "data.train=b"}, "data.train", "given twice"},
        {{"epochs=1", "steps=2"}, "steps", "also epochs"},
        {{"labels=[a"}, "labels", "not YAML"},
        {{"class_weights.=3"}, "class_weights", "empty"},
        {{"optimizer.lr.x=3"}, "optimizer.lr.x", "not known"},
        {{"data.train="}, "data.train", "data=FILE"},
        {{"schedule.warmup=1.5"}, "schedule.warmup", "command line: schedule.warmup: a share"},
        {{"labels=[a, b, b]"}, "labels", "found \"b\""},
    };
    for (size_t i = 0; i < COUNT(list); i++) {
        char line[2048];
        assay_error error;
        struct recipe recipe;
        size_t count = list[i].words[1] ? 2 : 1;
        assay_status status =
            recipe_read_text(&recipe, HEAD, strlen(HEAD), NULL, list[i].words, count, &error);
        assay_error_format(&error, line, sizeof line);
        if (status != ASSAY_ERROR_ARGUMENT || strcmp(error.place, list[i].place) ||
            !strstr(line, list[i].says))
            print_error("for %s: %d, %s\n", list[i].words[0], (int)status, line);
        assert_int_equal(status, ASSAY_ERROR_ARGUMENT);
        assert_int_equal(error.status, ASSAY_ERROR_ARGUMENT);
        assert_int_equal(error.row, 0);
        assert_string_equal(error.place, list[i].place);
        assert_non_null(strstr(line, list[i].says));
        assert_empty(&recipe);
    }
}

static uint64_t fingerprint_of(const char *text, const char *word)
{
    struct recipe recipe;
    uint64_t fingerprint = 0;
    read_recipe(&recipe, text, &word, word ? 1 : 0);
    assert_int_equal(recipe_fingerprint(&fingerprint, &recipe, NULL), ASSAY_OK);
    recipe_free(&recipe);
    return fingerprint;
}

static void test_fingerprint(void **state)
{
    (void)state;
    uint64_t plain = fingerprint_of(HEAD, NULL);
    assert_true(plain == fingerprint_of(HEAD, "out=elsewhere"));
    assert_true(plain == fingerprint_of(HEAD "# told\nepochs: 3.0\nseed: 0\n", NULL));
    static const char *const words[] = {"seed=1",        "epochs=4",    "optimizer.lr=5.0000001e-5",
                                        "labels=[a, b]", "data.test=t", "log.jsonl=false"};
    for (size_t i = 0; i < COUNT(words); i++)
        assert_true(plain != fingerprint_of(HEAD, words[i]));
    assert_true(fingerprint_of(HEAD, "labels=[\"a, b\", c]") !=
                fingerprint_of(HEAD, "labels=[a, b, c]"));
    /* Checkpoints of other machines and days hold this number (the start of sha256 over `whole`
     * without its last line). */
    assert_true(fingerprint_of("base: model\ndata: t.jsonl\n", NULL) == 0xdab6d051f70767efULL);
}

static void test_places(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *place;
        bool matches;
    } list[] = {
        {"embeddings", "embeddings", true},
        {"embeddings", "embeddings.word_embeddings.weight", true},
        {"embeddings", "bert.embeddings.word_embeddings", true},
        {"embeddings", "a.b.embeddings", false},
        {"embeddings", "embeddings_more", false},
        {"embeddings", "encoder", false},
        {"embeddings.word", "embeddings", false},
        {"encoder.layer.0-3", "encoder.layer.0", true},
        {"encoder.layer.0-3", "encoder.layer.3.output.dense.weight", true},
        {"encoder.layer.0-3", "bert.encoder.layer.2.output", true},
        {"encoder.layer.0-3", "encoder.layer.4", false},
        {"encoder.layer.0-3", "encoder.layer.30", false},
        {"encoder.layer.0-3", "encoder.layer", false},
        {"encoder.layer.0-3", "encoder.layer.1x", false},
        {"encoder.layer.8-12.output", "encoder.layer.10.output.dense", true},
        {"encoder.layer.8-12.output", "encoder.layer.10.attention", false},
        {"h.0-99999999999", "h.5", false}, /* too long to be a number: a name like any other */
        {"*", "anything.at.all", true},
        {"*.bias", "encoder.layer.0.output.dense.bias", true},
        {"*.bias", "encoder.layer.0.output.dense.weight", false},
        {"*.LayerNorm", "bert.encoder.layer.0.output.LayerNorm.weight", true},
        {"*.0-1.*.bias", "encoder.layer.1.output.bias", true},
        {"*.0-1.*.bias", "encoder.layer.2.output.bias", false},
        {"*.0-1", "h.2.x.1.c", true},
        {"h.?", "transformer.h.5.ln", true},
        {"h.?", "transformer.h.15.ln", false},
        {"enc*.layer.0", "encoder.layer.0", true},
        {"**a", "bba", true},
        {"*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
        {"", "a", false},
        {"a.", "a.b", false},
        {"layer.3-1", "layer.2", false},
        {"encoder", "", false},
    };
    for (size_t i = 0; i < COUNT(list); i++) {
        if (recipe_place_matches(list[i].pattern, list[i].place) != list[i].matches)
            print_error("%s on %s\n", list[i].pattern, list[i].place);
        assert_int_equal(recipe_place_matches(list[i].pattern, list[i].place), list[i].matches);
    }
    assert_true(recipe_pattern_valid("encoder.layer.0-3"));
    assert_false(recipe_pattern_valid("encoder.layer.3-0"));
    assert_false(recipe_pattern_valid("encoder."));
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(recipe_task_name(RECIPE_MLM), "mlm");
    assert_string_equal(recipe_task_name(RECIPE_EMBED), "embed");
    assert_string_equal(recipe_metric_name(RECIPE_SPEARMAN), "spearman");
    assert_true(recipe_metric_higher_is_better(RECIPE_AUROC));
    assert_false(recipe_metric_higher_is_better(RECIPE_LOSS));
    for (int i = 0; i < RECIPE_METRIC_COUNT; i++)
        assert_non_null(recipe_metric_name(i));
    assert_null(recipe_metric_name(RECIPE_METRIC_COUNT));
}

static void test_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/assay-recipe-XXXXXX";
    assay_error error;
    struct recipe recipe;
    assert_non_null(mkdtemp(folder));
    char *path = path_join(folder, "recipe.yaml");
    assert_non_null(path);
    assert_int_equal(recipe_read(&recipe, path, NULL, 0, &error), ASSAY_ERROR_NOT_FOUND);
    assert_empty(&recipe);
    assert_int_equal(file_write(path, HEAD, strlen(HEAD), NULL), ASSAY_OK);
    assert_int_equal(recipe_read(&recipe, path, NULL, 0, NULL), ASSAY_OK);
    assert_string_equal(recipe.data.valid, "v.jsonl");
    recipe_free(&recipe);
    assert_int_equal(file_write(path, "", 0, NULL), ASSAY_OK);
    assert_int_equal(recipe_read(&recipe, path, NULL, 0, &error), ASSAY_ERROR_ARGUMENT);
    assert_string_equal(error.file, path);
    unlink(path);
    rmdir(folder);
    memory_free(path);
}

static void test_memory_failures(void **state)
{
    (void)state;
    static const char text[] = HEAD "labels: [a, b]\nclass_weights: {a: 1, b: 2}\n";
    static const char *const words[] = {"out=x y", "freeze=[p, q]", "class_weights.a=7",
                                        "data.fields={text: body}"};
    size_t length = strlen(text);
    bool reached = true;
    for (uint64_t nth = 1; reached; nth++) {
        struct recipe recipe;
        struct buffer out = {0};
        assay_error error = {0};
        uint64_t fingerprint;
        uint64_t before = memory_allocation_count();
        memory_fail_at(nth);
        assay_status status =
            recipe_read_text(&recipe, text, length, "r", words, COUNT(words), &error);
        if (status)
            assert_empty(&recipe);
        if (!status)
            status = recipe_write(&out, &recipe, &error);
        if (!status)
            status = recipe_fingerprint(&fingerprint, &recipe, &error);
        reached = memory_allocation_count() - before >= nth;
        memory_fail_at(0);
        assert_int_equal(status, reached ? ASSAY_ERROR_MEMORY : ASSAY_OK);
        assert_int_equal(error.status, status);
        recipe_free(&recipe);
        buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_refusals),        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_words),           cmocka_unit_test(test_wrong_words),
        cmocka_unit_test(test_fingerprint),     cmocka_unit_test(test_places),
        cmocka_unit_test(test_names),           cmocka_unit_test(test_files),
        cmocka_unit_test(test_memory_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
