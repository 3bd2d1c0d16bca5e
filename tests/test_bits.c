/* The same bits on every float32 kernel set, with any number of threads, alone and in a batch. */
#include "test_kernels.h"

#include "base/threads.h"
#include "op_checks.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct thread_pool *pools[4]; /* by their size; [1] stays NULL */

static int open_pools(void **state)
{
    (void)state;
    return thread_pool_open(&pools[2], 2, NULL) != ASSAY_OK ||
           thread_pool_open(&pools[3], 3, NULL) != ASSAY_OK;
}

static int close_pools(void **state)
{
    (void)state;
    thread_pool_close(pools[2]);
    thread_pool_close(pools[3]);
    return 0;
}

static void sets_and_threads_agree(void **state)
{
    (void)state;
    int wrong = 0, sets = kernel_set_count();
    struct kernels kernels[3];
    for (int set = 0; set < sets; set++)
        kernel_set_open(&kernels[set], set);
    if (sets == 1)
        print_message("this processor runs the plain set only: no sets are compared\n");
    for (int i = 0; i < op_case_count; i++) {
        const struct op_case *op = &op_cases[i];
        if (!op->draw)
            continue;
        for (int set = 1; set < sets; set++)
            wrong += check_bits(op, &kernels[set], pools[set], &kernels[0], NULL, true);
        for (int threads = 2; threads <= 3; threads++)
            wrong +=
                check_bits(op, &kernels[sets - 1], pools[threads], &kernels[sets - 1], NULL, true);
    }
    assert_int_equal(wrong, 0);
}

/* Shapes beyond a block of k and beyond a task: rows, columns and k of one linear layer. */
static void large_products_agree(void **state)
{
    (void)state;
    static const int64_t shapes[][4] = {
        {4, 45, 600, 35}, {2, 120, 257, 1600}, {2, 13, 513, 800}, {1, 1, 1025, 49}};
    int wrong = 0, sets = kernel_set_count();
    struct kernels kernels[3];
    for (int set = 0; set < sets; set++)
        kernel_set_open(&kernels[set], set);
    for (int i = 0; i < 4; i++) {
        /* The plain set is slow: it takes the small ones. */
        struct op_case op = *op_case_find(i % 2 ? "conv1d" : "linear");
        memset(op.sizes, 0, sizeof op.sizes);
        memcpy(op.sizes[0], shapes[i], sizeof shapes[i]);
        for (int set = i == 1 ? 2 : 1; set < sets; set++)
            wrong += check_bits(&op, &kernels[set], pools[2], &kernels[set == 2 ? 1 : 0], pools[3],
                                true);
    }
    assert_int_equal(wrong, 0);
}

static void rows_alone_agree(void **state)
{
    (void)state;
    static const struct {
        const char *op;
        int64_t sizes[5];
    } batches[] = {
        {"linear", {64, 9, 300, 50}},
        {"conv1d", {64, 9, 40, 700}},
        {"embedding", {64, 9, 50, 20}},
        {"layer_norm", {64, 9, 37}},
        {"rms_norm", {64, 9, 37}},
        {"gelu_erf", {64, 9, 37}},
        {"attention", {64, 41030, 2, 10, 0}},
        {"attention", {64, 41030, 2, 10, 1}},
        {"attention", {9, 700, 1, 8, 1}},
        {"attention_bias", {64, 41030, 2, 10, 1}},
        {"attention_shared", {64, 60, 2, 8, 0}},
        {"attention_dropout", {64, 60, 2, 8, 0}},
        {"dropout", {64, 9, 37}},
        {"pooling_first", {64, 9, 37}},
        {"pooling_last", {64, 9, 37}},
        {"pooling_mean", {64, 90, 37}},
        {"l2_normalize", {64, 9, 37}},
        {"cross_entropy", {64, 9, 5}},
        {"squared_error", {64, 9, 37}},
        {"vocabulary_bias_p", {64, 9, 17, 300}},
        {"vocabulary_bias_q", {64, 9, 17, 300}},
    };
    int wrong = 0;
    for (int set = 1; set < kernel_set_count(); set++) {
        struct kernels kernels;
        kernel_set_open(&kernels, set);
        for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
            struct trial trial;
            trial_open_random(&trial, op_case_find(batches[i].op), batches[i].sizes, 3);
            struct run_options run = {.kernels = &kernels, .threads = pools[2], .tape = true};
            wrong += check_alone(&trial, &run, true);
            trial_close(&trial);
        }
    }
    assert_int_equal(wrong, 0);
}

/* Every exponent with both signs and some fractions, and all that is special. */
static int64_t special_values(float *values)
{
    static const uint32_t fractions[] = {0, 1, 0x3fffff, 0x400000, 0x7fffff, 0x2aaaaa};
    int64_t count = 0;
    for (uint32_t exponent = 0; exponent < 256; exponent++) {
        for (int i = 0; i < 12; i++) {
            uint32_t bits = (uint32_t)(i & 1) << 31 | exponent << 23 | fractions[i / 2];
            memcpy(&values[count++], &bits, sizeof bits);
        }
    }
    return count;
}

static int compare_floats(const float *a, const float *b, const float *x, int64_t count,
                          const char *what)
{
    int wrong = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!memcmp(&a[i], &b[i], sizeof *a) || (isnan(a[i]) && isnan(b[i])))
            continue;
        if (!wrong++)
            fprintf(stderr, "%s of %a: %a, not %a\n", what, (double)x[i], (double)b[i],
                    (double)a[i]);
    }
    return wrong;
}

static void special_values_agree(void **state)
{
    (void)state;
    enum { MOST = 256 * 12 };
    static float x[MOST], y[3][MOST], dx[3][MOST], ones[MOST];
    int64_t count = special_values(x);
    for (int64_t i = 0; i < count; i++)
        ones[i] = 1.0f;
    int wrong = 0, sets = kernel_set_count();
    struct kernel_context context = {0};
    for (int kind = ACTIVATION_GELU_ERF; kind <= ACTIVATION_SILU; kind++) {
        for (int set = 0; set < sets; set++) {
            struct kernels kernels;
            kernel_set_open(&kernels, set);
            kernels.activate(&context, (enum activation)kind, y[set], x, count);
            kernels.activate_dx(&context, (enum activation)kind, dx[set], 0.0f, ones, x, count);
            wrong += compare_floats(y[0], y[set], x, count, "activation");
            wrong += compare_floats(dx[0], dx[set], x, count, "derivative");
        }
        for (int64_t i = 0; i < count; i++) {
            if (isnan(x[i]))
                assert_true(isnan(y[0][i]));
            else if (isfinite(x[i]))
                assert_true(isfinite(y[0][i]));
        }
    }
    assert_int_equal(wrong, 0);
}

/* Norms, softmax, losses and products over rows that hold a NaN, infinities, denormals, zeros. */
static void special_rows_agree(void **state)
{
    (void)state;
    static const char *const names[] = {
        "linear",        "layer_norm",        "rms_norm",      "attention",
        "pooling_mean",  "l2_normalize",      "add",           "cross_entropy",
        "squared_error", "vocabulary_bias_q", "attention_bias"};
    static const float poison[] = {NAN, INFINITY, -INFINITY, 1e-42f, -0.0f, FLT_MAX, FLT_MIN};
    int wrong = 0, sets = kernel_set_count();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct op_case *op = op_case_find(names[i]);
        for (size_t p = 0; p < sizeof poison / sizeof *poison; p++) {
            struct trial trial;
            struct trial_result results[3] = {0};
            trial_open_random(&trial, op, op->sizes[0], 3);
            struct trial_tensor *first =
                (struct trial_tensor *)trial_find(&trial, op->uses[0].tensor);
            for (int64_t j = 0; j < first->count; j += 41)
                first->floats[j] = poison[p];
            for (int set = 0; set < sets; set++) {
                struct kernels kernels;
                kernel_set_open(&kernels, set);
                struct run_options run = {.kernels = &kernels, .tape = true};
                assert_true(trial_run(&results[set], &trial, &run));
                wrong += compare_bits(&results[0], &results[set], true, op->name);
            }
            for (int set = 0; set < sets; set++)
                trial_result_close(&results[set]);
            trial_close(&trial);
        }
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_and_threads_agree), cmocka_unit_test(large_products_agree),
        cmocka_unit_test(rows_alone_agree),       cmocka_unit_test(special_values_agree),
        cmocka_unit_test(special_rows_agree),
    };
    return cmocka_run_group_tests(tests, open_pools, close_pools);
}
