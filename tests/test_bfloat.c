/* Linear layers at `medium` and `high`: accuracy, the same bits in every batch, packed copies that
 * do not outlive their weights. The AMX kernel runs on a model of the tile units, and on the units
 * where there are any. */
#include "test_kernels.h"

#include "base/random.h"
#include "base/threads.h"
#include "cpu/bfloat.h"
#include "op_checks.h"
#include "tile_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bfloat_amx_model_fill(struct kernels *kernels);

/* bfloat16 keeps 8 bits: products err by 2^-9 * sqrt(2 / 3), 1.9e-3 measured. Three products keep
 * 16 bits and what float32 sums lose: 4e-6 measured. */
static const double medium_tolerance = 3e-3, high_tolerance = 1e-5;

enum { SETS = 3 };

/* False, after a word, when this processor cannot run the set. */
static bool open_set(struct kernels *kernels, int set)
{
    static const char *const names[] = {"a model of the tile units", "avx512_bf16", "amx"};
    unsigned available = cpu_available();
    unsigned base = available & (CPU_AVX2 | CPU_AVX512);
    if (set == 0) {
        cpu_kernels(kernels, base);
        bfloat_amx_model_fill(kernels);
        return true;
    }
    unsigned mask = set == 1 ? CPU_AVX512_BF16 : CPU_AMX_BF16;
    if (!(available & mask)) {
        print_message("%s skipped: this processor has no such units\n", names[set]);
        return false;
    }
    cpu_kernels(kernels, base | mask);
    return true;
}

static const int64_t shapes[][5] = {
    {3, 7, 19, 29}, {1, 1, 1, 1}, {4, 31, 384, 40}, {2, 70, 100, 17}, {3, 40, 33, 900}};

static void multiply_in_double(double *y, const struct trial *trial, bool out_in)
{
    const float *x = trial_find(trial, "x")->floats, *w = trial_find(trial, "w")->floats;
    const float *b = trial_find(trial, "b")->floats;
    int64_t tokens = trial_find(trial, "x")->shape[0], k = trial_find(trial, "x")->shape[1];
    int64_t n = trial_find(trial, "b")->count;
    for (int64_t i = 0; i < tokens; i++) {
        for (int64_t j = 0; j < n; j++) {
            double sum = (double)b[j];
            for (int64_t p = 0; p < k; p++)
                sum += (double)x[i * k + p] * (double)w[out_in ? j * k + p : p * n + j];
            y[i * n + j] = sum;
        }
    }
}

static double error_of(const struct trial *trial, const struct run_options *options)
{
    struct trial_result result;
    assert_true(trial_run(&result, trial, options));
    const struct result_tensor *y = trial_result_find(&result, "y");
    double *want = calloc((size_t)y->count + 1, sizeof *want);
    assert_non_null(want);
    multiply_in_double(want, trial, !strcmp(trial->op->name, "linear"));
    double error = relative_error(y->data, want, y->count);
    free(want);
    trial_result_close(&result);
    return error;
}

static void products_are_close(void **state)
{
    (void)state;
    for (int set = 0; set < SETS; set++) {
        struct kernels kernels;
        double worst[3] = {0};
        if (!open_set(&kernels, set))
            continue;
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            struct trial trial;
            trial_open_random(&trial, op_case_find(i % 2 ? "conv1d" : "linear"), shapes[i], 5);
            for (int precision = PRECISION_HIGH; precision <= PRECISION_MEDIUM; precision++) {
                double error =
                    error_of(&trial, &(struct run_options){.kernels = &kernels,
                                                           .precision = (enum precision)precision});
                worst[precision] = fmax(worst[precision], error);
            }
            trial_close(&trial);
        }
        print_message("%s: high %.2g, medium %.2g\n", kernels.bfloat_name, worst[PRECISION_HIGH],
                      worst[PRECISION_MEDIUM]);
        assert_true(worst[PRECISION_HIGH] < high_tolerance);
        assert_true(worst[PRECISION_MEDIUM] < medium_tolerance);
        /* At `medium` the product must not secretly be better, or the test tests nothing. */
        assert_true(worst[PRECISION_MEDIUM] > 10 * high_tolerance);
    }
    assert_int_equal(tile_model_faults(), 0);
}

/* Small whole numbers are exact in bfloat16 and so are their sums: every element must be right. */
static void whole_numbers_are_exact(void **state)
{
    (void)state;
    for (int set = 0; set < SETS; set++) {
        struct kernels kernels;
        if (!open_set(&kernels, set))
            continue;
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            struct trial trial;
            trial_open_random(&trial, op_case_find("linear"), shapes[i], 5);
            static const char *const names[] = {"x", "w", "b"};
            for (int j = 0; j < 3; j++) {
                const struct trial_tensor *tensor = trial_find(&trial, names[j]);
                for (int64_t p = 0; p < tensor->count; p++)
                    tensor->floats[p] = (float)(random_mix((uint64_t)p, (uint64_t)j) % 17) - 8.0f;
            }
            for (int precision = PRECISION_HIGH; precision <= PRECISION_MEDIUM; precision++) {
                struct run_options run = {.kernels = &kernels,
                                          .precision = (enum precision)precision};
                assert_true(error_of(&trial, &run) == 0.0);
            }
            trial_close(&trial);
        }
    }
}

static void same_bits_in_any_batch(void **state)
{
    (void)state;
    static const int64_t batch[] = {64, 3, 100, 900, 0};
    struct thread_pool *pool;
    assert_int_equal(thread_pool_open(&pool, 2, NULL), ASSAY_OK);
    for (int set = 0; set < SETS; set++) {
        struct kernels kernels;
        if (!open_set(&kernels, set))
            continue;
        int64_t sizes[5];
        memcpy(sizes, batch, sizeof sizes);
        if (set == 0) { /* the model is slow */
            sizes[2] = 40;
            sizes[3] = 50;
        }
        struct trial trial;
        trial_open_random(&trial, op_case_find("linear"), sizes, 5);
        for (int precision = PRECISION_HIGH; precision <= PRECISION_MEDIUM; precision++) {
            struct run_options run = {.kernels = &kernels, .precision = (enum precision)precision};
            struct trial_result one, two;
            assert_int_equal(check_alone(&trial, &run, true), 0);
            assert_true(trial_run(&one, &trial, &run));
            run.threads = pool;
            assert_true(trial_run(&two, &trial, &run));
            assert_int_equal(compare_bits(&one, &two, true, kernels.bfloat_name), 0);
            trial_result_close(&one);
            trial_result_close(&two);
        }
        trial_close(&trial);
    }
    thread_pool_close(pool);
}

/* Without the units both run at `highest`, to the bit; backward always does. */
static void falls_back_to_highest(void **state)
{
    (void)state;
    struct kernels kernels;
    struct trial trial;
    struct trial_result highest, medium;
    kernel_set_open(&kernels, kernel_set_count() - 1);
    assert_null(kernels.bfloat_product);
    trial_open_random(&trial, op_case_find("linear"), shapes[2], 5);
    struct run_options run = {.kernels = &kernels, .tape = true};
    assert_true(trial_run(&highest, &trial, &run));
    run.precision = PRECISION_MEDIUM;
    assert_true(trial_run(&medium, &trial, &run));
    assert_int_equal(compare_bits(&highest, &medium, true, "without the units"), 0);
    trial_result_close(&medium);

    bfloat_amx_model_fill(&kernels);
    assert_true(trial_run(&medium, &trial, &run));
    assert_int_not_equal(compare_bits(&highest, &medium, false, ""), 0);
    for (int i = 0; i < highest.count; i++) {
        if (highest.tensors[i].name[0] == 'd')
            assert_memory_equal(highest.tensors[i].data, medium.tensors[i].data,
                                (size_t)highest.tensors[i].count * sizeof(float));
    }
    trial_result_close(&highest);
    trial_result_close(&medium);
    trial_close(&trial);
}

static float first_output(struct graph *graph, struct parameter_set *set,
                          const struct kernels *kernels, enum precision precision, bool tape)
{
    static const float ones[32] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                   1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    graph_reset(graph,
                &(struct graph_options){
                    .parameters = set, .kernels = kernels, .precision = precision, .tape = tape});
    struct value *x = graph_input(graph, DTYPE_F32, 2, (const int64_t[]){1, 32}, ones);
    graph_watch(graph, x);
    struct value *y = op_linear(graph, "op", WEIGHT_OUT_IN, 4, x);
    graph_keep_value(graph, y);
    if (tape)
        graph_seed(graph, y, ones);
    assert_int_equal(graph_plan(graph, NULL, NULL), ASSAY_OK);
    assert_int_equal(graph_forward(graph, NULL), ASSAY_OK);
    if (tape)
        assert_int_equal(graph_backward(graph, NULL), ASSAY_OK);
    return tape ? x->gradient[0] : *(const float *)y->tensor.data;
}

static void packed_copies_follow_their_weights(void **state)
{
    (void)state;
    struct kernels kernels;
    struct parameter_set *set;
    struct graph *graph;
    static float weight[4 * 32];
    for (int i = 0; i < 4 * 32; i++)
        weight[i] = 0.5f;
    open_set(&kernels, 0);
    assert_int_equal(parameter_set_open(&set, NULL), ASSAY_OK);
    assert_int_equal(graph_open(&graph, NULL), ASSAY_OK);
    assert_int_equal(parameter_set_add(set, "op.weight", 2, (const int64_t[]){4, 32}, weight, NULL),
                     ASSAY_OK);
    assert_int_equal(parameter_set_train(set, NULL, NULL, NULL), ASSAY_OK);
    for (int turn = 0; turn < 3; turn++) {
        int64_t count;
        float *values = parameter_set_values(set, &count), value = (float)(turn + 1);
        assert_int_equal(count, 4 * 32);
        for (int64_t i = 0; i < count; i++)
            values[i] = value;
        parameter_set_changed(set);
        for (int precision = PRECISION_HIGHEST; precision <= PRECISION_MEDIUM; precision++) {
            enum precision p = (enum precision)precision;
            assert_true(first_output(graph, set, &kernels, p, false) == 32.0f * value);
            assert_true(first_output(graph, set, &kernels, p, true) == 4.0f * value);
        }
    }
    graph_close(graph);
    parameter_set_close(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_close),
        cmocka_unit_test(whole_numbers_are_exact),
        cmocka_unit_test(same_bits_in_any_batch),
        cmocka_unit_test(falls_back_to_highest),
        cmocka_unit_test(packed_copies_follow_their_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
