/* The parts of a split, and how many rows each is to have. */
#ifndef ASSAY_PREPARE_SPLIT_PARTS_H
#define ASSAY_PREPARE_SPLIT_PARTS_H

#include "assay/data_make.h"

bool split_part_name_good(const char *name);
assay_status split_parts_check(const assay_split_part *parts, size_t count, assay_error *error);
/* quota (count + 1): rows of each part, the last what no part asks for; together `rows`. */
assay_status split_parts_quota(int64_t *quota, const assay_split_part *parts, size_t count,
                               int64_t rows, assay_error *error);

#endif
