/* Which files of a repository or archive make a text model, and what a model says about itself.
 */
#ifndef ASSAY_HUB_MODEL_FILES_H
#define ASSAY_HUB_MODEL_FILES_H

#include "assay/status.h"
#include "base/buffer.h"

#include <stdbool.h>

enum model_file {
    MODEL_FILE_OTHER,
    MODEL_FILE_WANTED,
    MODEL_FILE_PICKLE, /* weights as torch.save writes them, or their index */
};

/* `path` is relative to the folder with config.json. */
enum model_file model_file_kind(const char *path);
bool model_file_is_weights(const char *path);
/* Safetensors of the whole model: where they are, pickled weights are not wanted. */
bool model_file_replaces_pickle(const char *path);

/* The licence in a README's front matter or a wheel's METADATA, appended; nothing when there is
 * none. Only ASSAY_ERROR_MEMORY. */
assay_status licence_of_readme(struct buffer *out, const char *text, size_t length,
                               assay_error *error);
assay_status licence_of_metadata(struct buffer *out, const char *text, size_t length,
                                 assay_error *error);

/* A wheel's RECORD: writes the SHA-256 that it states for `path` as hexadecimal digits; false when
 * it states none. */
bool record_checksum(char hex[65], const char *record, size_t length, const char *path);

#endif
