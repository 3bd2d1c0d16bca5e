/* What the benchmarks work on: texts read or made up, or drawn ids where there is no tokenizer.
 * Owns its arrays; start from {0}.
 */
#ifndef ASSAY_MACHINE_CORPUS_H
#define ASSAY_MACHINE_CORPUS_H

#include "assay/model.h"

struct corpus {
    assay_text *texts;
    int64_t count;
    size_t bytes;
    int32_t *ids, *offsets;
};

/* Texts of `data`, or sentences that are always the same where it is NULL. */
assay_status corpus_open(struct corpus *corpus, const char *data, assay_error *error);
/* Drawn ids, rows of 4 tokens up to max_tokens, longer ones rarer as in real data. */
assay_status corpus_draw_ids(struct corpus *corpus, int32_t max_tokens, int32_t vocabulary,
                             assay_error *error);
/* Drawn ids, `rows` rows of `tokens` each. */
assay_status corpus_draw_full(struct corpus *corpus, int64_t rows, int32_t tokens,
                              int32_t vocabulary, assay_error *error);
/* Takes the place of the texts with the ids that the tokenizer makes of the first `rows` of them
 * (fewer where there are fewer), each cut at max_tokens. */
assay_status corpus_tokenize(struct corpus *corpus, const assay_tokenizer *tokenizer, int64_t rows,
                             int32_t max_tokens, assay_error *error);
void corpus_free(struct corpus *corpus);

#endif
