#include "machine/measure.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"
#include "cpu/cpu.h"
#include "models/model.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { SAMPLES_MAX = 4096, SAMPLES_LEAST = 3 };

double measure_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

assay_status measure_work(assay_bench_result *result, double seconds, double amount,
                          measure_step *step, void *context, assay_error *error)
{
    return measure_steps(result, seconds, &amount, step, context, error);
}

assay_status measure_steps(assay_bench_result *result, double seconds, const double *amount,
                           measure_step *step, void *context, assay_error *error)
{
    double *samples = memory_allocate(SAMPLES_MAX, sizeof *samples);
    if (!samples)
        return error_memory(error, SAMPLES_MAX * sizeof *samples);
    int count = 0;
    assay_status status = step(context, error);
    double end = measure_now() + seconds;
    while (status == ASSAY_OK && count < SAMPLES_MAX &&
           (count < SAMPLES_LEAST || measure_now() < end)) {
        double began = measure_now();
        status = step(context, error);
        double took = measure_now() - began;
        samples[count++] = *amount > 0 ? *amount / took : took * 1e3;
    }
    if (status == ASSAY_OK) {
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        qsort(samples, (size_t)count, sizeof *samples, by_size);
        result->value = samples[count / 2];
        result->least = samples[0];
        result->most = samples[count - 1];
        result->repetitions = count;
        result->peak_bytes = (int64_t)usage.ru_maxrss * 1024;
    }
    memory_free(samples);
    return status;
}

enum { PRODUCT_M = 1024, PRODUCT_N = 768, PRODUCT_K = 768 };

struct product_work {
    struct kernels kernels;
    struct kernel_context context;
    struct product product;
    bool bfloat;
};

static assay_status run_product(void *context, assay_error *error)
{
    (void)error;
    const struct product_work *work = context;
    if (work->bfloat)
        work->kernels.bfloat_product(&work->context, &work->product);
    else
        work->kernels.product(&work->context, &work->product);
    return ASSAY_OK;
}

assay_status measure_product(assay_bench_result *result, const assay_bench_options *options,
                             assay_error *error)
{
    struct product_work work = {0};
    cpu_kernels(&work.kernels, cpu_allowed());
    const struct kernels *kernels = &work.kernels;
    work.bfloat = model_precision_used(kernels, options->precision) != ASSAY_PRECISION_HIGHEST;
    bool three = work.bfloat && options->precision == ASSAY_PRECISION_HIGH;
    result->unit = "GFLOP/s";
    result->kernels = work.bfloat ? kernels->bfloat_name : kernels->name;

    struct thread_pool *pool = NULL;
    assay_status status = thread_pool_open(&pool, options->threads, error);
    if (status != ASSAY_OK)
        return status;
    size_t packed_bytes = work.bfloat ? kernels->bfloat_bytes(PRODUCT_K, PRODUCT_N)
                                      : packed_floats(PRODUCT_K, PRODUCT_N) * sizeof(float);
    size_t scratch_floats = work.bfloat ? kernels->bfloat_scratch(PRODUCT_K) : 0;
    size_t threads = (size_t)thread_pool_size(pool);
    float *a = memory_allocate_aligned((size_t)PRODUCT_M * PRODUCT_K, sizeof *a);
    float *b = memory_allocate_aligned((size_t)PRODUCT_K * PRODUCT_N, sizeof *b);
    float *c = memory_allocate_aligned((size_t)PRODUCT_M * PRODUCT_N, sizeof *c);
    void *packed = memory_allocate_aligned(packed_bytes, 1);
    void *low = three ? memory_allocate_aligned(packed_bytes, 1) : NULL;
    float *scratch = memory_allocate_aligned(scratch_floats * threads + 1, sizeof *scratch);
    if (!a || !b || !c || !packed || (three && !low) || !scratch) {
        status = error_set(error, ASSAY_ERROR_MEMORY, "not enough memory to measure a product");
        goto done;
    }
    for (size_t i = 0; i < (size_t)PRODUCT_M * PRODUCT_K; i++)
        a[i] = (float)(i % 37) * 0.01f;
    for (size_t i = 0; i < (size_t)PRODUCT_K * PRODUCT_N; i++)
        b[i] = (float)(i % 41) * 0.01f;
    work.context = (struct kernel_context){
        .threads = pool, .scratch = scratch, .scratch_floats = scratch_floats};
    if (work.bfloat)
        kernels->bfloat_pack(&work.context, packed, low, b, false, PRODUCT_N, 1, PRODUCT_K,
                             PRODUCT_N);
    else
        kernels->pack(&work.context, packed, b, PRODUCT_N, 1, PRODUCT_K, PRODUCT_N);
    work.product = (struct product){.c = c,
                                    .c_row = PRODUCT_N,
                                    .a = a,
                                    .a_row = PRODUCT_K,
                                    .a_k = 1,
                                    .b = packed,
                                    .b_low = low,
                                    .m = PRODUCT_M,
                                    .n = PRODUCT_N,
                                    .k = PRODUCT_K};
    status = measure_work(result, options->seconds, 2.0 * PRODUCT_M * PRODUCT_N * PRODUCT_K / 1e9,
                          run_product, &work, error);
done:
    memory_free(scratch);
    memory_free(low);
    memory_free(packed);
    memory_free(c);
    memory_free(b);
    memory_free(a);
    thread_pool_close(pool);
    return status;
}

enum { STREAM_BYTES = 128 << 20, STREAM_PIECE = 1 << 20 };

struct stream_work {
    struct thread_pool *pool;
    char *to;
    const char *from;
};

static void copy_piece(void *context, int64_t index, int thread)
{
    (void)thread;
    const struct stream_work *work = context;
    size_t at = (size_t)index * STREAM_PIECE;
    memcpy(work->to + at, work->from + at, STREAM_PIECE);
}

static assay_status run_stream(void *context, assay_error *error)
{
    (void)error;
    struct stream_work *work = context;
    thread_pool_run(work->pool, STREAM_BYTES / STREAM_PIECE, copy_piece, work);
    return ASSAY_OK;
}

assay_status measure_stream(assay_bench_result *result, const assay_bench_options *options,
                            assay_error *error)
{
    struct stream_work work = {0};
    result->unit = "GB/s";
    result->kernels = "memcpy";
    assay_status status = thread_pool_open(&work.pool, options->threads, error);
    if (status != ASSAY_OK)
        return status;
    char *from = memory_allocate_aligned(STREAM_BYTES, 1);
    work.to = memory_allocate_aligned(STREAM_BYTES, 1);
    if (!from || !work.to) {
        status = error_memory(error, STREAM_BYTES);
    } else {
        memset(from, 1, STREAM_BYTES);
        work.from = from;
        status = measure_work(result, options->seconds, 2.0 * STREAM_BYTES / 1e9, run_stream, &work,
                              error);
    }
    memory_free(work.to);
    memory_free(from);
    thread_pool_close(work.pool);
    return status;
}
