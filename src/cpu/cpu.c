#include "cpu/cpu.h"

#include "cpu/bfloat.h"
#include "cpu/fill.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

struct set_name {
    unsigned set;
    const char *name;
};

static const struct set_name set_names[] = {
    {CPU_PLAIN, "plain"},   {CPU_AVX2, "avx2"},
    {CPU_AVX512, "avx512"}, {CPU_AVX512_BF16, "avx512_bf16"},
    {CPU_AMX_BF16, "amx"},
};

enum { SET_NAMES = sizeof set_names / sizeof *set_names };

const char *cpu_set_name(unsigned set)
{
    for (int i = 0; i < SET_NAMES; i++) {
        if (set_names[i].set == set)
            return set_names[i].name;
    }
    return NULL;
}

#if defined(__x86_64__)

enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

/* The system keeps tile registers only for processes that asked. */
static int tiles_granted(void)
{
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

static unsigned probe(void)
{
    unsigned sets = CPU_PLAIN;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        sets |= CPU_AVX2;
    if ((sets & CPU_AVX2) && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        sets |= CPU_AVX512;
    unsigned a, b, c, d;
    if ((sets & CPU_AVX512) && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 5))
        sets |= CPU_AVX512_BF16;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & 1u << 22) && (d & 1u << 24) &&
        tiles_granted())
        sets |= CPU_AMX_BF16;
    return sets;
}

#else

static unsigned probe(void)
{
    return CPU_PLAIN;
}

#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned available;

static void probe_once(void)
{
    available = probe();
}

unsigned cpu_available(void)
{
    pthread_once(&once, probe_once);
    return available;
}

unsigned cpu_allowed(void)
{
    const char *wanted = getenv("ASSAY_KERNELS");
    if (!wanted || !*wanted)
        return cpu_available();
    unsigned mask = 0;
    while (*wanted) {
        size_t length = strcspn(wanted, ",");
        for (int i = 0; i < SET_NAMES; i++) {
            if (strlen(set_names[i].name) == length && !memcmp(set_names[i].name, wanted, length))
                mask |= set_names[i].set;
        }
        wanted += length + (wanted[length] == ',');
    }
    return mask & cpu_available();
}

void cpu_kernels(struct kernels *kernels, unsigned allowed)
{
    memset(kernels, 0, sizeof *kernels);
    allowed &= cpu_available();
    kernels_plain_fill(kernels);
#if defined(__x86_64__)
    if (allowed & CPU_AVX2)
        kernels_avx2_fill(kernels);
    if (allowed & CPU_AVX512)
        kernels_avx512_fill(kernels);
    if (allowed & CPU_AVX512_BF16)
        bfloat_avx512_fill(kernels);
    if (allowed & CPU_AMX_BF16)
        bfloat_amx_fill(kernels);
#endif
}
