/* A file of transformers' own numbers (docs/file-formats.md, REFERENCE.safetensors): its rows as a
 * model takes them, padding taken out, and which of its tensors are held against ours.
 *
 * Owns its arrays and the file. One thread.
 */
#ifndef ASSAY_MODELS_PARITY_REFERENCE_H
#define ASSAY_MODELS_PARITY_REFERENCE_H

#include "models/model.h"
#include "models/safetensors.h"

enum parity_task { PARITY_BARE, PARITY_CLASSIFY, PARITY_LANGUAGE };
enum { PARITY_NAME_ROOM = 300 };

struct parity_reference {
    struct safetensors *file;
    enum parity_task task; /* by the rank of its logits */
    int64_t rows, longest;
    int32_t *ids, *types, *offsets; /* (tokens); types may be NULL; (rows + 1) */
    int32_t *labels;                /* a row or a token, -1: none; NULL: there are no labels */
    float *seeds;                   /* of the loss's gradient, an item each */
    double valid;                   /* items that count in the loss */
};

assay_status parity_reference_open(struct parity_reference *out, const char *path,
                                   assay_error *error);
/* Rows and labels, which must be ones that the model can take. */
assay_status parity_reference_read(struct parity_reference *reference, const assay_model *model,
                                   assay_error *error);
void parity_reference_close(struct parity_reference *reference); /* {0} allowed */

/* False for inputs. "logits.f64" is compared as logits; a float32 tensor only where it has no
 * float64 twin. */
bool parity_expected_name(const struct parity_reference *reference,
                          const struct safetensors_entry *entry, char *name, size_t size);

#endif
