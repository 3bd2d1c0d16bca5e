#include "prepare/job.h"

#include "base/error.h"
#include "base/memory.h"
#include "data/unfinished.h"

#include <string.h>
#include <strings.h>

static const double pause = 0.1; /* between two reports of progress, seconds */

static assay_status wrong(const char *file, const char *message, assay_error *error)
{
    error_set(error, ASSAY_ERROR_ARGUMENT, "%s", message);
    if (file)
        error_at_file(error, file);
    return ASSAY_ERROR_ARGUMENT;
}

static bool has_ending(const char *path, const char *ending)
{
    size_t length = strlen(path), size = strlen(ending);
    return length > size && !strcasecmp(path + length - size, ending);
}

static assay_status check_names(const struct job *job, bool folder, assay_error *error)
{
    const assay_data_files *files = job->files;
    if (!files->input || !*files->input)
        return wrong(NULL, "there is no input", error);
    if (!strcmp(files->input, "-"))
        return wrong(NULL, "standard input has no fingerprint for the card: name a file", error);
    if (!files->output)
        return ASSAY_OK;
    if (!*files->output)
        return wrong(NULL, "the output has no name", error);
    if (folder && file_exists(files->output) && !file_is_folder(files->output))
        return wrong(files->output, "the parts go into a folder, and this is a file", error);
    if (!folder && file_is_folder(files->output))
        return wrong(files->output, "the output is a file, and this is a folder", error);
    return ASSAY_OK;
}

static assay_status check_output(const struct job *job, assay_error *error)
{
    const char *output = job->files->output, *ending = row_source_ending(&job->source);
    if (!output)
        return ASSAY_OK;
    if (fingerprint_same_file(&job->mark, output))
        return wrong(output, "the output would replace the input", error);
    if (has_ending(output, ending))
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_ARGUMENT, "the output keeps the input's format");
    error_at_file(error, output);
    error_expected(error, "a name that ends in %s", ending);
    return ASSAY_ERROR_ARGUMENT;
}

static void tell_hashing(void *context, uint64_t done, uint64_t total)
{
    struct job *job = context;
    job->total = total;
    job_tell(job, 0, done);
}

assay_status job_open(struct job *job, const char *verb, const assay_data_files *files, bool folder,
                      assay_error *error)
{
    *job = (struct job){.files = files, .verb = verb};
    if (!files->input)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "there is no input");
    assay_rows *rows = NULL;
    assay_status status = report_open(&job->report, error);
    if (!status)
        status = check_names(job, folder, error);
    if (!status)
        status = thread_pool_open(&job->pool, files->threads, error);
    job_phase(job, "fingerprint");
    if (!status)
        status = fingerprint_take(&job->mark, files->input, tell_hashing, job, error);
    if (!status)
        status = card_open(&job->card, files->input, error);
    if (!status)
        status = job_rows(job, &rows, files->input, error);
    if (!status)
        status = row_source_open(&job->source, rows, error);
    assay_rows_close(rows);
    if (!status && !folder)
        status = check_output(job, error);
    if (!status && job->card.root && strcmp(job->card.sha256, job->mark.hex) != 0)
        report_note(job->report, "the input is not the file that its card describes: it was changed"
                                 " outside assay");
    return status;
}

void job_close(struct job *job, assay_data_report **out)
{
    job_phase(job, NULL);
    outputs_close(&job->outputs);
    row_source_close(&job->source);
    card_close(&job->card);
    thread_pool_close(job->pool);
    buffer_free(&job->line);
    if (out)
        *out = job->report;
    else
        assay_data_report_close(job->report);
    job->report = NULL;
}

assay_status job_rows(struct job *job, assay_rows **rows, const char *path, assay_error *error)
{
    assay_rows_options options = ASSAY_ROWS_OPTIONS_INIT;
    if (job->files->rows)
        options = *job->files->rows;
    options.pair_field = NULL;
    job->total = strcmp(path, job->files->input) == 0 ? job->mark.bytes : 0;
    return assay_rows_open(rows, path, &options, error);
}

void job_phase(struct job *job, const char *name)
{
    double now = seconds_now();
    if (job->phase && job->report)
        report_time(job->report, job->phase, now - job->phase_began);
    job->phase = name;
    job->phase_began = now;
}

void job_tell(struct job *job, int64_t rows, uint64_t done)
{
    double now = seconds_now();
    if (!job->files->progress || now - job->told < pause)
        return;
    job->told = now;
    job->files->progress(job->files->context, job->phase ? job->phase : job->verb, rows, done,
                         job->total);
}

assay_status job_output(struct job *job, struct output_file **out, const char *path,
                        assay_error *error)
{
    assay_status status = outputs_open(&job->outputs, out, path, "", error);
    if (!status && job->source.column_count) {
        status = output_write(*out, job->source.header.bytes, job->source.header.length, error);
        if (!status)
            status = output_write(*out, "\n", 1, error);
    }
    return status;
}

assay_status job_output_removed(struct job *job, const char *path, assay_error *error)
{
    return outputs_open(&job->outputs, &job->removed, path, ".removed.jsonl", error);
}

assay_status job_remove(struct job *job, const struct removed_row *row,
                        void (*put)(struct json_writer *writer, const void *context),
                        const void *context, assay_error *error)
{
    buffer_clear(&job->line);
    struct json_writer writer = {.out = &job->line};
    json_begin_object(&writer);
    json_key(&writer, "row");
    json_put_integer(&writer, row->row);
    json_key(&writer, "line");
    json_put_integer(&writer, row->line);
    if (row->id) {
        json_key(&writer, "id");
        json_put_string(&writer, row->id);
    }
    json_key(&writer, "reason");
    json_put_string(&writer, row->reason);
    if (put)
        put(&writer, context);
    assay_status status = ASSAY_OK;
    if (row->held) {
        /* The row is an object already, and goes in as it stands. */
        json_key(&writer, "source");
        status =
            row_source_write_json(&job->line, &job->source, row->held, row->held_length, error);
    }
    json_end_object(&writer);
    if (!status && (writer.failed || !buffer_append_byte(&job->line, '\n')))
        status = error_memory(error, row->held_length);
    job->removed->rows++;
    return status ? status : output_write(job->removed, job->line.bytes, job->line.length, error);
}

/* In the order of the names, so that a card does not depend on the order of rows. */
static assay_status sort_labels(struct card_label **out, size_t *count, const struct tally *labels,
                                assay_error *error)
{
    int32_t names = labels->names.count;
    struct card_label *sorted = memory_allocate_zeroed((size_t)names + 1, sizeof *sorted);
    size_t used = 0;
    *out = sorted;
    if (!sorted)
        return error_memory(error, (size_t)names * sizeof *sorted);
    for (int32_t i = 0; i < names; i++) {
        struct card_label label = {names_text(&labels->names, i), labels->rows[i]};
        size_t at = used;
        if (!label.rows || !*label.label)
            continue;
        for (; at && strcmp(sorted[at - 1].label, label.label) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = label;
        used++;
    }
    *count = used;
    return ASSAY_OK;
}

static assay_status write_card(struct job *job, const char *path, const struct card_step *step,
                               assay_error *error)
{
    struct buffer json = {0}, page = {0};
    struct output_file *file;
    assay_status status = card_write(&json, &page, &job->card, step, error);
    if (!status)
        status = outputs_open(&job->outputs, &file, path, ".card.json", error);
    if (!status)
        status = output_write(file, json.bytes, json.length, error);
    if (!status)
        status = outputs_open(&job->outputs, &file, path, ".card.md", error);
    if (!status)
        status = output_write(file, page.bytes, page.length, error);
    buffer_free(&json);
    buffer_free(&page);
    return status;
}

assay_status job_card(struct job *job, struct output_file *output, struct card_step *step,
                      const struct tally *labels, assay_error *error)
{
    struct card_label *sorted = NULL;
    assay_status status = sort_labels(&sorted, &step->label_count, labels, error);
    if (!status)
        status = report_check(job->report, error);
    if (!status) {
        output_end(output);
        step->verb = job->verb;
        step->license = job->files->license;
        step->source = job->files->source;
        step->labels = sorted;
        step->report = job->report;
        step->output = (struct card_file){output->path, output->rows, output->bytes, output->hex};
        if (job->removed) {
            if (!job->removed->hex[0])
                output_end(job->removed);
            step->removed = (struct card_file){job->removed->path, job->removed->rows,
                                               job->removed->bytes, job->removed->hex};
        }
        status = write_card(job, output->path, step, error);
    }
    memory_free(sorted);
    return status;
}

/* Parts of two splits side by side would train on what is tested, so a split says while it is
 * between the two (data/unfinished.h). */
static assay_status commit_parts(struct job *job, assay_error *error)
{
    struct output_set *set = &job->outputs;
    const char *paths[FILE_GROUP_MAX];
    struct unfinished mark = {0};
    for (size_t i = 0; i < set->count; i++)
        paths[i] = set->files[i]->path;
    assay_status status = file_group_sync(&set->group, error);
    if (!status)
        status = unfinished_begin(&mark, job->parts_folder, paths, set->count, error);
    if (!status) {
        status = file_group_commit(&set->group, error);
        if (!status)
            status = unfinished_end(&mark, error);
        else if (!set->group.begun)
            (void)unfinished_end(&mark, NULL); /* all is as it was */
    }
    unfinished_close(&mark);
    return status;
}

assay_status job_commit(struct job *job, assay_error *error)
{
    assay_status status = fingerprint_check(&job->mark, job->files->input, error);
    for (size_t i = 0; i < job->outputs.count && !status; i++) {
        report_file(job->report, job->outputs.files[i]->path);
        status = report_check(job->report, error);
    }
    if (status)
        return status;
    return job->parts_folder ? commit_parts(job, error)
                             : file_group_commit(&job->outputs.group, error);
}
