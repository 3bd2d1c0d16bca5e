/* A small encoder with everything that a real one has, for the tests of graphs: its weights, its
 * one batch of three rows, and how it is built. setup and teardown for cmocka.
 */
#ifndef ASSAY_TESTS_GRAPH_FIXTURE_H
#define ASSAY_TESTS_GRAPH_FIXTURE_H

#include "tensor/ops.h"

enum { TOKENS = 10, WIDTH = 12, ROWS = 3, WORDS = 20, CLASSES = 3, HEADS = 2 };
enum { WEIGHTS = 12, MOST_VALUES = 4096 };

extern const int32_t offsets[ROWS + 1], ids[TOKENS], labels[ROWS];
extern const struct row_layout layout;
extern const float seed[ROWS];

struct fixture {
    struct kernels kernels;
    struct parameter_set *set;
    struct graph *graph;
    float *values; /* of all weights */
    assay_error error;
};

struct weight {
    const char *name;
    int rank;
    int64_t shape[2];
};

extern const struct weight weights[WEIGHTS];
int64_t weight_count(const struct weight *weight);

int open_fixture(void **state);
int close_fixture(void **state);
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)

struct graph_options plain_options(const struct fixture *f);
struct graph_options tape_options(const struct fixture *f);

struct heads {
    struct value *hidden, *logits, *loss;
};

struct heads build_model(struct graph *graph);

#endif
