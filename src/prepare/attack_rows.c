/* Perturbed copies of the rows of a file: assay attack. */
#include "assay/attack.h"
#include "base/error.h"
#include "base/memory.h"
#include "data/attack.h"
#include "prepare/job.h"

#include <stdio.h>
#include <string.h>

static const char field[] = "attack";

enum { CHANGES = 3 };

struct attacking {
    const assay_attack_options *options;
    int *kinds;                   /* (kind_count) */
    struct attack_places *places; /* (kind_count) of all rows */
    int64_t *untouched;           /* (kind_count) rows without a changed place */
    struct job job;
    struct output_file *output;
    struct tally labels;
    struct buffer held, text, line, id;
    int64_t read, broken;
};

int assay_attack_count(void)
{
    return attack_count();
}

const char *assay_attack_name(int kind)
{
    return attack_name(kind);
}

const char *assay_attack_description(int kind)
{
    return attack_description(kind);
}

void assay_attack_options_init(assay_attack_options *options)
{
    if (!options)
        return;
    *options = (assay_attack_options){.struct_size = sizeof *options, .strength = 0.3};
}

static assay_status unknown_kind(const char *name, assay_error *error)
{
    char known[ASSAY_ERROR_DETAIL_SIZE] = "";
    size_t used = 0;
    for (int kind = 0; kind < attack_count() && used < sizeof known; kind++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", kind ? ", " : "",
                                 attack_name(kind));
    error_set(error, ASSAY_ERROR_ARGUMENT, "there is no such attack");
    error_at_place(error, "kind");
    error_expected(error, "%s", known);
    error_found(error, "\"%.60s\"", name);
    return ASSAY_ERROR_ARGUMENT;
}

static assay_status take_options(struct attacking *a, assay_error *error)
{
    const assay_attack_options *o = a->options;
    if (error_options(error, o->struct_size, sizeof *o, "assay_attack_options_init"))
        return ASSAY_ERROR_ARGUMENT;
    if (error_list(error, o->kinds, o->kind_count, "kinds"))
        return ASSAY_ERROR_ARGUMENT;
    if (!o->kind_count || !o->files.output)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "a kind of attack and an output are needed");
    if (!(o->strength >= 0.0 && o->strength <= 1.0)) {
        error_set(error, ASSAY_ERROR_ARGUMENT, "an attack cannot have this strength");
        error_at_place(error, "strength");
        error_expected(error, "a share from 0 to 1");
        error_found(error, "%g", o->strength);
        return ASSAY_ERROR_ARGUMENT;
    }
    a->kinds = memory_allocate_zeroed(o->kind_count, sizeof *a->kinds);
    a->places = memory_allocate_zeroed(o->kind_count, sizeof *a->places);
    a->untouched = memory_allocate_zeroed(o->kind_count, sizeof *a->untouched);
    if (!a->kinds || !a->places || !a->untouched)
        return error_memory(error, o->kind_count * sizeof *a->places);
    for (size_t i = 0; i < o->kind_count; i++) {
        a->kinds[i] = attack_find(o->kinds[i]);
        if (a->kinds[i] < 0)
            return unknown_kind(o->kinds[i], error);
        for (size_t j = 0; j < i; j++) {
            if (a->kinds[j] == a->kinds[i])
                return error_set(error, ASSAY_ERROR_ARGUMENT, "the kind %s is named twice",
                                 o->kinds[i]);
        }
    }
    return ASSAY_OK;
}

static bool has_column(const struct row_source *source, const char *name)
{
    for (size_t i = 0; i < source->column_count; i++) {
        if (!strcmp(source->columns[i], name))
            return true;
    }
    return false;
}

/* A table without the field gets a last column. */
static assay_status add_column(struct row_source *source, assay_error *error)
{
    if (!source->column_count || has_column(source, field))
        return ASSAY_OK;
    char **columns =
        memory_resize(source->columns, source->column_count + 1, sizeof *source->columns);
    if (!columns)
        return error_memory(error, (source->column_count + 1) * sizeof *columns);
    source->columns = columns;
    columns[source->column_count] = memory_copy_string(field);
    if (!columns[source->column_count] ||
        !buffer_append_byte(&source->header, source->format == ASSAY_ROWS_TSV ? '\t' : ',') ||
        !buffer_append_string(&source->header, field))
        return error_memory(error, source->header.length);
    source->column_count++;
    return ASSAY_OK;
}

/* The held row with room for the field where it has none: an object gets a last member. A member
 * that is null is one, too, so the question is whether a change of it changes the row. */
static assay_status make_room(struct attacking *a, bool added_column, bool seen, assay_error *error)
{
    const struct row_source *source = &a->job.source;
    if (source->column_count)
        return !added_column ||
                       buffer_append_byte(&a->held, source->format == ASSAY_ROWS_TSV ? '\t' : ',')
                   ? ASSAY_OK
                   : error_memory(error, a->held.length);
    if (seen)
        return ASSAY_OK;
    struct row_change change = {field, field, sizeof field - 1};
    buffer_clear(&a->line);
    assay_status status =
        row_source_write(&a->line, source, a->held.bytes, a->held.length, &change, 1, error);
    if (status || a->line.length != a->held.length + 1 ||
        memcmp(a->line.bytes, a->held.bytes, a->held.length) != 0)
        return status;
    size_t end = a->held.length;
    while (end && a->held.bytes[end - 1] != '}')
        end--;
    if (!end) /* no object; the reader takes nothing else */
        return error_set(error, ASSAY_ERROR_INTERNAL, "a row is no object");
    a->held.length = end - 1;
    return buffer_format(&a->held, ", \"%s\": \"\"}", field) ? ASSAY_OK : error_memory(error, end);
}

static assay_status write_copy(struct attacking *a, const assay_row *row, size_t i,
                               assay_error *error)
{
    const assay_attack_options *o = a->options;
    const struct row_source *source = &a->job.source;
    struct attack_places places;
    buffer_clear(&a->text);
    buffer_clear(&a->line);
    buffer_clear(&a->id);
    assay_status status =
        attack_text_counted(&a->text, &places, a->kinds[i], o->strength,
                            attack_row_seed(o->seed, row->id), row->text, row->text_length, error);
    if (status)
        return status;
    struct row_change changes[CHANGES] = {
        {source->names[ROW_TEXT], a->text.bytes ? a->text.bytes : "", a->text.length},
        {field, o->kinds[i], strlen(o->kinds[i])},
    };
    size_t count = 2;
    if (o->kind_count > 1 && !row->numbered && source->names[ROW_ID]) {
        if (!buffer_format(&a->id, "%s~%s", row->id, o->kinds[i]))
            return error_memory(error, strlen(row->id));
        changes[count++] = (struct row_change){source->names[ROW_ID], a->id.bytes, a->id.length};
    }
    status =
        row_source_write(&a->line, source, a->held.bytes, a->held.length, changes, count, error);
    if (!status)
        status = output_write(a->output, a->line.bytes, a->line.length, error);
    if (!status)
        status = tally_add(&a->labels, row->label, 1, error);
    a->output->rows += !status;
    a->places[i].eligible += places.eligible;
    a->places[i].changed += places.changed;
    a->untouched[i] += places.changed == 0;
    return status;
}

static void put_error(struct json_writer *writer, const void *context)
{
    char line[1024];
    assay_error_format(context, line, sizeof line);
    json_put_named_string(writer, "error", line);
}

static assay_status attack_all(struct attacking *a, assay_rows *rows, bool added_column,
                               assay_error *error)
{
    for (;;) {
        assay_row row;
        assay_error fault = {0};
        assay_status status = assay_rows_next(rows, &row, &fault);
        if (status == ASSAY_ERROR_FORMAT || status == ASSAY_ERROR_LIMIT) {
            struct removed_row removed = {.row = row.row, .line = row.line, .reason = "broken"};
            a->broken++;
            status = job_remove(&a->job, &removed, put_error, &fault, error);
            if (status)
                return status;
            continue;
        }
        if (status && error)
            *error = fault;
        if (status || !row.text)
            return status;
        size_t length;
        bool seen = assay_rows_field(rows, field, &length) != NULL;
        buffer_clear(&a->held);
        status = row_source_hold(&a->held, &a->job.source, rows, &row, error);
        if (!status)
            status = make_room(a, added_column, seen, error);
        for (size_t i = 0; i < a->options->kind_count && !status; i++)
            status = write_copy(a, &row, i, error);
        if (status)
            return status;
        a->read++;
        job_tell(&a->job, a->read, assay_rows_bytes(rows));
    }
}

static void put_settings(struct json_writer *writer, const void *context)
{
    const assay_attack_options *o = context;
    json_key(writer, "kinds");
    json_begin_array(writer);
    for (size_t i = 0; i < o->kind_count; i++)
        json_put_string(writer, o->kinds[i]);
    json_end_array(writer);
    json_put_named_number(writer, "strength", o->strength);
    json_put_named_integer(writer, "seed", (int64_t)o->seed);
}

static assay_status finish(struct attacking *a, assay_error *error)
{
    const assay_attack_options *o = a->options;
    struct assay_data_report *report = a->job.report;
    report_add(report, "rows", "read", a->read);
    report_add(report, "rows", "written", a->output->rows);
    report_add(report, "rows", "removed", a->broken);
    if (a->broken)
        report_note(report, "%lld rows cannot be read; the .removed.jsonl says why",
                    (long long)a->broken);
    for (size_t i = 0; i < o->kind_count; i++)
        report_add(report, "eligible places", o->kinds[i], a->places[i].eligible);
    for (size_t i = 0; i < o->kind_count; i++)
        report_add(report, "changed places", o->kinds[i], a->places[i].changed);
    for (size_t i = 0; i < o->kind_count; i++)
        report_add(report, "unchanged rows", o->kinds[i], a->untouched[i]);
    struct card_file input = {o->files.input, a->read + a->broken, a->job.mark.bytes,
                              a->job.mark.hex};
    struct card_step step = {
        .inputs = &input, .input_count = 1, .put_settings = put_settings, .context = o};
    job_phase(&a->job, "card and disk");
    assay_status status = job_card(&a->job, a->output, &step, &a->labels, error);
    return status ? status : job_commit(&a->job, error);
}

static assay_status go(struct attacking *a, assay_error *error)
{
    const assay_data_files *files = &a->options->files;
    struct row_source *source = &a->job.source;
    assay_rows *rows = NULL;
    assay_status status = job_open(&a->job, "attack", files, false, error);
    if (!status && source->names[ROW_TEXT] && !strcmp(source->names[ROW_TEXT], field))
        status =
            error_set(error, ASSAY_ERROR_ARGUMENT,
                      "the text stands in the field that would say which attack it is: %s", field);
    size_t columns = source->column_count;
    if (!status)
        status = add_column(source, error);
    if (!status)
        status = job_output(&a->job, &a->output, files->output, error);
    if (!status)
        status = job_output_removed(&a->job, files->output, error);
    job_phase(&a->job, "attacking");
    if (!status)
        status = job_rows(&a->job, &rows, files->input, error);
    if (!status)
        status = attack_all(a, rows, source->column_count > columns, error);
    assay_rows_close(rows);
    if (!status && !a->read) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "there are no rows");
        error_at_file(error, files->input);
    }
    return status ? status : finish(a, error);
}

assay_status assay_data_attack(assay_data_report **report, const assay_attack_options *options,
                               assay_error *error)
{
    if (!report)
        return error_needs(error, __func__, "report");
    *report = NULL;
    if (!options)
        return error_needs(error, __func__, "options");
    struct attacking a = {.options = options};
    assay_status status = take_options(&a, error);
    bool opened = !status;
    if (opened)
        status = go(&a, error);
    memory_free(a.kinds);
    memory_free(a.places);
    memory_free(a.untouched);
    tally_free(&a.labels);
    buffer_free(&a.held);
    buffer_free(&a.text);
    buffer_free(&a.line);
    buffer_free(&a.id);
    if (opened)
        job_close(&a.job, status ? NULL : report);
    return status;
}
