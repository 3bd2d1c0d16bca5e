#include "train/training_log.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "train/append_file.h"
#include "train/tensorboard.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MAX_LINE = 1 << 20 };

static const char jsonl_name[] = "log.jsonl";
static const char events_name[] = "events.out.tfevents";
static const char valid_prefix[] = "valid/";

struct training_log {
    struct append_file jsonl;
    struct append_file events;
    struct buffer text; /* of one entry; kept for the next */
};

/* Up to where a log is kept. */
struct kept {
    int64_t step, evaluated;
};

static bool is_kept(const struct kept *last, int64_t step, bool of_evaluation)
{
    return step <= last->step && (!of_evaluation || step <= last->evaluated);
}

/* A line with its end, of a step that is kept. */
static int64_t keep_line(void *context, const char *bytes, size_t length)
{
    const char *end = memchr(bytes, '\n', length);
    struct json *root = NULL;
    int64_t step = INT64_MAX;
    if (!end)
        return 0;
    assay_status status = json_parse(&root, bytes, (size_t)(end - bytes), NULL, NULL);
    if (status)
        return status == ASSAY_ERROR_MEMORY ? -1 : 0;
    status = json_read_integer(&step, root, "step", 0, INT64_MAX, true, NULL);
    bool of_evaluation = json_kind(json_member(root, "valid")) != JSON_NULL;
    json_free(root);
    return status || !is_kept(context, step, of_evaluation) ? 0 : end - bytes + 1;
}

static int64_t keep_event(void *context, const char *bytes, size_t length)
{
    int64_t step;
    size_t size = tensorboard_read_record(&step, bytes, length);
    bool of_evaluation = memmem(bytes, size, valid_prefix, strlen(valid_prefix)) != NULL;
    return is_kept(context, step, of_evaluation) ? (int64_t)size : 0;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static assay_status open_one(struct append_file *out, const char *folder, const char *name,
                             size_t max_record, append_file_record *record, struct kept *last,
                             assay_error *error)
{
    char *path = path_join(folder, name);
    if (!path)
        return error_memory(error, strlen(folder));
    assay_status status =
        append_file_open(out, path, max_record, last->step < 0 ? NULL : record, last, error);
    memory_free(path);
    return status;
}

assay_status training_log_open(struct training_log **out, const char *folder,
                               const struct training_log_options *options, assay_error *error)
{
    struct kept last = {options->resumed_step, options->evaluated_step};
    assay_status status = ASSAY_OK;
    *out = NULL;
    struct training_log *log = memory_allocate_zeroed(1, sizeof *log);
    if (!log)
        return error_memory(error, sizeof *log);
    log->jsonl.fd = log->events.fd = -1;
    if (options->jsonl)
        status = open_one(&log->jsonl, folder, jsonl_name, MAX_LINE, keep_line, &last, error);
    if (!status && options->tensorboard) {
        status = open_one(&log->events, folder, events_name, TENSORBOARD_MAX_RECORD, keep_event,
                          &last, error);
        if (!status && log->events.size == 0) {
            if (tensorboard_put_version(&log->text, now()))
                status = append_file_write(&log->events, log->text.bytes, log->text.length, error);
            else
                status = error_memory(error, log->text.length);
        }
    }
    if (status)
        training_log_close(log);
    else
        *out = log;
    return status;
}

void training_log_close(struct training_log *log)
{
    if (!log)
        return;
    append_file_close(&log->jsonl);
    append_file_close(&log->events);
    buffer_free(&log->text);
    memory_free(log);
}

static assay_status write_line(struct training_log *log, const struct json_writer *writer,
                               assay_error *error)
{
    if (writer->failed || !buffer_append_byte(&log->text, '\n'))
        return error_memory(error, log->text.length);
    return append_file_write(&log->jsonl, log->text.bytes, log->text.length, error);
}

static assay_status write_scalars(struct training_log *log, int64_t step,
                                  const struct tensorboard_scalar *scalars, size_t count,
                                  assay_error *error)
{
    buffer_clear(&log->text);
    if (!tensorboard_put_scalars(&log->text, now(), step, scalars, count))
        return error_memory(error, log->text.length);
    return append_file_write(&log->events, log->text.bytes, log->text.length, error);
}

assay_status training_log_put_step(struct training_log *log, const struct training_log_step *step,
                                   assay_error *error)
{
    assay_status status = ASSAY_OK;
    if (log->jsonl.fd >= 0) {
        struct json_writer writer = {.out = &log->text};
        buffer_clear(&log->text);
        json_begin_object(&writer);
        json_put_named_integer(&writer, "step", step->step);
        json_put_named_number(&writer, "epoch", step->epoch);
        json_put_named_number(&writer, "loss", step->loss);
        json_put_named_number(&writer, "lr", step->lr);
        json_put_named_number(&writer, "grad_norm", step->grad_norm);
        json_put_named_integer(&writer, "tokens", step->tokens);
        json_put_named_number(&writer, "tokens_per_s", step->tokens_per_s);
        json_put_named_integer(&writer, "memory", step->memory);
        json_end_object(&writer);
        status = write_line(log, &writer, error);
    }
    if (!status && log->events.fd >= 0) {
        const struct tensorboard_scalar scalars[] = {
            {"train/epoch", (float)step->epoch},
            {"train/loss", (float)step->loss},
            {"train/lr", (float)step->lr},
            {"train/grad_norm", (float)step->grad_norm},
            {"train/tokens", (float)step->tokens},
            {"train/tokens_per_s", (float)step->tokens_per_s},
            {"train/memory", (float)step->memory},
        };
        status = write_scalars(log, step->step, scalars, sizeof scalars / sizeof *scalars, error);
    }
    return status;
}

static assay_status write_metric_events(struct training_log *log, int64_t step,
                                        const struct training_log_metric *metrics, size_t count,
                                        assay_error *error)
{
    enum { TAG_SIZE = sizeof valid_prefix + TRAINING_LOG_MAX_NAME };
    struct tensorboard_scalar *scalars = memory_allocate(count, sizeof *scalars);
    char *tags = memory_allocate(count, TAG_SIZE);
    assay_status status = ASSAY_OK;
    if (!scalars || !tags) {
        status = error_memory(error, count * (sizeof *scalars + TAG_SIZE));
        goto cleanup;
    }
    for (size_t i = 0; i < count; i++) {
        char *tag = tags + i * TAG_SIZE;
        snprintf(tag, TAG_SIZE, "%s%s", valid_prefix, metrics[i].name);
        scalars[i] = (struct tensorboard_scalar){tag, (float)metrics[i].value};
    }
    status = write_scalars(log, step, scalars, count, error);
cleanup:
    memory_free(scalars);
    memory_free(tags);
    return status;
}

assay_status training_log_put_metrics(struct training_log *log, int64_t step, double epoch,
                                      const struct training_log_metric *metrics, size_t count,
                                      assay_error *error)
{
    assay_status status = ASSAY_OK;
    if (count > TRAINING_LOG_MAX_METRICS)
        return error_set(error, ASSAY_ERROR_LIMIT, "too many metrics in one entry of the log");
    for (size_t i = 0; i < count; i++) {
        if (strlen(metrics[i].name) > TRAINING_LOG_MAX_NAME)
            return error_set(error, ASSAY_ERROR_LIMIT, "a metric's name is too long");
    }
    if (log->jsonl.fd >= 0) {
        struct json_writer writer = {.out = &log->text};
        buffer_clear(&log->text);
        json_begin_object(&writer);
        json_put_named_integer(&writer, "step", step);
        json_put_named_number(&writer, "epoch", epoch);
        json_key(&writer, "valid");
        json_begin_object(&writer);
        for (size_t i = 0; i < count; i++)
            json_put_named_number(&writer, metrics[i].name, metrics[i].value);
        json_end_object(&writer);
        json_end_object(&writer);
        status = write_line(log, &writer, error);
    }
    if (!status && log->events.fd >= 0)
        status = write_metric_events(log, step, metrics, count, error);
    return status;
}

assay_status training_log_sync(struct training_log *log, assay_error *error)
{
    assay_status status = append_file_sync(&log->jsonl, error);
    return status ? status : append_file_sync(&log->events, error);
}
