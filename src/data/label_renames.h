/* Labels of a data file that count as others, because a model names its classes otherwise.
 */
#ifndef ASSAY_DATA_LABEL_RENAMES_H
#define ASSAY_DATA_LABEL_RENAMES_H

#include "assay/rows.h"

#include <stdint.h>

struct label_renames {
    const assay_label_rename *entries; /* the caller's */
    size_t count;
};

/* Each has two names, and none is renamed twice. */
assay_status label_renames_check(const struct label_renames *renames, assay_error *error);
/* Every label is renamed to one of these. */
assay_status label_renames_check_targets(const struct label_renames *renames,
                                         const char *const *labels, int32_t count,
                                         assay_error *error);
/* The report of an entry that no row of `path` has the label of, which is a slip of the pen. */
assay_status label_renames_unused(const struct label_renames *renames, size_t entry,
                                  const char *path, assay_error *error);
/* Which entry is of this label; -1: none, the label counts as itself. */
int64_t label_renames_find(const struct label_renames *renames, const char *label);
const char *label_renames_apply(const struct label_renames *renames, const char *label);

#endif
