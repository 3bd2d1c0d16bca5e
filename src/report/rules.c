/* How rows are decided: by the thresholds of detector.json, or by the most probable label. */
#include "base/error.h"
#include "base/memory.h"
#include "report/evaluation.h"

#include <math.h>

/* Of several operating points the one that `detect` takes when it is told none. */
static const double usual_rate = 0.05;

void rule_apply(struct rule *rule, uint8_t *flags, const struct score_table *table,
                int32_t least_tokens)
{
    bool by_label = isnan(rule->rate);
    rule->true_positives = rule->false_positives = rule->positives = rule->negatives = 0.0;
    rule->abstained_positives = rule->abstained_negatives = 0.0;
    for (int64_t i = 0; i < table->rows; i++) {
        bool positive = table->label[i] == table->positive;
        bool abstains = !by_label && table->tokens[i] < least_tokens;
        bool flagged = by_label ? table->predicted[i] == table->positive
                                : table->log_odds[i] >= rule->log_odds;
        if (flags)
            flags[i] = abstains ? FLAG_ABSTAINED : flagged ? FLAG_YES : FLAG_NO;
        if (abstains) {
            *(positive ? &rule->abstained_positives : &rule->abstained_negatives) += 1.0;
            continue;
        }
        *(positive ? &rule->positives : &rule->negatives) += 1.0;
        if (flagged)
            *(positive ? &rule->true_positives : &rule->false_positives) += 1.0;
    }
    rule->tpr = interval_wilson(rule->true_positives, rule->positives, RESAMPLE_CONFIDENCE);
    rule->fpr = interval_wilson(rule->false_positives, rule->negatives, RESAMPLE_CONFIDENCE);
}

assay_status evaluation_rules(struct assay_evaluation *e, assay_error *error)
{
    const struct score_table *table = &e->rows.table;
    e->rule = -1;
    e->flags = memory_allocate_zeroed((size_t)table->rows + 1, sizeof *e->flags);
    if (!e->flags)
        return error_memory(error, (size_t)table->rows);
    if (table->positive < 0)
        return ASSAY_OK;
    for (int i = 0; i < e->card.point_count && e->model; i++) {
        e->rules[e->rule_count] =
            (struct rule){.rate = e->card.points[i].rate, .log_odds = e->card.points[i].log_odds};
        if (e->rule < 0 || e->card.points[i].rate == usual_rate)
            e->rule = e->rule_count;
        e->rule_count++;
    }
    if (table->has_predictions) {
        e->rules[e->rule_count] = (struct rule){.rate = (double)NAN};
        e->rule = e->rule < 0 ? e->rule_count : e->rule;
        e->rule_count++;
    }
    for (int i = 0; i < e->rule_count; i++)
        rule_apply(&e->rules[i], NULL, table, e->card.least_tokens);
    if (e->rule >= 0)
        rule_apply(&e->rules[e->rule], e->flags, table, e->card.least_tokens);
    return ASSAY_OK;
}
