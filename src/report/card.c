#include "report/card.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

enum { MAX_BYTES = 16 << 20 };

static assay_status copy_text(char **out, const struct json *object, const char *key,
                              assay_error *error)
{
    const char *text = NULL;
    if (json_kind(json_member(object, key)) == JSON_NULL)
        return ASSAY_OK;
    assay_status status = json_read_string(&text, object, key, false, error);
    if (!status && text && !(*out = memory_copy_string(text)))
        status = error_memory(error, strlen(text));
    return status;
}

static assay_status read_data(struct card_data *out, const struct json *object, assay_error *error)
{
    const char *hex = NULL;
    assay_status status = copy_text(&out->path, object, "path", error);
    if (!status && json_kind(json_member(object, "sha256")) != JSON_NULL)
        status = json_read_string(&hex, object, "sha256", false, error);
    if (!status && hex && strlen(hex) == SHA256_HEX_SIZE - 1)
        memcpy(out->sha256, hex, SHA256_HEX_SIZE);
    return status;
}

static assay_status read_points(struct card *out, const struct json *points, assay_error *error)
{
    assay_status status = ASSAY_OK;
    for (size_t i = 0; i < json_count(points) && i < CARD_POINTS && !status; i++) {
        const struct json *point = json_element(points, i);
        double log_odds = 0.0;
        struct card_point *to = &out->points[out->point_count];
        status = json_read_number(&to->rate, point, "fpr", true, error);
        if (!status)
            status = json_read_number(&log_odds, point, "log_odds", true, error);
        if (!status && !(to->rate > 0.0 && to->rate < 1.0 && isfinite(log_odds))) {
            status = error_set(error, ASSAY_ERROR_FORMAT, "an operating point is out of range");
            error_at_place(error, "thresholds");
        }
        to->log_odds = (float)log_odds;
        out->point_count += !status;
    }
    return status;
}

static assay_status read_calibration(struct card *out, const struct json *root, assay_error *error)
{
    const struct json *calibration = json_member(root, "calibration");
    const struct json *temperature = json_member(root, "temperature");
    const char *precision = NULL;
    int64_t least = 0;
    assay_status status = ASSAY_OK;
    if (json_kind(temperature) != JSON_NULL)
        status = json_read_number(&out->temperature, root, "temperature", true, error);
    if (!status && !(out->temperature > 0.0 && isfinite(out->temperature))) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "the temperature is out of range");
        error_at_place(error, "temperature");
    }
    if (!status && json_kind(json_member(root, "thresholds")) == JSON_ARRAY)
        status = read_points(out, json_member(root, "thresholds"), error);
    out->calibrated = json_kind(calibration) == JSON_OBJECT;
    if (status || !out->calibrated)
        return status;
    status = read_data(&out->calibration, calibration, error);
    if (!status)
        status = json_read_string(&precision, calibration, "precision", false, error);
    if (!status && precision && !assay_precision_from_name(&out->precision, precision))
        status = error_set(error, ASSAY_ERROR_FORMAT, "there is no such precision");
    if (!status && json_kind(json_member(calibration, "tokens")) == JSON_OBJECT)
        status = json_read_integer(&least, json_member(calibration, "tokens"), "least", 0,
                                   INT32_MAX, false, error);
    out->least_tokens = (int32_t)least;
    return status;
}

assay_status card_read(struct card *out, const char *folder, assay_error *error)
{
    *out = (struct card){.temperature = 1.0};
    struct json *root = NULL;
    char *path = path_join(folder, "detector.json");
    if (!path)
        return error_memory(error, strlen(folder));
    assay_status status = ASSAY_OK;
    if (!file_exists(path))
        goto done;
    int64_t max_tokens = 0;
    status = json_parse_file(&root, path, MAX_BYTES, error);
    if (!status && json_kind(root) != JSON_OBJECT)
        status = error_set(error, ASSAY_ERROR_FORMAT, "not a detector.json");
    if (!status)
        status = copy_text(&out->positive, root, "positive", error);
    if (!status && json_kind(json_member(root, "max_tokens")) != JSON_NULL)
        status = json_read_integer(&max_tokens, root, "max_tokens", 0, INT32_MAX, false, error);
    out->max_tokens = (int32_t)max_tokens;
    const struct json *data = json_member(root, "data");
    if (!status)
        status = read_data(&out->train, json_member(data, "train"), error);
    if (!status)
        status = read_data(&out->valid, json_member(data, "valid"), error);
    if (!status)
        status = read_calibration(out, root, error);
    out->present = !status;
done:
    if (status) {
        error_at_file(error, path);
        card_free(out);
    }
    json_free(root);
    memory_free(path);
    return status;
}

void card_free(struct card *card)
{
    memory_free(card->positive);
    memory_free(card->train.path);
    memory_free(card->valid.path);
    memory_free(card->calibration.path);
    *card = (struct card){0};
}
