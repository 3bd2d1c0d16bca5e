#include "detect/conformal.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Ranks to keep, from 1: half of the room for the highest, where p-values matter; the rest over all
 * others, the last one included. */
static int64_t choose_ranks(int64_t *ranks, int64_t count, const int64_t *wanted,
                            int64_t wanted_count)
{
    int64_t half = CONFORMAL_KEPT / 2, used = 0;
    for (int64_t i = 1; i <= half; i++)
        ranks[used++] = i;
    for (int64_t i = 1; i <= half; i++) {
        double part = (double)i / (double)half;
        ranks[used++] = i == half ? count : half + (int64_t)(part * (double)(count - half));
    }
    for (int64_t i = 0; i < wanted_count; i++)
        ranks[used++] = wanted[i];
    qsort(ranks, (size_t)used, sizeof *ranks, by_number);
    return used;
}

/* The scores at these ranks, each once. */
static void keep(struct conformal *out, const float *sorted, const int64_t *ranks, int64_t used)
{
    for (int64_t i = 0; i < used; i++) {
        int64_t at = ranks[i] - 1;
        float score = sorted[at];
        if (out->kept && out->scores[out->kept - 1] == score)
            continue;
        while (at > 0 && sorted[at - 1] == score)
            at--;
        out->scores[out->kept] = score;
        out->above[out->kept++] = at;
    }
}

assay_status conformal_make(struct conformal *out, const float *sorted, int64_t count,
                            const int64_t *wanted, int64_t wanted_count, assay_error *error)
{
    *out = (struct conformal){.count = count};
    bool whole = count <= CONFORMAL_KEPT;
    int64_t room = whole ? count : CONFORMAL_KEPT + wanted_count;
    int64_t *chosen = whole ? NULL : memory_allocate((size_t)room, sizeof *chosen);
    out->scores = memory_allocate((size_t)room, sizeof *out->scores);
    out->above = whole ? NULL : memory_allocate((size_t)room, sizeof *out->above);
    if (!out->scores || (!whole && (!chosen || !out->above))) {
        memory_free(chosen);
        conformal_free(out);
        return error_memory(error, (size_t)room * sizeof *chosen);
    }
    if (whole) {
        memcpy(out->scores, sorted, (size_t)count * sizeof *sorted);
        out->kept = count;
    } else {
        keep(out, sorted, chosen, choose_ranks(chosen, count, wanted, wanted_count));
    }
    memory_free(chosen);
    return ASSAY_OK;
}

void conformal_free(struct conformal *conformal)
{
    memory_free(conformal->scores);
    memory_free(conformal->above);
    *conformal = (struct conformal){0};
}

double conformal_p(const struct conformal *c, float score)
{
    /* The first kept score below this one. */
    int64_t low = 0, high = c->kept;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (c->scores[middle] < score)
            high = middle;
        else
            low = middle + 1;
    }
    /* Those above the first kept score below this one: all that reach it, and maybe some of what
     * was not kept between. */
    int64_t above = !c->above ? low : low < c->kept ? c->above[low] : c->count;
    return (double)(above + 1) / (double)(c->count + 1);
}
