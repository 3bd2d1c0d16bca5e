#include "base/ranking.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

struct scored {
    double score;
    int32_t row;
};

/* Rows that tie keep the order of the data, so that nothing depends on the library's sort. */
static int by_score_down(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x->row < y->row ? -1 : x->row > y->row;
}

bool ranking_make(struct ranking *out, const double *scores, int64_t rows)
{
    *out = (struct ranking){.rows = rows};
    if (rows > INT32_MAX)
        return false;
    for (int64_t i = 0; i < rows; i++) {
        if (isnan(scores[i]))
            return false;
    }
    struct scored *items = memory_allocate((size_t)rows, sizeof *items);
    out->order = memory_allocate((size_t)rows, sizeof *out->order);
    out->last = memory_allocate((size_t)rows, sizeof *out->last);
    if (!items || !out->order || !out->last) {
        memory_free(items);
        ranking_free(out);
        return false;
    }
    for (int64_t i = 0; i < rows; i++)
        items[i] = (struct scored){scores[i], (int32_t)i};
    if (rows > 1)
        qsort(items, (size_t)rows, sizeof *items, by_score_down);
    for (int64_t i = 0; i < rows; i++) {
        out->order[i] = items[i].row;
        out->last[i] = i + 1 == rows || items[i + 1].score != items[i].score;
    }
    memory_free(items);
    return true;
}

void ranking_free(struct ranking *ranking)
{
    memory_free(ranking->order);
    memory_free(ranking->last);
    *ranking = (struct ranking){0};
}

static double weight_of(const double *weights, int32_t row)
{
    return weights ? weights[row] : 1.0;
}

double ranking_auroc(const struct ranking *ranking, const uint8_t *positive, const double *weights)
{
    double above = 0.0, negatives = 0.0, wins = 0.0, here_up = 0.0, here_down = 0.0;
    for (int64_t i = 0; i < ranking->rows; i++) {
        int32_t row = ranking->order[i];
        double weight = weight_of(weights, row);
        here_up += positive[row] ? weight : 0.0;
        here_down += positive[row] ? 0.0 : weight;
        if (!ranking->last[i])
            continue;
        wins += here_down * (above + here_up / 2.0);
        above += here_up;
        negatives += here_down;
        here_up = here_down = 0.0;
    }
    return above > 0.0 && negatives > 0.0 ? wins / (above * negatives) : NAN;
}

double ranking_auprc(const struct ranking *ranking, const uint8_t *positive, const double *weights)
{
    double found = 0.0, seen = 0.0, sum = 0.0, here = 0.0;
    for (int64_t i = 0; i < ranking->rows; i++) {
        int32_t row = ranking->order[i];
        double weight = weight_of(weights, row);
        here += positive[row] ? weight : 0.0;
        seen += weight;
        if (!ranking->last[i])
            continue;
        found += here;
        if (seen > 0.0)
            sum += here * found / seen;
        here = 0.0;
    }
    return found > 0.0 ? sum / found : NAN;
}

void ranking_at_rate(struct rate_point *out, const struct ranking *ranking, const uint8_t *positive,
                     const double *weights, double rate)
{
    *out = (struct rate_point){.last = -1};
    for (int64_t i = 0; i < ranking->rows; i++) {
        double weight = weight_of(weights, ranking->order[i]);
        if (positive[ranking->order[i]])
            out->positives += weight;
        else
            out->negatives += weight;
    }
    /* 5 % of 20 is one, whatever 0.05 * 20 rounds to. */
    double allowed = floor(rate * out->negatives * (1.0 + 1e-12)), up = 0.0, down = 0.0;
    for (int64_t i = 0; i < ranking->rows; i++) {
        int32_t row = ranking->order[i];
        double weight = weight_of(weights, row);
        up += positive[row] ? weight : 0.0;
        down += positive[row] ? 0.0 : weight;
        if (!ranking->last[i])
            continue;
        if (down > allowed)
            break;
        out->flagged = true;
        out->last = i;
        out->true_positives = up;
        out->false_positives = down;
    }
}

double ranking_risk_area(const struct ranking *by_confidence, const uint8_t *wrong,
                         const double *weights)
{
    double rows = 0.0, errors = 0.0, sum = 0.0, tied = 0.0, tied_errors = 0.0;
    for (int64_t i = 0; i < by_confidence->rows; i++) {
        int32_t row = by_confidence->order[i];
        double weight = weight_of(weights, row);
        tied += weight;
        tied_errors += wrong[row] ? weight : 0.0;
        if (!by_confidence->last[i])
            continue;
        /* The k-th of the tied rows has errors + k * share wrong ones before it, on the mean. */
        double share = tied > 0.0 ? tied_errors / tied : 0.0;
        for (double k = 1.0; k <= tied; k++)
            sum += (errors + k * share) / (rows + k);
        rows += tied;
        errors += tied_errors;
        tied = tied_errors = 0.0;
    }
    return rows > 0.0 ? sum / rows : NAN;
}
