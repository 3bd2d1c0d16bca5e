/* Two halves of the rows that are kept from training: one stops it and chooses the weights, the
 * other calibrates. Groups stay whole, so that no text, prompt or author stands on both sides.
 *
 * Groups are dealt out, the largest first and like ones in an order that the seed shuffles, each to
 * the half that it leaves more even in rows of both kinds. A pure function of its arguments.
 */
#ifndef ASSAY_TRAIN_HALVES_H
#define ASSAY_TRAIN_HALVES_H

#include "assay/status.h"

#include <stdbool.h>

/* half (rows): true for the rows that calibrate. group (rows); NULL: each row is its own. positive
 * (rows): which of the two kinds a row is of; NULL: there is one kind. */
assay_status halves_make(bool *half, const uint64_t *group, const bool *positive, int64_t rows,
                         uint64_t seed, assay_error *error);

#endif
