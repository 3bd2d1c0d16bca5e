/* report.json: every figure with all its digits. docs/file-formats.md lists the keys. */
#include "base/error.h"
#include "base/json.h"
#include "report/evaluation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { REPORT_FORMAT = 1 };

static void put_text(struct json_writer *w, const char *key, const char *text)
{
    json_key(w, key);
    if (text && *text)
        json_put_string(w, text);
    else
        json_put_null(w);
}

static void put_count(struct json_writer *w, const char *key, double value)
{
    json_put_named_integer(w, key, (int64_t)value);
}

/* Two ends on one line, or null. */
static void put_interval(struct json_writer *w, const char *key, struct interval interval)
{
    int indent = w->indent;
    json_key(w, key);
    if (isnan(interval.low)) {
        json_put_null(w);
        return;
    }
    w->indent = 0;
    json_begin_array(w);
    json_put_number(w, interval.low);
    json_put_number(w, interval.high);
    json_end_array(w);
    w->indent = indent;
}

static void put_class(struct json_writer *w, const char *key, const struct class_row *row)
{
    json_key(w, key);
    json_begin_object(w);
    json_put_named_number(w, "precision", row->precision);
    json_put_named_number(w, "recall", row->recall);
    json_put_named_number(w, "f1", row->f1);
    put_count(w, "support", row->support);
    json_end_object(w);
}

static void put_rates(struct json_writer *w, const struct figures *f)
{
    json_key(w, "tpr_at_fpr");
    json_begin_object(w);
    for (int r = 0; r < RATE_COUNT; r++) {
        const struct measured *figure = &f->of[FIGURE_TPR_AT_1 + r];
        const struct rate_figure *rate = &f->rates[r];
        char key[16];
        snprintf(key, sizeof key, "%.2f", rate->rate);
        json_key(w, key);
        json_begin_object(w);
        json_put_named_number(w, "tpr", figure->value);
        put_text(w, "reason", isnan(figure->value) ? figure->reason : NULL);
        put_interval(w, "wilson", rate->tpr);
        put_interval(w, "bootstrap", figure->interval);
        json_put_named_number(w, "threshold", rate->threshold);
        json_put_named_number(w, "achieved_fpr",
                              isnan(figure->value) ? (double)NAN
                                                   : rate->false_positives / (double)f->negatives);
        put_interval(w, "achieved_fpr_wilson", rate->fpr);
        json_end_object(w);
    }
    json_end_object(w);
}

static void put_confusion(struct json_writer *w, const struct figures *f,
                          const struct name_table *labels, bool there)
{
    json_key(w, "confusion_matrix");
    if (!there) {
        json_put_null(w);
        return;
    }
    int indent = w->indent;
    json_begin_object(w);
    json_key(w, "labels");
    w->indent = 0;
    json_begin_array(w);
    for (int32_t c = 0; c < f->classes; c++)
        json_put_string(w, labels->names[c]);
    json_end_array(w);
    w->indent = indent;
    json_key(w, "rows_are_true");
    json_begin_array(w);
    for (int32_t c = 0; c < f->classes; c++) {
        json_begin_array(w);
        w->indent = 0;
        for (int32_t d = 0; d < f->classes; d++)
            json_put_integer(w, (int64_t)f->confusion[(int64_t)c * f->classes + d]);
        json_end_array(w);
        w->indent = indent;
    }
    json_end_array(w);
    json_end_object(w);
}

/* What every set of rows has: the whole, a slice. */
static void put_figures(struct json_writer *w, const struct figures *f,
                        const struct name_table *labels, bool decided)
{
    json_put_named_integer(w, "rows", f->rows);
    json_put_named_integer(w, "clusters", f->clusters);
    for (int i = 0; i < FIGURE_TPR_AT_1; i++)
        json_put_named_number(w, figure_name(i), f->of[i].value);
    put_rates(w, f);
    json_key(w, "classes");
    json_begin_object(w);
    for (int32_t c = 0; c < f->classes; c++)
        put_class(w, labels->names[c], &f->rows_of[c]);
    json_end_object(w);
    if (decided) {
        put_class(w, "macro", &f->decisions.macro);
        put_class(w, "weighted", &f->decisions.weighted);
    }
    put_confusion(w, f, labels, decided);
    json_key(w, "intervals");
    json_begin_object(w);
    for (int i = 0; i < FIGURE_TPR_AT_1; i++)
        put_interval(w, figure_name(i), f->of[i].interval);
    json_end_object(w);
    json_key(w, "reasons");
    json_begin_object(w);
    for (int i = 0; i < FIGURE_TPR_AT_1; i++) {
        if (f->of[i].reason[0])
            put_text(w, figure_name(i), f->of[i].reason);
    }
    json_end_object(w);
}

static void put_bins(struct json_writer *w, const char *key, const struct calibration_bin *bins,
                     int count)
{
    json_key(w, key);
    json_begin_array(w);
    for (int b = 0; b < count; b++) {
        int indent = w->indent;
        json_begin_object(w);
        w->indent = 0;
        json_put_named_number(w, "from", (double)b / count);
        json_put_named_number(w, "to", (double)(b + 1) / count);
        put_count(w, "rows", bins[b].rows);
        json_put_named_number(w, "mean_probability",
                              bins[b].rows > 0.0 ? bins[b].probability : (double)NAN);
        json_put_named_number(w, "share", bins[b].rows > 0.0 ? bins[b].share : (double)NAN);
        put_interval(w, "wilson", bins[b].interval);
        json_end_object(w);
        w->indent = indent;
    }
    json_end_array(w);
}

static void put_curves(struct json_writer *w, const struct assay_evaluation *e)
{
    const struct figures *f = &e->all;
    if (e->rows.table.has_probabilities) {
        put_bins(w, "reliability", f->sure, SURE_BINS);
        if (e->rows.table.positive >= 0)
            put_bins(w, "reliability_of_positive", f->positive, POSITIVE_BINS);
    }
    json_key(w, "risk_coverage");
    json_begin_array(w);
    for (int i = 0; i < f->risk_count; i++) {
        int indent = w->indent;
        json_begin_array(w);
        w->indent = 0;
        json_put_number(w, f->risk[i].coverage);
        json_put_number(w, f->risk[i].risk);
        json_end_array(w);
        w->indent = indent;
    }
    json_end_array(w);
}

static void put_rule(struct json_writer *w, const struct rule *rule)
{
    bool by_label = isnan(rule->rate);
    put_text(w, "by", by_label ? "most probable label" : "threshold of detector.json");
    json_put_named_number(w, "stated_fpr", rule->rate);
    json_put_named_number(w, "log_odds", by_label ? (double)NAN : (double)rule->log_odds);
    put_count(w, "true_positives", rule->true_positives);
    put_count(w, "false_positives", rule->false_positives);
    put_count(w, "positives", rule->positives);
    put_count(w, "negatives", rule->negatives);
    put_count(w, "abstained", rule->abstained_negatives + rule->abstained_positives);
    json_put_named_number(
        w, "tpr", rule->positives > 0.0 ? rule->true_positives / rule->positives : (double)NAN);
    put_interval(w, "tpr_wilson", rule->tpr);
    json_put_named_number(
        w, "fpr", rule->negatives > 0.0 ? rule->false_positives / rule->negatives : (double)NAN);
    put_interval(w, "fpr_wilson", rule->fpr);
    put_interval(w, "fpr_expected", rule->expected);
}

static void put_rules(struct json_writer *w, const struct assay_evaluation *e)
{
    json_key(w, "decision");
    if (e->rule < 0) {
        json_put_null(w);
    } else {
        json_begin_object(w);
        put_rule(w, &e->rules[e->rule]);
        json_end_object(w);
    }
    json_key(w, "operating_points");
    json_begin_array(w);
    for (int i = 0; i < e->rule_count; i++) {
        json_begin_object(w);
        put_rule(w, &e->rules[i]);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_slices(struct json_writer *w, const struct assay_evaluation *e)
{
    json_key(w, "slices");
    json_begin_object(w);
    for (int s = 0; s < e->slice_count; s++) {
        json_key(w, e->slices[s].field);
        json_begin_object(w);
        for (int v = 0; v < e->slices[s].count; v++) {
            json_key(w, e->slices[s].values[v].name);
            json_begin_object(w);
            put_figures(w, &e->slices[s].values[v].figures, &e->scorer.labels,
                        e->rows.table.has_predictions);
            json_end_object(w);
        }
        json_end_object(w);
    }
    json_end_object(w);
    json_key(w, "false_positives");
    json_begin_array(w);
    for (int s = 0; s < e->slice_count && e->rule >= 0; s++) {
        for (int v = 0; v < e->slices[s].count; v++) {
            const struct slice_value *value = &e->slices[s].values[v];
            json_begin_object(w);
            put_text(w, "slice", e->slices[s].field);
            put_text(w, "value", value->name);
            put_count(w, "negatives", value->negatives);
            put_count(w, "false_positives", value->false_positives);
            json_put_named_number(w, "fpr",
                                  value->negatives > 0.0 ? value->false_positives / value->negatives
                                                         : (double)NAN);
            put_interval(w, "wilson", value->fpr);
            json_key(w, "above_overall");
            json_put_boolean(w, value->above);
            json_end_object(w);
        }
    }
    json_end_array(w);
}

static void put_contest(struct json_writer *w, const char *key, const struct contest_figure *f)
{
    json_key(w, key);
    json_begin_object(w);
    json_put_named_number(w, "value", f->value);
    put_interval(w, "interval", f->interval);
    json_put_named_number(w, "lead", f->lead);
    put_interval(w, "lead_interval", f->lead_interval);
    json_end_object(w);
}

static void put_baseline(struct json_writer *w, const struct baseline *item)
{
    json_begin_object(w);
    put_text(w, "name", item->name);
    put_text(w, "description", item->description);
    if (item->feature >= 0) {
        put_text(w, "positive_when", item->falls ? "less" : "more");
        json_put_named_number(w, "train_auroc", item->train_auroc);
    }
    json_put_named_number(w, "auroc", item->auroc);
    if (item->judged) {
        put_interval(w, "interval", item->result.auroc.interval);
        json_put_named_number(w, "lead_of_scores", item->result.auroc.lead);
        put_interval(w, "lead_interval", item->result.auroc.lead_interval);
    }
    json_end_object(w);
}

static void put_baselines(struct json_writer *w, const struct assay_evaluation *e)
{
    const struct baselines *b = &e->baselines;
    json_key(w, "baselines");
    if (!e->with_baselines) {
        json_put_null(w);
        return;
    }
    json_begin_object(w);
    put_text(w, "left_out", b->left_out);
    put_text(w, "note", b->note);
    json_key(w, "train");
    if (b->train_path) {
        json_begin_object(w);
        put_text(w, "path", b->train_path);
        put_text(w, "sha256", b->train_sha256);
        json_key(w, "is_what_trained_the_model");
        json_put_boolean(w, b->verified);
        put_count(w, "rows", (double)b->train_rows);
        put_count(w, "rows_used", (double)b->kept_rows);
        put_count(w, "test_rows_in_it", (double)b->shared_rows);
        put_count(w, "test_groups_in_it", (double)b->shared_groups);
        json_end_object(w);
    } else {
        json_put_null(w);
    }
    if (evaluation_positive(e)) {
        json_key(w, "flag_nobody");
        json_begin_object(w);
        json_put_named_number(w, "accuracy", b->nobody_accuracy);
        json_put_named_number(w, "balanced_accuracy", b->nobody_balanced_accuracy);
        json_put_named_number(w, "auroc", isnan(b->nobody_balanced_accuracy) ? (double)NAN : 0.5);
        json_end_object(w);
    }
    json_key(w, "linear_model");
    if (b->count) {
        double positives = (double)e->all.positives, negatives = (double)e->all.negatives;
        bool set = !isnan(b->threshold);
        json_begin_object(w);
        json_put_named_number(w, "auroc", b->items[0].auroc);
        put_interval(w, "interval", b->items[0].result.auroc.interval);
        json_put_named_number(w, "lead_of_scores", b->items[0].result.auroc.lead);
        put_interval(w, "lead_interval", b->items[0].result.auroc.lead_interval);
        put_text(w, "threshold_from", b->valid_path);
        put_text(w, "threshold_missing", set ? NULL : b->threshold_reason);
        json_put_named_number(w, "threshold", b->threshold);
        json_put_named_number(w, "accuracy", b->accuracy);
        json_put_named_number(w, "tpr", set ? b->true_positives / positives : (double)NAN);
        put_interval(w, "tpr_wilson", b->tpr);
        json_put_named_number(w, "fpr", set ? b->false_positives / negatives : (double)NAN);
        put_interval(w, "fpr_wilson", b->fpr);
        json_end_object(w);
    } else {
        json_put_null(w);
    }
    json_key(w, "features");
    json_begin_array(w);
    for (int i = 1; i < b->count; i++)
        put_baseline(w, &b->items[i]);
    json_end_array(w);
    json_end_object(w);
}

static void put_against(struct json_writer *w, const struct assay_evaluation *e)
{
    const struct against *a = &e->against;
    json_key(w, "against");
    if (!a->there) {
        json_put_null(w);
        return;
    }
    json_begin_object(w);
    put_text(w, "name", a->name);
    put_text(w, "sha256", a->sha256);
    if (a->has_auroc) {
        json_put_named_number(w, "auroc_here", a->first.auroc.value);
        put_contest(w, "auroc", &a->other.auroc);
    }
    if (a->has_accuracy) {
        json_put_named_number(w, "accuracy_here", a->first.accuracy.value);
        put_contest(w, "accuracy", &a->other.accuracy);
        json_key(w, "mcnemar");
        json_begin_object(w);
        put_count(w, "only_here_right", (double)a->only_first);
        put_count(w, "only_other_right", (double)a->only_other);
        json_put_named_number(w, "p_value", a->p_value);
        json_key(w, "exact");
        json_put_boolean(w, a->only_first + a->only_other <= MCNEMAR_EXACT);
        json_end_object(w);
    }
    json_end_object(w);
}

static void put_attacks(struct json_writer *w, const struct assay_evaluation *e)
{
    json_key(w, "attacks");
    if (!e->attack_count) {
        json_put_null(w);
        return;
    }
    json_begin_object(w);
    json_put_named_number(w, "strength", e->strength);
    json_key(w, "kinds");
    json_begin_array(w);
    for (int i = 0; i < e->attack_count; i++) {
        const struct attack_result *attack = &e->attacks[i];
        json_begin_object(w);
        put_text(w, "kind", attack->name);
        put_text(w, "description", attack->description);
        put_contest(w, "auroc", &attack->result.auroc);
        put_contest(w, "accuracy", &attack->result.accuracy);
        if (e->rule >= 0) {
            json_key(w, "decision");
            json_begin_object(w);
            put_rule(w, &attack->rule);
            json_end_object(w);
        }
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

static void put_mistakes(struct json_writer *w, const struct assay_evaluation *e)
{
    const struct score_table *table = &e->rows.table;
    json_put_named_integer(w, "mistakes", e->rows.wrong);
    json_key(w, "most_confident_mistakes");
    json_begin_array(w);
    for (int i = 0; i < e->rows.mistake_count; i++) {
        const struct mistake *mistake = &e->rows.mistakes[i];
        json_begin_object(w);
        put_text(w, "id", mistake->id);
        put_text(w, "label", e->scorer.labels.names[table->label[mistake->row]]);
        put_text(w, "predicted", e->scorer.labels.names[table->predicted[mistake->row]]);
        json_put_named_number(w, "confidence", mistake->confidence);
        put_text(w, "excerpt", mistake->excerpt);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_renames(struct json_writer *w, const struct assay_evaluation *e)
{
    json_key(w, "renamed_labels");
    json_begin_array(w);
    for (size_t i = 0; i < e->options->rename_count; i++) {
        json_begin_object(w);
        put_text(w, "from", e->options->renames[i].from);
        put_text(w, "to", e->options->renames[i].to);
        put_count(w, "rows", (double)e->rows.renamed[i]);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_head(struct json_writer *w, const struct assay_evaluation *e)
{
    put_text(w, "format", "assay-report");
    json_put_named_integer(w, "format_version", REPORT_FORMAT);
    put_text(w, "assay", ASSAY_VERSION);
    json_key(w, "model");
    if (e->model) {
        json_begin_object(w);
        put_text(w, "path", e->model);
        put_text(w, "family", e->family);
        put_text(w, "sha256", e->scores_sha256);
        put_text(w, "precision", assay_precision_name(e->precision));
        json_key(w, "max_tokens");
        if (e->max_tokens)
            json_put_integer(w, e->max_tokens);
        else
            json_put_null(w);
        json_put_named_number(w, "temperature", e->card.temperature);
        json_end_object(w);
    } else {
        json_put_null(w);
        json_key(w, "predictions");
        json_begin_object(w);
        put_text(w, "path", e->predictions);
        put_text(w, "sha256", e->scores_sha256);
        json_end_object(w);
    }
    json_key(w, "data");
    json_begin_object(w);
    put_text(w, "path", e->data);
    put_text(w, "sha256", e->data_sha256);
    json_end_object(w);
    json_key(w, "labels");
    json_begin_array(w);
    for (int32_t c = 0; c < e->scorer.labels.count; c++)
        json_put_string(w, e->scorer.labels.names[c]);
    json_end_array(w);
    put_text(w, "positive", evaluation_positive(e));
    put_text(w, "positive_from", e->positive_from);
    put_renames(w, e);
}

static void put_resampling(struct json_writer *w, const struct assay_evaluation *e)
{
    json_key(w, "resampling");
    json_begin_object(w);
    put_text(w, "method", "bootstrap over clusters, expanded percentiles");
    json_put_named_number(w, "confidence", RESAMPLE_CONFIDENCE);
    put_count(w, "resamples", e->all.resamples);
    put_count(w, "seed", (double)e->measuring.seed);
    put_text(w, "cluster_field", e->rows.cluster_field);
    put_count(w, "clusters", e->rows.table.clusters);
    put_count(w, "rows_without_cluster", (double)e->rows.rows_without_cluster);
    json_end_object(w);
}

assay_status report_json(struct buffer *out, const struct assay_evaluation *e, assay_error *error)
{
    static const char *const kinds[] = {"fault", "doubt", "fact"};
    struct json_writer w = {.out = out, .indent = 2};
    json_begin_object(&w);
    put_head(&w, e);
    json_key(&w, "sentences");
    json_begin_array(&w);
    for (int i = 0; i < e->sentence_count; i++) {
        json_begin_object(&w);
        put_text(&w, "kind", kinds[e->sentences[i].kind]);
        put_text(&w, "text", e->sentences[i].text);
        json_end_object(&w);
    }
    json_end_array(&w);
    put_figures(&w, &e->all, &e->scorer.labels, e->rows.table.has_predictions);
    put_resampling(&w, e);
    put_rules(&w, e);
    put_curves(&w, e);
    put_slices(&w, e);
    put_baselines(&w, e);
    put_against(&w, e);
    put_attacks(&w, e);
    put_mistakes(&w, e);
    json_end_object(&w);
    return !w.failed && buffer_append_byte(out, '\n') ? ASSAY_OK : error_memory(error, out->length);
}
