/* train/training_log, append_file and tensorboard: what is written reads back, and a log cut at a
 * resume goes on like one that was never stopped. */
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "train/append_file.h"
#include "train/tensorboard.h"
#include "train/training_log.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static const char *const names[] = {"log.jsonl", "events.out.tfevents"};

static const char *in_folder(const char *name)
{
    static char path[2][200];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static int begin(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/assay-log-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    file_fail_at(0);
    for (int i = 0; i < 2; i++)
        unlink(in_folder(names[i]));
    return rmdir(folder);
}

/* A plain checksum, a bit at a time, to hold the one with a table against. */
static uint32_t slow_crc32c(const unsigned char *bytes, size_t length)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static void test_crc32c(void **state)
{
    (void)state;
    /* The check value of the polynomial's catalogue, and RFC 3720, appendix B.4. */
    unsigned char bytes[256];
    assert_int_equal(crc32c("123456789", 9), 0xe3069283);
    assert_int_equal(crc32c("", 0), 0);
    memset(bytes, 0, 32);
    assert_int_equal(crc32c(bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    assert_int_equal(crc32c(bytes, 32), 0x62a8ab43);
    for (int i = 0; i < 32; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(crc32c(bytes, 32), 0x46dd794e);
    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)(i * 7 + 3);
    for (size_t length = 0; length <= 256; length++)
        assert_int_equal(crc32c(bytes, length), slow_crc32c(bytes, length));
}

static void test_record_bytes(void **state)
{
    (void)state;
    struct buffer out = {0};
    const struct tensorboard_scalar scalar = {"a", 1.0f};
    static const unsigned char event[] = {
        0x09, 0,    0,    0,    0, 0, 0,    0xe0, 0x3f, /* wall_time .5 */
        0x10, 0xac, 0x02,                               /* step 300 */
        0x2a, 10,                                       /* summary */
        0x0a, 8,                                        /* value */
        0x0a, 1,    'a',  0x15, 0, 0, 0x80, 0x3f,       /* tag, simple_value */
    };
    assert_true(tensorboard_put_scalars(&out, 0.5, 300, &scalar, 1));
    assert_int_equal(out.length, 12 + sizeof event + 4);
    assert_int_equal((unsigned char)out.bytes[0], sizeof event);
    assert_memory_equal(out.bytes + 12, event, sizeof event);
    uint32_t crc = slow_crc32c(event, sizeof event), found;
    memcpy(&found, out.bytes + 12 + sizeof event, 4);
    assert_int_equal(found, (uint32_t)((crc >> 15 | crc << 17) + 0xa282ead8u));
    /* Any bit changed, any byte missing: not a record. */
    int64_t step;
    assert_int_equal(tensorboard_read_record(&step, out.bytes, out.length), out.length);
    assert_int_equal(step, 300);
    for (size_t bit = 0; bit < 8 * out.length; bit++) {
        out.bytes[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(tensorboard_read_record(&step, out.bytes, out.length), 0);
        out.bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t length = 0; length < out.length; length++)
        assert_int_equal(tensorboard_read_record(&step, out.bytes, length), 0);
    buffer_clear(&out);
    assert_true(tensorboard_put_version(&out, 0.5));
    assert_memory_equal(out.bytes + 12 + 9,
                        "\x1a\x0d"
                        "brain.Event:2",
                        15);
    buffer_free(&out);
}

static struct training_log *open_log(int64_t resumed)
{
    struct training_log *log;
    assay_error error;
    struct training_log_options options = {true, true, resumed, resumed};
    assert_int_equal(training_log_open(&log, folder, &options, &error), ASSAY_OK);
    return log;
}

static struct training_log_step entry(int64_t step)
{
    return (struct training_log_step){.step = step,
                                      .epoch = (double)step / 7,
                                      .loss = 1.0 / (double)(step + 2),
                                      .lr = 5e-5 / (double)step,
                                      .grad_norm = sqrt((double)step),
                                      .tokens = 4000 + step,
                                      .tokens_per_s = 1e5,
                                      .memory = INT64_C(3) << 30};
}

/* Steps first..last, an evaluation at every fourth. */
static void put_steps(struct training_log *log, int64_t first, int64_t last)
{
    assay_error error;
    for (int64_t step = first; step <= last; step++) {
        struct training_log_step one = entry(step);
        assert_int_equal(training_log_put_step(log, &one, &error), ASSAY_OK);
        if (step % 4 == 0) {
            const struct training_log_metric metrics[] = {{"auroc", 0.9}, {"f1", (double)NAN}};
            assert_int_equal(training_log_put_metrics(log, step, one.epoch, metrics, 2, &error),
                             ASSAY_OK);
        }
    }
    assert_int_equal(training_log_sync(log, &error), ASSAY_OK);
}

static void read_all(struct buffer *out, int which)
{
    assert_int_equal(file_read(out, in_folder(names[which]), 1 << 20, NULL), ASSAY_OK);
}

/* The wall times set to 0 and the checksums behind them, so that two runs compare. */
static void drop_times(struct buffer *events)
{
    for (size_t at = 0; at < events->length;) {
        int64_t step;
        size_t size = tensorboard_read_record(&step, events->bytes + at, events->length - at);
        assert_true(size > 0);
        assert_int_equal(events->bytes[at + 12], 0x09);
        memset(events->bytes + at + 13, 0, 8);
        memset(events->bytes + at + size - 4, 0, 4);
        at += size;
    }
}

static void test_lines(void **state)
{
    (void)state;
    struct training_log *log = open_log(-1);
    struct buffer text = {0};
    put_steps(log, 1, 8);
    training_log_close(log);
    read_all(&text, 0);
    int lines = 0, evaluations = 0;
    for (char *line = text.bytes, *stop; (stop = strchr(line, '\n')); line = stop + 1) {
        struct json *root;
        assert_int_equal(json_parse(&root, line, (size_t)(stop - line), NULL, NULL), ASSAY_OK);
        int64_t step = json_integer(json_member(root, "step"));
        const struct json *valid = json_member(root, "valid");
        if (valid) {
            assert_true(json_number(json_member(valid, "auroc")) == 0.9);
            assert_int_equal(json_count(valid), 2);
            assert_int_equal(json_kind(json_member(valid, "f1")), JSON_NULL);
            assert_int_equal(step, 4 * ++evaluations);
        } else {
            struct training_log_step wanted = entry(++lines);
            assert_int_equal(step, lines);
            assert_int_equal(json_count(root), 8);
            assert_true(json_number(json_member(root, "epoch")) == wanted.epoch);
            assert_true(json_number(json_member(root, "loss")) == wanted.loss);
            assert_true(json_number(json_member(root, "lr")) == wanted.lr);
            assert_true(json_number(json_member(root, "grad_norm")) == wanted.grad_norm);
            assert_int_equal(json_integer(json_member(root, "tokens")), wanted.tokens);
            assert_true(json_number(json_member(root, "tokens_per_s")) == wanted.tokens_per_s);
            assert_int_equal(json_integer(json_member(root, "memory")), wanted.memory);
        }
        json_free(root);
    }
    assert_int_equal(lines, 8);
    assert_int_equal(evaluations, 2);
    buffer_free(&text);
}

/* As a reader of events would: frames, fields, values. */
static void test_events(void **state)
{
    (void)state;
    static const char *const tags[] = {"train/epoch",     "train/loss",   "train/lr",
                                       "train/grad_norm", "train/tokens", "train/tokens_per_s",
                                       "train/memory"};
    struct training_log *log = open_log(-1);
    struct buffer events = {0};
    put_steps(log, 1, 3);
    training_log_close(log);
    read_all(&events, 1);
    size_t at = 0;
    for (int64_t wanted = 0; wanted <= 3; wanted++) {
        int64_t step;
        size_t size = tensorboard_read_record(&step, events.bytes + at, events.length - at);
        assert_true(size > 0);
        assert_int_equal(step, wanted);
        struct training_log_step one = entry(wanted ? wanted : 1);
        const float values[] = {(float)one.epoch,     (float)one.loss,   (float)one.lr,
                                (float)one.grad_norm, (float)one.tokens, (float)one.tokens_per_s,
                                (float)one.memory};
        /* time, step, then key and length of the summary */
        const unsigned char *byte = (const unsigned char *)events.bytes + at + 12 + 9 + 2;
        if (wanted) {
            assert_int_equal(*byte++, 0x2a);
            byte += *byte < 0x80 ? 1 : 2;
            for (int i = 0; i < 7; i++) {
                size_t length = strlen(tags[i]);
                float value;
                assert_int_equal(byte[0], 0x0a);
                assert_int_equal(byte[1], length + 7);
                assert_int_equal(byte[2], 0x0a);
                assert_int_equal(byte[3], length);
                assert_memory_equal(byte + 4, tags[i], length);
                assert_int_equal(byte[4 + length], 0x15);
                memcpy(&value, byte + 5 + length, 4);
                assert_true(value == values[i]);
                byte += 9 + length;
            }
            assert_ptr_equal(byte, events.bytes + at + size - 4);
        }
        at += size;
    }
    assert_int_equal(at, events.length);
    buffer_free(&events);
}

/* Stopped after step `stopped`, torn by `torn` bytes, resumed from `from`: as if never stopped. */
static void check_resume(int64_t stopped, int torn, int64_t from, struct buffer whole[2])
{
    struct training_log *log = open_log(-1);
    struct buffer parts[2] = {{0}, {0}};
    put_steps(log, 1, stopped);
    training_log_close(log);
    for (int i = 0; i < 2 && torn; i++) {
        struct stat state;
        assert_int_equal(stat(in_folder(names[i]), &state), 0);
        assert_int_equal(truncate(in_folder(names[i]), state.st_size - torn), 0);
    }
    log = open_log(from);
    put_steps(log, from + 1, 20);
    training_log_close(log);
    for (int i = 0; i < 2; i++)
        read_all(&parts[i], i);
    drop_times(&parts[1]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(parts[i].length, whole[i].length);
        assert_memory_equal(parts[i].bytes, whole[i].bytes, whole[i].length);
        buffer_free(&parts[i]);
    }
}

static void test_resume(void **state)
{
    (void)state;
    struct buffer whole[2] = {{0}, {0}};
    struct training_log *log = open_log(-1);
    put_steps(log, 1, 20);
    training_log_close(log);
    for (int i = 0; i < 2; i++)
        read_all(&whole[i], i);
    drop_times(&whole[1]);
    check_resume(9, 0, 9, whole);
    check_resume(9, 0, 8, whole);
    check_resume(12, 0, 4, whole);
    check_resume(5, 1, 4, whole);
    check_resume(5, 20, 4, whole);
    check_resume(11, 3, 0, whole);
    check_resume(1, 5, 0, whole);
    for (int i = 0; i < 2; i++)
        buffer_free(&whole[i]);
    /* Nothing there yet. */
    for (int i = 0; i < 2; i++)
        unlink(in_folder(names[i]));
    log = open_log(5);
    put_steps(log, 6, 6);
    training_log_close(log);
}

/* From a checkpoint that was written before the step's evaluation, which comes again. */
static void test_evaluation_comes_again(void **state)
{
    (void)state;
    struct buffer whole[2] = {0}, resumed[2] = {0};
    assay_error error;
    struct training_log *log = open_log(-1);
    put_steps(log, 1, 9);
    training_log_close(log);
    for (int which = 0; which < 2; which++)
        read_all(&whole[which], which);
    struct training_log_options options = {true, true, 8, 4};
    assert_int_equal(training_log_open(&log, folder, &options, &error), ASSAY_OK);
    const struct training_log_metric metrics[] = {{"auroc", 0.9}, {"f1", (double)NAN}};
    assert_int_equal(training_log_put_metrics(log, 8, entry(8).epoch, metrics, 2, &error),
                     ASSAY_OK);
    put_steps(log, 9, 9);
    training_log_close(log);
    for (int which = 0; which < 2; which++) {
        read_all(&resumed[which], which);
        if (which) {
            drop_times(&whole[which]);
            drop_times(&resumed[which]);
        }
        assert_int_equal(resumed[which].length, whole[which].length);
        assert_memory_equal(resumed[which].bytes, whole[which].bytes, whole[which].length);
        buffer_free(&whole[which]);
        buffer_free(&resumed[which]);
    }
}

static void test_rubbish_is_cut(void **state)
{
    (void)state;
    static const char *const contents[] = {"not json\n", "{\"step\": \"1\"}\n", "[1]\n", "{}\n",
                                           "\n",         "{\"step\": 1}"};
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        struct buffer text = {0};
        for (int k = 0; k < 2; k++)
            file_write(in_folder(names[k]), contents[i], strlen(contents[i]), NULL);
        training_log_close(open_log(100));
        read_all(&text, 0);
        assert_int_equal(text.length, 0);
        buffer_clear(&text);
        read_all(&text, 1);
        drop_times(&text);
        buffer_free(&text);
    }
}

static void test_only_what_is_asked(void **state)
{
    (void)state;
    struct training_log *log;
    struct training_log_options options = {false, false, -1, -1};
    assert_int_equal(training_log_open(&log, folder, &options, NULL), ASSAY_OK);
    put_steps(log, 1, 4);
    training_log_close(log);
    assert_false(file_exists(in_folder(names[0])) || file_exists(in_folder(names[1])));
}

static void test_refusals(void **state)
{
    (void)state;
    struct training_log *log = open_log(-1);
    assay_error error;
    char name[TRAINING_LOG_MAX_NAME + 2];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    struct training_log_metric metric = {name, 1};
    assert_int_equal(training_log_put_metrics(log, 1, 0, &metric, 1, &error), ASSAY_ERROR_LIMIT);
    assert_int_equal(
        training_log_put_metrics(log, 1, 0, &metric, TRAINING_LOG_MAX_METRICS + 1, &error),
        ASSAY_ERROR_LIMIT);
    name[sizeof name - 2] = '\0';
    assert_int_equal(training_log_put_metrics(log, 1, 0, &metric, 1, &error), ASSAY_OK);
    training_log_close(log);
    struct training_log_options options = {true, false, -1, -1};
    assert_int_equal(training_log_open(&log, "/nonexistent/folder", &options, &error),
                     ASSAY_ERROR_IO);
    assert_null(log);
    assert_string_equal(error.file, "/nonexistent/folder/log.jsonl");
    training_log_close(NULL);
}

static void test_full_device(void **state)
{
    (void)state;
    struct training_log *log;
    assay_error error;
    struct training_log_options options = {true, false, -1, -1};
    struct training_log_step one = entry(1);
    assert_int_equal(symlink("/dev/full", in_folder(names[0])), 0);
    assert_int_equal(training_log_open(&log, folder, &options, &error), ASSAY_OK);
    assert_int_equal(training_log_put_step(log, &one, &error), ASSAY_ERROR_IO);
    assert_string_equal(error.file, in_folder(names[0]));
    training_log_close(log);
}

/* What did not fit whole is not there at all, and a later entry follows the last whole one. */
static void test_full_disk(void **state)
{
    (void)state;
    struct rlimit before;
    struct buffer whole[2] = {{0}, {0}};
    struct training_log_step one = entry(3);
    struct training_log *log = open_log(-1);
    put_steps(log, 1, 2);
    for (int i = 0; i < 2; i++)
        read_all(&whole[i], i);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit limit = {whole[0].length + 50, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    assay_status status = training_log_put_step(log, &one, NULL);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, ASSAY_ERROR_IO);
    struct buffer after = {0};
    read_all(&after, 0);
    assert_int_equal(after.length, whole[0].length);
    assert_memory_equal(after.bytes, whole[0].bytes, after.length);
    put_steps(log, 3, 3);
    training_log_close(log);
    buffer_clear(&after);
    read_all(&after, 0);
    assert_true(after.length > whole[0].length);
    assert_int_equal(after.bytes[after.length - 1], '\n');
    assert_memory_equal(after.bytes + whole[0].length, "{\"step\": 3,", 11);
    buffer_free(&after);
    buffer_free(&whole[0]);
    buffer_free(&whole[1]);
}

static assay_status open_and_write(int64_t resumed)
{
    struct training_log *log;
    struct training_log_step one = entry(resumed + 1);
    const struct training_log_metric metric = {"auroc", 0.5};
    struct training_log_options options = {true, true, resumed, resumed};
    assay_status status = training_log_open(&log, folder, &options, NULL);
    if (!status)
        status = training_log_put_step(log, &one, NULL);
    if (!status)
        status = training_log_put_metrics(log, one.step, 0, &metric, 1, NULL);
    if (!status)
        status = training_log_sync(log, NULL);
    training_log_close(log);
    return status;
}

static void test_faults(void **state)
{
    (void)state;
    training_log_close(open_log(-1));
    for (int kind = 0; kind < 2; kind++) {
        for (uint64_t nth = 1;; nth++) {
            struct training_log *log = open_log(-1);
            put_steps(log, 1, 6);
            training_log_close(log);
            kind ? memory_fail_at(nth) : file_fail_at(nth);
            assay_status status = open_and_write(4);
            memory_fail_at(0);
            file_fail_at(0);
            /* What the four steps said stays, whatever failed. */
            struct buffer events = {0}, lines = {0};
            read_all(&lines, 0);
            assert_non_null(strstr(lines.bytes, "{\"step\": 4, \"epoch\": 0.57"));
            assert_int_equal(lines.bytes[lines.length - 1], '\n');
            buffer_free(&lines);
            read_all(&events, 1);
            drop_times(&events);
            buffer_free(&events);
            if (status) {
                assert_int_equal(status, kind ? ASSAY_ERROR_MEMORY : ASSAY_ERROR_IO);
                continue;
            }
            if (nth > 300 || (!kind && nth > 8))
                break;
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_crc32c),         TEST(test_record_bytes),
        TEST(test_lines),          TEST(test_events),
        TEST(test_resume),         TEST(test_evaluation_comes_again),
        TEST(test_rubbish_is_cut), TEST(test_only_what_is_asked),
        TEST(test_refusals),       TEST(test_full_device),
        TEST(test_full_disk),      TEST(test_faults),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
