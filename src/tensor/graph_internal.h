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
    int layer, layer_count; /* that nodes join now (0: none), that there are */
    struct value *first_value, *last_value;
    struct place *first_place, *last_place;
    struct keep_rule *rules;
    place_hook *hook;
    void *hook_context;
    int64_t packed_bytes; /* counted while building */
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

/* The node's forward, backward, or forward again, with the clock read around it where
 * options.profile asks for it. */
void graph_run_node(const struct node *node, enum profile_part part);

/* Does the name match? '*' stands for any run of characters. */
bool graph_glob_matches(const char *glob, const char *name);

/* Backward of a node happens at this time; forward at its number. */
static inline int graph_backward_time(const struct graph *graph, const struct node *node)
{
    return 2 * graph->node_count - 1 - node->number;
}

/* recompute.c: says which values escape their layer and which nodes run again, after it is known
 * which run backward; then the lifetimes of what they make again. */
void recompute_choose(struct graph *graph);
void recompute_lifetimes(struct graph *graph);
/* Before the backward of a layer's last node. */
void recompute_layer(struct graph *graph, struct node *last);
/* Is backward of this node the first of its layer, and does something run again for it? */
bool recompute_begins(const struct node *node);

#endif
