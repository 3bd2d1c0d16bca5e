#include "base/error.h"
#include "base/memory.h"
#include "clean/clean_steps.h"
#include "clean/common_header.h"
#include "data/cleaning_record.h"
#include "prepare/job.h"
#include "prepare/row_batch.h"

#include <string.h>

enum { HEAD_BYTES = 2048, BUFFER_KEPT = 64 << 10 };

/* What became of one row. */
struct cleaned {
    int64_t edits[ASSAY_CLEAN_STEP_COUNT];
    assay_clean_rule rule; /* ASSAY_CLEAN_RULE_COUNT: it stays */
    char why[CLEAN_WHY_SIZE];
    bool changed;
    struct buffer text;
    struct buffer words; /* homoglyphs, each with a zero byte */
};

struct clean {
    const assay_clean_options *options;
    struct job job;
    struct row_batch batch;
    struct cleaned *rows;     /* (BATCH_ROWS) */
    struct clean_text *texts; /* (threads) */
    struct common_headers headers;
    const char **cut; /* the headers given, then those found */
    assay_cleaning pass;
    bool heads; /* the pass that looks for headers: only the beginnings of texts */
    struct tally labels;
    struct output_file *output, *changes;
    struct buffer line;
    int64_t read, changed, removed;
    int64_t step_rows[ASSAY_CLEAN_STEP_COUNT], step_edits[ASSAY_CLEAN_STEP_COUNT];
    int64_t rule_rows[ASSAY_CLEAN_RULE_COUNT];
    _Atomic bool no_memory;
};

static const char *const rule_names[] = {
#define X(name, text, on, what) text,
    ASSAY_CLEAN_RULE_LIST(X)
#undef X
};

void assay_clean_options_init(assay_clean_options *options)
{
    if (!options)
        return;
    static const bool steps[] = {
#define X(name, text, on, what) on,
        ASSAY_CLEAN_STEP_LIST(X)
#undef X
    };
    static const bool rules[] = {
#define X(name, text, on, what) on,
        ASSAY_CLEAN_RULE_LIST(X)
#undef X
    };
    *options = (assay_clean_options){.struct_size = sizeof *options,
                                     .min_words = 1,
                                     .max_repeated_lines = .5,
                                     .max_repeated_words = .5,
                                     .min_letters = .4,
                                     .header_share = .01};
    memcpy(options->steps, steps, sizeof steps);
    memcpy(options->rules, rules, sizeof rules);
}

static assay_status check_options(const assay_clean_options *options, assay_error *error)
{
    if (error_options(error, options->struct_size, sizeof *options, "assay_clean_options_init"))
        return ASSAY_ERROR_ARGUMENT;
    const struct {
        const char *name;
        double value;
    } shares[] = {{"max_repeated_lines", options->max_repeated_lines},
                  {"max_repeated_words", options->max_repeated_words},
                  {"min_letters", options->min_letters},
                  {"header_share", options->header_share}};
    if (error_list(error, options->headers, options->header_count, "headers"))
        return ASSAY_ERROR_ARGUMENT;
    if (!options->files.output)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "there is no output");
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        if (shares[i].value >= 0.0 && shares[i].value <= 1.0)
            continue;
        error_set(error, ASSAY_ERROR_ARGUMENT, "not a share");
        error_at_place(error, "%s", shares[i].name);
        error_expected(error, "0 to 1");
        error_found(error, "%g", shares[i].value);
        return ASSAY_ERROR_ARGUMENT;
    }
    if (options->max_words > 0 && options->max_words < options->min_words)
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "max_words is smaller than min_words: no text is left");
    return ASSAY_OK;
}

/* ---- one text, on any thread */

/* How much of a text is looked at for its header, cut between characters. */
static size_t head_of(const struct held_row *held)
{
    size_t length = held->text_length;
    if (length <= HEAD_BYTES)
        return length;
    length = HEAD_BYTES;
    while (length && ((unsigned char)held->text[length] & 0xc0) == 0x80)
        length--;
    return length;
}

static void clean_row(void *context, int64_t i, int thread)
{
    struct clean *c = context;
    const struct held_row *held = &c->batch.rows[i];
    struct cleaned *row = &c->rows[i];
    struct clean_text *text = &c->texts[thread];
    memset(row->edits, 0, sizeof row->edits);
    row->rule = ASSAY_CLEAN_RULE_COUNT;
    row->changed = false;
    buffer_clear(&row->text);
    buffer_clear(&row->words);
    if (held->fault) {
        row->rule = ASSAY_CLEAN_RULE_BROKEN;
        return;
    }
    clean_decode(text, held->text, c->heads ? head_of(held) : held->text_length);
    clean_change(text, row->edits, &row->words, &c->pass);
    if (!text->failed && !c->heads) {
        clean_finish(text, row->edits, &c->pass);
        if (!text->failed)
            row->rule = clean_rule_of(row->why, text, c->options);
    }
    if (text->failed || !buffer_append(&row->text, text->bytes.bytes, text->bytes.length)) {
        text->failed = false;
        c->no_memory = true;
        return;
    }
    row->changed = row->text.length != held->text_length ||
                   memcmp(row->text.bytes, held->text, held->text_length) != 0;
}

static assay_status next_batch(struct clean *c, assay_rows *rows, const char *phase,
                               assay_error *error)
{
    bool keep = c->options->rules[ASSAY_CLEAN_RULE_BROKEN];
    job_phase(&c->job, "reading");
    assay_status status =
        row_batch_fill(&c->batch, rows, c->heads ? NULL : &c->job.source, keep, NULL, NULL, error);
    if (status)
        return status;
    job_phase(&c->job, phase);
    thread_pool_run(c->job.pool, c->batch.count, clean_row, c);
    return c->no_memory ? error_memory(error, BATCH_BYTES) : ASSAY_OK;
}

/* Large texts do not keep their memory for small ones. */
static void let_go(struct cleaned *row)
{
    if (row->text.capacity > BUFFER_KEPT)
        buffer_free(&row->text);
}

/* ---- headers, a pass of its own */

static assay_status find_headers(struct clean *c, assay_error *error)
{
    assay_rows *rows = NULL;
    int64_t read = 0;
    assay_status status = job_rows(&c->job, &rows, c->options->files.input, error);
    c->heads = true;
    c->batch.ended = false;
    while (!status && !c->batch.ended) {
        status = next_batch(c, rows, "looking for headers", error);
        for (int64_t i = 0; i < c->batch.count && !status; i++) {
            if (!c->batch.rows[i].fault)
                status = common_headers_count(&c->headers, c->rows[i].text.bytes,
                                              c->rows[i].text.length, error);
        }
        read += c->batch.count;
        job_tell(&c->job, read, assay_rows_bytes(rows));
    }
    assay_rows_close(rows);
    c->heads = false;
    return status ? status : common_headers_find(&c->headers, c->options->header_share, error);
}

static assay_status take_headers(struct clean *c, assay_error *error)
{
    assay_status status =
        c->options->steps[ASSAY_CLEAN_TRIM_HEADER] ? find_headers(c, error) : ASSAY_OK;
    size_t count = c->options->header_count + c->headers.found_count;
    c->cut = memory_allocate(count + 1, sizeof *c->cut);
    if (!c->cut)
        return error_memory(error, count * sizeof *c->cut);
    c->pass.headers = c->cut;
    for (size_t i = 0; i < c->options->header_count; i++)
        c->cut[c->pass.header_count++] = c->options->headers[i];
    for (size_t i = 0; i < c->headers.found_count; i++) {
        c->cut[c->pass.header_count++] = c->headers.found[i];
        report_note(c->job.report, "header found: \"%.*s\"",
                    (int)strcspn(c->headers.found[i], "\r\n"), c->headers.found[i]);
    }
    return status;
}

/* ---- writing, in order */

static assay_status tell_change(struct clean *c, const struct held_row *held,
                                const struct cleaned *row, assay_error *error)
{
    buffer_clear(&c->line);
    struct json_writer writer = {.out = &c->line};
    json_begin_object(&writer);
    json_key(&writer, "row");
    json_put_integer(&writer, held->row);
    if (held->id) {
        json_key(&writer, "id");
        json_put_string(&writer, held->id);
    }
    for (int step = 0; step < ASSAY_CLEAN_STEP_COUNT; step++) {
        if (!row->edits[step])
            continue;
        json_key(&writer, assay_clean_step_name(step));
        json_put_integer(&writer, row->edits[step]);
    }
    if (row->words.length) {
        json_key(&writer, "words");
        json_begin_array(&writer);
        for (size_t at = 0; at < row->words.length; at += strlen(row->words.bytes + at) + 1)
            json_put_string(&writer, row->words.bytes + at);
        json_end_array(&writer);
    }
    json_end_object(&writer);
    if (writer.failed || !buffer_append_byte(&c->line, '\n'))
        return error_memory(error, c->line.length);
    c->changes->rows++;
    return output_write(c->changes, c->line.bytes, c->line.length, error);
}

static assay_status keep_row(struct clean *c, const struct held_row *held,
                             const struct cleaned *row, assay_error *error)
{
    struct row_change change = {c->job.source.names[ROW_TEXT],
                                row->text.bytes ? row->text.bytes : "", row->text.length};
    buffer_clear(&c->line);
    assay_status status = row_source_write(&c->line, &c->job.source, held->held, held->held_length,
                                           &change, row->changed, error);
    if (!status)
        status = output_write(c->output, c->line.bytes, c->line.length, error);
    if (!status)
        status = tally_add(&c->labels, held->label, 1, error);
    if (status)
        return status;
    c->output->rows++;
    c->changed += row->changed;
    for (int step = 0; step < ASSAY_CLEAN_STEP_COUNT; step++) {
        c->step_rows[step] += row->edits[step] > 0;
        c->step_edits[step] += row->edits[step];
    }
    return row->changed || row->words.length ? tell_change(c, held, row, error) : ASSAY_OK;
}

static void put_detail(struct json_writer *writer, const void *context)
{
    json_key(writer, "detail");
    json_put_string(writer, context);
}

static assay_status take_out(struct clean *c, const struct held_row *held,
                             const struct cleaned *row, assay_error *error)
{
    struct removed_row removed = {.row = held->row,
                                  .line = held->line,
                                  .id = held->id,
                                  .reason = rule_names[row->rule],
                                  .held = held->held,
                                  .held_length = held->held_length};
    c->removed++;
    c->rule_rows[row->rule]++;
    return job_remove(&c->job, &removed, put_detail, held->fault ? held->fault : row->why, error);
}

static assay_status all_rows(struct clean *c, assay_error *error)
{
    assay_rows *rows = NULL;
    assay_status status = job_rows(&c->job, &rows, c->options->files.input, error);
    c->batch.ended = false;
    while (!status && !c->batch.ended) {
        status = next_batch(c, rows, "cleaning", error);
        job_phase(&c->job, "writing");
        for (int64_t i = 0; i < c->batch.count && !status; i++) {
            struct cleaned *row = &c->rows[i];
            status = row->rule == ASSAY_CLEAN_RULE_COUNT
                         ? keep_row(c, &c->batch.rows[i], row, error)
                         : take_out(c, &c->batch.rows[i], row, error);
            let_go(row);
            c->read++;
        }
        job_tell(&c->job, c->read, assay_rows_bytes(rows));
    }
    assay_rows_close(rows);
    if (!status && !c->read) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "there are no rows");
        error_at_file(error, c->options->files.input);
    }
    return status;
}

static void put_settings(struct json_writer *writer, const void *context)
{
    const struct clean *c = context;
    const assay_clean_options *options = c->options;
    cleaning_put_steps(writer, &c->pass);
    json_key(writer, "rules");
    json_begin_array(writer);
    for (int rule = 0; rule < ASSAY_CLEAN_RULE_COUNT; rule++) {
        if (options->rules[rule])
            json_put_string(writer, rule_names[rule]);
    }
    json_end_array(writer);
    const struct {
        assay_clean_rule rule;
        const char *name;
        double value;
        bool whole;
    } limits[] = {
        {ASSAY_CLEAN_RULE_SHORT, "min_words", (double)options->min_words, true},
        {ASSAY_CLEAN_RULE_LONG, "max_words", (double)options->max_words, true},
        {ASSAY_CLEAN_RULE_REPEATED_LINES, "max_repeated_lines", options->max_repeated_lines, false},
        {ASSAY_CLEAN_RULE_REPEATED_WORDS, "max_repeated_words", options->max_repeated_words, false},
        {ASSAY_CLEAN_RULE_LETTERS, "min_letters", options->min_letters, false}};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        if (!options->rules[limits[i].rule] || (limits[i].whole && limits[i].value <= 0))
            continue;
        json_key(writer, limits[i].name);
        if (limits[i].whole)
            json_put_integer(writer, (int64_t)limits[i].value);
        else
            json_put_number(writer, limits[i].value);
    }
    cleaning_put_headers(writer, &c->pass);
}

static assay_status finish(struct clean *c, assay_error *error)
{
    struct assay_data_report *report = c->job.report;
    report_add(report, "rows", "read", c->read);
    report_add(report, "rows", "written", c->output->rows);
    report_add(report, "rows", "changed", c->changed);
    report_add(report, "rows", "removed", c->removed);
    for (int rule = 0; rule < ASSAY_CLEAN_RULE_COUNT; rule++) {
        if (c->options->rules[rule])
            report_add(report, "removed", rule_names[rule], c->rule_rows[rule]);
    }
    for (int step = 0; step < ASSAY_CLEAN_STEP_COUNT; step++) {
        if (c->options->steps[step] || c->step_rows[step])
            report_add(report, "rows with", assay_clean_step_name(step), c->step_rows[step]);
    }
    for (int step = 0; step < ASSAY_CLEAN_STEP_COUNT; step++) {
        if (c->options->steps[step] || c->step_rows[step])
            report_add(report, "changes", assay_clean_step_name(step), c->step_edits[step]);
    }
    if (!c->output->rows)
        report_note(report, "no row is left");
    struct card_file input = {c->options->files.input, c->read, c->job.mark.bytes, c->job.mark.hex};
    struct card_step step = {
        .inputs = &input, .input_count = 1, .put_settings = put_settings, .context = c};
    job_phase(&c->job, "card and disk");
    assay_status status = job_card(&c->job, c->output, &step, &c->labels, error);
    return status ? status : job_commit(&c->job, error);
}

static assay_status begin(struct clean *c, assay_error *error)
{
    const assay_clean_options *options = c->options;
    assay_status status = job_open(&c->job, "clean", &options->files, false, error);
    if (status)
        return status;
    memcpy(c->pass.steps, options->steps, sizeof c->pass.steps);
    c->rows = memory_allocate_zeroed(BATCH_ROWS, sizeof *c->rows);
    c->texts = memory_allocate_zeroed((size_t)thread_pool_size(c->job.pool), sizeof *c->texts);
    if (!c->rows || !c->texts)
        return error_memory(error, BATCH_ROWS * sizeof *c->rows);
    status = row_batch_open(&c->batch, error);
    if (!status)
        status = job_output(&c->job, &c->output, options->files.output, error);
    if (!status)
        status = job_output_removed(&c->job, options->files.output, error);
    if (!status)
        status = outputs_open(&c->job.outputs, &c->changes, options->files.output, ".changes.jsonl",
                              error);
    return status ? status : take_headers(c, error);
}

static void end(struct clean *c)
{
    for (int i = 0; c->rows && i < BATCH_ROWS; i++) {
        buffer_free(&c->rows[i].text);
        buffer_free(&c->rows[i].words);
    }
    for (int i = 0; c->texts && i < thread_pool_size(c->job.pool); i++)
        clean_text_free(&c->texts[i]);
    memory_free(c->rows);
    memory_free(c->texts);
    memory_free(c->cut);
    common_headers_free(&c->headers);
    tally_free(&c->labels);
    buffer_free(&c->line);
    row_batch_free(&c->batch);
}

assay_status assay_data_clean(assay_data_report **report, const assay_clean_options *options,
                              assay_error *error)
{
    if (!report)
        return error_needs(error, __func__, "report");
    *report = NULL;
    if (!options)
        return error_needs(error, __func__, "options");
    struct clean c = {.options = options};
    assay_status status = check_options(options, error);
    if (status)
        return status;
    status = begin(&c, error);
    if (!status)
        status = all_rows(&c, error);
    if (!status)
        status = finish(&c, error);
    end(&c);
    job_close(&c.job, status ? NULL : report);
    return status;
}
