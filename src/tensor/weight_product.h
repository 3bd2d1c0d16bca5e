/* The three products of a weight matrix that ops are made of: with it (forward), with its
 * transpose (gradient of the input), and the weight's own gradient; at the graph's precision, with
 * packed copies that are made once a version of the weight.
 *
 * Weights in training are packed in passing, into room that the node asked for, where a lasting
 * copy would cost more memory than it saves time: at `highest`, and where the weights change before
 * the next graph.
 */
#ifndef ASSAY_TENSOR_WEIGHT_PRODUCT_H
#define ASSAY_TENSOR_WEIGHT_PRODUCT_H

#include "tensor/graph.h"

/* What an op keeps of a weight that it multiplies by; part of its attributes. */
struct weight_product {
    struct parameter *weight;
    enum weight_layout layout;
    bool bfloat, low; /* operands are bfloat16; with their remainders */
    bool passing;     /* packed in passing */
};

/* A packed copy, as struct product takes it. */
struct packed_operand {
    const void *b, *b_low;
};

struct weight_product weight_product_of(const struct graph *graph, struct parameter *weight,
                                        enum weight_layout layout);
/* Makes room for lasting copies, outside the step. False, with the graph's failure, without memory
 * or weights. */
bool weight_product_reserve(struct graph *graph, const char *place, const struct weight_product *w,
                            bool transposed);

/* Floats a thread for any of the three products over `tokens` rows. */
size_t weight_product_scratch(const struct kernels *kernels, const struct weight_product *w,
                              int64_t tokens);
/* Floats that packing in passing needs, for one copy; 0 where copies last. */
size_t weight_product_passing(const struct kernels *kernels, const struct weight_product *w);
/* Floats that the packed activations of weight_product_gradient need. */
size_t weight_product_activations(const struct kernels *kernels, const struct weight_product *w,
                                  int64_t tokens);

/* The weight (transposed: for gradients of inputs), packed; `passing` is room for a copy. */
struct packed_operand weight_product_pack(const struct node *node, const struct weight_product *w,
                                          bool transposed, float *passing);
/* c = beta * c + a W + bias, with everything but b set in `product`. */
void weight_product_run(const struct node *node, const struct weight_product *w,
                        struct product *product, struct packed_operand operand);
/* An operand of the gradient: float32 or bfloat16. */
struct rows_operand {
    const void *data;
    bool bfloat;
};
/* gradient = beta * gradient + x^T dy in the weight's layout: x (tokens, inputs), dy (tokens,
 * outputs); `room` as weight_product_activations says. */
void weight_product_gradient(const struct node *node, const struct weight_product *w,
                             float *gradient, float beta, struct rows_operand x,
                             struct rows_operand dy, int64_t tokens, float *room);

#endif
