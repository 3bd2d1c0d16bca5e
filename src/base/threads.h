/* A small pool of threads that runs numbered tasks.
 *
 * The caller takes part, so a pool of one thread starts none. Tasks are handed out in order to
 * whoever is free: a task must not depend on which thread runs it. Every thread, the caller's
 * included while it works, flushes denormals to zero, so that results do not depend on the thread.
 * One caller at a time; a server keeps a pool a session.
 */
#ifndef ASSAY_BASE_THREADS_H
#define ASSAY_BASE_THREADS_H

#include "assay/status.h"

enum { THREADS_MAX = 256 };

struct thread_pool;

/* threads <= 0: as many as the processors this process may use. */
assay_status thread_pool_open(struct thread_pool **out, int threads, assay_error *error);
int thread_pool_size(const struct thread_pool *pool); /* a NULL pool has one thread: the caller */
void thread_pool_close(struct thread_pool *pool);

/* Runs task(context, index, thread) for index 0 .. count - 1; thread is 0 .. size - 1. Returns when
 * all are done. */
typedef void thread_task(void *context, int64_t index, int thread);
void thread_pool_run(struct thread_pool *pool, int64_t count, thread_task *task, void *context);

/* The processors this process may run on. */
int processor_count(void);

/* Flushing of denormals on the calling thread: returns the old state for denormals_restore. */
unsigned denormals_flush(void);
void denormals_restore(unsigned state);

#endif
