#include "report/baselines.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/fingerprint.h"
#include "data/text_features.h"
#include "report/linear_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char linear_name[] = "character n-grams";
static const char linear_description[] = "logistic regression on hashed character 2- to 4-grams";

struct work {
    const struct baselines_request *request;
    struct baselines *out;
    struct linear_rows *rows;
    struct linear_model *model;
    double *linear_scores; /* (test rows) */
    uint64_t *texts;       /* of the test rows, sorted */
    uint8_t *text_seen;    /* (texts) */
    uint8_t *group_seen;   /* (groups of the test) */
    uint8_t *positive;     /* flags of the test rows */
};

/* What is done with each row of a file. */
typedef assay_status row_taker(struct work *w, assay_rows *rows, const assay_row *row,
                               bool positive, assay_error *error);

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The files that detector.json names have the model's labels; what the caller names is renamed. */
static assay_status each_row(struct work *w, const char *path, bool is_callers, const char *what,
                             row_taker *take, assay_error *error)
{
    const struct walk_request *walk = w->request->walk;
    assay_rows_options options = ASSAY_ROWS_OPTIONS_INIT;
    if (walk->rows)
        options = *walk->rows;
    options.format = ASSAY_ROWS_BY_NAME;
    if (strcmp(path, walk->path) == 0 && walk->rows)
        options.format = walk->rows->format;
    assay_rows *rows = NULL;
    assay_row row = {0};
    assay_status status = assay_rows_open(&rows, path, &options, error);
    int64_t done = 0;
    while (!status) {
        status = assay_rows_next(rows, &row, error);
        if (status || !row.text)
            break;
        if (row.label) {
            const char *label =
                is_callers ? label_renames_apply(&walk->renames, row.label) : row.label;
            status = take(w, rows, &row, strcmp(label, w->request->positive) == 0, error);
        }
        if (walk->listen && done % 256 == 0)
            walk->listen(walk->context, what, done, 0);
        done++;
    }
    assay_rows_close(rows);
    return status;
}

/* The row among those of the test, by its hash. */
static void look_for_overlap(struct work *w, assay_rows *rows, const assay_row *row)
{
    const struct walk_result *test = w->request->test;
    uint64_t hash = random_hash_bytes(row->text, row->text_length);
    int64_t low = 0, high = test->table.rows;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (w->texts[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < test->table.rows && w->texts[low] == hash && !w->text_seen[low]; low++) {
        w->text_seen[low] = 1;
        w->out->shared_rows++;
    }
    size_t length;
    const char *group =
        *test->cluster_field ? assay_rows_field(rows, test->cluster_field, &length) : NULL;
    int32_t number = group ? name_table_find(&test->groups, group) : -1;
    if (number >= 0 && !w->group_seen[number]) {
        w->group_seen[number] = 1;
        w->out->shared_groups++;
    }
}

static assay_status take_training_row(struct work *w, assay_rows *rows, const assay_row *row,
                                      bool positive, assay_error *error)
{
    double values[TEXT_FEATURE_COUNT];
    look_for_overlap(w, rows, row);
    assay_status status = text_features(values, row->text, row->text_length, error);
    return status ? status
                  : linear_rows_add(w->rows, row->text, row->text_length, positive, values, error);
}

/* Scores of validation or test rows, as they come. */
struct score_list {
    double *scores;
    uint8_t *positive;
    int64_t rows, room;
};

static assay_status list_add(struct score_list *list, double score, bool positive,
                             assay_error *error)
{
    if (list->rows == list->room) {
        int64_t room = list->room ? list->room * 2 : 256;
        double *scores = memory_resize(list->scores, (size_t)room, sizeof *scores);
        if (scores)
            list->scores = scores;
        uint8_t *flags = scores ? memory_resize(list->positive, (size_t)room, 1) : NULL;
        if (!flags)
            return error_memory(error, (size_t)room * sizeof *scores);
        list->positive = flags;
        list->room = room;
    }
    list->scores[list->rows] = score;
    list->positive[list->rows++] = positive;
    return ASSAY_OK;
}

struct scoring_work {
    struct work work; /* first: takers get its address */
    struct score_list list;
};

static assay_status take_scored_row(struct work *w, assay_rows *rows, const assay_row *row,
                                    bool positive, assay_error *error)
{
    struct scoring_work *scoring = (struct scoring_work *)w;
    double score;
    (void)rows;
    assay_status status = linear_model_score(w->model, &score, row->text, row->text_length, error);
    return status ? status : list_add(&scoring->list, score, positive, error);
}

/* Scores a file by the linear model; the list's arrays go to the caller. */
static assay_status score_file(struct score_list *out, struct work *w, const char *path,
                               bool is_callers, const char *what, assay_error *error)
{
    struct scoring_work scoring = {.work = *w};
    assay_status status = each_row(&scoring.work, path, is_callers, what, take_scored_row, error);
    *out = scoring.list;
    return status;
}

static void list_free(struct score_list *list)
{
    memory_free(list->scores);
    memory_free(list->positive);
    *list = (struct score_list){0};
}

/* Whether a file is what detector.json saw. *known is false without a fingerprint. */
static assay_status check_file(bool *same, bool *known, char hex[SHA256_HEX_SIZE], const char *path,
                               const char *expected, assay_error *error)
{
    *known = expected && *expected;
    assay_status status = fingerprint_hex(hex, path, error);
    *same = !status && *known && strcmp(hex, expected) == 0;
    return status;
}

static double feature_auroc(const struct work *w, const struct linear_rows *rows, int feature,
                            bool *failed)
{
    bool train = rows != NULL;
    int64_t count = train ? linear_rows_count(rows) : w->request->test->table.rows;
    double *values = memory_allocate((size_t)count + 1, sizeof *values), area = (double)NAN;
    uint8_t *flags = memory_allocate((size_t)count + 1, sizeof *flags);
    struct ranking ranking = {0};
    for (int64_t i = 0; values && flags && i < count; i++) {
        values[i] = train ? linear_rows_value(rows, i, feature)
                          : (double)w->request->test->features[i * TEXT_FEATURE_COUNT + feature];
        flags[i] = train ? linear_rows_positive(rows, i) : w->positive[i];
    }
    if (values && flags && ranking_make(&ranking, values, count))
        area = ranking_auroc(&ranking, flags, NULL);
    else
        *failed = true;
    ranking_free(&ranking);
    memory_free(values);
    memory_free(flags);
    return area;
}

static int by_training(const void *a, const void *b)
{
    const struct baseline *x = a, *y = b;
    double p = isnan(x->train_auroc) ? 0.0 : x->train_auroc;
    double q = isnan(y->train_auroc) ? 0.0 : y->train_auroc;
    if (p != q)
        return p < q ? 1 : -1;
    return x->feature < y->feature ? -1 : x->feature > y->feature;
}

static assay_status judge_features(struct work *w, assay_error *error)
{
    struct baselines *out = w->out;
    bool failed = false;
    out->items = memory_allocate_zeroed(TEXT_FEATURE_COUNT + 1, sizeof *out->items);
    if (!out->items)
        return error_memory(error, TEXT_FEATURE_COUNT * sizeof *out->items);
    out->items[0] = (struct baseline){.name = linear_name,
                                      .description = linear_description,
                                      .feature = -1,
                                      .train_auroc = (double)NAN};
    out->count = 1;
    for (int f = 0; f < TEXT_FEATURE_COUNT; f++) {
        struct baseline *item = &out->items[out->count++];
        *item = (struct baseline){
            .name = text_feature_name(f), .description = text_feature_description(f), .feature = f};
        item->train_auroc = feature_auroc(w, w->rows, f, &failed);
        item->auroc = feature_auroc(w, NULL, f, &failed);
        item->falls = item->train_auroc < 0.5;
        if (item->falls) {
            item->train_auroc = 1.0 - item->train_auroc;
            item->auroc = 1.0 - item->auroc;
        }
    }
    if (failed)
        return error_memory(error, 1);
    qsort(out->items + 1, (size_t)out->count - 1, sizeof *out->items, by_training);
    return ASSAY_OK;
}

/* The lowest threshold that keeps the rate on the validation rows. */
static assay_status find_threshold(struct work *w, assay_error *error)
{
    struct baselines *out = w->out;
    struct score_list list = {0};
    struct ranking ranking = {0};
    struct rate_point point = {0};
    char hex[SHA256_HEX_SIZE];
    bool same, known;
    const char *path = w->request->valid;
    if (!path) {
        snprintf(out->threshold_reason, sizeof out->threshold_reason,
                 "there are no validation rows to set it on");
        return ASSAY_OK;
    }
    assay_status status = check_file(&same, &known, hex, path, w->request->valid_sha256, error);
    if (!status && known && !same && !w->request->valid_asked) {
        snprintf(out->threshold_reason, sizeof out->threshold_reason,
                 "the validation file has changed since training");
        return ASSAY_OK;
    }
    if (!status)
        status = score_file(&list, w, path, w->request->valid_asked, "baselines: validation rows",
                            error);
    if (!status && !ranking_make(&ranking, list.scores, list.rows))
        status = error_memory(error, (size_t)list.rows * sizeof *list.scores);
    if (!status)
        ranking_at_rate(&point, &ranking, list.positive, NULL, BASELINE_RATE);
    if (!status && point.flagged && point.negatives >= 1.0 / BASELINE_RATE) {
        out->threshold = list.scores[ranking.order[point.last]];
        out->valid_path = memory_copy_string(path);
        if (!out->valid_path)
            status = error_memory(error, strlen(path));
    } else if (!status) {
        snprintf(out->threshold_reason, sizeof out->threshold_reason,
                 "the validation rows set none at 5 %% false alarms");
    }
    ranking_free(&ranking);
    list_free(&list);
    if (status && !w->request->valid_asked && status != ASSAY_ERROR_MEMORY) {
        snprintf(out->threshold_reason, sizeof out->threshold_reason,
                 "the validation rows cannot be read any more");
        status = ASSAY_OK;
    }
    return status;
}

static void judge_threshold(struct work *w)
{
    struct baselines *out = w->out;
    double positives = 0.0, negatives = 0.0;
    out->accuracy = (double)NAN;
    out->tpr = out->fpr = (struct interval){(double)NAN, (double)NAN};
    if (isnan(out->threshold))
        return;
    for (int64_t i = 0; i < w->request->test->table.rows; i++) {
        bool flagged = w->linear_scores[i] >= out->threshold;
        positives += w->positive[i];
        negatives += !w->positive[i];
        out->true_positives += flagged && w->positive[i];
        out->false_positives += flagged && !w->positive[i];
    }
    out->accuracy =
        (out->true_positives + negatives - out->false_positives) / (positives + negatives);
    out->tpr = interval_wilson(out->true_positives, positives, RESAMPLE_CONFIDENCE);
    out->fpr = interval_wilson(out->false_positives, negatives, RESAMPLE_CONFIDENCE);
}

static double signed_value(const struct work *w, const struct baseline *item, int64_t row)
{
    if (item->feature < 0)
        return w->linear_scores[row];
    double value = (double)w->request->test->features[row * TEXT_FEATURE_COUNT + item->feature];
    return item->falls ? -value : value;
}

/* The judged scores against the linear model and the best features. */
static assay_status judge_all(struct work *w, assay_error *error)
{
    struct baselines *out = w->out;
    const struct score_table *table = &w->request->test->table;
    struct ranking rankings[BASELINE_JUDGED + 2] = {{0}};
    struct contestant contestants[BASELINE_JUDGED + 2] = {{0}};
    struct contest_result results[BASELINE_JUDGED + 2];
    int judged = out->count < BASELINE_JUDGED + 1 ? out->count : BASELINE_JUDGED + 1;
    double *values = memory_allocate((size_t)table->rows + 1, sizeof *values);
    bool good =
        values && (!table->has_score || ranking_make(&rankings[0], table->score, table->rows));
    contestants[0].ranking = table->has_score ? &rankings[0] : NULL;
    for (int i = 0; i < judged && good; i++) {
        for (int64_t r = 0; r < table->rows; r++)
            values[r] = signed_value(w, &out->items[i], r);
        good = ranking_make(&rankings[i + 1], values, table->rows);
        contestants[i + 1].ranking = &rankings[i + 1];
    }
    assay_status status =
        good ? contest_judge(results, contestants, judged + 1, w->positive, w->request->plan, error)
             : error_memory(error, (size_t)table->rows * sizeof *values);
    for (int i = 0; i < judged && !status; i++) {
        out->items[i].result = results[i + 1];
        out->items[i].auroc = results[i + 1].auroc.value;
        out->items[i].judged = true;
        out->judged++;
    }
    for (int i = 0; i <= judged; i++)
        ranking_free(&rankings[i]);
    memory_free(values);
    return status;
}

static assay_status prepare(struct work *w, assay_error *error)
{
    const struct walk_result *test = w->request->test;
    size_t rows = (size_t)test->table.rows;
    w->texts = memory_allocate(rows + 1, sizeof *w->texts);
    w->text_seen = memory_allocate_zeroed(rows + 1, 1);
    w->group_seen = memory_allocate_zeroed((size_t)test->groups.count + 1, 1);
    w->positive = memory_allocate(rows + 1, 1);
    if (!w->texts || !w->text_seen || !w->group_seen || !w->positive)
        return error_memory(error, rows * sizeof *w->texts);
    for (size_t i = 0; i < rows; i++) {
        w->texts[i] = test->table.text[i];
        w->positive[i] = test->table.label[i] == test->table.positive;
    }
    qsort(w->texts, rows, sizeof *w->texts, by_number);
    return linear_rows_open(&w->rows, TEXT_FEATURE_COUNT, error);
}

/* Flags nobody: right on every row that is not of the positive class. */
static void judge_nobody(struct baselines *out, const struct score_table *table)
{
    double negatives = 0.0;
    for (int64_t i = 0; i < table->rows; i++)
        negatives += table->label[i] != table->positive;
    out->nobody_accuracy = negatives / (double)table->rows;
    out->nobody_balanced_accuracy =
        negatives > 0.0 && negatives < (double)table->rows ? 0.5 : (double)NAN;
}

static void leave_out(struct baselines *out, const char *reason)
{
    snprintf(out->left_out, sizeof out->left_out, "%s", reason);
}

static assay_status read_training_rows(struct work *w, assay_error *error)
{
    const struct baselines_request *request = w->request;
    struct baselines *out = w->out;
    bool same, known;
    assay_status status =
        check_file(&same, &known, out->train_sha256, request->train, request->train_sha256, error);
    if (!status && known && !same && !request->train_asked) {
        snprintf(out->left_out, sizeof out->left_out,
                 "%.200s has changed since the model was trained on it; --train FILE names the "
                 "rows to use",
                 request->train);
        return ASSAY_OK;
    }
    if (!status && known && !same)
        snprintf(out->note, sizeof out->note,
                 "the training rows given are not the file that the model was trained on");
    out->verified = same;
    if (!status)
        status = each_row(w, request->train, request->train_asked, "baselines: training rows",
                          take_training_row, error);
    if (status && !request->train_asked && status != ASSAY_ERROR_MEMORY) {
        snprintf(out->left_out, sizeof out->left_out,
                 "%.200s, which the model was trained on, cannot be read any more; --train FILE "
                 "names the rows to use",
                 request->train);
        return ASSAY_OK;
    }
    out->train_path = memory_copy_string(request->train);
    out->train_rows = linear_rows_seen(w->rows);
    out->kept_rows = linear_rows_count(w->rows);
    if (!status && !out->train_path)
        status = error_memory(error, strlen(request->train));
    return status;
}

static bool has_both(const struct linear_rows *rows)
{
    int64_t positives = 0;
    for (int64_t i = 0; i < linear_rows_count(rows); i++)
        positives += linear_rows_positive(rows, i);
    return positives > 0 && positives < linear_rows_count(rows);
}

static assay_status train_and_judge(struct work *w, assay_error *error)
{
    struct score_list list = {0};
    assay_status status = linear_model_train(&w->model, w->rows, error);
    if (!status)
        status = score_file(&list, w, w->request->walk->path, true, "baselines: test rows", error);
    if (!status && list.rows != w->request->test->table.rows) {
        status = error_set(error, ASSAY_ERROR_CHANGED, "the file changed while it was in use");
        error_at_file(error, w->request->walk->path);
    }
    w->linear_scores = list.scores;
    list.scores = NULL;
    list_free(&list);
    if (!status)
        status = judge_features(w, error);
    if (!status)
        status = find_threshold(w, error);
    if (!status)
        status = judge_all(w, error);
    if (!status)
        judge_threshold(w);
    return status;
}

assay_status baselines_make(struct baselines *out, const struct baselines_request *request,
                            assay_error *error)
{
    *out = (struct baselines){.threshold = (double)NAN};
    struct work w = {.request = request, .out = out};
    if (!request->positive) {
        leave_out(out, "no label is the positive class");
        return ASSAY_OK;
    }
    judge_nobody(out, &request->test->table);
    if (!request->train) {
        leave_out(out, request->reason);
        return ASSAY_OK;
    }
    if (strcmp(request->walk->path, "-") == 0) {
        leave_out(out, "standard input cannot be read a second time");
        return ASSAY_OK;
    }
    assay_status status = prepare(&w, error);
    if (!status)
        status = read_training_rows(&w, error);
    if (!status && !out->left_out[0] && !has_both(w.rows))
        snprintf(out->left_out, sizeof out->left_out,
                 "the training rows are not of both classes: \"%.60s\" and others",
                 request->positive);
    else if (!status && !out->left_out[0])
        status = train_and_judge(&w, error);
    linear_rows_close(w.rows);
    linear_model_close(w.model);
    memory_free(w.linear_scores);
    memory_free(w.texts);
    memory_free(w.text_seen);
    memory_free(w.group_seen);
    memory_free(w.positive);
    if (status)
        baselines_free(out);
    return status;
}

void baselines_free(struct baselines *baselines)
{
    memory_free(baselines->train_path);
    memory_free(baselines->valid_path);
    memory_free(baselines->items);
    *baselines = (struct baselines){0};
}

const struct baseline *baselines_best(const struct baselines *baselines)
{
    const struct baseline *best = NULL;
    for (int i = 0; i < baselines->judged; i++) {
        if (!best || baselines->items[i].auroc > best->auroc)
            best = &baselines->items[i];
    }
    return best;
}
