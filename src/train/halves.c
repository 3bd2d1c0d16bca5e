#include "train/halves.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#include <stdlib.h>

struct member {
    uint64_t group;
    int64_t row;
};

/* A run of members of one group. */
struct run {
    int64_t first, count;
    uint64_t order;
};

static int by_group(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static int by_size_down(const void *a, const void *b)
{
    const struct run *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int64_t find_runs(struct run *runs, const struct member *members, int64_t rows,
                         uint64_t seed)
{
    int64_t count = 0;
    for (int64_t i = 0; i < rows;) {
        struct run *run = &runs[count++];
        *run = (struct run){.first = i, .order = random_mix(seed, members[i].group)};
        for (uint64_t group = members[i].group; i < rows && members[i].group == group; i++)
            run->count++;
    }
    return count;
}

/* How uneven the halves would be, by kind, with these rows more on one side. */
static double uneven(const int64_t *ahead, const int64_t *more, int side)
{
    double sum = 0.0;
    for (int kind = 0; kind < 2; kind++) {
        double gap = (double)(ahead[kind] + (side ? more[kind] : -more[kind]));
        sum += gap * gap;
    }
    return sum;
}

static void deal(bool *half, const struct run *runs, int64_t count, const struct member *members,
                 const bool *positive)
{
    int64_t ahead[2] = {0, 0}; /* rows of each kind that the calibrating half has more */
    for (int64_t i = 0; i < count; i++) {
        const struct run *run = &runs[i];
        int64_t more[2] = {0, 0};
        for (int64_t j = run->first; j < run->first + run->count; j++)
            more[positive && positive[members[j].row]]++;
        double here = uneven(ahead, more, 1), there = uneven(ahead, more, 0);
        bool calibrates = here != there ? here < there : (run->order >> 32 & 1) != 0;
        for (int64_t j = run->first; j < run->first + run->count; j++)
            half[members[j].row] = calibrates;
        for (int kind = 0; kind < 2; kind++)
            ahead[kind] += calibrates ? more[kind] : -more[kind];
    }
}

assay_status halves_make(bool *half, const uint64_t *group, const bool *positive, int64_t rows,
                         uint64_t seed, assay_error *error)
{
    uint64_t key = random_mix(seed, random_hash_name("calibration half"));
    struct member *members = memory_allocate((size_t)rows, sizeof *members);
    struct run *runs = memory_allocate((size_t)rows, sizeof *runs);
    assay_status status =
        members && runs ? ASSAY_OK : error_memory(error, (size_t)rows * sizeof *runs);
    if (status == ASSAY_OK) {
        for (int64_t i = 0; i < rows; i++)
            members[i] = (struct member){group ? group[i] : (uint64_t)i, i};
        qsort(members, (size_t)rows, sizeof *members, by_group);
        int64_t count = find_runs(runs, members, rows, key);
        qsort(runs, (size_t)count, sizeof *runs, by_size_down);
        deal(half, runs, count, members, positive);
    }
    memory_free(members);
    memory_free(runs);
    return status;
}
