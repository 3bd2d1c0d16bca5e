#include "recipe/recipe_check.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char recipe_word_source[] = "command line";

/* A fault that shows only when all is read; it points to where the field was said. */
static assay_status fault(const struct recipe_reader *reader, assay_status status, const char *path,
                          const char *message)
{
    const struct recipe_mark *mark = &reader->marks[recipe_field_find(path)];
    if (mark->layer == RECIPE_WORD_LAYER && status == ASSAY_ERROR_FORMAT)
        status = ASSAY_ERROR_ARGUMENT;
    error_set(reader->error, status, "%s", message);
    error_at_place(reader->error, "%s", path);
    if (mark->layer == RECIPE_WORD_LAYER)
        error_at_file(reader->error, recipe_word_source);
    if (mark->layer == RECIPE_FILE_LAYER) {
        error_at_file(reader->error, reader->file);
        error_at_row(reader->error, mark->row, mark->column);
    }
    return status;
}

static assay_status check_present(const struct recipe_reader *reader)
{
    const struct recipe *recipe = reader->recipe;
    const char *missing = !recipe->base ? "base" : !recipe->data.train ? "data.train" : NULL;
    if (!missing)
        return ASSAY_OK;
    fault(reader, ASSAY_ERROR_ARGUMENT, missing, "the recipe does not say it");
    error_at_file(reader->error, reader->file);
    error_expected(reader->error, recipe->base ? "data=FILE, or data: {train: FILE} in the recipe"
                                               : "base=MODEL, or base: MODEL in the recipe");
    return ASSAY_ERROR_ARGUMENT;
}

static assay_status check_there(const struct recipe_reader *reader)
{
    for (size_t i = 0; i < RECIPE_FIELD_COUNT; i++) {
        const struct recipe_field *field = &recipe_fields[i];
        int word;
        if (!field->first_missing)
            continue;
        memcpy(&word, (const char *)reader->recipe + field->offset, sizeof word);
        if (word < field->first_missing)
            continue;
        char message[ASSAY_ERROR_DETAIL_SIZE];
        snprintf(message, sizeof message, "%s is not there yet", field->words[word]);
        return fault(reader, ASSAY_ERROR_UNSUPPORTED, field->path, message);
    }
    return ASSAY_OK;
}

static bool has_text(const struct recipe_texts *texts, const char *text)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (!strcmp(texts->items[i], text))
            return true;
    }
    return false;
}

static assay_status check_labels(const struct recipe_reader *reader)
{
    const struct recipe *recipe = reader->recipe;
    const struct recipe_texts *labels = &recipe->labels;
    if (recipe->task != RECIPE_CLASSIFY) {
        const char *extra = labels->count                                 ? "labels"
                            : recipe->positive                            ? "positive"
                            : recipe->class_weights.count                 ? "class_weights"
                            : recipe->data.balance != RECIPE_BALANCE_NONE ? "data.balance"
                                                                          : NULL;
        return extra ? fault(reader, ASSAY_ERROR_FORMAT, extra, "only task: classify has classes")
                     : ASSAY_OK;
    }
    if (labels->count == 1)
        return fault(reader, ASSAY_ERROR_FORMAT, "labels", "one label is no choice");
    for (size_t i = 1; i < labels->count; i++) {
        struct recipe_texts before = {labels->items, i};
        if (!has_text(&before, labels->items[i]))
            continue;
        assay_status status =
            fault(reader, ASSAY_ERROR_FORMAT, "labels", "a label stands there twice");
        error_found(reader->error, "\"%.60s\"", labels->items[i]);
        return status;
    }
    if (labels->count && recipe->positive && !has_text(labels, recipe->positive))
        return fault(reader, ASSAY_ERROR_FORMAT, "positive", "it is none of the labels");
    for (size_t i = 0; labels->count && i < recipe->class_weights.count; i++) {
        if (has_text(labels, recipe->class_weights.entries[i].key))
            continue;
        assay_status status =
            fault(reader, ASSAY_ERROR_FORMAT, "class_weights", "a class is none of the labels");
        error_found(reader->error, "\"%.60s\"", recipe->class_weights.entries[i].key);
        return status;
    }
    if (recipe->class_weights.count && recipe->data.balance != RECIPE_BALANCE_NONE)
        return fault(reader, ASSAY_ERROR_FORMAT, "class_weights",
                     "stands instead of data.balance; leave one away");
    return ASSAY_OK;
}

bool recipe_metric_fits(enum recipe_metric metric, enum recipe_task task)
{
    switch (metric) {
    case RECIPE_LOSS:
        return true;
    case RECIPE_PERPLEXITY:
        return task == RECIPE_LM || task == RECIPE_MLM;
    case RECIPE_RMSE:
    case RECIPE_MAE:
    case RECIPE_PEARSON:
    case RECIPE_SPEARMAN:
        return task == RECIPE_REGRESS;
    case RECIPE_ACCURACY:
        return task == RECIPE_CLASSIFY || task == RECIPE_LM || task == RECIPE_MLM;
    default:
        return task == RECIPE_CLASSIFY;
    }
}

bool recipe_metric_higher_is_better(enum recipe_metric metric)
{
    switch (metric) {
    case RECIPE_LOSS:
    case RECIPE_BRIER:
    case RECIPE_ECE:
    case RECIPE_PERPLEXITY:
    case RECIPE_RMSE:
    case RECIPE_MAE:
        return false;
    default:
        return true;
    }
}

static assay_status check_training(const struct recipe_reader *reader)
{
    const struct recipe *recipe = reader->recipe;
    double warmup = recipe->schedule.warmup;
    for (size_t i = 0; i < recipe->freeze.count; i++) {
        if (recipe_pattern_valid(recipe->freeze.items[i]))
            continue;
        assay_status status =
            fault(reader, ASSAY_ERROR_FORMAT, "freeze", "a pattern matches nothing");
        error_expected(reader->error, "names between dots; ranges like 0-3");
        error_found(reader->error, "\"%.60s\"", recipe->freeze.items[i]);
        return status;
    }
    if (warmup >= 1 && floor(warmup) != warmup)
        return fault(reader, ASSAY_ERROR_FORMAT, "schedule.warmup",
                     "a share below 1 or a whole number of steps");
    if (warmup >= 1 && recipe->steps && warmup > (double)recipe->steps)
        return fault(reader, ASSAY_ERROR_FORMAT, "schedule.warmup",
                     "the warm-up has more steps than the training");
    if (!recipe_metric_fits(recipe->early_stop.metric, recipe->task))
        return fault(reader, ASSAY_ERROR_FORMAT, "early_stop.metric",
                     "the task has no such figure");
    if (recipe->early_stop.patience && !recipe->data.valid)
        return fault(reader, ASSAY_ERROR_FORMAT, "early_stop.patience",
                     "stopping early needs data.valid");
    if (recipe->label_smoothing > 0 && recipe->task == RECIPE_REGRESS)
        return fault(reader, ASSAY_ERROR_FORMAT, "label_smoothing", "task: regress has no classes");
    return ASSAY_OK;
}

assay_status recipe_check(const struct recipe_reader *reader)
{
    assay_status status = check_there(reader);
    if (!status)
        status = check_present(reader);
    if (!status)
        status = check_labels(reader);
    if (!status)
        status = check_training(reader);
    return status;
}
