/* Figures with their intervals, one a line on a common scale: baselines, slices, attacks. */
#include "report/page.h"

#include <math.h>
#include <string.h>

struct bars {
    struct page *page;
    double from, to; /* of the scale */
};

static double place(const struct bars *bars, double value)
{
    double share = (value - bars->from) / (bars->to - bars->from);
    return 100.0 * (share < 0.0 ? 0.0 : share > 1.0 ? 1.0 : share);
}

static void begin_bars(struct bars *bars, struct page *page, double from, double to,
                       const char *title)
{
    *bars = (struct bars){page, from, to};
    page_put(page,
             "<h3>%s</h3>\n<div class=bars>\n<div class=\"bar scale\"><span class=n></span>"
             "<svg>",
             title);
    for (int i = 0; i <= 5; i++) {
        double value = from + (to - from) * i / 5.0;
        page_put(page, "<text x=\"%d%%\" y=14 text-anchor=%s>%.2g</text>", 20 * i,
                 i == 0   ? "start"
                 : i == 5 ? "end"
                          : "middle",
                 fabs(value) < 1e-9 ? 0.0 : value);
    }
    page_put(page, "</svg><span class=w></span></div>\n");
}

static void begin_bar(const struct bars *bars, bool own)
{
    page_put(bars->page, "<div class=\"bar%s\"><span class=n>", own ? " own" : "");
}

/* Between the name and the number: the scale with grid, interval and point; `mark` is a line. */
static void put_track(const struct bars *bars, double value, struct interval interval, double mark)
{
    struct page *page = bars->page;
    page_put(page, "</span><svg role=img aria-hidden=true>");
    for (int i = 0; i <= 5; i++)
        page_put(page, "<line class=g x1=\"%d%%\" x2=\"%d%%\" y1=0 y2=22 />", 20 * i, 20 * i);
    if (!isnan(mark))
        page_put(page, "<line class=d x1=\"%.2f%%\" x2=\"%.2f%%\" y1=0 y2=22 />", place(bars, mark),
                 place(bars, mark));
    if (!isnan(interval.low))
        page_put(page, "<line class=e x1=\"%.2f%%\" x2=\"%.2f%%\" y1=11 y2=11 />",
                 place(bars, interval.low), place(bars, interval.high));
    if (!isnan(value))
        page_put(page, "<circle class=q cx=\"%.2f%%\" cy=11 r=5 />", place(bars, value));
    page_put(page, "</svg><span class=w>");
}

static void end_bar(const struct bars *bars)
{
    page_put(bars->page, "</span></div>\n");
}

static void end_bars(const struct bars *bars)
{
    page_put(bars->page, "</div>\n");
}

/* The scale begins at a half, or at 0 when a figure lies lower. */
static double scale_begin(double lowest)
{
    return lowest < 0.5 ? 0.0 : 0.5;
}

static double lower(double least, double value, struct interval interval)
{
    double low = isnan(interval.low) ? value : interval.low;
    return !isnan(low) && low < least ? low : least;
}

static void put_baseline_bars(struct page *page)
{
    const struct assay_evaluation *e = page->e;
    const struct baselines *b = &e->baselines;
    const struct measured *own = &e->all.of[FIGURE_AUROC];
    double least = lower(0.5, own->value, own->interval);
    struct bars bars;
    for (int i = 0; i < b->judged; i++)
        least = lower(least, b->items[i].auroc, b->items[i].result.auroc.interval);
    begin_bars(&bars, page, scale_begin(least), 1.0, "AUROC on these rows");
    begin_bar(&bars, true);
    page_put(page, "%s", e->model ? "this model" : "these scores");
    put_track(&bars, own->value, own->interval, own->value);
    page_number(page, own->value, own->interval);
    end_bar(&bars);
    for (int i = 0; i < b->judged; i++) {
        const struct baseline *item = &b->items[i];
        begin_bar(&bars, false);
        page_put(page, "%s<small>%s</small>", item->name, item->description);
        put_track(&bars, item->auroc, item->result.auroc.interval, own->value);
        page_number(page, item->auroc, item->result.auroc.interval);
        end_bar(&bars);
    }
    begin_bar(&bars, false);
    page_put(page, "flag nobody<small>accuracy %.1f %%</small>", 100.0 * b->nobody_accuracy);
    put_track(&bars, 0.5, (struct interval){(double)NAN, (double)NAN}, own->value);
    page_put(page, "0.500");
    end_bar(&bars);
    end_bars(&bars);
}

void page_baselines(struct page *page)
{
    const struct assay_evaluation *e = page->e;
    const struct baselines *b = &e->baselines;
    if (!e->with_baselines)
        return;
    page_begin_section(page, "Beside trivial baselines",
                       "A detector is worth what it adds to counting. Each baseline is trained on "
                       "the training rows and judged on the same test rows; the differences are "
                       "measured on the same resamples.");
    if (b->left_out[0]) {
        page_put(page, "<p>Left out: ");
        page_text(page, b->left_out);
        page_put(page, ".</p>\n");
        if (evaluation_positive(e))
            page_put(page, "<p>Flagging nobody would be right in %.1f %% of the rows.</p>\n",
                     100.0 * b->nobody_accuracy);
        page_end_section(page);
        return;
    }
    put_baseline_bars(page);
    page_put(page, "<p class=soft>Trained on %lld rows", (long long)b->kept_rows);
    if (b->kept_rows != b->train_rows)
        page_put(page, " (drawn from %lld)", (long long)b->train_rows);
    page_put(page, ". ");
    if (!isnan(b->threshold))
        page_put(page,
                 "At its threshold for 5 %% false alarms on the validation rows the linear model "
                 "finds %.1f %% and flags %.1f %% of the negatives [%.1f, %.1f].",
                 100.0 * b->true_positives / (double)e->all.positives,
                 100.0 * b->false_positives / (double)e->all.negatives, 100.0 * b->fpr.low,
                 100.0 * b->fpr.high);
    else
        page_put(page, "The linear model has no threshold: %s.", b->threshold_reason);
    page_put(page,
             " Of %d features, the %d best by training rows are shown; report.json has "
             "all.</p>\n",
             b->count - 1, b->judged - 1);
    page_end_section(page);
}

static void put_slice(struct page *page, const struct slice *slice)
{
    const struct assay_evaluation *e = page->e;
    bool ranks = e->rows.table.has_score || e->rows.table.keeps_logits;
    int figure = ranks ? FIGURE_AUROC : FIGURE_ACCURACY;
    double overall = e->all.of[figure].value, least = 0.5;
    struct bars bars;
    for (int v = 0; v < slice->count; v++)
        least = lower(least, slice->values[v].figures.of[figure].value,
                      slice->values[v].figures.of[figure].interval);
    page_put(page, "<h3>By ");
    page_text(page, slice->length ? "length" : slice->field);
    page_put(page, "</h3>\n");
    begin_bars(&bars, page, scale_begin(least), 1.0, figure_title(figure));
    for (int v = 0; v < slice->count; v++) {
        const struct slice_value *value = &slice->values[v];
        const struct measured *of = &value->figures.of[figure];
        begin_bar(&bars, false);
        page_text(page, value->name);
        page_put(page, "<small>%lld rows</small>", (long long)value->figures.rows);
        put_track(&bars, of->value, of->interval, overall);
        if (isnan(of->value))
            page_put(page, "<span class=soft>one label</span>");
        else
            page_number(page, of->value, of->interval);
        end_bar(&bars);
    }
    end_bars(&bars);
}

static void put_alarms(struct page *page)
{
    const struct assay_evaluation *e = page->e;
    const struct rule *rule = &e->rules[e->rule];
    page_put(page,
             "<h3>False alarms by part</h3>\n<p class=soft>Under %s: %.1f %% of all negatives. "
             "Marked are parts whose whole 95 %% interval lies above that; of many parts some do "
             "by chance.</p>\n<div class=scroll><table><tr><th>part</th><th>negatives</th>"
             "<th>false alarms</th><th>rate</th></tr>\n",
             isnan(rule->rate) ? "the most probable label" : "the threshold of detector.json",
             100.0 * rule->false_positives / rule->negatives);
    for (int s = 0; s < e->slice_count; s++) {
        for (int v = 0; v < e->slices[s].count; v++) {
            const struct slice_value *value = &e->slices[s].values[v];
            if (!(value->negatives > 0.0))
                continue;
            page_put(page, "<tr><td>");
            page_text(page, e->slices[s].field);
            page_put(page, ": ");
            page_text(page, value->name);
            page_put(page, "</td><td>%.0f</td><td>%.0f</td><td%s>", value->negatives,
                     value->false_positives, value->above ? " class=flag" : "");
            page_share(page, value->false_positives / value->negatives, value->fpr);
            page_put(page, "</td></tr>\n");
        }
    }
    page_put(page, "</table></div>\n");
}

void page_slices(struct page *page)
{
    const struct assay_evaluation *e = page->e;
    page_begin_section(page, "Where it holds and where it does not",
                       "An average hides whom it fails. The dashed line is the figure of all "
                       "rows.");
    for (int s = 0; s < e->slice_count; s++)
        put_slice(page, &e->slices[s]);
    if (e->rule >= 0 && e->rules[e->rule].negatives > 0.0)
        put_alarms(page);
    page_end_section(page);
}

void page_attacks(struct page *page)
{
    const struct assay_evaluation *e = page->e;
    const struct measured *own = &e->all.of[FIGURE_AUROC];
    double least = 0.5;
    struct bars bars;
    if (!e->attack_count)
        return;
    page_begin_section(page, "Under attack", NULL);
    page_put(page,
             "<p class=lead>The same rows, both classes changed at a strength of %g: that "
             "share of the places that an attack of this kind can change. Decisions stay as "
             "they were.</p>\n",
             e->strength);
    for (int i = 0; i < e->attack_count; i++)
        least = lower(least, e->attacks[i].result.auroc.value, e->attacks[i].result.auroc.interval);
    begin_bars(&bars, page, scale_begin(least), 1.0, "AUROC");
    begin_bar(&bars, true);
    page_put(page, "as they are");
    put_track(&bars, own->value, own->interval, own->value);
    page_number(page, own->value, own->interval);
    end_bar(&bars);
    for (int i = 0; i < e->attack_count; i++) {
        const struct attack_result *attack = &e->attacks[i];
        begin_bar(&bars, false);
        page_put(page, "%s<small>%s</small>", attack->name, attack->description);
        put_track(&bars, attack->result.auroc.value, attack->result.auroc.interval, own->value);
        page_number(page, attack->result.auroc.value, attack->result.auroc.interval);
        end_bar(&bars);
    }
    end_bars(&bars);
    page_put(page, "<div class=scroll><table><tr><th>attack</th><th>AUROC lost</th>"
                   "<th>accuracy</th><th>found (TPR)</th><th>false alarms (FPR)</th></tr>\n");
    for (int i = 0; i < e->attack_count; i++) {
        const struct attack_result *attack = &e->attacks[i];
        const struct rule *rule = &attack->rule;
        page_put(page, "<tr><td>%s</td><td>", attack->name);
        page_number(page, attack->result.auroc.lead, attack->result.auroc.lead_interval);
        page_put(page, "</td><td>");
        page_share(page, attack->result.accuracy.value, attack->result.accuracy.interval);
        page_put(page, "</td><td>");
        page_share(page,
                   rule->positives > 0.0 ? rule->true_positives / rule->positives : (double)NAN,
                   rule->tpr);
        page_put(page, "</td><td>");
        page_share(page,
                   rule->negatives > 0.0 ? rule->false_positives / rule->negatives : (double)NAN,
                   rule->fpr);
        page_put(page, "</td></tr>\n");
    }
    page_put(page, "</table></div>\n");
    page_end_section(page);
}

static void put_against_row(struct page *page, const char *name, double first,
                            const struct contest_figure *f)
{
    page_put(page, "<tr><td>%s</td><td>%.3f</td><td>%.3f</td><td>", name, first, f->value);
    page_number(page, f->lead, f->lead_interval);
    page_put(page, "</td><td>%s</td></tr>\n",
             contest_leads(f)    ? "better"
             : contest_trails(f) ? "worse"
                                 : "not told apart");
}

void page_against(struct page *page)
{
    const struct against *a = &page->e->against;
    if (!a->there)
        return;
    page_begin_section(page, "Against another", NULL);
    page_put(page, "<p class=lead>The same rows scored by <code>");
    page_text(page, a->name);
    page_put(page, "</code>; differences on the same resamples.</p>\n<div class=scroll><table>"
                   "<tr><th></th><th>here</th><th>other</th><th>difference</th><th></th></tr>\n");
    if (a->has_auroc)
        put_against_row(page, "AUROC", a->first.auroc.value, &a->other.auroc);
    if (a->has_accuracy)
        put_against_row(page, "Accuracy", a->first.accuracy.value, &a->other.accuracy);
    page_put(page, "</table></div>\n");
    if (a->has_accuracy)
        page_put(page,
                 "<p class=soft>%lld rows only the scores here have right, %lld only the other. "
                 "McNemar's test%s: p = %.2g. It takes rows for independent; the intervals above "
                 "do not.</p>\n",
                 (long long)a->only_first, (long long)a->only_other,
                 a->only_first + a->only_other <= MCNEMAR_EXACT ? " (exact)" : "", a->p_value);
    page_end_section(page);
}
