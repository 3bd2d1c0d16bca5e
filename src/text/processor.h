/* The post-processors of tokenizer.json: TemplateProcessing, BertProcessing, RobertaProcessing,
 * ByteLevel, and a Sequence of ByteLevels followed by at most one of the others. All become a
 * template (which special tokens stand where) and a list of ways to trim offsets.
 * Immutable once parsed, shared by threads.
 * Reference: the `processors` of github.com/huggingface/tokenizers.
 */
#ifndef ASSAY_TEXT_PROCESSOR_H
#define ASSAY_TEXT_PROCESSOR_H

#include "base/json.h"

#include <stdint.h>

enum { PROCESSOR_MAX_TRIMS = 16, TEMPLATE_MAX_PARTS = 256 };

struct template_part {
    int sequence; /* 0, 1, or -1: the special token `id` */
    int32_t id;
    int32_t type_id;
};

struct template
{
    struct template_part *part;
    size_t count;
    int32_t special_count;
};

struct processor {
    bool none;     /* nothing in the file: overflowing windows then lose their sequence numbers */
    bool one_type; /* RoBERTa: windows of overflow have type 0 throughout */
    struct template single, pair;
    size_t trim_count;
    bool trim_prefix[PROCESSOR_MAX_TRIMS]; /* each ByteLevel's or RoBERTa's add_prefix_space */
};

/* `value` is the file's "post_processor", null allowed. On failure nothing is left to free. */
assay_status processor_parse(struct processor *processor, const struct json *value,
                             assay_error *error);
void processor_free(struct processor *processor);

#endif
