/* Products at `medium` and `high`: accuracy forward and backward, the same bits in every batch,
 * packed copies that do not outlive their weights. The AMX kernel runs on a model of the tile
 * units, and on the units where there are any. */
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
        /* Where three products gain nothing, `high` is `highest`. */
        assert_true(kernels.bfloat_high || worst[PRECISION_HIGH] < 2e-7);
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

/* One row alone, the whole batch on one thread and on two. */
static void check_same_bits(const char *op, const int64_t *sizes, const struct kernels *kernels,
                            struct thread_pool *pool)
{
    struct trial trial;
    trial_open_random(&trial, op_case_find(op), sizes, 5);
    for (int precision = PRECISION_HIGH; precision <= PRECISION_MEDIUM; precision++) {
        struct run_options run = {.kernels = kernels, .precision = (enum precision)precision};
        struct trial_result one, two;
        assert_int_equal(check_alone(&trial, &run, true), 0);
        run.tape = true;
        assert_true(trial_run(&one, &trial, &run));
        run.threads = pool;
        assert_true(trial_run(&two, &trial, &run));
        assert_int_equal(compare_bits(&one, &two, true, kernels->bfloat_name), 0);
        trial_result_close(&one);
        trial_result_close(&two);
    }
    trial_close(&trial);
}

static void same_bits_in_any_batch(void **state)
{
    (void)state;
    static const int64_t batch[] = {64, 3, 100, 900, 0}, small[] = {64, 3, 40, 50, 0};
    static const int64_t rows[] = {9, 70, 3, 10, 0};
    struct thread_pool *pool;
    assert_int_equal(thread_pool_open(&pool, 2, NULL), ASSAY_OK);
    for (int set = 0; set < SETS; set++) {
        struct kernels kernels;
        if (!open_set(&kernels, set))
            continue;
        check_same_bits("linear", set ? batch : small, &kernels, pool); /* the model is slow */
        check_same_bits("attention_shared", rows, &kernels, pool);
        check_same_bits("attention_dropout", rows, &kernels, pool);
    }
    thread_pool_close(pool);
}

/* Every op that multiplies, its outputs and all its gradients, against the same at `highest`. The
 * limits leave room for shapes of one element, where a single rounding is the whole error; ranks
 * may change by whole numbers. */
static const struct lower_case {
    const char *op;
    double limit[3]; /* by precision */
} lower_cases[] = {
    {"linear", {0, 5e-5, 8e-3}},
    {"conv1d", {0, 5e-5, 8e-3}},
    {"linear_deep", {0, 5e-5, 8e-3}},
    {"conv1d_deep", {0, 5e-5, 8e-3}},
    {"attention", {0, 5e-5, 1.5e-2}},
    {"attention_causal", {0, 5e-5, 1.5e-2}},
    {"attention_bias", {0, 5e-5, 1.5e-2}},
    {"attention_shared", {0, 5e-5, 1.5e-2}},
    {"vocabulary_bias_p", {0, 5e-5, 1.5e-2}},
    {"vocabulary_bias_q", {0, 5e-5, 1.5e-2}},
};

static double worst_difference(const struct trial_result *highest, const struct trial_result *lower)
{
    double worst = 0.0;
    for (int i = 0; i < highest->count; i++) {
        const struct result_tensor *a = &highest->tensors[i], *b = &lower->tensors[i];
        if (strstr(a->name, "rank"))
            continue;
        double *want = calloc((size_t)a->count + 1, sizeof *want);
        assert_non_null(want);
        for (int64_t j = 0; j < a->count; j++)
            want[j] = (double)a->data[j];
        worst = fmax(worst, relative_error(b->data, want, a->count));
        free(want);
    }
    return worst;
}

static double lower_error(const struct op_case *op, const int64_t *sizes,
                          const struct kernels *kernels, enum precision precision)
{
    struct trial trial;
    struct trial_result highest, lower;
    struct run_options run = {.kernels = kernels, .tape = true};
    trial_open_random(&trial, op, sizes, 5);
    assert_true(trial_run(&highest, &trial, &run));
    run.precision = precision;
    assert_true(trial_run(&lower, &trial, &run));
    double worst = worst_difference(&highest, &lower);
    trial_result_close(&highest);
    trial_result_close(&lower);
    trial_close(&trial);
    return worst;
}

static void gradients_are_close(void **state)
{
    (void)state;
    static const int64_t fallback[][5] = {{3, 7, 19, 29}, {4, 31, 384, 40}, {0}};
    for (int set = 0; set < SETS; set++) {
        struct kernels kernels;
        if (!open_set(&kernels, set))
            continue;
        for (size_t i = 0; i < sizeof lower_cases / sizeof *lower_cases; i++) {
            const struct op_case *op = op_case_find(lower_cases[i].op);
            if (!op->draw)
                continue;
            for (int p = PRECISION_HIGH; p <= PRECISION_MEDIUM; p++) {
                double worst = 0.0;
                const int64_t(*sizes)[5] = (*op->sizes)[0] ? op->sizes : fallback;
                for (; (*sizes)[0]; sizes++) {
                    double error = lower_error(op, *sizes, &kernels, (enum precision)p);
                    /* One row of one token: a sum of few terms may cancel to nothing. */
                    worst = (*sizes)[0] == 1 ? worst : fmax(worst, error);
                }
                print_message("%-12s %-18s %s %.2g\n", kernels.bfloat_name, op->name,
                              p == PRECISION_HIGH ? "high" : "medium", worst);
                assert_true(worst < lower_cases[i].limit[p]);
            }
        }
    }
    assert_int_equal(tile_model_faults(), 0);
}

/* Without the units both run at `highest`, to the bit. */
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
    for (int i = 0; i < highest.count; i++) {
        if (strcmp(highest.tensors[i].name, "db") != 0)
            assert_memory_not_equal(highest.tensors[i].data, medium.tensors[i].data,
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
        cmocka_unit_test(gradients_are_close),
        cmocka_unit_test(falls_back_to_highest),
        cmocka_unit_test(packed_copies_follow_their_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
