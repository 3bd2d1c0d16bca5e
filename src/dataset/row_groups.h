/* Which rows of a data file belong together: the value of one field, as a hash. Read in a pass of
 * its own, as only rows that calibrate need it.
 */
#ifndef ASSAY_DATASET_ROW_GROUPS_H
#define ASSAY_DATASET_ROW_GROUPS_H

#include "dataset/dataset.h"

/* (rows) of the dataset that was read from the same path with the same fields; release with
 * memory_free. A row without the field is ASSAY_ERROR_FORMAT with its line; other rows than those
 * of the dataset are ASSAY_ERROR_CHANGED. */
assay_status row_groups_read(uint64_t **out, const struct dataset *dataset,
                             const struct recipe_map *fields, const char *field,
                             assay_error *error);

#endif
