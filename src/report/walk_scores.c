/* Rows that wait are scored; scores, predictions and mistakes. */
#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "report/walk_internal.h"

#include <math.h>
#include <string.h>

enum { EXCERPT_BYTES = 280 };

void walk_drop_waiting(struct walk *w)
{
    for (int64_t i = 0; i < w->count; i++) {
        memory_free(w->items[i].text);
        memory_free(w->items[i].pair);
        memory_free(w->items[i].id);
    }
    w->count = 0;
    w->bytes = 0;
}

static void put_numbers(struct json_writer *writer, const char *key, const float *logits,
                        const double *shares, int32_t classes)
{
    json_key(writer, key);
    if (!logits && !shares) {
        json_put_null(writer);
        return;
    }
    json_begin_array(writer);
    for (int32_t c = 0; c < classes; c++) {
        if (logits)
            json_put_float(writer, logits[c]);
        else
            json_put_number(writer, shares[c]);
    }
    json_end_array(writer);
}

static assay_status write_prediction(struct walk *w, int64_t i, assay_error *error)
{
    const struct scorer *scorer = w->request->scorer;
    int32_t classes = scorer->labels.count;
    struct json_writer writer = {.out = &w->line};
    buffer_clear(&w->line);
    json_begin_object(&writer);
    json_put_named_string(&writer, "id", w->ids[i]);
    json_put_named_string(&writer, "label", w->labels[i]);
    json_key(&writer, "predicted");
    if (w->predicted[i] >= 0)
        json_put_string(&writer, scorer->labels.names[w->predicted[i]]);
    else
        json_put_null(&writer);
    put_numbers(&writer, "logits", scorer->has_logits ? w->logits + i * classes : NULL, NULL,
                classes);
    put_numbers(&writer, "probabilities", NULL,
                scorer->has_probabilities ? w->probabilities + i * classes : NULL, classes);
    if (!scorer->has_probabilities && scorer->has_scores)
        json_put_named_number(&writer, "score", w->scores[i]);
    json_end_object(&writer);
    if (writer.failed || !buffer_append_byte(&w->line, '\n'))
        return error_memory(error, w->line.length);
    return file_writer_write(w->request->predictions, w->line.bytes, w->line.length, error);
}

/* The beginning of a text on one line. */
static char *make_excerpt(const char *text, size_t length)
{
    struct buffer out = {0};
    size_t at = 0;
    bool space = false, good = true;
    while (at < length && out.length < EXCERPT_BYTES && good) {
        size_t step = utf8_sequence((const unsigned char *)text + at, length - at);
        step = step ? step : 1;
        if (step == 1 && (unsigned char)text[at] <= ' ') {
            space = out.length > 0;
        } else {
            good =
                (!space || buffer_append_byte(&out, ' ')) && buffer_append(&out, text + at, step);
            space = false;
        }
        at += step;
    }
    if (good && at < length)
        good = buffer_append_string(&out, "\xe2\x80\xa6");
    char *copy = good ? memory_copy_string(out.bytes ? out.bytes : "") : NULL;
    buffer_free(&out);
    return copy;
}

/* Keeps the surest ones; of equals the earlier row. */
static assay_status note_mistake(struct walk *w, int64_t i, int64_t row, assay_error *error)
{
    struct walk_result *out = w->out;
    double confidence = w->confidences[i];
    int at = out->mistake_count;
    out->wrong++;
    if (isnan(confidence))
        return ASSAY_OK;
    while (at > 0 && out->mistakes[at - 1].confidence < confidence)
        at--;
    if (at == MISTAKES_KEPT)
        return ASSAY_OK;
    struct mistake mistake = {confidence, row, memory_copy_string(w->ids[i]),
                              make_excerpt(w->texts[i].text, w->texts[i].length)};
    if (!mistake.id || !mistake.excerpt) {
        memory_free(mistake.id);
        memory_free(mistake.excerpt);
        return error_memory(error, EXCERPT_BYTES);
    }
    if (out->mistake_count == MISTAKES_KEPT) {
        memory_free(out->mistakes[--out->mistake_count].id);
        memory_free(out->mistakes[out->mistake_count].excerpt);
    }
    memmove(out->mistakes + at + 1, out->mistakes + at,
            (size_t)(out->mistake_count - at) * sizeof mistake);
    out->mistakes[at] = mistake;
    out->mistake_count++;
    return ASSAY_OK;
}

static void keep_scores(struct walk *w, int64_t i, int64_t row)
{
    struct score_table *table = &w->out->table;
    const struct scorer *scorer = w->request->scorer;
    int32_t classes = scorer->labels.count;
    table->score[row] = w->scores[i];
    table->confidence[row] = w->confidences[i];
    table->predicted[row] = w->predicted[i];
    table->log_odds[row] = w->log_odds[i];
    table->tokens[row] = w->tokens[i];
    table->probability[row] = table->sure[row] = table->brier[row] = (double)NAN;
    table->right[row] = 0;
    if (scorer->has_probabilities) {
        const double *shares = w->probabilities + i * classes;
        int32_t label = table->label[row], best = 0;
        double sum = 0.0;
        for (int32_t c = 0; c < classes; c++) {
            double off = shares[c] - (c == label);
            sum += off * off;
            best = shares[c] > shares[best] ? c : best;
        }
        /* A file's logits and probabilities may disagree about ties only. */
        if (scorer->has_logits)
            best = score_most_probable(w->logits + i * classes, classes);
        table->brier[row] = classes == 2 ? sum / 2.0 : sum;
        table->sure[row] = shares[best];
        table->right[row] = best == label;
        if (table->positive >= 0)
            table->probability[row] = shares[table->positive];
    }
    if (table->keeps_logits && scorer->has_logits)
        memcpy(table->logits + row * classes, w->logits + i * classes,
               (size_t)classes * sizeof *table->logits);
    else if (table->keeps_logits)
        for (int32_t c = 0; c < classes; c++)
            table->logits[row * classes + c] =
                (float)log(w->probabilities[i * classes + c] + 1e-300);
}

assay_status walk_score_waiting(struct walk *w, assay_error *error)
{
    if (!w->count)
        return ASSAY_OK;
    struct score_batch batch = {.count = w->count,
                                .texts = w->texts,
                                .ids = w->ids,
                                .labels = w->labels,
                                .lines = w->lines,
                                .file = w->file,
                                .logits = w->logits,
                                .probabilities = w->probabilities,
                                .scores = w->scores,
                                .confidences = w->confidences,
                                .log_odds = w->log_odds,
                                .tokens = w->tokens,
                                .predicted = w->predicted};
    int64_t first = w->out->table.rows - w->count;
    for (int64_t i = 0; i < w->count; i++) {
        w->scores[i] = w->confidences[i] = (double)NAN;
        w->log_odds[i] = NAN;
        w->predicted[i] = -1;
        w->tokens[i] = 0;
    }
    assay_status status = w->request->scorer->score(w->request->scorer, &batch, error);
    for (int64_t i = 0; i < w->count && !status; i++) {
        keep_scores(w, i, first + i);
        if (w->request->predictions)
            status = write_prediction(w, i, error);
        if (!status && !w->request->scores_only && w->predicted[i] >= 0 &&
            w->predicted[i] != w->out->table.label[first + i])
            status = note_mistake(w, i, first + i, error);
    }
    walk_drop_waiting(w);
    return status;
}
