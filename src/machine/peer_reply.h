/* One line of what tools/peer_bench.py answers. */
#ifndef ASSAY_MACHINE_PEER_REPLY_H
#define ASSAY_MACHINE_PEER_REPLY_H

#include "assay/status.h"

#include <stdbool.h>

struct peer_reply {
    char versions[128]; /* of the first answer; else "" */
    int64_t batches, tokens, peak_bytes;
    double seconds;
};

/* The first answer is `ready`, the others are measurements: a positive number of everything. What
 * the peer says it failed of comes back as the error: ASSAY_ERROR_MISSING_LIBRARY where it lacks
 * packages, ASSAY_ERROR_ARGUMENT where it was asked for what it does not know. */
assay_status peer_reply_read(struct peer_reply *reply, bool ready, const char *line, size_t length,
                             assay_error *error);

#endif
