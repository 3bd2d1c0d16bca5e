#include "machine/bench_profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)ASSAY_PROFILE_ROWS > (int)PROFILE_ENTRIES, "one row is everything else");

static bool starts(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

/* Packing, the sums of biases and activations stand beside the products, not in them. */
static bool is_inside(const struct profile_entry *entry)
{
    if (entry->part == PROFILE_PACKING || entry->part == PROFILE_BACKWARD_BIAS ||
        entry->part == PROFILE_BACKWARD_ACTIVATION)
        return false;
    return starts(entry->name, "linear") || starts(entry->name, "attention") ||
           starts(entry->name, "vocabulary") || !strcmp(entry->name, BENCH_PROFILE_ADAMW) ||
           !strcmp(entry->name, BENCH_PROFILE_NORM);
}

static int by_time(const void *a, const void *b)
{
    const assay_profile_row *x = a, *y = b;
    return (y->seconds > x->seconds) - (y->seconds < x->seconds);
}

void bench_profile_fill(assay_profile *out, const struct profile *profile, double seconds,
                        int64_t steps)
{
    double known = profile_seconds(profile);
    double rest = seconds > known ? seconds - known : 0.0;
    double whole = known + rest;
    *out = (assay_profile){.steps = steps, .seconds = whole};
    for (int i = 0; i < profile->count; i++) {
        const struct profile_entry *entry = &profile->entries[i];
        assay_profile_row *row = &out->rows[out->count++];
        snprintf(row->name, sizeof row->name, "%s%s", entry->name, profile_part_name(entry->part));
        row->seconds = entry->seconds;
        row->operations = entry->operations;
        row->calls = entry->calls;
        row->inside = is_inside(entry);
    }
    assay_profile_row *other = &out->rows[out->count++];
    snprintf(other->name, sizeof other->name, "everything else");
    other->seconds = rest;
    other->calls = steps;
    for (int i = 0; i < out->count; i++) {
        assay_profile_row *row = &out->rows[i];
        row->share = whole > 0.0 ? row->seconds / whole : 0.0;
        out->inside += row->inside ? row->share : 0.0;
    }
    qsort(out->rows, (size_t)out->count, sizeof *out->rows, by_time);
}
