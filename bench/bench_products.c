/* Matrix products of assay beside oneDNN's and OpenBLAS's, where these are installed: GFLOP/s, the
 * best of the repetitions, square shapes and those of the models.
 *
 *     bench_products [--threads N] [--seconds S] [--openblas FILE] [--onednn FILE]
 *
 * "packed" has its second operand packed beforehand, as weights that do not change are; "packing"
 * packs it in each call, as the other libraries must. Every result is compared with assay's float32
 * product, so that a library that computes something else is not praised for it.
 */
#include "base/memory.h"
#include "base/process.h"
#include "base/threads.h"
#include "cpu/cpu.h"
#include "peer_library.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shape {
    int64_t m, n, k;
    const char *what;
};

static const struct shape shapes[] = {
    {256, 256, 256, "square"},
    {512, 512, 512, "square"},
    {1024, 1024, 1024, "square"},
    {2048, 2048, 2048, "square"},
    {2048, 384, 384, "MiniLM, query"},
    {2048, 1536, 384, "MiniLM, in"},
    {2048, 384, 1536, "MiniLM, out"},
    {2048, 768, 768, "DistilBERT, query"},
    {2048, 3072, 768, "DistilBERT, in"},
    {2048, 768, 3072, "DistilBERT, out"},
    {3072, 768, 2048, "DistilBERT, in, gradient"},
    {1024, 2304, 768, "GPT-2, q k v"},
    {64, 50257, 768, "GPT-2, vocabulary"},
    {1, 768, 768, "one row"},
    {127, 383, 385, "odd"},
};

enum { SHAPES = sizeof shapes / sizeof *shapes, REPETITIONS_LEAST = 3 };
enum { PACKED, PACKING, BFLOAT, WAYS };

struct bench {
    struct kernels kernels;
    struct kernel_context context;
    double seconds;
    struct peer_library libraries[2];
    const struct shape *shape;
    float *a, *b, *c, *expected;
    void *packed;
};

static void multiply(struct bench *bench, int way)
{
    const struct shape *s = bench->shape;
    const struct product product = {.c = way == PACKED ? bench->expected : bench->c,
                                    .c_row = s->n,
                                    .a = bench->a,
                                    .a_row = s->k,
                                    .a_k = 1,
                                    .b = bench->packed,
                                    .m = s->m,
                                    .n = s->n,
                                    .k = s->k};
    if (way == PACKING)
        bench->kernels.pack(&bench->context, bench->packed, bench->b, s->n, 1, s->k, s->n);
    if (way == BFLOAT)
        bench->kernels.bfloat_product(&bench->context, &product);
    else if (way < WAYS)
        bench->kernels.product(&bench->context, &product);
    else
        peer_library_multiply(&bench->libraries[way - WAYS], bench->c, bench->a, bench->b, s->m,
                              s->n, s->k);
}

static double rate(struct bench *bench, int way)
{
    double best = INFINITY;
    int count = 0;
    multiply(bench, way);
    double end = process_now() + bench->seconds;
    while (count < REPETITIONS_LEAST || process_now() < end) {
        double began = process_now();
        multiply(bench, way);
        double took = process_now() - began;
        best = took < best ? took : best;
        count++;
    }
    const struct shape *s = bench->shape;
    return 2.0 * (double)s->m * (double)s->n * (double)s->k / best / 1e9;
}

/* Of the result beside the float32 product: the norm of the difference over the norm. */
static double difference(const struct bench *bench)
{
    double difference = 0.0, norm = 0.0;
    int64_t count = bench->shape->m * bench->shape->n;
    for (int64_t i = 0; i < count; i++) {
        double d = (double)bench->c[i] - (double)bench->expected[i];
        difference += d * d;
        norm += (double)bench->expected[i] * (double)bench->expected[i];
    }
    return sqrt(difference / norm);
}

static bool make_room(struct bench *bench)
{
    const struct shape *s = bench->shape;
    size_t bytes = packed_floats(s->k, s->n) * sizeof(float);
    if (bench->kernels.bfloat_product && bench->kernels.bfloat_bytes(s->k, s->n) > bytes)
        bytes = bench->kernels.bfloat_bytes(s->k, s->n);
    bench->a = memory_allocate_aligned((size_t)(s->m * s->k), sizeof(float));
    bench->b = memory_allocate_aligned((size_t)(s->k * s->n), sizeof(float));
    bench->c = memory_allocate_aligned((size_t)(s->m * s->n), sizeof(float));
    bench->expected = memory_allocate_aligned((size_t)(s->m * s->n), sizeof(float));
    bench->packed = memory_allocate_aligned(bytes, 1);
    if (bench->kernels.bfloat_product) {
        size_t each = bench->kernels.bfloat_scratch(s->k);
        size_t threads = (size_t)thread_pool_size(bench->context.threads);
        bench->context.scratch = memory_allocate_aligned(each * threads + 1, sizeof(float));
        bench->context.scratch_floats = each;
    }
    return bench->a && bench->b && bench->c && bench->expected && bench->packed &&
           (!bench->kernels.bfloat_product || bench->context.scratch);
}

static void drop_room(struct bench *bench)
{
    memory_free(bench->a);
    memory_free(bench->b);
    memory_free(bench->c);
    memory_free(bench->expected);
    memory_free(bench->packed);
    memory_free(bench->context.scratch);
    bench->context.scratch = NULL;
}

static void show(struct bench *bench, int way, double limit)
{
    double found = rate(bench, way), off = way == PACKED ? 0.0 : difference(bench);
    if (off <= limit)
        printf(" %12.1f", found);
    else
        printf(" %5.0f, WRONG", found);
    fflush(stdout);
}

static bool bench_one(struct bench *bench, const struct shape *s)
{
    bench->shape = s;
    bool room = make_room(bench);
    if (!room) {
        fprintf(stderr, "bench_products: not enough memory\n");
        drop_room(bench);
        return false;
    }
    for (int64_t i = 0; i < s->m * s->k; i++)
        bench->a[i] = (float)((i * 7919) % 1009 - 504) / 504.0f;
    for (int64_t i = 0; i < s->k * s->n; i++)
        bench->b[i] = (float)((i * 6007) % 1013 - 506) / 506.0f;
    printf("%5lld %6lld %5lld", (long long)s->m, (long long)s->n, (long long)s->k);
    bench->kernels.pack(&bench->context, bench->packed, bench->b, s->n, 1, s->k, s->n);
    show(bench, PACKED, 0.0);
    show(bench, PACKING, 0.0);
    if (bench->kernels.bfloat_product) {
        bench->kernels.bfloat_pack(&bench->context, bench->packed, NULL, bench->b, false, s->n, 1,
                                   s->k, s->n);
        show(bench, BFLOAT, 0.02);
    } else {
        printf(" %12s", "-");
    }
    for (int i = 0; i < 2; i++) {
        if (bench->libraries[i].file)
            show(bench, WAYS + i, 1e-5);
        else
            printf(" %12s", "-");
    }
    printf("  %s\n", s->what);
    drop_room(bench);
    return true;
}

/* The libraries read how many threads to start when they are opened. */
static void set_threads(int threads)
{
    static const char *const names[] = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"};
    char number[16];
    snprintf(number, sizeof number, "%d", threads);
    for (int i = 0; i < 2; i++)
        setenv(names[i], number, 1);
}

int main(int argc, char **argv)
{
    const char *openblas = NULL, *onednn = NULL;
    int threads = processor_count(), at = 1;
    struct bench bench = {.seconds = 0.3};
    bool missing = false;
    for (; at + 1 < argc; at += 2) {
        if (!strcmp(argv[at], "--threads"))
            threads = atoi(argv[at + 1]);
        else if (!strcmp(argv[at], "--seconds"))
            bench.seconds = atof(argv[at + 1]);
        else if (!strcmp(argv[at], "--openblas"))
            openblas = argv[at + 1];
        else if (!strcmp(argv[at], "--onednn"))
            onednn = argv[at + 1];
        else
            break;
    }
    if (at < argc || threads < 1) {
        fprintf(stderr, "bench_products [--threads N] [--seconds S] [--openblas FILE] "
                        "[--onednn FILE]\n");
        return 2;
    }
    set_threads(threads);
    peer_library_onednn(&bench.libraries[0], onednn);
    peer_library_openblas(&bench.libraries[1], openblas);
    for (int i = 0; i < 2; i++) {
        const struct peer_library *library = &bench.libraries[i];
        printf("%s: %s\n", library->name, library->file ? library->file : library->problem);
        missing = missing || !library->file;
    }
    if (missing)
        printf("Debian has them as libdnnl2 and libopenblas0-pthread\n");
    cpu_kernels(&bench.kernels, cpu_allowed());
    if (thread_pool_open(&bench.context.threads, threads, NULL) != ASSAY_OK)
        return 1;
    printf("%d threads; assay float32 on %s, bfloat16 on %s; GFLOP/s\n", threads,
           bench.kernels.name,
           bench.kernels.bfloat_product ? bench.kernels.bfloat_name : "nothing");
    printf("%5s %6s %5s %12s %12s %12s %12s %12s\n", "m", "n", "k", "packed", "packing", "bfloat16",
           bench.libraries[0].name, bench.libraries[1].name);
    bool done = true;
    for (int i = 0; done && i < SHAPES; i++)
        done = bench_one(&bench, &shapes[i]);
    thread_pool_close(bench.context.threads);
    return done ? 0 : 1;
}
