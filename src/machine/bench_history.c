#include "machine/bench_history.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HISTORY_MAX_BYTES = 256 << 20 };

static void put_string(struct json_writer *json, const char *key, const char *value)
{
    json_key(json, key);
    json_put_string(json, value);
}

static void put_integer(struct json_writer *json, const char *key, int64_t value)
{
    json_key(json, key);
    json_put_integer(json, value);
}

/* 0 stands for what is not known. */
static void put_number(struct json_writer *json, const char *key, double value)
{
    json_key(json, key);
    if (value > 0.0)
        json_put_number(json, value);
    else
        json_put_null(json);
}

static void put_machine(struct json_writer *json, const assay_machine *machine)
{
    json_key(json, "machine");
    json_begin_object(json);
    put_string(json, "processor", machine->processor);
    put_integer(json, "processors", machine->processors);
    put_string(json, "kernels", machine->kernels);
    json_end_object(json);
}

static void put_peer(struct json_writer *json, const assay_peer_result *peer)
{
    json_key(json, "peer");
    if (!peer) {
        json_put_null(json);
        return;
    }
    json_begin_object(json);
    put_string(json, "versions", peer->versions);
    put_string(json, "options", peer->options);
    put_integer(json, "pairs", peer->pairs);
    put_integer(json, "batches", peer->batches);
    put_number(json, "value", peer->value);
    put_number(json, "least", peer->least);
    put_number(json, "most", peer->most);
    put_integer(json, "peak_bytes", peer->peak_bytes);
    put_number(json, "ratio", peer->ratio);
    put_number(json, "ratio_least", peer->ratio_least);
    put_number(json, "ratio_most", peer->ratio_most);
    json_end_object(json);
}

bool history_write(struct buffer *out, const assay_bench_result *result,
                   const assay_peer_result *peer, const assay_machine *machine, const char *time)
{
    struct json_writer json = {.out = out};
    json_begin_object(&json);
    put_string(&json, "time", time);
    put_string(&json, "version", ASSAY_VERSION);
    put_machine(&json, machine);
    put_string(&json, "work", result->work);
    put_string(&json, "rows", result->rows);
    put_integer(&json, "max_tokens", result->max_tokens);
    put_string(&json, "precision", assay_precision_name(result->precision));
    put_integer(&json, "threads", result->threads);
    put_string(&json, "kernels", result->kernels);
    put_string(&json, "unit", result->unit);
    put_number(&json, "value", result->value);
    put_number(&json, "least", result->least);
    put_number(&json, "most", result->most);
    put_integer(&json, "repetitions", result->repetitions);
    put_number(&json, "floor", result->floor);
    put_integer(&json, "peak_bytes", result->peak_bytes);
    put_peer(&json, peer);
    json_end_object(&json);
    return !json.failed && buffer_append_byte(out, '\n');
}

/* ---- reading */

static bool same_text(const struct json *object, const char *key, const char *wanted)
{
    const struct json *member = json_member(object, key);
    return json_kind(member) == JSON_STRING && !strcmp(json_string(member), wanted);
}

static bool same_integer(const struct json *object, const char *key, int64_t wanted)
{
    const struct json *member = json_member(object, key);
    return json_kind(member) == JSON_INTEGER && json_integer(member) == wanted;
}

static bool matches(const struct json *record, const assay_bench_result *wanted,
                    const assay_machine *machine)
{
    const struct json *where = json_member(record, "machine");
    return same_text(record, "work", wanted->work) && same_text(record, "rows", wanted->rows) &&
           same_text(record, "unit", wanted->unit) &&
           same_text(record, "precision", assay_precision_name(wanted->precision)) &&
           same_integer(record, "threads", wanted->threads) &&
           same_integer(record, "max_tokens", wanted->max_tokens) &&
           same_text(where, "processor", machine->processor) &&
           same_integer(where, "processors", machine->processors) &&
           same_text(where, "kernels", machine->kernels);
}

static double positive(const struct json *object, const char *key)
{
    double value = json_number(json_member(object, key));
    return isfinite(value) && value > 0.0 ? value : 0.0;
}

/* False where the line is no whole record. */
static bool read_line(assay_bench_earlier *earlier, const char *line, size_t length,
                      const assay_bench_result *wanted, const assay_machine *machine)
{
    struct json *record = NULL;
    if (json_parse(&record, line, length, NULL, NULL) != ASSAY_OK)
        return false;
    const struct json *time = json_member(record, "time"),
                      *peak = json_member(record, "peak_bytes");
    bool whole = json_kind(time) == JSON_STRING &&
                 json_kind(json_member(record, "work")) == JSON_STRING &&
                 json_kind(json_member(record, "machine")) == JSON_OBJECT &&
                 json_kind(peak) == JSON_INTEGER && positive(record, "value") > 0.0;
    if (whole && matches(record, wanted, machine)) {
        earlier->found = true;
        snprintf(earlier->time, sizeof earlier->time, "%s", json_string(time));
        snprintf(earlier->version, sizeof earlier->version, "%s",
                 json_string(json_member(record, "version")));
        earlier->value = positive(record, "value");
        earlier->floor = positive(record, "floor");
        earlier->ratio = positive(json_member(record, "peer"), "ratio");
        earlier->peak_bytes = json_integer(peak);
    }
    json_free(record);
    return whole;
}

static bool is_blank(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    }
    return true;
}

void history_search(assay_bench_earlier *earlier, const char *text, size_t length,
                    const assay_bench_result *wanted, const assay_machine *machine)
{
    *earlier = (assay_bench_earlier){0};
    int64_t row = 0;
    for (size_t at = 0; at < length; row++) {
        const char *line = text + at, *end = memchr(line, '\n', length - at);
        size_t size = end ? (size_t)(end - line) : length - at;
        at += size + 1;
        if (is_blank(line, size) || read_line(earlier, line, size, wanted, machine))
            continue;
        if (!earlier->damaged++)
            earlier->first_damaged = row + 1;
    }
}

assay_status assay_bench_history_find(assay_bench_earlier *earlier, const char *path,
                                      const assay_bench_result *result, assay_error *error)
{
    if (!earlier || !path || !result)
        return error_needs(error, __func__, "earlier, a path and a result");
    struct buffer text = {0};
    assay_machine machine;
    assay_machine_get(&machine);
    *earlier = (assay_bench_earlier){0};
    assay_status status = file_read(&text, path, HISTORY_MAX_BYTES, error);
    if (status == ASSAY_OK)
        history_search(earlier, text.bytes ? text.bytes : "", text.length, result, &machine);
    buffer_free(&text);
    return status;
}

/* ---- appending */

static assay_status io_error(assay_error *error, const char *path, const char *what)
{
    int number = errno;
    error_set(error, ASSAY_ERROR_IO, "%s: %s", what, strerror(number));
    error_at_file(error, path);
    return ASSAY_ERROR_IO;
}

/* Whether a writer that was killed left the last line without its end. */
static bool ends_torn(int file, int64_t size)
{
    char last = '\n';
    return size > 0 && pread(file, &last, 1, size - 1) == 1 && last != '\n';
}

/* All or nothing: what a full disk leaves of a record is taken back. */
static assay_status append(int file, const char *path, const struct buffer *text, int64_t size,
                           assay_error *error)
{
    for (size_t at = 0; at < text->length;) {
        ssize_t written =
            file_change_refused() ? -1 : write(file, text->bytes + at, text->length - at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            assay_status status = io_error(error, path, "cannot write");
            if (at && ftruncate(file, size) != 0)
                error_found(error, "a torn record at its end");
            return status;
        }
        at += (size_t)written;
    }
    if (file_change_refused() || fsync(file) != 0)
        return io_error(error, path, "cannot sync");
    return ASSAY_OK;
}

assay_status assay_bench_history_append(const char *path, const assay_bench_result *result,
                                        const assay_peer_result *peer, assay_error *error)
{
    if (!path || !result)
        return error_needs(error, __func__, "a path and a result");
    struct buffer text = {0};
    struct stat state;
    assay_machine machine;
    char when[32] = "";
    time_t now = time(NULL);
    struct tm parts;
    if (gmtime_r(&now, &parts))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
    assay_machine_get(&machine);
    int file = file_change_refused()
                   ? -1
                   : open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
    if (file < 0)
        return io_error(error, path, "cannot open for writing");
    assay_status status = ASSAY_OK;
    if (fstat(file, &state) != 0)
        status = io_error(error, path, "cannot look at it");
    else if (!S_ISREG(state.st_mode))
        status = error_set(error, ASSAY_ERROR_ARGUMENT, "a history is a regular file");
    else if ((ends_torn(file, state.st_size) && !buffer_append_byte(&text, '\n')) ||
             !history_write(&text, result, peer, &machine, when))
        status = error_memory(error, text.length);
    else
        status = append(file, path, &text, state.st_size, error);
    error_at_file(error, path);
    close(file);
    buffer_free(&text);
    return status;
}
