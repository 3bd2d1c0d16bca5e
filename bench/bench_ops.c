/* The table of ops, timed: every case at a working size on every kernel set of this processor.
 *
 *     bench_ops [--threads N] [--seconds S] [name ...]
 *
 * Prints the best time of forward and of forward with backward, with GFLOP/s for what is counted in
 * operations and GB/s (inputs and outputs, once each) for the rest.
 */
#include "base/threads.h"
#include "cpu/cpu.h"
#include "op_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    const char *op;
    int64_t sizes[5];
    enum precision precision;
};

/* Those of a MiniLM layer over 16 rows of up to 128 tokens, and of a head over 8,000 words. */
static const struct bench benches[] = {
    {"linear", {16, 128, 384, 1536}, PRECISION_HIGHEST},
    {"linear", {16, 128, 1536, 384}, PRECISION_HIGHEST},
    {"linear", {16, 128, 384, 1536}, PRECISION_HIGH},
    {"linear", {16, 128, 384, 1536}, PRECISION_MEDIUM},
    {"linear", {1, 1, 384, 1536}, PRECISION_HIGHEST},
    {"attention_shared", {16, 128, 12, 32, 0}, PRECISION_HIGHEST},
    {"attention_shared", {4, 512, 12, 64, 1}, PRECISION_HIGHEST},
    {"attention_dropout", {16, 128, 12, 32, 0}, PRECISION_HIGHEST},
    {"embedding", {16, 128, 30522, 384}, PRECISION_HIGHEST},
    {"layer_norm", {16, 128, 384}, PRECISION_HIGHEST},
    {"rms_norm", {16, 128, 384}, PRECISION_HIGHEST},
    {"gelu_erf", {16, 128, 1536}, PRECISION_HIGHEST},
    {"gelu_tanh", {16, 128, 1536}, PRECISION_HIGHEST},
    {"silu", {16, 128, 1536}, PRECISION_HIGHEST},
    {"add", {16, 128, 384}, PRECISION_HIGHEST},
    {"dropout", {16, 128, 384}, PRECISION_HIGHEST},
    {"pooling_mean", {16, 128, 384}, PRECISION_HIGHEST},
    {"l2_normalize", {16, 128, 384}, PRECISION_HIGHEST},
    {"cross_entropy", {16, 128, 2}, PRECISION_HIGHEST},
    {"vocabulary_bias_p", {4, 32, 384, 8000}, PRECISION_HIGHEST},
};

enum { BENCHES = sizeof benches / sizeof *benches };

static double bytes_of(const struct trial_result *result, const struct trial *trial)
{
    double bytes = 0.0;
    for (int i = 0; i < TRIAL_USES && trial->op->uses[i].tensor; i++) {
        const struct trial_tensor *tensor = trial_find(trial, trial->op->uses[i].tensor);
        bytes += tensor ? 4.0 * (double)tensor->count : 0.0;
    }
    for (int i = 0; i < result->count; i++)
        bytes += 4.0 * (double)result->tensors[i].count;
    return bytes;
}

static void show(const struct trial *trial, const struct kernels *kernels,
                 struct thread_pool *threads, enum precision precision, bool tape, double seconds)
{
    struct run_options run = {
        .kernels = kernels, .threads = threads, .tape = tape, .precision = precision};
    struct trial_result result;
    if (trial_time(&result, trial, &run, seconds)) {
        double operations = result.cost.forward_operations + result.cost.backward_operations;
        double rate = (operations > 0.0 ? operations : bytes_of(&result, trial)) / result.seconds;
        printf("  %10.1f us %8.1f %s", 1e6 * result.seconds, rate / 1e9,
               operations > 0.0 ? "GFLOP/s" : "GB/s   ");
    }
    trial_result_close(&result);
}

static void bench_one(const struct bench *bench, const struct kernels *kernels,
                      struct thread_pool *threads, double seconds)
{
    static const char *const precisions[] = {"highest", "high", "medium"};
    if (bench->precision != PRECISION_HIGHEST && !kernels->bfloat_product)
        return;
    struct trial trial;
    trial_open_random(&trial, op_case_find(bench->op), bench->sizes, 1);
    printf("%-8s %-20s %-8s", kernels->name, bench->op, precisions[bench->precision]);
    printf(" %4lld x %-4lld %5lld %5lld", (long long)bench->sizes[0], (long long)bench->sizes[1],
           (long long)bench->sizes[2], (long long)bench->sizes[3]);
    show(&trial, kernels, threads, bench->precision, false, seconds);
    show(&trial, kernels, threads, bench->precision, true, seconds);
    printf("\n");
    fflush(stdout);
    trial_close(&trial);
}

static bool chosen(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++) {
        if (!strcmp(names[i], name))
            return true;
    }
    return count == 0;
}

int main(int argc, char **argv)
{
    static const unsigned masks[] = {CPU_PLAIN, CPU_AVX2, CPU_AVX2 | CPU_AVX512,
                                     CPU_AVX2 | CPU_AVX512 | CPU_AVX512_BF16,
                                     CPU_AVX2 | CPU_AVX512 | CPU_AMX_BF16};
    int threads = 1, first = 1;
    double seconds = 0.2;
    while (first + 1 < argc && argv[first][0] == '-') {
        if (!strcmp(argv[first], "--threads"))
            threads = atoi(argv[first + 1]);
        else if (!strcmp(argv[first], "--seconds"))
            seconds = atof(argv[first + 1]);
        else
            break;
        first += 2;
    }
    if (first < argc && argv[first][0] == '-') {
        fprintf(stderr, "bench_ops [--threads N] [--seconds S] [name ...]\n");
        return 2;
    }
    struct thread_pool *pool;
    if (thread_pool_open(&pool, threads, NULL) != ASSAY_OK)
        return 1;
    for (int set = 0; set < 5; set++) {
        struct kernels kernels;
        if ((cpu_available() & masks[set]) != masks[set])
            continue;
        cpu_kernels(&kernels, masks[set]);
        for (int i = 0; i < BENCHES; i++) {
            /* The bfloat16 sets differ from AVX-512 in these alone. */
            if (set > 2 && benches[i].precision == PRECISION_HIGHEST)
                continue;
            if (chosen(benches[i].op, argc - first, argv + first))
                bench_one(&benches[i], &kernels, pool, seconds);
        }
    }
    thread_pool_close(pool);
    return 0;
}
