#include "detect/detector.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "detect/temperature.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

int32_t detector_find_positive(const char *const *labels, int32_t count, const char *wanted)
{
    static const char *const words[] = {"ai", "machine", "fake", "generated", "1"};
    for (int32_t i = 0; wanted && i < count; i++) {
        if (!strcmp(labels[i], wanted))
            return i;
    }
    for (size_t w = 0; !wanted && w < sizeof words / sizeof *words; w++) {
        for (int32_t i = 0; i < count; i++) {
            if (!strcasecmp(labels[i], words[w]))
                return i;
        }
    }
    return -1;
}

/* Where there is no detector.json, or before it is read. */
static const struct detector nothing_said = {.positive = -1, .precision = ASSAY_PRECISION_HIGH};

static assay_status wrong(assay_error *error, const char *place, const char *message)
{
    error_set(error, ASSAY_ERROR_FORMAT, "%s", message);
    error_at_place(error, "%s", place);
    return ASSAY_ERROR_FORMAT;
}

/* A member that is an object or an array or absent (null too). */
static assay_status read_part(const struct json **out, const struct json *object, const char *key,
                              enum json_kind kind, bool required, assay_error *error)
{
    const struct json *value = json_member(object, key);
    enum json_kind found = json_kind(value);
    *out = found == JSON_NULL ? NULL : value;
    if (found == kind || (found == JSON_NULL && !required))
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_FORMAT, "wrong kind of value");
    error_at_place(error, "%s", key);
    error_expected(error, "%s", json_kind_name(kind));
    error_found(error, "%s", json_kind_name(found));
    return ASSAY_ERROR_FORMAT;
}

static assay_status read_range(double *out, const struct json *object, const char *key, double low,
                               double high, assay_error *error)
{
    assay_status status = json_read_number(out, object, key, true, error);
    if (status != ASSAY_OK || (*out >= low && *out <= high))
        return status;
    error_set(error, ASSAY_ERROR_FORMAT, "out of range");
    error_at_place(error, "%s", key);
    error_expected(error, "%g to %g", low, high);
    error_found(error, "%.17g", *out);
    return ASSAY_ERROR_FORMAT;
}

static assay_status read_tokens(int32_t *out, const struct json *object, const char *key,
                                bool required, assay_error *error)
{
    int64_t value = *out;
    assay_status status = json_read_integer(&value, object, key, 1, INT32_MAX, required, error);
    *out = (int32_t)value;
    return status;
}

static assay_status read_sha256(char out[SHA256_HEX_SIZE], const struct json *object,
                                const char *key, assay_error *error)
{
    const char *text = NULL;
    assay_status status = json_read_string(&text, object, key, false, error);
    if (status != ASSAY_OK || !text)
        return status;
    if (strlen(text) != SHA256_HEX_SIZE - 1 ||
        strspn(text, "0123456789abcdef") != SHA256_HEX_SIZE - 1) {
        wrong(error, key, "not a SHA-256");
        error_expected(error, "64 digits of 0-9 and a-f");
        return ASSAY_ERROR_FORMAT;
    }
    memcpy(out, text, SHA256_HEX_SIZE);
    return ASSAY_OK;
}

static assay_status read_head(const struct json *root, assay_error *error)
{
    const char *format = "";
    int64_t version = 0;
    assay_status status = json_read_string(&format, root, "format", true, error);
    if (status == ASSAY_OK && strcmp(format, "assay-detector") != 0) {
        wrong(error, "format", "not a detector card");
        error_expected(error, "assay-detector");
        error_found(error, "\"%.60s\"", format);
        return ASSAY_ERROR_FORMAT;
    }
    if (status == ASSAY_OK)
        status = json_read_integer(&version, root, "format_version", 1, INT32_MAX, true, error);
    if (status == ASSAY_OK && version > DETECTOR_FORMAT) {
        error_set(error, ASSAY_ERROR_UNSUPPORTED, "the card is of a later version of assay");
        error_at_place(error, "format_version");
        error_expected(error, "%d", DETECTOR_FORMAT);
        error_found(error, "%" PRId64, version);
        return ASSAY_ERROR_UNSUPPORTED;
    }
    return status;
}

static assay_status read_labels(struct detector *d, const struct json *root, assay_error *error)
{
    const struct json *labels;
    assay_status status = read_part(&labels, root, "labels", JSON_ARRAY, true, error);
    if (status != ASSAY_OK)
        return status;
    size_t count = json_count(labels);
    if (count < 1 || count > DETECTOR_MAX_LABELS)
        return wrong(error, "labels", "there must be one label at least, and not too many");
    d->labels = memory_allocate_zeroed(count, sizeof *d->labels);
    if (!d->labels)
        return error_memory(error, count * sizeof *d->labels);
    for (size_t i = 0; i < count; i++) {
        const struct json *label = json_element(labels, i);
        if (json_kind(label) != JSON_STRING ||
            strlen(json_string(label)) != json_string_length(label))
            return wrong(error, "labels", "a label is not a text");
        for (int32_t j = 0; j < d->label_count; j++) {
            if (count <= 1024 && !strcmp(d->labels[j], json_string(label)))
                return wrong(error, "labels", "a label is there twice");
        }
        d->labels[i] = memory_copy_string(json_string(label));
        if (!d->labels[i])
            return error_memory(error, json_string_length(label));
        d->label_count++;
    }
    const char *positive = NULL;
    status = json_read_string(&positive, root, "positive", false, error);
    d->positive =
        positive ? detector_find_positive((const char *const *)d->labels, d->label_count, positive)
                 : -1;
    if (status == ASSAY_OK && positive && d->positive < 0)
        status = wrong(error, "positive", "it is none of the labels");
    return status;
}

static assay_status read_data(struct detector *d, const struct json *root, assay_error *error)
{
    const struct json *data, *train = NULL, *valid = NULL, *selected = NULL;
    assay_status status = read_part(&data, root, "data", JSON_OBJECT, false, error);
    if (status == ASSAY_OK && data)
        status = read_part(&train, data, "train", JSON_OBJECT, false, error);
    if (status == ASSAY_OK && data)
        status = read_part(&valid, data, "valid", JSON_OBJECT, false, error);
    if (status == ASSAY_OK && train)
        status = read_sha256(d->train_sha256, train, "sha256", error);
    if (status == ASSAY_OK && train && json_kind(json_member(train, "cleaning")) != JSON_NULL)
        status = cleaning_record_read(&d->cleaning, json_member(train, "cleaning"), error);
    if (status == ASSAY_OK && valid)
        status = read_sha256(d->valid_sha256, valid, "sha256", error);
    if (status == ASSAY_OK)
        status = read_part(&selected, root, "selected_by", JSON_OBJECT, false, error);
    d->selected = selected != NULL;
    return status;
}

/* What it was trained with; a calibration says more. */
static assay_status read_precision(struct detector *d, const struct json *root, assay_error *error)
{
    const struct json *precision;
    const char *used = NULL;
    assay_status status = read_part(&precision, root, "precision", JSON_OBJECT, false, error);
    if (status == ASSAY_OK && precision)
        status = json_read_string(&used, precision, "used", false, error);
    if (status == ASSAY_OK && used && !assay_precision_from_name(&d->precision, used))
        status = wrong(error, "precision.used", "not the name of a precision");
    return status;
}

static assay_status read_interval(double *low, double *high, const struct json *object,
                                  const char *key, assay_error *error)
{
    const struct json *pair;
    assay_status status = read_part(&pair, object, key, JSON_ARRAY, true, error);
    if (status != ASSAY_OK)
        return status;
    enum json_kind first = json_kind(json_element(pair, 0)),
                   second = json_kind(json_element(pair, 1));
    bool numbers = (first == JSON_NUMBER || first == JSON_INTEGER) &&
                   (second == JSON_NUMBER || second == JSON_INTEGER);
    *low = json_number(json_element(pair, 0));
    *high = json_number(json_element(pair, 1));
    if (json_count(pair) != 2 || !numbers || !(0.0 <= *low && *low <= *high && *high <= 1.0))
        return wrong(error, key, "not an interval of rates: two numbers from 0 to 1, in order");
    return ASSAY_OK;
}

static assay_status read_point(struct calibration_point *point, const struct json *value,
                               assay_error *error)
{
    double threshold = 0.0;
    if (json_kind(value) != JSON_OBJECT)
        return wrong(error, "thresholds", "a threshold is not an object");
    assay_status status = read_range(&point->fpr, value, "fpr", 1e-9, 1.0 - 1e-9, error);
    if (status == ASSAY_OK)
        status = read_range(&threshold, value, "log_odds", -(double)FLT_MAX, FLT_MAX, error);
    point->threshold = (float)threshold;
    if (status == ASSAY_OK)
        status = json_read_integer(&point->false_positives, value, "false_positives", 0, INT64_MAX,
                                   true, error);
    if (status == ASSAY_OK)
        status = json_read_integer(&point->true_positives, value, "true_positives", 0, INT64_MAX,
                                   true, error);
    if (status == ASSAY_OK)
        status = read_range(&point->achieved, value, "achieved", 0.0, point->fpr, error);
    if (status == ASSAY_OK)
        status =
            read_interval(&point->achieved_low, &point->achieved_high, value, "interval", error);
    if (status == ASSAY_OK)
        status = read_range(&point->design_effect, value, "design_effect", 1.0, 1e9, error);
    if (status == ASSAY_OK)
        status = read_range(&point->tpr, value, "tpr", 0.0, 1.0, error);
    if (status == ASSAY_OK)
        status = read_interval(&point->tpr_low, &point->tpr_high, value, "tpr_interval", error);
    if (status == ASSAY_OK)
        status =
            read_range(&point->positive_design_effect, value, "tpr_design_effect", 1.0, 1e9, error);
    return status;
}

static assay_status read_points(struct detector *d, const struct json *root, assay_error *error)
{
    const struct json *list;
    struct calibration *c = &d->calibration;
    assay_status status = read_part(&list, root, "thresholds", JSON_ARRAY, false, error);
    if (status != ASSAY_OK || !list)
        return status;
    if (json_count(list) > CALIBRATION_POINTS)
        return wrong(error, "thresholds", "there are more thresholds than assay fits");
    if (json_count(list) && d->positive < 0)
        return wrong(error, "thresholds", "there are thresholds without a positive class");
    for (size_t i = 0; i < json_count(list); i++) {
        struct calibration_point *point = &c->points[i];
        status = read_point(point, json_element(list, i), error);
        if (status != ASSAY_OK)
            return status;
        if (i && (point->fpr <= point[-1].fpr || point->threshold > point[-1].threshold))
            return wrong(error, "thresholds",
                         "the rates do not rise, or a threshold rises with its rate");
        c->point_count++;
    }
    return ASSAY_OK;
}

static assay_status read_refused(struct calibration *c, const struct json *object,
                                 assay_error *error)
{
    const struct json *list;
    assay_status status = read_part(&list, object, "refused", JSON_ARRAY, false, error);
    if (status != ASSAY_OK || !list)
        return status;
    if (json_count(list) > CALIBRATION_POINTS)
        return wrong(error, "refused", "there are more rates than assay fits");
    for (size_t i = 0; i < json_count(list) && status == ASSAY_OK; i++) {
        const struct json *entry = json_element(list, i);
        const char *reason = "";
        if (json_kind(entry) != JSON_OBJECT)
            return wrong(error, "refused", "an entry is not an object");
        status = read_range(&c->refused[i].fpr, entry, "fpr", 1e-9, 1.0 - 1e-9, error);
        if (status == ASSAY_OK)
            status = json_read_string(&reason, entry, "reason", true, error);
        strncpy(c->refused[i].reason, reason, CALIBRATION_REASON - 1);
        c->refused_count++;
    }
    return status;
}

/* `log_odds` falling, `above` rising from 0. */
static assay_status read_scores(struct conformal *out, const struct json *object,
                                assay_error *error)
{
    const struct json *part, *scores, *above;
    assay_status status = read_part(&part, object, "scores", JSON_OBJECT, false, error);
    if (status != ASSAY_OK || !part)
        return status;
    status = json_read_integer(&out->count, part, "count", 1, INT64_MAX / 2, true, error);
    if (status == ASSAY_OK)
        status = read_part(&scores, part, "log_odds", JSON_ARRAY, true, error);
    if (status == ASSAY_OK)
        status = read_part(&above, part, "above", JSON_ARRAY, false, error);
    if (status != ASSAY_OK)
        return status;
    size_t kept = json_count(scores);
    if (kept < 1 || kept > CONFORMAL_KEPT + CALIBRATION_POINTS ||
        (above ? json_count(above) != kept : (int64_t)kept != out->count))
        return wrong(error, "scores", "the numbers of scores and of negatives do not agree");
    out->scores = memory_allocate(kept, sizeof *out->scores);
    out->above = above ? memory_allocate(kept, sizeof *out->above) : NULL;
    if (!out->scores || (above && !out->above))
        return error_memory(error, kept * sizeof *out->above);
    for (size_t i = 0; i < kept; i++) {
        const struct json *score = json_element(scores, i), *higher = json_element(above, i);
        double value = json_number(score);
        if ((json_kind(score) != JSON_NUMBER && json_kind(score) != JSON_INTEGER) ||
            !(fabs(value) <= (double)FLT_MAX))
            return wrong(error, "log_odds", "a score is not a finite number");
        out->scores[i] = (float)value;
        if (i &&
            (above ? out->scores[i] >= out->scores[i - 1] : out->scores[i] > out->scores[i - 1]))
            return wrong(error, "log_odds", "the scores do not fall");
        if (!above)
            continue;
        if (json_kind(higher) != JSON_INTEGER)
            return wrong(error, "above", "a number of higher scores is not an integer");
        out->above[i] = json_integer(higher);
        if (i ? out->above[i] <= out->above[i - 1] : out->above[i] != 0)
            return wrong(error, "above", "the numbers of higher scores do not rise from 0");
        if (out->above[i] >= out->count)
            return wrong(error, "above", "more scores are higher than there are");
    }
    out->kept = (int64_t)kept;
    return ASSAY_OK;
}

static assay_status read_lengths(struct calibration *c, const struct json *object,
                                 assay_error *error)
{
    const struct json *tokens;
    assay_status status = read_part(&tokens, object, "tokens", JSON_OBJECT, true, error);
    if (status == ASSAY_OK)
        status = read_tokens(&c->least_tokens, tokens, "least", true, error);
    if (status == ASSAY_OK)
        status = read_tokens(&c->most_tokens, tokens, "most", true, error);
    if (status == ASSAY_OK)
        status = read_tokens(&c->shortest, tokens, "shortest", true, error);
    if (status == ASSAY_OK)
        status = read_tokens(&c->longest, tokens, "longest", true, error);
    if (status == ASSAY_OK && (c->least_tokens > c->most_tokens || c->shortest > c->longest))
        status = wrong(error, "tokens", "a range of lengths runs backwards");
    return status;
}

static assay_status read_counts(struct calibration *c, const struct json *object,
                                assay_error *error)
{
    assay_status status =
        json_read_integer(&c->rows, object, "rows", 1, INT64_MAX / 2, true, error);
    if (status == ASSAY_OK)
        status = json_read_integer(&c->negatives, object, "negatives", 1, c->rows, true, error);
    if (status == ASSAY_OK)
        status = json_read_integer(&c->positives, object, "positives", 0, c->rows, true, error);
    if (status == ASSAY_OK)
        status = json_read_integer(&c->groups, object, "groups", 1, c->rows, false, error);
    if (status == ASSAY_OK && c->negatives + c->positives != c->rows)
        status = wrong(error, "rows", "they are not the sum of negatives and positives");
    return status;
}

static assay_status read_calibration(struct detector *d, const struct json *root,
                                     assay_error *error)
{
    const struct json *object;
    struct calibration *c = &d->calibration;
    const char *precision = "", *reason = "";
    bool has_temperature = json_kind(json_member(root, "temperature")) != JSON_NULL;
    assay_status status = ASSAY_OK;
    if (has_temperature)
        status = read_range(&c->temperature, root, "temperature", TEMPERATURE_LEAST,
                            TEMPERATURE_MOST, error);
    if (status == ASSAY_OK)
        status = read_points(d, root, error);
    if (status == ASSAY_OK)
        status = read_part(&object, root, "calibration", JSON_OBJECT, false, error);
    if (status != ASSAY_OK)
        return status;
    if (!object) {
        if (has_temperature || c->point_count)
            return wrong(error, "calibration",
                         "there is a temperature or a threshold without the calibration it is of");
        return ASSAY_OK;
    }
    d->calibrated = true;
    status = read_counts(c, object, error);
    if (status == ASSAY_OK)
        status = read_lengths(c, object, error);
    if (status == ASSAY_OK)
        status = read_refused(c, object, error);
    if (status == ASSAY_OK)
        status = json_read_string(&reason, object, "temperature_refused", false, error);
    if (status == ASSAY_OK) {
        strncpy(c->temperature_reason, reason, CALIBRATION_REASON - 1);
        status = json_read_string(&precision, object, "precision", true, error);
    }
    if (status == ASSAY_OK && !assay_precision_from_name(&d->precision, precision))
        status = wrong(error, "precision", "not the name of a precision");
    if (status == ASSAY_OK)
        status = read_tokens(&d->max_tokens, object, "max_tokens", true, error);
    if (status == ASSAY_OK)
        status = read_scores(&c->negatives_scores, object, error);
    if (status == ASSAY_OK && c->negatives_scores.count != (d->positive >= 0 ? c->negatives : 0))
        status = wrong(error, "scores", "they are not as many as the negatives");
    return status;
}

assay_status detector_parse(struct detector *d, const char *text, size_t length, const char *file,
                            assay_error *error)
{
    struct json *root = NULL;
    *d = nothing_said;
    d->present = true;
    assay_status status = json_parse(&root, text, length, file, error);
    if (status == ASSAY_OK && json_kind(root) != JSON_OBJECT)
        status = error_set(error, ASSAY_ERROR_FORMAT, "the card is not an object");
    if (status == ASSAY_OK)
        status = read_head(root, error);
    if (status == ASSAY_OK)
        status = read_labels(d, root, error);
    if (status == ASSAY_OK)
        status = read_tokens(&d->max_tokens, root, "max_tokens", false, error);
    if (status == ASSAY_OK)
        status = read_data(d, root, error);
    if (status == ASSAY_OK)
        status = read_precision(d, root, error);
    if (status == ASSAY_OK)
        status = read_calibration(d, root, error);
    json_free(root);
    if (status != ASSAY_OK) {
        error_at_file(error, file);
        detector_free(d);
    }
    return status;
}

assay_status detector_read(struct detector *d, const char *folder, assay_error *error)
{
    struct buffer text = {0};
    *d = nothing_said;
    char *path = path_join(folder, "detector.json");
    if (!path)
        return error_memory(error, strlen(folder));
    assay_status status = ASSAY_OK;
    if (file_exists(path)) {
        status = file_read(&text, path, DETECTOR_MAX_BYTES, error);
        if (status == ASSAY_OK)
            status = detector_parse(d, text.bytes ? text.bytes : "", text.length, path, error);
    }
    buffer_free(&text);
    memory_free(path);
    return status;
}

void detector_free(struct detector *d)
{
    for (int32_t i = 0; d->labels && i < d->label_count; i++)
        memory_free(d->labels[i]);
    memory_free(d->labels);
    calibration_free(&d->calibration);
    cleaning_record_free(&d->cleaning);
    *d = nothing_said;
}
