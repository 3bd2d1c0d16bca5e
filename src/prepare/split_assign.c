#include "prepare/split_assign.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    uint64_t draw;
    int32_t number, rows;
};

struct work {
    struct assign *a;
    struct unit *units; /* in the order of assignment */
    int32_t *begins;    /* (units + 1): of a unit's rows in `members` */
    int32_t *members;   /* (rows) */
    double *want, *got; /* (parts, strata) */
    double *part_got;   /* (parts) */
    int32_t *counts;    /* (strata): of the unit at hand; zero between units */
    int32_t *touched;   /* (strata) */
    int32_t touched_count;
};

static int compare(const void *left, const void *right)
{
    const struct unit *a = left, *b = right;
    if (a->rows != b->rows)
        return (a->rows < b->rows) - (a->rows > b->rows);
    if (a->draw != b->draw)
        return (a->draw > b->draw) - (a->draw < b->draw);
    return (a->number > b->number) - (a->number < b->number);
}

static void *get(size_t count, size_t size)
{
    return memory_allocate_zeroed(count + 1, size);
}

static void release(struct work *w)
{
    memory_free(w->units);
    memory_free(w->begins);
    memory_free(w->members);
    memory_free(w->want);
    memory_free(w->got);
    memory_free(w->part_got);
    memory_free(w->counts);
    memory_free(w->touched);
}

assay_status assign_measure(struct assign *a, assay_error *error)
{
    int32_t *rows = get((size_t)a->units, sizeof *rows);
    if (!rows)
        return error_memory(error, (size_t)a->units * sizeof *rows);
    for (int32_t i = 0; i < a->rows; i++)
        rows[a->unit_of[i]]++;
    a->largest = 0;
    a->largest_rows = 0;
    for (int32_t u = 0; u < a->units; u++) {
        if (rows[u] > a->largest_rows) {
            a->largest_rows = rows[u];
            a->largest = u;
        }
    }
    memory_free(rows);
    return ASSAY_OK;
}

/* Units with their rows, and what every part should get of every stratum. */
static void prepare(struct work *w)
{
    const struct assign *a = w->a;
    for (int32_t i = 0; i < a->rows; i++)
        w->begins[a->unit_of[i] + 1]++;
    for (int32_t u = 0; u < a->units; u++) {
        w->units[u] = (struct unit){random_mix(a->seed, (uint64_t)u), u, w->begins[u + 1]};
        w->begins[u + 1] += w->begins[u];
    }
    for (int32_t i = a->rows; i-- > 0;) /* from behind: begins[u + 1] becomes where u begins */
        w->members[--w->begins[a->unit_of[i] + 1]] = i;
    memmove(w->begins, w->begins + 1, (size_t)a->units * sizeof *w->begins);
    w->begins[a->units] = a->rows;
    for (int32_t i = 0; i < a->rows; i++)
        w->counts[a->stratum_of[i]]++;
    for (int32_t p = 0; p < a->parts; p++) {
        double share = (double)a->quota[p] / (double)a->rows;
        for (int32_t s = 0; s < a->strata; s++)
            w->want[(size_t)p * (size_t)a->strata + (size_t)s] = share * (double)w->counts[s];
    }
    memset(w->counts, 0, (size_t)a->strata * sizeof *w->counts);
    qsort(w->units, (size_t)a->units, sizeof *w->units, compare);
}

static void take_unit(struct work *w, int32_t unit)
{
    w->touched_count = 0;
    for (int32_t i = w->begins[unit]; i < w->begins[unit + 1]; i++) {
        int32_t stratum = w->a->stratum_of[w->members[i]];
        if (!w->counts[stratum]++)
            w->touched[w->touched_count++] = stratum;
    }
}

static double growth(double want, double got, double more)
{
    double least = want > 1e-9 ? want : 1e-9;
    return (2.0 * (got - want) * more + more * more) / least;
}

static double cost(const struct work *w, int32_t part, double rows)
{
    const struct assign *a = w->a;
    double sum = growth((double)a->quota[part], w->part_got[part], rows);
    for (int32_t i = 0; i < w->touched_count; i++) {
        size_t cell = (size_t)part * (size_t)a->strata + (size_t)w->touched[i];
        sum += growth(w->want[cell], w->got[cell], (double)w->counts[w->touched[i]]);
    }
    return sum;
}

static int32_t choose(const struct work *w, double rows)
{
    const struct assign *a = w->a;
    int32_t best = -1;
    double least = INFINITY, most = -INFINITY;
    for (int32_t p = 0; p < a->parts; p++) {
        if ((double)a->quota[p] - w->part_got[p] < rows)
            continue;
        double here = cost(w, p, rows);
        if (here < least) {
            least = here;
            best = p;
        }
    }
    for (int32_t p = 0; best < 0 && p < a->parts; p++)
        most = fmax(most, (double)a->quota[p] - w->part_got[p]);
    for (int32_t p = 0; best < 0; p++) { /* none has room: where least is too much */
        if ((double)a->quota[p] - w->part_got[p] == most)
            best = p;
    }
    return best;
}

static void give(struct work *w, int32_t unit, int32_t part, double rows)
{
    w->a->part_of[unit] = (int8_t)part;
    w->part_got[part] += rows;
    for (int32_t i = 0; i < w->touched_count; i++) {
        int32_t stratum = w->touched[i];
        w->got[(size_t)part * (size_t)w->a->strata + (size_t)stratum] += w->counts[stratum];
        w->counts[stratum] = 0;
    }
}

assay_status assign_run(struct assign *a, assay_error *error)
{
    size_t cells = (size_t)a->parts * (size_t)a->strata;
    struct work w = {.a = a};
    w.units = get((size_t)a->units, sizeof *w.units);
    w.begins = get((size_t)a->units + 1, sizeof *w.begins);
    w.members = get((size_t)a->rows, sizeof *w.members);
    w.want = get(cells, sizeof *w.want);
    w.got = get(cells, sizeof *w.got);
    w.part_got = get((size_t)a->parts, sizeof *w.part_got);
    w.counts = get((size_t)a->strata, sizeof *w.counts);
    w.touched = get((size_t)a->strata, sizeof *w.touched);
    if (!w.units || !w.begins || !w.members || !w.want || !w.got || !w.part_got || !w.counts ||
        !w.touched) {
        release(&w);
        return error_memory(error, (size_t)a->rows * sizeof *w.members);
    }
    prepare(&w);
    for (int pass = 0; pass < 2; pass++) { /* what is fixed comes first */
        for (int32_t i = 0; i < a->units; i++) {
            const struct unit *unit = &w.units[i];
            int8_t fixed = a->fixed[unit->number];
            if ((fixed != ASSIGN_FREE) != (pass == 0))
                continue;
            take_unit(&w, unit->number);
            int32_t part = fixed != ASSIGN_FREE ? fixed : choose(&w, unit->rows);
            give(&w, unit->number, part, unit->rows);
        }
    }
    release(&w);
    return ASSAY_OK;
}
