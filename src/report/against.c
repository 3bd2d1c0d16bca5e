/* The evaluated scores beside others on the same rows: another model's, or a file's. */
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "data/fingerprint.h"
#include "report/evaluation.h"

#include <math.h>
#include <string.h>

static assay_status open_other(struct scorer *out, struct assay_evaluation *e, const char *path,
                               assay_error *error)
{
    struct card card = {0};
    struct name_table names = {0};
    const char *from;
    assay_status status;
    if (!file_is_folder(path)) {
        status = evaluation_columns(&names, e->options, error);
        if (!status)
            status = scorer_open_file(out, path, &names, &e->scorer.labels, error);
    } else {
        struct model_scorer_options options = {.folder = path,
                                               .session = ASSAY_SESSION_OPTIONS_INIT};
        status = card_read(&card, path, error);
        if (status)
            return status;
        options.temperature = card.temperature;
        options.session.threads = e->options->threads;
        options.session.precision =
            e->options->precision_given ? e->options->precision : card.detector.precision;
        options.session.max_tokens =
            e->options->max_tokens ? e->options->max_tokens : card.detector.max_tokens;
        options.session.batch_tokens = e->options->batch_tokens;
        options.session.last_by_pad_token = e->options->last_by_pad_token;
        status = scorer_open_model(out, &options, error);
    }
    if (!status)
        status = choose_positive(&out->positive, &from, &out->labels, evaluation_positive(e), NULL,
                                 error);
    if (status)
        error_at_file(error, path);
    card_free(&card);
    name_table_free(&names);
    return status;
}

static assay_status compare(struct assay_evaluation *e, const struct score_table *other,
                            assay_error *error)
{
    const struct score_table *table = &e->rows.table;
    struct against *out = &e->against;
    struct ranking rankings[2] = {{0}};
    struct contestant both[2] = {{0}};
    struct contest_result results[2];
    struct resample_plan plan = evaluation_plan(e);
    uint8_t *positive = figures_positive_flags(table);
    uint8_t *right = memory_allocate(2 * (size_t)table->rows + 1, sizeof *right);
    bool good = positive && right;
    out->has_auroc = table->has_score && other->has_score;
    out->has_accuracy = table->has_predictions && other->has_predictions;
    const struct score_table *tables[2] = {table, other};
    for (int i = 0; i < 2 && good; i++) {
        uint8_t *flags = right + (int64_t)i * table->rows;
        for (int64_t r = 0; r < table->rows; r++)
            flags[r] = tables[i]->predicted[r] == tables[i]->label[r];
        both[i].right = out->has_accuracy ? flags : NULL;
        if (out->has_auroc)
            good = ranking_make(&rankings[i], tables[i]->score, table->rows);
        both[i].ranking = out->has_auroc ? &rankings[i] : NULL;
    }
    assay_status status = good ? contest_judge(results, both, 2, positive, &plan, error)
                               : error_memory(error, (size_t)table->rows);
    for (int64_t r = 0; r < table->rows && !status && out->has_accuracy; r++) {
        out->only_first += right[r] && !right[table->rows + r];
        out->only_other += !right[r] && right[table->rows + r];
    }
    if (!status) {
        out->first = results[0];
        out->other = results[1];
        out->p_value =
            out->has_accuracy ? mcnemar_test(out->only_first, out->only_other) : (double)NAN;
        out->there = true;
    }
    ranking_free(&rankings[0]);
    ranking_free(&rankings[1]);
    memory_free(positive);
    memory_free(right);
    return status;
}

assay_status evaluation_against(struct assay_evaluation *e, assay_error *error)
{
    const char *path = e->options->against;
    struct scorer other = {0};
    struct walk_result rows = {0};
    if (!path)
        return ASSAY_OK;
    e->against.name = memory_copy_string(path);
    assay_status status =
        e->against.name ? open_other(&other, e, path, error) : error_memory(error, strlen(path));
    if (!status) {
        struct walk_request request = evaluation_walk(e, &other, "scoring for the comparison");
        request.scores_only = true;
        status = walk_rows(&rows, &request, error);
    }
    if (!status && rows.table.rows != e->rows.table.rows) {
        status = error_set(error, ASSAY_ERROR_CHANGED, "the file changed while it was in use");
        error_at_file(error, e->data);
    }
    if (!status)
        status = compare(e, &rows.table, error);
    if (!status && !file_is_folder(path))
        status = fingerprint_hex(e->against.sha256, path, error);
    walk_result_free(&rows);
    scorer_close(&other);
    return status;
}
