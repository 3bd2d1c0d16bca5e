/* The one number by which a detector orders texts: the log-odds of its positive class under the
 * temperature, log(p / (1 - p)).
 *
 * It is rounded to float32, so that a threshold, the scores of a calibration and the score of a
 * text compare exactly wherever they were written down. Unlike a probability it does not round to
 * 1, so that texts a model is sure of do not tie. Numbers too small for a normal float32 count as
 * 0, as threads that flush denormals see them. Pure functions.
 */
#ifndef ASSAY_DETECT_SCORE_H
#define ASSAY_DETECT_SCORE_H

#include <stdint.h>

/* logits (labels), at least two, all finite. */
float detect_score(const float *logits, int32_t labels, int32_t positive, double temperature);

/* The least score above this one: no score lies between. */
float detect_score_above(float score);

/* probabilities (labels) of logits over the temperature. */
void detect_probabilities(float *probabilities, const float *logits, int32_t labels,
                          double temperature);

/* The probability behind a score. */
double detect_probability(double score);

/* The first of the largest; `without` (-1: none) is passed over. */
int32_t detect_most_probable(const float *logits, int32_t labels, int32_t without);

#endif
