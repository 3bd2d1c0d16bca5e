/* state.json of a checkpoint: where a run stood. */
#include "train/checkpoint_counters.h"
#include "base/error.h"
#include "base/json.h"
#include "train/checkpoint.h"
#include "train/checkpoint_folder.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORMAT_VERSION = 1, MAX_SEED_DIGITS = 20 };

static const char format_name[] = "assay-checkpoint";

static assay_status check_text(const char *text, const char *what, assay_error *error)
{
    size_t length = strnlen(text, CHECKPOINT_TEXT_SIZE);
    if (length && length < CHECKPOINT_TEXT_SIZE)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_ARGUMENT, "%s is empty or too long", what);
    error_expected(error, "1 to %d letters", CHECKPOINT_TEXT_SIZE - 1);
    return ASSAY_ERROR_ARGUMENT;
}

assay_status checkpoint_counters_check(const struct checkpoint_counters *counters,
                                       assay_error *error)
{
    if (counters->step < 0 || counters->step > CHECKPOINT_MAX_STEP || counters->epoch < 0 ||
        counters->batch < 0 || counters->evaluated_step < 0 || counters->rows_seen < 0 ||
        counters->tokens_seen < 0 || counters->waited < 0)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "a counter is out of range");
    if (counters->has_best && (!isfinite(counters->best_metric) || counters->best_step < 0))
        return error_set(error, ASSAY_ERROR_ARGUMENT, "the best metric is not a finite number");
    return check_text(counters->recipe, "the recipe's fingerprint", error);
}

assay_status checkpoint_counters_write(struct buffer *text,
                                       const struct checkpoint_counters *counters,
                                       assay_error *error)
{
    struct json_writer writer = {.out = text, .indent = 2};
    char seed[MAX_SEED_DIGITS + 1]; /* as text: JSON's numbers end at 63 bits */
    snprintf(seed, sizeof seed, "%" PRIu64, counters->seed);
    json_begin_object(&writer);
    json_put_named_string(&writer, "format", format_name);
    json_put_named_integer(&writer, "format_version", FORMAT_VERSION);
    json_put_named_string(&writer, "assay",
                          counters->version[0] ? counters->version : ASSAY_VERSION);
    json_put_named_string(&writer, "recipe", counters->recipe);
    json_put_named_integer(&writer, "step", counters->step);
    json_put_named_integer(&writer, "epoch", counters->epoch);
    json_put_named_integer(&writer, "batch", counters->batch);
    json_put_named_string(&writer, "seed", seed);
    json_put_named_integer(&writer, "evaluated_step", counters->evaluated_step);
    json_put_named_integer(&writer, "rows_seen", counters->rows_seen);
    json_put_named_integer(&writer, "tokens_seen", counters->tokens_seen);
    json_key(&writer, "early_stop");
    json_begin_object(&writer);
    json_key(&writer, "best_metric");
    if (counters->has_best)
        json_put_number(&writer, counters->best_metric);
    else
        json_put_null(&writer);
    json_put_named_integer(&writer, "best_step", counters->has_best ? counters->best_step : 0);
    json_put_named_integer(&writer, "waited", counters->waited);
    json_end_object(&writer);
    json_end_object(&writer);
    if (writer.failed || !buffer_append_byte(text, '\n'))
        return error_memory(error, text->length);
    return ASSAY_OK;
}

static assay_status read_text(char out[CHECKPOINT_TEXT_SIZE], const struct json *root,
                              const char *key, assay_error *error)
{
    const char *text = "";
    assay_status status = json_read_string(&text, root, key, true, error);
    if (status)
        return status;
    size_t length = json_string_length(json_member(root, key));
    if (!length || length >= CHECKPOINT_TEXT_SIZE || strlen(text) != length) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "not a text of the expected length");
        error_at_place(error, "%s", key);
        error_expected(error, "1 to %d bytes", CHECKPOINT_TEXT_SIZE - 1);
        error_found(error, "%zu", length);
        return status;
    }
    memcpy(out, text, length + 1);
    return ASSAY_OK;
}

static assay_status read_seed(uint64_t *out, const struct json *root, assay_error *error)
{
    char text[CHECKPOINT_TEXT_SIZE];
    assay_status status = read_text(text, root, "seed", error);
    if (status)
        return status;
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    if (text[strspn(text, "0123456789")] || errno) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "not a whole number below 2^64");
        error_at_place(error, "seed");
        error_found(error, "%s", text);
        return status;
    }
    *out = value;
    return ASSAY_OK;
}

static assay_status read_early_stop(struct checkpoint_counters *out, const struct json *root,
                                    assay_error *error)
{
    const struct json *stop = json_member(root, "early_stop");
    if (json_kind(stop) != JSON_OBJECT) {
        error_set(error, ASSAY_ERROR_FORMAT, "not an object");
        error_at_place(error, "early_stop");
        error_found(error, "%s", json_kind_name(json_kind(stop)));
        return ASSAY_ERROR_FORMAT;
    }
    out->has_best = json_kind(json_member(stop, "best_metric")) != JSON_NULL;
    assay_status status = json_read_number(&out->best_metric, stop, "best_metric", false, error);
    if (!status)
        status = json_read_integer(&out->best_step, stop, "best_step", 0, INT64_MAX, true, error);
    if (!status)
        status = json_read_integer(&out->waited, stop, "waited", 0, INT64_MAX, true, error);
    if (!status && !isfinite(out->best_metric)) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "not a finite number");
        error_at_place(error, "early_stop.best_metric");
    }
    return status;
}

static assay_status read_counters(struct checkpoint_counters *out, const struct json *root,
                                  assay_error *error)
{
    const char *format = "";
    int64_t version = 0;
    assay_status status = json_read_string(&format, root, "format", true, error);
    if (!status && strcmp(format, format_name) != 0) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "this is not a checkpoint");
        error_at_place(error, "format");
        error_expected(error, "%s", format_name);
        error_found(error, "%s", format);
    }
    if (!status)
        status = json_read_integer(&version, root, "format_version", 1, INT64_MAX, true, error);
    if (!status && version != FORMAT_VERSION) {
        status = error_set(error, ASSAY_ERROR_UNSUPPORTED, "the checkpoint is of a later format");
        error_at_place(error, "format_version");
        error_expected(error, "%d", FORMAT_VERSION);
        error_found(error, "%" PRId64, version);
    }
    if (!status)
        status = read_text(out->version, root, "assay", error);
    if (!status)
        status = read_text(out->recipe, root, "recipe", error);
    if (!status)
        status = read_seed(&out->seed, root, error);
    if (!status)
        status = json_read_integer(&out->step, root, "step", 0, CHECKPOINT_MAX_STEP, true, error);
    const struct {
        const char *key;
        int64_t *value;
    } integers[] = {{"epoch", &out->epoch},
                    {"batch", &out->batch},
                    {"evaluated_step", &out->evaluated_step},
                    {"rows_seen", &out->rows_seen},
                    {"tokens_seen", &out->tokens_seen}};
    for (size_t i = 0; i < sizeof integers / sizeof *integers && !status; i++)
        status =
            json_read_integer(integers[i].value, root, integers[i].key, 0, INT64_MAX, true, error);
    return status ? status : read_early_stop(out, root, error);
}

assay_status checkpoint_parse_counters(struct checkpoint_counters *out, const char *text,
                                       size_t length, const char *file, assay_error *error)
{
    struct json *root = NULL;
    memset(out, 0, sizeof *out);
    assay_status status = json_parse(&root, text, length, file, error);
    if (!status)
        status = read_counters(out, root, error);
    if (status && file)
        error_at_file(error, file);
    json_free(root);
    return status;
}
