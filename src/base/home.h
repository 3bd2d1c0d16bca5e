/* Where pulled models live. Strings are new, for memory_free.
 */
#ifndef ASSAY_BASE_HOME_H
#define ASSAY_BASE_HOME_H

#include "assay/status.h"

#include <stdbool.h>

/* $ASSAY_HOME, else ~/.cache/assay. */
assay_status home_folder(char **out, assay_error *error);
/* "HOME/models"; `home` may be NULL. */
assay_status home_models(char **out, const char *home, assay_error *error);
/* Whether a name may stand under models/: letters, digits, '.', '_', '-', not first a '.'. */
bool home_name_is_good(const char *name);

#endif
