/* AdamW, the norm of the gradients and the schedules against torch and transformers; the same bits
 * on every kernel set and with any number of threads; broken kernels that must be seen. */
#include "test_kernels.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "models/safetensors.h"
#include "train/optimizer.h"
#include "train/schedule.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const cases[] = {"plain",    "clip",   "clip_rarely",
                                    "no_decay", "strong", "forgetful"};
enum { CASES = sizeof cases / sizeof *cases };

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

static struct safetensors *open_vectors(const char *name)
{
    char path[512];
    struct safetensors *file;
    snprintf(path, sizeof path, ASSAY_TEST_DATA "/optimizer/%s.safetensors", name);
    assert_int_equal(safetensors_open(&file, path, NULL), ASSAY_OK);
    return file;
}

static const struct safetensors_entry *entry_of(const struct safetensors *file, const char *kind,
                                                const char *name, enum dtype dtype)
{
    char full[200];
    snprintf(full, sizeof full, "%s%s", kind, name);
    const struct safetensors_entry *entry = safetensors_find(file, full);
    if (!entry)
        print_error("the vectors lack %s\n", full);
    assert_non_null(entry);
    assert_int_equal(entry->dtype, dtype);
    assert_true(entry->aligned);
    return entry;
}

static const double *doubles_of(const struct safetensors *file, const char *kind, const char *name)
{
    return entry_of(file, kind, name, DTYPE_F64)->data;
}

static double setting_of(const struct safetensors *file, const char *name)
{
    return *doubles_of(file, "param.", name);
}

/* One case of the vectors, ready to step. */
struct training {
    struct safetensors *file;
    struct parameter_set *set;
    struct optimizer *optimizer;
    const double *lr, *norms;
    double clip;
    int64_t updates, done;
};

static void training_open(struct training *t, const char *name)
{
    char file_name[64];
    snprintf(file_name, sizeof file_name, "adamw_%s", name);
    *t = (struct training){.file = open_vectors(file_name)};
    assert_int_equal(parameter_set_open(&t->set, NULL), ASSAY_OK);
    for (size_t i = 0; i < safetensors_count(t->file); i++) {
        const struct safetensors_entry *entry = safetensors_at(t->file, i);
        if (strncmp(entry->name, "p.", 2) == 0)
            assert_int_equal(parameter_set_add(t->set, entry->name + 2, entry->rank, entry->shape,
                                               entry->data, NULL),
                             ASSAY_OK);
    }
    assert_int_equal(parameter_set_count(t->set), 7);
    assert_int_equal(parameter_set_train(t->set, NULL, NULL, NULL), ASSAY_OK);
    struct optimizer_settings settings = {.beta1 = setting_of(t->file, "beta1"),
                                          .beta2 = setting_of(t->file, "beta2"),
                                          .epsilon = setting_of(t->file, "epsilon"),
                                          .weight_decay = setting_of(t->file, "weight_decay"),
                                          .average = setting_of(t->file, "average")};
    assert_int_equal(optimizer_open(&t->optimizer, t->set, &settings, NULL), ASSAY_OK);
    t->clip = setting_of(t->file, "clip");
    t->updates = entry_of(t->file, "lr", "", DTYPE_F64)->shape[0];
    t->lr = doubles_of(t->file, "lr", "");
    t->norms = doubles_of(t->file, "norm", "");
}

static void training_close(struct training *t)
{
    optimizer_close(t->optimizer);
    parameter_set_close(t->set);
    safetensors_close(t->file);
}

static void set_gradients(struct training *t)
{
    for (int64_t i = 0; i < parameter_set_count(t->set); i++) {
        struct parameter *parameter = parameter_set_get(t->set, i);
        int64_t count = tensor_count(&parameter->tensor);
        const float *all = entry_of(t->file, "g.", parameter->name, DTYPE_F32)->data;
        memcpy(parameter->gradient, all + t->done * count, (size_t)count * sizeof(float));
    }
}

/* Updates until `done` are made; returns how many norms were wrong. */
static int train_until(struct training *t, int64_t done, const struct kernels *kernels,
                       struct thread_pool *pool)
{
    const struct kernel_context context = {.threads = pool};
    int wrong = 0;
    for (; t->done < done; t->done++) {
        set_gradients(t);
        double norm = optimizer_norm(t->optimizer, kernels, &context);
        wrong += !(fabs(norm - t->norms[t->done]) <= 1e-12 * t->norms[t->done]);
        double factor = t->clip > 0.0 ? optimizer_clip(norm, t->clip) : 1.0;
        optimizer_step(t->optimizer, kernels, &context, t->lr[t->done], factor);
    }
    return wrong;
}

/* Norm of the difference over the norm of the expected values. */
static double error_of(const float *found, const double *expected, int64_t count)
{
    double difference = 0.0, size = 0.0;
    for (int64_t i = 0; i < count; i++) {
        difference += (found[i] - expected[i]) * (found[i] - expected[i]);
        size += expected[i] * expected[i];
    }
    return difference == 0.0 ? 0.0 : sqrt(difference / size);
}

static const float *in_run(const struct training *t, const struct parameter *parameter,
                           const float *run)
{
    int64_t count;
    return run + (parameter->gradient - parameter_set_gradients(t->set, &count));
}

/* How many of a case's tensors are not torch's after the last update. */
static int check_last(const struct training *t, double *worst, double *torch_worst)
{
    static const char *const kinds[] = {"m.", "v.", "average."};
    int wrong = 0;
    for (int64_t i = 0; i < parameter_set_count(t->set); i++) {
        const struct parameter *parameter = parameter_set_get(t->set, i);
        int64_t count = tensor_count(&parameter->tensor);
        const double *expected = doubles_of(t->file, "p_last.", parameter->name);
        double error = error_of(parameter->tensor.data, expected, count);
        *worst = fmax(*worst, error);
        wrong += !(error <= 1e-6);
        char rough[100];
        snprintf(rough, sizeof rough, "%s.f32", parameter->name);
        const float *torch = entry_of(t->file, "p_last.", rough, DTYPE_F32)->data;
        *torch_worst = fmax(*torch_worst, error_of(torch, expected, count));
        for (int array = 0; array < optimizer_array_count(t->optimizer); array++) {
            const float *run = optimizer_array_at(t->optimizer, array).values;
            expected = doubles_of(t->file, kinds[array], parameter->name);
            wrong += !(error_of(in_run(t, parameter, run), expected, count) <= 1e-6);
        }
    }
    return wrong;
}

/* Weights further from torch's than 1e-5 of the largest update and the rounding of the weight. */
static int check_first(const struct training *t)
{
    double largest = 0.0;
    int wrong = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < parameter_set_count(t->set); i++) {
            const struct parameter *parameter = parameter_set_get(t->set, i);
            const double *expected = doubles_of(t->file, "p_first.", parameter->name);
            const float *before = entry_of(t->file, "p.", parameter->name, DTYPE_F32)->data;
            const float *found = parameter->tensor.data;
            for (int64_t j = 0; j < tensor_count(&parameter->tensor); j++) {
                double allowed = 1e-5 * largest + 0.5 * FLT_EPSILON * fabs(expected[j]);
                if (pass == 0)
                    largest = fmax(largest, fabs(expected[j] - before[j]));
                else
                    wrong += !(fabs(found[j] - expected[j]) <= allowed);
            }
        }
    }
    return wrong + !(largest > 1e-5);
}

/* How many checks of one case fail with these kernels. */
static int check_case(const char *name, const struct kernels *kernels, bool tell)
{
    struct training t;
    double worst = 0.0, torch_worst = 0.0;
    training_open(&t, name);
    int wrong = train_until(&t, 1, kernels, NULL);
    wrong += check_first(&t);
    wrong += train_until(&t, t.updates, kernels, NULL);
    wrong += check_last(&t, &worst, &torch_worst);
    if (tell)
        print_message("%s: weights within %.1e after %d updates (torch's float32: %.1e)\n", name,
                      worst, (int)t.updates, torch_worst);
    training_close(&t);
    return wrong;
}

static void adamw_is_torch(void **state)
{
    (void)state;
    struct kernels kernels;
    for (int set = 0; set < kernel_set_count(); set++) {
        kernel_set_open(&kernels, set);
        for (int i = 0; i < CASES; i++)
            assert_int_equal(check_case(cases[i], &kernels, set == 0), 0);
    }
}

static struct kernels sound;

#define BROKEN(name, change)                                                                       \
    static void name(const struct kernel_context *context, const struct adamw *job)                \
    {                                                                                              \
        struct adamw other = *job;                                                                 \
        change;                                                                                    \
        sound.adamw(context, &other);                                                              \
    }
BROKEN(without_epsilon, other.epsilon = 0.0f)
BROKEN(without_decay, other.decay = 0.0f)
BROKEN(without_clip, other.factor = 1.0f)
BROKEN(without_bias2, other.root_factor = 1.0f)
BROKEN(without_average, other.average = NULL)
BROKEN(with_a_slow_m, other.m_rate *= 0.9999f)
BROKEN(with_a_slow_v, other.v_rate *= 0.9999f)
BROKEN(with_another_lr, other.step *= 1.0001f)
BROKEN(without_the_last, other.segments.count--)
#undef BROKEN

static void with_decay_everywhere(const struct kernel_context *context, const struct adamw *job)
{
    struct run_segment segments[8];
    struct adamw other = *job;
    assert_true(job->segments.count <= 8);
    for (int64_t i = 0; i < job->segments.count; i++) {
        segments[i] = job->segments.items[i];
        segments[i].decayed = true;
    }
    other.segments.items = segments;
    sound.adamw(context, &other);
}

static void squares_without_the_last(const struct kernel_context *context, double *blocks,
                                     const float *x, const struct run_segments *segments)
{
    struct run_segments other = *segments;
    other.count--;
    sound.sum_squares(context, blocks, x, &other);
}

static void broken_kernels_are_seen(void **state)
{
    (void)state;
    static const struct {
        void (*adamw)(const struct kernel_context *, const struct adamw *);
        const char *seen_in;
    } broken[] = {
        {without_epsilon, "strong"}, {without_decay, "strong"}, {with_decay_everywhere, "strong"},
        {without_clip, "clip"},      {without_bias2, "plain"},  {without_average, "no_decay"},
        {with_a_slow_m, "plain"},    {with_a_slow_v, "plain"},  {with_another_lr, "plain"},
        {without_the_last, "plain"},
    };
    struct kernels kernels;
    kernel_set_open(&sound, 0);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        kernels = sound;
        kernels.adamw = broken[i].adamw;
        if (!check_case(broken[i].seen_in, &kernels, false))
            fail_msg("broken kernel %d went unseen", (int)i);
    }
    kernels = sound;
    kernels.sum_squares = squares_without_the_last;
    assert_int_not_equal(check_case("plain", &kernels, false), 0);
}

/* A run of several blocks: tensors that end inside groups and blocks, one larger than two. */
static const int64_t large_shapes[][2] = {{1, 1},  {37, 1000}, {5, 3},   {1, 16384},
                                          {1, 17}, {2, 331},   {7, 4096}};
enum { LARGE = sizeof large_shapes / sizeof *large_shapes };

/* -.5 to .5 */
static float draw(uint64_t key, int tensor, int64_t at)
{
    uint64_t bits = random_mix(random_mix(key, (uint64_t)tensor), (uint64_t)at);
    return (float)(bits >> 40) * 0x1p-24f - 0.5f;
}

static struct parameter_set *open_large_set(void)
{
    struct parameter_set *set;
    assert_int_equal(parameter_set_open(&set, NULL), ASSAY_OK);
    for (int i = 0; i < LARGE; i++) {
        char name[32];
        snprintf(name, sizeof name, "tensor%d.%s", i, i % 3 ? "weight" : "bias");
        assert_int_equal(parameter_set_add(set, name, 2, large_shapes[i], NULL, NULL), ASSAY_OK);
    }
    assert_int_equal(parameter_set_train(set, NULL, NULL, NULL), ASSAY_OK);
    for (int i = 0; i < LARGE; i++) {
        struct parameter *parameter = parameter_set_get(set, i);
        float *values = parameter->tensor.data;
        for (int64_t j = 0; j < tensor_count(&parameter->tensor); j++)
            values[j] = draw(0, i, j);
    }
    return set;
}

/* Gradients of every size, with denormals and zeros among them. */
static void draw_large_gradients(struct parameter_set *set, uint64_t step)
{
    for (int i = 0; i < LARGE; i++) {
        struct parameter *parameter = parameter_set_get(set, i);
        for (int64_t j = 0; j < tensor_count(&parameter->tensor); j++) {
            float x = draw(1 + step, i, j);
            parameter->gradient[j] = j % 97 == 5    ? 1e-41f
                                     : j % 53 == 7  ? -0.0f
                                     : j % 101 == 3 ? x * 1e-18f
                                                    : x * ldexpf(1.0f, (int)(j % 24) - 16);
        }
    }
}

static bool in_a_tensor(const struct parameter_set *set, int64_t at)
{
    int64_t count;
    const float *gradients = parameter_set_gradients(set, &count);
    for (int64_t i = 0; i < parameter_set_count(set); i++) {
        const struct parameter *parameter = parameter_set_get(set, i);
        int64_t first = parameter->gradient - gradients;
        if (at >= first && at < first + tensor_count(&parameter->tensor))
            return true;
    }
    return false;
}

struct large_result {
    float *floats; /* the values, then the arrays of the state */
    int64_t count;
    double norms[4];
};

static void run_large(struct large_result *result, const struct kernels *kernels,
                      struct thread_pool *pool, bool poison_padding)
{
    struct parameter_set *set = open_large_set();
    struct optimizer_settings settings = optimizer_defaults;
    struct optimizer *optimizer;
    const struct kernel_context context = {.threads = pool};
    settings.average = 0.99;
    assert_int_equal(optimizer_open(&optimizer, set, &settings, NULL), ASSAY_OK);
    int64_t run;
    float *gradients = parameter_set_gradients(set, &run);
    assert_true(run > 4 * RUN_BLOCK);
    for (int64_t i = 0; poison_padding && i < run; i++)
        gradients[i] = in_a_tensor(set, i) ? 0.0f : 7.0f;
    for (int step = 0; step < 4; step++) {
        draw_large_gradients(set, (uint64_t)step);
        result->norms[step] = optimizer_norm(optimizer, kernels, &context);
        optimizer_step(optimizer, kernels, &context, 1e-3,
                       optimizer_clip(result->norms[step], 1.0));
    }
    result->count = run * 4;
    result->floats = malloc((size_t)result->count * sizeof(float));
    assert_non_null(result->floats);
    memcpy(result->floats, parameter_set_values(set, &run), (size_t)run * sizeof(float));
    assert_int_equal(optimizer_array_count(optimizer), 3);
    for (int i = 0; i < 3; i++) {
        struct optimizer_array array = optimizer_array_at(optimizer, i);
        assert_int_equal(array.count, run);
        memcpy(result->floats + (i + 1) * run, array.values, (size_t)run * sizeof(float));
    }
    for (int64_t i = 0; i < run; i++) {
        bool padding = !in_a_tensor(set, i);
        for (int64_t part = 0; part < 4; part++)
            assert_false(padding && result->floats[part * run + i] != 0.0f);
    }
    optimizer_close(optimizer);
    parameter_set_close(set);
}

static void assert_same_result(const struct large_result *a, const struct large_result *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->norms, b->norms, sizeof a->norms);
    assert_memory_equal(a->floats, b->floats, (size_t)a->count * sizeof(float));
}

static void sets_and_threads_agree(void **state)
{
    (void)state;
    struct large_result first, other;
    struct kernels kernels;
    kernel_set_open(&kernels, 0);
    run_large(&first, &kernels, NULL, false);
    assert_true(isfinite(first.norms[3]) && first.norms[3] > 1.0);
    if (kernel_set_count() == 1)
        print_message("this processor runs the plain set only: no sets are compared\n");
    for (int set = 0; set < kernel_set_count(); set++) {
        kernel_set_open(&kernels, set);
        for (int threads = 1; threads <= 3; threads++) {
            run_large(&other, &kernels, pools[threads], false);
            assert_same_result(&first, &other);
            free(other.floats);
        }
        run_large(&other, &kernels, pools[2], true);
        assert_same_result(&first, &other); /* whatever stands in the padding */
        free(other.floats);
    }
    free(first.floats);
}

/* Saved after 20 updates, restored into a new optimizer, the same bits as without. */
static void resuming_is_exact(void **state)
{
    (void)state;
    struct kernels kernels;
    cpu_kernels(&kernels, cpu_allowed());
    struct training whole, first, second;
    training_open(&whole, "clip_rarely");
    training_open(&first, "clip_rarely");
    training_open(&second, "clip_rarely");
    train_until(&whole, whole.updates, &kernels, NULL);
    train_until(&first, 20, &kernels, pools[2]);
    int64_t run;
    float *values = parameter_set_values(second.set, &run);
    memcpy(values, parameter_set_values(first.set, &run), (size_t)run * sizeof(float));
    for (int i = 0; i < optimizer_array_count(first.optimizer); i++) {
        struct optimizer_array from = optimizer_array_at(first.optimizer, i);
        struct optimizer_array to = optimizer_array_at(second.optimizer, i);
        assert_string_equal(from.name, to.name);
        memcpy(to.values, from.values, (size_t)to.count * sizeof(float));
    }
    assert_int_equal(optimizer_set_steps(second.optimizer, optimizer_steps(first.optimizer), NULL),
                     ASSAY_OK);
    second.done = 20;
    train_until(&second, second.updates, &kernels, NULL);
    assert_memory_equal(values, parameter_set_values(whole.set, &run), (size_t)run * sizeof(float));
    assert_int_equal(optimizer_steps(second.optimizer), whole.updates);
    assert_int_equal(optimizer_set_steps(second.optimizer, -1, NULL), ASSAY_ERROR_FORMAT);
    training_close(&whole);
    training_close(&first);
    training_close(&second);
}

static void exchanging_the_average(void **state)
{
    (void)state;
    struct kernels kernels;
    cpu_kernels(&kernels, cpu_allowed());
    struct training t;
    training_open(&t, "no_decay");
    train_until(&t, 5, &kernels, NULL);
    int64_t run;
    float *values = parameter_set_values(t.set, &run);
    float *average = optimizer_array_at(t.optimizer, 2).values;
    size_t bytes = (size_t)run * sizeof(float);
    float *before = malloc(2 * bytes);
    assert_non_null(before);
    memcpy(before, values, bytes);
    memcpy(before + run, average, bytes);
    assert_memory_not_equal(values, average, bytes);
    uint64_t version = parameter_set_get(t.set, 0)->tensor.version;
    optimizer_exchange_average(t.optimizer);
    assert_memory_equal(values, before + run, bytes);
    assert_memory_equal(average, before, bytes);
    assert_true(parameter_set_get(t.set, 0)->tensor.version != version);
    optimizer_exchange_average(t.optimizer);
    assert_memory_equal(values, before, bytes);
    training_close(&t);
    training_open(&t, "plain"); /* has none */
    values = parameter_set_values(t.set, &run);
    memcpy(before, values, (size_t)run * sizeof(float));
    optimizer_exchange_average(t.optimizer);
    assert_memory_equal(values, before, (size_t)run * sizeof(float));
    assert_int_equal(optimizer_array_count(t.optimizer), 2);
    free(before);
    training_close(&t);
}

static void bad_gradients_are_told(void **state)
{
    (void)state;
    static const float poison[] = {NAN, INFINITY, -INFINITY};
    for (int set = 0; set < kernel_set_count(); set++) {
        struct kernels kernels;
        const struct kernel_context context = {.threads = pools[2]};
        kernel_set_open(&kernels, set);
        for (int i = 0; i < 3; i++) {
            struct training t;
            training_open(&t, "clip");
            set_gradients(&t);
            int64_t run;
            const float *values = parameter_set_values(t.set, &run);
            float *copy = malloc((size_t)run * sizeof(float));
            assert_non_null(copy);
            memcpy(copy, values, (size_t)run * sizeof(float));
            parameter_set_get(t.set, 2)->gradient[3] = poison[i];
            double norm = optimizer_norm(t.optimizer, &kernels, &context);
            assert_true(i == 0 ? isnan(norm) && isnan(optimizer_clip(norm, 1.0))
                               : isinf(norm) && optimizer_clip(norm, 1.0) == 0.0);
            assert_memory_equal(values, copy, (size_t)run * sizeof(float));
            assert_int_equal(optimizer_steps(t.optimizer), 0);
            free(copy);
            training_close(&t);
        }
    }
    /* Squares beyond float32 are no reason to give up. */
    struct training t;
    struct kernels kernels;
    const struct kernel_context context = {0};
    cpu_kernels(&kernels, cpu_allowed());
    training_open(&t, "clip");
    parameter_set_get(t.set, 0)->gradient[0] = 3e30f;
    parameter_set_get(t.set, 1)->gradient[0] = 4e30f;
    double norm = optimizer_norm(t.optimizer, &kernels, &context);
    assert_true(fabs(norm - 5e30) < 1e-6 * 5e30);
    training_close(&t);
}

static void clipping(void **state)
{
    (void)state;
    assert_true(optimizer_clip(0.0, 1.0) == 1.0);
    assert_true(optimizer_clip(0.5, 1.0) == 1.0);
    assert_true(optimizer_clip(1.0, 1.0) == 1.0 / (1.0 + 1e-6));
    assert_true(optimizer_clip(4.0, 1.0) == 1.0 / (4.0 + 1e-6));
}

static void which_weights_decay(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int rank;
        bool decays;
    } rules[] = {
        {"encoder.query.weight", 2, true},
        {"encoder.query.bias", 1, false},
        {"LayerNorm.weight", 1, false},
        {"h.0.ln_1.weight", 1, false},
        {"LayerNorm.gamma", 1, false},
        {"bias", 2, false},
        {"a.bias", 2, false},
        {"unbias", 2, true},
        {"relative_bias.weight", 2, true},
        {"conv.weight", 4, true},
        {"ias", 2, true},
        {"scale", 0, false},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct parameter parameter = {.name = (char *)(uintptr_t)rules[i].name,
                                      .tensor = {.rank = rules[i].rank}};
        assert_int_equal(optimizer_decays(&parameter), rules[i].decays);
    }
}

static bool only_the_second(void *context, const struct parameter *parameter)
{
    (*(int *)context)++;
    return strcmp(parameter->name, "two") == 0;
}

/* A rule of the caller's; weights that are not trained are neither asked about nor moved. */
static void a_rule_of_ones_own(void **state)
{
    (void)state;
    static const float values[3] = {1.0f, 2.0f, 3.0f};
    const int64_t one = 1;
    struct parameter_set *set;
    struct optimizer *optimizer;
    struct optimizer_settings settings = optimizer_defaults;
    struct kernels kernels;
    const struct kernel_context context = {0};
    int asked = 0, chosen = 0;
    cpu_kernels(&kernels, cpu_allowed());
    settings.decays = only_the_second;
    settings.context = &asked;
    settings.weight_decay = 0.5;
    assert_int_equal(parameter_set_open(&set, NULL), ASSAY_OK);
    assert_int_equal(optimizer_open(&optimizer, set, &settings, NULL), ASSAY_ERROR_ARGUMENT);
    assert_null(optimizer);
    parameter_set_add(set, "one", 1, &one, &values[0], NULL);
    parameter_set_add(set, "two", 1, &one, &values[1], NULL);
    assert_int_equal(parameter_set_train(set, only_the_second, &chosen, NULL), ASSAY_OK);
    assert_int_equal(optimizer_open(&optimizer, set, &settings, NULL), ASSAY_OK);
    assert_int_equal(asked, 1);
    optimizer_step(optimizer, &kernels, &context, 0.5, 1.0);
    assert_true(*(const float *)parameter_set_get(set, 0)->tensor.data == 1.0f);
    assert_true(*(const float *)parameter_set_get(set, 1)->tensor.data == 1.5f);
    optimizer_close(optimizer);
    optimizer_close(NULL);
    parameter_set_close(set);
}

static void settings_are_checked(void **state)
{
    (void)state;
    struct parameter_set *set = open_large_set();
    struct optimizer *optimizer;
    assay_error error;
    static const double wrong[] = {-0.1, 1.0, NAN, INFINITY, -INFINITY};
    for (int field = 0; field < 5; field++) {
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            struct optimizer_settings settings = optimizer_defaults;
            double *fields[] = {&settings.beta1, &settings.beta2, &settings.average,
                                &settings.epsilon, &settings.weight_decay};
            if (field >= 3 && wrong[i] == 1.0)
                continue;
            *fields[field] = wrong[i];
            assert_int_equal(optimizer_open(&optimizer, set, &settings, &error),
                             ASSAY_ERROR_ARGUMENT);
            assert_null(optimizer);
            assert_true(error.place[0] && error.expected[0] && error.found[0]);
        }
    }
    struct optimizer_settings settings = optimizer_defaults;
    settings.average = 0.5;
    int failures = 0;
    for (uint64_t nth = 1;; nth++) {
        memory_fail_at(nth);
        assay_status status = optimizer_open(&optimizer, set, &settings, NULL);
        memory_fail_at(0);
        if (!status)
            break;
        assert_int_equal(status, ASSAY_ERROR_MEMORY);
        assert_null(optimizer);
        failures++;
    }
    assert_int_equal(failures, 6);
    optimizer_close(optimizer);
    parameter_set_close(set);
}

static void schedules_are_those_of_transformers(void **state)
{
    (void)state;
    struct safetensors *file = open_vectors("schedules");
    double lr = *doubles_of(file, "lr", "");
    int seen = 0;
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const struct safetensors_entry *entry = safetensors_at(file, i);
        char kind[32];
        long long warmup, steps;
        if (sscanf(entry->name, "%31[a-z].%lld.%lld", kind, &warmup, &steps) != 3)
            continue;
        struct schedule schedule = {.lr = lr, .warmup = warmup, .steps = steps};
        assert_true(schedule_kind_find(&schedule.kind, kind));
        assert_string_equal(schedule_kind_name(schedule.kind), kind);
        const double *expected = entry->data;
        for (int64_t step = 0; step < entry->shape[0]; step++) {
            double found = schedule_rate(&schedule, step);
            if (!(fabs(found - expected[step]) <= 1e-12 * lr))
                fail_msg("%s at %d: %.17g, not %.17g", entry->name, (int)step, found,
                         expected[step]);
        }
        seen++;
    }
    assert_int_equal(seen, 24);
    safetensors_close(file);
    enum schedule_kind kind;
    assert_false(schedule_kind_find(&kind, "linea"));
    assert_null(schedule_kind_name((enum schedule_kind)3));
}

static void warm_up_in_steps(void **state)
{
    (void)state;
    static const struct {
        double warmup;
        int64_t steps, expected; /* -1: refused */
    } rows[] = {{0.0, 40, 0},  {0.1, 40, 4},    {0.1, 41, 5},     {0.999, 3, 3},
                {1.0, 40, 1},  {12.0, 40, 12},  {100.0, 40, 100}, {-0.1, 40, -1},
                {NAN, 40, -1}, {1e300, 40, -1}, {0.1, -1, -1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t found = -1;
        assert_int_equal(schedule_warmup(&found, rows[i].warmup, rows[i].steps),
                         rows[i].expected >= 0);
        assert_int_equal(found, rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adamw_is_torch),
        cmocka_unit_test(broken_kernels_are_seen),
        cmocka_unit_test(sets_and_threads_agree),
        cmocka_unit_test(resuming_is_exact),
        cmocka_unit_test(exchanging_the_average),
        cmocka_unit_test(bad_gradients_are_told),
        cmocka_unit_test(clipping),
        cmocka_unit_test(which_weights_decay),
        cmocka_unit_test(a_rule_of_ones_own),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(schedules_are_those_of_transformers),
        cmocka_unit_test(warm_up_in_steps),
    };
    return cmocka_run_group_tests(tests, open_pools, close_pools);
}
