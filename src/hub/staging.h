/* A model under construction: HOME/models/.partial-NAME, locked against a second pull of the same
 * name. "model" inside grows file by file, every one checksummed; "parts" keeps downloads that are
 * not complete for the next attempt. Commit checks that it is a model, writes the manifest and puts
 * it into place in one step; what stood there before is replaced only if a pull had made it.
 */
#ifndef ASSAY_HUB_STAGING_H
#define ASSAY_HUB_STAGING_H

#include "base/sha256.h"
#include "hub/manifest.h"

struct staging {
    char *final;
    char *partial;
    char *model;
    char *parts;
    int lock;
    bool takes_pickle;        /* set by sources: there are no other weights */
    struct manifest manifest; /* source, revision, origin and licence are set by sources */
    char *writing;            /* the file under construction */
    struct file_writer *writer;
    struct sha256 hash;
    uint64_t written;
};

assay_status staging_open(struct staging *staging, const char *models, const char *name,
                          assay_error *error);
/* Whether the model needs the file of that path. */
bool staging_wants(const struct staging *staging, const char *path);
/* Frees; without `keep_parts` everything that was gathered is removed. */
void staging_close(struct staging *staging, bool keep_parts);

assay_status staging_begin(struct staging *staging, const char *path, assay_error *error);
assay_status staging_data(struct staging *staging, const void *bytes, size_t length,
                          assay_error *error);
/* `sha256` (may be NULL) is what the file must have. */
assay_status staging_end(struct staging *staging, const char *sha256, assay_error *error);

/* Where a download of this file grows; a new string. */
assay_status staging_part(char **out, struct staging *staging, const char *path,
                          assay_error *error);
/* Takes a complete download over; one with the wrong checksum or size (UINT64_MAX: any) is removed
 * and refused. */
assay_status staging_adopt(struct staging *staging, const char *path, uint64_t size,
                           const char *sha256, assay_error *error);

assay_status staging_commit(struct staging *staging, assay_error *error);

/* rm -r, without following links. */
void folder_remove(const char *path);

#endif
