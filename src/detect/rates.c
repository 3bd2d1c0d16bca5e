#include "detect/rates.h"

#include <math.h>
#include <stdlib.h>

/* Beyond so many the sample's own chance is next to nothing, and the sum below stays quick. */
enum { MOST_FRESH = 200000 };

static int by_group(const void *a, const void *b)
{
    uint64_t x = ((const struct rated_row *)a)->group, y = ((const struct rated_row *)b)->group;
    return x < y ? -1 : x > y;
}

double rates_design_effect(struct rated_row *rows, int64_t count)
{
    if (count < 2)
        return 1.0;
    qsort(rows, (size_t)count, sizeof *rows, by_group);
    double n = (double)count, hits = 0.0;
    for (int64_t i = 0; i < count; i++)
        hits += rows[i].hit;
    double rate = hits / n, spread = 0.0, groups = 0.0;
    for (int64_t i = 0; i < count;) {
        double here = 0.0, size = 0.0;
        for (uint64_t group = rows[i].group; i < count && rows[i].group == group; i++) {
            here += rows[i].hit;
            size += 1.0;
        }
        spread += (here - rate * size) * (here - rate * size);
        groups += 1.0;
    }
    if (groups < 2.0 || hits == 0.0 || hits == n)
        return 1.0;
    double by_groups = groups / (groups - 1.0) * spread / (n * n);
    double by_rows = rate * (1.0 - rate) / (n - 1.0);
    return fmax(1.0, by_groups / by_rows);
}

/* Quantiles of the share of hits among `fresh` rows, hits being beta-binomial (fresh, a, b):
 * summed from no hit at all upwards. */
static void share_quantiles(double *low, double *high, double a, double b, int64_t fresh,
                            double tail)
{
    double logarithm = 0.0, m = (double)fresh, sum = 0.0;
    for (int64_t i = 0; i < fresh; i++)
        logarithm += log1p(-a / (a + b + (double)i));
    *low = *high = 1.0;
    bool below = true;
    for (int64_t hits = 0; hits <= fresh; hits++) {
        double h = (double)hits;
        sum += exp(logarithm);
        if (below && sum > tail) {
            *low = h / m;
            below = false;
        }
        if (sum >= 1.0 - tail) {
            *high = h / m;
            return;
        }
        logarithm += log((m - h) / (h + 1.0)) + log((a + h) / (b + m - h - 1.0));
    }
}

void rates_expected(double *low, double *high, int64_t rank, int64_t rows, int64_t fresh,
                    double design_effect)
{
    double a = (double)rank / design_effect, b = (double)(rows + 1 - rank) / design_effect;
    double independent = fresh > 0 ? round((double)fresh / design_effect) : (double)MOST_FRESH;
    independent = fmin(fmax(independent, 1.0), (double)MOST_FRESH);
    share_quantiles(low, high, a, b, (int64_t)independent, (1.0 - RATES_CONFIDENCE) / 2.0);
}
