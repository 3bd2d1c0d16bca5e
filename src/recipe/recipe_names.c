#include "recipe/recipe_fields.h"

#include <stdio.h>
#include <string.h>

/* Levenshtein's distance of words up to this long; what lies beyond does not count. */
enum { LONGEST_WORD = 48 };

static size_t shown_length(const char *word)
{
    size_t length = strlen(word);
    return length < LONGEST_WORD ? length : LONGEST_WORD;
}

static int word_distance(const char *left, const char *right)
{
    int row[LONGEST_WORD + 1];
    size_t left_length = shown_length(left);
    size_t right_length = shown_length(right);
    for (size_t j = 0; j <= right_length; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= left_length; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= right_length; j++) {
            int swap = diagonal + (left[i - 1] != right[j - 1]);
            int least = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;
            diagonal = row[j];
            row[j] = swap < least ? swap : least;
        }
    }
    return row[right_length];
}

/* What the same thing is called elsewhere. */
static const char *const foreign_words[][2] = {
    {"base_model", "base"},
    {"batch_size", "batch.items"},
    {"eval_steps", "eval.every"},
    {"gradient_accumulation_steps", "batch.accumulate"},
    {"learning_rate", "optimizer.lr"},
    {"lr_scheduler", "schedule.name"},
    {"lr_scheduler_type", "schedule.name"},
    {"max_grad_norm", "optimizer.clip"},
    {"max_length", "max_tokens"},
    {"max_seq_length", "max_tokens"},
    {"max_steps", "steps"},
    {"metric_for_best_model", "early_stop.metric"},
    {"micro_batch_size", "batch.items"},
    {"model", "base"},
    {"model_name_or_path", "base"},
    {"num_epochs", "epochs"},
    {"num_train_epochs", "epochs"},
    {"output_dir", "out"},
    {"per_device_train_batch_size", "batch.items"},
    {"save_steps", "checkpoint.every"},
    {"save_total_limit", "checkpoint.keep"},
    {"sequence_len", "max_tokens"},
    {"test_datasets", "data.test"},
    {"warmup_ratio", "schedule.warmup"},
    {"warmup_steps", "schedule.warmup"},
};

static const char *last_name(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

void recipe_nearest_key(char *key, size_t size, const char *unknown)
{
    const char *name = last_name(unknown);
    int least = 2 * LONGEST_WORD;
    for (size_t i = 0; i < sizeof foreign_words / sizeof *foreign_words; i++) {
        if (!strcmp(name, foreign_words[i][0])) {
            snprintf(key, size, "%s", foreign_words[i][1]);
            return;
        }
    }
    for (size_t i = 0; i < RECIPE_FIELD_COUNT; i++) {
        const char *path = recipe_fields[i].path;
        char section[LONGEST_WORD + 1];
        snprintf(section, sizeof section, "%.*s", (int)strcspn(path, "."), path);
        /* The right name in the wrong section costs as much as one wrong letter. */
        int whole = word_distance(unknown, path);
        int bare = word_distance(name, last_name(path)) + 1;
        int outer = word_distance(unknown, section);
        int distance = whole < bare ? whole : bare;
        if (distance < least || outer < least)
            snprintf(key, size, "%s", outer < distance ? section : path);
        distance = outer < distance ? outer : distance;
        least = distance < least ? distance : least;
    }
}

const char *recipe_nearest_word(const char *unknown, const char *const *words)
{
    const char *best = words[0];
    int least = 2 * LONGEST_WORD;
    for (size_t i = 0; words[i]; i++) {
        int distance = word_distance(unknown, words[i]);
        if (distance < least) {
            least = distance;
            best = words[i];
        }
    }
    return best;
}
