/* Records of measurements as text: what bench_history.c writes and reads of a file. */
#ifndef ASSAY_MACHINE_BENCH_HISTORY_H
#define ASSAY_MACHINE_BENCH_HISTORY_H

#include "assay/bench.h"
#include "base/buffer.h"

/* Appends one record, newline included; false when memory runs out. `time` as in
 * "2026-01-31T12:00:00Z". */
bool history_write(struct buffer *out, const assay_bench_result *result,
                   const assay_peer_result *peer, const assay_machine *machine, const char *time);

/* The last record of the same machine, work, precision, threads, rows and limit of tokens among
 * the lines of a file. Lines that are no whole record are counted, never an error. */
void history_search(assay_bench_earlier *earlier, const char *text, size_t length,
                    const assay_bench_result *wanted, const assay_machine *machine);

#endif
