/* Graphs: memory by lifetimes, the tape, hooks, the shapes-only device. */
#include "test_kernels.h"

#include "base/memory.h"
#include "graph_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void run(struct fixture *f, bool backward)
{
    if (graph_plan(f->graph, NULL, &f->error) != ASSAY_OK)
        print_message("%s: %s\n", f->error.place, f->error.message);
    assert_int_equal(f->error.status, ASSAY_OK);
    assert_int_equal(graph_forward(f->graph, &f->error), ASSAY_OK);
    if (backward)
        assert_int_equal(graph_backward(f->graph, &f->error), ASSAY_OK);
}

/* One training pass; logits and all gradients are copied out. */
static int64_t train_pass(struct fixture *f, float *logits, float *gradients)
{
    struct graph_options options = tape_options(f);
    graph_reset(f->graph, &options);
    struct heads heads = build_model(f->graph);
    graph_seed(f->graph, heads.loss, seed);
    run(f, true);
    int64_t count;
    const float *run_of = parameter_set_gradients(f->set, &count);
    assert_true(count <= MOST_VALUES);
    memcpy(logits, heads.logits->tensor.data, ROWS * CLASSES * sizeof(float));
    memcpy(gradients, run_of, (size_t)count * sizeof(float));
    return count;
}

/* Sharing memory by lifetime changes no bit: the same model with every tensor kept. */
static void memory_plan_overlaps_nothing(void **state)
{
    struct fixture *f = *state;
    static float logits[2][ROWS * CLASSES], gradients[2][MOST_VALUES];
    struct graph_cost shared, apart;
    assert_int_equal(parameter_set_train(f->set, NULL, NULL, NULL), ASSAY_OK);
    int64_t count = train_pass(f, logits[0], gradients[0]);
    int64_t moved = 0;
    for (int64_t i = 0; i < count; i++)
        moved += gradients[0][i] != 0.0f;
    assert_true(moved > count / 2);
    struct graph_options options = tape_options(f);
    graph_reset(f->graph, &options);
    build_model(f->graph);
    assert_int_equal(graph_plan(f->graph, &shared, NULL), ASSAY_OK);

    /* Every place and its gradient lives to the end. */
    assert_int_equal(graph_keep(f->graph, "*", true, NULL), ASSAY_OK);
    train_pass(f, logits[1], gradients[1]);
    assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
    assert_memory_equal(gradients[0], gradients[1], (size_t)count * sizeof(float));
    graph_reset(f->graph, &options);
    build_model(f->graph);
    assert_int_equal(graph_plan(f->graph, &apart, NULL), ASSAY_OK);
    assert_true(shared.activation_bytes < apart.activation_bytes);
    /* And again with the memory full of NaN: nothing is read that was not written. */
    graph_close(f->graph);
    assert_int_equal(graph_open(&f->graph, NULL), ASSAY_OK);
    graph_reset(f->graph, &options);
    struct heads heads = build_model(f->graph);
    graph_seed(f->graph, heads.loss, seed);
    assert_int_equal(graph_plan(f->graph, &shared, NULL), ASSAY_OK);
    int64_t run_count;
    float *run_of = parameter_set_gradients(f->set, &run_count);
    memset(run_of, 0xff, (size_t)run_count * sizeof(float));
    memset((char *)heads.loss->tensor.data - heads.loss->offset, 0xff, shared.activation_bytes);
    assert_int_equal(graph_forward(f->graph, NULL), ASSAY_OK);
    assert_int_equal(graph_backward(f->graph, NULL), ASSAY_OK);
    assert_memory_equal(logits[0], heads.logits->tensor.data, sizeof logits[0]);
    for (int i = 0; i < WEIGHTS; i++) {
        /* The room between two weights belongs to none. */
        const struct parameter *parameter = parameter_set_find(f->set, weights[i].name);
        int64_t at = parameter->gradient - run_of;
        assert_memory_equal(gradients[0] + at, parameter->gradient,
                            (size_t)weight_count(&weights[i]) * sizeof(float));
    }
}

static bool choose_classifier(void *context, const struct parameter *parameter)
{
    (void)context;
    return !strncmp(parameter->name, "classifier", 10);
}

/* Frozen below the classifier: kept gradients of hidden places are computed all the same, and are
 * the ones of the graph where all is trained. */
static void gradients_of_frozen_places(void **state)
{
    struct fixture *f = *state;
    float frozen[TOKENS * WIDTH];
    assert_int_equal(parameter_set_train(f->set, choose_classifier, NULL, NULL), ASSAY_OK);
    assert_int_equal(graph_keep(f->graph, "layer.1", true, NULL), ASSAY_OK);
    struct graph_options options = tape_options(f);
    graph_reset(f->graph, &options);
    struct heads heads = build_model(f->graph);
    graph_seed(f->graph, heads.loss, seed);
    run(f, true);
    struct value *kept = graph_find(f->graph, "layer.1");
    assert_non_null(kept);
    assert_non_null(kept->gradient);
    memcpy(frozen, kept->gradient, sizeof frozen);
    double size = 0.0;
    for (int i = 0; i < TOKENS * WIDTH; i++)
        size += fabs((double)frozen[i]);
    assert_true(size > 1e-3);
    assert_null(graph_find(f->graph, "layer.7"));
    assert_null(graph_find(f->graph, "layer.0")->gradient);

    struct fixture all = *f;
    assert_int_equal(parameter_set_open(&all.set, NULL), ASSAY_OK);
    int64_t at = 0;
    for (int i = 0; i < WEIGHTS; i++) {
        assert_int_equal(parameter_set_add(all.set, weights[i].name, weights[i].rank,
                                           weights[i].shape, f->values + at, NULL),
                         ASSAY_OK);
        at += weight_count(&weights[i]);
    }
    assert_int_equal(parameter_set_train(all.set, NULL, NULL, NULL), ASSAY_OK);
    options = tape_options(&all);
    graph_reset(f->graph, &options);
    heads = build_model(f->graph);
    graph_seed(f->graph, heads.loss, seed);
    run(f, true);
    assert_memory_equal(frozen, graph_find(f->graph, "layer.1")->gradient, sizeof frozen);
    parameter_set_close(all.set);
}

/* Weights that a graph does not reach have zero gradients, or keep theirs when accumulating. */
static void unreached_weights(void **state)
{
    struct fixture *f = *state;
    float logits[ROWS * CLASSES];
    static float gradients[MOST_VALUES], doubled[MOST_VALUES];
    assert_int_equal(parameter_set_train(f->set, NULL, NULL, NULL), ASSAY_OK);
    struct parameter *unused = parameter_set_find(f->set, "unused.weight");
    for (int i = 0; i < 25; i++)
        unused->gradient[i] = 3.0f;
    int64_t count = train_pass(f, logits, gradients);
    for (int i = 0; i < 25; i++)
        assert_true(unused->gradient[i] == 0.0f);
    unused->gradient[3] = 3.0f;

    struct graph_options options = tape_options(f);
    options.accumulate = true;
    graph_reset(f->graph, &options);
    struct heads heads = build_model(f->graph);
    graph_seed(f->graph, heads.loss, seed);
    run(f, true);
    assert_true(unused->gradient[3] == 3.0f);
    unused->gradient[3] = 0.0f;
    memcpy(doubled, parameter_set_gradients(f->set, &count), (size_t)count * sizeof(float));
    for (int64_t i = 0; i < count; i++)
        assert_true(fabsf(doubled[i] - 2.0f * gradients[i]) <= 1e-5f + 1e-5f * fabsf(doubled[i]));
}

/* A seed in the middle, with another one below: the gradients are summed, and the caller's memory
 * is left alone. */
static void seeds_are_only_read(void **state)
{
    struct fixture *f = *state;
    static float sums[3][MOST_VALUES];
    float inner[TOKENS * WIDTH], copy[TOKENS * WIDTH];
    for (int i = 0; i < TOKENS * WIDTH; i++)
        copy[i] = inner[i] = cosf((float)i);
    assert_int_equal(parameter_set_train(f->set, NULL, NULL, NULL), ASSAY_OK);
    int64_t count = 0;
    for (int turn = 0; turn < 3; turn++) {
        struct graph_options options = tape_options(f);
        graph_reset(f->graph, &options);
        struct heads heads = build_model(f->graph);
        if (turn != 1)
            graph_seed(f->graph, heads.loss, seed);
        if (turn != 0)
            graph_seed(f->graph, heads.hidden, inner);
        run(f, true);
        memcpy(sums[turn], parameter_set_gradients(f->set, &count), MOST_VALUES);
        memcpy(sums[turn], parameter_set_gradients(f->set, &count), (size_t)count * sizeof(float));
        assert_memory_equal(inner, copy, sizeof inner);
    }
    for (int64_t i = 0; i < count; i++)
        assert_true(fabsf(sums[0][i] + sums[1][i] - sums[2][i]) <=
                    1e-4f + 1e-4f * fabsf(sums[2][i]));
}

struct hook {
    int seen;
    const char *replace;
};

/* Doubles the output of one place. */
static struct value *double_place(void *context, struct graph *graph, enum place_kind kind,
                                  const char *place, struct value *input, struct value *output)
{
    struct hook *hook = context;
    hook->seen++;
    assert_non_null(input);
    assert_true(kind <= PLACE_VALUE);
    return !strcmp(place, hook->replace) ? op_add(graph, output, output) : output;
}

static void hooks_replace_outputs(void **state)
{
    struct fixture *f = *state;
    float before[ROWS * CLASSES];
    struct hook hook = {0, "classifier"};
    struct graph_options options = plain_options(f);
    graph_reset(f->graph, &options);
    struct heads heads = build_model(f->graph);
    run(f, false);
    memcpy(before, heads.logits->tensor.data, sizeof before);
    graph_attach(f->graph, double_place, &hook);
    graph_reset(f->graph, &options);
    heads = build_model(f->graph);
    run(f, false);
    /* embeddings, then qkv, attention, norm, up, down and the layer three times, classifier. */
    assert_int_equal(hook.seen, 1 + 3 * 6 + 1);
    const float *after = heads.logits->tensor.data;
    for (int i = 0; i < ROWS * CLASSES; i++)
        assert_true(after[i] == 2.0f * before[i]);
    graph_attach(f->graph, NULL, NULL);
    graph_reset(f->graph, &options);
    heads = build_model(f->graph);
    run(f, false);
    assert_memory_equal(before, heads.logits->tensor.data, sizeof before);
}

static void not_a_number_passes(void **state)
{
    struct fixture *f = *state;
    f->values[ids[4] * WIDTH] = NAN; /* an embedding of the row in the middle */
    struct graph_options options = plain_options(f);
    graph_reset(f->graph, &options);
    struct heads heads = build_model(f->graph);
    run(f, false);
    const float *logits = heads.logits->tensor.data;
    for (int i = 0; i < ROWS * CLASSES; i++)
        /* Word 5 stands in the second and, once more, in the third row. */
        assert_int_equal(isnan(logits[i]) != 0, i >= CLASSES);
}

/* The same function counts memory and operations where there are no data at all. */
static void shapes_only_counts(void **state)
{
    struct fixture *f = *state;
    struct graph_cost real, counted;
    struct parameter_set *set;
    assert_int_equal(parameter_set_open(&set, NULL), ASSAY_OK);
    for (int i = 0; i < WEIGHTS; i++)
        assert_int_equal(
            parameter_set_add(set, weights[i].name, weights[i].rank, weights[i].shape, NULL, NULL),
            ASSAY_OK);
    struct graph_options options = plain_options(f);
    graph_reset(f->graph, &options);
    build_model(f->graph);
    assert_int_equal(graph_plan(f->graph, &real, NULL), ASSAY_OK);
    options.device = DEVICE_SHAPES;
    options.parameters = set;
    graph_reset(f->graph, &options);
    build_model(f->graph);
    assert_int_equal(graph_plan(f->graph, &counted, &f->error), ASSAY_OK);
    assert_int_equal(real.activation_bytes, counted.activation_bytes);
    assert_int_equal(real.nodes, counted.nodes);
    assert_true(real.forward_operations == counted.forward_operations);
    double linear = 2.0 * TOKENS * WIDTH * (3 * WIDTH + 2 * WIDTH + 2 * WIDTH);
    double attention = 4.0 * (16 + 1 + 25) * WIDTH;
    assert_true(counted.forward_operations ==
                3 * (linear + attention) + 2.0 * ROWS * WIDTH * CLASSES);
    assert_int_equal(graph_forward(f->graph, &f->error), ASSAY_ERROR_ARGUMENT);
    /* The same weights without data on a device that computes. */
    options.device = DEVICE_CPU;
    graph_reset(f->graph, &options);
    build_model(f->graph);
    assert_int_equal(graph_plan(f->graph, NULL, &f->error), ASSAY_ERROR_ARGUMENT);
    parameter_set_close(set);
}

static void what_has_no_backward_is_refused(void **state)
{
    struct fixture *f = *state;
    static const float data[TOKENS * WIDTH];
    assert_int_equal(parameter_set_train(f->set, NULL, NULL, NULL), ASSAY_OK);
    struct graph_options options = tape_options(f);
    graph_reset(f->graph, &options);
    struct value *x = graph_input(f->graph, DTYPE_F32, 2, (const int64_t[]){TOKENS, WIDTH}, data);
    struct value *targets = graph_input(f->graph, DTYPE_I32, 1, (const int64_t[]){TOKENS}, ids);
    struct vocabulary_options vocabulary = {.scoring = {x, "embeddings.weight", NULL},
                                            .targets = targets,
                                            .scores =
                                                1u << SCORE_CROSS_ENTROPY | 1u << SCORE_ENTROPY};
    struct value *scores[SCORE_COUNT];
    assert_true(op_vocabulary(f->graph, "head", &vocabulary, scores));
    graph_seed(f->graph, scores[SCORE_ENTROPY], data);
    assert_int_equal(graph_plan(f->graph, NULL, &f->error), ASSAY_ERROR_UNSUPPORTED);

    /* Columns that no gradient would reach. */
    graph_reset(f->graph, &options);
    x = graph_input(f->graph, DTYPE_F32, 2, (const int64_t[]){TOKENS, WIDTH}, data);
    graph_watch(f->graph, x);
    struct attention_options attention = {.heads = 1, .scale = 1.0f, .k_column = 4, .v_column = 4};
    op_attention(f->graph, "attention", x, x, x, 4, &layout, &layout, &attention);
    assert_int_equal(graph_plan(f->graph, NULL, &f->error), ASSAY_ERROR_UNSUPPORTED);
}

/* The sampling head and class weights are held: a gradient that came from them would be garbage. */
static void held_inputs_get_no_gradient(void **state)
{
    struct fixture *f = *state;
    static float data[TOKENS * WIDTH];
    static const float zeros[TOKENS];
    for (int i = 0; i < TOKENS * WIDTH; i++)
        data[i] = sinf((float)i);
    assert_int_equal(parameter_set_train(f->set, NULL, NULL, NULL), ASSAY_OK);
    int64_t count;
    float *gradients = parameter_set_gradients(f->set, &count);
    for (int64_t i = 0; i < count; i++)
        gradients[i] = 7.0f;
    struct graph_options options = tape_options(f);
    graph_reset(f->graph, &options);
    struct value *x = graph_input(f->graph, DTYPE_F32, 2, (const int64_t[]){TOKENS, WIDTH}, data);
    struct value *q = op_linear(f->graph, "up", WEIGHT_OUT_IN, 2 * WIDTH, x);
    struct vocabulary_options vocabulary = {.scoring = {x, "qkv.weight", NULL},
                                            .sampling = {q, "down.weight", NULL},
                                            .scores = 1u << SCORE_KL};
    struct value *scores[SCORE_COUNT];
    /* 36 words against 12: the heads must agree. */
    assert_false(op_vocabulary(f->graph, "head", &vocabulary, scores));
    graph_reset(f->graph, &options);
    x = graph_input(f->graph, DTYPE_F32, 2, (const int64_t[]){TOKENS, WIDTH}, data);
    struct value *p = op_linear(f->graph, "classifier", WEIGHT_OUT_IN, CLASSES, x);
    vocabulary.scoring = (struct vocabulary_head){x, "embeddings.weight", NULL};
    vocabulary.sampling = (struct vocabulary_head){x, "embeddings.weight", NULL};
    assert_true(op_vocabulary(f->graph, "head", &vocabulary, scores));
    struct value *kl = scores[SCORE_KL];
    struct value *narrow = graph_input(f->graph, DTYPE_F32, 2, (const int64_t[]){TOKENS, 4}, data);
    graph_watch(f->graph, narrow);
    vocabulary.sampling = (struct vocabulary_head){narrow, "sampling.weight", NULL};
    assert_true(op_vocabulary(f->graph, "other_head", &vocabulary, scores));
    struct value *targets = graph_input(f->graph, DTYPE_I32, 1, (const int64_t[]){TOKENS},
                                        (const int32_t[]){0, 1, 2, 0, 1, 2, 0, 1, 2, 0});
    struct value *loss = op_cross_entropy(
        f->graph, p, targets, graph_weight(f->graph, "classifier.bias", -1, NULL), 0.0f);
    graph_seed(f->graph, loss, data);
    graph_seed(f->graph, kl, data);
    graph_seed(f->graph, scores[SCORE_KL], zeros);
    run(f, true);
    /* p's bias is reached through p alone, and "up" not at all. */
    const struct parameter *up = parameter_set_find(f->set, "up.weight");
    for (int i = 0; i < 2 * WIDTH * WIDTH; i++)
        assert_true(up->gradient[i] == 0.0f);
    const struct parameter *sampling = parameter_set_find(f->set, "sampling.weight");
    for (int i = 0; i < 4 * WORDS; i++)
        assert_true(sampling->gradient[i] == 0.0f);
    assert_null(narrow->gradient);
    const struct parameter *table = parameter_set_find(f->set, "embeddings.weight");
    for (int i = 0; i < WORDS * WIDTH; i++)
        assert_true(fabsf(table->gradient[i]) < 1e-5f); /* KL of p with itself is at rest */
    const struct parameter *bias = parameter_set_find(f->set, "classifier.bias");
    for (int i = 0; i < CLASSES; i++)
        assert_true(bias->gradient[i] != 7.0f && isfinite(bias->gradient[i]));
}

/* Every allocation of a pass may fail: an error comes back and nothing is lost. */
static void memory_may_run_out(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parameter_set_train(f->set, NULL, NULL, NULL), ASSAY_OK);
    int failed = 0;
    for (uint64_t nth = 1; nth < 400; nth++) {
        struct graph *graph = NULL;
        assay_error error = {0};
        struct graph_options options = tape_options(f);
        memory_fail_at(nth);
        assay_status status = graph_open(&graph, &error);
        if (status == ASSAY_OK) {
            graph_reset(graph, &options);
            struct heads heads = build_model(graph);
            graph_seed(graph, heads.loss, seed);
            status = graph_plan(graph, NULL, &error);
        }
        memory_fail_at(0);
        assert_true(status == ASSAY_OK || error.status == status);
        if (status != ASSAY_OK)
            failed++;
        else
            assert_int_equal(graph_forward(graph, NULL), ASSAY_OK);
        graph_close(graph);
        if (status == ASSAY_OK)
            break;
    }
    assert_true(failed > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(memory_plan_overlaps_nothing),
        WITH_FIXTURE(gradients_of_frozen_places),
        WITH_FIXTURE(unreached_weights),
        WITH_FIXTURE(seeds_are_only_read),
        WITH_FIXTURE(hooks_replace_outputs),
        WITH_FIXTURE(not_a_number_passes),
        WITH_FIXTURE(shapes_only_counts),
        WITH_FIXTURE(what_has_no_backward_is_refused),
        WITH_FIXTURE(held_inputs_get_no_gradient),
        WITH_FIXTURE(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
