#include "base/error.h"
#include "base/memory.h"
#include "prepare/job.h"
#include "prepare/near.h"
#include "prepare/row_features.h"

#include <string.h>

/* Which row a text of the index is: of which file, and what it is called there. */
struct origin {
    int64_t row;
    uint64_t id;  /* offset in the ids; 0: known by its number */
    int32_t file; /* of `against`, from 1; 0: the input */
};

struct dedup {
    const assay_dedup_options *options;
    struct job job;
    struct near_index *index;
    struct row_batch batch;
    struct row_features hashed; /* of the batch */
    struct origin *origins;
    int64_t origin_count, origin_capacity;
    struct buffer ids;
    struct tally labels;
    struct output_file *output;
    struct buffer line;
    struct card_file *inputs; /* the input, then the files of `against` */
    struct fingerprint *marks;
    int64_t read, exact, near, across;
};

void assay_dedup_options_init(assay_dedup_options *options)
{
    if (!options)
        return;
    *options = (assay_dedup_options){.struct_size = sizeof *options, .threshold = .8, .shingle = 3};
}

static assay_status check_options(const assay_dedup_options *options, assay_error *error)
{
    if (error_options(error, options->struct_size, sizeof *options, "assay_dedup_options_init"))
        return ASSAY_ERROR_ARGUMENT;
    if (error_list(error, options->against, options->against_count, "against"))
        return ASSAY_ERROR_ARGUMENT;
    if (!options->files.output)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "there is no output");
    if (!(options->threshold > 0.0 && options->threshold <= 1.0)) {
        error_set(error, ASSAY_ERROR_ARGUMENT, "the threshold is no similarity");
        error_expected(error, "above 0, at most 1");
        error_found(error, "%g", options->threshold);
        return ASSAY_ERROR_ARGUMENT;
    }
    if (options->shingle < 1 || options->shingle > 32) {
        error_set(error, ASSAY_ERROR_ARGUMENT, "a shingle of so many words");
        error_expected(error, "1 to 32");
        error_found(error, "%d", (int)options->shingle);
        return ASSAY_ERROR_ARGUMENT;
    }
    if (options->only_against && !options->against_count)
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "duplicates within the input stay, and there is no other file");
    return ASSAY_OK;
}

static assay_status next_batch(struct dedup *d, assay_rows *rows, const struct row_source *source,
                               assay_error *error)
{
    job_phase(&d->job, "reading");
    assay_status status = row_batch_fill(&d->batch, rows, source, false, NULL, NULL, error);
    if (status)
        return status;
    job_tell(&d->job, d->read, assay_rows_bytes(rows));
    job_phase(&d->job, "hashing");
    return row_features_make(&d->hashed, &d->batch, d->job.pool, error);
}

/* ---- the ordered part */

static assay_status keep_origin(struct dedup *d, const struct held_row *row, int32_t file,
                                assay_error *error)
{
    if (d->origin_count == d->origin_capacity) {
        int64_t capacity = d->origin_capacity ? 2 * d->origin_capacity : BATCH_ROWS;
        struct origin *grown = memory_resize(d->origins, (size_t)capacity, sizeof *grown);
        if (!grown)
            return error_memory(error, (size_t)capacity * sizeof *grown);
        d->origins = grown;
        d->origin_capacity = capacity;
    }
    struct origin origin = {.row = row->row, .file = file};
    if (row->id) {
        if (!d->ids.length && !buffer_append_byte(&d->ids, '\0'))
            return error_memory(error, 1);
        origin.id = d->ids.length;
        if (!buffer_append(&d->ids, row->id, strlen(row->id) + 1))
            return error_memory(error, strlen(row->id));
    }
    d->origins[d->origin_count++] = origin;
    return ASSAY_OK;
}

struct duplicate {
    const struct dedup *dedup;
    const struct near_match *match;
};

static void put_duplicate(struct json_writer *writer, const void *context)
{
    const struct duplicate *duplicate = context;
    const struct dedup *d = duplicate->dedup;
    const struct origin *origin = &d->origins[duplicate->match->text];
    json_key(writer, "duplicate_of");
    if (origin->id)
        json_put_string(writer, d->ids.bytes + origin->id);
    else
        json_put_integer(writer, origin->row);
    json_put_named_integer(writer, "duplicate_of_row", origin->row);
    if (origin->file) {
        const char *path = d->options->against[origin->file - 1];
        const char *slash = strrchr(path, '/');
        json_put_named_string(writer, "duplicate_of_file", slash && slash[1] ? slash + 1 : path);
    }
    json_put_named_number(writer, "similarity", duplicate->match->similarity);
}

static assay_status keep_row(struct dedup *d, const struct held_row *row, assay_error *error)
{
    buffer_clear(&d->line);
    assay_status status =
        row_source_write(&d->line, &d->job.source, row->held, row->held_length, NULL, 0, error);
    if (!status)
        status = output_write(d->output, d->line.bytes, d->line.length, error);
    if (!status)
        status = tally_add(&d->labels, row->label, 1, error);
    d->output->rows += !status;
    return status;
}

static assay_status remove_row(struct dedup *d, const struct held_row *row,
                               const struct near_match *match, assay_error *error)
{
    struct duplicate duplicate = {d, match};
    struct removed_row removed = {.row = row->row,
                                  .line = row->line,
                                  .id = row->id,
                                  .reason = match->exact ? "duplicate" : "near-duplicate",
                                  .held = row->held,
                                  .held_length = row->held_length};
    d->exact += match->exact;
    d->near += !match->exact;
    d->across += d->origins[match->text].file != 0;
    return job_remove(&d->job, &removed, put_duplicate, &duplicate, error);
}

static assay_status one_row(struct dedup *d, int64_t i, assay_error *error)
{
    const struct held_row *row = &d->batch.rows[i];
    struct near_match match;
    near_find(d->index, &match, &d->hashed.rows[i], NULL);
    d->read++;
    if (match.text >= 0)
        return remove_row(d, row, &match, error);
    assay_status status = ASSAY_OK;
    if (!d->options->only_against) {
        status = near_add(d->index, &d->hashed.rows[i], &match, error);
        if (!status)
            status = keep_origin(d, row, 0, error);
    }
    return status ? status : keep_row(d, row, error);
}

/* Rows of a file that the input is held against: all are known, none is written. */
static assay_status know_rows(struct dedup *d, int32_t file, assay_error *error)
{
    const char *path = d->options->against[file - 1];
    assay_rows *rows = NULL;
    struct fingerprint *mark = &d->marks[file];
    assay_status status = ASSAY_OK;
    if (fingerprint_same_file(&d->job.mark, path)) {
        status = error_set(error, ASSAY_ERROR_ARGUMENT,
                           "the input is held against itself: no row would be left");
        error_at_file(error, path);
    }
    if (!status)
        status = fingerprint_take(mark, path, NULL, NULL, error);
    if (!status)
        status = job_rows(&d->job, &rows, path, error);
    int64_t count = 0;
    d->batch.ended = false;
    while (!status && !d->batch.ended) {
        status = next_batch(d, rows, NULL, error);
        job_phase(&d->job, "comparing");
        for (int64_t i = 0; i < d->batch.count && !status; i++) {
            struct near_match match;
            near_find(d->index, &match, &d->hashed.rows[i], NULL);
            count++;
            if (match.text >= 0)
                continue; /* what it is a duplicate of speaks for it */
            status = near_add(d->index, &d->hashed.rows[i], &match, error);
            if (!status)
                status = keep_origin(d, &d->batch.rows[i], file, error);
        }
    }
    assay_rows_close(rows);
    if (!status)
        status = fingerprint_check(mark, path, error);
    d->inputs[file] = (struct card_file){path, count, mark->bytes, mark->hex};
    return status;
}

static assay_status all_rows(struct dedup *d, assay_error *error)
{
    assay_rows *rows = NULL;
    assay_status status = job_rows(&d->job, &rows, d->options->files.input, error);
    d->batch.ended = false;
    while (!status && !d->batch.ended) {
        status = next_batch(d, rows, &d->job.source, error);
        job_phase(&d->job, "comparing and writing");
        for (int64_t i = 0; i < d->batch.count && !status; i++)
            status = one_row(d, i, error);
    }
    assay_rows_close(rows);
    if (!status && !d->read) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "there are no rows");
        error_at_file(error, d->options->files.input);
    }
    return status;
}

static void put_settings(struct json_writer *writer, const void *context)
{
    const assay_dedup_options *options = context;
    json_key(writer, "near_duplicates");
    json_put_boolean(writer, !options->exact_only);
    if (!options->exact_only) {
        json_put_named_number(writer, "threshold", options->threshold);
        json_put_named_integer(writer, "shingle_words", options->shingle);
        json_put_named_integer(writer, "permutations", SIGNATURE_SIZE);
        json_put_named_integer(writer, "bands", ASSAY_DEDUP_BANDS);
        json_put_named_integer(writer, "band_rows", ASSAY_DEDUP_BAND_ROWS);
    }
    json_key(writer, "only_against");
    json_put_boolean(writer, options->only_against);
}

static assay_status finish(struct dedup *d, assay_error *error)
{
    struct assay_data_report *report = d->job.report;
    struct near_counts counts;
    near_get_counts(d->index, &counts);
    report_add(report, "rows", "read", d->read);
    report_add(report, "rows", "written", d->output->rows);
    report_add(report, "rows", "removed", d->exact + d->near);
    report_add(report, "removed", "duplicate", d->exact);
    if (!d->options->exact_only) {
        report_add(report, "removed", "near-duplicate", d->near);
        report_add(report, "pairs", "compared", counts.compared);
    }
    if (d->options->against_count)
        report_add(report, "removed", "of these, as in another file", d->across);
    if (!d->output->rows)
        report_note(report, "no row is left");
    if (counts.cut)
        report_note(report,
                    "%lld rows had more than %d candidates; only so many of each were compared",
                    (long long)counts.cut, NEAR_MAX_COMPARED);
    d->inputs[0] =
        (struct card_file){d->options->files.input, d->read, d->job.mark.bytes, d->job.mark.hex};
    struct card_step step = {.inputs = d->inputs,
                             .input_count = d->options->against_count + 1,
                             .put_settings = put_settings,
                             .context = d->options};
    job_phase(&d->job, "card and disk");
    assay_status status = job_card(&d->job, d->output, &step, &d->labels, error);
    return status ? status : job_commit(&d->job, error);
}

static assay_status begin(struct dedup *d, assay_error *error)
{
    const assay_dedup_options *options = d->options;
    struct near_settings settings = {options->threshold, options->shingle, options->exact_only};
    assay_status status = job_open(&d->job, "dedup", &options->files, false, error);
    if (status)
        return status;
    d->inputs = memory_allocate_zeroed(options->against_count + 1, sizeof *d->inputs);
    d->marks = memory_allocate_zeroed(options->against_count + 1, sizeof *d->marks);
    if (!d->inputs || !d->marks)
        return error_memory(error, options->against_count * sizeof *d->marks);
    status = row_batch_open(&d->batch, error);
    if (!status)
        status = row_features_open(&d->hashed, d->job.pool, options->shingle, !options->exact_only,
                                   error);
    if (!status)
        status = near_open(&d->index, &settings, options->files.output, error);
    if (!status)
        status = job_output(&d->job, &d->output, options->files.output, error);
    if (!status)
        status = job_output_removed(&d->job, options->files.output, error);
    return status;
}

static void end(struct dedup *d)
{
    row_features_close(&d->hashed);
    memory_free(d->inputs);
    memory_free(d->marks);
    memory_free(d->origins);
    buffer_free(&d->ids);
    buffer_free(&d->line);
    tally_free(&d->labels);
    row_batch_free(&d->batch);
    near_close(d->index);
}

assay_status assay_data_dedup(assay_data_report **report, const assay_dedup_options *options,
                              assay_error *error)
{
    if (!report)
        return error_needs(error, __func__, "report");
    *report = NULL;
    if (!options)
        return error_needs(error, __func__, "options");
    struct dedup d = {.options = options};
    assay_status status = check_options(options, error);
    if (status)
        return status;
    status = begin(&d, error);
    for (size_t i = 0; i < options->against_count && !status; i++)
        status = know_rows(&d, (int32_t)i + 1, error);
    if (!status)
        status = all_rows(&d, error);
    if (!status)
        status = finish(&d, error);
    end(&d);
    job_close(&d.job, status ? NULL : report);
    return status;
}
