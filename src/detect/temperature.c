#include "detect/temperature.h"

#include "base/error.h"

#include <math.h>
#include <stdbool.h>

enum { MOST_ROUNDS = 200 };

assay_status temperature_check(const float *logits, int64_t rows, int32_t labels,
                               assay_error *error)
{
    for (int64_t i = 0; i < rows * labels; i++) {
        if (isfinite(logits[i]))
            continue;
        error_set(error, ASSAY_ERROR_NUMERIC, "a score is not a finite number");
        error_at_row(error, i / labels + 1, 0);
        return ASSAY_ERROR_NUMERIC;
    }
    return ASSAY_OK;
}

/* Means over the rows at `beta` = 1 / temperature. */
struct likelihood {
    double loss, slope, bend; /* of the loss, by beta */
};

static struct likelihood likelihood_at(double beta, const float *logits, const int32_t *truth,
                                       int64_t rows, int32_t labels)
{
    struct likelihood all = {0.0, 0.0, 0.0};
    for (int64_t i = 0; i < rows; i++) {
        const float *z = logits + i * labels;
        double most = z[0], sum = 0.0, first = 0.0, second = 0.0;
        for (int32_t j = 1; j < labels; j++)
            most = z[j] > most ? z[j] : most;
        for (int32_t j = 0; j < labels; j++) {
            double below = z[j] - most, e = exp(beta * below);
            sum += e;
            first += e * below;
            second += e * below * below;
        }
        double mean = first / sum, own = (double)z[truth[i]] - most;
        all.loss += log(sum) - beta * own;
        all.slope += mean - own;
        all.bend += second / sum - mean * mean;
    }
    double n = (double)rows;
    return (struct likelihood){all.loss / n, all.slope / n, all.bend / n};
}

double temperature_loss(double temperature, const float *logits, const int32_t *truth, int64_t rows,
                        int32_t labels)
{
    return likelihood_at(1.0 / temperature, logits, truth, rows, labels).loss;
}

/* Whether every row's label has the largest logit: the loss then falls for ever. */
static bool tells_all_apart(const float *logits, const int32_t *truth, int64_t rows, int32_t labels)
{
    for (int64_t i = 0; i < rows; i++) {
        const float *z = logits + i * labels;
        for (int32_t j = 0; j < labels; j++) {
            if (z[j] > z[truth[i]])
                return false;
        }
    }
    return true;
}

assay_status temperature_fit(double *temperature, const float *logits, const int32_t *truth,
                             int64_t rows, int32_t labels, assay_error *error)
{
    assay_status status = temperature_check(logits, rows, labels, error);
    if (status != ASSAY_OK)
        return status;
    double low = 1.0 / TEMPERATURE_MOST, high = 1.0 / TEMPERATURE_LEAST;
    if (rows < 1 || likelihood_at(low, logits, truth, rows, labels).slope >= 0.0)
        return error_set(error, ASSAY_ERROR_UNSUPPORTED,
                         "no temperature is best: the scores do not follow the labels");
    if (tells_all_apart(logits, truth, rows, labels))
        return error_set(error, ASSAY_ERROR_UNSUPPORTED,
                         "no temperature is best: every row is told right, and the colder, the "
                         "likelier");
    if (likelihood_at(high, logits, truth, rows, labels).slope <= 0.0)
        return error_set(error, ASSAY_ERROR_UNSUPPORTED,
                         "no temperature is best: it would lie below %g", TEMPERATURE_LEAST);
    double beta = 1.0;
    for (int round = 0; round < MOST_ROUNDS; round++) {
        struct likelihood at = likelihood_at(beta, logits, truth, rows, labels);
        if (at.slope < 0.0)
            low = beta;
        else
            high = beta;
        double next = beta - at.slope / at.bend;
        if (!(next > low && next < high)) /* not a number, too */
            next = sqrt(low * high);
        if (fabs(next - beta) <= 1e-15 * beta)
            break;
        beta = next;
    }
    *temperature = 1.0 / beta;
    return ASSAY_OK;
}
