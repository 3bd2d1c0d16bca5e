/* Conformal p-values: how rare a score is among texts of the negative class.
 *
 *     p = (1 + calibration negatives with a score >= s) / (1 + calibration negatives)
 *
 * For a negative text drawn like these, P(p <= a) <= a for every a, whatever the model is (Vovk,
 * Gammerman and Shafer, 2005; Bates et al., 2023, for testing outliers). Up to
 * CONFORMAL_KEPT scores are kept one by one; of more, the highest and then evenly spaced ones with
 * how many lie above each, and p is rounded up, which keeps the promise. Owns its arrays; immutable
 * when made.
 */
#ifndef ASSAY_DETECT_CONFORMAL_H
#define ASSAY_DETECT_CONFORMAL_H

#include "assay/status.h"

#include <stdbool.h>

enum { CONFORMAL_KEPT = 2000 };

struct conformal {
    int64_t count;  /* negatives; 0: nothing is known */
    int64_t kept;   /* of the arrays */
    float *scores;  /* (kept), falling; with `above` each once */
    int64_t *above; /* (kept) negatives with higher scores, rising from 0; NULL: all are kept */
};

/* sorted (count): falling. `wanted` (wanted_count) are ranks that must be among those kept. */
assay_status conformal_make(struct conformal *out, const float *sorted, int64_t count,
                            const int64_t *wanted, int64_t wanted_count, assay_error *error);
void conformal_free(struct conformal *conformal);

double conformal_p(const struct conformal *conformal, float score);

#endif
