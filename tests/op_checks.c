#include "op_checks.h"

#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LARGE = 20 }; /* one huge element must not hide the others */

static double error_of_part(const float *a, const double *b, int64_t count, bool large)
{
    double distance = 0.0, norm = 0.0;
    for (int64_t i = 0; i < count; i++) {
        if ((fabs(b[i]) > LARGE) != large)
            continue;
        double d = (double)a[i] - b[i];
        distance += d * d;
        norm += b[i] * b[i];
    }
    return norm > 0.0 ? sqrt(distance / norm) : sqrt(distance);
}

double relative_error(const float *a, const double *b, int64_t count)
{
    double small = error_of_part(a, b, count, false), large = error_of_part(a, b, count, true);
    return large > small || isnan(large) ? large : small;
}

int check_vectors(const struct op_case *op, const struct kernels *kernels, double worst[2],
                  bool say)
{
    struct trial trial;
    struct trial_result result;
    if (!trial_open_vectors(&trial, op))
        return 1;
    struct run_options options = {.kernels = kernels, .tape = true};
    int wrong = 0, compared = 0;
    if (!trial_run(&result, &trial, &options)) {
        trial_close(&trial);
        return 1;
    }
    for (int i = 0; i < result.count; i++) {
        const struct result_tensor *got = &result.tensors[i];
        bool backward = i > 0 && got->name[0] == 'd';
        const struct trial_tensor *want = trial_find(&trial, got->name);
        if (!want)
            continue; /* kl of p with itself */
        double error = want->count == got->count
                           ? relative_error(got->data, want->expected, got->count)
                           : INFINITY;
        compared += backward ? 100 : 1;
        if (worst && !(error <= worst[backward]))
            worst[backward] = error;
        if (error <= (backward ? op->backward_tolerance : op->forward_tolerance))
            continue;
        wrong++;
        if (say)
            fprintf(stderr, "%s on %s: %s is %.3g from the reference\n", op->name, kernels->name,
                    got->name, error);
    }
    /* Every gradient of the file must have been compared. */
    int gradients = 0;
    for (int i = 0; i < TRIAL_USES && op->uses[i].tensor; i++)
        gradients += trial_find(&trial, op->uses[i].tensor) != NULL;
    if (compared / 100 != gradients || compared % 100 == 0) {
        wrong++;
        fprintf(stderr, "%s: only %d gradients and %d outputs compared\n", op->name, compared / 100,
                compared % 100);
    }
    trial_result_close(&result);
    trial_close(&trial);
    return wrong;
}

static int64_t different(const float *a, const float *b, int64_t count)
{
    int64_t wrong = 0;
    for (int64_t i = 0; i < count; i++)
        wrong += memcmp(&a[i], &b[i], sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]));
    return wrong;
}

int compare_bits(const struct trial_result *a, const struct trial_result *b, bool say,
                 const char *what)
{
    int wrong = a->count != b->count;
    for (int i = 0; i < a->count && i < b->count; i++) {
        const struct result_tensor *x = &a->tensors[i], *y = &b->tensors[i];
        int64_t differ =
            x->count == y->count ? different(x->data, y->data, x->count) : x->count + 1;
        wrong += differ > 0;
        if (differ && say)
            fprintf(stderr, "%s: %lld of %lld bits of %s differ\n", what, (long long)differ,
                    (long long)x->count, x->name);
    }
    return wrong;
}

int check_bits(const struct op_case *op, const struct kernels *a, struct thread_pool *a_threads,
               const struct kernels *b, struct thread_pool *b_threads, bool say)
{
    int wrong = 0;
    for (int i = 0; i < TRIAL_SIZES && op->sizes[i][0]; i++) {
        struct trial trial;
        struct trial_result one, other = {0};
        char what[96];
        snprintf(what, sizeof what, "%s, size %d, %s against %s", op->name, i, a->name, b->name);
        trial_open_random(&trial, op, op->sizes[i], 40 + (uint64_t)i);
        bool ran =
            trial_run(&one, &trial,
                      &(struct run_options){.kernels = a, .threads = a_threads, .tape = true}) &&
            trial_run(&other, &trial,
                      &(struct run_options){.kernels = b, .threads = b_threads, .tape = true});
        wrong += ran ? compare_bits(&one, &other, say, what) : 1;
        trial_result_close(&one);
        trial_result_close(&other);
        trial_close(&trial);
    }
    return wrong;
}

static int compare_row(const struct trial_result *whole, const struct trial_result *alone,
                       const struct trial *trial, int64_t row, bool say)
{
    int wrong = 0;
    for (int i = 0; i < alone->count; i++) {
        const struct result_tensor *x = &alone->tensors[i];
        const struct result_tensor *y = trial_result_find(whole, x->name);
        if (x->axis == AXIS_NONE || !y)
            continue; /* the gradient of a weight is a sum over rows */
        const int32_t *offsets =
            x->axis == AXIS_KEYS ? trial->keys.offsets : trial->queries.offsets;
        int64_t first = x->axis == AXIS_ROWS ? row : offsets[row];
        int64_t differ = different(x->data, y->data + first * y->width, x->count);
        wrong += differ > 0;
        if (differ && say)
            fprintf(stderr, "%s: row %lld alone: %lld of %lld of %s differ\n", trial->op->name,
                    (long long)row, (long long)differ, (long long)x->count, x->name);
    }
    return wrong;
}

int check_alone(const struct trial *trial, const struct run_options *options, bool say)
{
    struct trial_result whole, alone;
    int wrong = 0;
    if (!trial_run(&whole, trial, options))
        return 1;
    for (int64_t row = 0; row < trial->queries.rows; row++) {
        struct trial single;
        trial_open_row(&single, trial, row);
        if (trial_run(&alone, &single, options))
            wrong += compare_row(&whole, &alone, trial, row, say);
        else
            wrong++;
        trial_result_close(&alone);
        trial_close(&single);
    }
    trial_result_close(&whole);
    return wrong;
}

/* sum of dy * y */
static bool objective(double *sum, const struct trial *trial, const struct kernels *kernels)
{
    struct trial_result result;
    bool ran = trial_run(&result, trial, &(struct run_options){.kernels = kernels});
    const struct trial_tensor *dy = trial_find(trial, "dy");
    *sum = 0.0;
    if (ran) {
        const float *y = result.tensors[trial->op->seeded].data;
        for (int64_t i = 0; i < dy->count; i++)
            *sum += (double)dy->floats[i] * (double)y[i];
    }
    trial_result_close(&result);
    return ran;
}

/* Signs at random, or the gradient itself scaled to a root mean square of 1. */
static void choose_direction(float *direction, const float *gradient, int64_t count, int turn)
{
    double norm = 0.0;
    for (int64_t i = 0; i < count; i++)
        norm += (double)gradient[i] * (double)gradient[i];
    float scale = norm > 0.0 ? (float)(1.0 / sqrt(norm / (double)count)) : 0.0f;
    uint64_t state = 99;
    for (int64_t i = 0; i < count; i++) {
        state = random_mix(state, (uint64_t)turn);
        float slope = fminf(fmaxf(gradient[i] * scale, -4.0f), 4.0f);
        direction[i] = turn == 0 ? slope : state & 1 ? 1.0f : -1.0f;
    }
}

static bool check_direction(const struct trial *trial, const struct kernels *kernels,
                            struct trial_tensor *tensor, const struct result_tensor *gradient,
                            int turn, double tolerance, bool say)
{
    const float step = 0x1p-8f;
    int64_t count = tensor->count;
    struct arena arena = {0};
    float *direction = arena_allocate(&arena, (size_t)count + 1, sizeof(float));
    float *before = arena_allocate(&arena, (size_t)count + 1, sizeof(float));
    if (!direction || !before)
        return false;
    choose_direction(direction, gradient->data, count, turn);
    memcpy(before, tensor->floats, (size_t)count * sizeof(float));
    double values[2] = {0}, slope = 0.0, size = 0.0, moved = 0.0;
    bool ran = true;
    for (int side = 0; side < 2 && ran; side++) {
        for (int64_t i = 0; i < count; i++)
            tensor->floats[i] = before[i] + (side ? step : -step) * direction[i];
        ran = objective(&values[side], trial, kernels);
    }
    for (int64_t i = 0; i < count; i++) {
        /* What the input really moved by, after rounding. */
        double up = (double)(before[i] + step * direction[i]);
        double move = (up - (double)(before[i] - step * direction[i])) / (2.0 * (double)step);
        slope += move * (double)gradient->data[i];
        size += (double)gradient->data[i] * (double)gradient->data[i];
        moved += move * move;
    }
    memcpy(tensor->floats, before, (size_t)count * sizeof(float));
    arena_free(&arena);
    double measured = (values[1] - values[0]) / (2.0 * (double)step);
    /* A random direction sees about |gradient| * |direction| / sqrt(count) of the gradient. */
    double scale = sqrt(size) * sqrt(moved / (double)(count ? count : 1)) + 1e-3;
    scale = fabs(slope) > scale ? fabs(slope) : scale;
    bool close = ran && fabs(measured - slope) <= tolerance * scale;
    if (!close && say)
        fprintf(stderr, "%s: %s along direction %d: %.6g, measured %.6g (scale %.3g)\n",
                trial->op->name, gradient->name, turn, slope, measured, scale);
    return close;
}

int check_gradients(const struct trial *trial, const struct kernels *kernels, double tolerance,
                    bool say)
{
    struct trial_result result;
    int wrong = 0;
    if (!trial_run(&result, trial, &(struct run_options){.kernels = kernels, .tape = true}))
        return 1;
    for (int i = 0; i < TRIAL_USES && trial->op->uses[i].tensor; i++) {
        const char *suffix = trial->op->suffix ? trial->op->suffix : "";
        char name[40];
        snprintf(name, sizeof name, "d%s%s", trial->op->uses[i].tensor, suffix);
        const struct trial_tensor *tensor = trial_find(trial, trial->op->uses[i].tensor);
        const struct result_tensor *gradient = trial_result_find(&result, name);
        if (!tensor)
            continue;
        if (!gradient || gradient->count != tensor->count) {
            wrong++;
            fprintf(stderr, "%s: no gradient %s\n", trial->op->name, name);
            continue;
        }
        for (int turn = 0; turn < 3; turn++)
            wrong += !check_direction(trial, kernels, (struct trial_tensor *)tensor, gradient, turn,
                                      tolerance, say);
    }
    trial_result_close(&result);
    return wrong;
}
