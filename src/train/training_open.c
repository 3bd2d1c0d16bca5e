/* From a recipe to data, model and order of steps. */
#include "assay/pull.h"
#include "base/error.h"
#include "base/file.h"
#include "base/home.h"
#include "base/memory.h"
#include "train/training.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void training_tell(const assay_training *t, const assay_training_event *event)
{
    if (t->options.listen)
        t->options.listen(t->options.context, event);
}

void training_note(const assay_training *t, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    training_tell(t, &(assay_training_event){.kind = ASSAY_TRAINING_NOTE, .text = text});
}

/* How many tokens a row may have: the recipe's, but never more than the model has positions for. */
static assay_status read_limit(assay_training *t, assay_error *error)
{
    struct model_config config = {0};
    char *path = path_join(t->base_folder, "config.json");
    if (!path)
        return error_memory(error, strlen(t->base_folder));
    assay_status status = model_config_read(&config, path, error);
    if (status == ASSAY_OK) {
        int64_t most = model_family_find(config.model_type)->max_tokens(&config);
        t->max_tokens = (int32_t)(t->recipe.max_tokens < most ? t->recipe.max_tokens : most);
        if (t->recipe.max_tokens > most)
            training_note(t,
                          "max_tokens: %" PRId64 " is more than the model takes: rows are cut "
                          "at %" PRId64,
                          t->recipe.max_tokens, most);
        if (t->max_tokens < 2) {
            status = error_set(error, ASSAY_ERROR_ARGUMENT, "rows need room for two tokens");
            error_at_place(error, "max_tokens");
        }
    }
    model_config_free(&config);
    memory_free(path);
    return status;
}

struct reading {
    const assay_training *training;
    const char *path;
};

static void reading_progress(void *context, int64_t rows, uint64_t done, uint64_t total,
                             const char *note)
{
    const struct reading *reading = context;
    if (note)
        training_note(reading->training, "%s", note);
    else
        training_tell(reading->training, &(assay_training_event){.kind = ASSAY_TRAINING_READING,
                                                                 .text = reading->path,
                                                                 .done = (int64_t)done,
                                                                 .total = (int64_t)total,
                                                                 .rows = rows});
}

static assay_status read_data(assay_training *t, struct training_rows *rows, const char *path,
                              const assay_tokenizer *tokenizer, assay_error *error)
{
    char *home = NULL, *cache = NULL;
    assay_status status = home_folder(&home, error);
    if (status != ASSAY_OK)
        return status;
    cache = path_join(home, "tokens");
    struct reading reading = {t, path};
    struct dataset_request request = {
        .path = path,
        .fields = &t->recipe.data.fields,
        .labels = t->recipe.task == RECIPE_CLASSIFY  ? DATASET_CLASSES
                  : t->recipe.task == RECIPE_REGRESS ? DATASET_NUMBERS
                                                     : DATASET_UNLABELLED,
        .tokenizer = tokenizer,
        .tokenizer_folder = t->base_folder,
        .max_tokens = t->max_tokens,
        .cache_folder = cache,
        .progress = reading_progress,
        .context = &reading,
    };
    status =
        cache ? dataset_open(&rows->dataset, &request, error) : error_memory(error, strlen(home));
    if (status == ASSAY_OK)
        dataset_get(rows->dataset, &rows->feed.data);
    memory_free(home);
    memory_free(cache);
    return status;
}

/* What masks need to know of the tokenizer. */
static assay_status prepare_masks(assay_training *t, const assay_tokenizer *tokenizer,
                                  assay_error *error)
{
    static const char *const names[] = {"[MASK]", "<mask>"};
    struct mask_rule *mask = &t->settings.mask;
    mask->mask_token = -1;
    for (size_t i = 0; i < sizeof names / sizeof *names && mask->mask_token < 0; i++)
        mask->mask_token = assay_tokenizer_token_id(tokenizer, names[i]);
    if (mask->mask_token < 0) {
        error_set(error, ASSAY_ERROR_UNSUPPORTED, "the tokenizer has no mask token");
        error_at_file(error, t->base_folder);
        error_expected(error, "[MASK] or <mask>");
        return ASSAY_ERROR_UNSUPPORTED;
    }
    mask->vocabulary = assay_tokenizer_vocabulary_size(tokenizer);
    t->special_tokens = memory_allocate_zeroed((size_t)mask->vocabulary, 1);
    if (!t->special_tokens)
        return error_memory(error, (size_t)mask->vocabulary);
    for (int32_t id = 0; id < mask->vocabulary; id++)
        t->special_tokens[id] = assay_tokenizer_is_special(tokenizer, id);
    mask->special = t->special_tokens;
    mask->probability = t->recipe.mlm_probability;
    mask->seed = (uint64_t)t->recipe.seed;
    return ASSAY_OK;
}

static assay_status read_all_data(assay_training *t, assay_error *error)
{
    assay_tokenizer *tokenizer = NULL;
    assay_status status = assay_tokenizer_open(&tokenizer, t->base_folder, error);
    if (status == ASSAY_OK && t->recipe.task == RECIPE_MLM)
        status = prepare_masks(t, tokenizer, error);
    if (status == ASSAY_OK)
        status = read_data(t, &t->train, t->recipe.data.train, tokenizer, error);
    if (status == ASSAY_OK && t->recipe.data.valid)
        status = read_data(t, &t->valid, t->recipe.data.valid, tokenizer, error);
    if (status == ASSAY_OK && training_calibrates_on_file(t))
        status = read_data(t, &t->calibration.rows, t->recipe.data.calibration, tokenizer, error);
    assay_tokenizer_close(tokenizer);
    return status;
}

/* Language modelling predicts each token from those before: a row of one teaches nothing. */
static assay_status check_rows_teach(const assay_training *t, const struct training_rows *rows,
                                     assay_error *error)
{
    const struct dataset_view *data = &rows->feed.data;
    if (t->recipe.task == RECIPE_LM && data->longest < 2) {
        error_set(error, ASSAY_ERROR_ARGUMENT, "no row has a token to predict");
        error_at_file(error, data->path);
        error_expected(error, "rows of at least two tokens");
        return ASSAY_ERROR_ARGUMENT;
    }
    return ASSAY_OK;
}

/* Plan rows: the data's, or a balanced sample of them. */
static assay_status make_feed(assay_training *t, struct training_rows *rows, bool balanced,
                              assay_error *error)
{
    struct row_feed *feed = &rows->feed;
    feed->rows = feed->data.rows;
    feed->lengths = feed->data.lengths;
    assay_status status = check_rows_teach(t, rows, error);
    if (status != ASSAY_OK || t->recipe.task != RECIPE_CLASSIFY)
        return status;
    status = label_set_map(&rows->label_of, &t->labels, NULL, rows->dataset, error);
    feed->label_of = rows->label_of;
    if (status == ASSAY_OK && balanced)
        status = label_sample(&rows->sample, &feed->rows, t->recipe.data.balance,
                              (uint64_t)t->recipe.seed, &feed->data, error);
    if (status != ASSAY_OK || !rows->sample)
        return status;
    feed->sample = rows->sample;
    rows->lengths = memory_allocate((size_t)feed->rows, sizeof *rows->lengths);
    if (!rows->lengths)
        return error_memory(error, (size_t)feed->rows * sizeof *rows->lengths);
    for (int64_t i = 0; i < feed->rows; i++)
        rows->lengths[i] = feed->data.lengths[rows->sample[i]];
    feed->lengths = rows->lengths;
    return ASSAY_OK;
}

static assay_status make_feeds(assay_training *t, assay_error *error)
{
    assay_status status = ASSAY_OK;
    if (t->recipe.task == RECIPE_CLASSIFY)
        status = label_set_make(&t->labels, &t->recipe, t->train.dataset, error);
    if (status == ASSAY_OK)
        status = make_feed(t, &t->train, true, error);
    if (status == ASSAY_OK && t->valid.dataset)
        status = make_feed(t, &t->valid, false, error);
    if (status == ASSAY_OK && t->calibration.rows.dataset)
        status = make_feed(t, &t->calibration.rows, false, error);
    if (status == ASSAY_OK)
        status = training_take_calibration(t, error);
    return status;
}

static enum model_task model_task_of(enum recipe_task task)
{
    switch (task) {
    case RECIPE_REGRESS:
        return MODEL_TASK_REGRESS;
    case RECIPE_LM:
        return MODEL_TASK_CAUSAL_LM;
    case RECIPE_MLM:
        return MODEL_TASK_MASKED_LM;
    default:
        return MODEL_TASK_CLASSIFY;
    }
}

/* A token that the model has no row for would be read outside its table. */
static assay_status check_tokens(const assay_training *t, const struct training_rows *rows,
                                 assay_error *error)
{
    const struct dataset_view *data = &rows->feed.data;
    const struct model_config *config = &t->model->config;
    for (int64_t i = 0; i < data->tokens; i++) {
        bool bad_id = data->ids[i] >= config->vocabulary;
        bool bad_type =
            data->types && config->types && (data->types[i] < 0 || data->types[i] >= config->types);
        if (!bad_id && !bad_type)
            continue;
        error_set(error, ASSAY_ERROR_FORMAT, "the tokenizer gives %s that the model has no row for",
                  bad_id ? "a token" : "a token type");
        error_at_file(error, t->base_folder);
        error_expected(error, "below %" PRId64, bad_id ? config->vocabulary : config->types);
        error_found(error, "%d", bad_id ? data->ids[i] : data->types[i]);
        return ASSAY_ERROR_FORMAT;
    }
    return ASSAY_OK;
}

bool training_chooses(const assay_training *t, const struct parameter *parameter)
{
    const char *name = parameter->name;
    if (t->recipe.method == RECIPE_HEAD && !model_weight_is_of_head(t->model, name) &&
        !model_weight_is_new(t->model, name))
        return false;
    for (size_t i = 0; i < t->recipe.freeze.count; i++) {
        if (recipe_place_matches(t->recipe.freeze.items[i], name))
            return false;
    }
    return true;
}

static bool choose(void *context, const struct parameter *parameter)
{
    return training_chooses(context, parameter);
}

static assay_status check_freezing(assay_training *t, assay_error *error)
{
    const struct parameter_set *set = t->model->parameters;
    for (size_t i = 0; i < t->recipe.freeze.count; i++) {
        bool matches = false;
        for (int64_t j = 0; j < parameter_set_count(set) && !matches; j++)
            matches =
                recipe_place_matches(t->recipe.freeze.items[i], parameter_set_get(set, j)->name);
        if (matches)
            continue;
        error_set(error, ASSAY_ERROR_ARGUMENT, "no weight of the model has that name");
        error_at_place(error, "freeze");
        error_expected(error, "a name as `assay show %s -v` lists them", t->recipe.base);
        error_found(error, "\"%.60s\"", t->recipe.freeze.items[i]);
        return ASSAY_ERROR_ARGUMENT;
    }
    for (int64_t j = 0; j < parameter_set_count(set); j++) {
        const struct parameter *parameter = parameter_set_get(set, j);
        t->parameters += tensor_count(&parameter->tensor);
        t->trained += training_chooses(t, parameter) ? tensor_count(&parameter->tensor) : 0;
    }
    parameter_set_mark(t->model->parameters, choose, t);
    if (t->trained)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_ARGUMENT, "every weight is frozen: there is nothing to train");
    error_at_place(error, "freeze");
    return ASSAY_ERROR_ARGUMENT;
}

static assay_status open_model(assay_training *t, assay_error *error)
{
    struct model_purpose purpose = {.task = model_task_of(t->recipe.task),
                                    .labels = t->labels.count,
                                    .label_names = t->labels.names,
                                    .seed = (uint64_t)t->recipe.seed};
    if (t->recipe.task == RECIPE_REGRESS)
        purpose.labels = 1;
    assay_status status = model_open_trainable(&t->model, t->base_folder, &purpose, error);
    if (status == ASSAY_OK)
        status = check_tokens(t, &t->train, error);
    if (status == ASSAY_OK && t->valid.dataset)
        status = check_tokens(t, &t->valid, error);
    if (status == ASSAY_OK && t->calibration.rows.dataset)
        status = check_tokens(t, &t->calibration.rows, error);
    if (status == ASSAY_OK)
        status = check_freezing(t, error);
    struct model_config *config = status == ASSAY_OK ? &t->model->config : NULL;
    if (config && t->recipe.dropout >= 0)
        config->hidden_dropout = config->attention_dropout = config->embedding_dropout =
            config->classifier_dropout = (float)t->recipe.dropout;
    return status;
}

static assay_status open_course(assay_training *t, assay_error *error)
{
    const struct recipe *recipe = &t->recipe;
    struct course_options options = {
        .batches = {.mode = recipe->shuffle == RECIPE_SHUFFLE_BUCKETS ? BATCH_BUCKETS
                            : recipe->shuffle == RECIPE_SHUFFLE_FULL  ? BATCH_FULL
                                                                      : BATCH_NONE,
                    .tokens = recipe->batch.tokens,
                    .items = recipe->batch.items,
                    .seed = (uint64_t)recipe->seed},
        .accumulate = recipe->batch.accumulate,
        .epochs = recipe->epochs,
        .steps = recipe->steps,
    };
    assay_status status =
        course_open(&t->course, t->train.feed.lengths, t->train.feed.rows, &options, error);
    if (status != ASSAY_OK)
        return status;
    t->schedule =
        (struct schedule){.kind = recipe->schedule.name == RECIPE_LINEAR   ? SCHEDULE_LINEAR
                                  : recipe->schedule.name == RECIPE_COSINE ? SCHEDULE_COSINE
                                                                           : SCHEDULE_CONSTANT,
                          .lr = recipe->optimizer.lr,
                          .steps = course_steps(t->course)};
    if (!schedule_warmup(&t->schedule.warmup, recipe->schedule.warmup, t->schedule.steps) ||
        t->schedule.warmup > t->schedule.steps) {
        error_set(error, ASSAY_ERROR_ARGUMENT, "the warm-up has more steps than the training");
        error_at_place(error, "schedule.warmup");
        error_expected(error, "at most %" PRId64, t->schedule.steps);
        return ASSAY_ERROR_ARGUMENT;
    }
    return ASSAY_OK;
}

/* What a checkpoint must have been made from: the recipe and the data's bytes. */
static assay_status set_fingerprint(assay_training *t, assay_error *error)
{
    uint64_t recipe;
    assay_status status = recipe_fingerprint(&recipe, &t->recipe, error);
    if (status == ASSAY_OK)
        snprintf(t->fingerprint, sizeof t->fingerprint, "%016" PRIx64 "-%.*s", recipe,
                 TRAINING_FINGERPRINT_DIGITS, t->train.feed.data.fingerprint);
    t->counters.seed = (uint64_t)t->recipe.seed;
    memcpy(t->counters.recipe, t->fingerprint, sizeof t->fingerprint);
    return status;
}

static assay_status open_all(assay_training *t, const char *recipe, const char *const *words,
                             size_t word_count, assay_error *error)
{
    assay_status status = recipe_read(&t->recipe, recipe, words, word_count, error);
    if (status == ASSAY_OK)
        status = assay_model_folder(&t->base_folder, t->recipe.base, error);
    if (status == ASSAY_OK && t->recipe.data.test)
        training_note(t, "data.test is written into recipe.yaml; training does not use it");
    if (status == ASSAY_OK)
        status = read_limit(t, error);
    if (status == ASSAY_OK)
        status = read_all_data(t, error);
    if (status == ASSAY_OK)
        status = make_feeds(t, error);
    if (status == ASSAY_OK && t->recipe.task == RECIPE_CLASSIFY)
        status = training_read_cleaning(t, error);
    if (status == ASSAY_OK)
        status = open_model(t, error);
    if (status == ASSAY_OK)
        status = open_course(t, error);
    if (status == ASSAY_OK)
        status = set_fingerprint(t, error);
    if (status != ASSAY_OK)
        return status;
    t->settings.task = t->recipe.task;
    t->settings.class_weights = t->labels.weights;
    t->settings.label_smoothing = t->recipe.label_smoothing;
    t->settings.recompute = t->recipe.recompute == RECIPE_RECOMPUTE_LAYERS;
    t->settings.seed = (uint64_t)t->recipe.seed;
    t->settings.precision = model_precision(t->recipe.precision);
    t->settings.threads = t->options.threads;
    return stepper_open(&t->stepper, t->model, &t->settings, error);
}

assay_status assay_training_open(assay_training **out, const char *recipe, const char *const *words,
                                 size_t word_count, const assay_training_options *options,
                                 assay_error *error)
{
    if (!out)
        return error_needs(error, __func__, "out");
    *out = NULL;
    if (error_list(error, words, word_count, "words"))
        return ASSAY_ERROR_ARGUMENT;
    const assay_training_options usual = ASSAY_TRAINING_OPTIONS_INIT;
    if (!options)
        options = &usual;
    if (error_options(error, options->struct_size, sizeof *options, "ASSAY_TRAINING_OPTIONS_INIT"))
        return ASSAY_ERROR_ARGUMENT;
    assay_training *training = memory_allocate_zeroed(1, sizeof *training);
    if (!training)
        return error_memory(error, sizeof *training);
    training->options = *options;
    assay_status status = open_all(training, recipe, words, word_count, error);
    if (status != ASSAY_OK) {
        assay_training_close(training);
        return status;
    }
    *out = training;
    return ASSAY_OK;
}

static void close_rows(struct training_rows *rows)
{
    dataset_close(rows->dataset);
    memory_free(rows->sample);
    memory_free(rows->label_of);
    memory_free(rows->lengths);
}

void assay_training_close(assay_training *t)
{
    if (!t)
        return;
    optimizer_close(t->optimizer);
    course_close(t->course);
    stepper_close(t->stepper);
    assay_model_close(t->model);
    label_set_free(&t->labels);
    cleaning_record_free(&t->cleaning);
    close_rows(&t->train);
    if (t->calibration.shares_valid)
        t->calibration.rows.dataset = NULL;
    close_rows(&t->calibration.rows);
    memory_free(t->calibration.group);
    calibration_free(&t->calibration.fitted);
    close_rows(&t->valid);
    memory_free(t->special_tokens);
    assay_string_free(t->base_folder);
    recipe_free(&t->recipe);
    memory_free(t);
}

const char *assay_training_label(const assay_training *t, int32_t index)
{
    return t && index >= 0 && index < t->labels.count ? t->labels.names[index] : NULL;
}

assay_status assay_training_recipe(const assay_training *t, char **yaml, assay_error *error)
{
    if (!yaml)
        return error_needs(error, __func__, "yaml");
    *yaml = NULL;
    if (!t)
        return error_needs(error, __func__, "a training");
    struct buffer text = {0};
    assay_status status = recipe_write(&text, &t->recipe, error);
    if (status == ASSAY_OK && !(*yaml = memory_copy_bytes(text.bytes, text.length)))
        status = error_memory(error, text.length);
    buffer_free(&text);
    return status;
}

assay_status training_prepare(assay_training *t, assay_error *error)
{
    if (t->optimizer)
        return ASSAY_OK;
    const struct recipe *recipe = &t->recipe;
    struct optimizer_settings settings = {.beta1 = recipe->optimizer.betas[0],
                                          .beta2 = recipe->optimizer.betas[1],
                                          .epsilon = recipe->optimizer.eps,
                                          .weight_decay = recipe->optimizer.weight_decay,
                                          .average = recipe->ema};
    assay_status status = parameter_set_train(t->model->parameters, choose, t, error);
    if (status != ASSAY_OK)
        return status;
    model_release_read_weights(t->model);
    return optimizer_open(&t->optimizer, t->model->parameters, &settings, error);
}
