/* The normalizers of tokenizer.json: BertNormalizer, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents,
 * Strip, Prepend, Replace, and Sequences of them. Others are refused when the file is read.
 * A normalizer is immutable once parsed and may be shared by threads; scratch belongs to one.
 * Reference: the `normalizers` of github.com/huggingface/tokenizers.
 */
#ifndef ASSAY_TEXT_NORMALIZER_H
#define ASSAY_TEXT_NORMALIZER_H

#include "base/json.h"
#include "text/normal_forms.h"
#include "text/pattern.h"
#include "text/run.h"

struct normalizer_step;

struct normalizer {
    struct normalizer_step *steps;
    size_t count; /* 0: text stays as it is */
};

struct normalizer_scratch {
    struct run spare;
    struct normal_forms_scratch forms;
    struct matches matches;
};

/* `value` is the file's "normalizer", null allowed. On failure nothing is left to free. */
assay_status normalizer_parse(struct normalizer *normalizer, const struct json *value,
                              assay_error *error);
void normalizer_free(struct normalizer *normalizer);

/* Normalizes `run` in place (its memory may be swapped with the scratch's). */
assay_status normalizer_apply(const struct normalizer *normalizer, struct run *run,
                              struct normalizer_scratch *scratch, assay_error *error);
void normalizer_scratch_free(struct normalizer_scratch *scratch);

#endif
