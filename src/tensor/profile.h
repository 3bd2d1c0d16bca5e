/* Where the time of graphs goes: seconds, counted operations and calls, by op and part.
 *
 * Filled while graph_options.profile points to one; without it a run reads no clock. The caller
 * owns it, lets it add up over as many runs as wanted, and may add what it measured around the
 * graphs, so that one table holds the whole of a step. Names are literals. One thread at a time.
 */
#ifndef ASSAY_TENSOR_PROFILE_H
#define ASSAY_TENSOR_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

enum profile_part {
    PROFILE_WHOLE, /* of what has no directions */
    PROFILE_FORWARD,
    PROFILE_AGAIN,    /* forward once more in backward, where layers are recomputed */
    PROFILE_BACKWARD, /* all of it, or what the op did not split */
    PROFILE_BACKWARD_X,
    PROFILE_BACKWARD_WEIGHT,
    PROFILE_BACKWARD_BIAS,
    PROFILE_BACKWARD_ACTIVATION, /* of an op that an activation was fused with */
    PROFILE_PACKING,             /* of weights, for products */
    PROFILE_PARTS
};

enum { PROFILE_ENTRIES = 48 };

struct profile_entry {
    const char *name;
    enum profile_part part;
    double seconds, operations;
    int64_t calls;
};

struct profile {
    struct profile_entry entries[PROFILE_ENTRIES]; /* the last takes what finds no place */
    int count;
    /* of the node that runs: when its part began, and the operations already accounted for */
    double mark, lapped;
};

void profile_clear(struct profile *profile);
void profile_add(struct profile *profile, const char *name, enum profile_part part, double seconds,
                 double operations);
/* Over all entries. */
double profile_seconds(const struct profile *profile);
double profile_operations(const struct profile *profile);

/* " backward x", " forward", "": what stands behind the name in a table. */
const char *profile_part_name(enum profile_part part);

/* Around a piece of work of the caller's: the time now, and the time since then as an entry. Both
 * do nothing, without a look at the clock, where profile is NULL. */
double profile_begin(const struct profile *profile);
void profile_end(struct profile *profile, const char *name, double began);

#endif
