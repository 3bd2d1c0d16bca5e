#include "recipe/recipe_fields.h"

#include <stddef.h>
#include <string.h>

static const char *const tasks[] = {"classify", "regress", "lm", "mlm", "seq2seq", "embed", NULL};
static const char *const methods[] = {"full",   "head",   "lora", "adapter",
                                      "prompt", "prefix", "ia3",  NULL};
static const char *const balances[] = {"none", "weights", "under", "over", NULL};
static const char *const optimizers[] = {"adamw", NULL};
static const char *const schedules[] = {"linear", "cosine", "constant", NULL};
static const char *const shuffles[] = {"buckets", "full", "none", NULL};
static const char *const metrics[] = {
    "loss",  "accuracy", "balanced_accuracy", "macro_f1", "mcc", "auroc",   "auprc",
    "brier", "ece",      "perplexity",        "rmse",     "mae", "pearson", "spearman",
    NULL};
static const char *const recomputed[] = {"none", "layers", NULL};
static const char *const precisions[] = {"highest", "high", "medium", NULL};

#define AT(member)   offsetof(struct recipe, member)
#define MOST         1e9
#define EPOCHS_LIMIT 1e6

#define TEXT(name, member)                                                                         \
    {                                                                                              \
        .path = name, .kind = RECIPE_TEXT, .offset = AT(member), .fallback = "null"                \
    }
#define WORD(name, member, list, value, missing)                                                   \
    {                                                                                              \
        .path = name, .kind = RECIPE_WORD, .offset = AT(member), .fallback = value, .words = list, \
        .first_missing = missing                                                                   \
    }
#define NUMBER(name, member, value, low, high, open)                                               \
    {                                                                                              \
        .path = name, .kind = RECIPE_NUMBER, .offset = AT(member), .fallback = value,              \
        .minimum = low, .maximum = high, .below_maximum = open                                     \
    }
#define INTEGER(name, member, value, low, high)                                                    \
    {                                                                                              \
        .path = name, .kind = RECIPE_INTEGER, .offset = AT(member), .fallback = value,             \
        .minimum = low, .maximum = high                                                            \
    }
#define EVERY(name, member, value)                                                                 \
    {                                                                                              \
        .path = name, .kind = RECIPE_INTEGER, .offset = AT(member), .fallback = value,             \
        .minimum = 1, .maximum = MOST, .sentinel = "epoch", .sentinel_value = 0                    \
    }
#define RIVAL(name, of, kind_of, member, value, low, high)                                         \
    {                                                                                              \
        .path = name, .kind = kind_of, .offset = AT(member), .fallback = value, .minimum = low,    \
        .maximum = high, .rival = of                                                               \
    }
#define OTHER(name, kind_of, member, value, low, high, open)                                       \
    {                                                                                              \
        .path = name, .kind = kind_of, .offset = AT(member), .fallback = value, .minimum = low,    \
        .maximum = high, .below_maximum = open                                                     \
    }

/* In the order of a written recipe; the keys of a section stand together. Of two rivals the one
 * with the default stands first. */
const struct recipe_field recipe_fields[RECIPE_FIELD_COUNT] = {
    TEXT("base", base),
    WORD("task", task, tasks, "classify", RECIPE_SEQ2SEQ),
    TEXT("data.train", data.train),
    TEXT("data.valid", data.valid),
    TEXT("data.calibration", data.calibration),
    TEXT("data.test", data.test),
    TEXT("data.group", data.group),
    OTHER("data.fields", RECIPE_RENAMES, data.fields, "{}", 0, 0, false),
    WORD("data.balance", data.balance, balances, "none", 0),
    OTHER("labels", RECIPE_TEXTS, labels, "[]", 0, 0, false),
    TEXT("positive", positive),
    OTHER("class_weights", RECIPE_WEIGHTS, class_weights, "{}", 0, MOST, false),
    OTHER("freeze", RECIPE_TEXTS, freeze, "[]", 0, 0, false),
    WORD("method", method, methods, "full", RECIPE_LORA),
    RIVAL("epochs", "steps", RECIPE_NUMBER, epochs, "3", 1e-6, EPOCHS_LIMIT),
    RIVAL("steps", "epochs", RECIPE_INTEGER, steps, "null", 1, MOST),
    RIVAL("batch.tokens", "batch.items", RECIPE_INTEGER, batch.tokens, "8192", 1, MOST),
    RIVAL("batch.items", "batch.tokens", RECIPE_INTEGER, batch.items, "null", 1, MOST),
    INTEGER("batch.accumulate", batch.accumulate, "1", 1, 1e6),
    WORD("optimizer.name", optimizer.name, optimizers, "adamw", 0),
    NUMBER("optimizer.lr", optimizer.lr, "5e-5", 0, 100, false),
    NUMBER("optimizer.weight_decay", optimizer.weight_decay, "0.01", 0, 100, false),
    OTHER("optimizer.betas", RECIPE_PAIR, optimizer.betas, "[0.9, 0.999]", 0, 1, true),
    NUMBER("optimizer.eps", optimizer.eps, "1e-8", 1e-30, 1, false),
    NUMBER("optimizer.clip", optimizer.clip, "1.0", 0, MOST, false),
    WORD("schedule.name", schedule.name, schedules, "linear", 0),
    NUMBER("schedule.warmup", schedule.warmup, "0.1", 0, MOST, false),
    INTEGER("max_tokens", max_tokens, "512", 1, 1 << 20),
    WORD("shuffle", shuffle, shuffles, "buckets", 0),
    NUMBER("label_smoothing", label_smoothing, "0", 0, 1, true),
    {.path = "dropout",
     .kind = RECIPE_NUMBER,
     .offset = AT(dropout),
     .fallback = "model",
     .minimum = 0,
     .maximum = 1,
     .below_maximum = true,
     .sentinel = "model",
     .sentinel_value = -1},
    NUMBER("ema", ema, "0", 0, 1, true),
    NUMBER("mlm.probability", mlm_probability, "0.15", 1e-6, 1, true),
    WORD("early_stop.metric", early_stop.metric, metrics, "null", 0),
    INTEGER("early_stop.patience", early_stop.patience, "0", 0, MOST),
    EVERY("eval.every", eval_every, "epoch"),
    EVERY("checkpoint.every", checkpoint.every, "500"),
    INTEGER("checkpoint.keep", checkpoint.keep, "2", 1, 1e6),
    {.path = "log.jsonl", .kind = RECIPE_BOOLEAN, .offset = AT(log.jsonl), .fallback = "true"},
    {.path = "log.tensorboard",
     .kind = RECIPE_BOOLEAN,
     .offset = AT(log.tensorboard),
     .fallback = "true"},
    INTEGER("seed", seed, "0", 0, 9007199254740992.0),
    WORD("precision", precision, precisions, "medium", 0),
    WORD("recompute", recompute, recomputed, "none", 0),
    TEXT("out", out),
};

const char *recipe_task_name(enum recipe_task task)
{
    return tasks[task];
}

const char *recipe_metric_name(enum recipe_metric metric)
{
    return metrics[metric];
}

size_t recipe_field_find(const char *path)
{
    size_t i = 0;
    while (i < RECIPE_FIELD_COUNT && strcmp(recipe_fields[i].path, path))
        i++;
    return i;
}

bool recipe_is_section(const char *path)
{
    size_t length = strlen(path);
    for (size_t i = 0; i < RECIPE_FIELD_COUNT; i++) {
        const char *known = recipe_fields[i].path;
        if (!strncmp(known, path, length) && known[length] == '.')
            return true;
    }
    return false;
}
