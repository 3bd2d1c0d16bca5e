/* A pass of cleaning over one text: which step follows which.
 *
 * `edits` gets how much each step changed. As in clean/clean_text.h, `failed` of the text tells
 * that memory ran out.
 */
#ifndef ASSAY_CLEAN_CLEAN_STEPS_H
#define ASSAY_CLEAN_CLEAN_STEPS_H

#include "clean/clean_text.h"

/* The steps that change characters, on a decoded text, which is then encoded. The first words that
 * mix scripts are appended to `words` (NULL: not wanted). */
void clean_change(struct clean_text *text, int64_t edits[ASSAY_CLEAN_STEP_COUNT],
                  struct buffer *words, const assay_cleaning *pass);
/* Then the header, and small letters last, so that headers are found as they were written. */
void clean_finish(struct clean_text *text, int64_t edits[ASSAY_CLEAN_STEP_COUNT],
                  const assay_cleaning *pass);

#endif
