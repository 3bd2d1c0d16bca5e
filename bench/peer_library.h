/* oneDNN and OpenBLAS where they are installed: opened at run time, never linked, only for
 * bench_products. Row-major c (m, n) = a (m, k) b (k, n) in float32.
 */
#ifndef BENCH_PEER_LIBRARY_H
#define BENCH_PEER_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>

struct peer_library {
    const char *name, *file; /* file: what was opened */
    void *handle;
    void (*function)(void);
    int kind;
    char problem[160]; /* why it cannot be used */
};

/* `file` NULL: the usual names. Threads are set through the environment, so before both. file stays
 * NULL, with a problem, where the library or its function is not there. */
void peer_library_openblas(struct peer_library *library, const char *file);
void peer_library_onednn(struct peer_library *library, const char *file);
void peer_library_multiply(const struct peer_library *library, float *c, const float *a,
                           const float *b, int64_t m, int64_t n, int64_t k);

#endif
