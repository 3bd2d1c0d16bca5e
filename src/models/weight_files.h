/* Which files of a model's folder hold its weights, in the order in which transformers looks:
 * model.safetensors, its shards, pytorch_model.bin, its shards; and then what people call a
 * state_dict that they saved themselves (model.pt, model.pth, pytorch_model.pt, pytorch_model.pth).
 */
#ifndef ASSAY_MODELS_WEIGHT_FILES_H
#define ASSAY_MODELS_WEIGHT_FILES_H

#include "models/safetensors.h"

/* Opens the weights of the folder. */
assay_status weight_files_open(struct safetensors **out, const char *folder, assay_error *error);

/* The name of the one file that holds all weights; NULL when there is none or they are in shards.
 */
const char *weight_files_single(const char *folder);

#endif
