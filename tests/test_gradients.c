/* Every op's gradients against finite differences, over shapes that fit no vector; and what holds
 * of dropout. */
#include "test_kernels.h"

#include "base/random.h"
#include "op_checks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Central differences in float32 with a step of 1/256: rounding leaves some 1e-4, curvature and
 * relu's bend the rest. */
static const double difference_tolerance = 4e-3;

static void best_kernels(struct kernels *kernels)
{
    kernel_set_open(kernels, kernel_set_count() - 1);
}

static void finite_differences_agree(void **state)
{
    (void)state;
    struct kernels kernels;
    best_kernels(&kernels);
    int wrong = 0, checked = 0;
    for (int i = 0; i < op_case_count; i++) {
        const struct op_case *op = &op_cases[i];
        for (int j = 0; op->draw && j < TRIAL_SIZES && op->sizes[j][0]; j++) {
            struct trial trial;
            trial_open_random(&trial, op, op->sizes[j], 7 + (uint64_t)j);
            wrong += check_gradients(&trial, &kernels, difference_tolerance, true);
            trial_close(&trial);
            checked++;
        }
    }
    assert_true(checked > 50);
    assert_int_equal(wrong, 0);
}

static double distance(const struct result_tensor *a, const struct result_tensor *b, double factor)
{
    double apart = 0.0, norm = 0.0;
    for (int64_t i = 0; i < a->count; i++) {
        double d = (double)a->data[i] - factor * (double)b->data[i];
        apart += d * d;
        norm += (double)b->data[i] * (double)b->data[i];
    }
    return norm > 0.0 ? sqrt(apart / norm) : sqrt(apart);
}

/* An op over inputs that were used before adds to their gradients (beta 1); a second micro-batch
 * adds to those of weights. Both give twice the gradient. */
static void gradients_are_added(void **state)
{
    (void)state;
    struct kernels kernels;
    best_kernels(&kernels);
    int wrong = 0;
    for (int i = 0; i < op_case_count; i++) {
        const struct op_case *op = &op_cases[i];
        for (int j = 0; op->draw && j < TRIAL_SIZES && op->sizes[j][0]; j++) {
            struct trial trial;
            struct trial_result once, twice, again;
            trial_open_random(&trial, op, op->sizes[j], 7 + (uint64_t)j);
            struct run_options run = {.kernels = &kernels, .tape = true};
            assert_true(trial_run(&once, &trial, &run));
            run.twice = true;
            assert_true(trial_run(&twice, &trial, &run));
            run.twice = false;
            run.accumulate = true;
            assert_true(trial_run(&again, &trial, &run));
            for (int k = 0; k < once.count; k++) {
                const struct result_tensor *a = &once.tensors[k];
                bool gradient = a->name[0] == 'd', weight = gradient && a->axis == AXIS_NONE;
                if (!gradient)
                    continue;
                double sum = distance(&twice.tensors[k], a, 2.0);
                double added = distance(&again.tensors[k], a, weight ? 2.0 : 1.0);
                if (sum < 2e-6 && added < 2e-6)
                    continue;
                wrong++;
                fprintf(stderr, "%s size %d: %s: twice %.3g, accumulated %.3g off\n", op->name, j,
                        a->name, sum, added);
            }
            trial_result_close(&once);
            trial_result_close(&twice);
            trial_result_close(&again);
            trial_close(&trial);
        }
    }
    assert_int_equal(wrong, 0);
}

struct dropped {
    float y[64 * 40], dx[64 * 40];
};

/* Dropout of ones, and its backward of ones. */
static void drop_ones(struct dropped *out, float rate, uint64_t step, int rows, const int64_t *ids)
{
    struct kernels kernels;
    best_kernels(&kernels);
    struct kernel_context context = {0};
    static float ones[64 * 40];
    int32_t offsets[65];
    for (int i = 0; i < 64 * 40; i++)
        ones[i] = 1.0f;
    for (int i = 0; i <= rows; i++)
        offsets[i] = i;
    struct random_stream stream = {5, step, random_hash_name("a place")};
    kernels.dropout(&context, out->y, ones, 0.0f, &stream, ids, offsets, rows, 40, rate);
    kernels.dropout(&context, out->dx, ones, 0.0f, &stream, ids, offsets, rows, 40, rate);
}

static void dropout_keeps_its_mask_and_rate(void **state)
{
    (void)state;
    static struct dropped a, b;
    const float rate = 0.3f;
    drop_ones(&a, rate, 1, 64, NULL);
    assert_memory_equal(a.y, a.dx, sizeof a.y);
    int kept = 0;
    for (int i = 0; i < 64 * 40; i++) {
        assert_true(a.y[i] == 0.0f || a.y[i] == 1.0f / (1.0f - rate));
        kept += a.y[i] != 0.0f;
    }
    /* 2,560 draws: a deviation is 23. */
    assert_true(abs(kept - 1792) < 5 * 23);

    drop_ones(&b, rate, 2, 64, NULL);
    assert_memory_not_equal(a.y, b.y, sizeof a.y);
    /* Row 7 of the batch alone, by its identity. */
    const int64_t seven = 7;
    drop_ones(&b, rate, 1, 1, &seven);
    assert_memory_equal(b.y, a.y + 7 * 40, 40 * sizeof(float));

    drop_ones(&b, 1.0f, 1, 64, NULL);
    for (int i = 0; i < 64 * 40; i++)
        assert_true(b.y[i] == 0.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finite_differences_agree),
        cmocka_unit_test(gradients_are_added),
        cmocka_unit_test(dropout_keeps_its_mask_and_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
