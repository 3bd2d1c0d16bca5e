/* The batches of one epoch, as a pure function of (lengths, options, epoch): no worker, thread or
 * earlier epoch has a say, so a run resumes at (epoch, batch) by making the same plan again.
 *
 * Every row stands in exactly one batch. A batch holds at most `items` rows and at most `tokens`
 * tokens, the sum of its rows' lengths as batches are not padded; a row longer than the budget is a
 * batch of its own. The order depends on the seed and the epoch through base/random.h alone
 * (Fisher-Yates; Knuth, volume 2, algorithm 3.4.2 P) and is the same on every machine.
 * A plan is immutable: many threads may read it, one closes it.
 */
#ifndef ASSAY_TRAIN_BATCHES_H
#define ASSAY_TRAIN_BATCHES_H

#include "assay/status.h"

enum batch_mode {
    BATCH_BUCKETS, /* shuffled, then rows of like length put together, then batches shuffled */
    BATCH_FULL,    /* shuffled */
    BATCH_NONE     /* the file's order */
};

struct batch_options {
    enum batch_mode mode;
    int64_t tokens; /* limits of a batch; 0 is none, but one of the two must be given */
    int64_t items;
    uint64_t seed;
};

struct batch_plan; /* opaque */

/* lengths: (rows,), none negative; not kept. */
assay_status batch_plan_make(struct batch_plan **out, const int32_t *lengths, int64_t rows,
                             const struct batch_options *options, int64_t epoch,
                             assay_error *error);
void batch_plan_close(struct batch_plan *plan); /* NULL allowed */

int64_t batch_plan_count(const struct batch_plan *plan);
/* The rows of batch `batch`, in the order in which they are to be laid out; `*count` of them. */
const int64_t *batch_plan_rows(const struct batch_plan *plan, int64_t batch, int64_t *count);
int64_t batch_plan_tokens(const struct batch_plan *plan, int64_t batch);

#endif
