/* The same rows under attack: what each kind costs, on both classes. */
#include "base/error.h"
#include "base/memory.h"
#include "data/attack.h"
#include "report/evaluation.h"

#include <math.h>
#include <string.h>

/* Rankings and right answers of one walk, the clean one first. */
struct attacked {
    struct ranking *rankings; /* (count) */
    uint8_t *right;           /* (count, rows) */
    int count;
};

static assay_status keep(struct attacked *a, const struct score_table *table, assay_error *error)
{
    uint8_t *right = a->right + (int64_t)a->count * table->rows;
    for (int64_t r = 0; r < table->rows; r++)
        right[r] = table->predicted[r] == table->label[r];
    if (table->has_score && !ranking_make(&a->rankings[a->count], table->score, table->rows))
        return error_memory(error, (size_t)table->rows * sizeof *table->score);
    a->count++;
    return ASSAY_OK;
}

static assay_status attack(struct assay_evaluation *e, struct attacked *a, int kind,
                           assay_error *error)
{
    char what[64] = "attack: ";
    struct walk_result rows = {0};
    strncat(what, attack_name(kind), sizeof what - strlen(what) - 1);
    struct walk_request request = evaluation_walk(e, &e->scorer, what);
    struct attack_result *out = &e->attacks[e->attack_count];
    request.scores_only = true;
    request.attack = kind;
    assay_status status = walk_rows(&rows, &request, error);
    if (!status && rows.table.rows != e->rows.table.rows) {
        status = error_set(error, ASSAY_ERROR_CHANGED, "the file changed while it was in use");
        error_at_file(error, e->data);
    }
    if (!status)
        status = keep(a, &rows.table, error);
    if (!status) {
        out->name = attack_name(kind);
        out->description = attack_description(kind);
        if (e->rule >= 0) {
            out->rule = e->rules[e->rule];
            rule_apply(&out->rule, NULL, &rows.table, e->least_tokens);
        }
        e->attack_count++;
    }
    walk_result_free(&rows);
    return status;
}

static assay_status judge(struct assay_evaluation *e, const struct attacked *a, assay_error *error)
{
    const struct score_table *table = &e->rows.table;
    struct resample_plan plan = evaluation_plan(e);
    size_t count = (size_t)a->count;
    uint8_t *positive = figures_positive_flags(table);
    struct contestant *all = memory_allocate_zeroed(count, sizeof *all);
    struct contest_result *results = memory_allocate_zeroed(count, sizeof *results);
    assay_status status = ASSAY_OK;
    if (!positive || !all || !results)
        status = error_memory(error, count * sizeof *results);
    for (size_t i = 0; i < count && !status; i++) {
        all[i].ranking = table->has_score ? &a->rankings[i] : NULL;
        all[i].right = a->right + (int64_t)i * table->rows;
    }
    if (!status)
        status = contest_judge(results, all, a->count, positive, &plan, error);
    for (int i = 0; i < e->attack_count && !status; i++)
        e->attacks[i].result = results[i + 1];
    memory_free(positive);
    memory_free(all);
    memory_free(results);
    return status;
}

/* wanted (kinds) may be NULL. */
static assay_status find_kinds(bool *wanted, const assay_evaluation_options *options,
                               assay_error *error)
{
    for (size_t i = 0; i < options->attack_count; i++) {
        int kind = attack_find(options->attacks[i]);
        bool all = strcmp(options->attacks[i], "all") == 0;
        if (kind < 0 && !all) {
            error_set(error, ASSAY_ERROR_ARGUMENT, "there is no such kind of attack");
            error_expected(error, "all, %s, %s, ...", attack_name(0), attack_name(1));
            error_found(error, "\"%.60s\"", options->attacks[i]);
            return ASSAY_ERROR_ARGUMENT;
        }
        for (int k = 0; k < attack_count() && wanted; k++)
            wanted[k] = wanted[k] || all || k == kind;
    }
    return ASSAY_OK;
}

assay_status attacks_check(const assay_evaluation_options *options, assay_error *error)
{
    return find_kinds(NULL, options, error);
}

assay_status evaluation_attacks(struct assay_evaluation *e, assay_error *error)
{
    if (!e->options->attack_count)
        return ASSAY_OK;
    size_t kinds = (size_t)attack_count(), rows = (size_t)e->rows.table.rows;
    struct attacked a = {0};
    bool *wanted = memory_allocate_zeroed(kinds, sizeof *wanted);
    a.rankings = memory_allocate_zeroed(kinds + 1, sizeof *a.rankings);
    a.right = memory_allocate((kinds + 1) * rows, sizeof *a.right);
    e->attacks = memory_allocate_zeroed(kinds, sizeof *e->attacks);
    e->strength = e->options->strength;
    assay_status status = wanted && a.rankings && a.right && e->attacks
                              ? find_kinds(wanted, e->options, error)
                              : error_memory(error, (kinds + 1) * rows);
    if (!status)
        status = keep(&a, &e->rows.table, error);
    for (size_t k = 0; k < kinds && !status; k++) {
        if (wanted[k])
            status = attack(e, &a, (int)k, error);
    }
    if (!status)
        status = judge(e, &a, error);
    for (int i = 0; i < a.count; i++)
        ranking_free(&a.rankings[i]);
    memory_free(a.rankings);
    memory_free(a.right);
    memory_free(wanted);
    return status;
}
