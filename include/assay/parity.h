/* Comparing a model with a reference file made by tools/make_reference.py from transformers. */
#ifndef ASSAY_PARITY_H
#define ASSAY_PARITY_H

#include "assay/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct assay_parity assay_parity; /* a finished comparison */

/* One tensor that the reference file expects. Errors are the norm of the difference from the
 * float64 run over the norm of its value; for gradients over at least 1e-3 of the model's root mean
 * square gradient norm. */
typedef struct assay_parity_item {
    const char *name; /* "logits", "loss", "embedding", "hidden.<place>", "grad.<tensor>" */
    int64_t elements;
    double error;           /* assay's */
    double reference_error; /* transformers' own float32 run; negative: the file does not say */
    double limit;           /* twice the reference's or 1e-6; gradients 1e-4 */
    bool passed;
    const char *note; /* why it could not be compared, or NULL */
} assay_parity_item;

typedef struct assay_parity_options {
    size_t struct_size;
    int threads;
    assay_precision precision;
} assay_parity_options;

#define ASSAY_PARITY_OPTIONS_INIT                                                                  \
    {                                                                                              \
        sizeof(assay_parity_options), 0, ASSAY_PRECISION_HIGHEST                                   \
    }

/* `folder` is the model's; `reference` the .safetensors file. A model whose gradients are compared
 * is opened by the comparison itself, apart from others. */
assay_status assay_parity_run(assay_parity **out, const char *folder, const char *reference,
                              const assay_parity_options *options, assay_error *error);
/* Worst (error over limit) first; NULL outside 0 .. count - 1. Items, and their strings, belong to
 * the comparison. */
int64_t assay_parity_count(const assay_parity *parity);
const assay_parity_item *assay_parity_get(const assay_parity *parity, int64_t index);
/* Whether every item passed; false without a comparison. */
bool assay_parity_passed(const assay_parity *parity);
/* What computed: "avx512"; belongs to the comparison. */
const char *assay_parity_kernels(const assay_parity *parity);
void assay_parity_close(assay_parity *parity); /* NULL allowed */

#ifdef __cplusplus
}
#endif

#endif
