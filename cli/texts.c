#include "texts.h"

#include "assay/pull.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH_TEXTS = 64, BATCH_BYTES = 4 << 20, PROGRESS_SECONDS = 2, REFUSAL_SIZE = 768 };

struct item {
    char *memory; /* text, pair and id, one behind the other */
    const char *id;
    char where[ASSAY_ERROR_FILE_SIZE];
    int64_t line;
    bool cleaned;
    char refusal[REFUSAL_SIZE]; /* why it was refused (said already), or empty */
};

struct batch {
    struct item items[BATCH_TEXTS];
    assay_text texts[BATCH_TEXTS];
    assay_text_result results[BATCH_TEXTS];
    float *values;
    int64_t count;
    size_t bytes;
};

struct progress {
    double began, said;
    int64_t rows;    /* scored or refused while scoring */
    int64_t unread;  /* refused by the reader */
    int64_t refused; /* by the reader or while scoring */
    int code;        /* of the whole work, so far */
};

bool text_options(const struct call *call, assay_rows_options *options, int *code)
{
    static const struct {
        const char *name;
        assay_rows_format format;
    } formats[] = {
        {"jsonl", ASSAY_ROWS_JSONL}, {"csv", ASSAY_ROWS_CSV},     {"tsv", ASSAY_ROWS_TSV},
        {"lines", ASSAY_ROWS_LINES}, {"whole", ASSAY_ROWS_WHOLE},
    };
    *options = (assay_rows_options)ASSAY_ROWS_OPTIONS_INIT;
    const char *format = call_text(call, "format", "auto");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!strcmp(format, formats[i].name))
            options->format = formats[i].format;
    }
    for (int i = 0; i < call->given_count; i++) {
        const char *value = call->given[i].value;
        if (strcmp(call->given[i].flag->name, "field") != 0)
            continue;
        if (!strncmp(value, "text=", 5))
            options->text_field = value + 5;
        else if (!strncmp(value, "pair=", 5))
            options->pair_field = value + 5;
        else if (!strncmp(value, "id=", 3))
            options->id_field = value + 3;
        else if (!strncmp(value, "label=", 6))
            options->label_field = value + 6;
        else {
            *code = call_wrong(call,
                               "--field is text=, pair=, id= or label= and a field's name, "
                               "not \"%s\"",
                               value);
            return false;
        }
    }
    return true;
}

bool text_row_fault(assay_status status)
{
    return status == ASSAY_ERROR_FORMAT || status == ASSAY_ERROR_LIMIT;
}

static void clear_batch(struct batch *batch)
{
    for (int64_t i = 0; i < batch->count; i++)
        free(batch->items[i].memory);
    batch->count = 0;
    batch->bytes = 0;
}

/* Does to the text of a row what was done to the texts of the training. */
static assay_status clean_row(const struct text_work *work, assay_row *row, bool *changed,
                              assay_error *error)
{
    const char *text;
    size_t length;
    assay_status status =
        assay_cleaner_clean(work->cleaner, &text, &length, row->text, row->text_length, error);
    *changed =
        status == ASSAY_OK && (length != row->text_length || memcmp(text, row->text, length) != 0);
    row->text = text;
    row->text_length = length;
    return status;
}

static bool add_row(struct batch *batch, const assay_row *row, bool cleaned)
{
    struct item *item = &batch->items[batch->count];
    size_t id_length = strlen(row->id);
    size_t size = row->text_length + row->pair_length + id_length + 3;
    char *memory = malloc(size);
    if (!memory)
        return false;
    assay_text *text = &batch->texts[batch->count];
    *text = (assay_text){.text = memory, .length = row->text_length};
    memcpy(memory, row->text, row->text_length);
    char *at = memory + row->text_length;
    *at++ = 0;
    if (row->pair) {
        text->pair = at;
        text->pair_length = row->pair_length;
        memcpy(at, row->pair, row->pair_length);
        at += row->pair_length;
    }
    *at++ = 0;
    memcpy(at, row->id, id_length + 1);
    item->memory = memory;
    item->id = at;
    item->line = row->line;
    item->cleaned = cleaned;
    item->refusal[0] = '\0';
    snprintf(item->where, sizeof item->where, "%s", row->file);
    batch->count++;
    batch->bytes += size;
    return true;
}

/* Says what is wrong with one row of the input, where it came from first. */
static void report_row(const struct text_work *work, const struct item *item, assay_error *error)
{
    if (!error->file[0]) {
        snprintf(error->file, sizeof error->file, "%s", item->where);
        error->row = item->line;
    }
    call_failed(work->call, error);
}

/* A fault that lies in one text, so that its neighbours can still be answered. */
static bool text_fault(const assay_error *error)
{
    return error->row > 0 &&
           (text_row_fault(error->status) || error->status == ASSAY_ERROR_ARGUMENT);
}

/* Scores the batch; when one text spoils it, each alone. */
static assay_status score_batch(const struct text_work *work, struct batch *batch,
                                struct progress *progress, assay_error *error)
{
    *error = (assay_error){0};
    assay_status status = work->score(work->session, batch->values, batch->results, batch->texts,
                                      batch->count, error);
    if (status == ASSAY_OK || !text_fault(error))
        return status;
    for (int64_t i = 0; i < batch->count; i++) {
        *error = (assay_error){0};
        status = work->score(work->session, batch->values + i * work->width, &batch->results[i],
                             &batch->texts[i], 1, error);
        if (status == ASSAY_OK)
            continue;
        if (!text_fault(error))
            return status;
        report_row(work, &batch->items[i], error);
        assay_error_format(error, batch->items[i].refusal, REFUSAL_SIZE);
        progress->refused++;
        progress->code = CALL_FAILED;
    }
    return ASSAY_OK;
}

static void say_progress(const struct text_work *work, struct progress *progress)
{
    double now = call_seconds();
    if (now - progress->said < PROGRESS_SECONDS)
        return;
    progress->said = now;
    call_note(work->call, "%lld texts, %.0f a second", (long long)progress->rows,
              (double)progress->rows / (now - progress->began));
}

/* Scores and writes what is gathered. False: the work cannot go on. */
static bool finish_batch(const struct text_work *work, struct batch *batch,
                         struct progress *progress, bool flush)
{
    if (!batch->count)
        return true;
    assay_error error;
    if (score_batch(work, batch, progress, &error) != ASSAY_OK) {
        progress->code = call_failed(work->call, &error);
        return false;
    }
    bool written = true;
    for (int64_t i = 0; written && i < batch->count; i++) {
        const struct item *item = &batch->items[i];
        const char *refusal = item->refusal[0] ? item->refusal : NULL;
        struct text_answer answer = {item->id, refusal ? NULL : batch->values + i * work->width,
                                     &batch->results[i], item->cleaned, refusal};
        written = work->write(work->context, &answer);
    }
    progress->rows += batch->count;
    clear_batch(batch);
    if (!written || (flush && fflush(stdout) != 0)) {
        progress->code = CALL_FAILED;
        return false;
    }
    say_progress(work, progress);
    return true;
}

/* A fault of reading. True: the next row can still be read. Standard input's ids are its lines. */
static bool refuse_row(const struct text_work *work, struct progress *progress,
                       const assay_error *error, bool id_is_line)
{
    char id[32], refusal[REFUSAL_SIZE];
    progress->code = call_failed(work->call, error);
    if (!text_row_fault(error->status))
        return false;
    progress->refused++;
    progress->unread++;
    snprintf(id, sizeof id, "%lld", (long long)error->row);
    assay_error_format(error, refusal, sizeof refusal);
    struct text_answer answer = {.id = id_is_line ? id : NULL, .refusal = refusal};
    bool written = work->write(work->context, &answer);
    return written && (!id_is_line || fflush(stdout) == 0);
}

/* False: the work cannot go on. A file that cannot be read does not keep the next from being
 * answered. */
static bool run_path(const struct text_work *work, struct batch *batch, struct progress *progress,
                     const char *path, const assay_rows_options *options)
{
    assay_error error = {0};
    assay_rows *rows = NULL;
    if (assay_rows_open(&rows, path, options, &error) != ASSAY_OK) {
        progress->code = call_failed(work->call, &error);
        return true;
    }
    bool one_by_one = !strcmp(path, "-");
    int64_t most = one_by_one ? 1 : BATCH_TEXTS;
    bool going = true;
    while (going) {
        assay_row row;
        bool cleaned = false;
        error = (assay_error){0};
        if (assay_rows_next(rows, &row, &error) != ASSAY_OK) {
            going = finish_batch(work, batch, progress, one_by_one);
            if (!refuse_row(work, progress, &error, one_by_one))
                break;
        } else if (!row.text) {
            break;
        } else if (work->cleaner && clean_row(work, &row, &cleaned, &error) != ASSAY_OK) {
            progress->code = call_failed(work->call, &error);
            going = false;
        } else if (!add_row(batch, &row, cleaned)) {
            progress->code = call_failed_saying(work->call, "not enough memory");
            going = false;
        } else if (batch->count == most || batch->bytes >= BATCH_BYTES) {
            going = finish_batch(work, batch, progress, one_by_one);
        }
    }
    going = going && finish_batch(work, batch, progress, one_by_one);
    clear_batch(batch);
    assay_rows_close(rows);
    return going;
}

int text_run(const struct text_work *work, const char **paths, int count, bool *finished)
{
    static const char *standard_input[] = {"-"};
    assay_rows_options options;
    int code = CALL_DONE;
    *finished = false;
    if (!text_options(work->call, &options, &code))
        return code;
    struct batch *batch = calloc(1, sizeof *batch);
    float *values = calloc((size_t)BATCH_TEXTS * (size_t)work->width, sizeof *values);
    if (!batch || !values) {
        free(values);
        free(batch);
        return call_failed_saying(work->call, "not enough memory");
    }
    batch->values = values;
    double began = call_seconds();
    struct progress progress = {.began = began, .said = began};
    if (!count) {
        paths = standard_input;
        count = 1;
    }
    bool going = true;
    for (int i = 0; going && i < count; i++) {
        if (!strcmp(paths[i], "-") && isatty(STDIN_FILENO))
            call_note(work->call, "reading a text a line; Ctrl-D ends");
        going = run_path(work, batch, &progress, paths[i], &options);
    }
    if (progress.refused)
        call_note(work->call, "%lld of %lld texts were refused", (long long)progress.refused,
                  (long long)(progress.rows + progress.unread));
    /* Nothing at all could be opened: that is no empty result. */
    *finished = going && (progress.code == CALL_DONE || progress.rows + progress.unread > 0);
    free(values);
    free(batch);
    return progress.code;
}

int text_open_model_alone(const struct call *call, assay_model **model)
{
    assay_error error = {0};
    char *folder = NULL;
    int code = CALL_DONE;
    if (assay_model_folder(&folder, call->arguments[0], &error) != ASSAY_OK ||
        assay_model_open(model, folder, &error) != ASSAY_OK)
        code = call_failed(call, &error);
    assay_string_free(folder);
    return code;
}

int text_open_session(const struct call *call, assay_model *model,
                      const assay_session_options *without_flags, assay_session **session)
{
    assay_error error = {0};
    assay_session_options options = *without_flags;
    options.threads = call->threads;
    if (call_has(call, "precision"))
        options.precision = call->precision;
    options.max_tokens = (int32_t)call_integer(call, "max-tokens", options.max_tokens);
    options.batch_tokens = call_integer(call, "batch-tokens", 0);
    options.last_by_pad_token = call_has(call, "last-by-pad-token");
    if (assay_session_open(session, model, &options, &error) != ASSAY_OK)
        return call_failed(call, &error);
    assay_precision used = assay_session_precision(*session);
    /* Nobody asked for the default; a higher precision than that needs no word. */
    if (used != options.precision &&
        (call_has(call, "precision") || options.precision == ASSAY_PRECISION_MEDIUM))
        call_note(call, "this processor has no units for %s; computing at %s",
                  assay_precision_name(options.precision), assay_precision_name(used));
    if (call->verbose)
        call_note(call, "%s, %s kernels, %d threads", assay_precision_name(used),
                  assay_session_kernels(*session), assay_session_threads(*session));
    return CALL_DONE;
}

int text_open_model(const struct call *call, assay_model **model, assay_session **session)
{
    assay_session_options usual = ASSAY_SESSION_OPTIONS_INIT;
    usual.precision = ASSAY_PRECISION_HIGH;
    int code = text_open_model_alone(call, model);
    return code == CALL_DONE ? text_open_session(call, *model, &usual, session) : code;
}
