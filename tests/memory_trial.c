#include "memory_trial.h"

#include "base/memory.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_SANITIZER 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define UNDER_SANITIZER 1
#endif

#if defined(UNDER_SANITIZER)
/* As sanitizer/allocator_interface.h and lsan_interface.h have them, which gcc does not bring. */
size_t __sanitizer_get_current_allocated_bytes(void);
int __lsan_do_recoverable_leak_check(void);

static size_t bytes_held(void)
{
    return __sanitizer_get_current_allocated_bytes();
}

static int leaks(void)
{
    return __lsan_do_recoverable_leak_check();
}

/* A run takes some ten times as long. */
enum { EACH_BELOW = 150, DRAWN = 100 };
#else
static size_t bytes_held(void)
{
    return 0;
}

static int leaks(void)
{
    return 0;
}

enum { EACH_BELOW = 2000, DRAWN = 300 };
#endif

enum { PATH_SIZE = 1200 };

static struct {
    int64_t jobs, allocations, points, failed, passed_over;
} total;

void bits_add(struct bits *bits, const void *bytes, size_t length)
{
    const unsigned char *byte = bytes;
    uint64_t hash = bits->hash ^ UINT64_C(14695981039346656037) ^ length;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ byte[i]) * UINT64_C(1099511628211);
    bits->hash = hash;
}

void bits_add_text(struct bits *bits, const char *text)
{
    bits_add(bits, text ? text : "(none)", text ? strlen(text) : 6);
}

void bits_add_file(struct bits *bits, const char *path)
{
    char block[4096];
    FILE *file = fopen(path, "rb");
    if (!file) {
        bits_add_text(bits, "(missing)");
        return;
    }
    for (size_t count; (count = fread(block, 1, sizeof block, file)) > 0;)
        bits_add(bits, block, count);
    fclose(file);
}

/* Whether anything was written, replaced, made or taken away below a path. */
static uint64_t traces(const char *path)
{
    struct stat state;
    struct bits sum = {0};
    bits_add_text(&sum, path);
    if (lstat(path, &state) != 0)
        return sum.hash;
    uint64_t told[] = {state.st_ino, (uint64_t)state.st_mode};
    bits_add(&sum, told, sizeof told);
    if (!S_ISDIR(state.st_mode)) {
        int64_t more[] = {state.st_size, state.st_mtim.tv_sec, state.st_mtim.tv_nsec};
        bits_add(&sum, more, sizeof more);
        return sum.hash;
    }
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char inner[PATH_SIZE];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        sum.hash += traces(inner); /* in no order */
    }
    if (folder)
        closedir(folder);
    return sum.hash;
}

static uint64_t traces_of(const struct memory_job *job)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof job->untouched / sizeof *job->untouched; i++)
        sum += job->untouched[i] ? traces(job->untouched[i]) : 0;
    return sum;
}

static int descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count++;
    if (folder)
        closedir(folder);
    return count;
}

static void prepare(const struct memory_job *job)
{
    if (job->prepare)
        job->prepare(job->context);
}

static void say(const struct memory_job *job, uint64_t nth, bool on, const assay_error *error)
{
    char line[1500];
    assay_error_format(error, line, sizeof line);
    print_error("%s, allocation %llu%s: %s\n", job->name, (unsigned long long)nth,
                on ? " and on" : "", line);
}

static void must_run(const struct memory_job *job, bool again, uint64_t nth, struct bits *bits)
{
    assay_error error = {0};
    *bits = (struct bits){0};
    if (job->run(job->context, again, bits, &error) == ASSAY_OK) {
        if (job->result)
            job->result(job->context, bits);
        return;
    }
    say(job, nth, false, &error);
    fail_msg("%s: the job alone does not run", job->name);
}

/* One failing run, and what it leaves. */
static void fail_once(const struct memory_job *job, uint64_t nth, bool on, uint64_t wanted)
{
    prepare(job);
    uint64_t live = memory_live_count(), before = traces_of(job);
    size_t bytes = bytes_held();
    int files = descriptors();
    struct bits bits = {0};
    assay_error error = {0};
    if (on)
        memory_fail_from(nth);
    else
        memory_fail_at(nth);
    assay_status status = job->run(job->context, false, &bits, &error);
    memory_fail_at(0);
    if (status == ASSAY_OK && job->result)
        job->result(job->context, &bits);
    int files_after = descriptors();
    size_t bytes_after = bytes_held();
    const char *fault = NULL;
    if (status != ASSAY_OK && status != ASSAY_ERROR_MEMORY)
        fault = "the status is another one";
    else if (status != error.status)
        fault = "the error tells another status";
    else if (status != ASSAY_OK && !*error.message)
        fault = "the error says nothing";
    else if (memory_live_count() != live)
        fault = memory_live_count() > live ? "blocks leak" : "blocks are freed twice";
    else if (bytes_after != bytes)
        fault = "bytes leak";
    else if (files_after != files)
        fault = "file descriptors leak";
    else if (status != ASSAY_OK && traces_of(job) != before)
        fault = "files were touched";
    else if (status == ASSAY_OK && bits.hash != wanted)
        fault = "it went on to another result";
    if (fault) {
        say(job, nth, on, &error);
        fail_msg("%s, allocation %llu%s: %s", job->name, (unsigned long long)nth,
                 on ? " and on" : "", fault);
    }
    if (status != ASSAY_OK && job->failed)
        job->failed(job->context);
    total.failed += status != ASSAY_OK;
    total.passed_over += status == ASSAY_OK;
}

static void try_point(const struct memory_job *job, uint64_t nth, uint64_t wanted)
{
    struct bits bits;
    fail_once(job, nth, false, wanted);
    fail_once(job, nth, true, wanted);
    must_run(job, true, nth, &bits);
    if (bits.hash != wanted)
        fail_msg("%s, allocation %llu: another result right after", job->name,
                 (unsigned long long)nth);
    total.points++;
}

static uint64_t allocations_of(const struct memory_job *job)
{
    struct bits bits = {0};
    uint64_t before = memory_allocation_count();
    assert_int_equal(job->run(job->context, false, &bits, NULL), ASSAY_OK);
    return memory_allocation_count() - before;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void memory_job_try(const struct memory_job *job)
{
    struct bits first, second;
    double began = seconds();
    /* The first fills what a process keeps for ever. */
    prepare(job);
    must_run(job, false, 0, &first);
    prepare(job);
    uint64_t live = memory_live_count(), count = allocations_of(job);
    prepare(job);
    must_run(job, false, 0, &second);
    assert_true(first.hash == second.hash && first.hash != 0);
    assert_true(memory_live_count() == live);
    int64_t points = total.points, passed_over = total.passed_over;
    uint64_t chance = 12345;
    uint64_t nth = 1;
    for (; nth <= count && nth < EACH_BELOW && !job->costly; nth++)
        try_point(job, nth, first.hash);
    /* One of each stretch of those that are left. */
    uint64_t stretch = nth <= count ? (count - nth) / DRAWN + 1 : 1;
    for (; nth <= count; nth += stretch) {
        chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t drawn = nth + (chance >> 33) % stretch;
        if (drawn <= count)
            try_point(job, drawn, first.hash);
    }
    assert_int_equal(leaks(), 0);
    total.jobs++;
    total.allocations += (int64_t)count;
    print_message("%s: %llu allocations, %lld points, %lld runs got over it, %.1f s\n", job->name,
                  (unsigned long long)count, (long long)(total.points - points),
                  (long long)(total.passed_over - passed_over), seconds() - began);
}

int memory_jobs_end(int failed)
{
    printf("%lld points of %lld allocations in %lld jobs, each alone and with all that follow:\n"
           "%lld runs ended with a memory error, %lld got over it with the same bits\n",
           (long long)total.points, (long long)total.allocations, (long long)total.jobs,
           (long long)total.failed, (long long)total.passed_over);
    return failed;
}
