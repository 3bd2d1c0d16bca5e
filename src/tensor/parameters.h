/* The named weights of a model, their gradients, and the packed copies that products read.
 *
 * Weights point into a mapped file until they are trained; trained ones live, like their gradients,
 * in one contiguous run each, so that an optimizer is a flat loop (contract 9). A packed copy
 * carries the version of the values it was made from and is void when that differs. Sets that are
 * not trained may be read by many sessions; packing is serialised inside.
 */
#ifndef ASSAY_TENSOR_PARAMETERS_H
#define ASSAY_TENSOR_PARAMETERS_H

#include "assay/status.h"
#include "tensor/kernels.h"
#include "tensor/tensor.h"

enum pack_kind {
    PACK_FORWARD,        /* for x W */
    PACK_BACKWARD,       /* for dy W^T */
    PACK_BFLOAT_FORWARD, /* the same at `medium` and `high` */
    PACK_BFLOAT_BACKWARD,
    PACK_KINDS
};

/* How a weight matrix lies in memory. */
enum weight_layout {
    WEIGHT_OUT_IN, /* torch.nn.Linear: (outputs, inputs) */
    WEIGHT_IN_OUT  /* transformers' Conv1D: (inputs, outputs) */
};

struct packed_weight {
    void *data, *low;
    uint64_t version;
    bool filled;
};

struct parameter {
    char *name;
    struct tensor tensor; /* float32, or data NULL on the shapes-only device */
    bool trained;
    float *gradient; /* same shape; NULL unless trained */
    struct packed_weight packed[PACK_KINDS];
};

struct parameter_set;

assay_status parameter_set_open(struct parameter_set **out, assay_error *error);
void parameter_set_close(struct parameter_set *set);

/* Adds a float32 weight; data must outlive the set (NULL: shapes only). Names are unique. */
assay_status parameter_set_add(struct parameter_set *set, const char *name, int rank,
                               const int64_t *shape, const float *data, assay_error *error);
struct parameter *parameter_set_find(const struct parameter_set *set, const char *name);
int64_t parameter_set_count(const struct parameter_set *set);
struct parameter *parameter_set_get(const struct parameter_set *set, int64_t index);

/* Called after the values of a weight went into a packed copy, when nothing needs the original
 * soon: a mapped file may let go of its pages. */
void parameter_set_on_packed(struct parameter_set *set,
                             void (*packed)(void *context, const struct parameter *parameter),
                             void *context);

/* Says which weights are to be trained, `choose` NULL: all, so that graphs can be planned before
 * parameter_set_train, with the same choice, takes memory for them. */
void parameter_set_mark(struct parameter_set *set,
                        bool (*choose)(void *context, const struct parameter *parameter),
                        void *context);

/* Copies the chosen weights into one run of values and gives them gradients; `choose` NULL: all.
 * Only once a set. */
assay_status parameter_set_train(struct parameter_set *set,
                                 bool (*choose)(void *context, const struct parameter *parameter),
                                 void *context, assay_error *error);
/* The runs themselves: count floats each; NULL before parameter_set_train. */
float *parameter_set_values(const struct parameter_set *set, int64_t *count);
float *parameter_set_gradients(const struct parameter_set *set, int64_t *count);
/* Call after changing trained values: packed copies become void. */
void parameter_set_changed(struct parameter_set *set);

/* Packs the weight's values as they are into `packed` and, at `high`, their remainders into `low`
 * (else NULL); each has room for parameter_pack_bytes, a multiple of a float. kernels NULL: what
 * float32 takes. */
size_t parameter_pack_bytes(const struct parameter *parameter, enum pack_kind kind,
                            const struct kernels *kernels);
void parameter_pack_into(void *packed, void *low, const struct parameter *parameter,
                         enum pack_kind kind, enum weight_layout layout,
                         const struct kernels *kernels, const struct kernel_context *context);

/* Makes room for a packed copy (outside the step), and fills it if it is void. */
assay_status parameter_pack_reserve(struct parameter_set *set, struct parameter *parameter,
                                    enum pack_kind kind, bool with_low,
                                    const struct kernels *kernels, assay_error *error);
void parameter_pack_fill(struct parameter_set *set, struct parameter *parameter,
                         enum pack_kind kind, enum weight_layout layout,
                         const struct kernels *kernels, const struct kernel_context *context);

#endif
