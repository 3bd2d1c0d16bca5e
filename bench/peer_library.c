#include "peer_library.h"

#include <dlfcn.h>
#include <stdio.h>

enum { ROW_MAJOR = 101, NOT_TRANSPOSED = 111 };
enum { CBLAS, CBLAS_WIDE, ONEDNN };

typedef void cblas_sgemm(int order, int transa, int transb, int m, int n, int k, float alpha,
                         const float *a, int lda, const float *b, int ldb, float beta, float *c,
                         int ldc);
typedef void cblas_sgemm_wide(int order, int transa, int transb, int64_t m, int64_t n, int64_t k,
                              float alpha, const float *a, int64_t lda, const float *b, int64_t ldb,
                              float beta, float *c, int64_t ldc);
typedef int dnnl_sgemm(char transa, char transb, int64_t m, int64_t n, int64_t k, float alpha,
                       const float *a, int64_t lda, const float *b, int64_t ldb, float beta,
                       float *c, int64_t ldc);

/* POSIX has functions fit in object pointers, ISO C does not say so. */
static bool find(struct peer_library *library, const char *symbol, int kind)
{
    void *found = dlsym(library->handle, symbol);
    if (!found)
        return false;
    *(void **)(void *)&library->function = found;
    library->kind = kind;
    return true;
}

static void open_one(struct peer_library *library, const char *file, const char *const *names)
{
    const char *const asked[] = {file, NULL};
    for (const char *const *name = file ? asked : names; *name && !library->handle; name++) {
        library->handle = dlopen(*name, RTLD_NOW | RTLD_LOCAL);
        library->file = library->handle ? *name : NULL;
        if (!library->handle)
            snprintf(library->problem, sizeof library->problem, "not there: %s", dlerror());
    }
}

/* The first function found of a list; without one the library is of no use. */
static void choose(struct peer_library *library, const char *const *symbols, const int *kinds)
{
    for (int i = 0; library->handle && symbols[i]; i++) {
        if (find(library, symbols[i], kinds[i]))
            return;
    }
    if (library->handle)
        snprintf(library->problem, sizeof library->problem, "%s has no such product",
                 library->file);
    library->file = NULL;
}

void peer_library_openblas(struct peer_library *library, const char *file)
{
    static const char *const names[] = {"libopenblas.so.0", "libopenblas.so", NULL};
    /* Also as Python's packages carry it, with names and sizes of their own. */
    static const char *const symbols[] = {"cblas_sgemm", "scipy_cblas_sgemm64_",
                                          "scipy_cblas_sgemm", NULL};
    static const int kinds[] = {CBLAS, CBLAS_WIDE, CBLAS};
    *library = (struct peer_library){.name = "OpenBLAS"};
    open_one(library, file, names);
    choose(library, symbols, kinds);
}

void peer_library_onednn(struct peer_library *library, const char *file)
{
    static const char *const names[] = {"libdnnl.so.3", "libdnnl.so.2", "libdnnl.so", NULL};
    static const char *const symbols[] = {"dnnl_sgemm", NULL};
    static const int kinds[] = {ONEDNN};
    *library = (struct peer_library){.name = "oneDNN"};
    open_one(library, file, names);
    choose(library, symbols, kinds);
}

void peer_library_multiply(const struct peer_library *library, float *c, const float *a,
                           const float *b, int64_t m, int64_t n, int64_t k)
{
    switch (library->kind) {
    case CBLAS:
        ((cblas_sgemm *)library->function)(ROW_MAJOR, NOT_TRANSPOSED, NOT_TRANSPOSED, (int)m,
                                           (int)n, (int)k, 1.0f, a, (int)k, b, (int)n, 0.0f, c,
                                           (int)n);
        break;
    case CBLAS_WIDE:
        ((cblas_sgemm_wide *)library->function)(ROW_MAJOR, NOT_TRANSPOSED, NOT_TRANSPOSED, m, n, k,
                                                1.0f, a, k, b, n, 0.0f, c, n);
        break;
    default:
        ((dnnl_sgemm *)library->function)('N', 'N', m, n, k, 1.0f, a, k, b, n, 0.0f, c, n);
    }
}
