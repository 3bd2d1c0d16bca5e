/* Scores that come from elsewhere: a file of one JSON object a row, as predictions.jsonl is, with
 * logits, probabilities or a bare score, and what was predicted. */
#include "report/scorer.h"

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "data/reader.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_LINE = 16 << 20, MAX_CLASSES = 1 << 16 };

/* Of one row of the file; the arrays follow `width` columns a row. */
struct told_row {
    double score;             /* NaN: none */
    int32_t predicted, label; /* numbers in `words`, -1: none */
    int64_t line;
    bool asked;
};

struct file_context {
    char *path;
    struct name_table ids, words; /* words: labels as the file writes them */
    struct told_row *rows;
    float *logits;
    double *probabilities;
    int64_t room, taken;
    int32_t width; /* of logits and probabilities; 0: bare scores or predictions only */
    bool has_logits, has_probabilities, has_scores, has_predictions;
    int32_t *column_of_word; /* (words), -1: none of the labels */
};

static void close_file(void *context)
{
    struct file_context *own = context;
    memory_free(own->path);
    name_table_free(&own->ids);
    name_table_free(&own->words);
    memory_free(own->rows);
    memory_free(own->logits);
    memory_free(own->probabilities);
    memory_free(own->column_of_word);
    memory_free(own);
}

static assay_status refuse(const char *place, const char *message, assay_error *error)
{
    error_set(error, ASSAY_ERROR_FORMAT, "%s", message);
    error_at_place(error, "%s", place);
    return ASSAY_ERROR_FORMAT;
}

/* A label or id: a string, or a number or boolean as JSON writes it. NULL: there is none. */
static assay_status read_word(const char **out, struct buffer *room, const struct json *object,
                              const char *key, assay_error *error)
{
    const struct json *value = json_member(object, key);
    struct json_writer writer = {.out = room};
    *out = NULL;
    switch (json_kind(value)) {
    case JSON_NULL:
        return ASSAY_OK;
    case JSON_STRING:
        if (strlen(json_string(value)) != json_string_length(value))
            return refuse(key, "a zero byte stands in it", error);
        *out = json_string(value);
        return ASSAY_OK;
    case JSON_INTEGER:
    case JSON_NUMBER:
    case JSON_BOOLEAN:
        buffer_clear(room);
        json_put_value(&writer, value);
        *out = room->bytes;
        return writer.failed ? error_memory(error, 1) : ASSAY_OK;
    default:
        refuse(key, "wrong kind of value", error);
        error_expected(error, "a string or a number");
        error_found(error, "%s", json_kind_name(json_kind(value)));
        return ASSAY_ERROR_FORMAT;
    }
}

static assay_status grow(struct file_context *own, assay_error *error)
{
    int64_t used = own->ids.count;
    if (used < own->room)
        return ASSAY_OK;
    int64_t room = own->room ? own->room * 2 : 256;
    size_t values, width = own->width ? (size_t)own->width : 1;
    if (room > INT32_MAX || !checked_multiply(&values, (size_t)room, width))
        return error_set(error, ASSAY_ERROR_LIMIT, "too many rows for one evaluation");
    struct told_row *rows = memory_resize(own->rows, (size_t)room, sizeof *rows);
    if (rows)
        own->rows = rows;
    float *logits = rows ? memory_resize(own->logits, values, sizeof *logits) : NULL;
    if (logits)
        own->logits = logits;
    double *shares = logits ? memory_resize(own->probabilities, values, sizeof *shares) : NULL;
    if (!shares)
        return error_memory(error, values * sizeof *shares);
    own->probabilities = shares;
    own->room = room;
    return ASSAY_OK;
}

/* An array of numbers of the width that the first row has. */
static assay_status read_array(double *out, struct file_context *own, const struct json *array,
                               const char *key, assay_error *error)
{
    if (json_kind(array) != JSON_ARRAY || json_count(array) != (size_t)own->width) {
        refuse(key, "not the array that the rows before have", error);
        error_expected(error, "%d numbers", own->width);
        error_found(error, "%s of %zu", json_kind_name(json_kind(array)), json_count(array));
        return ASSAY_ERROR_FORMAT;
    }
    for (int32_t c = 0; c < own->width; c++) {
        const struct json *value = json_element(array, (size_t)c);
        enum json_kind kind = json_kind(value);
        if (kind != JSON_NUMBER && kind != JSON_INTEGER) {
            refuse(key, "not a number", error);
            error_found(error, "%s", json_kind_name(kind));
            return ASSAY_ERROR_FORMAT;
        }
        out[c] = json_number(value);
        if (!isfinite(out[c]))
            return refuse(key, "a number is beyond float64", error);
    }
    return ASSAY_OK;
}

static assay_status check_shares(const double *shares, int32_t width, assay_error *error)
{
    double sum = 0.0;
    for (int32_t c = 0; c < width; c++) {
        if (!(shares[c] >= 0.0 && shares[c] <= 1.0)) {
            refuse("probabilities", "a probability is out of range", error);
            error_expected(error, "0 to 1");
            error_found(error, "%.9g", shares[c]);
            return ASSAY_ERROR_FORMAT;
        }
        sum += shares[c];
    }
    if (fabs(sum - 1.0) <= 1e-3)
        return ASSAY_OK;
    refuse("probabilities", "the probabilities do not add up to 1", error);
    error_found(error, "%.9g", sum);
    return ASSAY_ERROR_FORMAT;
}

/* What the first row has, every row must have. */
static assay_status take_shape(struct file_context *own, const struct json *row, assay_error *error)
{
    const struct json *logits = json_member(row, "logits");
    const struct json *shares = json_member(row, "probabilities");
    own->has_logits = json_kind(logits) != JSON_NULL;
    own->has_probabilities = json_kind(shares) != JSON_NULL;
    own->has_scores = json_kind(json_member(row, "score")) != JSON_NULL;
    own->has_predictions = json_kind(json_member(row, "predicted")) != JSON_NULL;
    size_t width = json_count(own->has_logits ? logits : shares);
    if ((own->has_logits || own->has_probabilities) && (width < 2 || width > MAX_CLASSES)) {
        refuse(own->has_logits ? "logits" : "probabilities", "a number a label is expected", error);
        error_found(error, "%zu numbers", width);
        return ASSAY_ERROR_FORMAT;
    }
    own->width = own->has_logits || own->has_probabilities ? (int32_t)width : 0;
    if (own->width || own->has_scores || own->has_predictions)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_FORMAT, "the row holds nothing to judge");
    error_expected(error, "logits, probabilities, score or predicted");
    return ASSAY_ERROR_FORMAT;
}

static assay_status read_score(struct told_row *told, const struct json *row, bool wanted,
                               assay_error *error)
{
    const struct json *value = json_member(row, "score");
    told->score = NAN;
    if (!wanted)
        return ASSAY_OK;
    if (json_kind(value) != JSON_NUMBER && json_kind(value) != JSON_INTEGER) {
        refuse("score", "wrong kind of value", error);
        error_expected(error, "a number, as in the rows before");
        error_found(error, "%s", json_kind_name(json_kind(value)));
        return ASSAY_ERROR_FORMAT;
    }
    told->score = json_number(value);
    return isfinite(told->score) ? ASSAY_OK : refuse("score", "beyond float64", error);
}

static assay_status read_numbers(struct file_context *own, const struct json *row, int64_t at,
                                 assay_error *error)
{
    size_t width = (size_t)own->width;
    double *shares = own->probabilities + (size_t)at * width;
    assay_status status = ASSAY_OK;
    if (own->has_logits) {
        /* The shares' place holds the doubles meanwhile. */
        status = read_array(shares, own, json_member(row, "logits"), "logits", error);
        for (size_t c = 0; !status && c < width; c++) {
            float *logit = &own->logits[(size_t)at * width + c];
            *logit = (float)shares[c];
            if (isinf(*logit))
                status = refuse("logits", "a logit is beyond float32", error);
        }
    }
    if (!status && own->has_probabilities) {
        status = read_array(shares, own, json_member(row, "probabilities"), "probabilities", error);
        if (!status)
            status = check_shares(shares, own->width, error);
    }
    return status;
}

static assay_status take_row(struct file_context *own, const struct json *row, int64_t line,
                             struct buffer *room, assay_error *error)
{
    if (json_kind(row) != JSON_OBJECT) {
        error_set(error, ASSAY_ERROR_FORMAT, "the row is not an object");
        error_found(error, "%s", json_kind_name(json_kind(row)));
        return ASSAY_ERROR_FORMAT;
    }
    assay_status status = own->ids.count ? ASSAY_OK : take_shape(own, row, error);
    if (!status)
        status = grow(own, error);
    if (status)
        return status;
    int64_t at = own->ids.count;
    struct told_row *told = &own->rows[at];
    *told = (struct told_row){.line = line, .predicted = -1, .label = -1};
    const char *id, *word;
    char number[24];
    status = read_score(told, row, own->has_scores, error);
    if (!status)
        status = read_numbers(own, row, at, error);
    static const char *const keys[] = {"predicted", "label"};
    for (int k = 0; !status && k < 2; k++) {
        status = read_word(&word, room, row, keys[k], error);
        int32_t number_of = !status && word ? name_table_add(&own->words, word) : -1;
        if (!status && word && number_of < 0)
            status = error_memory(error, strlen(word));
        *(k ? &told->label : &told->predicted) = number_of;
    }
    if (!status && (told->predicted >= 0) != own->has_predictions)
        status = refuse("predicted", "some rows have it and some have not", error);
    if (!status)
        status = read_word(&id, room, row, "id", error);
    if (status)
        return status;
    if (!id) {
        snprintf(number, sizeof number, "%" PRId64, at + 1);
        id = number;
    }
    if (name_table_find(&own->ids, id) >= 0) {
        refuse("id", "an id stands twice", error);
        error_found(error, "\"%.60s\"", id);
        return ASSAY_ERROR_FORMAT;
    }
    return name_table_add(&own->ids, id) < 0 ? error_memory(error, strlen(id)) : ASSAY_OK;
}

static assay_status read_file(struct file_context *own, const char *path, assay_error *error)
{
    struct buffer line = {0}, room = {0};
    struct reader *reader = memory_allocate(1, sizeof *reader);
    if (!reader)
        return error_memory(error, sizeof *reader);
    assay_status status = reader_open(reader, path, error);
    bool opened = !status, found = opened;
    while (!status && found) {
        struct json *row = NULL;
        int64_t at = reader->line;
        buffer_clear(&line);
        status = reader_line(reader, &line, MAX_LINE, &found, error);
        if (!status && found && line.length && strspn(line.bytes, " \t") != line.length) {
            status = json_parse(&row, line.bytes, line.length, NULL, error);
            if (!status)
                status = take_row(own, row, at, &room, error);
            json_free(row);
        }
        if (status && error)
            error->row = at; /* a parser counts from the start of the line */
    }
    if (opened)
        reader_close(reader);
    if (!status && !own->ids.count)
        status = error_set(error, ASSAY_ERROR_FORMAT, "there are no rows");
    if (status)
        error_at_file(error, path);
    buffer_free(&line);
    buffer_free(&room);
    memory_free(reader);
    return status;
}

static bool is_column(const struct file_context *own, int64_t row, int32_t column)
{
    const float *logits = own->logits + row * own->width;
    const double *shares = own->probabilities + row * own->width;
    for (int32_t c = 0; c < own->width; c++) {
        if (own->has_logits ? logits[c] > logits[column] : shares[c] > shares[column])
            return false;
    }
    return true;
}

/* Which label a column is, by what was predicted where that column was the largest. */
static assay_status name_columns(struct scorer *out, struct file_context *own,
                                 const struct name_table *known, assay_error *error)
{
    int32_t named = 0;
    int32_t *word_of = memory_allocate((size_t)own->width, sizeof *word_of);
    if (!word_of)
        return error_memory(error, (size_t)own->width * sizeof *word_of);
    for (int32_t c = 0; c < own->width; c++)
        word_of[c] = -1;
    assay_status status = ASSAY_OK;
    for (int64_t i = 0; i < own->ids.count && own->has_predictions && !status; i++) {
        int32_t word = own->rows[i].predicted, column = -1, tied = 0;
        for (int32_t c = 0; c < own->width; c++) {
            tied += is_column(own, i, c);
            column = is_column(own, i, c) ? c : column;
        }
        if (tied != 1 || word_of[column] == word)
            continue;
        bool taken = word_of[column] >= 0;
        for (int32_t c = 0; c < own->width; c++)
            taken = taken || word_of[c] == word;
        if (taken) {
            error_set(error, ASSAY_ERROR_FORMAT,
                      "what is predicted is not what is most probable, so it cannot name the "
                      "columns: --labels A,B does");
            error_at_row(error, own->rows[i].line, 0);
            error_at_file(error, own->path);
            status = ASSAY_ERROR_FORMAT;
        }
        word_of[column] = word;
        named++;
    }
    /* One column that nobody predicts has the one label that is left over. */
    const char *left = NULL;
    int32_t spare = 0;
    for (int32_t i = 0; i < known->count; i++) {
        bool used = false;
        for (int32_t c = 0; c < own->width; c++)
            used =
                used || (word_of[c] >= 0 && !strcmp(own->words.names[word_of[c]], known->names[i]));
        left = used ? left : known->names[i];
        spare += !used;
    }
    if (!status && (named < own->width - 1 || (named < own->width && spare != 1))) {
        error_set(error, ASSAY_ERROR_ARGUMENT,
                  "what the rows predict does not name the columns: --labels A,B does");
        error_at_file(error, own->path);
        error_expected(error, "%d labels in the order of the columns", own->width);
        status = ASSAY_ERROR_ARGUMENT;
    }
    for (int32_t c = 0; c < own->width && !status; c++) {
        const char *name = word_of[c] >= 0 ? own->words.names[word_of[c]] : left;
        if (name_table_add(&out->labels, name) < 0)
            status = error_memory(error, strlen(name));
    }
    memory_free(word_of);
    return status;
}

static assay_status take_names(struct scorer *out, struct file_context *own,
                               const struct name_table *names, const struct name_table *known,
                               assay_error *error)
{
    const struct name_table *from = names->count ? names : known;
    if (own->width && !names->count)
        return name_columns(out, own, known, error);
    for (int32_t i = 0; i < from->count; i++) {
        if (name_table_add(&out->labels, from->names[i]) < 0)
            return error_memory(error, 1);
    }
    for (int32_t i = 0; i < own->words.count && !names->count; i++) {
        if (name_table_add(&out->labels, own->words.names[i]) < 0)
            return error_memory(error, 1);
    }
    if (own->width && own->width != out->labels.count) {
        error_set(error, ASSAY_ERROR_ARGUMENT, "the columns are not as many as their names");
        error_at_file(error, own->path);
        error_expected(error, "%d", own->width);
        error_found(error, "%d labels", out->labels.count);
        return ASSAY_ERROR_ARGUMENT;
    }
    return ASSAY_OK;
}

static assay_status map_words(const struct scorer *out, struct file_context *own,
                              assay_error *error)
{
    own->column_of_word = memory_allocate((size_t)own->words.count + 1, sizeof(int32_t));
    if (!own->column_of_word)
        return error_memory(error, (size_t)own->words.count * sizeof(int32_t));
    for (int32_t i = 0; i < own->words.count; i++)
        own->column_of_word[i] = name_table_find(&out->labels, own->words.names[i]);
    for (int64_t i = 0; i < own->ids.count; i++) {
        int32_t word = own->rows[i].predicted;
        if (word < 0 || own->column_of_word[word] >= 0)
            continue;
        char list[ASSAY_ERROR_DETAIL_SIZE - 16];
        refuse("predicted", "none of the labels is predicted", error);
        error_at_file(error, own->path);
        error_at_row(error, own->rows[i].line, 0);
        error_expected(error, "one of %s", name_table_list(&out->labels, list, sizeof list));
        error_found(error, "\"%.60s\"", own->words.names[word]);
        return ASSAY_ERROR_FORMAT;
    }
    return ASSAY_OK;
}

static double log_odds_of_share(const double *shares, int32_t classes, int32_t class)
{
    double rest = 0.0;
    for (int32_t c = 0; c < classes; c++)
        rest += c == class ? 0.0 : shares[c];
    return log(shares[class]) - log(rest);
}

static void answer(struct scorer *scorer, struct score_batch *batch, int64_t i, int64_t at)
{
    struct file_context *own = scorer->context;
    const struct told_row *told = &own->rows[at];
    int32_t width = own->width;
    const float *logits = own->logits + at * width;
    const double *shares = own->probabilities + at * width;
    batch->predicted[i] = told->predicted >= 0 ? own->column_of_word[told->predicted] : -1;
    if (!width) {
        batch->scores[i] = told->score;
        return;
    }
    int32_t best = 0;
    for (int32_t c = 0; c < width; c++)
        best = is_column(own, at, best) ? best : c;
    if (batch->predicted[i] < 0)
        batch->predicted[i] = best;
    if (own->has_logits) {
        memcpy(batch->logits + i * width, logits, (size_t)width * sizeof *logits);
        batch->confidences[i] = score_log_odds(logits, width, batch->predicted[i]);
        if (scorer->positive >= 0)
            batch->scores[i] = score_log_odds(logits, width, scorer->positive);
    } else {
        batch->confidences[i] = log_odds_of_share(shares, width, batch->predicted[i]);
        if (scorer->positive >= 0)
            batch->scores[i] = log_odds_of_share(shares, width, scorer->positive);
    }
    if (own->has_probabilities)
        memcpy(batch->probabilities + i * width, shares, (size_t)width * sizeof *shares);
    else
        score_probabilities(batch->probabilities + i * width, logits, width, 1.0);
}

static assay_status score_ids(struct scorer *scorer, struct score_batch *batch, assay_error *error)
{
    struct file_context *own = scorer->context;
    for (int64_t i = 0; i < batch->count; i++) {
        int32_t at = name_table_find(&own->ids, batch->ids[i]);
        if (at < 0) {
            error_set(error, ASSAY_ERROR_FORMAT, "a row of the data is not in the predictions");
            error_at_file(error, batch->file);
            error_at_row(error, batch->lines[i], 0);
            error_at_place(error, "id");
            error_expected(error, "one of the %d ids of %.80s", own->ids.count, own->path);
            error_found(error, "\"%.60s\"", batch->ids[i]);
            return ASSAY_ERROR_FORMAT;
        }
        struct told_row *told = &own->rows[at];
        if (told->label >= 0 && strcmp(own->words.names[told->label], batch->labels[i]) != 0) {
            error_set(error, ASSAY_ERROR_FORMAT,
                      "the predictions give this row another label than the data: they are of "
                      "other data");
            error_at_file(error, own->path);
            error_at_row(error, told->line, 0);
            error_at_place(error, "label");
            error_expected(error, "\"%.60s\" of %.60s", batch->labels[i], batch->file);
            error_found(error, "\"%.60s\"", own->words.names[told->label]);
            return ASSAY_ERROR_FORMAT;
        }
        own->taken += !told->asked;
        told->asked = true;
        answer(scorer, batch, i, at);
    }
    return ASSAY_OK;
}

static assay_status finish_ids(struct scorer *scorer, const char *data, assay_error *error)
{
    struct file_context *own = scorer->context;
    int64_t i = 0;
    while (i < own->ids.count && own->rows[i].asked)
        own->rows[i++].asked = false; /* ready to be asked again */
    if (i == own->ids.count)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_FORMAT, "a row of the predictions is not in the data");
    error_at_file(error, own->path);
    error_at_row(error, own->rows[i].line, 0);
    error_at_place(error, "id");
    error_expected(error, "one of the ids of %.100s", data);
    error_found(error, "\"%.60s\"", own->ids.names[i]);
    return ASSAY_ERROR_FORMAT;
}

assay_status scorer_open_file(struct scorer *out, const char *path, const struct name_table *names,
                              const struct name_table *known, assay_error *error)
{
    *out = (struct scorer){.positive = -1, .temperature = 1.0};
    struct file_context *own = memory_allocate_zeroed(1, sizeof *own);
    if (!own)
        return error_memory(error, sizeof *own);
    out->context = own;
    out->close = close_file;
    out->score = score_ids;
    out->finish = finish_ids;
    own->path = memory_copy_string(path);
    assay_status status = own->path ? read_file(own, path, error) : error_memory(error, 1);
    if (!status)
        status = take_names(out, own, names, known, error);
    if (!status)
        status = map_words(out, own, error);
    out->has_logits = own->has_logits;
    out->has_probabilities = own->width > 0;
    out->has_scores = own->width > 0 || own->has_scores;
    out->has_predictions = own->width > 0 || own->has_predictions;
    if (status)
        scorer_close(out);
    return status;
}
