/* How rows are decided: by the thresholds of detector.json, or by the most probable label. */
#include "base/error.h"
#include "base/memory.h"
#include "detect/rates.h"
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
    const struct calibration *calibration = &e->card.detector.calibration;
    bool calibrated = e->card.detector.calibrated;
    e->least_tokens = calibrated ? calibration->least_tokens : 0;
    for (int i = 0; calibrated && i < calibration->point_count; i++) {
        const struct calibration_point *point = &calibration->points[i];
        e->rules[e->rule_count] = (struct rule){.rate = point->fpr, .log_odds = point->threshold};
        if (e->rule < 0 || fabs(point->fpr - usual_rate) < 1e-9)
            e->rule = e->rule_count;
        e->rule_count++;
    }
    if (table->has_predictions) {
        e->rules[e->rule_count] = (struct rule){.rate = (double)NAN};
        e->rule = e->rule < 0 ? e->rule_count : e->rule;
        e->rule_count++;
    }
    for (int i = 0; i < e->rule_count; i++) {
        struct rule *rule = &e->rules[i];
        rule_apply(rule, NULL, table, e->least_tokens);
        rule->expected = (struct interval){(double)NAN, (double)NAN};
        if (!isnan(rule->rate))
            rates_expected(&rule->expected.low, &rule->expected.high,
                           calibration_rank(rule->rate, calibration->negatives),
                           calibration->negatives, (int64_t)rule->negatives,
                           calibration->points[i].design_effect);
    }
    if (e->rule >= 0)
        rule_apply(&e->rules[e->rule], e->flags, table, e->least_tokens);
    return ASSAY_OK;
}
