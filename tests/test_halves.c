/* Half of the kept rows calibrates, the other half stops the training: no group on both sides. */
#include "base/memory.h"
#include "train/halves.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 1000 };

static uint64_t group[ROWS];
static bool positive[ROWS], half[ROWS], other[ROWS];

static unsigned draw(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Sizes from one row to some thirty, kinds mixed and unmixed. */
static void make_rows(unsigned seed)
{
    for (int i = 0; i < ROWS;) {
        unsigned size = 1 + draw(&seed) % 30, kind = draw(&seed) % 3;
        uint64_t name = UINT64_C(0x9e3779b97f4a7c15) * (draw(&seed) + 1);
        for (unsigned j = 0; j < size && i < ROWS; j++, i++) {
            group[i] = name;
            positive[i] = kind == 2 ? draw(&seed) & 1 : kind;
        }
    }
}

static void counts(int out[2][2])
{
    memset(out, 0, 4 * sizeof(int));
    for (int i = 0; i < ROWS; i++)
        out[half[i]][positive[i]]++;
}

static void groups_stay_whole(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 20; seed++) {
        make_rows(seed);
        assert_int_equal(halves_make(half, group, positive, ROWS, seed, NULL), ASSAY_OK);
        for (int i = 0; i < ROWS; i++) {
            for (int j = i + 1; j < ROWS; j++) {
                if (group[i] == group[j])
                    assert_int_equal(half[i], half[j]);
            }
        }
        int count[2][2];
        counts(count);
        assert_true(abs(count[0][0] - count[1][0]) <= 30);
        assert_true(abs(count[0][1] - count[1][1]) <= 30);
    }
}

static void rows_alone_are_even(void **state)
{
    (void)state;
    int count[2][2];
    make_rows(3);
    assert_int_equal(halves_make(half, NULL, positive, ROWS, 5, NULL), ASSAY_OK);
    counts(count);
    assert_true(abs(count[0][0] - count[1][0]) <= 1 && abs(count[0][1] - count[1][1]) <= 1);
    assert_int_equal(halves_make(half, NULL, NULL, ROWS, 5, NULL), ASSAY_OK);
    counts(count);
    assert_int_equal(count[0][0] + count[0][1], ROWS / 2);
}

static void seeds_decide(void **state)
{
    (void)state;
    make_rows(4);
    assert_int_equal(halves_make(half, group, positive, ROWS, 9, NULL), ASSAY_OK);
    assert_int_equal(halves_make(other, group, positive, ROWS, 9, NULL), ASSAY_OK);
    assert_memory_equal(half, other, sizeof half);
    assert_int_equal(halves_make(other, group, positive, ROWS, 10, NULL), ASSAY_OK);
    assert_memory_not_equal(half, other, sizeof half);
    /* The order of the rows has no say over groups. */
    uint64_t turned[ROWS];
    bool kinds[ROWS];
    for (int i = 0; i < ROWS; i++) {
        turned[i] = group[ROWS - 1 - i];
        kinds[i] = positive[ROWS - 1 - i];
    }
    assert_int_equal(halves_make(other, turned, kinds, ROWS, 9, NULL), ASSAY_OK);
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(half[i], other[ROWS - 1 - i]);
}

static void one_group(void **state)
{
    (void)state;
    memset(group, 0, sizeof group);
    assert_int_equal(halves_make(half, group, positive, ROWS, 1, NULL), ASSAY_OK);
    for (int i = 1; i < ROWS; i++)
        assert_int_equal(half[i], half[0]);
}

static void no_memory(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth <= 2; nth++) {
        memory_fail_at(nth);
        assert_int_equal(halves_make(half, group, positive, ROWS, 1, NULL), ASSAY_ERROR_MEMORY);
        memory_fail_at(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_stay_whole), cmocka_unit_test(rows_alone_are_even),
        cmocka_unit_test(seeds_decide),      cmocka_unit_test(one_group),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
