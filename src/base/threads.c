#include "base/threads.h"

#include "base/error.h"
#include "base/memory.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* How often a waiting thread looks again before it sleeps: about 20 microseconds, the distance
 * between two operations of a model. */
enum { SPINS = 4000 };

struct worker {
    pthread_t thread;
    struct thread_pool *pool;
    int number;
};

struct thread_pool {
    int size;
    int started;
    struct worker *workers;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    _Atomic uint64_t generation; /* counts the jobs handed out */
    _Atomic int64_t next;
    _Atomic int busy; /* workers that have not finished the current job */
    _Atomic bool stopping;
    int64_t count;
    thread_task *task;
    void *context;
};

int processor_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

#if defined(__x86_64__)
enum { FLUSH_RESULTS = 0x8000, FLUSH_OPERANDS = 0x0040 };

unsigned denormals_flush(void)
{
    unsigned state = _mm_getcsr();
    _mm_setcsr(state | FLUSH_RESULTS | FLUSH_OPERANDS);
    return state;
}

void denormals_restore(unsigned state)
{
    _mm_setcsr(state);
}

static void relax(void)
{
    _mm_pause();
}
#elif defined(__aarch64__)
unsigned denormals_flush(void)
{
    uint64_t state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    uint64_t flushing = state | (UINT64_C(1) << 24);
    __asm__ volatile("msr fpcr, %0" : : "r"(flushing));
    return (unsigned)state;
}

void denormals_restore(unsigned state)
{
    uint64_t wide = state;
    __asm__ volatile("msr fpcr, %0" : : "r"(wide));
}

static void relax(void)
{
    __asm__ volatile("yield");
}
#else
unsigned denormals_flush(void)
{
    return 0;
}

void denormals_restore(unsigned state)
{
    (void)state;
}

static void relax(void)
{
}
#endif

static void take_tasks(struct thread_pool *pool, int thread)
{
    for (;;) {
        int64_t index = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (index >= pool->count)
            return;
        pool->task(pool->context, index, thread);
    }
}

/* Returns once a job after `seen` is there or the pool stops. */
static void await_job(struct thread_pool *pool, uint64_t seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&pool->generation, memory_order_acquire) != seen ||
            atomic_load_explicit(&pool->stopping, memory_order_relaxed))
            return;
        relax();
    }
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load(&pool->generation) == seen && !atomic_load(&pool->stopping))
        pthread_cond_wait(&pool->wake, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct thread_pool *pool = worker->pool;
    denormals_flush();
    uint64_t seen = 0;
    for (;;) {
        await_job(pool, seen);
        if (atomic_load(&pool->stopping))
            return NULL;
        seen++;
        take_tasks(pool, worker->number);
        atomic_fetch_sub_explicit(&pool->busy, 1, memory_order_release);
    }
}

assay_status thread_pool_open(struct thread_pool **out, int threads, assay_error *error)
{
    *out = NULL;
    int size = threads > 0 ? threads : processor_count();
    if (size > THREADS_MAX)
        size = THREADS_MAX;
    struct thread_pool *pool = memory_allocate_zeroed(1, sizeof *pool);
    if (!pool)
        return error_memory(error, sizeof *pool);
    pool->size = size;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->workers = memory_allocate_zeroed((size_t)size, sizeof *pool->workers);
    if (!pool->workers) {
        thread_pool_close(pool);
        return error_memory(error, (size_t)size * sizeof *pool->workers);
    }
    for (int i = 1; i < size; i++) {
        struct worker *worker = &pool->workers[i];
        worker->pool = pool;
        worker->number = i;
        int failure = pthread_create(&worker->thread, NULL, work, worker);
        if (failure) {
            thread_pool_close(pool);
            return error_set(error, ASSAY_ERROR_MEMORY, "cannot start thread %d of %d: %s", i, size,
                             strerror(failure));
        }
        pool->started = i;
    }
    *out = pool;
    return ASSAY_OK;
}

int thread_pool_size(const struct thread_pool *pool)
{
    return pool ? pool->size : 1;
}

void thread_pool_close(struct thread_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->stopping, true);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 1; i <= pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    memory_free(pool->workers);
    memory_free(pool);
}

void thread_pool_run(struct thread_pool *pool, int64_t count, thread_task *task, void *context)
{
    unsigned state = denormals_flush();
    if (!pool || pool->size == 1 || count <= 1) {
        for (int64_t i = 0; i < count; i++)
            task(context, i, 0);
        denormals_restore(state);
        return;
    }
    pool->count = count;
    pool->task = task;
    pool->context = context;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->busy, pool->size - 1, memory_order_relaxed);
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    take_tasks(pool, 0);
    for (int i = 0; atomic_load_explicit(&pool->busy, memory_order_acquire) > 0; i++) {
        relax();
        if (i > SPINS)
            sched_yield(); /* a worker lost its processor to someone else */
    }
    denormals_restore(state);
}
