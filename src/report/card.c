#include "report/card.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <string.h>

/* A string of a file that was checked already; absent and null are alike. */
static assay_status copy_text(char **out, const struct json *object, const char *key,
                              assay_error *error)
{
    const struct json *value = json_member(object, key);
    if (json_kind(value) != JSON_STRING)
        return ASSAY_OK;
    *out = memory_copy_string(json_string(value));
    return *out ? ASSAY_OK : error_memory(error, json_string_length(value));
}

static assay_status read_paths(struct card *out, const char *folder, assay_error *error)
{
    struct json *root = NULL;
    char *path = path_join(folder, "detector.json");
    if (!path)
        return error_memory(error, strlen(folder));
    assay_status status = json_parse_file(&root, path, DETECTOR_MAX_BYTES, error);
    const struct json *data = json_member(root, "data");
    if (!status)
        status = copy_text(&out->train, json_member(data, "train"), "path", error);
    if (!status)
        status = copy_text(&out->valid, json_member(data, "valid"), "path", error);
    const char *hex = json_string(json_member(json_member(root, "calibration"), "sha256"));
    if (!status && strlen(hex) == SHA256_HEX_SIZE - 1)
        memcpy(out->calibration_sha256, hex, SHA256_HEX_SIZE);
    json_free(root);
    memory_free(path);
    return status;
}

assay_status card_read(struct card *out, const char *folder, assay_error *error)
{
    *out = (struct card){.temperature = 1.0};
    assay_status status = detector_read(&out->detector, folder, error);
    if (!status && out->detector.present)
        status = read_paths(out, folder, error);
    if (!status && out->detector.present && out->detector.positive >= 0)
        out->positive = out->detector.labels[out->detector.positive];
    if (!status && out->detector.calibrated)
        out->temperature = calibration_divisor(&out->detector.calibration);
    if (status)
        card_free(out);
    return status;
}

void card_free(struct card *card)
{
    detector_free(&card->detector);
    memory_free(card->train);
    memory_free(card->valid);
    *card = (struct card){0};
}
