#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "prepare/job.h"
#include "prepare/row_batch.h"

#include <stdlib.h>
#include <string.h>

/* A label among the rows of one value of `within`. */
struct cell {
    int32_t value, label;
    int64_t rows, wanted; /* wanted 0: none may stay */
};

struct drawn {
    uint64_t draw;
    int32_t row;
};

struct balance {
    const assay_balance_options *options;
    struct job job;
    struct row_batch batch;
    struct names values, labels, keys; /* keys: a value and a label */
    struct buffer key, line, id;
    struct cell *cells; /* by number of key */
    int32_t cell_capacity;
    int32_t *cell_of; /* (rows) */
    int32_t *copies;  /* (rows) how often each is written */
    int32_t count, capacity;
    struct tally written;
    struct output_file *output;
    int64_t copied, removed, lonely;
};

void assay_balance_options_init(assay_balance_options *options)
{
    if (!options)
        return;
    *options = (assay_balance_options){.struct_size = sizeof *options};
}

static const char *method_name(assay_balance_method method)
{
    static const char *const names[] = {"under", "over", "weights"};
    return names[method];
}

static assay_status check_options(const assay_balance_options *options, assay_error *error)
{
    if (error_options(error, options->struct_size, sizeof *options, "assay_balance_options_init"))
        return ASSAY_ERROR_ARGUMENT;
    if (options->method > ASSAY_BALANCE_WEIGHTS)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "unknown method of balancing");
    if (options->method != ASSAY_BALANCE_WEIGHTS && !options->files.output)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "there is no output");
    if (options->method == ASSAY_BALANCE_WEIGHTS && options->within)
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "a recipe's class weights are by label alone: they cannot hold within the "
                         "values of a field");
    return ASSAY_OK;
}

/* Balancing what a model is judged on would change what its scores mean. */
static assay_status check_part(const struct balance *b, assay_error *error)
{
    if (b->options->force || !card_is_for_judging(&b->job.card))
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_ARGUMENT,
              "its card says that it is the part \"%.40s\", on which models are judged: the labels "
              "there must stay as frequent as they are. Balance the training part (or --force)",
              b->job.card.part);
    error_at_file(error, b->options->files.input);
    return ASSAY_ERROR_ARGUMENT;
}

/* ---- the first pass: a cell for every row */

static assay_status add_cell(struct balance *b, int32_t number, int32_t value, int32_t label,
                             assay_error *error)
{
    if (number >= b->cell_capacity) {
        int32_t capacity = b->cell_capacity ? 2 * b->cell_capacity : 64;
        struct cell *grown = memory_resize(b->cells, (size_t)capacity, sizeof *grown);
        if (!grown)
            return error_memory(error, (size_t)capacity * sizeof *grown);
        b->cells = grown;
        b->cell_capacity = capacity;
    }
    b->cells[number] = (struct cell){value, label, 0, 0};
    return ASSAY_OK;
}

static assay_status no_label(const struct balance *b, const assay_row *row, assay_error *error)
{
    error_set(error, ASSAY_ERROR_FORMAT, "a row without a label cannot be balanced");
    error_at_file(error, b->options->files.input);
    error_at_row(error, row->line, 0);
    error_at_place(error, "%s",
                   b->job.source.names[ROW_LABEL] ? b->job.source.names[ROW_LABEL] : "label");
    return ASSAY_ERROR_FORMAT;
}

static assay_status see_row(struct balance *b, assay_rows *rows, const assay_row *row,
                            assay_error *error)
{
    int32_t value = 0, label, number, known = b->keys.count;
    size_t length = 0;
    if (!row->label)
        return no_label(b, row, error);
    const char *within =
        b->options->within ? assay_rows_field(rows, b->options->within, &length) : "";
    if (!within) {
        error_set(error, ASSAY_ERROR_FORMAT, "the row has no field of this name");
        error_at_file(error, b->options->files.input);
        error_at_row(error, row->line, 0);
        error_at_place(error, "%s", b->options->within);
        return ASSAY_ERROR_FORMAT;
    }
    assay_status status = names_number(&b->values, &value, within, length, error);
    if (!status)
        status = names_number_of(&b->labels, &label, row->label, error);
    if (status)
        return status;
    const int32_t key[2] = {value, label};
    status = names_number(&b->keys, &number, (const char *)key, sizeof key, error);
    if (!status && b->keys.count > known)
        status = add_cell(b, number, value, label, error);
    if (status)
        return status;
    if (b->count == b->capacity) {
        int32_t capacity = b->capacity ? 2 * b->capacity : BATCH_ROWS;
        int32_t *grown = b->count < INT32_MAX / 4
                             ? memory_resize(b->cell_of, (size_t)capacity, sizeof *grown)
                             : NULL;
        if (!grown)
            return error_memory(error, (size_t)capacity * sizeof *grown);
        b->cell_of = grown;
        b->capacity = capacity;
    }
    b->cell_of[b->count++] = number;
    b->cells[number].rows++;
    return ASSAY_OK;
}

static assay_status first_pass(struct balance *b, assay_error *error)
{
    assay_rows *rows = NULL;
    assay_status status = job_rows(&b->job, &rows, b->options->files.input, error);
    job_phase(&b->job, "counting");
    while (!status) {
        assay_row row;
        status = assay_rows_next(rows, &row, error);
        if (!status && !row.text)
            break;
        if (!status)
            status = see_row(b, rows, &row, error);
        job_tell(&b->job, b->count, assay_rows_bytes(rows));
    }
    assay_rows_close(rows);
    if (!status && b->labels.count < 2) {
        error_set(error, ASSAY_ERROR_FORMAT,
                  b->count ? "all rows have one label: there is nothing "
                             "to balance"
                           : "there are no rows");
        error_at_file(error, b->options->files.input);
        status = ASSAY_ERROR_FORMAT;
    }
    return status;
}

/* ---- how many rows of each cell */

/* Within each value: the fewest rows of a label, or the most. A value that lacks a label cannot be
 * balanced: its rows go (under) or stay as they are (over). */
static assay_status want_rows(struct balance *b, assay_error *error)
{
    size_t values = (size_t)b->values.count;
    int64_t *goal = memory_allocate_zeroed(values, sizeof *goal);
    int32_t *labels = memory_allocate_zeroed(values, sizeof *labels);
    bool under = b->options->method == ASSAY_BALANCE_UNDER;
    if (!goal || !labels) {
        memory_free(goal);
        memory_free(labels);
        return error_memory(error, values * sizeof *goal);
    }
    for (int32_t i = 0; i < b->keys.count; i++) {
        const struct cell *cell = &b->cells[i];
        int64_t *best = &goal[cell->value];
        if (!labels[cell->value]++ || (under ? cell->rows < *best : cell->rows > *best))
            *best = cell->rows;
    }
    for (int32_t i = 0; i < b->keys.count; i++) {
        struct cell *cell = &b->cells[i];
        bool whole = labels[cell->value] == b->labels.count;
        cell->wanted = whole ? goal[cell->value] : under ? 0 : cell->rows;
        b->lonely += whole ? 0 : cell->rows;
    }
    memory_free(goal);
    memory_free(labels);
    if (b->lonely)
        report_note(b->job.report,
                    under ? "%lld rows are taken out because %s has no row of some label beside "
                            "them"
                          : "%lld rows stay unbalanced because %s has no row of some label beside "
                            "them",
                    (long long)b->lonely, b->options->within);
    return ASSAY_OK;
}

static int compare(const void *left, const void *right)
{
    const struct drawn *a = left, *b = right;
    if (a->draw != b->draw)
        return (a->draw > b->draw) - (a->draw < b->draw);
    return (a->row > b->row) - (a->row < b->row);
}

/* Of a cell with n rows, each is written wanted / n times, and those that come first in an order
 * drawn from the seed once more. */
static assay_status draw_rows(struct balance *b, assay_error *error)
{
    struct drawn *drawn = memory_allocate((size_t)b->count, sizeof *drawn);
    int64_t *taken = memory_allocate_zeroed((size_t)b->keys.count, sizeof *taken);
    b->copies = memory_allocate((size_t)b->count, sizeof *b->copies);
    if (!drawn || !taken || !b->copies) {
        memory_free(drawn);
        memory_free(taken);
        return error_memory(error, (size_t)b->count * sizeof *drawn);
    }
    for (int32_t i = 0; i < b->count; i++)
        drawn[i] = (struct drawn){random_mix(b->options->seed, (uint64_t)i), i};
    qsort(drawn, (size_t)b->count, sizeof *drawn, compare);
    for (int32_t i = 0; i < b->count; i++) {
        int32_t row = drawn[i].row;
        const struct cell *cell = &b->cells[b->cell_of[row]];
        int64_t more = cell->wanted % cell->rows;
        b->copies[row] = (int32_t)(cell->wanted / cell->rows);
        b->copies[row] += taken[b->cell_of[row]]++ < more;
    }
    memory_free(drawn);
    memory_free(taken);
    return ASSAY_OK;
}

/* What the recipe's balance: weights computes: rows / (labels * rows of the label). */
static assay_status weigh(struct balance *b, assay_error *error)
{
    size_t labels = (size_t)b->labels.count;
    const char **names = memory_allocate(labels, sizeof *names);
    double *weights = memory_allocate(labels, sizeof *weights);
    assay_status status = ASSAY_OK;
    if (!names || !weights) {
        status = error_memory(error, labels * sizeof *weights);
        goto done;
    }
    size_t used = 0; /* sorted by name, as a model's labels are */
    for (int32_t i = 0; i < b->keys.count; i++) {
        const char *name = names_text(&b->labels, b->cells[i].label);
        double weight = (double)b->count / ((double)labels * (double)b->cells[i].rows);
        size_t at = used++;
        for (; at && strcmp(names[at - 1], name) > 0; at--) {
            names[at] = names[at - 1];
            weights[at] = weights[at - 1];
        }
        names[at] = name;
        weights[at] = weight;
    }
    status = report_weights(b->job.report, names, weights, used, error);
done:
    memory_free(names);
    memory_free(weights);
    return status;
}

/* ---- the second pass */

static assay_status put_copy(struct balance *b, const struct held_row *held, int32_t copy,
                             assay_error *error)
{
    struct row_change change = {.name = b->job.source.names[ROW_ID]};
    bool renamed = copy > 1 && held->id && change.name;
    buffer_clear(&b->id);
    buffer_clear(&b->line);
    if (renamed && !buffer_format(&b->id, "%s~%d", held->id, (int)copy))
        return error_memory(error, strlen(held->id));
    change.value = b->id.bytes;
    change.length = b->id.length;
    assay_status status = row_source_write(&b->line, &b->job.source, held->held, held->held_length,
                                           &change, renamed, error);
    if (!status)
        status = output_write(b->output, b->line.bytes, b->line.length, error);
    if (!status)
        status = tally_add(&b->written, held->label, 1, error);
    b->output->rows++;
    b->copied += copy > 1;
    return status;
}

static assay_status put_row(struct balance *b, const struct held_row *held, int32_t number,
                            assay_error *error)
{
    int32_t copies = b->copies ? b->copies[number] : 1;
    assay_status status = ASSAY_OK;
    if (!copies) {
        struct removed_row removed = {.row = held->row,
                                      .line = held->line,
                                      .id = held->id,
                                      .reason = b->cells[b->cell_of[number]].wanted
                                                    ? "its label is more frequent"
                                                    : "a label is missing beside it",
                                      .held = held->held,
                                      .held_length = held->held_length};
        b->removed++;
        return job_remove(&b->job, &removed, NULL, NULL, error);
    }
    for (int32_t copy = 1; copy <= copies && !status; copy++)
        status = put_copy(b, held, copy, error);
    return status;
}

static assay_status second_pass(struct balance *b, assay_error *error)
{
    assay_rows *rows = NULL;
    int32_t number = 0;
    assay_status status = job_output(&b->job, &b->output, b->options->files.output, error);
    if (!status)
        status = job_output_removed(&b->job, b->options->files.output, error);
    if (!status)
        status = row_batch_open(&b->batch, error);
    if (!status)
        status = job_rows(&b->job, &rows, b->options->files.input, error);
    job_phase(&b->job, "writing");
    while (!status && !b->batch.ended) {
        status = row_batch_fill(&b->batch, rows, &b->job.source, false, NULL, NULL, error);
        job_tell(&b->job, number, assay_rows_bytes(rows));
        if (!status && b->batch.count > b->count - number)
            break; /* told below */
        for (int64_t i = 0; i < b->batch.count && !status; i++)
            status = put_row(b, &b->batch.rows[i], number++, error);
    }
    assay_rows_close(rows);
    if (!status && (number != b->count || !b->batch.ended)) {
        status = error_set(error, ASSAY_ERROR_CHANGED, "the file changed while it was in use");
        error_at_file(error, b->options->files.input);
    }
    return status;
}

static void put_settings(struct json_writer *writer, const void *context)
{
    const assay_balance_options *options = context;
    json_key(writer, "method");
    json_put_string(writer, method_name(options->method));
    if (options->within) {
        json_key(writer, "within");
        json_put_string(writer, options->within);
    }
    if (options->force) {
        json_key(writer, "force");
        json_put_boolean(writer, true);
    }
    json_key(writer, "seed");
    json_put_integer(writer, (int64_t)options->seed);
}

static void report_labels(struct balance *b, const char *group, const struct tally *tally)
{
    for (int32_t i = 0; i < tally->names.count; i++)
        report_add(b->job.report, group, names_text(&tally->names, i), tally->rows[i]);
}

static assay_status finish(struct balance *b, assay_error *error)
{
    struct assay_data_report *report = b->job.report;
    struct card_file input = {b->options->files.input, b->count, b->job.mark.bytes,
                              b->job.mark.hex};
    struct card_step step = {
        .inputs = &input, .input_count = 1, .put_settings = put_settings, .context = b->options};
    report_add(report, "rows", "read", b->count);
    for (int32_t i = 0; i < b->keys.count; i++)
        report_add(report, "labels before", names_text(&b->labels, b->cells[i].label),
                   b->cells[i].rows);
    if (!b->output)
        return report_check(report, error);
    report_add(report, "rows", "written", b->output->rows);
    report_add(report, "rows", "copied", b->copied);
    report_add(report, "rows", "removed", b->removed);
    report_labels(b, "labels after", &b->written);
    if (!b->output->rows) {
        error_set(error, ASSAY_ERROR_ARGUMENT, "no row would be left: no value has all labels");
        error_at_file(error, b->options->files.input);
        error_at_place(error, "%s", b->options->within);
        return ASSAY_ERROR_ARGUMENT;
    }
    job_phase(&b->job, "card and disk");
    assay_status status = job_card(&b->job, b->output, &step, &b->written, error);
    return status ? status : job_commit(&b->job, error);
}

static void end(struct balance *b)
{
    row_batch_free(&b->batch);
    names_free(&b->values);
    names_free(&b->labels);
    names_free(&b->keys);
    buffer_free(&b->key);
    buffer_free(&b->line);
    buffer_free(&b->id);
    memory_free(b->cells);
    memory_free(b->cell_of);
    memory_free(b->copies);
    tally_free(&b->written);
}

assay_status assay_data_balance(assay_data_report **report, const assay_balance_options *options,
                                assay_error *error)
{
    if (!report)
        return error_needs(error, __func__, "report");
    *report = NULL;
    if (!options)
        return error_needs(error, __func__, "options");
    struct balance b = {.options = options};
    assay_status status = check_options(options, error);
    if (status)
        return status;
    bool weights = options->method == ASSAY_BALANCE_WEIGHTS;
    status = job_open(&b.job, "balance", &options->files, false, error);
    if (!status)
        status = check_part(&b, error);
    if (!status)
        status = first_pass(&b, error);
    if (!status && weights)
        status = weigh(&b, error);
    if (!status && !weights)
        status = want_rows(&b, error);
    if (!status && !weights)
        status = draw_rows(&b, error);
    if (!status && options->files.output)
        status = second_pass(&b, error);
    if (!status)
        status = finish(&b, error);
    end(&b);
    job_close(&b.job, status ? NULL : report);
    return status;
}
