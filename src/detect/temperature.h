/* Temperature scaling: the one divisor of the logits under which the labels of a calibration set
 * are most likely (Guo et al., "On calibration of modern neural networks", 2017).
 *
 * The mean negative log-likelihood is convex in 1 / temperature, so its minimum is found exactly:
 * Newton's method held inside a bracket, in double precision. No order of texts changes; only how
 * sure the probabilities are.
 */
#ifndef ASSAY_DETECT_TEMPERATURE_H
#define ASSAY_DETECT_TEMPERATURE_H

#include "assay/status.h"

/* What lies outside says that the scores and the labels have no temperature. */
#define TEMPERATURE_LEAST 1e-3
#define TEMPERATURE_MOST  1e3

/* logits (rows, labels), truth (rows). ASSAY_ERROR_NUMERIC for a logit that is not finite, with its
 * row from 1; ASSAY_ERROR_UNSUPPORTED when no temperature is best: labels that the logits tell
 * apart without a fault (the colder the likelier), or do not tell apart at all. */
assay_status temperature_fit(double *temperature, const float *logits, const int32_t *truth,
                             int64_t rows, int32_t labels, assay_error *error);

/* The mean negative log-likelihood at a temperature. */
double temperature_loss(double temperature, const float *logits, const int32_t *truth, int64_t rows,
                        int32_t labels);

/* ASSAY_ERROR_NUMERIC, with the row, when a logit is not finite. */
assay_status temperature_check(const float *logits, int64_t rows, int32_t labels,
                               assay_error *error);

#endif
