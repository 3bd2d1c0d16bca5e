/* How the texts of a file were cleaned, as data cards and detector.json write it: passes in order,
 * each {"steps": [names], "headers": [texts]}, headers only where there are some.
 *
 * Owns its passes; start from {0}. Reading is strict: a step that this assay does not know cannot
 * be done again, and is refused.
 */
#ifndef ASSAY_DATA_CLEANING_RECORD_H
#define ASSAY_DATA_CLEANING_RECORD_H

#include "assay/cleaning.h"
#include "base/json.h"

enum { CLEANING_MAX_PASSES = 1000 };

struct cleaning_record {
    assay_cleaning *passes;
    size_t count;
};

/* Adds one pass; `settings` may have other members. */
assay_status cleaning_record_add(struct cleaning_record *record, const struct json *settings,
                                 assay_error *error);
/* A list of passes. */
assay_status cleaning_record_read(struct cleaning_record *record, const struct json *list,
                                  assay_error *error);
bool cleaning_record_same(const struct cleaning_record *a, const struct cleaning_record *b);
void cleaning_record_free(struct cleaning_record *record);

void cleaning_record_put(struct json_writer *writer, const struct cleaning_record *record);
/* The members of one pass. */
void cleaning_put_steps(struct json_writer *writer, const assay_cleaning *pass);
void cleaning_put_headers(struct json_writer *writer, const assay_cleaning *pass);

#endif
