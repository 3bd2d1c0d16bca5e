#include "detect/score.h"

#include <float.h>
#include <math.h>

/* Leaves room for a threshold above the highest score. */
static const double score_limit = 0x1p126;

float detect_score(const float *logits, int32_t labels, int32_t positive, double temperature)
{
    double most = -INFINITY, rest = 0.0, score;
    if (labels == 2) {
        score = ((double)logits[positive] - (double)logits[1 - positive]) / temperature;
    } else {
        for (int32_t i = 0; i < labels; i++) {
            if (i != positive && logits[i] > most)
                most = logits[i];
        }
        for (int32_t i = 0; i < labels; i++)
            rest += i == positive ? 0.0 : exp((logits[i] - most) / temperature);
        score = ((double)logits[positive] - most) / temperature - log(rest);
    }
    float rounded = (float)fmin(fmax(score, -score_limit), score_limit);
    return fabsf(rounded) < FLT_MIN ? 0.0f : rounded;
}

float detect_score_above(float score)
{
    if (score == 0.0f)
        return FLT_MIN;
    return score == -FLT_MIN ? 0.0f : nextafterf(score, INFINITY);
}

void detect_probabilities(float *probabilities, const float *logits, int32_t labels,
                          double temperature)
{
    double most = -INFINITY, sum = 0.0;
    for (int32_t i = 0; i < labels; i++)
        most = logits[i] > most ? logits[i] : most;
    for (int32_t i = 0; i < labels; i++)
        sum += exp((logits[i] - most) / temperature);
    for (int32_t i = 0; i < labels; i++)
        probabilities[i] = (float)(exp((logits[i] - most) / temperature) / sum);
}

double detect_probability(double score)
{
    return 1.0 / (1.0 + exp(-score));
}

int32_t detect_most_probable(const float *logits, int32_t labels, int32_t without)
{
    int32_t best = without == 0 ? 1 : 0;
    for (int32_t i = best + 1; i < labels; i++) {
        if (i != without && logits[i] > logits[best])
            best = i;
    }
    return best;
}
