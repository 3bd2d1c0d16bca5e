/* Jobs whose memory runs out at every point: each allocation of base/memory.h fails in turn, alone
 * and together with all that follow it.
 *
 * What is checked at each point: the status is that of memory, or the job got over it and gave the
 * same bits; as many blocks and file descriptors are held as before; the files named are the very
 * ones they were, or the job's own check holds; and the same job run right after gives the same
 * bits. Under the address sanitizer the bytes that the whole process holds are compared too, those
 * of other libraries included, and leaks are looked for after every job.
 *
 * Allocations of json-c, libyaml and the C library are not made to fail: they offer no hook.
 */
#ifndef ASSAY_TESTS_MEMORY_TRIAL_H
#define ASSAY_TESTS_MEMORY_TRIAL_H

#include "assay/status.h"

#include <stdbool.h>

/* What a job gave, as one number. */
struct bits {
    uint64_t hash;
};

void bits_add(struct bits *bits, const void *bytes, size_t length);
void bits_add_text(struct bits *bits, const char *text);
void bits_add_file(struct bits *bits, const char *path); /* a missing one counts as missing */

struct memory_job {
    const char *name;
    /* Runs it; on success `bits` takes what came out. `again` is true right after a failure. */
    assay_status (*run)(void *context, bool again, struct bits *bits, assay_error *error);
    /* After a run that succeeded, with memory to spare: more of what came out. NULL allowed. */
    void (*result)(void *context, struct bits *bits);
    /* Before each failing run; NULL allowed. */
    void (*prepare)(void *context);
    /* After one that failed; fails the test when something is wrong. NULL allowed. */
    void (*failed)(void *context);
    /* A run takes long: points are drawn from all of them. */
    bool costly;
    /* Files and folders that a failing run must not touch. */
    const char *untouched[8];
    void *context;
};

void memory_job_try(const struct memory_job *job);

/* What main returns: after the program's tests, says how many points were visited. */
int memory_jobs_end(int failed);

#endif
