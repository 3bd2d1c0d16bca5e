/* The public face of a detector: one operating point, and verdicts at it. */
#include "assay/detect.h"
#include "base/error.h"
#include "base/memory.h"
#include "detect/detector.h"
#include "detect/rates.h"
#include "detect/score.h"
#include "detect/temperature.h"
#include "models/model.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const double usual_rate = 0.05;

struct assay_detector {
    struct detector card;
    assay_model *model;
    int32_t labels;
    const struct calibration_point *point; /* NULL: the most probable label */
    char reason[ASSAY_REASON_SIZE];
};

/* The card must be of this model; a card that was moved beside other weights is worse than none. */
static assay_status check_labels(const assay_detector *d, const char *folder, assay_error *error)
{
    const struct detector *card = &d->card;
    for (int32_t i = 0; card->present && i < card->label_count; i++) {
        const char *label = assay_model_label(d->model, i);
        if (label && strcmp(label, card->labels[i]) == 0 && card->label_count == d->labels)
            continue;
        error_set(error, ASSAY_ERROR_FORMAT,
                  "detector.json and config.json do not name the same labels");
        error_at_file(error, folder);
        error_at_place(error, "labels");
        error_expected(error, "%d labels, \"%.40s\" among them", (int)d->labels,
                       label ? label : "");
        error_found(error, "%d labels, \"%.40s\"", (int)card->label_count, card->labels[i]);
        return ASSAY_ERROR_FORMAT;
    }
    return ASSAY_OK;
}

static const struct calibration_point *find_point(const struct calibration *c, double fpr)
{
    for (int i = 0; i < c->point_count; i++) {
        if (fabs(c->points[i].fpr - fpr) <= 1e-9)
            return &c->points[i];
    }
    return NULL;
}

static assay_status no_such_point(const assay_detector *d, double fpr, assay_error *error)
{
    const struct calibration *c = &d->card.calibration;
    const char *why = NULL;
    for (int i = 0; i < c->refused_count; i++) {
        if (fabs(c->refused[i].fpr - fpr) <= 1e-9)
            why = c->refused[i].reason;
    }
    error_set(error, ASSAY_ERROR_ARGUMENT,
              "the detector has no operating point at this rate of false positives%s%s",
              why ? ": " : "", why ? why : "");
    error_at_file(error, d->model->folder);
    error_at_place(error, "fpr");
    if (c->point_count) {
        char rates[64] = "";
        size_t used = 0;
        for (int i = 0; i < c->point_count; i++)
            used += (size_t)snprintf(rates + used, sizeof rates - used, "%s%g", i ? ", " : "",
                                     c->points[i].fpr);
        error_expected(error, "one of %s", rates);
    } else {
        error_expected(error, "a detector calibrated by assay train or assay calibrate");
    }
    error_found(error, "%g", fpr);
    return ASSAY_ERROR_ARGUMENT;
}

static assay_status choose_point(assay_detector *d, double fpr, assay_error *error)
{
    const struct calibration *c = &d->card.calibration;
    if (fpr != 0.0) {
        d->point = find_point(c, fpr);
        return d->point ? ASSAY_OK : no_such_point(d, fpr, error);
    }
    d->point = find_point(c, usual_rate);
    if (!d->point && c->point_count)
        d->point = &c->points[0];
    return ASSAY_OK;
}

static void describe(assay_detector *d)
{
    const struct detector *card = &d->card;
    char *out = d->reason;
    size_t size = sizeof d->reason;
    if (d->labels == 1)
        snprintf(out, size, "the model has one label: a score, not a choice");
    else if (!card->present)
        snprintf(out, size, "no detector.json: the most probable label");
    else if (!card->calibrated)
        snprintf(out, size, "detector.json is not calibrated: the most probable label");
    else if (card->positive < 0)
        snprintf(out, size, "no positive class: the most probable label");
    else if (!d->point)
        snprintf(out, size, "no threshold is fitted: the most probable label");
    else
        snprintf(out, size, "at %g %% false positives", 100.0 * d->point->fpr);
}

assay_status assay_detector_open(assay_detector **out, assay_model *model,
                                 const assay_detector_options *options, assay_error *error)
{
    const assay_detector_options usual = ASSAY_DETECTOR_OPTIONS_INIT;
    if (!out)
        return error_needs(error, __func__, "out");
    *out = NULL;
    if (!model)
        return error_needs(error, __func__, "a model");
    if (!options)
        options = &usual;
    if (error_options(error, options->struct_size, sizeof *options, "ASSAY_DETECTOR_OPTIONS_INIT"))
        return ASSAY_ERROR_ARGUMENT;
    assay_detector *d = memory_allocate_zeroed(1, sizeof *d);
    if (!d)
        return error_memory(error, sizeof *d);
    assay_model_info info;
    assay_model_get_info(model, &info);
    assay_model_retain(model);
    d->model = model;
    d->labels = info.labels;
    assay_status status = ASSAY_OK;
    if (!(info.heads & ASSAY_HEAD_CLASSIFY) || info.labels < 1) {
        status = error_set(error, ASSAY_ERROR_UNSUPPORTED,
                           "the model has no classification head: it cannot judge texts before it "
                           "is trained to");
        error_at_file(error, info.folder);
        error_found(error, "%s", info.architecture);
    }
    if (status == ASSAY_OK)
        status = detector_read(&d->card, info.folder, error);
    if (status == ASSAY_OK)
        status = check_labels(d, info.folder, error);
    if (status == ASSAY_OK)
        status = choose_point(d, options->fpr, error);
    if (status != ASSAY_OK) {
        assay_detector_close(d);
        return status;
    }
    describe(d);
    *out = d;
    return ASSAY_OK;
}

void assay_detector_close(assay_detector *d)
{
    if (!d)
        return;
    detector_free(&d->card);
    assay_model_close(d->model);
    memory_free(d);
}

void assay_detector_get_info(const assay_detector *d, assay_detector_info *info)
{
    if (!info)
        return;
    *info = (assay_detector_info){.positive = -1, .threshold = NAN};
    if (!d)
        return;
    const struct calibration *c = &d->card.calibration;
    const struct calibration_point *p = d->point;
    *info = (assay_detector_info){
        .present = d->card.present,
        .calibrated = d->card.calibrated,
        .reason = d->reason,
        .labels = d->labels,
        .positive = d->card.positive,
        .temperature = calibration_divisor(c),
        .fpr = p ? p->fpr : 0.0,
        .threshold = p ? detect_probability((double)p->threshold) : (double)NAN,
        .achieved = p ? p->achieved : (double)NAN,
        .low = p ? p->achieved_low : (double)NAN,
        .high = p ? p->achieved_high : (double)NAN,
        .tpr = p ? p->tpr : (double)NAN,
        .negatives = c->negatives,
        .positives = c->positives,
        .least_tokens = c->least_tokens,
        .most_tokens = c->most_tokens,
        .precision = d->card.precision,
        .max_tokens = d->card.max_tokens,
        .cleaning = d->card.cleaning.passes,
        .cleaning_count = d->card.cleaning.count,
    };
}

int assay_detector_rates(const assay_detector *d, double *rates, int room)
{
    if (!d || !rates || room < 0)
        return 0;
    int count = d->card.calibration.point_count;
    for (int i = 0; i < count && i < room; i++)
        rates[i] = d->card.calibration.points[i].fpr;
    return count < room ? count : room;
}

bool assay_detector_expected_rate(const assay_detector *d, int64_t texts, double *low, double *high)
{
    if (!d || !low || !high || !d->point)
        return false;
    int64_t negatives = d->card.calibration.negatives;
    rates_expected(low, high, calibration_rank(d->point->fpr, negatives), negatives, texts,
                   d->point->design_effect);
    return true;
}

bool assay_detector_fits(const assay_detector *d, const assay_session *session, char *line,
                         size_t size)
{
    if (!line)
        size = 0;
    if (size)
        line[0] = '\0';
    if (!d || !session || !d->card.calibrated)
        return d && session;
    assay_precision precision = assay_session_precision(session);
    int32_t cut = assay_session_max_tokens(session);
    if (precision != d->card.precision) {
        snprintf(
            line, size,
            "calibrated at precision %s, computed at %s: scores near the threshold may fall on "
            "its other side",
            assay_precision_name(d->card.precision), assay_precision_name(precision));
        return false;
    }
    if (cut != d->card.max_tokens) {
        snprintf(line, size,
                 "calibrated on texts cut at %d tokens, cut at %d here: the stated rate does not "
                 "hold for texts longer than either",
                 (int)d->card.max_tokens, (int)cut);
        return false;
    }
    return true;
}

/* Adds to a reason; what does not fit is left out. */
static void add_reason(assay_verdict *verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_reason(assay_verdict *verdict, const char *format, ...)
{
    size_t used = strlen(verdict->reason);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(verdict->reason + used, sizeof verdict->reason - used, format, arguments);
    va_end(arguments);
}

/* The threshold decides between the positive class and the likeliest of the others. */
static void apply_point(const assay_detector *d, assay_verdict *verdict, const float *logits)
{
    const struct calibration_point *point = d->point;
    verdict->fpr = point->fpr;
    verdict->threshold = detect_probability((double)point->threshold);
    verdict->label = (float)verdict->score >= point->threshold
                         ? d->card.positive
                         : detect_most_probable(logits, d->labels, d->card.positive);
}

static void mind_length(const assay_detector *d, assay_verdict *verdict,
                        const assay_text_result *text)
{
    const struct calibration *c = &d->card.calibration;
    if (text->tokens < c->least_tokens) {
        verdict->label = ASSAY_ABSTAINS;
        verdict->p_value = NAN;
        snprintf(verdict->reason, sizeof verdict->reason,
                 "too short: %d tokens, calibrated from %d on", (int)text->tokens,
                 (int)c->least_tokens);
    } else if (text->tokens > c->most_tokens) {
        add_reason(verdict, "; longer than the %d tokens it was calibrated up to",
                   (int)c->most_tokens);
    }
}

assay_status assay_detector_judge(const assay_detector *d, assay_verdict *verdict,
                                  float *probabilities, const float *logits,
                                  const assay_text_result *text, assay_error *error)
{
    if (!d || !verdict || !logits || !text)
        return error_needs(error, __func__, "a detector, verdict, logits and text");
    const struct calibration *c = &d->card.calibration;
    *verdict = (assay_verdict){.score = NAN, .threshold = NAN, .p_value = NAN};
    assay_status status = temperature_check(logits, 1, d->labels, error);
    if (status != ASSAY_OK)
        return status;
    double divisor = calibration_divisor(c);
    memcpy(verdict->reason, d->reason, sizeof d->reason);
    if (d->labels == 1) {
        if (probabilities)
            probabilities[0] = 1.0f / (1.0f + expf(-logits[0]));
        return ASSAY_OK;
    }
    if (probabilities)
        detect_probabilities(probabilities, logits, d->labels, divisor);
    verdict->predicted = detect_most_probable(logits, d->labels, -1);
    verdict->label = verdict->predicted;
    if (d->card.positive >= 0)
        verdict->score = (double)detect_score(logits, d->labels, d->card.positive, divisor);
    if (d->point)
        apply_point(d, verdict, logits);
    if (c->negatives_scores.count)
        verdict->p_value = conformal_p(&c->negatives_scores, (float)verdict->score);
    if (d->card.calibrated)
        mind_length(d, verdict, text);
    if (text->truncated)
        add_reason(verdict, "; the text was cut");
    return ASSAY_OK;
}
