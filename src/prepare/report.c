#include "prepare/report.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NOTE_SIZE = 640, FIRST_CAPACITY = 16 };

double seconds_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

assay_status report_open(struct assay_data_report **out, assay_error *error)
{
    *out = memory_allocate_zeroed(1, sizeof **out);
    return *out ? ASSAY_OK : error_memory(error, sizeof **out);
}

static const char *keep(struct assay_data_report *report, const char *text)
{
    char *copy = arena_format(&report->arena, "%s", text);
    report->failed = report->failed || !copy;
    return copy;
}

void report_add(struct assay_data_report *report, const char *group, const char *name,
                int64_t value)
{
    size_t at = report->count; /* behind the group's last */
    for (size_t i = 0; i < report->count; i++) {
        assay_data_count *count = &report->counts[i];
        if (strcmp(count->group, group) != 0)
            continue;
        if (!strcmp(count->name, name)) {
            count->value += value;
            return;
        }
        at = i + 1;
    }
    if (report->count == report->capacity) {
        size_t capacity = report->capacity ? 2 * report->capacity : FIRST_CAPACITY;
        assay_data_count *grown = memory_resize(report->counts, capacity, sizeof *grown);
        if (!grown) {
            report->failed = true;
            return;
        }
        report->counts = grown;
        report->capacity = capacity;
    }
    assay_data_count count = {keep(report, group), keep(report, name), value};
    if (report->failed)
        return;
    memmove(report->counts + at + 1, report->counts + at,
            (report->count - at) * sizeof *report->counts);
    report->counts[at] = count;
    report->count++;
}

static void add_text(struct assay_data_report *report, struct report_texts *texts, const char *text)
{
    if (texts->count == texts->capacity) {
        size_t capacity = texts->capacity ? 2 * texts->capacity : FIRST_CAPACITY;
        const char **grown = memory_resize(texts->items, capacity, sizeof *grown);
        if (!grown) {
            report->failed = true;
            return;
        }
        texts->items = grown;
        texts->capacity = capacity;
    }
    const char *kept = keep(report, text);
    if (kept)
        texts->items[texts->count++] = kept;
}

void report_note(struct assay_data_report *report, const char *format, ...)
{
    char text[NOTE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    add_text(report, &report->notes, text);
}

void report_file(struct assay_data_report *report, const char *path)
{
    add_text(report, &report->files, path);
}

assay_status report_weights(struct assay_data_report *report, const char *const *labels,
                            const double *weights, size_t count, assay_error *error)
{
    report->weights = arena_allocate(&report->arena, count, sizeof *report->weights);
    if (!report->weights)
        return error_memory(error, count * sizeof *report->weights);
    for (size_t i = 0; i < count; i++)
        report->weights[i] = (struct report_weight){keep(report, labels[i]), weights[i]};
    report->weight_count = count;
    return report_check(report, error);
}

void report_time(struct assay_data_report *report, const char *name, double seconds)
{
    for (size_t i = 0; i < report->phase_count; i++) {
        if (!strcmp(report->phases[i].name, name)) {
            report->phases[i].seconds += seconds;
            return;
        }
    }
    if (report->phase_count < REPORT_PHASES)
        report->phases[report->phase_count++] = (struct report_phase){name, seconds};
}

assay_status report_check(const struct assay_data_report *report, assay_error *error)
{
    return report->failed ? error_memory(error, NOTE_SIZE) : ASSAY_OK;
}

const assay_data_count *assay_data_report_count(const assay_data_report *report, int64_t index)
{
    return report && index >= 0 && (size_t)index < report->count ? &report->counts[index] : NULL;
}

static const char *text_at(const struct report_texts *texts, int64_t index)
{
    return index >= 0 && (size_t)index < texts->count ? texts->items[index] : NULL;
}

const char *assay_data_report_note(const assay_data_report *report, int64_t index)
{
    return report ? text_at(&report->notes, index) : NULL;
}

const char *assay_data_report_file(const assay_data_report *report, int64_t index)
{
    return report ? text_at(&report->files, index) : NULL;
}

const char *assay_data_report_phase(const assay_data_report *report, int64_t index, double *seconds)
{
    if (!report || index < 0 || (size_t)index >= report->phase_count)
        return NULL;
    if (seconds)
        *seconds = report->phases[index].seconds;
    return report->phases[index].name;
}

const char *assay_data_report_weight(const assay_data_report *report, int64_t index, double *weight)
{
    if (!report || index < 0 || (size_t)index >= report->weight_count)
        return NULL;
    if (weight)
        *weight = report->weights[index].weight;
    return report->weights[index].label;
}

void assay_data_report_close(assay_data_report *report)
{
    if (!report)
        return;
    arena_free(&report->arena);
    memory_free(report->counts);
    memory_free(report->notes.items);
    memory_free(report->files.items);
    memory_free(report);
}
