#include "train/schedule.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {"linear", "cosine", "constant"};
enum { KINDS = sizeof names / sizeof *names };

static const double pi = 3.141592653589793;
/* Beyond it, doubles no longer hold every whole number. */
static const double most_steps = 9007199254740992.0;

static double at_least_one(double x)
{
    return x > 1.0 ? x : 1.0;
}

static double share_of(const struct schedule *schedule, double step)
{
    double warmup = (double)schedule->warmup, steps = (double)schedule->steps;
    if (step < warmup)
        return step / at_least_one(warmup);
    double rest = at_least_one(steps - warmup), share = 1.0;
    if (schedule->kind == SCHEDULE_LINEAR)
        share = (steps - step) / rest;
    else if (schedule->kind == SCHEDULE_COSINE)
        share = 0.5 * (1.0 + cos(pi * ((step - warmup) / rest)));
    return share > 0.0 ? share : 0.0;
}

double schedule_rate(const struct schedule *schedule, int64_t step)
{
    return schedule->lr * share_of(schedule, (double)step);
}

bool schedule_warmup(int64_t *out, double warmup, int64_t steps)
{
    if (!(warmup >= 0.0) || warmup > most_steps || steps < 0)
        return false;
    *out = warmup < 1.0 ? (int64_t)ceil((double)steps * warmup) : (int64_t)warmup;
    return true;
}

bool schedule_kind_find(enum schedule_kind *out, const char *name)
{
    for (int i = 0; i < KINDS; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (enum schedule_kind)i;
            return true;
        }
    }
    return false;
}

const char *schedule_kind_name(enum schedule_kind kind)
{
    return (unsigned)kind < KINDS ? names[kind] : NULL;
}
