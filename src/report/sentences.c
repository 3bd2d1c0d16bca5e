/* What the figures come to, in words: first what is wrong with the scores or the rows, then what
 * limits them, then what holds. */
#include "base/error.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "data/text_features.h"
#include "report/evaluation.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rank correlation with a trivial feature from which a score is that feature, or follows it. */
static const double is_feature = 0.995, follows_feature = 0.9;
/* Calibration error that is worth a word. */
static const double much_error = 0.1;
enum { FEW_CLUSTERS = 30, FEW_SCORES = 10, SLICES_NAMED = 4 };

static void say(struct assay_evaluation *e, assay_finding_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct assay_evaluation *e, assay_finding_kind kind, const char *format, ...)
{
    if (e->sentence_count == MAX_SENTENCES)
        return;
    struct sentence *sentence = &e->sentences[e->sentence_count++];
    va_list arguments;
    sentence->kind = kind;
    va_start(arguments, format);
    vsnprintf(sentence->text, sizeof sentence->text, format, arguments);
    va_end(arguments);
}

static const char *subject(const struct assay_evaluation *e)
{
    return e->model ? "The model" : "The scorer";
}

static void say_of_score(struct assay_evaluation *e)
{
    const struct figures *all = &e->all;
    const struct measured *area = &all->of[FIGURE_AUROC];
    if (all->distinct_scores == 1) {
        say(e, ASSAY_FINDING_FAULT, "The score is the same for every row: it tells nothing apart.");
        return;
    }
    if (all->distinct_scores > 1 && all->distinct_scores < FEW_SCORES && all->rows > 50)
        say(e, ASSAY_FINDING_DOUBT,
            "The score has only %" PRId64 " different values: it cannot be set to most rates of "
            "false alarms.",
            all->distinct_scores);
    if (isnan(area->value) || isnan(area->interval.low))
        return;
    if (area->interval.high < 0.5)
        say(e, ASSAY_FINDING_FAULT,
            "The score ranks backwards: AUROC %.3f [%.3f, %.3f]. Is \"%s\" the positive class?",
            area->value, area->interval.low, area->interval.high, evaluation_positive(e));
    else if (area->interval.low <= 0.5)
        say(e, ASSAY_FINDING_FAULT,
            "The score cannot be told from chance on these rows: AUROC %.3f [%.3f, %.3f] includes "
            "one half.",
            area->value, area->interval.low, area->interval.high);
}

static assay_status say_of_features(struct assay_evaluation *e, assay_error *error)
{
    const struct score_table *table = &e->rows.table;
    int64_t rows = table->rows;
    if (!table->has_score || !e->rows.features || e->all.distinct_scores < 3)
        return ASSAY_OK;
    float *scores = memory_allocate((size_t)rows * 2, sizeof *scores), *values = scores + rows;
    if (!scores)
        return error_memory(error, (size_t)rows * 2 * sizeof *scores);
    double most = 0.0;
    int which = -1;
    for (int f = 0; f < TEXT_FEATURE_COUNT; f++) {
        struct number_figures figures;
        for (int64_t i = 0; i < rows; i++) {
            scores[i] = (float)table->score[i];
            values[i] = e->rows.features[i * TEXT_FEATURE_COUNT + f];
        }
        if (!metric_numbers(&figures, scores, values, rows)) {
            memory_free(scores);
            return error_memory(error, (size_t)rows * 2 * sizeof(double));
        }
        if (fabs(figures.spearman) > fabs(most)) {
            most = figures.spearman;
            which = f;
        }
    }
    memory_free(scores);
    if (fabs(most) >= is_feature)
        say(e, ASSAY_FINDING_FAULT,
            "The score is a trivial feature of the text and nothing more: %s (rank correlation "
            "%.3f).",
            text_feature_description(which), most);
    else if (fabs(most) >= follows_feature)
        say(e, ASSAY_FINDING_DOUBT,
            "The score closely follows a trivial feature of the text: %s (rank correlation %.3f).",
            text_feature_description(which), most);
    return ASSAY_OK;
}

static void say_of_rows(struct assay_evaluation *e)
{
    const struct card *card = &e->card;
    const struct baselines *baselines = &e->baselines;
    const char *hex = e->data_sha256;
    if (*hex && strcmp(hex, card->detector.train_sha256) == 0)
        say(e, ASSAY_FINDING_FAULT,
            "These are the very rows that the model was trained on: nothing here says how it does "
            "on others.");
    else if (*hex && strcmp(hex, card->detector.valid_sha256) == 0)
        say(e, ASSAY_FINDING_DOUBT,
            "These rows chose the model's weights among its checkpoints: figures on them flatter.");
    if (*hex && card->detector.calibrated && strcmp(hex, card->calibration_sha256) == 0)
        say(e, ASSAY_FINDING_DOUBT,
            "The thresholds were set on these rows: the rates of false alarms on them flatter.");
    if (baselines->shared_rows && strcmp(hex, baselines->train_sha256) != 0)
        say(e,
            baselines->shared_rows * 100 > e->all.rows ? ASSAY_FINDING_FAULT : ASSAY_FINDING_DOUBT,
            "%" PRId64 " of the %" PRId64 " rows stand word for word among the training rows.",
            baselines->shared_rows, e->all.rows);
    if (baselines->shared_groups && strcmp(hex, baselines->train_sha256) != 0)
        say(e, ASSAY_FINDING_DOUBT,
            "%" PRId64 " of the %d groups (field \"%s\") have rows among the training rows too: "
            "figures on them flatter.",
            baselines->shared_groups, e->rows.groups.count, e->rows.cluster_field);
}

/* Of the judged baselines the one that is ahead of the scores or least behind them. */
static void say_of_baselines(struct assay_evaluation *e)
{
    const struct baselines *b = &e->baselines;
    const struct baseline *best = baselines_best(b);
    const struct measured *area = &e->all.of[FIGURE_AUROC];
    if (!e->with_baselines) {
        say(e, ASSAY_FINDING_DOUBT,
            "No trivial baselines were asked for, so nothing here says what the scores are worth "
            "beside them.");
        return;
    }
    if (b->left_out[0]) {
        say(e, ASSAY_FINDING_DOUBT, "The trained baselines were left out: %s.", b->left_out);
        return;
    }
    if (!best || isnan(area->value))
        return;
    const struct contest_figure *f = &best->result.auroc;
    const char *name = best->feature < 0 ? "a linear model on character n-grams"
                                         : text_feature_description(best->feature);
    if (isnan(f->lead_interval.low))
        say(e, ASSAY_FINDING_DOUBT,
            "%s has AUROC %.3f beside %.3f of the best trivial baseline (%s), and the rows do not "
            "allow an interval of the difference.",
            subject(e), area->value, best->auroc, name);
    else if (contest_trails(f))
        say(e, ASSAY_FINDING_FAULT,
            "%s is worse than a trivial baseline (%s): AUROC %.3f against %.3f, behind by %.3f "
            "[%.3f, %.3f].",
            subject(e), name, area->value, best->auroc, -f->lead, -f->lead_interval.high,
            -f->lead_interval.low);
    else if (!contest_leads(f))
        say(e, ASSAY_FINDING_FAULT,
            "%s does not beat a trivial baseline (%s): AUROC %.3f against %.3f, and the "
            "difference of %.3f [%.3f, %.3f] includes zero.",
            subject(e), name, area->value, best->auroc, f->lead, f->lead_interval.low,
            f->lead_interval.high);
    else
        say(e, ASSAY_FINDING_FACT,
            "%s beats every trivial baseline that was judged; the best of them (%s) has AUROC "
            "%.3f, which is %.3f [%.3f, %.3f] less.",
            subject(e), name, best->auroc, f->lead, f->lead_interval.low, f->lead_interval.high);
    if (b->note[0])
        say(e, ASSAY_FINDING_DOUBT, "Of the baselines: %s.", b->note);
}

static void say_of_decisions(struct assay_evaluation *e)
{
    const struct measured *accuracy = &e->all.of[FIGURE_ACCURACY];
    double most = 0.0;
    int32_t which = 0;
    for (int32_t c = 0; c < e->all.classes; c++) {
        if (e->all.rows_of[c].support > most) {
            most = e->all.rows_of[c].support;
            which = c;
        }
    }
    most /= (double)e->all.rows;
    if (!isnan(accuracy->value) && accuracy->value <= most)
        say(e, ASSAY_FINDING_FAULT,
            "Always answering \"%s\" would be right as often: %.1f %% against an accuracy of "
            "%.1f %%.",
            e->scorer.labels.names[which], 100.0 * most, 100.0 * accuracy->value);
    else if (!isnan(accuracy->value) && !(accuracy->interval.low > most))
        say(e, ASSAY_FINDING_DOUBT,
            "Always answering \"%s\" would be right in %.1f %% of the rows; the accuracy of "
            "%.1f %% is not surely more.",
            e->scorer.labels.names[which], 100.0 * most, 100.0 * accuracy->value);
    if (e->rule < 0)
        return;
    const struct rule *rule = &e->rules[e->rule];
    double rate = rule->false_positives / rule->negatives;
    if (isnan(rule->rate)) {
        say(e, ASSAY_FINDING_FACT,
            "Decisions are by the most probable label, because %s: %.1f %% of the negatives are "
            "flagged as \"%s\" [%.1f, %.1f].",
            !e->model                      ? "these are predictions from elsewhere"
            : !e->card.detector.present    ? "the model has no detector.json"
            : !e->card.detector.calibrated ? "its detector.json was never calibrated"
                                           : "its detector.json holds no threshold",
            100.0 * rate, evaluation_positive(e), 100.0 * rule->fpr.low, 100.0 * rule->fpr.high);
        return;
    }
    bool above = rate > rule->expected.high, below = rate < rule->expected.low;
    say(e, above ? ASSAY_FINDING_DOUBT : ASSAY_FINDING_FACT,
        "The threshold is that of detector.json for %.3g %% false alarms; on these rows %.1f %% of "
        "the negatives are flagged, %s what negatives like the calibration's would show (%.1f to "
        "%.1f %%), and %.1f %% of \"%s\" are found.",
        100.0 * rule->rate, 100.0 * rate,
        above   ? "above"
        : below ? "below"
                : "within",
        100.0 * rule->expected.low, 100.0 * rule->expected.high,
        100.0 * rule->true_positives / rule->positives, evaluation_positive(e));
    double abstained = rule->abstained_negatives + rule->abstained_positives;
    if (abstained > 0.0)
        say(e, ASSAY_FINDING_FACT,
            "It abstains from %.0f rows (%.1f %%), which are shorter than the texts it was "
            "calibrated on (%d tokens).",
            abstained, 100.0 * abstained / (double)e->all.rows, e->least_tokens);
}

static void say_of_limits(struct assay_evaluation *e)
{
    const struct figures *all = &e->all;
    const struct score_table *table = &e->rows.table;
    for (int r = 0; r < RATE_COUNT && table->has_score; r++) {
        const struct measured *figure = &all->of[FIGURE_TPR_AT_1 + r];
        if (isnan(figure->value))
            say(e, ASSAY_FINDING_DOUBT, "%s is not given: %s.", figure_title(FIGURE_TPR_AT_1 + r),
                figure->reason);
    }
    if (all->of[FIGURE_ECE].value > much_error)
        say(e, ASSAY_FINDING_DOUBT,
            "The probabilities are not to be taken at their word: they are off by %.2f on average "
            "(calibration error).",
            all->of[FIGURE_ECE].value);
    if (table->clusters < FEW_CLUSTERS)
        say(e, ASSAY_FINDING_DOUBT,
            "There are only %d independent units to resample: the intervals are rough.",
            table->clusters);
    if (!*e->rows.cluster_field)
        say(e, ASSAY_FINDING_DOUBT,
            "Intervals take every row for independent, because no field groups them; where rows "
            "hang together (one author, one prompt) the intervals are too narrow.");
    else
        say(e, ASSAY_FINDING_FACT,
            "Intervals are at 95 %%, over %d resamples of %d clusters by the field \"%s\".",
            all->resamples, table->clusters, e->rows.cluster_field);
}

/* Values of slices by name, the first few of them. */
struct slice_list {
    char text[SENTENCE_SIZE - 200];
    size_t used;
    int named, more;
};

static void list_slice(struct slice_list *list, const struct slice *slice,
                       const struct slice_value *value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void list_slice(struct slice_list *list, const struct slice *slice,
                       const struct slice_value *value, const char *format, ...)
{
    char figures[80];
    va_list arguments;
    if (list->named == SLICES_NAMED) {
        list->more++;
        return;
    }
    va_start(arguments, format);
    vsnprintf(figures, sizeof figures, format, arguments);
    va_end(arguments);
    list->used += (size_t)snprintf(list->text + list->used, sizeof list->text - list->used,
                                   "%s%.20s %.30s %s", list->named ? "; " : "", slice->field,
                                   value->name, figures);
    list->named++;
}

static void end_list(struct slice_list *list)
{
    if (list->more)
        snprintf(list->text + list->used, sizeof list->text - list->used, "; and %d more",
                 list->more);
}

static void say_of_slices(struct assay_evaluation *e)
{
    struct slice_list list = {.used = 0};
    for (int s = 0; s < e->slice_count; s++) {
        for (int v = 0; v < e->slices[s].count; v++) {
            const struct slice_value *value = &e->slices[s].values[v];
            if (value->above)
                list_slice(&list, &e->slices[s], value, "%.1f %% [%.1f, %.1f]",
                           100.0 * value->false_positives / value->negatives,
                           100.0 * value->fpr.low, 100.0 * value->fpr.high);
        }
    }
    end_list(&list);
    if (list.named)
        say(e, ASSAY_FINDING_DOUBT, "False alarms are not spread evenly. More than overall: %s.",
            list.text);
}

/* Parts where more of the score means less of the class. */
static void say_of_backward_slices(struct assay_evaluation *e)
{
    struct slice_list list = {.used = 0};
    for (int s = 0; s < e->slice_count; s++) {
        for (int v = 0; v < e->slices[s].count; v++) {
            const struct slice_value *value = &e->slices[s].values[v];
            const struct measured *area = &value->figures.of[FIGURE_AUROC];
            if (area->interval.high < 0.5)
                list_slice(&list, &e->slices[s], value, "%.3f [%.3f, %.3f]", area->value,
                           area->interval.low, area->interval.high);
        }
    }
    end_list(&list);
    if (list.named && e->all.of[FIGURE_AUROC].interval.low > 0.5)
        say(e, ASSAY_FINDING_DOUBT,
            "In parts of the rows the score ranks backwards (AUROC below one half): %s.",
            list.text);
}

static void say_of_against(struct assay_evaluation *e)
{
    const struct against *a = &e->against;
    if (!a->there)
        return;
    if (a->has_auroc) {
        const struct contest_figure *f = &a->other.auroc;
        say(e, ASSAY_FINDING_FACT,
            "Against %.120s: AUROC %.3f and %.3f, difference %.3f "
            "[%.3f, %.3f]: %s.",
            a->name, a->first.auroc.value, f->value, f->lead, f->lead_interval.low,
            f->lead_interval.high,
            contest_leads(f)    ? "better"
            : contest_trails(f) ? "worse"
                                : "no difference that chance does not explain");
    }
    if (a->has_accuracy) {
        const struct contest_figure *f = &a->other.accuracy;
        say(e, ASSAY_FINDING_FACT,
            "Against %.120s: accuracy %.3f and %.3f, difference %.3f [%.3f, %.3f]; %" PRId64
            " rows only the first has right, %" PRId64 " only the other (McNemar%s, p = %.2g).",
            a->name, a->first.accuracy.value, f->value, f->lead, f->lead_interval.low,
            f->lead_interval.high, a->only_first, a->only_other,
            a->only_first + a->only_other <= MCNEMAR_EXACT ? ", exact" : "", a->p_value);
    }
}

static void say_of_attacks(struct assay_evaluation *e)
{
    const struct attack_result *worst = NULL;
    for (int i = 0; i < e->attack_count; i++) {
        if (!worst || e->attacks[i].result.auroc.lead > worst->result.auroc.lead)
            worst = &e->attacks[i];
    }
    if (!worst || isnan(worst->result.auroc.lead))
        return;
    const struct contest_figure *f = &worst->result.auroc;
    say(e, contest_leads(f) ? ASSAY_FINDING_DOUBT : ASSAY_FINDING_FACT,
        "The attack that costs most at strength %g is %s: AUROC falls by %.3f [%.3f, %.3f] to "
        "%.3f; %.1f %% of the positives are then found and %.1f %% of the negatives flagged.",
        e->strength, worst->name, f->lead, f->lead_interval.low, f->lead_interval.high, f->value,
        100.0 * worst->rule.true_positives / worst->rule.positives,
        100.0 * worst->rule.false_positives / worst->rule.negatives);
}

static void say_of_renames(struct assay_evaluation *e)
{
    for (size_t i = 0; i < e->options->rename_count; i++)
        say(e, ASSAY_FINDING_FACT,
            "%" PRId64 " rows that the data call \"%.60s\" are judged as \"%.60s\", as asked.",
            e->rows.renamed[i], e->options->renames[i].from, e->options->renames[i].to);
}

/* The gravest first, in the order of saying otherwise. */
static void put_in_order(struct assay_evaluation *e)
{
    int done = 0;
    for (int kind = ASSAY_FINDING_FAULT; kind <= ASSAY_FINDING_FACT; kind++) {
        for (int i = done; i < e->sentence_count; i++) {
            if ((int)e->sentences[i].kind != kind)
                continue;
            struct sentence kept = e->sentences[i];
            memmove(e->sentences + done + 1, e->sentences + done, (size_t)(i - done) * sizeof kept);
            e->sentences[done++] = kept;
        }
    }
}

assay_status evaluation_sentences(struct assay_evaluation *e, assay_error *error)
{
    say_of_score(e);
    assay_status status = say_of_features(e, error);
    say_of_rows(e);
    say_of_baselines(e);
    say_of_decisions(e);
    say_of_slices(e);
    say_of_backward_slices(e);
    say_of_attacks(e);
    say_of_against(e);
    say_of_limits(e);
    say_of_renames(e);
    put_in_order(e);
    return status;
}
