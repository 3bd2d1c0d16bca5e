/* Where the time of a graph goes: entries, operations and bits. */
#include "test_kernels.h"

#include "base/process.h"
#include "graph_fixture.h"

#include <stdio.h>
#include <string.h>

static const struct profile_entry *find(const struct profile *profile, const char *name,
                                        enum profile_part part)
{
    for (int i = 0; i < profile->count; i++) {
        if (profile->entries[i].part == part && !strcmp(profile->entries[i].name, name))
            return &profile->entries[i];
    }
    return NULL;
}

/* Forward and backward; the gradients are copied out. */
static int64_t train_pass(struct fixture *f, struct profile *profile, float *gradients,
                          struct graph_cost *cost)
{
    struct graph_options options = tape_options(f);
    options.profile = profile;
    graph_reset(f->graph, &options);
    struct heads heads = build_model(f->graph);
    graph_seed(f->graph, heads.loss, seed);
    assert_int_equal(graph_plan(f->graph, cost, NULL), ASSAY_OK);
    assert_int_equal(graph_forward(f->graph, NULL), ASSAY_OK);
    assert_int_equal(graph_backward(f->graph, NULL), ASSAY_OK);
    int64_t count;
    const float *run_of = parameter_set_gradients(f->set, &count);
    assert_true(count <= MOST_VALUES);
    memcpy(gradients, run_of, (size_t)count * sizeof(float));
    return count;
}

static void every_node_is_counted_once(void **state)
{
    struct fixture *f = *state;
    static float plain[MOST_VALUES], profiled[MOST_VALUES];
    struct profile profile = {0};
    struct graph_cost cost;
    assert_int_equal(parameter_set_train(f->set, NULL, NULL, NULL), ASSAY_OK);
    int64_t count = train_pass(f, NULL, plain, &cost);
    double began = process_now();
    train_pass(f, &profile, profiled, &cost);
    double took = process_now() - began;
    assert_memory_equal(plain, profiled, (size_t)count * sizeof(float));

    assert_true(profile_seconds(&profile) > 0.0 && profile_seconds(&profile) <= took);
    double counted = cost.forward_operations + cost.backward_operations;
    double found = profile_operations(&profile);
    assert_true(found > counted * (1 - 1e-12) && found < counted * (1 + 1e-12));

    /* Three layers of three linear ops, and the classifier. */
    const struct profile_entry *entry = find(&profile, "linear", PROFILE_FORWARD);
    assert_non_null(entry);
    assert_int_equal(entry->calls, 10);
    assert_true(entry->operations > 0.0);
    assert_int_equal(find(&profile, "linear", PROFILE_BACKWARD_WEIGHT)->calls, 10);
    assert_int_equal(find(&profile, "linear", PROFILE_BACKWARD_X)->calls, 10);
    assert_int_equal(find(&profile, "attention", PROFILE_FORWARD)->calls, 3);
    assert_int_equal(find(&profile, "attention", PROFILE_BACKWARD)->calls, 3);
    assert_int_equal(find(&profile, "add", PROFILE_FORWARD)->calls, 6);
    assert_non_null(find(&profile, "linear", PROFILE_PACKING));
    /* What an op split leaves no rest under the whole of its backward. */
    assert_null(find(&profile, "linear", PROFILE_BACKWARD));

    /* A second run adds up. */
    train_pass(f, &profile, profiled, &cost);
    assert_int_equal(find(&profile, "linear", PROFILE_FORWARD)->calls, 20);
    profile_clear(&profile);
    assert_int_equal(profile.count, 0);
}

static void a_full_table_loses_no_time(void **state)
{
    (void)state;
    static char names[2 * PROFILE_ENTRIES][16];
    struct profile profile = {0};
    for (int i = 0; i < 2 * PROFILE_ENTRIES; i++) {
        snprintf(names[i], sizeof names[i], "op %d", i);
        profile_add(&profile, names[i], PROFILE_WHOLE, 1.0, 2.0);
    }
    assert_int_equal(profile.count, PROFILE_ENTRIES);
    assert_true(profile_seconds(&profile) == 2.0 * PROFILE_ENTRIES);
    assert_true(profile_operations(&profile) == 4.0 * PROFILE_ENTRIES);
    assert_string_equal(profile.entries[PROFILE_ENTRIES - 1].name, "other ops");
}

static void nothing_is_read_without_one(void **state)
{
    (void)state;
    assert_true(profile_begin(NULL) == 0.0);
    profile_end(NULL, "nothing", 0.0);
    struct profile profile = {0};
    double began = profile_begin(&profile);
    assert_true(began > 0.0);
    profile_end(&profile, "something", began);
    assert_int_equal(find(&profile, "something", PROFILE_WHOLE)->calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(every_node_is_counted_once),
        cmocka_unit_test(a_full_table_loses_no_time),
        cmocka_unit_test(nothing_is_read_without_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
