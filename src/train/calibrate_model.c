/* Calibrating a model that is there already: rows through the cache of tokens, logits from a
 * session as detect opens it, the calibration into detector.json. */
#include "assay/detect.h"
#include "base/error.h"
#include "base/file.h"
#include "base/home.h"
#include "base/memory.h"
#include "dataset/row_groups.h"
#include "detect/rates.h"
#include "detect/score.h"
#include "models/model.h"
#include "train/calibrate.h"
#include "train/file_cleaning.h"
#include "train/labels.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FIELDS = 4, SCORED_TOKENS = 32768 };

struct work {
    const assay_calibration_options *options;
    const char *folder, *data;
    assay_model *model;
    struct detector card;
    struct label_set labels;
    struct label_renames renames;
    assay_session *session;
    struct recipe_map fields;
    struct recipe_entry entries[FIELDS];
    struct dataset *dataset;
    struct row_feed feed;
    int32_t *label_of;
    uint64_t *group;
    float *logits;
    struct calibration fitted;
    char rows_sha256[SHA256_HEX_SIZE];
};

static void tell(const struct work *w, int64_t done, int64_t total, const char *note)
{
    if (w->options->progress)
        w->options->progress(w->options->context, done, total, note);
}

/* Strings stay the caller's. */
static void name_fields(struct work *w)
{
    static const char *const usual[FIELDS] = {"text", "pair", "id", "label"};
    const char *given[FIELDS] = {w->options->text_field, w->options->pair_field,
                                 w->options->id_field, w->options->label_field};
    w->fields.entries = w->entries;
    for (int i = 0; i < FIELDS; i++) {
        if (given[i])
            w->entries[w->fields.count++] =
                (struct recipe_entry){.key = (char *)usual[i], .text = (char *)given[i]};
    }
}

static assay_status check_card(const struct work *w, assay_error *error)
{
    const struct detector *card = &w->card;
    bool same = !card->present || card->label_count == w->labels.count;
    for (int32_t i = 0; card->present && same && i < card->label_count; i++)
        same = strcmp(card->labels[i], w->labels.names[i]) == 0;
    if (same)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_FORMAT,
              "detector.json and config.json do not name the same labels");
    error_at_file(error, w->folder);
    error_at_place(error, "labels");
    return ASSAY_ERROR_FORMAT;
}

static assay_status find_positive(struct work *w, assay_error *error)
{
    const char *wanted = w->options->positive;
    if (!wanted && w->card.present) {
        w->labels.positive = w->card.positive;
        return ASSAY_OK;
    }
    w->labels.positive = detector_find_positive(w->labels.names, w->labels.count, wanted);
    if (!wanted || w->labels.positive >= 0)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_ARGUMENT, "the positive class is none of the model's labels");
    error_at_place(error, "positive");
    error_expected(error, "\"%.40s\", \"%.40s\"%s", w->labels.names[0],
                   w->labels.count > 1 ? w->labels.names[1] : "",
                   w->labels.count > 2 ? ", ..." : "");
    error_found(error, "\"%.60s\"", wanted);
    return ASSAY_ERROR_ARGUMENT;
}

static assay_status open_model(struct work *w, assay_error *error)
{
    assay_status status = assay_model_open(&w->model, w->folder, error);
    if (status != ASSAY_OK)
        return status;
    assay_model_info info;
    assay_model_get_info(w->model, &info);
    if (!(info.heads & ASSAY_HEAD_CLASSIFY) || info.labels < 2) {
        error_set(error, ASSAY_ERROR_UNSUPPORTED,
                  "only a classifier of two labels or more has probabilities to calibrate");
        error_at_file(error, w->folder);
        error_found(error, "%s, %d labels", info.architecture, (int)info.labels);
        return ASSAY_ERROR_UNSUPPORTED;
    }
    if (!w->model->tokenizer) {
        error_set(error, ASSAY_ERROR_NOT_FOUND, "the model folder has no tokenizer");
        error_at_file(error, w->folder);
        return ASSAY_ERROR_NOT_FOUND;
    }
    w->labels.names = memory_allocate((size_t)info.labels, sizeof *w->labels.names);
    if (!w->labels.names)
        return error_memory(error, (size_t)info.labels * sizeof *w->labels.names);
    w->labels.count = info.labels;
    for (int32_t i = 0; i < info.labels; i++)
        w->labels.names[i] = assay_model_label(w->model, i);
    status = detector_read(&w->card, w->folder, error);
    if (status == ASSAY_OK)
        status = check_card(w, error);
    return status == ASSAY_OK ? find_positive(w, error) : status;
}

static assay_status open_session(struct work *w, assay_error *error)
{
    assay_session_options options = ASSAY_SESSION_OPTIONS_INIT;
    options.threads = w->options->threads;
    options.precision = w->options->precision_given ? w->options->precision : w->card.precision;
    options.max_tokens = w->options->max_tokens ? w->options->max_tokens : w->card.max_tokens;
    return assay_session_open(&w->session, w->model, &options, error);
}

static void reading(void *context, int64_t rows, uint64_t done, uint64_t total, const char *note)
{
    (void)rows;
    (void)done;
    (void)total;
    if (note)
        tell(context, 0, 0, note);
}

static assay_status check_renames(const struct work *w, assay_error *error)
{
    const struct dataset_view *data = &w->feed.data;
    for (size_t i = 0; i < w->renames.count; i++) {
        bool used = false;
        for (int32_t c = 0; c < data->class_count && !used; c++)
            used = !strcmp(w->renames.entries[i].from, data->class_names[c]);
        if (!used)
            return label_renames_unused(&w->renames, i, w->data, error);
    }
    return ASSAY_OK;
}

static assay_status read_rows(struct work *w, assay_error *error)
{
    char *home = NULL, *cache = NULL;
    assay_status status = home_folder(&home, error);
    if (status != ASSAY_OK)
        return status;
    cache = path_join(home, "tokens");
    struct dataset_request request = {
        .path = w->data,
        .fields = &w->fields,
        .labels = DATASET_CLASSES,
        .tokenizer = w->model->tokenizer,
        .tokenizer_folder = w->folder,
        .max_tokens = assay_session_max_tokens(w->session),
        .cache_folder = cache,
        .progress = reading,
        .context = w,
    };
    status = cache ? dataset_open(&w->dataset, &request, error) : error_memory(error, strlen(home));
    memory_free(home);
    memory_free(cache);
    if (status != ASSAY_OK)
        return status;
    dataset_get(w->dataset, &w->feed.data);
    w->feed.rows = w->feed.data.rows;
    w->feed.lengths = w->feed.data.lengths;
    status = check_renames(w, error);
    if (status == ASSAY_OK)
        status = label_set_map(&w->label_of, &w->labels, &w->renames, w->dataset, error);
    w->feed.label_of = w->label_of;
    if (status == ASSAY_OK && w->options->group_field)
        status = row_groups_read(&w->group, w->dataset, &w->fields, w->options->group_field, error);
    return status;
}

static assay_status check_unseen(const struct work *w, assay_error *error)
{
    const char *sum = w->feed.data.fingerprint;
    if (strcmp(sum, w->card.train_sha256) == 0) {
        error_set(error, ASSAY_ERROR_ARGUMENT,
                  "the model was trained on these rows: they cannot calibrate it");
        error_at_file(error, w->data);
        error_expected(error, "rows that training has not seen");
        error_found(error, "the SHA-256 of data.train in detector.json");
        return ASSAY_ERROR_ARGUMENT;
    }
    if (w->card.selected && strcmp(sum, w->card.valid_sha256) == 0)
        tell(w, 0, 0,
             "these rows chose the model's weights, so its false alarms may be more than they say");
    return ASSAY_OK;
}

/* Thresholds are of the texts that they were fitted on. */
static assay_status mind_cleaning(const struct work *w, assay_error *error)
{
    struct cleaning_record rows;
    bool known;
    if (!w->card.cleaning.count)
        return ASSAY_OK;
    assay_status status =
        file_cleaning_read(&rows, &known, w->data, w->feed.data.fingerprint, NULL);
    if (status == ASSAY_ERROR_MEMORY)
        return error_memory(error, 1);
    if (!cleaning_record_same(&rows, &w->card.cleaning))
        tell(w, 0, 0,
             "the texts of the training were cleaned, and nothing says that these were cleaned "
             "alike: texts that detect cleans are not like the ones that set these thresholds");
    cleaning_record_free(&rows);
    return ASSAY_OK;
}

/* Rows in the order of the data, so many tokens a call; the session orders them itself. */
static assay_status score_rows(struct work *w, assay_error *error)
{
    const struct dataset_view *data = &w->feed.data;
    size_t labels = (size_t)w->labels.count, all;
    int32_t *offsets = memory_allocate(SCORED_TOKENS + 2, sizeof *offsets);
    assay_status status = ASSAY_OK;
    if (!checked_multiply(&all, (size_t)data->rows, labels) || !offsets ||
        !(w->logits = memory_allocate(all, sizeof *w->logits)))
        status = error_memory(error, (size_t)data->rows * labels * sizeof *w->logits);
    for (int64_t first = 0; status == ASSAY_OK && first < data->rows;) {
        int64_t count = 0, begin = data->offsets[first];
        do {
            offsets[count] = (int32_t)(data->offsets[first + count] - begin);
            count++;
        } while (first + count < data->rows &&
                 data->offsets[first + count + 1] - begin <= SCORED_TOKENS);
        offsets[count] = (int32_t)(data->offsets[first + count] - begin);
        status = assay_session_classify_ids(
            w->session, w->logits + (size_t)first * labels, data->ids + begin,
            data->types ? data->types + begin : NULL, offsets, count, error);
        first += count;
        tell(w, first, data->rows, NULL);
    }
    memory_free(offsets);
    return status == ASSAY_OK ? dataset_check(w->dataset, error) : status;
}

static assay_status fit(struct work *w, assay_error *error)
{
    struct calibrate_request request = {
        .feed = &w->feed,
        .logits = w->logits,
        .group = w->group,
        .names = w->labels.names,
        .labels = w->labels.count,
        .positive = w->labels.positive,
    };
    return calibrate_feed(&w->fitted, w->rows_sha256, &request, error);
}

static assay_status save(const struct work *w, assay_error *error)
{
    struct detector_card card = {w->labels.names, w->labels.count, w->labels.positive};
    struct calibration_source source = {
        .path = w->data,
        .part = "all",
        .sha256 = w->feed.data.fingerprint,
        .rows_sha256 = w->rows_sha256,
        .group = w->options->group_field,
        .renames = &w->renames,
        .seed = -1,
        .precision = assay_session_precision(w->session),
        .max_tokens = assay_session_max_tokens(w->session),
    };
    return detector_rewrite(w->folder, &card, &w->fitted, &source, error);
}

static void fill_point(struct assay_calibration_point *out, const struct calibration *c,
                       const struct calibration_point *point)
{
    *out = (struct assay_calibration_point){
        .fpr = point->fpr,
        .threshold = detect_probability((double)point->threshold),
        .achieved = point->achieved,
        .low = point->achieved_low,
        .high = point->achieved_high,
        .tpr = point->tpr,
        .tpr_low = point->tpr_low,
        .tpr_high = point->tpr_high,
    };
    rates_expected(&out->expected_low, &out->expected_high,
                   calibration_rank(point->fpr, c->negatives), c->negatives, c->negatives,
                   point->design_effect);
}

static void fill_result(const struct work *w, assay_calibration_result *out)
{
    const struct calibration *c = &w->fitted;
    *out = (assay_calibration_result){
        .rows = c->rows,
        .negatives = c->negatives,
        .positives = c->positives,
        .groups = c->groups,
        .temperature = calibration_divisor(c),
        .points = c->point_count,
        .refused = c->refused_count,
        .least_tokens = c->least_tokens,
        .most_tokens = c->most_tokens,
        .precision = assay_session_precision(w->session),
        .max_tokens = assay_session_max_tokens(w->session),
    };
    snprintf(out->temperature_reason, sizeof out->temperature_reason, "%s", c->temperature_reason);
    for (int i = 0; i < c->point_count; i++)
        fill_point(&out->point[i], c, &c->points[i]);
    for (int i = 0; i < c->refused_count; i++)
        snprintf(out->refusals[i], sizeof out->refusals[i], "%s", c->refused[i].reason);
}

assay_status assay_calibrate(const char *folder, const char *data,
                             const assay_calibration_options *options,
                             assay_calibration_result *result, assay_error *error)
{
    if (!folder || !data || !result)
        return error_needs(error, __func__, "a folder, data and result");
    const assay_calibration_options usual = ASSAY_CALIBRATION_OPTIONS_INIT;
    struct work w = {.options = options ? options : &usual, .folder = folder, .data = data};
    w.renames = (struct label_renames){w.options->renames, w.options->rename_count};
    *result = (assay_calibration_result){0};
    if (error_options(error, w.options->struct_size, sizeof *w.options,
                      "ASSAY_CALIBRATION_OPTIONS_INIT"))
        return ASSAY_ERROR_ARGUMENT;
    name_fields(&w);
    assay_status status = label_renames_check(&w.renames, error);
    if (status == ASSAY_OK)
        status = open_model(&w, error);
    if (status == ASSAY_OK)
        status = label_renames_check_targets(&w.renames, w.labels.names, w.labels.count, error);
    if (status == ASSAY_OK)
        status = open_session(&w, error);
    if (status == ASSAY_OK)
        status = read_rows(&w, error);
    if (status == ASSAY_OK)
        status = check_unseen(&w, error);
    if (status == ASSAY_OK)
        status = mind_cleaning(&w, error);
    if (status == ASSAY_OK)
        status = score_rows(&w, error);
    if (status == ASSAY_OK)
        status = fit(&w, error);
    if (status == ASSAY_OK)
        status = save(&w, error);
    if (status == ASSAY_OK)
        fill_result(&w, result);
    calibration_free(&w.fitted);
    memory_free(w.logits);
    memory_free(w.group);
    memory_free(w.label_of);
    dataset_close(w.dataset);
    assay_session_close(w.session);
    label_set_free(&w.labels);
    detector_free(&w.card);
    assay_model_close(w.model);
    return status;
}
