/* Scores of a model. */
#include "report/scorer.h"

#include "base/error.h"
#include "base/memory.h"
#include "detect/score.h"

#include <string.h>
#include <strings.h>

struct model_context {
    assay_model *model;
    assay_session *session;
    assay_model_info info;
    int32_t max_tokens;
};

static void close_model(void *context)
{
    struct model_context *own = context;
    assay_session_close(own->session);
    assay_model_close(own->model);
    memory_free(own);
}

void scorer_close(struct scorer *scorer)
{
    if (scorer->context && scorer->close)
        scorer->close(scorer->context);
    name_table_free(&scorer->labels);
    *scorer = (struct scorer){0};
}

static assay_status score_texts(struct scorer *scorer, struct score_batch *batch,
                                assay_error *error)
{
    struct model_context *own = scorer->context;
    int32_t classes = scorer->labels.count;
    assay_text_result results[SCORE_BATCH_ROWS];
    assay_status status = assay_session_classify(own->session, batch->logits, results, batch->texts,
                                                 batch->count, error);
    if (status) {
        /* The session counts the rows of its call. */
        int64_t row = error ? error->row : 0;
        if (row > 0 && row <= batch->count && !error->file[0]) {
            error_at_file(error, batch->file);
            error->row = batch->lines[row - 1];
        }
        return status;
    }
    for (int64_t i = 0; i < batch->count; i++) {
        const float *logits = batch->logits + i * classes;
        batch->predicted[i] = score_most_probable(logits, classes);
        batch->confidences[i] = score_log_odds(logits, classes, batch->predicted[i]);
        batch->tokens[i] = results[i].tokens;
        if (scorer->positive >= 0) {
            batch->scores[i] = score_log_odds(logits, classes, scorer->positive);
            batch->log_odds[i] =
                detect_score(logits, classes, scorer->positive, scorer->temperature);
        }
        score_probabilities(batch->probabilities + i * classes, logits, classes,
                            scorer->temperature);
    }
    return ASSAY_OK;
}

static assay_status take_labels(struct scorer *out, const struct model_context *own,
                                assay_error *error)
{
    for (int32_t i = 0; i < own->info.labels; i++) {
        const char *label = assay_model_label(own->model, i);
        if (name_table_add(&out->labels, label ? label : "") < 0)
            return error_memory(error, 1);
        if (out->labels.count == i + 1)
            continue;
        error_set(error, ASSAY_ERROR_FORMAT, "two labels of the model have one name");
        error_at_file(error, own->info.folder);
        error_found(error, "\"%.60s\"", label);
        return ASSAY_ERROR_FORMAT;
    }
    return ASSAY_OK;
}

static assay_status check_head(const assay_model_info *info, assay_error *error)
{
    if ((info->heads & ASSAY_HEAD_CLASSIFY) && info->labels > 1)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_UNSUPPORTED,
              info->labels == 1 ? "the model has one label: a score, not a choice"
                                : "the model has no classification head: it cannot judge texts "
                                  "before it is trained to");
    error_at_file(error, info->folder);
    error_found(error, "%s", info->architecture);
    return ASSAY_ERROR_UNSUPPORTED;
}

assay_status scorer_open_model(struct scorer *out, const struct model_scorer_options *options,
                               assay_error *error)
{
    *out = (struct scorer){.positive = -1, .temperature = options->temperature};
    struct model_context *own = memory_allocate_zeroed(1, sizeof *own);
    if (!own)
        return error_memory(error, sizeof *own);
    out->context = own;
    out->close = close_model;
    out->score = score_texts;
    out->has_logits = out->has_probabilities = out->has_scores = out->has_predictions = true;
    own->max_tokens = options->session.max_tokens;
    assay_status status = assay_model_open(&own->model, options->folder, error);
    if (!status) {
        assay_model_get_info(own->model, &own->info);
        status = check_head(&own->info, error);
    }
    if (!status)
        status = assay_session_open(&own->session, own->model, &options->session, error);
    if (!status)
        status = take_labels(out, own, error);
    if (status)
        scorer_close(out);
    return status;
}

assay_precision scorer_precision(const struct scorer *scorer)
{
    const struct model_context *own = scorer->context;
    return scorer->close == close_model ? assay_session_precision(own->session)
                                        : ASSAY_PRECISION_HIGHEST;
}

int32_t scorer_max_tokens(const struct scorer *scorer)
{
    const struct model_context *own = scorer->context;
    return scorer->close == close_model ? own->max_tokens : 0;
}

const char *scorer_family(const struct scorer *scorer)
{
    const struct model_context *own = scorer->context;
    return scorer->close == close_model ? own->info.family : NULL;
}

static assay_status unknown_positive(const struct name_table *labels, const char *asked,
                                     assay_error *error)
{
    char list[ASSAY_ERROR_DETAIL_SIZE - 16];
    error_set(error, ASSAY_ERROR_ARGUMENT, "the positive class is none of the labels");
    error_expected(error, "one of %s", name_table_list(labels, list, sizeof list));
    error_found(error, "\"%.60s\"", asked);
    return ASSAY_ERROR_ARGUMENT;
}

assay_status choose_positive(int32_t *positive, const char **from, const struct name_table *labels,
                             const char *asked, const char *card, assay_error *error)
{
    static const char *const words[] = {"ai", "machine", "fake", "generated", "1"};
    *positive = asked ? name_table_find(labels, asked) : -1;
    *from = "as asked for";
    if (asked)
        return *positive >= 0 ? ASSAY_OK : unknown_positive(labels, asked, error);
    *from = "as detector.json says";
    if (card && (*positive = name_table_find(labels, card)) >= 0)
        return ASSAY_OK;
    *from = "by its name";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        for (int32_t j = 0; j < labels->count; j++) {
            if (strcasecmp(labels->names[j], words[i]) == 0) {
                *positive = j;
                return ASSAY_OK;
            }
        }
    }
    *from = "none: no label is asked for or has the name of a detector's positive class";
    if (labels->count == 2) {
        *positive = 1;
        *from = "the second of the two labels, because nothing says which is meant";
    }
    return ASSAY_OK;
}
