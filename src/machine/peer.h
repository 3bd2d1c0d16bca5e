/* The Python process that does the reference's side of a work (tools/peer_bench.py, of which the
 * library carries a copy), alive over all measurements, so that it imports and compiles once.
 *
 * It stands in a process group of its own, is killed by peer_close or with its parent, and what it
 * prints on stderr is kept for errors. One thread.
 */
#ifndef ASSAY_MACHINE_PEER_H
#define ASSAY_MACHINE_PEER_H

#include "machine/bench_subject.h"
#include "machine/peer_reply.h"

struct peer;

/* Starts it, gives it the rows, and waits until it is warm. */
assay_status peer_open(struct peer **out, struct peer_reply *reply,
                       const assay_peer_options *options, const struct bench_request *request,
                       const struct bench_rows *rows, int threads, assay_error *error);
/* So many batches; 0: as many as take so long. */
assay_status peer_measure(struct peer *peer, struct peer_reply *reply, double seconds,
                          int64_t batches, assay_error *error);
void peer_close(struct peer *peer); /* NULL allowed */

#endif
