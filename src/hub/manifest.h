/* .assay-source.json in a pulled model's folder: where it came from and what every file must be.
 */
#ifndef ASSAY_HUB_MANIFEST_H
#define ASSAY_HUB_MANIFEST_H

#include "assay/pull.h"

#define MANIFEST_NAME ".assay-source.json"

enum { MANIFEST_MAX_FILES = 10000 };

struct manifest {
    char *source;
    char *revision;
    char *origin; /* the commit or the archive's SHA-256 */
    char *licence;
    assay_pull_file *files;
    size_t count;
    size_t capacity;
};

void manifest_free(struct manifest *manifest); /* its contents */
/* Copies the path. */
assay_status manifest_add(struct manifest *manifest, const char *path, uint64_t size,
                          const char *sha256, assay_error *error);
const assay_pull_file *manifest_find(const struct manifest *manifest, const char *path);

assay_status manifest_write(const struct manifest *manifest, const char *folder,
                            assay_error *error);
assay_status manifest_read(struct manifest *manifest, const char *folder, assay_error *error);
/* Every file has its size and checksum. */
bool manifest_is_intact(const struct manifest *manifest, const char *folder);

/* Copies what the caller of assay_pull gets. */
assay_status manifest_report(assay_pull_result *result, const struct manifest *manifest,
                             const char *folder, bool already_there, assay_error *error);

#endif
