#include "tensor/profile.h"

#include "base/process.h"
#include "tensor/graph_internal.h"

#include <string.h>

static const char *const part_names[PROFILE_PARTS] = {
    [PROFILE_WHOLE] = "",
    [PROFILE_FORWARD] = " forward",
    [PROFILE_BACKWARD] = " backward",
    [PROFILE_BACKWARD_X] = " backward x",
    [PROFILE_BACKWARD_WEIGHT] = " backward weight",
    [PROFILE_BACKWARD_BIAS] = " backward bias",
    [PROFILE_AGAIN] = " again",
    [PROFILE_BACKWARD_ACTIVATION] = " backward activation",
    [PROFILE_PACKING] = " packing",
};

const char *profile_part_name(enum profile_part part)
{
    return part_names[part];
}

void profile_clear(struct profile *profile)
{
    *profile = (struct profile){0};
}

static struct profile_entry *entry_for(struct profile *profile, const char *name,
                                       enum profile_part part)
{
    for (int i = 0; i < profile->count; i++) {
        struct profile_entry *entry = &profile->entries[i];
        if (entry->part == part && !strcmp(entry->name, name))
            return entry;
    }
    if (profile->count == PROFILE_ENTRIES)
        return &profile->entries[PROFILE_ENTRIES - 1];
    struct profile_entry *entry = &profile->entries[profile->count++];
    bool last = profile->count == PROFILE_ENTRIES;
    entry->name = last ? "other ops" : name;
    entry->part = last ? PROFILE_WHOLE : part;
    return entry;
}

void profile_add(struct profile *profile, const char *name, enum profile_part part, double seconds,
                 double operations)
{
    struct profile_entry *entry = entry_for(profile, name, part);
    entry->seconds += seconds;
    entry->operations += operations;
    entry->calls++;
}

double profile_seconds(const struct profile *profile)
{
    double sum = 0.0;
    for (int i = 0; i < profile->count; i++)
        sum += profile->entries[i].seconds;
    return sum;
}

double profile_operations(const struct profile *profile)
{
    double sum = 0.0;
    for (int i = 0; i < profile->count; i++)
        sum += profile->entries[i].operations;
    return sum;
}

double profile_begin(const struct profile *profile)
{
    return profile ? process_now() : 0.0;
}

void profile_end(struct profile *profile, const char *name, double began)
{
    if (profile)
        profile_add(profile, name, PROFILE_WHOLE, process_now() - began, 0.0);
}

void graph_lap(const struct node *node, enum profile_part part, double operations)
{
    struct profile *profile = node->graph->options.profile;
    if (!profile)
        return;
    double now = process_now();
    profile_add(profile, node->op->name, part, now - profile->mark, operations);
    profile->mark = now;
    profile->lapped += operations;
}

void graph_run_node(const struct node *node, enum profile_part part)
{
    struct profile *profile = node->graph->options.profile;
    bool backward = part == PROFILE_BACKWARD;
    if (profile) {
        profile->lapped = 0.0;
        profile->mark = process_now();
    }
    (backward ? node->op->backward : node->op->forward)(node);
    if (!profile)
        return;
    double operations = (backward ? 2 : 1) * node->operations - profile->lapped;
    /* An op that named the parts of its backward has nothing left but the way back to here. */
    if (!backward || profile->lapped == 0.0 || operations > 0.0)
        graph_lap(node, part, operations);
}
