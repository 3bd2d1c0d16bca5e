/* Which part each group of rows goes to: largest groups first, equal ones in an order drawn from
 * the seed; each to the part, among those with room for it, whose shares of rows and of every
 * stratum it mends most (the change of the sum of (got - wanted)^2 / wanted). Single rows come last
 * and fill the parts to the row.
 */
#ifndef ASSAY_PREPARE_SPLIT_ASSIGN_H
#define ASSAY_PREPARE_SPLIT_ASSIGN_H

#include "assay/status.h"

#include <stdbool.h>

enum { ASSIGN_MAX_PARTS = 17, ASSIGN_FREE = -1 };

struct assign {
    int32_t rows, units, strata, parts;
    const int32_t *unit_of;    /* (rows) */
    const int32_t *stratum_of; /* (rows) */
    const int8_t *fixed;       /* (units): a part, or ASSIGN_FREE */
    const int64_t *quota;      /* (parts): rows, together `rows` */
    uint64_t seed;
    int8_t *part_of; /* (units), result */
    int32_t largest; /* result: the unit with most rows, and how many it has */
    int64_t largest_rows;
};

/* Finds the largest unit alone. */
assay_status assign_measure(struct assign *assign, assay_error *error);
assay_status assign_run(struct assign *assign, assay_error *error);

#endif
