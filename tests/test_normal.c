/* Points of the normal curve, and numbers drawn along it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/normal.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>

static void quantiles(void **state)
{
    (void)state;
    /* from Python's mpmath: sqrt(2) erfinv(2 p - 1) */
    static const struct {
        double p, value;
    } known[] = {
        {0.5, 0.0},
        {0.6, 0.25334710313579977},
        {0.925, 1.4395314709384563},
        {0.93, 1.4757910281791702},
        {0.975, 1.9599639845400542},
        {0.999, 3.0902323061678133},
        {1e-6, -4.753424308822899},
        {1.1641532182693481e-10, -6.3379577545537893},
        {1.4e-11, -6.6567230915181836}, /* the last region of the formula begins between these */
        {1.3e-11, -6.6676114565107408},
        {1e-20, -9.2623400897984075},
        {1e-300, -37.047096299361199},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        double error = fabs(normal_quantile(known[i].p) - known[i].value);
        assert_true(error <= 1e-14 * (1.0 + fabs(known[i].value)));
    }
    assert_true(isnan(normal_quantile(0.0)) && isnan(normal_quantile(1.0)));
    assert_true(isnan(normal_quantile(-0.1)) && isnan(normal_quantile((double)NAN)));
    for (int i = 1; i < 4000; i++) {
        double p = ldexp(i, -12);
        assert_true(normal_quantile(p) == -normal_quantile(1.0 - p));
        assert_true(fabs(0.5 * erfc(-normal_quantile(p) / sqrt(2.0)) - p) < 1e-15);
    }
}

static int compare_floats(const void *left, const void *right)
{
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

enum { DRAWS = 1 << 20 };

static void draws(void **state)
{
    (void)state;
    float *values = malloc(DRAWS * sizeof *values), some[6];
    assert_non_null(values);
    normal_draw(values, DRAWS, 1.0f, 99);
    /* a value is a function of its position, whatever is drawn with it */
    normal_draw(some, 6, 1.0f, 99);
    assert_memory_equal(some, values, sizeof some);
    /* the same bits on every machine */
    assert_int_equal(random_hash_bytes(values, DRAWS * sizeof *values),
                     UINT64_C(0x294bb909a3296623));
    double moments[5] = {0.0};
    for (int i = 0; i < DRAWS; i++) {
        double power = 1.0;
        for (int m = 1; m < 5; m++)
            moments[m] += power *= values[i];
    }
    for (int m = 1; m < 5; m++)
        moments[m] /= DRAWS;
    /* six standard errors of the mean of each power */
    assert_float_equal(moments[1], 0.0, 6.0 * sqrt(1.0 / DRAWS));
    assert_float_equal(moments[2], 1.0, 6.0 * sqrt(2.0 / DRAWS));
    assert_float_equal(moments[3], 0.0, 6.0 * sqrt(15.0 / DRAWS));
    assert_float_equal(moments[4], 3.0, 6.0 * sqrt(96.0 / DRAWS));
    /* Kolmogorov and Smirnov's distance, of which 1.95 / sqrt(n) is passed once in a thousand */
    qsort(values, DRAWS, sizeof *values, compare_floats);
    double distance = 0.0;
    for (int i = 0; i < DRAWS; i++) {
        double below = 0.5 * erfc(-values[i] / sqrt(2.0));
        distance = fmax(
            distance, fmax(fabs(below - (double)i / DRAWS), fabs(below - (double)(i + 1) / DRAWS)));
    }
    assert_true(distance < 1.95 / sqrt(DRAWS));
    assert_true(values[0] < -4.0f && values[DRAWS - 1] > 4.0f);
    int beyond_three = 0;
    for (int i = 0; i < DRAWS; i++)
        beyond_three += fabsf(values[i]) > 3.0f;
    double wanted = DRAWS * erfc(3.0 / sqrt(2.0));
    assert_true(fabs(beyond_three - wanted) < 6.0 * sqrt(wanted));
    free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles),
        cmocka_unit_test(draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
