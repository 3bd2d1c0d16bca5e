/* The classes of a column of labels, found while rows are read; and labels as numbers.
 * One thread; start from {0}.
 */
#ifndef ASSAY_DATASET_DATASET_CLASSES_H
#define ASSAY_DATASET_DATASET_CLASSES_H

#include "base/buffer.h"
#include "text/vocabulary.h"

#include <stdbool.h>

struct dataset_classes {
    struct vocabulary names; /* numbered as they came */
};

/* Finite decimal numbers and nothing else: no blanks, hexadecimals, infinities. */
bool dataset_number(double *number, const char *text);

assay_status dataset_classes_add(int32_t *index, struct dataset_classes *classes, const char *label,
                                 assay_error *error);
/* Sorted as numbers when all are, else by bytes: rank[index as it came] is the place; the names in
 * that order are appended to `text`, each with its zero byte. */
assay_status dataset_classes_sort(int32_t *rank, struct buffer *text,
                                  const struct dataset_classes *classes, assay_error *error);
void dataset_classes_free(struct dataset_classes *classes);

#endif
