#include "text/normal_forms.h"

#include "text/unicode.h"

#include <string.h>

enum { INSERTION_SORT_LIMIT = 24, CLASS_COUNT = 256 };

/* Stable order by class of the marks in [begin, end) of `run`. */
static bool order_marks(struct run *run, size_t begin, struct run *held)
{
    size_t count = run->count - begin;
    uint32_t *cell = run->cell + begin;
    int32_t *change = run->source + begin;
    if (count <= INSERTION_SORT_LIMIT) {
        for (size_t i = 1; i < count; i++) {
            uint32_t c = cell[i];
            int32_t s = change[i];
            unsigned class = unicode_class(c);
            size_t j = i;
            for (; j && unicode_class(cell[j - 1]) > class; j--) {
                cell[j] = cell[j - 1];
                change[j] = change[j - 1];
            }
            cell[j] = c;
            change[j] = s;
        }
        return true;
    }
    size_t start[CLASS_COUNT + 1] = {0};
    for (size_t i = 0; i < count; i++)
        start[unicode_class(cell[i]) + 1]++;
    for (size_t i = 1; i <= CLASS_COUNT; i++)
        start[i] += start[i - 1];
    if (!run_reserve(held, count))
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t to = start[unicode_class(cell[i])]++;
        held->cell[to] = cell[i];
        held->source[to] = change[i];
    }
    memcpy(cell, held->cell, count * sizeof *cell);
    memcpy(change, held->source, count * sizeof *change);
    return true;
}

/* The change of a part: 0 takes the place of a character, 1 is new, -n also swallows n more. */
static bool decompose(struct run *parts, const struct run *in, bool compatible, struct run *held)
{
    parts->count = 0;
    size_t marks = 0; /* where the current series of marks begins */
    for (size_t i = 0; i < in->count; i++) {
        uint32_t part[UNICODE_MAX_DECOMPOSITION];
        unsigned count = 1;
        if (in->cell[i] < 0x80)
            part[0] = in->cell[i];
        else
            count = unicode_decompose(part, in->cell[i], compatible);
        if (!run_reserve(parts, parts->count + count))
            return false;
        for (unsigned k = 0; k < count; k++) {
            bool starter = part[k] < 0x80 || unicode_class(part[k]) == 0;
            if (starter) {
                if (parts->count - marks > 1 && !order_marks(parts, marks, held))
                    return false;
                marks = parts->count + 1;
            }
            run_put(parts, part[k], k ? 1 : 0);
        }
    }
    return parts->count <= marks || order_marks(parts, marks, held);
}

/* Hands out alignments in order, as characters of `in` get replaced. */
struct flow {
    struct run *out;
    const struct run *in;
    size_t taken;
};

static bool flow_put(struct flow *flow, uint32_t cell, int32_t change)
{
    size_t from = flow->taken;
    if (change > 0)
        from = from ? from - 1 : 0;
    else
        flow->taken += (size_t)(1 - (int64_t)change);
    if (from >= flow->in->count)
        from = flow->in->count - 1;
    return run_push(flow->out, cell, flow->in->source[from]);
}

static bool recompose(struct flow *flow, const struct run *parts, struct run *held)
{
    bool have = false;
    uint32_t base = 0;
    int32_t base_change = 0;
    unsigned last = 0; /* class of the last mark held back, 0 for none */
    held->count = 0;
    for (size_t i = 0; i < parts->count; i++) {
        uint32_t cell = parts->cell[i];
        int32_t change = parts->source[i];
        unsigned class = unicode_class(cell);
        if (!have) {
            if (class) {
                if (!flow_put(flow, cell, change))
                    return false;
            } else {
                have = true;
                base = cell;
                base_change = change;
            }
            continue;
        }
        bool blocked = last && last >= class;
        uint32_t composed = blocked ? 0 : unicode_compose(base, cell);
        if (composed) {
            base = composed;
            base_change += change - 1;
        } else if (class) {
            if (!run_push(held, cell, change))
                return false;
            last = class;
        } else {
            if (!flow_put(flow, base, base_change))
                return false;
            for (size_t k = 0; k < held->count; k++) {
                if (!flow_put(flow, held->cell[k], held->source[k]))
                    return false;
            }
            held->count = 0;
            last = 0;
            base = cell;
            base_change = change;
        }
    }
    if (have && !flow_put(flow, base, base_change))
        return false;
    for (size_t k = 0; k < held->count; k++) {
        if (!flow_put(flow, held->cell[k], held->source[k]))
            return false;
    }
    return true;
}

bool normal_form(struct run *out, const struct run *in, bool compose, bool compatible,
                 struct normal_forms_scratch *scratch)
{
    out->count = 0;
    if (!in->count)
        return true;
    if (!run_reserve(out, in->count) || !decompose(&scratch->parts, in, compatible, &scratch->held))
        return false;
    struct flow flow = {.out = out, .in = in};
    if (compose)
        return recompose(&flow, &scratch->parts, &scratch->held);
    const struct run *parts = &scratch->parts;
    for (size_t i = 0; i < parts->count; i++) {
        if (!flow_put(&flow, parts->cell[i], parts->source[i]))
            return false;
    }
    return true;
}

void normal_forms_scratch_free(struct normal_forms_scratch *scratch)
{
    run_free(&scratch->parts);
    run_free(&scratch->held);
}
