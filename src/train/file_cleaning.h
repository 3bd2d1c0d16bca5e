/* How the texts of a data file were cleaned, by the card that lies beside it.
 */
#ifndef ASSAY_TRAIN_FILE_CLEANING_H
#define ASSAY_TRAIN_FILE_CLEANING_H

#include "data/cleaning_record.h"

/* `sha256` is the file's fingerprint; a card of other bytes is ASSAY_ERROR_CHANGED. *known stays
 * false where there is no card. */
assay_status file_cleaning_read(struct cleaning_record *out, bool *known, const char *path,
                                const char *sha256, assay_error *error);

#endif
