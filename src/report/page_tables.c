/* Tables: decisions, mistakes, where everything comes from. */
#include "report/page.h"

#include <math.h>
#include <string.h>

enum { MATRIX_CLASSES = 12, CLASSES_SHOWN = 40 };

static const struct interval none = {(double)NAN, (double)NAN};

static void put_matrix(struct page *page)
{
    const struct figures *f = &page->e->all;
    const struct name_table *labels = &page->e->scorer.labels;
    page_put(page, "<div class=scroll><table class=m><tr><th class=l>true \\ said</th>");
    for (int32_t d = 0; d < f->classes; d++) {
        page_put(page, "<th>");
        page_text(page, labels->names[d]);
        page_put(page, "</th>");
    }
    page_put(page, "</tr>\n");
    for (int32_t c = 0; c < f->classes; c++) {
        page_put(page, "<tr><th class=l>");
        page_text(page, labels->names[c]);
        page_put(page, "</th>");
        for (int32_t d = 0; d < f->classes; d++) {
            double count = f->confusion[(int64_t)c * f->classes + d];
            double all = f->rows_of[c].support, share = all > 0.0 ? count / all : 0.0;
            page_put(page, "<td style=\"--v:%.3f\">%.0f<small>%.1f %%</small></td>", share, count,
                     100.0 * share);
        }
        page_put(page, "</tr>\n");
    }
    page_put(page, "</table></div>\n");
}

static void put_class_row(struct page *page, const char *name, const struct class_row *row)
{
    page_put(page, "<tr><td>");
    page_text(page, name);
    page_put(page, "</td><td>%.3f</td><td>%.3f</td><td>%.3f</td><td>%.0f</td></tr>\n",
             row->precision, row->recall, row->f1, row->support);
}

static void put_classes(struct page *page)
{
    const struct figures *f = &page->e->all;
    page_put(page, "<div class=scroll><table><tr><th>label</th><th>precision</th><th>recall</th>"
                   "<th>F1</th><th>rows</th></tr>\n");
    for (int32_t c = 0; c < f->classes && c < CLASSES_SHOWN; c++)
        put_class_row(page, page->e->scorer.labels.names[c], &f->rows_of[c]);
    put_class_row(page, "macro mean", &f->decisions.macro);
    put_class_row(page, "weighted mean", &f->decisions.weighted);
    page_put(page, "</table></div>\n");
    if (f->classes > CLASSES_SHOWN)
        page_put(page, "<p class=soft>%d labels more are in report.json.</p>\n",
                 f->classes - CLASSES_SHOWN);
}

static void put_rules(struct page *page)
{
    const struct assay_evaluation *e = page->e;
    page_put(page, "<h3>Operating points</h3>\n<div class=scroll><table><tr><th>decides by</th>"
                   "<th>false alarms (FPR)</th><th>found (TPR)</th><th>abstains</th></tr>\n");
    for (int i = 0; i < e->rule_count; i++) {
        const struct rule *rule = &e->rules[i];
        if (isnan(rule->rate))
            page_put(page, "<tr><td>most probable label</td><td>");
        else
            page_put(page, "<tr><td>threshold for %.3g %% false alarms</td><td>",
                     100.0 * rule->rate);
        page_share(page,
                   rule->negatives > 0.0 ? rule->false_positives / rule->negatives : (double)NAN,
                   rule->fpr);
        page_put(page, "</td><td>");
        page_share(page,
                   rule->positives > 0.0 ? rule->true_positives / rule->positives : (double)NAN,
                   rule->tpr);
        page_put(page, "</td><td>%.0f</td></tr>\n",
                 rule->abstained_negatives + rule->abstained_positives);
    }
    page_put(page, "</table></div>\n<p class=soft>Intervals are Wilson's and take rows for "
                   "independent.</p>\n");
}

void page_decisions(struct page *page)
{
    const struct assay_evaluation *e = page->e;
    if (!e->rows.table.has_predictions && e->rule < 0)
        return;
    page_begin_section(page, "How it decides", NULL);
    if (e->rows.table.has_predictions) {
        page_put(page, "<p class=lead>By %s. Shares are of a row's true label.</p>\n",
                 e->model ? "the most probable label" : "what the predictions say");
        if (e->all.classes <= MATRIX_CLASSES)
            put_matrix(page);
        page_put(page, "<h3>By label</h3>\n");
        put_classes(page);
    }
    if (e->rule_count)
        put_rules(page);
    page_end_section(page);
}

void page_mistakes(struct page *page)
{
    const struct assay_evaluation *e = page->e;
    if (!e->rows.mistake_count)
        return;
    page_begin_section(page, "Its surest mistakes", NULL);
    page_put(page,
             "<p class=lead>Of %lld wrong rows those it was surest of: the first to read, for "
             "they show wrong labels as well as wrong models.</p>\n<div class=scroll><table>"
             "<tr><th>id</th><th class=l>is</th><th class=l>said</th><th>confidence"
             "<br>(log-odds)</th><th class=l>text</th></tr>\n",
             (long long)e->rows.wrong);
    for (int i = 0; i < e->rows.mistake_count; i++) {
        const struct mistake *mistake = &e->rows.mistakes[i];
        const struct score_table *table = &e->rows.table;
        page_put(page, "<tr><td class=x>");
        page_text(page, mistake->id);
        page_put(page, "</td><td class=l>");
        page_text(page, e->scorer.labels.names[table->label[mistake->row]]);
        page_put(page, "</td><td class=l>");
        page_text(page, e->scorer.labels.names[table->predicted[mistake->row]]);
        page_put(page, "</td><td>%.2f</td><td class=x>", mistake->confidence);
        page_text(page, mistake->excerpt);
        page_put(page, "</td></tr>\n");
    }
    page_put(page, "</table></div>\n");
    page_end_section(page);
}

static void put_origin(struct page *page, const char *name, const char *path, const char *hex)
{
    if (!path)
        return;
    page_put(page, "<tr><td>%s</td><td class=x><code>", name);
    page_text(page, path);
    page_put(page, "</code>");
    if (hex && *hex)
        page_put(page, "<br><code class=soft>sha256 %s</code>", hex);
    page_put(page, "</td></tr>\n");
}

void page_provenance(struct page *page)
{
    const struct assay_evaluation *e = page->e;
    page_begin_section(page, "Where this comes from", NULL);
    page_put(page, "<table>\n");
    put_origin(page, "model", e->model, e->scores_sha256);
    put_origin(page, "predictions", e->predictions, e->scores_sha256);
    put_origin(page, "rows", e->data, e->data_sha256);
    put_origin(page, "baselines' rows", e->baselines.train_path, e->baselines.train_sha256);
    put_origin(page, "compared with", e->against.name, e->against.sha256);
    if (e->model) {
        page_put(page, "<tr><td>computed</td><td class=x>%s, precision %s", e->family,
                 assay_precision_name(e->precision));
        if (e->max_tokens)
            page_put(page, ", texts cut at %d tokens", e->max_tokens);
        page_put(page, ", temperature %.4g</td></tr>\n", e->card.temperature);
    }
    page_put(page, "<tr><td>intervals</td><td class=x>95 %%; bootstrap over %d clusters",
             e->rows.table.clusters);
    if (*e->rows.cluster_field) {
        page_put(page, " (field ");
        page_text(page, e->rows.cluster_field);
        page_put(page, ")");
    } else {
        page_put(page, " (each row by itself)");
    }
    page_put(page,
             ", %d resamples, expanded percentiles, seed %llu; shares of counts by Wilson"
             "</td></tr>\n</table>\n",
             e->all.resamples, (unsigned long long)e->measuring.seed);
    page_put(page, "<h3>All figures</h3>\n<div class=scroll><table><tr><th>figure</th><th>value"
                   "</th><th class=l></th></tr>\n");
    for (int f = 0; f < FIGURE_COUNT; f++) {
        page_put(page, "<tr><td>%s</td><td>", figure_title(f));
        page_number(page, e->all.of[f].value,
                    isnan(e->all.of[f].value) ? none : e->all.of[f].interval);
        page_put(page, "</td><td class=x><span class=soft>");
        page_text(page, e->all.of[f].reason);
        page_put(page, "</span></td></tr>\n");
    }
    page_put(page, "</table></div>\n");
    page_end_section(page);
}
