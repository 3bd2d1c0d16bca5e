/* Curves: ROC, scores by class, reliability, risk over coverage. */
#include "base/memory.h"
#include "report/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HISTOGRAM_BINS = 36, MARGIN_PARTS = 200 };

/* Points nearer than this to the last one drawn are left out: half a pixel. */
static const double least_step = 0.0015;

static void put_roc_curve(struct plot *plot, const struct ranking *ranking, const uint8_t *flags,
                          double positives, double negatives)
{
    double up = 0.0, down = 0.0, last_x = 0.0, last_y = 0.0;
    page_put(plot->page, "<polyline class=c1 points=\"%.1f,%.1f", plot_x(plot, 0), plot_y(plot, 0));
    for (int64_t i = 0; i < ranking->rows; i++) {
        *(flags[ranking->order[i]] ? &up : &down) += 1.0;
        double x = down / negatives, y = up / positives;
        bool far = fabs(x - last_x) + fabs(y - last_y) >= least_step;
        if (!ranking->last[i] || (!far && i + 1 < ranking->rows))
            continue;
        page_put(plot->page, " %.1f,%.1f", plot_x(plot, x), plot_y(plot, y));
        last_x = x;
        last_y = y;
    }
    page_put(plot->page, "\"/>\n");
}

static void put_point(struct plot *plot, double x, double y, const char *class, const char *title)
{
    if (isnan(x) || isnan(y))
        return;
    page_put(plot->page, "<circle class=%s cx=%.1f cy=%.1f r=5><title>%s</title></circle>", class,
             plot_x(plot, x), plot_y(plot, y), title);
}

static void put_roc(struct page *page, const struct ranking *ranking, const uint8_t *flags)
{
    const struct assay_evaluation *e = page->e;
    const struct figures *f = &e->all;
    struct plot plot;
    plot_begin(&plot, page, "ROC", "ROC curve");
    plot_axes(&plot, 5, 5, "%", "%", "false alarms (FPR)", "found (TPR)");
    page_put(page, "<line class=d x1=%.1f y1=%.1f x2=%.1f y2=%.1f />", plot_x(&plot, 0),
             plot_y(&plot, 0), plot_x(&plot, 1), plot_y(&plot, 1));
    put_roc_curve(&plot, ranking, flags, (double)f->positives, (double)f->negatives);
    for (int r = 0; r < RATE_COUNT; r++)
        put_point(&plot, f->rates[r].false_positives / (double)f->negatives,
                  f->of[FIGURE_TPR_AT_1 + r].value, "q", r ? "5 % FPR" : "1 % FPR");
    for (int i = 0; i < e->rule_count; i++)
        put_point(&plot, e->rules[i].false_positives / e->rules[i].negatives,
                  e->rules[i].true_positives / e->rules[i].positives, "p",
                  isnan(e->rules[i].rate) ? "most probable label" : "threshold of detector.json");
    plot_end(&plot, "<span class=key><i class=k1></i>1 % and 5 % FPR on these rows, where they "
                    "allow it <i class=k2></i>how it decides: thresholds of detector.json, most "
                    "probable label</span>");
}

static void put_steps(struct plot *plot, const double *shares, const char *class)
{
    page_put(plot->page, "<path class=%s d=\"M%.1f %.1f", class, plot_x(plot, 0), plot_y(plot, 0));
    for (int b = 0; b < HISTOGRAM_BINS; b++) {
        double from = (double)b / HISTOGRAM_BINS, to = (double)(b + 1) / HISTOGRAM_BINS;
        page_put(plot->page, "L%.1f %.1fL%.1f %.1f", plot_x(plot, from), plot_y(plot, shares[b]),
                 plot_x(plot, to), plot_y(plot, shares[b]));
    }
    page_put(plot->page, "L%.1f %.1fZ\"/>\n", plot_x(plot, 1), plot_y(plot, 0));
}

/* Each class's rows over the score; the outermost half percent is gathered at the ends. */
static void put_histogram(struct page *page, const struct ranking *ranking, const uint8_t *flags)
{
    const struct assay_evaluation *e = page->e;
    const struct score_table *table = &e->rows.table;
    int64_t rows = ranking->rows, cut = rows / MARGIN_PARTS;
    double high = table->score[ranking->order[cut]];
    double low = table->score[ranking->order[rows - 1 - cut]], most = 0.0;
    double shares[2][HISTOGRAM_BINS] = {{0}}, sizes[2] = {0};
    if (!isfinite(low) || !isfinite(high))
        return;
    if (!(high > low)) {
        low -= 1.0;
        high += 1.0;
    }
    for (int64_t i = 0; i < rows; i++) {
        double place = (table->score[i] - low) / (high - low) * HISTOGRAM_BINS;
        int bin = place < 0.0 ? 0 : place >= HISTOGRAM_BINS ? HISTOGRAM_BINS - 1 : (int)place;
        shares[flags[i]][bin]++;
        sizes[flags[i]]++;
    }
    for (int k = 0; k < 2; k++) {
        for (int b = 0; b < HISTOGRAM_BINS; b++) {
            shares[k][b] = sizes[k] > 0.0 ? shares[k][b] / sizes[k] : 0.0;
            most = shares[k][b] > most ? shares[k][b] : most;
        }
    }
    struct plot plot;
    plot_begin(&plot, page, "Scores by class", "Histogram of scores by class");
    plot.y_to = most > 0.0 ? most * 1.05 : 1.0;
    struct plot scale = plot;
    scale.x_from = low;
    scale.x_to = high;
    plot_axes(&scale, 4, 4, high - low > 20.0 ? "0" : "1", "",
              e->rows.table.has_probabilities ? "score (log-odds of the positive class)" : "score",
              "share of its class");
    put_steps(&plot, shares[0], "h1");
    put_steps(&plot, shares[1], "h2");
    if (e->rule >= 0 && !isnan(e->rules[e->rule].rate)) {
        double x = plot_x(&scale, (double)e->rules[e->rule].log_odds * e->card.temperature);
        if (x > plot.left && x < plot.left + plot.width)
            page_put(page, "<line class=r x1=%.1f x2=%.1f y1=%.1f y2=%.1f />", x, x, plot.top,
                     plot.top + plot.height);
    }
    page_put(page, "</svg><figcaption class=key><i class=k2></i>");
    page_text(page, evaluation_positive(e));
    page_put(page, "<i class=k1></i>%s</figcaption></figure>\n",
             e->all.classes == 2 ? "the other class" : "the other classes");
}

void page_ranking(struct page *page)
{
    const struct score_table *table = &page->e->rows.table;
    struct ranking ranking = {0};
    uint8_t *flags = figures_positive_flags(table);
    if (!flags || (table->has_score && !ranking_make(&ranking, table->score, table->rows)))
        page->failed = true;
    if (!page->failed && table->has_score) {
        page_begin_section(page, "How well the score ranks",
                           "The area under the ROC curve is the probability that a text of the "
                           "positive class scores higher than one of another. What matters in use "
                           "is its left edge: what is found while false alarms are rare.");
        page_put(page, "<div class=plots>\n");
        if (page->e->all.positives && page->e->all.negatives)
            put_roc(page, &ranking, flags);
        put_histogram(page, &ranking, flags);
        page_put(page, "</div>\n");
        page_end_section(page);
    }
    ranking_free(&ranking);
    memory_free(flags);
}

static void put_reliability(struct page *page)
{
    const struct assay_evaluation *e = page->e;
    bool positive = e->rows.table.positive >= 0;
    const struct calibration_bin *bins = positive ? e->all.positive : e->all.sure;
    int count = positive ? POSITIVE_BINS : SURE_BINS;
    double most = 0.0;
    struct plot plot;
    plot_begin(&plot, page, "Reliability", "Reliability diagram");
    plot_axes(&plot, 5, 5, "%", "%",
              positive ? "probability of the positive class" : "probability of the answer",
              "share that came true");
    page_put(page, "<line class=d x1=%.1f y1=%.1f x2=%.1f y2=%.1f />\n", plot_x(&plot, 0),
             plot_y(&plot, 0), plot_x(&plot, 1), plot_y(&plot, 1));
    for (int b = 0; b < count; b++)
        most = bins[b].rows > most ? bins[b].rows : most;
    for (int b = 0; b < count; b++) {
        if (!(bins[b].rows > 0.0))
            continue;
        double x = plot_x(&plot, bins[b].probability);
        page_put(page,
                 "<line class=e x1=%.1f x2=%.1f y1=%.1f y2=%.1f /><circle class=q cx=%.1f cy=%.1f "
                 "r=%.1f><title>%.0f rows</title></circle>\n",
                 x, x, plot_y(&plot, bins[b].interval.low), plot_y(&plot, bins[b].interval.high), x,
                 plot_y(&plot, bins[b].share), 3.0 + 4.0 * sqrt(bins[b].rows / most), bins[b].rows);
    }
    plot_end(&plot, "On the line, what is said comes true as often as it is said. Bars are 95 % "
                    "intervals, areas of the points go with the rows in a bin.");
}

static void put_risk(struct page *page)
{
    const struct figures *f = &page->e->all;
    double most = 0.0;
    struct plot plot;
    for (int i = 0; i < f->risk_count; i++)
        most = f->risk[i].risk > most ? f->risk[i].risk : most;
    plot_begin(&plot, page, "Risk over coverage", "Risk-coverage curve");
    plot.y_to = most > 0.0 ? ceil(most * 20.0) / 20.0 : 0.05;
    plot_axes(&plot, 5, 5, "%", "%", "rows answered, the surest first", "wrong among them");
    page_put(page, "<polyline class=c1 points=\"");
    for (int i = 0; i < f->risk_count; i++)
        page_put(page, "%s%.1f,%.1f", i ? " " : "", plot_x(&plot, f->risk[i].coverage),
                 plot_y(&plot, f->risk[i].risk));
    page_put(page, "\"/>\n");
    plot_end(&plot, "What is gained by answering only when sure: a good confidence begins at the "
                    "bottom left.");
}

void page_calibration(struct page *page)
{
    const struct assay_evaluation *e = page->e;
    if (!e->rows.table.has_probabilities && !e->all.risk_count)
        return;
    page_begin_section(page, "What its probabilities are worth",
                       "A probability is calibrated when, of the texts that get 80 %, eight of ten "
                       "are what it says. That is another question than whether it ranks well.");
    page_put(page, "<div class=plots>\n");
    if (e->rows.table.has_probabilities)
        put_reliability(page);
    if (e->all.risk_count)
        put_risk(page);
    page_put(page, "</div>\n");
    page_end_section(page);
}
