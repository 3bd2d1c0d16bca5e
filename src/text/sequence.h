/* The components of tokenizer.json (normalizer, pre_tokenizer, post_processor, decoder): one of
 * some "type", or a "Sequence" of them, which may nest.
 */
#ifndef ASSAY_TEXT_SEQUENCE_H
#define ASSAY_TEXT_SEQUENCE_H

#include "base/json.h"

typedef assay_status sequence_visitor(void *context, const char *type, const struct json *value,
                                      assay_error *error);

/* Visits each component in order; `list` is the key that a Sequence of this kind has its members
 * under. */
assay_status sequence_each(const struct json *value, const char *list, sequence_visitor *visit,
                           void *context, assay_error *error);

#endif
