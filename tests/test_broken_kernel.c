/* Kernels broken on purpose, each a little: the checks of the suite must see every one of them. */
#include "test_kernels.h"

#include "op_checks.h"

#include <stdio.h>
#include <string.h>

static struct kernels sound;

static void product_without_the_last_k(const struct kernel_context *context,
                                       const struct product *product)
{
    struct product shorter = *product;
    /* Panels lie k rows apart: only a single one can be cut short without being misread. */
    if (product->n <= PANEL && product->k > 1)
        shorter.k--;
    sound.product(context, &shorter);
}

static void product_without_beta(const struct kernel_context *context,
                                 const struct product *product)
{
    struct product other = *product;
    other.beta = 0.0f;
    sound.product(context, &other);
}

static void norm_without_epsilon(const struct kernel_context *context, float *y, float *statistics,
                                 const float *x, const float *weight, const float *bias,
                                 int64_t rows, int64_t width, float epsilon)
{
    (void)epsilon;
    sound.layer_norm(context, y, statistics, x, weight, bias, rows, width, 0.0f);
}

static void norm_dx_without_one_row(const struct kernel_context *context, float *dx, float beta,
                                    const float *dy, const float *x, const float *statistics,
                                    const float *weight, int64_t rows, int64_t width)
{
    sound.layer_norm_dx(context, dx, beta, dy, x, statistics, weight, rows, width);
    if (rows > 1)
        memcpy(dx, dx + width, (size_t)width * sizeof *dx);
}

static void attention_with_another_scale(const struct kernel_context *context,
                                         const struct attention *attention)
{
    struct attention other = *attention;
    other.scale *= 1.0001f;
    sound.attention(context, &other);
}

static void attention_backward_without_dv(const struct kernel_context *context,
                                          const struct attention_gradient *gradient)
{
    struct attention_gradient other = *gradient;
    other.dv = NULL;
    sound.attention_backward(context, &other);
}

static void gelu_of_another_kind(const struct kernel_context *context, enum activation kind,
                                 float *y, const float *x, int64_t count)
{
    sound.activate(context, kind == ACTIVATION_GELU_ERF ? ACTIVATION_GELU_TANH : kind, y, x, count);
}

static void relu_in_other_bits(const struct kernel_context *context, enum activation kind, float *y,
                               const float *x, int64_t count)
{
    sound.activate(context, kind, y, x, count);
    if (count)
        y[count - 1] = y[count - 1] * (1.0f + 0x1p-23f);
}

static void pool_off_by_one(const struct kernel_context *context, enum pooling kind, float *y,
                            const float *x, const int32_t *offsets, int64_t rows, int64_t width)
{
    sound.pool(context, kind == POOL_LAST ? POOL_FIRST : kind, y, x, offsets, rows, width);
}

static void loss_of_the_ignored(const struct kernel_context *context,
                                const struct cross_entropy *job)
{
    sound.cross_entropy(context, job);
    for (int64_t i = 0; i < job->rows; i++) {
        if (job->labels[i] < 0)
            job->loss[i] = 1e-3f;
    }
}

static void embedding_that_overwrites(const struct kernel_context *context, float *dtable,
                                      float beta, const float *dy, const int32_t *ids,
                                      int64_t tokens, int64_t width, int64_t entries)
{
    sound.embed_dw(context, dtable, beta, dy, ids, tokens, width, entries);
    for (int64_t t = 0; t < tokens; t++)
        memcpy(dtable + ids[t] * width, dy + t * width, (size_t)width * sizeof *dy);
}

/* All mismatches that the vectors, the bits and the finite differences find for one op. */
static int found_by_vectors(const char *op, const struct kernels *kernels)
{
    return check_vectors(op_case_find(op), kernels, NULL, false);
}

static int found_by_bits(const char *op, const struct kernels *kernels)
{
    return check_bits(op_case_find(op), kernels, NULL, &sound, NULL, false);
}

static int found_by_differences(const char *op, const struct kernels *kernels)
{
    struct trial trial;
    trial_open_random(&trial, op_case_find(op), op_case_find(op)->sizes[0], 7);
    int wrong = check_gradients(&trial, kernels, 4e-3, false);
    trial_close(&trial);
    return wrong;
}

static void sound_kernels_pass(void **state)
{
    (void)state;
    static const char *const ops[] = {"linear",        "layer_norm", "layer_norm_eps",
                                      "attention",     "gelu_erf",   "pooling_last",
                                      "cross_entropy", "embedding",  "relu"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        assert_int_equal(found_by_vectors(ops[i], &sound), 0);
        assert_int_equal(found_by_bits(ops[i], &sound), 0);
    }
}

static void broken_products_are_caught(void **state)
{
    (void)state;
    struct kernels broken = sound;
    broken.product = product_without_the_last_k;
    assert_true(found_by_vectors("linear_single", &broken) > 0);
    assert_true(found_by_bits("linear", &broken) > 0);
    broken.product = product_without_beta;
    /* Nothing is added to in one op on its own; a value used twice shows it. */
    struct trial trial;
    struct trial_result good, bad;
    trial_open_random(&trial, op_case_find("linear"), op_case_find("linear")->sizes[0], 7);
    assert_true(trial_run(&good, &trial,
                          &(struct run_options){.kernels = &sound, .tape = true, .twice = true}));
    assert_true(trial_run(&bad, &trial,
                          &(struct run_options){.kernels = &broken, .tape = true, .twice = true}));
    assert_true(compare_bits(&good, &bad, false, "") > 0);
    trial_result_close(&good);
    trial_result_close(&bad);
    trial_close(&trial);
}

static void broken_norms_are_caught(void **state)
{
    (void)state;
    struct kernels broken = sound;
    broken.layer_norm = norm_without_epsilon;
    assert_true(found_by_vectors("layer_norm_eps", &broken) > 0);
    assert_true(found_by_bits("layer_norm", &broken) > 0);
    broken = sound;
    broken.layer_norm_dx = norm_dx_without_one_row;
    assert_true(found_by_vectors("layer_norm", &broken) > 0);
    assert_true(found_by_differences("layer_norm", &broken) > 0);
}

static void broken_attention_is_caught(void **state)
{
    (void)state;
    struct kernels broken = sound;
    broken.attention = attention_with_another_scale;
    assert_true(found_by_vectors("attention", &broken) > 0);
    assert_true(found_by_vectors("attention_causal", &broken) > 0);
    assert_true(found_by_bits("attention_shared", &broken) > 0);
    broken = sound;
    broken.attention_backward = attention_backward_without_dv;
    assert_true(found_by_vectors("attention", &broken) > 0);
}

static void broken_elements_are_caught(void **state)
{
    (void)state;
    struct kernels broken = sound;
    broken.activate = gelu_of_another_kind;
    assert_true(found_by_vectors("gelu_erf", &broken) > 0);
    assert_int_equal(found_by_vectors("gelu_tanh", &broken), 0);
    broken.activate = relu_in_other_bits;
    assert_true(found_by_bits("relu", &broken) > 0);
}

static void broken_rows_are_caught(void **state)
{
    (void)state;
    struct kernels broken = sound;
    broken.pool = pool_off_by_one;
    assert_true(found_by_vectors("pooling_last", &broken) > 0);
    broken.cross_entropy = loss_of_the_ignored;
    assert_true(found_by_vectors("cross_entropy", &broken) > 0);
    broken.embed_dw = embedding_that_overwrites;
    assert_true(found_by_vectors("embedding", &broken) > 0);
}

static int open_sound(void **state)
{
    (void)state;
    kernel_set_open(&sound, kernel_set_count() - 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_kernels_pass),         cmocka_unit_test(broken_products_are_caught),
        cmocka_unit_test(broken_norms_are_caught),    cmocka_unit_test(broken_attention_is_caught),
        cmocka_unit_test(broken_elements_are_caught), cmocka_unit_test(broken_rows_are_caught),
    };
    return cmocka_run_group_tests(tests, open_sound, NULL);
}
