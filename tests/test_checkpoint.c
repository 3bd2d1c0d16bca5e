/* train/checkpoint: what was written comes back to the bit; whatever fails or kills the writer, an
 * earlier checkpoint is there and whole. */
#include "base/file.h"
#include "base/memory.h"
#include "train/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WEIGHTS = 70000, BIASES = 3, PATH_SIZE = 400 };

static char top[64];
static char folder[PATH_SIZE]; /* of checkpoints, below top */
static float weights[WEIGHTS], biases[BIASES];
static struct checkpoint_array arrays[] = {
    {"adamw.first.encoder.weight", WEIGHTS, weights},
    {"encoder.bias", BIASES, biases},
    {"nothing", 0, NULL},
};

static void remove_tree(const char *path)
{
    DIR *entries = opendir(path);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        char inner[2 * PATH_SIZE];
        struct stat state;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (lstat(inner, &state) == 0 && S_ISDIR(state.st_mode))
            remove_tree(inner);
        else
            unlink(inner);
    }
    if (entries)
        closedir(entries);
    rmdir(path);
}

static int begin(void **state)
{
    (void)state;
    /* In memory where that can be had: the hundreds of syncs here are about order, not disks. */
    snprintf(top, sizeof top, "%s/assay-checkpoint-XXXXXX",
             access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(top))
        return -1;
    snprintf(folder, sizeof folder, "%s/out/checkpoints", top);
    return 0;
}

static int end(void **state)
{
    (void)state;
    file_fail_at(0);
    file_kill_at(0);
    remove_tree(top);
    return 0;
}

/* Other bits at every step; among them NaNs with payloads, -0 and denormals. */
static uint32_t bits_at(int64_t step, uint32_t i)
{
    if (i % 97 == 5)
        return 0x7f800001u + (i & 0xffff); /* signalling */
    if (i % 97 == 6)
        return 0xffc00000u | i;
    if (i % 97 == 7)
        return 0x80000000u;
    return (uint32_t)step * 2654435761u + i * 40503u;
}

static void fill(float *values, size_t count, int64_t step)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = bits_at(step, (uint32_t)i);
        memcpy(values + i, &bits, sizeof bits);
    }
}

static bool holds(const float *values, size_t count, int64_t step)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        if (bits != bits_at(step, (uint32_t)i))
            return false;
    }
    return true;
}

static struct checkpoint_state state_at(int64_t step)
{
    fill(weights, WEIGHTS, step);
    fill(biases, BIASES, step);
    return (struct checkpoint_state){
        .counters = {.step = step,
                     .epoch = 1,
                     .batch = step % 50,
                     .seed = UINT64_MAX - 3,
                     .evaluated_step = 12,
                     .rows_seen = 32 * step,
                     .tokens_seen = 4000 * step,
                     .has_best = true,
                     .best_metric = 0.1 * (double)step,
                     .best_step = step - 1,
                     .waited = 2,
                     .recipe = "0123abcd"},
        .arrays = arrays,
        .count = 3,
    };
}

static assay_status write_step(int64_t step, assay_error *error)
{
    struct checkpoint_state state = state_at(step);
    return checkpoint_write(folder, &state, error);
}

static const char *at_step(int64_t step, const char *file)
{
    static char path[2][2 * PATH_SIZE];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/step-%lld%s%s", folder, (long long)step,
             *file ? "/" : "", file);
    return path[turn];
}

/* The newest good checkpoint's step, read in full and compared to the bit; -1 when none. */
static int64_t newest_whole(void)
{
    char *path;
    assay_error error;
    assay_status status = checkpoint_find_newest_good(&path, NULL, folder, NULL, NULL, &error);
    if (status) {
        assert_int_equal(status, ASSAY_ERROR_NOT_FOUND);
        return -1;
    }
    struct checkpoint_state state = state_at(0);
    memset(&state.counters, 0, sizeof state.counters);
    assert_int_equal(checkpoint_read(&state, path, "0123abcd", &error), ASSAY_OK);
    memory_free(path);
    assert_true(holds(weights, WEIGHTS, state.counters.step));
    assert_true(holds(biases, BIASES, state.counters.step));
    return state.counters.step;
}

/* Entries of the folder that are neither checkpoints nor links of ours. */
static int rubbish(void)
{
    int count = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        const char *name = entry->d_name;
        count += strcmp(name, ".") && strcmp(name, "..") && strcmp(name, "best") &&
                 strcmp(name, "last") && strncmp(name, "step-", 5);
    }
    if (entries)
        closedir(entries);
    return count;
}

static void test_round_trip(void **unused)
{
    (void)unused;
    assay_error error;
    assert_int_equal(write_step(7, &error), ASSAY_OK);
    assert_int_equal(newest_whole(), 7);
    struct checkpoint_state wanted = state_at(7), state = state_at(1);
    memset(&state.counters, 0xff, sizeof state.counters);
    assert_int_equal(checkpoint_read(&state, at_step(7, ""), NULL, &error), ASSAY_OK);
    assert_int_equal(state.counters.step, 7);
    assert_int_equal(state.counters.epoch, 1);
    assert_int_equal(state.counters.batch, 7);
    assert_true(state.counters.seed == UINT64_MAX - 3);
    assert_int_equal(state.counters.evaluated_step, 12);
    assert_int_equal(state.counters.rows_seen, 224);
    assert_int_equal(state.counters.tokens_seen, 28000);
    assert_true(state.counters.has_best);
    assert_memory_equal(&state.counters.best_metric, &wanted.counters.best_metric, sizeof(double));
    assert_int_equal(state.counters.best_step, 6);
    assert_int_equal(state.counters.waited, 2);
    assert_string_equal(state.counters.recipe, "0123abcd");
    assert_string_equal(state.counters.version, ASSAY_VERSION);

    /* Without a best; and through the link. */
    struct checkpoint_state none = state_at(9);
    none.counters.has_best = false;
    assert_int_equal(checkpoint_write(folder, &none, &error), ASSAY_OK);
    char last[2 * PATH_SIZE];
    snprintf(last, sizeof last, "%s/last", folder);
    assert_int_equal(checkpoint_read(&state, last, "0123abcd", &error), ASSAY_OK);
    assert_int_equal(state.counters.step, 9);
    assert_false(state.counters.has_best);
    assert_int_equal(rubbish(), 0);
}

/* Writing a step again puts the new one in its place. */
static void test_written_again(void **unused)
{
    (void)unused;
    assert_int_equal(write_step(3, NULL), ASSAY_OK);
    assert_int_equal(truncate(at_step(3, "state.safetensors"), 100), 0);
    assert_int_equal(newest_whole(), -1);
    assert_int_equal(write_step(3, NULL), ASSAY_OK);
    assert_int_equal(newest_whole(), 3);
    assert_int_equal(rubbish(), 0);
}

struct passed_over {
    int count;
    assay_error last;
};

static void count_skipped(void *context, const char *path, const assay_error *why)
{
    struct passed_over *passed = context;
    assert_non_null(strstr(path, "/step-"));
    passed->count++;
    passed->last = *why;
}

static void flip(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, at, at < 0 ? SEEK_END : SEEK_SET);
    int byte = fgetc(file);
    fseek(file, at, at < 0 ? SEEK_END : SEEK_SET);
    fputc(byte ^ 1, file);
    fclose(file);
}

static void test_damaged_is_passed_over(void **unused)
{
    (void)unused;
    static const char *const files[] = {"state.json", "state.safetensors", "SHA256SUMS"};
    char *path;
    assay_error error;
    assert_int_equal(write_step(1, NULL), ASSAY_OK);
    for (int kind = 0; kind < 4; kind++) {
        for (int i = 0; i < 3; i++) {
            struct passed_over passed = {0};
            struct stat state;
            assert_int_equal(write_step(2, NULL), ASSAY_OK);
            assert_int_equal(newest_whole(), 2);
            const char *file = at_step(2, files[i]);
            assert_int_equal(stat(file, &state), 0);
            if (kind == 0)
                assert_int_equal(truncate(file, state.st_size - 1), 0);
            else if (kind == 1)
                flip(file, -3);
            else if (kind == 2)
                assert_int_equal(truncate(file, 0), 0);
            else
                assert_int_equal(unlink(file), 0);
            assert_int_equal(
                checkpoint_find_newest_good(&path, NULL, folder, count_skipped, &passed, &error),
                ASSAY_OK);
            assert_string_equal(path, at_step(1, ""));
            memory_free(path);
            assert_int_equal(passed.count, 1);
            assert_int_not_equal(passed.last.status, ASSAY_OK);
            assert_true(passed.last.message[0] != '\0');
            if (kind < 3 && i == 1) {
                assert_int_equal(passed.last.status, ASSAY_ERROR_CHECKSUM);
                assert_string_equal(passed.last.place, "state.safetensors");
                assert_int_equal(strlen(passed.last.expected), 64);
            }
            assert_int_equal(newest_whole(), 1);
        }
    }
    /* A folder under another step's name is not that step. */
    remove_tree(at_step(2, ""));
    assert_int_equal(rename(at_step(1, ""), at_step(5, "")), 0);
    struct passed_over passed = {0};
    assert_int_equal(
        checkpoint_find_newest_good(&path, NULL, folder, count_skipped, &passed, &error),
        ASSAY_ERROR_NOT_FOUND);
    assert_null(path);
    assert_int_equal(passed.last.status, ASSAY_ERROR_FORMAT);
    assert_string_equal(passed.last.expected, "5");
}

static void test_foreign_is_refused(void **unused)
{
    (void)unused;
    assay_error error;
    assert_int_equal(write_step(4, NULL), ASSAY_OK);
    struct checkpoint_state state = state_at(1);
    assert_int_equal(checkpoint_read(&state, at_step(4, ""), "ffff", &error), ASSAY_ERROR_ARGUMENT);
    assert_string_equal(error.expected, "ffff");
    assert_string_equal(error.found, "0123abcd");
    assert_true(holds(weights, WEIGHTS, 1));

    /* Other sizes, other names, fewer arrays: refused before anything is written. */
    struct checkpoint_array others[3];
    memcpy(others, arrays, sizeof others);
    state.arrays = others;
    others[1].count--;
    assert_int_equal(checkpoint_read(&state, at_step(4, ""), NULL, &error), ASSAY_ERROR_SHAPE);
    assert_string_equal(error.place, "encoder.bias");
    assert_string_equal(error.expected, "2 values of F32");
    assert_string_equal(error.found, "3 of F32");
    others[1] = arrays[1];
    others[1].name = "decoder.bias";
    assert_int_equal(checkpoint_read(&state, at_step(4, ""), NULL, &error), ASSAY_ERROR_SHAPE);
    assert_string_equal(error.found, "no such array");
    state.count = 2;
    others[1] = arrays[1];
    assert_int_equal(checkpoint_read(&state, at_step(4, ""), NULL, &error), ASSAY_ERROR_SHAPE);
    assert_string_equal(error.found, "3");
    assert_true(holds(weights, WEIGHTS, 1) && holds(biases, BIASES, 1));
    assert_int_equal(state.counters.step, 1);
}

static bool exists(int64_t step)
{
    return file_is_folder(at_step(step, ""));
}

static void test_keep(void **unused)
{
    (void)unused;
    assay_error error;
    for (int64_t step = 1; step <= 12; step++)
        assert_int_equal(write_step(step, &error), ASSAY_OK);
    assert_int_equal(checkpoint_link(folder, "best", 4, &error), ASSAY_OK);
    assert_int_equal(checkpoint_link(folder, "best", 99, &error), ASSAY_ERROR_NOT_FOUND);
    assert_int_equal(checkpoint_link(folder, "worst", 4, &error), ASSAY_ERROR_ARGUMENT);
    char target[16] = "", link[2 * PATH_SIZE];
    snprintf(link, sizeof link, "%s/best", folder);
    assert_int_equal(readlink(link, target, sizeof target - 1), 6);
    assert_string_equal(target, "step-4");

    assert_int_equal(checkpoint_keep(folder, 2, 12, &error), ASSAY_OK);
    for (int64_t step = 1; step <= 12; step++)
        assert_int_equal(exists(step), step == 4 || step >= 11);

    /* `last` may point back, after a resume from an older one. */
    assert_int_equal(checkpoint_link(folder, "last", 11, &error), ASSAY_OK);
    assert_int_equal(checkpoint_keep(folder, 0, -1, &error), ASSAY_OK);
    assert_true(exists(4) && exists(11) && exists(12));
    assert_int_equal(checkpoint_link(folder, "best", 11, &error), ASSAY_OK);
    assert_int_equal(checkpoint_keep(folder, 1, -1, &error), ASSAY_OK);
    assert_true(!exists(4) && exists(11) && exists(12));
    assert_int_equal(rubbish(), 0);
}

static void test_keep_spares_the_only_good(void **unused)
{
    (void)unused;
    assay_error error;
    for (int64_t step = 1; step <= 5; step++)
        assert_int_equal(write_step(step, &error), ASSAY_OK);
    for (int64_t step = 3; step <= 5; step++)
        assert_int_equal(truncate(at_step(step, "state.safetensors"), 1000), 0);
    assert_int_equal(checkpoint_keep(folder, 2, -1, &error), ASSAY_OK);
    assert_true(!exists(1) && exists(2) && !exists(3) && exists(4) && exists(5));
    assert_int_equal(newest_whole(), 2);
    /* When none is good, nothing is removed. */
    assert_int_equal(truncate(at_step(2, "state.json"), 10), 0);
    assert_int_equal(checkpoint_keep(folder, 1, -1, &error), ASSAY_OK);
    assert_true(exists(2) && exists(4) && exists(5));
}

/* One saving as a run does it, over two earlier ones of which step 1 has to go. */
static assay_status save_step_3(assay_error *error)
{
    assay_status status = write_step(3, error);
    if (!status)
        status = checkpoint_link(folder, "best", 3, error);
    return status ? status : checkpoint_keep(folder, 1, 3, error);
}

static void start_over(void)
{
    remove_tree(folder);
    assert_int_equal(write_step(1, NULL), ASSAY_OK);
    assert_int_equal(write_step(2, NULL), ASSAY_OK);
    assert_int_equal(checkpoint_link(folder, "best", 1, NULL), ASSAY_OK);
}

/* Both links lead to a whole checkpoint, whatever happened. */
static void check_links(void)
{
    static const char *const names[] = {"best", "last"};
    for (int i = 0; i < 2; i++) {
        char path[2 * PATH_SIZE];
        struct checkpoint_counters counters;
        assay_error error;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_int_equal(checkpoint_verify(&counters, path, &error), ASSAY_OK);
    }
}

static void check_after_fault(void)
{
    int64_t newest = newest_whole();
    assert_true(newest == 2 || newest == 3);
    check_links();
    /* The next attempt works and clears what was left. */
    assert_int_equal(save_step_3(NULL), ASSAY_OK);
    assert_int_equal(newest_whole(), 3);
    assert_int_equal(rubbish(), 0);
    assert_true(!exists(1) && !exists(2));
}

static uint64_t changes_of_saving(void)
{
    start_over();
    uint64_t before = file_change_count();
    assert_int_equal(save_step_3(NULL), ASSAY_OK);
    return file_change_count() - before;
}

static void test_each_call_fails(void **unused)
{
    (void)unused;
    uint64_t calls = changes_of_saving();
    int failures = 0;
    assert_true(calls > 30);
    for (uint64_t nth = 1; nth <= calls; nth++) {
        assay_error error;
        start_over();
        file_fail_at(nth);
        assay_status status = save_step_3(&error);
        file_fail_at(0);
        failures += status != ASSAY_OK;
        if (status) {
            assert_int_equal(status, ASSAY_ERROR_IO);
            assert_true(error.file[0] != '\0');
        } else { /* the syncs of folders that base/file does not insist on */
            assert_int_equal(newest_whole(), 3);
        }
        check_after_fault();
    }
    print_message("%d of %d calls were made to fail and did\n", failures, (int)calls);
    /* base/file does not insist on syncing the folder of each of the three files. */
    assert_int_equal(failures, (int)calls - 3);
}

static void test_killed_at_each_call(void **unused)
{
    (void)unused;
    uint64_t calls = changes_of_saving();
    for (uint64_t nth = 1; nth <= calls + 1; nth++) {
        int how;
        start_over();
        pid_t child = fork();
        if (child == 0) {
            file_kill_at(nth);
            _exit(save_step_3(NULL) ? 1 : 0);
        }
        assert_int_equal(waitpid(child, &how, 0), child);
        if (nth <= calls)
            assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
        else
            assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
        check_after_fault();
    }
    print_message("killed at each of %d calls\n", (int)calls);
}

/* Writing step 2 again over a good step 2, the only other being step 1. */
static void test_killed_while_replacing(void **unused)
{
    (void)unused;
    for (uint64_t nth = 1;; nth++) {
        int how;
        start_over();
        pid_t child = fork();
        if (child == 0) {
            file_kill_at(nth);
            _exit(write_step(2, NULL) ? 1 : 0);
        }
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_int_equal(newest_whole(), 2);
        check_links();
        if (WIFEXITED(how)) {
            assert_int_equal(WEXITSTATUS(how), 0);
            assert_true(nth > 10);
            break;
        }
    }
}

static void test_disk_full(void **unused)
{
    (void)unused;
    static const rlim_t sizes[] = {0, 100, 70000, 279000};
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assay_error error;
        start_over();
        struct rlimit limit = {sizes[i], before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
        assay_status status = save_step_3(&error);
        setrlimit(RLIMIT_FSIZE, &before);
        assert_int_equal(status, ASSAY_ERROR_IO);
        assert_non_null(strstr(error.file, "step-3"));
        assert_int_equal(rubbish(), 0);
        assert_int_equal(newest_whole(), 2);
        check_after_fault();
    }
    signal(SIGXFSZ, SIG_DFL);
}

static void test_unwritable_folder(void **unused)
{
    (void)unused;
    int how;
    start_over();
    assert_int_equal(checkpoint_link(folder, "best", 2, NULL), ASSAY_OK); /* so that 1 has to go */
    assert_int_equal(chmod(top, 0755), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    pid_t child = fork();
    if (child == 0) {
        assay_error error = {0};
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
            _exit(2);
        if (write_step(3, &error) != ASSAY_ERROR_IO || !strstr(error.file, folder) ||
            !strstr(error.message, strerror(EACCES)))
            _exit(3);
        if (checkpoint_keep(folder, 1, -1, &error) != ASSAY_ERROR_IO)
            _exit(4);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    chmod(folder, 0755);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
    assert_int_equal(newest_whole(), 2);
    check_links();

    /* A file where the folder should be. */
    assay_error error;
    snprintf(folder, sizeof folder, "%s/file", top);
    assert_int_equal(file_write(folder, "x", 1, NULL), ASSAY_OK);
    assert_int_equal(write_step(3, &error), ASSAY_ERROR_IO);
}

static void test_no_folder(void **unused)
{
    (void)unused;
    char *path;
    assay_error error;
    assert_int_equal(checkpoint_find_newest_good(&path, NULL, folder, NULL, NULL, &error),
                     ASSAY_ERROR_NOT_FOUND);
    assert_string_equal(error.file, folder);
    assert_int_equal(checkpoint_keep(folder, 1, -1, &error), ASSAY_ERROR_NOT_FOUND);
}

static void test_other_names_are_left_alone(void **unused)
{
    (void)unused;
    static const char *const names[] = {"step-01",
                                        "step-",
                                        "step-5x",
                                        "notes",
                                        ".hidden",
                                        ".partial-x",
                                        "step-1234567890123456789"};
    char path[2 * PATH_SIZE];
    for (int64_t step = 1; step <= 3; step++)
        assert_int_equal(write_step(step, NULL), ASSAY_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    assert_int_equal(checkpoint_keep(folder, 1, -1, NULL), ASSAY_OK);
    assert_true(exists(3) && !exists(2));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_true(file_is_folder(path));
    }
}

static void test_bad_counters(void **unused)
{
    (void)unused;
    assay_error error;
    struct checkpoint_state state = state_at(1);
    state.counters.recipe[0] = '\0';
    assert_int_equal(checkpoint_write(folder, &state, &error), ASSAY_ERROR_ARGUMENT);
    state = state_at(1);
    state.counters.best_metric = (double)NAN;
    assert_int_equal(checkpoint_write(folder, &state, &error), ASSAY_ERROR_ARGUMENT);
    state = state_at(-1);
    assert_int_equal(checkpoint_write(folder, &state, &error), ASSAY_ERROR_ARGUMENT);
    assert_false(file_exists(folder));

    static const char good[] =
        "{\"format\": \"assay-checkpoint\", \"format_version\": 1, \"assay\": \"9\", \"recipe\": "
        "\"r\", \"step\": 3, \"epoch\": 0, \"batch\": 2, \"seed\": \"5\", \"evaluated_step\": 0, "
        "\"rows_seen\": 1, \"tokens_seen\": 1, \"early_stop\": {\"best_metric\": null, "
        "\"best_step\": 0, \"waited\": 0}}";
    static const struct {
        const char *from, *to, *place;
    } changes[] = {
        {"assay-checkpoint", "other", "format"},
        {"_version\": 1", "_version\": 2", "format_version"},
        {"\"r\"", "\"\"", "recipe"},
        {"\"step\": 3", "\"step\": -3", "step"},
        {"\"step\": 3", "\"steps\": 3", "step"},
        {"\"5\"", "\"5x\"", "seed"},
        {"\"5\"", "\"99999999999999999999\"", "seed"},
        {"\"batch\": 2", "\"batch\": \"2\"", "batch"},
        {"{\"best_metric\": null, \"best_step\": 0, \"waited\": 0}", "[]", "early_stop"},
        {"\"waited\": 0", "\"waited\": 1.5", "waited"},
    };
    struct checkpoint_counters counters;
    assert_int_equal(checkpoint_parse_counters(&counters, good, strlen(good), NULL, &error),
                     ASSAY_OK);
    assert_int_equal(counters.batch, 2);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char text[1000];
        const char *at = strstr(good, changes[i].from);
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, changes[i].to,
                 at + strlen(changes[i].from));
        assay_status status =
            checkpoint_parse_counters(&counters, text, strlen(text), "f.json", &error);
        assert_int_not_equal(status, ASSAY_OK);
        assert_string_equal(error.file, "f.json");
        assert_non_null(strstr(error.place, changes[i].place));
    }
}

static void test_memory_runs_out(void **unused)
{
    (void)unused;
    assay_error error;
    for (uint64_t nth = 1;; nth++) {
        start_over();
        memory_fail_at(nth);
        assay_status status = save_step_3(&error);
        memory_fail_at(0);
        int64_t newest = newest_whole();
        assert_true(newest == 2 || newest == 3);
        check_links();
        if (status == ASSAY_OK && nth > 60)
            break;
        assert_true(nth < 1000);
    }
    for (uint64_t nth = 1;; nth++) {
        struct checkpoint_state state = state_at(1);
        memory_fail_at(nth);
        assay_status status = checkpoint_read(&state, at_step(3, ""), "0123abcd", &error);
        memory_fail_at(0);
        if (status == ASSAY_OK)
            break;
        assert_int_equal(state.counters.step, 1);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),
        TEST(test_written_again),
        TEST(test_damaged_is_passed_over),
        TEST(test_foreign_is_refused),
        TEST(test_keep),
        TEST(test_keep_spares_the_only_good),
        TEST(test_each_call_fails),
        TEST(test_killed_at_each_call),
        TEST(test_killed_while_replacing),
        TEST(test_disk_full),
        TEST(test_unwritable_folder),
        TEST(test_no_folder),
        TEST(test_other_names_are_left_alone),
        TEST(test_bad_counters),
        TEST(test_memory_runs_out),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
