/* A function run in a child of this process: its memory, its peak and its death are its own.
 *
 * The child is a fork that runs on, without exec, so the caller must be the process's only thread.
 * It ends without running exit handlers or flushing stdio, and is killed when its parent dies.
 */
#ifndef ASSAY_MACHINE_APART_H
#define ASSAY_MACHINE_APART_H

#include "assay/status.h"

/* Fills *result, which holds no pointers into memory made here. */
typedef assay_status apart_work(void *result, void *context, assay_error *error);

/* `bytes` of result, as they were before, with what the work left in them. What the work returns
 * comes back with its error; a child that ends before is ASSAY_ERROR_INTERNAL, or, killed by
 * SIGKILL as the system does when memory is out, ASSAY_ERROR_MEMORY. */
assay_status run_apart(void *result, size_t bytes, apart_work *work, void *context,
                       assay_error *error);

#endif
