#include "report/figures.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const double figure_rates[RATE_COUNT] = {0.01, 0.05};

enum { NEGATIVES_PER_RATE = 10 };

/* Rankings and flags, and what each thread of a resampling writes into. */
struct measuring {
    const struct score_table *table;
    uint8_t *positive, *wrong;
    struct ranking by_score, by_confidence;
    bool by_confidence_there;
    double *confusions; /* (threads, classes, classes) */
};

static const char *const names[] = {
#define X(identifier, name, title) name,
    FIGURE_LIST(X)
#undef X
};
static const char *const titles[] = {
#define X(identifier, name, title) title,
    FIGURE_LIST(X)
#undef X
};

const char *figure_name(int figure)
{
    return names[figure];
}

const char *figure_title(int figure)
{
    return titles[figure];
}

uint8_t *figures_positive_flags(const struct score_table *table)
{
    uint8_t *flags = memory_allocate((size_t)table->rows + 1, sizeof *flags);
    for (int64_t i = 0; flags && i < table->rows; i++)
        flags[i] = table->label[i] == table->positive;
    return flags;
}

static void measuring_free(struct measuring *m)
{
    memory_free(m->positive);
    memory_free(m->wrong);
    memory_free(m->confusions);
    ranking_free(&m->by_score);
    ranking_free(&m->by_confidence);
    *m = (struct measuring){0};
}

static assay_status measuring_make(struct measuring *m, const struct score_table *table,
                                   int threads, assay_error *error)
{
    size_t classes = (size_t)table->classes, cells, all;
    *m = (struct measuring){.table = table};
    if (!checked_multiply(&cells, classes, classes) ||
        !checked_multiply(&all, cells, (size_t)threads))
        return error_set(error, ASSAY_ERROR_LIMIT, "too many classes");
    m->positive = figures_positive_flags(table);
    m->wrong = memory_allocate((size_t)table->rows + 1, sizeof *m->wrong);
    m->confusions = memory_allocate(all, sizeof *m->confusions);
    bool good = m->positive && m->wrong && m->confusions;
    bool sure = table->has_predictions;
    for (int64_t i = 0; good && i < table->rows; i++) {
        m->wrong[i] = table->predicted[i] != table->label[i];
        sure = sure && !isnan(table->confidence[i]);
    }
    if (good && table->has_score)
        good = ranking_make(&m->by_score, table->score, table->rows);
    if (good && sure)
        good = ranking_make(&m->by_confidence, table->confidence, table->rows);
    m->by_confidence_there = sure;
    if (good)
        return ASSAY_OK;
    measuring_free(m);
    return error_memory(error, (size_t)table->rows * sizeof *table->score);
}

static void count_confusion(double *confusion, const struct score_table *table,
                            const double *weights)
{
    int32_t classes = table->classes;
    memset(confusion, 0, (size_t)classes * (size_t)classes * sizeof *confusion);
    for (int64_t i = 0; i < table->rows; i++)
        confusion[(int64_t)table->label[i] * classes + table->predicted[i]] +=
            weights ? weights[i] : 1.0;
}

static double weighted_mean(const double *values, const double *weights, int64_t rows)
{
    double sum = 0.0, all = 0.0;
    for (int64_t i = 0; i < rows; i++) {
        double weight = weights ? weights[i] : 1.0;
        sum += weight * values[i];
        all += weight;
    }
    return all > 0.0 ? sum / all : (double)NAN;
}

static int sure_bin(double probability, int bins)
{
    int bin = (int)ceil(probability * bins) - 1;
    return bin < 0 ? 0 : bin >= bins ? bins - 1 : bin;
}

static double calibration_error(const struct score_table *table)
{
    double gap[SURE_BINS] = {0}, sum = 0.0;
    for (int64_t i = 0; i < table->rows; i++)
        gap[sure_bin(table->sure[i], SURE_BINS)] += table->sure[i] - table->right[i];
    for (int b = 0; b < SURE_BINS; b++)
        sum += fabs(gap[b]);
    return table->rows > 0 ? sum / (double)table->rows : (double)NAN;
}

/* All figures that resampling measures; the others stay as they are. */
static void measure(const void *context, double *out, const double *weights, int thread)
{
    const struct measuring *m = context;
    const struct score_table *table = m->table;
    for (int f = 0; f < FIGURE_COUNT; f++)
        out[f] = (double)NAN;
    if (table->has_predictions) {
        struct decision_figures figures;
        double *confusion = m->confusions + (int64_t)thread * table->classes * table->classes;
        count_confusion(confusion, table, weights);
        metric_decisions(&figures, NULL, confusion, table->classes);
        out[FIGURE_ACCURACY] = figures.accuracy;
        out[FIGURE_BALANCED_ACCURACY] = figures.balanced_accuracy;
        out[FIGURE_MACRO_F1] = figures.macro.f1;
        out[FIGURE_MCC] = figures.mcc;
    }
    if (m->by_confidence_there)
        out[FIGURE_RISK_AREA] = ranking_risk_area(&m->by_confidence, m->wrong, weights);
    if (table->has_probabilities)
        out[FIGURE_BRIER] = weighted_mean(table->brier, weights, table->rows);
    if (!table->has_score)
        return;
    out[FIGURE_AUROC] = ranking_auroc(&m->by_score, m->positive, weights);
    out[FIGURE_AUPRC] =
        isnan(out[FIGURE_AUROC]) ? (double)NAN : ranking_auprc(&m->by_score, m->positive, weights);
    for (int r = 0; r < RATE_COUNT; r++) {
        struct rate_point point;
        ranking_at_rate(&point, &m->by_score, m->positive, weights, figure_rates[r]);
        if (point.positives > 0.0 && point.negatives > 0.0)
            out[FIGURE_TPR_AT_1 + r] = point.true_positives / point.positives;
    }
}

static void refuse(struct measured *figure, const char *reason)
{
    figure->value = figure->interval.low = figure->interval.high = (double)NAN;
    snprintf(figure->reason, sizeof figure->reason, "%s", reason);
}

/* What of the values these rows can bear, and why not the rest. */
static void give_reasons(struct figures *out, const struct score_table *table,
                         const struct measuring *m)
{
    static const int decided[] = {FIGURE_ACCURACY, FIGURE_BALANCED_ACCURACY, FIGURE_MACRO_F1,
                                  FIGURE_MCC, FIGURE_RISK_AREA};
    for (size_t i = 0; i < sizeof decided / sizeof *decided && !table->has_predictions; i++)
        refuse(&out->of[decided[i]], "the scores come without predictions");
    if (table->has_predictions && !m->by_confidence_there)
        refuse(&out->of[FIGURE_RISK_AREA], "the predictions come without probabilities");
    if (!table->has_probabilities) {
        refuse(&out->of[FIGURE_BRIER], "the scores are not probabilities");
        refuse(&out->of[FIGURE_ECE], "the scores are not probabilities");
    }
    bool ranked = table->has_score || table->keeps_logits;
    if (!ranked) {
        refuse(&out->of[FIGURE_AUROC],
               "the rows have no scores, or none of the labels is positive");
        refuse(&out->of[FIGURE_AUPRC], out->of[FIGURE_AUROC].reason);
    } else if (isnan(out->of[FIGURE_AUROC].value)) {
        refuse(&out->of[FIGURE_AUROC], "all rows have one label");
        refuse(&out->of[FIGURE_AUPRC], "all rows have one label");
    }
}

static void fill_rates(struct figures *out, const struct score_table *table,
                       const struct measuring *m)
{
    char reason[REASON_SIZE];
    for (int r = 0; r < RATE_COUNT; r++) {
        struct rate_figure *rate = &out->rates[r];
        struct measured *figure = &out->of[FIGURE_TPR_AT_1 + r];
        double needed = ceil(NEGATIVES_PER_RATE / figure_rates[r] - 1e-9);
        *rate = (struct rate_figure){.rate = figure_rates[r], .threshold = (double)NAN};
        rate->tpr = rate->fpr = (struct interval){(double)NAN, (double)NAN};
        if (!table->has_score) {
            refuse(figure, "the rows have no scores, or none of the labels is positive");
            continue;
        }
        if (!out->positives) {
            refuse(figure, "no row is of the positive class");
            continue;
        }
        if ((double)out->negatives < needed) {
            snprintf(reason, sizeof reason,
                     "needs at least %.0f negative rows (10 / FPR), and there are %" PRId64, needed,
                     out->negatives);
            refuse(figure, reason);
            continue;
        }
        struct rate_point point;
        ranking_at_rate(&point, &m->by_score, m->positive, NULL, figure_rates[r]);
        if (!point.flagged) {
            int64_t end = 0;
            while (!m->by_score.last[end])
                end++;
            snprintf(reason, sizeof reason,
                     "no threshold keeps the rate: %" PRId64 " rows tie at the highest score",
                     end + 1);
            refuse(figure, reason);
            continue;
        }
        rate->threshold = table->score[m->by_score.order[point.last]];
        rate->true_positives = point.true_positives;
        rate->false_positives = point.false_positives;
        rate->tpr = interval_wilson(point.true_positives, point.positives, RESAMPLE_CONFIDENCE);
        rate->fpr = interval_wilson(point.false_positives, point.negatives, RESAMPLE_CONFIDENCE);
    }
}

static void fill_bins(struct figures *out, const struct score_table *table)
{
    struct calibration_bin *kinds[] = {out->sure, out->positive};
    int counts[] = {SURE_BINS, POSITIVE_BINS};
    for (int64_t i = 0; i < table->rows && table->has_probabilities; i++) {
        for (int k = 0; k < (table->positive >= 0 ? 2 : 1); k++) {
            double said = k ? table->probability[i] : table->sure[i];
            struct calibration_bin *bin = &kinds[k][sure_bin(said, counts[k])];
            bin->rows++;
            bin->probability += said;
            bin->share += k ? table->label[i] == table->positive : table->right[i];
        }
    }
    for (int k = 0; k < 2; k++) {
        for (int b = 0; b < counts[k]; b++) {
            struct calibration_bin *bin = &kinds[k][b];
            bin->interval = interval_wilson(bin->share, bin->rows, RESAMPLE_CONFIDENCE);
            if (bin->rows > 0.0) {
                bin->probability /= bin->rows;
                bin->share /= bin->rows;
            }
        }
    }
}

/* The curve at up to 100 coverages; inside a tie wrong rows are spread evenly. */
static void fill_risk(struct figures *out, const struct measuring *m)
{
    const struct ranking *ranking = &m->by_confidence;
    int64_t rows = ranking->rows, start = 0, next = 1;
    double errors = 0.0;
    out->risk_count = 0;
    for (int64_t i = 0; i < rows && m->by_confidence_there; i++) {
        if (!ranking->last[i])
            continue;
        double tied = 0.0;
        for (int64_t j = start; j <= i; j++)
            tied += m->wrong[ranking->order[j]];
        double share = tied / (double)(i + 1 - start);
        while (next <= RISK_POINTS && (next * rows + RISK_POINTS - 1) / RISK_POINTS <= i + 1) {
            int64_t k = (next * rows + RISK_POINTS - 1) / RISK_POINTS;
            double wrong = errors + (double)(k - start) * share;
            if (!out->risk_count ||
                out->risk[out->risk_count - 1].coverage != (double)k / (double)rows)
                out->risk[out->risk_count++] =
                    (struct risk_point){(double)k / (double)rows, wrong / (double)k};
            next++;
        }
        errors += tied;
        start = i + 1;
    }
}

static assay_status fill_classes(struct figures *out, const struct score_table *table,
                                 assay_error *error)
{
    size_t classes = (size_t)table->classes;
    out->confusion = memory_allocate_zeroed(classes * classes, sizeof *out->confusion);
    out->rows_of = memory_allocate_zeroed(classes, sizeof *out->rows_of);
    if (!out->confusion || !out->rows_of)
        return error_memory(error, classes * classes * sizeof *out->confusion);
    if (table->has_predictions) {
        count_confusion(out->confusion, table, NULL);
        metric_decisions(&out->decisions, out->rows_of, out->confusion, table->classes);
        return ASSAY_OK;
    }
    for (size_t c = 0; c < classes; c++)
        out->rows_of[c] = (struct class_row){(double)NAN, (double)NAN, (double)NAN, 0.0};
    for (int64_t i = 0; i < table->rows; i++)
        out->rows_of[table->label[i]].support++;
    return ASSAY_OK;
}

static assay_status fill_intervals(struct figures *out, const struct score_table *table,
                                   const struct measuring *m, const struct figures_options *options,
                                   assay_error *error)
{
    struct resample_plan plan = {table->cluster,     table->rows,   table->clusters,
                                 options->resamples, options->seed, options->threads};
    double *values = memory_allocate((size_t)FIGURE_COUNT * (size_t)plan.count, sizeof *values);
    if (!values)
        return error_memory(error, (size_t)FIGURE_COUNT * (size_t)plan.count * sizeof *values);
    assay_status status = resample(values, FIGURE_COUNT, &plan, measure, m, error);
    for (int f = 0; f < FIGURE_COUNT && !status; f++) {
        struct measured *figure = &out->of[f];
        const char *reason = NULL;
        if (isnan(figure->value) || f == FIGURE_ECE)
            continue;
        figure->interval = resample_interval(values + (int64_t)f * plan.count, &plan, &reason);
        bool perfect = (f == FIGURE_AUROC || f == FIGURE_AUPRC) &&
                       (figure->value == 0.0 || figure->value == 1.0);
        if (perfect) {
            figure->interval = (struct interval){(double)NAN, (double)NAN};
            reason = "the classes do not overlap on these rows, and resampling cannot make them";
        }
        if (reason)
            snprintf(figure->reason, sizeof figure->reason, "%s", reason);
    }
    memory_free(values);
    return status;
}

assay_status figures_make(struct figures *out, const struct score_table *table,
                          const struct figures_options *options, assay_error *error)
{
    struct measuring m;
    double values[FIGURE_COUNT];
    *out = (struct figures){.rows = table->rows,
                            .classes = table->classes,
                            .clusters = table->clusters,
                            .resamples = options->resamples};
    assay_status status = measuring_make(&m, table, thread_pool_size(options->threads), error);
    if (!status)
        status = fill_classes(out, table, error);
    if (status)
        goto done;
    for (int64_t i = 0; i < table->rows && table->positive >= 0; i++)
        out->positives += m.positive[i];
    out->negatives = table->positive >= 0 ? table->rows - out->positives : 0;
    measure(&m, values, NULL, 0);
    values[FIGURE_ECE] = table->has_probabilities ? calibration_error(table) : (double)NAN;
    if (table->keeps_logits &&
        (!metric_auroc_of_logits(&values[FIGURE_AUROC], table->logits, table->label, table->rows,
                                 table->classes, 0) ||
         !metric_auprc_of_logits(&values[FIGURE_AUPRC], table->logits, table->label, table->rows,
                                 table->classes, 0))) {
        status = error_memory(error, (size_t)table->rows * sizeof *values);
        goto done;
    }
    for (int f = 0; f < FIGURE_COUNT; f++)
        out->of[f] = (struct measured){.value = values[f], .interval = {(double)NAN, (double)NAN}};
    for (int64_t i = 0; i < m.by_score.rows; i++)
        out->distinct_scores += m.by_score.last[i];
    give_reasons(out, table, &m);
    fill_rates(out, table, &m);
    fill_bins(out, table);
    fill_risk(out, &m);
    if (options->resamples > 0)
        status = fill_intervals(out, table, &m, options, error);
    if (table->keeps_logits)
        for (int f = FIGURE_AUROC; f <= FIGURE_AUPRC; f++)
            snprintf(out->of[f].reason, sizeof out->of[f].reason,
                     "a mean over classes is given without an interval");
    snprintf(out->of[FIGURE_ECE].reason, sizeof out->of[FIGURE_ECE].reason, "%s",
             table->has_probabilities ? "resampling shifts it upwards, so it has no interval"
                                      : "the scores are not probabilities");
done:
    measuring_free(&m);
    if (status)
        figures_free(out);
    return status;
}

void figures_free(struct figures *figures)
{
    memory_free(figures->confusion);
    memory_free(figures->rows_of);
    *figures = (struct figures){0};
}
