/* The config.json of a trained model: the one it was read from, member by member in its order, with
 * what training decided put in its place or, where a key is missing, at the end.
 */
#ifndef ASSAY_MODELS_TRAINED_CONFIG_H
#define ASSAY_MODELS_TRAINED_CONFIG_H

#include "base/buffer.h"
#include "models/model.h"

/* Appends the text to `out`; the model was opened by model_open_trainable. */
assay_status trained_config_write(struct buffer *out, const assay_model *model, const char *path,
                                  assay_error *error);

#endif
