/* Reading PyTorch checkpoints (pytorch_model.bin, .pt, .pth): the zip form that torch.save writes
 * since version 1.6, with the pickle of a state_dict inside. Nothing of it is run
 * (models/pickle.h).
 *
 * Its tensors become entries of the same table as those of safetensors files and keep the same
 * promises: every size and offset is checked, data lie in the mapping where a tensor is contiguous
 * (others are copied together once), tensors may share bytes. As in transformers, values of the
 * state_dict that are no tensors are passed over, and tensors inside of an inner dictionary are not
 * looked for. The older form without a zip, TorchScript, big-endian and compressed files are
 * refused.
 */
#ifndef ASSAY_MODELS_TORCH_FILE_H
#define ASSAY_MODELS_TORCH_FILE_H

#include "models/safetensors.h"

enum {
    TORCH_FILE_MAX_RECORDS = 1 << 20,
    TORCH_FILE_MAX_RATIO = 16,        /* of all tensors, which may share bytes, to the file */
    TORCH_FILE_FREE_BYTES = 64 << 20, /* allowed whatever the ratio */
};

/* Opens one file, to be closed by safetensors_close. */
assay_status torch_file_open(struct safetensors **out, const char *path, assay_error *error);

/* Maps one file and appends its tensors. After a failure `out` is good for close only. */
assay_status torch_file_add(struct safetensors *out, const char *path, assay_error *error);

#endif
