/* detector.json, written: the keys of a calibration, and a card that gets a new one. */
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "detect/detector.h"
#include "detect/rates.h"
#include "detect/score.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nine digits tell every float32 apart, and survive a reader that takes them for a double. */
static void put_score(struct json_writer *w, float score)
{
    char text[32];
    snprintf(text, sizeof text, "%.9g", (double)score);
    json_put_number(w, strtod(text, NULL));
}

/* Short lists stand on one line. */
static int begin_line(struct json_writer *w, const char *key)
{
    int indent = w->indent;
    json_key(w, key);
    w->indent = 0;
    json_begin_array(w);
    return indent;
}

static void end_line(struct json_writer *w, int indent)
{
    json_end_array(w);
    w->indent = indent;
}

static void put_interval(struct json_writer *w, const char *key, double low, double high)
{
    int indent = begin_line(w, key);
    json_put_number(w, low);
    json_put_number(w, high);
    end_line(w, indent);
}

static void put_point(struct json_writer *w, const struct calibration_point *point)
{
    json_begin_object(w);
    json_put_named_number(w, "fpr", point->fpr);
    json_key(w, "log_odds");
    put_score(w, point->threshold);
    json_put_named_number(w, "probability", detect_probability((double)point->threshold));
    json_put_named_integer(w, "false_positives", point->false_positives);
    json_put_named_number(w, "achieved", point->achieved);
    put_interval(w, "interval", point->achieved_low, point->achieved_high);
    json_put_named_number(w, "design_effect", point->design_effect);
    json_put_named_integer(w, "true_positives", point->true_positives);
    json_put_named_number(w, "tpr", point->tpr);
    put_interval(w, "tpr_interval", point->tpr_low, point->tpr_high);
    json_put_named_number(w, "tpr_design_effect", point->positive_design_effect);
    json_end_object(w);
}

static void put_points(struct json_writer *w, const struct calibration *c)
{
    json_key(w, "thresholds");
    if (!c->point_count) {
        json_put_null(w);
        return;
    }
    json_begin_array(w);
    for (int i = 0; i < c->point_count; i++)
        put_point(w, &c->points[i]);
    json_end_array(w);
}

static void put_refused(struct json_writer *w, const struct calibration *c)
{
    json_key(w, "refused");
    json_begin_array(w);
    for (int i = 0; i < c->refused_count; i++) {
        json_begin_object(w);
        json_put_named_number(w, "fpr", c->refused[i].fpr);
        json_put_named_string(w, "reason", c->refused[i].reason);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_negatives(struct json_writer *w, const struct conformal *negatives)
{
    json_key(w, "scores");
    if (!negatives->count) {
        json_put_null(w);
        return;
    }
    json_begin_object(w);
    json_put_named_integer(w, "count", negatives->count);
    int indent = begin_line(w, "log_odds");
    for (int64_t i = 0; i < negatives->kept; i++)
        put_score(w, negatives->scores[i]);
    end_line(w, indent);
    if (negatives->above) {
        indent = begin_line(w, "above");
        for (int64_t i = 0; i < negatives->kept; i++)
            json_put_integer(w, negatives->above[i]);
        end_line(w, indent);
    }
    json_end_object(w);
}

static void put_renames(struct json_writer *w, const struct label_renames *renames)
{
    if (!renames || !renames->count)
        return;
    json_key(w, "renamed_labels");
    json_begin_array(w);
    for (size_t i = 0; i < renames->count; i++) {
        json_begin_object(w);
        json_put_named_string(w, "from", renames->entries[i].from);
        json_put_named_string(w, "to", renames->entries[i].to);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_source(struct json_writer *w, const struct calibration_source *source)
{
    json_put_named_string(w, "path", source->path);
    json_put_named_string(w, "part", source->part);
    json_put_named_string(w, "sha256", source->sha256);
    json_put_named_string(w, "rows_sha256", source->rows_sha256);
    json_put_named_string(w, "group", source->group);
    put_renames(w, source->renames);
    json_key(w, "seed");
    if (source->seed >= 0)
        json_put_integer(w, source->seed);
    else
        json_put_null(w);
    json_put_named_string(w, "precision", assay_precision_name(source->precision));
    json_put_named_integer(w, "max_tokens", source->max_tokens);
}

static void put_lengths(struct json_writer *w, const struct calibration *c)
{
    json_key(w, "tokens");
    json_begin_object(w);
    json_put_named_integer(w, "least", c->least_tokens);
    json_put_named_integer(w, "most", c->most_tokens);
    json_put_named_integer(w, "shortest", c->shortest);
    json_put_named_integer(w, "longest", c->longest);
    json_end_object(w);
}

void detector_put_calibration(struct json_writer *w, const struct calibration *c,
                              const struct calibration_source *source, const char *refused)
{
    json_key(w, "temperature");
    if (!c || c->temperature <= 0.0)
        json_put_null(w);
    else
        json_put_number(w, c->temperature);
    if (!c) {
        json_key(w, "thresholds");
        json_put_null(w);
        json_key(w, "calibration");
        json_put_null(w);
        json_put_named_string(w, "calibration_refused", refused);
        return;
    }
    put_points(w, c);
    json_key(w, "calibration");
    json_begin_object(w);
    put_source(w, source);
    json_put_named_integer(w, "rows", c->rows);
    json_put_named_integer(w, "negatives", c->negatives);
    json_put_named_integer(w, "positives", c->positives);
    json_key(w, "groups");
    if (c->groups)
        json_put_integer(w, c->groups);
    else
        json_put_null(w);
    put_lengths(w, c);
    json_put_named_number(w, "confidence", RATES_CONFIDENCE);
    put_refused(w, c);
    json_put_named_string(w, "temperature_refused",
                          c->temperature > 0.0 ? NULL : c->temperature_reason);
    put_negatives(w, &c->negatives_scores);
    json_end_object(w);
}

static bool is_of_calibration(const char *key)
{
    return !strcmp(key, "temperature") || !strcmp(key, "thresholds") ||
           !strcmp(key, "calibration") || !strcmp(key, "calibration_refused");
}

struct rewriting {
    struct json_writer *writer;
    const struct calibration *calibration;
    const struct calibration_source *source;
    bool put;
};

static void put_once(struct rewriting *r)
{
    if (!r->put)
        detector_put_calibration(r->writer, r->calibration, r->source, NULL);
    r->put = true;
}

/* The calibration's keys stand where the first of them stood. */
static assay_status put_member(void *context, const char *key, size_t key_length,
                               const struct json *value, assay_error *error)
{
    struct rewriting *r = context;
    (void)key_length;
    (void)error;
    if (is_of_calibration(key)) {
        put_once(r);
        return ASSAY_OK;
    }
    json_key(r->writer, key);
    json_put_value(r->writer, value);
    return ASSAY_OK;
}

static void put_card(struct json_writer *w, const struct detector_card *card)
{
    json_put_named_string(w, "format", "assay-detector");
    json_put_named_integer(w, "format_version", DETECTOR_FORMAT);
    json_put_named_string(w, "assay", ASSAY_VERSION);
    json_key(w, "labels");
    json_begin_array(w);
    for (int32_t i = 0; i < card->label_count; i++)
        json_put_string(w, card->labels[i]);
    json_end_array(w);
    json_put_named_string(w, "positive", card->positive >= 0 ? card->labels[card->positive] : NULL);
}

assay_status detector_rewrite(const char *folder, const struct detector_card *card,
                              const struct calibration *calibration,
                              const struct calibration_source *source, assay_error *error)
{
    struct buffer text = {0};
    struct json *old = NULL;
    struct json_writer w = {.out = &text, .indent = 2};
    struct rewriting r = {&w, calibration, source, false};
    assay_status status = ASSAY_OK;
    char *path = path_join(folder, "detector.json");
    if (!path)
        return error_memory(error, strlen(folder));
    if (file_exists(path))
        status = json_parse_file(&old, path, DETECTOR_MAX_BYTES, error);
    if (status != ASSAY_OK)
        goto cleanup;
    json_begin_object(&w);
    if (old)
        status = json_each_member(old, put_member, &r, error);
    else
        put_card(&w, card);
    put_once(&r);
    json_end_object(&w);
    if (status == ASSAY_OK && (w.failed || !buffer_append_byte(&text, '\n')))
        status = error_memory(error, text.length);
    if (status == ASSAY_OK)
        status = file_write(path, text.bytes, text.length, error);
cleanup:
    json_free(old);
    memory_free(path);
    buffer_free(&text);
    return status;
}
