#include "base/error.h"
#include "base/memory.h"
#include "prepare/groups.h"
#include "prepare/job.h"
#include "prepare/near.h"
#include "prepare/row_features.h"
#include "prepare/split_assign.h"
#include "prepare/split_parts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NEAR_SHINGLE = 3, MAX_FIELDS = 64 };

/* What is kept of a row between the two passes. */
struct row_note {
    int64_t line;
    int32_t stratum;
    int8_t fixed;
};

struct split {
    const assay_split_options *options;
    struct job job;
    struct row_batch batch;
    struct near_index *near;
    struct row_features hashed;
    struct groups groups;
    struct names strata;
    struct buffer key;
    struct row_note *notes; /* (rows) */
    int32_t count, capacity;
    int64_t with_group[MAX_FIELDS]; /* rows that have a value */
    int32_t *unit_of;               /* (rows) */
    int32_t *stratum_of;            /* (rows) */
    int8_t *fixed, *part_of;        /* (units) */
    int32_t units;
    int64_t quota[ASSAY_SPLIT_MAX_PARTS + 1];
    struct output_file *outputs[ASSAY_SPLIT_MAX_PARTS];
    struct tally labels[ASSAY_SPLIT_MAX_PARTS + 1];
    struct buffer line;
    int64_t left_out, united;
    bool made_folder;
};

void assay_split_options_init(assay_split_options *options)
{
    if (!options)
        return;
    *options = (assay_split_options){.struct_size = sizeof *options, .threshold = .8};
}

static assay_status check_options(const assay_split_options *options, assay_error *error)
{
    if (error_options(error, options->struct_size, sizeof *options, "assay_split_options_init"))
        return ASSAY_ERROR_ARGUMENT;
    if (!options->files.output)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "there is no folder for the parts");
    if (error_list(error, options->groups, options->group_count, "groups") ||
        error_list(error, options->strata, options->stratum_count, "strata"))
        return ASSAY_ERROR_ARGUMENT;
    if (!options->parts)
        return error_needs(error, "assay_data_split", "parts");
    if (options->group_count > MAX_FIELDS || options->stratum_count > MAX_FIELDS)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "too many fields at once");
    if (!(options->threshold > 0.0 && options->threshold <= 1.0))
        return error_set(error, ASSAY_ERROR_ARGUMENT, "the threshold is no similarity");
    return split_parts_check(options->parts, options->part_count, error);
}

/* ---- the first pass */

static assay_status add_note(struct split *s, const assay_row *row, assay_error *error)
{
    if (s->count == s->capacity) {
        int32_t capacity = s->capacity ? 2 * s->capacity : BATCH_ROWS;
        struct row_note *grown = memory_resize(s->notes, (size_t)capacity, sizeof *grown);
        if (!grown)
            return error_memory(error, (size_t)capacity * sizeof *grown);
        s->notes = grown;
        s->capacity = capacity;
    }
    s->notes[s->count++] = (struct row_note){.line = row->line, .fixed = ASSIGN_FREE};
    return groups_add_row(&s->groups, error);
}

static assay_status take_groups(struct split *s, assay_rows *rows, assay_error *error)
{
    assay_status status = ASSAY_OK;
    for (size_t i = 0; i < s->options->group_count && !status; i++) {
        size_t length;
        const char *value = assay_rows_field(rows, s->options->groups[i], &length);
        if (!value || !length)
            continue;
        s->with_group[i]++;
        status = groups_add_value(&s->groups, (int)i, value, length, error);
    }
    return status;
}

/* Label and fields, each with a zero byte behind it. */
static assay_status take_stratum(struct split *s, assay_rows *rows, const assay_row *row,
                                 assay_error *error)
{
    const char *label = row->label && !s->options->no_label ? row->label : "";
    buffer_clear(&s->key);
    bool good = buffer_append(&s->key, label, strlen(label) + 1);
    for (size_t i = 0; i < s->options->stratum_count && good; i++) {
        size_t length;
        const char *value = assay_rows_field(rows, s->options->strata[i], &length);
        good =
            buffer_append(&s->key, value ? value : "", length) && buffer_append_byte(&s->key, '\0');
    }
    if (!good)
        return error_memory(error, s->key.length);
    return names_number(&s->strata, &s->notes[s->count - 1].stratum, s->key.bytes, s->key.length,
                        error);
}

static assay_status take_fixed(struct split *s, assay_rows *rows, assay_error *error)
{
    size_t length;
    const char *value = assay_rows_field(rows, s->options->fixed, &length);
    if (!value || !length)
        return ASSAY_OK;
    for (size_t p = 0; p < s->options->part_count; p++) {
        if (!strcmp(s->options->parts[p].name, value)) {
            s->notes[s->count - 1].fixed = (int8_t)p;
            return ASSAY_OK;
        }
    }
    error_set(error, ASSAY_ERROR_FORMAT, "a row is fixed to a part that is none of the split's");
    error_at_file(error, s->options->files.input);
    error_at_row(error, s->notes[s->count - 1].line, 0);
    error_at_place(error, "%s", s->options->fixed);
    error_found(error, "\"%.60s\"", value);
    return ASSAY_ERROR_FORMAT;
}

static assay_status see_row(void *context, assay_rows *rows, const assay_row *row,
                            assay_error *error)
{
    struct split *s = context;
    assay_status status = add_note(s, row, error);
    if (!status)
        status = take_groups(s, rows, error);
    if (!status)
        status = take_stratum(s, rows, row, error);
    if (!status && s->options->fixed)
        status = take_fixed(s, rows, error);
    return status;
}

/* Near-duplicates are joined as they are found; rows of one group need not be compared. */
struct joining {
    struct split *split;
    int32_t row;
};

static bool is_joined(void *context, int64_t text)
{
    const struct joining *joining = context;
    struct groups *groups = &joining->split->groups;
    return groups_find(groups, (int32_t)text) == groups_find(groups, joining->row);
}

static void join(void *context, int64_t text)
{
    const struct joining *joining = context;
    if (is_joined(context, text))
        return;
    groups_join(&joining->split->groups, (int32_t)text, joining->row);
    joining->split->united++;
}

static assay_status join_near(struct split *s, int32_t first, assay_error *error)
{
    assay_status status = row_features_make(&s->hashed, &s->batch, s->job.pool, error);
    for (int64_t i = 0; i < s->batch.count && !status; i++) {
        struct joining joining = {s, first + (int32_t)i};
        struct near_listener listener = {is_joined, join, &joining};
        struct near_match match;
        near_find(s->near, &match, &s->hashed.rows[i], &listener);
        status = near_add(s->near, &s->hashed.rows[i], &match, error);
    }
    return status;
}

static assay_status first_pass(struct split *s, assay_error *error)
{
    assay_rows *rows = NULL;
    assay_status status = job_rows(&s->job, &rows, s->options->files.input, error);
    s->batch.ended = false;
    while (!status && !s->batch.ended) {
        int32_t first = s->count;
        job_phase(&s->job, "reading");
        status = row_batch_fill(&s->batch, rows, NULL, false, see_row, s, error);
        job_tell(&s->job, s->count, assay_rows_bytes(rows));
        job_phase(&s->job, "looking for near-duplicates");
        if (!status && s->near)
            status = join_near(s, first, error);
    }
    assay_rows_close(rows);
    if (status)
        return status;
    if (!s->count) {
        error_set(error, ASSAY_ERROR_FORMAT, "there are no rows");
        error_at_file(error, s->options->files.input);
        return ASSAY_ERROR_FORMAT;
    }
    for (size_t i = 0; i < s->options->group_count; i++) {
        if (s->with_group[i])
            continue;
        error_set(error, ASSAY_ERROR_ARGUMENT, "no row has a field of this name");
        error_at_file(error, s->options->files.input);
        error_at_place(error, "%s", s->options->groups[i]);
        return ASSAY_ERROR_ARGUMENT;
    }
    return ASSAY_OK;
}

/* ---- who goes where */

static assay_status crossing(const struct split *s, int32_t row, int8_t part, assay_error *error)
{
    int32_t other = 0; /* the first row of the same group that is fixed elsewhere */
    while (s->unit_of[other] != s->unit_of[row] || s->notes[other].fixed != part)
        other++;
    error_set(error, ASSAY_ERROR_ARGUMENT,
              "rows of one group are fixed to two parts: line %lld to %s, line %lld to %s",
              (long long)s->notes[other].line, s->options->parts[part].name,
              (long long)s->notes[row].line, s->options->parts[s->notes[row].fixed].name);
    error_at_file(error, s->options->files.input);
    error_at_row(error, s->notes[row].line, 0);
    error_at_place(error, "%s", s->options->fixed);
    return ASSAY_ERROR_ARGUMENT;
}

static assay_status number_units(struct split *s, assay_error *error)
{
    size_t rows = (size_t)s->count;
    s->unit_of = memory_allocate(rows, sizeof *s->unit_of);
    s->stratum_of = memory_allocate(rows, sizeof *s->stratum_of);
    s->fixed = memory_allocate(rows, sizeof *s->fixed);
    s->part_of = memory_allocate(rows, sizeof *s->part_of);
    if (!s->unit_of || !s->stratum_of || !s->fixed || !s->part_of)
        return error_memory(error, rows * sizeof *s->unit_of);
    for (int32_t i = 0; i < s->count; i++) {
        int32_t root = groups_find(&s->groups, i); /* never a later row */
        const struct row_note *note = &s->notes[i];
        if (root == i)
            s->fixed[s->units] = ASSIGN_FREE;
        int32_t unit = s->unit_of[i] = root == i ? s->units++ : s->unit_of[root];
        s->stratum_of[i] = note->stratum;
        if (note->fixed == ASSIGN_FREE)
            continue;
        if (s->fixed[unit] != ASSIGN_FREE && s->fixed[unit] != note->fixed)
            return crossing(s, i, s->fixed[unit], error);
        s->fixed[unit] = note->fixed;
    }
    return ASSAY_OK;
}

/* A group that is larger than every part has no place. */
static assay_status check_largest(struct split *s, const struct assign *a, assay_error *error)
{
    size_t widest = 0;
    int32_t row = 0;
    for (size_t p = 1; p < s->options->part_count; p++)
        widest = s->quota[p] > s->quota[widest] ? p : widest;
    if (a->largest_rows <= s->quota[widest] || s->fixed[a->largest] != ASSIGN_FREE)
        return ASSAY_OK;
    while (s->unit_of[row] != a->largest)
        row++;
    if (s->options->uneven) {
        report_note(s->job.report,
                    "one group has %lld of %lld rows (its first is on line %lld), more than any "
                    "part was to have",
                    (long long)a->largest_rows, (long long)s->count, (long long)s->notes[row].line);
        return ASSAY_OK;
    }
    error_set(error, ASSAY_ERROR_ARGUMENT,
              "one group has %lld of %lld rows and fits into no part; the largest, %s, is to have "
              "%lld. --uneven goes on all the same",
              (long long)a->largest_rows, (long long)s->count, s->options->parts[widest].name,
              (long long)s->quota[widest]);
    error_at_file(error, s->options->files.input);
    error_at_row(error, s->notes[row].line, 0);
    return ASSAY_ERROR_ARGUMENT;
}

static assay_status assign_units(struct split *s, assay_error *error)
{
    size_t parts = s->options->part_count;
    assay_status status = split_parts_quota(s->quota, s->options->parts, parts, s->count, error);
    if (!status)
        status = number_units(s, error);
    struct assign a = {.rows = s->count,
                       .units = s->units,
                       .strata = s->strata.count,
                       .parts = (int32_t)parts + (s->quota[parts] > 0),
                       .unit_of = s->unit_of,
                       .stratum_of = s->stratum_of,
                       .fixed = s->fixed,
                       .quota = s->quota,
                       .seed = s->options->seed,
                       .part_of = s->part_of};
    if (!status)
        status = assign_measure(&a, error);
    if (!status)
        status = check_largest(s, &a, error);
    if (!status)
        status = assign_run(&a, error);
    report_add(s->job.report, "rows", "read", s->count);
    report_add(s->job.report, "groups", "groups", s->units);
    report_add(s->job.report, "groups", "rows of the largest", a.largest_rows);
    return status;
}

/* ---- the second pass */

static assay_status open_part(struct split *s, size_t p, assay_error *error)
{
    struct buffer name = {0};
    char *path = NULL;
    assay_status status = ASSAY_OK;
    if (buffer_format(&name, "%s%s", s->options->parts[p].name, row_source_ending(&s->job.source)))
        path = path_join(s->options->files.output, name.bytes);
    if (!path) {
        status = error_memory(error, name.length);
    } else if (fingerprint_same_file(&s->job.mark, path)) {
        status = error_set(error, ASSAY_ERROR_ARGUMENT, "the output would replace the input");
        error_at_file(error, path);
    } else {
        status = job_output(&s->job, &s->outputs[p], path, error);
    }
    memory_free(path);
    buffer_free(&name);
    return status;
}

static assay_status open_parts(struct split *s, assay_error *error)
{
    const char *folder = s->options->files.output;
    s->made_folder = !file_is_folder(folder);
    s->job.parts_folder = folder;
    assay_status status = folder_create(folder, error);
    for (size_t p = 0; p < s->options->part_count && !status; p++)
        status = open_part(s, p, error);
    if (!status && s->quota[s->options->part_count]) {
        char *path = path_join(folder, "split");
        status = path ? job_output_removed(&s->job, path, error) : error_memory(error, 1);
        memory_free(path);
    }
    return status;
}

static assay_status put_row(struct split *s, const struct held_row *held, int32_t number,
                            assay_error *error)
{
    size_t part = (size_t)s->part_of[s->unit_of[number]];
    assay_status status = tally_add(&s->labels[part], held->label, 1, error);
    if (status)
        return status;
    if (part == s->options->part_count) {
        struct removed_row removed = {.row = held->row,
                                      .line = held->line,
                                      .id = held->id,
                                      .reason = "no part asked for it",
                                      .held = held->held,
                                      .held_length = held->held_length};
        s->left_out++;
        return job_remove(&s->job, &removed, NULL, NULL, error);
    }
    buffer_clear(&s->line);
    status =
        row_source_write(&s->line, &s->job.source, held->held, held->held_length, NULL, 0, error);
    s->outputs[part]->rows++;
    return status ? status : output_write(s->outputs[part], s->line.bytes, s->line.length, error);
}

static assay_status second_pass(struct split *s, assay_error *error)
{
    assay_rows *rows = NULL;
    int32_t number = 0;
    assay_status status = job_rows(&s->job, &rows, s->options->files.input, error);
    job_phase(&s->job, "writing");
    s->batch.ended = false;
    while (!status && !s->batch.ended) {
        status = row_batch_fill(&s->batch, rows, &s->job.source, false, NULL, NULL, error);
        job_tell(&s->job, number, assay_rows_bytes(rows));
        if (!status && s->batch.count > s->count - number)
            break; /* told below */
        for (int64_t i = 0; i < s->batch.count && !status; i++)
            status = put_row(s, &s->batch.rows[i], number++, error);
    }
    assay_rows_close(rows);
    if (!status && (number != s->count || !s->batch.ended)) {
        status = error_set(error, ASSAY_ERROR_CHANGED, "the file changed while it was in use");
        error_at_file(error, s->options->files.input);
    }
    return status;
}

/* ---- the report and the cards */

static void put_names(struct json_writer *writer, const char *key, const char *const *names,
                      size_t count)
{
    json_key(writer, key);
    json_begin_array(writer);
    for (size_t i = 0; i < count; i++)
        json_put_string(writer, names[i]);
    json_end_array(writer);
}

static void put_settings(struct json_writer *writer, const void *context)
{
    const assay_split_options *options = context;
    json_key(writer, "parts");
    json_begin_object(writer);
    for (size_t i = 0; i < options->part_count; i++) {
        const assay_split_part *part = &options->parts[i];
        json_key(writer, part->name);
        if (part->rows)
            json_put_integer(writer, part->rows);
        else if (part->share > 0.0)
            json_put_number(writer, part->share);
        else
            json_put_string(writer, "rest");
    }
    json_end_object(writer);
    put_names(writer, "group", options->groups, options->group_count);
    put_names(writer, "stratify", options->strata, options->stratum_count);
    json_key(writer, "stratify_by_label");
    json_put_boolean(writer, !options->no_label);
    json_key(writer, "near_duplicates_together");
    json_put_boolean(writer, options->near_duplicates);
    if (options->near_duplicates) {
        json_key(writer, "threshold");
        json_put_number(writer, options->threshold);
        json_key(writer, "shingle_words");
        json_put_integer(writer, NEAR_SHINGLE);
    }
    if (options->fixed) {
        json_key(writer, "fixed");
        json_put_string(writer, options->fixed);
    }
    json_key(writer, "uneven");
    json_put_boolean(writer, options->uneven);
    json_key(writer, "seed");
    json_put_integer(writer, (int64_t)options->seed);
}

static void report_parts(struct split *s)
{
    struct assay_data_report *report = s->job.report;
    for (size_t p = 0; p < s->options->part_count; p++) {
        const char *name = s->options->parts[p].name;
        int64_t rows = s->outputs[p]->rows, asked = s->quota[p];
        report_add(report, "rows", name, rows);
        if (rows > asked + asked / 100 || rows < asked - asked / 100)
            report_note(report, "%s has %lld rows where %lld were asked for: groups stay whole",
                        name, (long long)rows, (long long)asked);
        if (!rows)
            report_note(report, "%s is empty", name);
    }
    if (s->left_out)
        report_add(report, "rows", "left out", s->left_out);
    for (size_t p = 0; p < s->options->part_count; p++) {
        const struct tally *labels = &s->labels[p];
        for (int32_t i = 0; i < labels->names.count; i++) {
            if (*names_text(&labels->names, i))
                report_add(report, s->options->parts[p].name, names_text(&labels->names, i),
                           labels->rows[i]);
        }
    }
    struct near_counts counts;
    if (!s->near)
        return;
    near_get_counts(s->near, &counts);
    report_add(report, "groups", "united by near-duplicates", s->united);
    if (counts.cut)
        report_note(report,
                    "%lld rows had more than %d candidates; only so many of each were compared",
                    (long long)counts.cut, NEAR_MAX_COMPARED);
}

static assay_status finish(struct split *s, assay_error *error)
{
    struct card_file input = {s->options->files.input, s->count, s->job.mark.bytes,
                              s->job.mark.hex};
    assay_status status = ASSAY_OK;
    report_parts(s);
    job_phase(&s->job, "cards and disk");
    for (size_t p = 0; p < s->options->part_count && !status; p++) {
        struct card_step step = {.inputs = &input,
                                 .input_count = 1,
                                 .part = s->options->parts[p].name,
                                 .put_settings = put_settings,
                                 .context = s->options};
        status = job_card(&s->job, s->outputs[p], &step, &s->labels[p], error);
    }
    return status ? status : job_commit(&s->job, error);
}

static assay_status begin(struct split *s, assay_error *error)
{
    const assay_split_options *options = s->options;
    struct near_settings settings = {options->threshold, NEAR_SHINGLE, false};
    assay_status status = job_open(&s->job, "split", &options->files, true, error);
    if (!status)
        status = row_batch_open(&s->batch, error);
    if (status || !options->near_duplicates)
        return status;
    status = row_features_open(&s->hashed, s->job.pool, NEAR_SHINGLE, true, error);
    size_t length = strlen(options->files.output);
    while (length > 1 && options->files.output[length - 1] == '/')
        length--; /* the folder need not be there yet, so its shingles lie beside it */
    char *beside = memory_copy_bytes(options->files.output, length);
    if (!status)
        status =
            beside ? near_open(&s->near, &settings, beside, error) : error_memory(error, length);
    memory_free(beside);
    return status;
}

static void end(struct split *s, bool failed)
{
    near_close(s->near);
    row_features_close(&s->hashed);
    row_batch_free(&s->batch);
    groups_free(&s->groups);
    names_free(&s->strata);
    buffer_free(&s->key);
    buffer_free(&s->line);
    memory_free(s->notes);
    memory_free(s->unit_of);
    memory_free(s->stratum_of);
    memory_free(s->fixed);
    memory_free(s->part_of);
    for (int i = 0; i <= ASSAY_SPLIT_MAX_PARTS; i++)
        tally_free(&s->labels[i]);
    outputs_close(&s->job.outputs);
    if (failed && s->made_folder)
        (void)rmdir(s->options->files.output); /* only when nothing is in it */
}

assay_status assay_data_split(assay_data_report **report, const assay_split_options *options,
                              assay_error *error)
{
    if (!report)
        return error_needs(error, __func__, "report");
    *report = NULL;
    if (!options)
        return error_needs(error, __func__, "options");
    struct split s = {.options = options};
    assay_status status = check_options(options, error);
    if (status)
        return status;
    status = begin(&s, error);
    if (!status)
        status = first_pass(&s, error);
    if (!status)
        status = assign_units(&s, error);
    if (!status)
        status = open_parts(&s, error);
    if (!status)
        status = second_pass(&s, error);
    if (!status)
        status = finish(&s, error);
    end(&s, status != ASSAY_OK);
    job_close(&s.job, status ? NULL : report);
    return status;
}
