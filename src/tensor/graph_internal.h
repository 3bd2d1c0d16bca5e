/* The inside of a graph, shared by building (graph.c), planning (plan.c) and running (run.c). */
#ifndef ASSAY_TENSOR_GRAPH_INTERNAL_H
#define ASSAY_TENSOR_GRAPH_INTERNAL_H

#include "tensor/graph.h"

struct place {
    const char *name;
    struct value *value;
    struct place *next;
};

struct keep_rule {
    char *glob;
    bool gradient;
    struct keep_rule *next;
};

struct graph {
    struct graph_options options;
    struct arena arena;
    struct node *first_node, *last_node;
    int node_count;
    struct value *first_value, *last_value;
    struct place *first_place, *last_place;
    struct keep_rule *rules;
    place_hook *hook;
    void *hook_context;
    size_t packed_bytes; /* counted while building */
    assay_status status;
    assay_error error;
    /* memory of the run */
    char *activations;
    size_t activation_room;
    float *scratch;
    size_t scratch_room;
    struct kernel_context context;
    bool planned, forward_done;
};

/* The node's forward or backward with the clock read around it, into options.profile. */
void graph_run_profiled(const struct node *node, bool backward);

/* Does the name match? '*' stands for any run of characters. */
bool graph_glob_matches(const char *glob, const char *name);

#endif
