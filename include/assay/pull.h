/* Getting models: from the Hugging Face Hub, a URL, a folder, a wheel, .zip or .tar.gz, into
 * HOME/models/NAME, where HOME is $ASSAY_HOME or ~/.cache/assay.
 *
 * A model appears complete or not at all: files are gathered in a hidden folder beside it, checked
 * against every checksum the source gives, and renamed into place. Broken downloads go on where
 * they stopped, in the same call and in a later one. Only files that a model needs are taken:
 * configurations, tokenizers, safetensors weights (where there are none, those that torch.save
 * wrote), README and licence. What was taken is written to
 * .assay-source.json, by which a second pull tells that there is nothing to do.
 * The Hub is $HF_ENDPOINT (default https://huggingface.co); $HF_TOKEN goes to it and nowhere else.
 */
#ifndef ASSAY_PULL_H
#define ASSAY_PULL_H

#include "assay/status.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `total` is 0 while unknown. Called by the thread that pulls. */
typedef void assay_pull_progress(void *context, const char *file, uint64_t done, uint64_t total);

typedef struct assay_pull_options {
    size_t struct_size;
    const char *home;     /* NULL: as above */
    const char *revision; /* of the Hub: a branch, tag or commit; NULL: "main" */
    const char *save_as;  /* the short name; NULL: from the source's name */
    const char *sha256;   /* what an archive must have, 64 digits; NULL: not checked */
    bool refresh;         /* look again even when it is already there */
    assay_pull_progress *progress;
    void *context;
} assay_pull_options;

#define ASSAY_PULL_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(assay_pull_options), NULL, NULL, NULL, NULL, false, NULL, NULL                      \
    }

typedef struct assay_pull_file {
    char *path; /* inside the folder */
    uint64_t size;
    char sha256[65];
} assay_pull_file;

/* Owned by the caller; release with assay_pull_result_free. */
typedef struct assay_pull_result {
    char *folder;
    char *source;       /* "hub:org/name", "archive:name.whl", "folder:/path" */
    char *licence;      /* "" when the source does not say */
    bool already_there; /* every file was found and has its checksum */
    size_t file_count;
    assay_pull_file *files;
} assay_pull_result;

/* result is all NULL after a failure. NAME is a folder, an archive, a URL of an archive or of a
 * model's page, or a name on the Hub: "org/model", or "model", which is tried as it is and then
 * under sentence-transformers/. ASSAY_ERROR_NETWORK, ASSAY_ERROR_CHECKSUM,
 * ASSAY_ERROR_MISSING_LIBRARY (libcurl), ASSAY_ERROR_NOT_FOUND. */
assay_status assay_pull(const char *name, const assay_pull_options *options,
                        assay_pull_result *result, assay_error *error);
void assay_pull_result_free(assay_pull_result *result); /* its contents; NULL allowed */

/* The folder behind a MODEL argument: the path itself when it is a folder, else HOME/models/NAME.
 * A new string, released with assay_string_free. The error says where it looked. */
assay_status assay_model_folder(char **folder, const char *name_or_path, assay_error *error);

#ifdef __cplusplus
}
#endif

#endif
