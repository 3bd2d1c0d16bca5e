/* Where in a tokenizer file an error lies. */
#ifndef ASSAY_TEXT_PLACE_H
#define ASSAY_TEXT_PLACE_H

#include "assay/status.h"

/* Puts an outer place before the one that the error has: "content" becomes
 * "added_tokens[3].content". `error` may be NULL. */
void place_within(assay_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
