/* The strictness of base/json.h. json-c lets some text pass that is not JSON (NaN, raw control
 * characters, keys cut at a zero byte), clamps integers and mistakes some surrogate pairs, so a
 * text is checked by this scan first, and json-c only builds the tree.
 */
#ifndef ASSAY_BASE_JSON_SCAN_H
#define ASSAY_BASE_JSON_SCAN_H

#include "assay/status.h"
#include "base/buffer.h"

/* Whether the text is exactly one JSON value; errors carry the row and column of the fault. Where
 * json-c would misread it, what to give it instead is appended to `rewritten`, which else stays
 * empty. */
assay_status json_scan(struct buffer *rewritten, const char *text, size_t length,
                       assay_error *error);

#endif
