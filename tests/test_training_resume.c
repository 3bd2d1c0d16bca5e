/* A run killed at any instant, resumed, ends with the weights and the log of one never killed; so
 * does one whose disk fails at any call, and one that is asked to stop. */
#include "base/file.h"
#include "training_fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* One thread: every change of the disk, one by one; two: every third. Under a sanitizer, where each
 * run takes ten times as long: every seventh and every twenty-first. */
#if defined(__SANITIZE_ADDRESS__)
enum { KILLS_AT_RANDOM = 4, STRIDE = 7 };
#else
enum { KILLS_AT_RANDOM = 20, STRIDE = 1 };
#endif
enum { MOST_CHANGES = 4000 };

/* Everything that has a state: dropout, buckets, an average, evaluations in the midst of an epoch,
 * checkpoints at other steps than evaluations. */
static const char *const recipe[] = {
    "epochs=3",           "batch.items=8",     "optimizer.lr=0.01",     "ema=0.5", "eval.every=4",
    "checkpoint.every=3", "checkpoint.keep=1", "log.tensorboard=false", NULL};

static int begin(void **state)
{
    (void)state;
    return training_fixture_open("bert_odd_bare");
}

static int end(void **state)
{
    (void)state;
    training_fixture_close();
    return 0;
}

static assay_status go(const char *out, int threads, bool resume, assay_error *error)
{
    assay_training_options options = ASSAY_TRAINING_OPTIONS_INIT;
    options.threads = threads;
    options.resume = resume;
    return training_go(out, recipe, &options, NULL, error);
}

static void must_go(const char *out, int threads, bool resume)
{
    assay_error error = {0};
    if (go(out, threads, resume, &error) != ASSAY_OK) {
        char line[1024];
        assay_error_format(&error, line, sizeof line);
        fail_msg("%s", line);
    }
}

/* The exit status of a child that trains; `prepare` runs in it first. */
static int in_child(const char *out, int threads, bool resume, void (*prepare)(uint64_t),
                    uint64_t number)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (prepare)
            prepare(number);
        _exit(go(out, threads, resume, NULL) == ASSAY_OK ? 0 : 1);
    }
    int status = -1;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

static const char *baseline(int threads)
{
    const char *out = training_path("baseline");
    training_remove(out);
    must_go(out, threads, false);
    return out;
}

static void killed_at_each_change(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        char whole[600];
        snprintf(whole, sizeof whole, "%s", baseline(threads));
        const char *out = training_path("killed");
        int kills = 0;
        uint64_t stride = threads > 1 ? 3 * STRIDE : STRIDE;
        for (uint64_t n = (uint64_t)threads; n < MOST_CHANGES; n += stride) {
            training_remove(out);
            int status = in_child(out, threads, false, file_kill_at, n);
            if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                break; /* there were not so many */
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            kills++;
            assert_int_equal(in_child(out, threads, true, NULL, 0), 0);
            if (!training_same_runs(whole, out))
                fail_msg("killed at change %d with %d threads", (int)n, threads);
        }
        assert_true(kills > 30 / (int)stride);
        training_remove(out);
    }
}

static void fails_at_each_change(void **state)
{
    (void)state;
    char whole[600];
    snprintf(whole, sizeof whole, "%s", baseline(1));
    const char *out = training_path("full");
    int failures = 0;
    for (uint64_t n = 1; n < MOST_CHANGES; n += STRIDE) {
        training_remove(out);
        uint64_t before = file_change_count();
        assay_error error = {0};
        file_fail_at(n);
        assay_status status = go(out, 1, false, &error);
        uint64_t made = file_change_count() - before;
        file_fail_at(0);
        if (made < n) {
            assert_int_equal(status, ASSAY_OK);
            break;
        }
        /* A failure to tidy up may pass; nothing else may. */
        failures += status != ASSAY_OK;
        if (status != ASSAY_OK)
            assert_true(*error.message);
        must_go(out, 1, true);
        if (!training_same_runs(whole, out))
            fail_msg("failed at change %d", (int)n);
    }
    assert_true(failures > 30 / STRIDE);
}

static void killed_at_random(void **state)
{
    (void)state;
    unsigned chance = 12345;
    for (int threads = 1; threads <= 2; threads++) {
        char whole[600];
        snprintf(whole, sizeof whole, "%s", baseline(threads));
        const char *out = training_path("random");
        struct timespec began, ended;
        training_remove(out);
        clock_gettime(CLOCK_MONOTONIC, &began);
        assert_int_equal(in_child(out, threads, false, NULL, 0), 0);
        clock_gettime(CLOCK_MONOTONIC, &ended);
        double whole_run =
            (double)(ended.tv_sec - began.tv_sec) + 1e-9 * (double)(ended.tv_nsec - began.tv_nsec);
        for (int i = 0; i < KILLS_AT_RANDOM; i++) {
            training_remove(out);
            /* Killed twice, unless it was through before, then left alone. */
            for (int life = 0; life < 3; life++) {
                bool resume = life > 0;
                fflush(NULL);
                pid_t child = fork();
                if (child == 0)
                    _exit(go(out, threads, resume, NULL) == ASSAY_OK ? 0 : 1);
                assert_true(child > 0);
                chance = chance * 1664525u + 1013904223u;
                double wait = whole_run * (double)(chance >> 8) / (double)(1 << 24);
                struct timespec pause = {(time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9)};
                if (life < 2)
                    nanosleep(&pause, NULL);
                if (life < 2)
                    kill(child, SIGKILL);
                int status;
                assert_int_equal(waitpid(child, &status, 0), child);
                if (WIFEXITED(status)) {
                    assert_int_equal(WEXITSTATUS(status), 0);
                    break;
                }
            }
            assert_true(training_same_runs(whole, out));
        }
    }
}

struct stopper {
    int calls, at;
};

static bool stop_at(void *context)
{
    struct stopper *stopper = context;
    return ++stopper->calls == stopper->at;
}

static void stopped_anywhere(void **state)
{
    (void)state;
    char whole[600];
    snprintf(whole, sizeof whole, "%s", baseline(1));
    const char *out = training_path("stopped");
    int stops = 0;
    for (int at = 1;; at++) {
        training_remove(out);
        struct stopper stopper = {.at = at};
        assay_training_options options = ASSAY_TRAINING_OPTIONS_INIT;
        options.threads = 1;
        options.stop = stop_at;
        options.context = &stopper;
        assay_training_result result;
        assert_int_equal(training_go(out, recipe, &options, &result, NULL), ASSAY_OK);
        if (!result.stopped)
            break;
        stops++;
        must_go(out, 1, true);
        if (!training_same_runs(whole, out))
            fail_msg("stopped at question %d", at);
    }
    assert_true(stops > 12);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    char one[600];
    snprintf(one, sizeof one, "%s", baseline(1));
    const char *two = training_path("two");
    must_go(two, 2, false);
    assert_true(training_same_runs(one, two));
    /* And begun by one thread, finished by two. */
    const char *mixed = training_path("mixed");
    struct stopper stopper = {.at = 9};
    assay_training_options options = ASSAY_TRAINING_OPTIONS_INIT;
    options.threads = 1;
    options.stop = stop_at;
    options.context = &stopper;
    assay_training_result result;
    assert_int_equal(training_go(mixed, recipe, &options, &result, NULL), ASSAY_OK);
    assert_true(result.stopped);
    must_go(mixed, 2, true);
    assert_true(training_same_runs(one, mixed));
}

static void refusals(void **state)
{
    (void)state;
    const char *out = training_path("refused");
    must_go(out, 1, false);
    assay_error error = {0};
    /* There is a run already. */
    assert_int_equal(go(out, 1, false, &error), ASSAY_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "--resume"));
    /* Resumed with another recipe. */
    static const char *const other[] = {"epochs=2", "batch.items=4", NULL};
    assay_training_options options = ASSAY_TRAINING_OPTIONS_INIT;
    options.resume = true;
    assert_int_equal(training_go(out, other, &options, NULL, &error), ASSAY_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "another recipe"));
    /* A cut checkpoint is passed over; the run begins anew when there is no other. */
    char state_file[700];
    snprintf(state_file, sizeof state_file, "%s/checkpoints/last/state.safetensors", out);
    char whole[600];
    snprintf(whole, sizeof whole, "%s", baseline(1));
    assert_int_equal(truncate(state_file, 1000), 0);
    must_go(out, 1, true);
    assert_true(training_same_runs(whole, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_do_not_matter), cmocka_unit_test(refusals),
        cmocka_unit_test(stopped_anywhere),      cmocka_unit_test(fails_at_each_change),
        cmocka_unit_test(killed_at_each_change), cmocka_unit_test(killed_at_random),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
