/* Checkpoints: folders `step-N` beside each other, with links `last` and `best`.
 *
 * Each holds state.safetensors (float32 arrays, kept to the bit, NaN too), state.json (counters)
 * and SHA256SUMS over both, so that `sha256sum -c` and we tell a damaged one. It is built under a
 * hidden name, every file synced, and renamed: whatever is called step-N was once complete.
 * A process killed at any instant, a full disk or a failing one lose no earlier checkpoint.
 * One process at a time writes into a folder of checkpoints; any number may read.
 */
#ifndef ASSAY_TRAIN_CHECKPOINT_H
#define ASSAY_TRAIN_CHECKPOINT_H

#include "assay/status.h"

#include <stdbool.h>

enum {
    CHECKPOINT_MAX_ARRAYS = 1 << 20,
    CHECKPOINT_MAX_JSON = 64 << 10,
    CHECKPOINT_TEXT_SIZE = 65, /* of a fingerprint, with its end */
};

/* Where a run stands. Random numbers are functions of seed, step and row (base/random.h), so `seed`
 * is all there is to keep of them. */
struct checkpoint_counters {
    int64_t step; /* done so far */
    int64_t epoch;
    int64_t batch; /* the next one of the epoch's plan */
    uint64_t seed;
    int64_t evaluated_step; /* the last one after which the model was evaluated */
    int64_t rows_seen;
    int64_t tokens_seen;
    /* Early stopping. */
    bool has_best;
    double best_metric; /* finite */
    int64_t best_step;
    int64_t waited;                     /* evaluations since */
    char recipe[CHECKPOINT_TEXT_SIZE];  /* its fingerprint */
    char version[CHECKPOINT_TEXT_SIZE]; /* of assay; "" when writing is this one's */
};

struct checkpoint_array {
    const char *name;
    size_t count;
    float *values; /* the caller's; only checkpoint_read writes to it */
};

struct checkpoint_state {
    struct checkpoint_counters counters;
    struct checkpoint_array *arrays;
    size_t count;
};

/* Writes folder/step-N (making the folder, replacing an older step-N in one exchange) and points
 * `last` at it. */
assay_status checkpoint_write(const char *folder, const struct checkpoint_state *state,
                              assay_error *error);

/* Points folder/NAME ("best" or "last") at step-N, which must exist. */
assay_status checkpoint_link(const char *folder, const char *name, int64_t step,
                             assay_error *error);

/* Removes what interrupted writers left and all checkpoints but the newest `keep` (at least one)
 * and those that `best` and `last` point at; and stops short of the newest good one where none of
 * these is good. `known_good` is a step that need not be read to be believed, or -1. */
assay_status checkpoint_keep(const char *folder, int64_t keep, int64_t known_good,
                             assay_error *error);

/* Told of each damaged checkpoint that was passed over. */
typedef void checkpoint_skipped(void *context, const char *path, const assay_error *why);

/* The path, for memory_free, and the counters (may be NULL) of the newest whole checkpoint of the
 * folder; ASSAY_ERROR_NOT_FOUND when there is none. `skipped` may be NULL. */
assay_status checkpoint_find_newest_good(char **path, struct checkpoint_counters *counters,
                                         const char *folder, checkpoint_skipped *skipped,
                                         void *context, assay_error *error);

/* Reads and verifies the checkpoint at `path` without its arrays. */
assay_status checkpoint_verify(struct checkpoint_counters *counters, const char *path,
                               assay_error *error);

/* Fills the arrays and counters of `state`. The checkpoint must hold exactly these names with these
 * counts, and be of this recipe (NULL: any); else nothing is written to them. */
assay_status checkpoint_read(struct checkpoint_state *state, const char *path, const char *recipe,
                             assay_error *error);

/* The text of state.json as counters; `file` (may be NULL) names it in errors. */
assay_status checkpoint_parse_counters(struct checkpoint_counters *out, const char *text,
                                       size_t length, const char *file, assay_error *error);

#endif
