/* A model's forward function leaves a graph of ops; the graph is then planned, run, and run
 * backward.
 *
 * Building never computes: shapes are checked and refused there (contract 3). The first failure is
 * kept and everything after it yields NULL, so that a model's function needs no checks of its own;
 * graph_plan reports it. Planning places every activation in one block by its lifetime, so nothing
 * is allocated while running. On DEVICE_SHAPES planning only counts: memory and operations
 * (contract 1). A graph belongs to one thread at a time; values and nodes live until graph_reset.
 */
#ifndef ASSAY_TENSOR_GRAPH_H
#define ASSAY_TENSOR_GRAPH_H

#include "base/arena.h"
#include "tensor/kernels.h"
#include "tensor/parameters.h"
#include "tensor/profile.h"
#include "tensor/tensor.h"

struct graph;
struct node;

enum { NODE_MAX_INPUTS = 8, NODE_MAX_OUTPUTS = 8 };

enum device { DEVICE_CPU, DEVICE_SHAPES };

/* float32; three bfloat16 products; bfloat16 products. */
enum precision { PRECISION_HIGHEST, PRECISION_HIGH, PRECISION_MEDIUM };

/* What these kernels compute at when that precision is asked for: the next higher one where they
 * lack the units or gain nothing. NULL: no kernels, `highest`. */
enum precision precision_used(const struct kernels *kernels, enum precision asked);

/* A tensor in a graph. */
struct value {
    struct tensor tensor;
    struct parameter *parameter; /* the weight that this is, or NULL */
    struct node *producer;       /* NULL for inputs and weights */
    bool needs_gradient;
    bool kept, gradient_kept;
    float *gradient; /* while backward runs, and after it where kept; elements as tensor's */
    /* planning */
    bool gradient_comes; /* something downstream writes it */
    bool gradient_seeded;
    const float *seed;   /* the caller's */
    bool seed_is_copied; /* something downstream adds to it */
    int first, last, gradient_first, gradient_last;
    size_t bytes, offset, gradient_offset;
    /* with `recompute`: read outside its layer; made again for backward, then and there */
    bool escapes, again;
    int again_first, again_last;
    size_t again_offset;
    struct value *next;
};

/* One kind of op: one record (contract 3). */
struct op {
    const char *name;
    void (*forward)(const struct node *node);
    /* Writes node->inputs[i]->gradient for inputs with one, each by node->beta[i]; NULL: refused on
     * a tape. */
    void (*backward)(const struct node *node);
    unsigned saves_inputs, saves_outputs; /* bit i: backward reads input / output i */
    unsigned integer_inputs;              /* bit i: int32; the others are float32 */
    unsigned narrow_inputs;               /* bit i: may be bfloat16, too */
    unsigned constant_inputs;             /* bit i: backward gives it no gradient */
    /* Repeated inputs are column ranges of one value: backward writes them apart, with one beta. */
    bool inputs_in_columns;
};

struct node {
    const struct op *op;
    const char *place;
    struct graph *graph;
    void *attributes; /* the op's own */
    int input_count, output_count;
    struct value *inputs[NODE_MAX_INPUTS];
    struct value *outputs[NODE_MAX_OUTPUTS];
    float beta[NODE_MAX_INPUTS];
    size_t scratch_floats; /* a thread */
    size_t shared_floats;  /* for all threads together */
    double operations;     /* floating-point operations forward */
    int number;
    int layer; /* 0: of none, or nothing is recomputed */
    bool backward_runs, runs_again;
    struct node *next, *previous;
};

/* Rows of packed tokens (contract 4). Arrays are the caller's and must outlive the run. */
struct row_layout {
    int64_t rows, tokens, longest;
    const int32_t *offsets; /* (rows + 1) */
    const int64_t *ids;     /* (rows) identity of each row for random numbers; NULL: its index */
};

struct graph_options {
    enum device device;
    enum precision precision;
    bool tape;     /* backward will be asked for */
    bool training; /* dropout is on */
    uint64_t seed, step;
    /* Gradients of weights are added to what is there (micro-batches) instead of written. */
    bool accumulate;
    /* What only a layer's own backward reads is computed again for it instead of kept. */
    bool recompute;
    /* Trained weights change before the next graph: no packed copy of theirs is worth keeping. */
    bool weights_change;
    struct parameter_set *parameters;
    const struct kernels *kernels;
    struct thread_pool *threads;
    struct profile *profile; /* added to while running; NULL: nothing is measured */
};

/* Do the offsets begin at 0, rise, end at `tokens`, and is no row longer than `longest`? Without
 * offsets: only on the shapes-only device. */
bool row_layout_holds(const struct graph *graph, const struct row_layout *layout);

enum place_kind {
    PLACE_LINEAR,
    PLACE_EMBEDDING,
    PLACE_NORM,
    PLACE_SUBLAYER,
    PLACE_KEY,
    PLACE_VALUE
};

/* What is attached to named places (contract 2): returns the value that takes output's place. */
typedef struct value *place_hook(void *context, struct graph *graph, enum place_kind kind,
                                 const char *place, struct value *input, struct value *output);

assay_status graph_open(struct graph **out, assay_error *error);
void graph_close(struct graph *graph);
/* Forgets values and nodes, keeps memory for the next batch. */
void graph_reset(struct graph *graph, const struct graph_options *options);
const struct graph_options *graph_get_options(const struct graph *graph);
void graph_attach(struct graph *graph, place_hook *hook, void *context);

/* Values and gradients whose place matches a glob ("*", "encoder.layer.0") are kept for reading
 * after the run; a kept gradient is computed even where all weights are frozen. Survives
 * graph_reset. */
assay_status graph_keep(struct graph *graph, const char *glob, bool gradient, assay_error *error);
/* A kept value of the current graph by its place; NULL when there is none. */
struct value *graph_find(const struct graph *graph, const char *place);

/* An input: data is the caller's and must outlive the run (NULL on the shapes-only device). */
struct value *graph_input(struct graph *graph, enum dtype dtype, int rank, const int64_t *shape,
                          const void *data);
/* A weight by name; a failure when the set lacks it, or when its shape differs from a rank >= 0. A
 * dimension of -1 fits any. */
struct value *graph_weight(struct graph *graph, const char *name, int rank, const int64_t *shape);
bool graph_has_weight(const struct graph *graph, const char *name);

/* A name made in the graph's memory: "encoder.layer.%d.output". */
const char *graph_name(struct graph *graph, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Says that value is the output of that place, runs what is attached, and returns what stands
 * there. */
struct value *graph_place(struct graph *graph, enum place_kind kind, const char *place,
                          struct value *input, struct value *output);

/* May what stands at the place be kept in bfloat16 between ops? At `medium`, unless something is
 * attached or reads it. */
bool graph_narrows(const struct graph *graph, const char *place);

/* For ops, on the shapes-only device: so many bytes of lasting copies. */
void graph_count_packed(struct graph *graph, int64_t bytes);

/* For ops: a new node with room for its attributes; outputs; a failure that names the op and place.
 */
struct node *graph_node(struct graph *graph, const struct op *op, const char *place,
                        size_t attribute_bytes, int input_count, struct value *const *inputs);
struct value *graph_output(struct node *node, enum dtype dtype, int rank, const int64_t *shape);
void *graph_fail(struct graph *graph, assay_status status, const char *place, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));
/* The kernels' context while a node runs. */
const struct kernels *node_kernels(const struct node *node);
const struct kernel_context *node_context(const struct node *node);

/* For ops that do several things: what was done since the node began, or since the last such call,
 * was this part, with so many of the node's operations (forward once, backward twice). The rest of
 * a node is forward or backward. Nothing happens where nothing is measured. */
void graph_lap(const struct node *node, enum profile_part part, double operations);

/* Between these calls the nodes belong to one layer more: a unit of `recompute`. A call to begin
 * ends the layer before. */
void graph_begin_layer(struct graph *graph);
void graph_end_layers(struct graph *graph);

/* Marks a value to be read after the run. */
void graph_keep_value(struct graph *graph, struct value *value);
/* Asks for the gradient of an input or activation; call it before anything uses the value. */
void graph_watch(struct graph *graph, struct value *value);
/* Says that backward starts at `value` with this gradient, (rows) or its shape; the caller's
 * memory. */
void graph_seed(struct graph *graph, struct value *value, const float *gradient);

/* After a run that kept everything ("*"): the first place, in the order of computing, whose value
 * holds a number that is not finite; with `gradient`, the last place whose gradient does, which is
 * the first that backward made. NULL when there is none. */
const char *graph_first_not_finite(const struct graph *graph, bool gradient);

/* What a run needs. */
struct graph_cost {
    size_t activation_bytes; /* one block, after sharing by lifetime */
    size_t scratch_bytes;    /* of all threads */
    /* of lasting copies of weights, beside the weights themselves; below 0 where copies of frozen
     * ones are smaller than the pages that they take the place of */
    int64_t packed_bytes;
    double forward_operations, backward_operations;
    int nodes;
};

assay_status graph_plan(struct graph *graph, struct graph_cost *cost, assay_error *error);
assay_status graph_forward(struct graph *graph, assay_error *error);
assay_status graph_backward(struct graph *graph, assay_error *error);

#endif
