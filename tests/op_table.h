/* One table of ops, and trials of them. A trial is a set of named tensors for one case, read from a
 * vector file or drawn at random; running it builds the graph of the case and yields the outputs
 * and every gradient. The table drives the reference vectors, finite differences, equality of bits
 * and the benchmark.
 *
 * A trial owns its tensors; a result owns its copies. Tensors and outputs say along which axis they
 * run, so that a trial can be cut down to one row. Not for sharing between threads.
 */
#ifndef ASSAY_TESTS_OP_TABLE_H
#define ASSAY_TESTS_OP_TABLE_H

#include "base/arena.h"
#include "tensor/ops.h"

enum axis { AXIS_NONE, AXIS_TOKENS, AXIS_KEYS, AXIS_ROWS };

enum { TRIAL_TENSORS = 48, TRIAL_USES = 4, TRIAL_OUTPUTS = 7, TRIAL_SIZES = 6 };

struct trial_tensor {
    const char *name;
    int rank;
    int64_t shape[TENSOR_MAX_RANK];
    int64_t count;
    enum axis axis;
    float *floats;     /* what the op reads, or */
    int32_t *integers; /* ids, offsets, targets, or */
    double *expected;  /* what the reference says; also settings */
};

struct trial {
    const struct op_case *op;
    struct arena arena;
    struct trial_tensor tensors[TRIAL_TENSORS];
    int count;
    struct row_layout queries, keys;
    uint64_t draws; /* state of the generator of inputs */
};

/* The graph under construction, as a case's build function sees it. */
struct scene {
    const struct trial *trial;
    struct graph *graph;
    struct value *uses[TRIAL_USES];
    struct value *outputs[TRIAL_OUTPUTS];
};

/* A tensor that has a gradient: an input, or the weight of that name. */
struct use {
    const char *tensor, *weight;
};

struct op_case {
    const char *name, *file; /* file NULL: no reference vectors */
    const char *suffix;      /* of the gradients' names */
    struct use uses[TRIAL_USES];
    const char *outputs[TRIAL_OUTPUTS];
    enum axis output_axis;
    int seeded; /* the output that dy belongs to */
    void (*build)(struct scene *scene);
    /* Adds random tensors: rows of text and up to four sizes of the case's own meaning. */
    void (*draw)(struct trial *trial, const int64_t *sizes);
    int64_t sizes[TRIAL_SIZES][5]; /* a row of zeros ends the list; [0] counts rows */
    double forward_tolerance, backward_tolerance;
    float dropout;  /* the graph trains, with this rate */
    bool alone_not; /* a row alone is not defined */
};

extern const struct op_case op_cases[];
extern const int op_case_count;
const struct op_case *op_case_find(const char *name);

bool trial_open_vectors(struct trial *trial, const struct op_case *op);
void trial_open_random(struct trial *trial, const struct op_case *op, const int64_t *sizes,
                       uint64_t seed);
/* Row `row` of another trial, alone. Tensors along no axis are shared, not copied. */
void trial_open_row(struct trial *trial, const struct trial *whole, int64_t row);
void trial_close(struct trial *trial);

/* NULL when there is none. */
const struct trial_tensor *trial_find(const struct trial *trial, const char *name);
struct trial_tensor *trial_add_floats(struct trial *trial, const char *name, enum axis axis,
                                      int rank, const int64_t *shape, double scale);
double trial_setting(const struct trial *trial, const char *name, double otherwise);

struct run_options {
    const struct kernels *kernels;
    struct thread_pool *threads;
    bool tape;
    bool twice;      /* the op stands there twice over the same inputs, outputs added */
    bool accumulate; /* a second backward over weights adds to the first */
    enum precision precision;
};

struct result_tensor {
    char name[40];
    enum axis axis;
    int64_t count, width; /* width: elements a step of the axis */
    float *data;
};

struct trial_result {
    struct arena arena;
    struct result_tensor tensors[TRIAL_OUTPUTS + TRIAL_USES];
    int count;
    struct graph_cost cost;
    double seconds; /* forward (and backward) alone, best of `repeats` */
};

/* False, with the reason on the standard error, when the graph could not be run. */
bool trial_run(struct trial_result *result, const struct trial *trial,
               const struct run_options *options);
bool trial_time(struct trial_result *result, const struct trial *trial,
                const struct run_options *options, double least_seconds);
void trial_result_close(struct trial_result *result);
const struct result_tensor *trial_result_find(const struct trial_result *result, const char *name);

#endif
