/* The kinds of places that a model can be pulled from. Each function fills a staging folder from
 * its source and commits it, or finds that the model is already there.
 */
#ifndef ASSAY_HUB_SOURCE_H
#define ASSAY_HUB_SOURCE_H

#include "assay/pull.h"

struct pull {
    const assay_pull_options *options;
    const char *models; /* HOME/models */
    assay_pull_result *result;
};

assay_status source_folder(struct pull *pull, const char *path, assay_error *error);
/* `source` names it in the manifest; `shown` gives the short name unless the archive's own folders
 * tell a better one. */
assay_status source_archive(struct pull *pull, const char *path, const char *source,
                            const char *shown, assay_error *error);
/* "org/model" or "model". */
assay_status source_hub(struct pull *pull, const char *name, assay_error *error);
assay_status source_url(struct pull *pull, const char *url, assay_error *error);

/* The caller's name for the model, else `name` with what is not allowed made '-'; a new string. */
assay_status source_short_name(char **out, const struct pull *pull, const char *name, size_t length,
                               assay_error *error);
/* Whether the model stands there, pulled from the same source (NULL: any), revision and origin,
 * and undamaged; then the result is filled. */
assay_status source_is_there(bool *there, struct pull *pull, const char *short_name,
                             const char *source, const char *revision, const char *origin,
                             assay_error *error);
/* The same for a source whose short name is not known before it is fetched: looks at every model.
 */
assay_status source_is_anywhere(bool *there, struct pull *pull, const char *source,
                                assay_error *error);

#endif
