/* The pool: every task once, whatever the number of threads, and denormals flushed everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/threads.h"

#include <float.h>
#include <stdatomic.h>
#include <string.h>

enum { MOST_TASKS = 1000 };

struct tally {
    _Atomic int runs[MOST_TASKS];
    _Atomic int wrong_thread, denormal;
    int threads;
    volatile float tiny;
};

static void count_task(void *context, int64_t index, int thread)
{
    struct tally *tally = context;
    atomic_fetch_add(&tally->runs[index], 1);
    if (thread < 0 || thread >= tally->threads)
        atomic_fetch_add(&tally->wrong_thread, 1);
    if (tally->tiny * 0.5f != 0.0f)
        atomic_fetch_add(&tally->denormal, 1);
}

static void run_once_each(struct thread_pool *pool, int64_t count)
{
    static struct tally tally;
    memset(&tally, 0, sizeof tally);
    tally.threads = thread_pool_size(pool);
    tally.tiny = FLT_MIN;
    thread_pool_run(pool, count, count_task, &tally);
    for (int64_t i = 0; i < MOST_TASKS; i++)
        assert_int_equal(tally.runs[i], i < count ? 1 : 0);
    assert_int_equal(tally.wrong_thread, 0);
#if defined(__x86_64__) || defined(__aarch64__)
    assert_int_equal(tally.denormal, 0);
#endif
}

static void every_task_runs_once(void **state)
{
    (void)state;
    static const int sizes[] = {1, 2, 7};
    static const int64_t counts[] = {0, 1, 2, 3, 8, 999};
    run_once_each(NULL, 5);
    for (int i = 0; i < 3; i++) {
        struct thread_pool *pool;
        assert_int_equal(thread_pool_open(&pool, sizes[i], NULL), ASSAY_OK);
        assert_int_equal(thread_pool_size(pool), sizes[i]);
        for (int j = 0; j < 6; j++)
            run_once_each(pool, counts[j]);
        thread_pool_close(pool);
    }
}

static void add_task(void *context, int64_t index, int thread)
{
    (void)thread;
    atomic_fetch_add((_Atomic int64_t *)context, index + 1);
}

static void many_short_jobs(void **state)
{
    (void)state;
    struct thread_pool *pool;
    assert_int_equal(thread_pool_open(&pool, 3, NULL), ASSAY_OK);
    for (int64_t i = 0; i < 5000; i++) {
        _Atomic int64_t sum = 0;
        int64_t count = i % 9;
        thread_pool_run(pool, count, add_task, (void *)&sum);
        assert_int_equal(sum, count * (count + 1) / 2);
    }
    thread_pool_close(pool);
}

/* Pools of their own may be used by threads of another. */
static void inner_task(void *context, int64_t index, int thread)
{
    (void)index;
    (void)thread;
    struct thread_pool *own;
    if (thread_pool_open(&own, 2, NULL) != ASSAY_OK)
        return;
    thread_pool_run(own, 4, add_task, context);
    thread_pool_close(own);
}

static void pools_nest(void **state)
{
    (void)state;
    struct thread_pool *pool;
    _Atomic int64_t sum = 0;
    assert_int_equal(thread_pool_open(&pool, 2, NULL), ASSAY_OK);
    thread_pool_run(pool, 6, inner_task, (void *)&sum);
    assert_int_equal(sum, 6 * 10);
    thread_pool_close(pool);
}

static void caller_keeps_its_denormals(void **state)
{
    (void)state;
    volatile float tiny = FLT_MIN;
    run_once_each(NULL, 3);
    assert_true(tiny * 0.5f > 0.0f);
    unsigned before = denormals_flush();
#if defined(__x86_64__) || defined(__aarch64__)
    assert_true(tiny * 0.5f == 0.0f);
#endif
    denormals_restore(before);
    assert_true(tiny * 0.5f > 0.0f);
}

static void size_follows_the_processors(void **state)
{
    (void)state;
    struct thread_pool *pool;
    assert_true(processor_count() >= 1);
    assert_int_equal(thread_pool_open(&pool, 0, NULL), ASSAY_OK);
    assert_int_equal(thread_pool_size(pool),
                     processor_count() < THREADS_MAX ? processor_count() : THREADS_MAX);
    thread_pool_close(pool);
    thread_pool_close(NULL);
    assert_int_equal(thread_pool_size(NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(many_short_jobs),
        cmocka_unit_test(pools_nest),
        cmocka_unit_test(caller_keeps_its_denormals),
        cmocka_unit_test(size_follows_the_processors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
