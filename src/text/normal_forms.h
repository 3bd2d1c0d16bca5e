/* Unicode normalisation forms over runs, with the alignment that Hugging Face `tokenizers` keeps:
 * where combining marks change places, the characters they are aligned to do not, since that
 * library counts replaced characters in order of appearance.
 * Follows UAX #15 and, for the alignment, NormalizedString::transform. Time is linear in the run.
 */
#ifndef ASSAY_TEXT_NORMAL_FORMS_H
#define ASSAY_TEXT_NORMAL_FORMS_H

#include "text/run.h"

/* Memory that one thread keeps between calls. */
struct normal_forms_scratch {
    struct run parts; /* decomposed; `source` holds the change a part stands for */
    struct run held;
};

/* Writes the form of `in` to `out` (other than in), replacing what it held. False when memory runs
 * out. */
bool normal_form(struct run *out, const struct run *in, bool compose, bool compatible,
                 struct normal_forms_scratch *scratch);
void normal_forms_scratch_free(struct normal_forms_scratch *scratch);

#endif
