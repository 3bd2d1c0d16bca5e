/* Runs of 32-bit values that grow beyond memory: written once, read at random, kept in a file
 * without a name beside the output. Space is had from the disk before it is used, so that a full
 * disk is an error and no signal. One thread.
 */
#ifndef ASSAY_PREPARE_SPILL_H
#define ASSAY_PREPARE_SPILL_H

#include "assay/status.h"

struct spill;

/* The file comes to lie in the folder of `beside`. */
assay_status spill_open(struct spill **out, const char *beside, assay_error *error);
/* *place is good for spill_get as long as the spill is open. */
assay_status spill_add(struct spill *spill, uint64_t *place, const uint32_t *values, size_t count,
                       assay_error *error);
const uint32_t *spill_get(const struct spill *spill, uint64_t place);
void spill_close(struct spill *spill); /* NULL allowed */

#endif
