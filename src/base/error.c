#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *assay_status_name(assay_status status)
{
    switch (status) {
#define X(name, value, message)                                                                    \
    case ASSAY_##name:                                                                             \
        return #name;
        ASSAY_STATUS_LIST(X)
#undef X
    }
    return "UNKNOWN";
}

const char *assay_status_message(assay_status status)
{
    switch (status) {
#define X(name, value, message)                                                                    \
    case ASSAY_##name:                                                                             \
        return message;
        ASSAY_STATUS_LIST(X)
#undef X
    }
    return "unknown status";
}

assay_status error_set(assay_error *error, assay_status status, const char *format, ...)
{
    if (error) {
        memset(error, 0, sizeof *error);
        error->status = status;
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return status;
}

assay_status error_memory(assay_error *error, size_t bytes)
{
    return error_set(error, ASSAY_ERROR_MEMORY, "not enough memory for %zu bytes", bytes);
}

assay_status error_needs(assay_error *error, const char *function, const char *what)
{
    return error_set(error, ASSAY_ERROR_ARGUMENT, "%s needs %s", function, what);
}

assay_status error_options(assay_error *error, size_t given, size_t known, const char *start)
{
    if (given == known)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_ARGUMENT, "options begin with %s, of this library's own headers",
              start);
    error_at_place(error, "struct_size");
    error_expected(error, "%zu", known);
    error_found(error, "%zu", given);
    return ASSAY_ERROR_ARGUMENT;
}

assay_status error_list(assay_error *error, const char *const *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (list && list[i])
            continue;
        error_set(error, ASSAY_ERROR_ARGUMENT, "a list is shorter than its count says");
        error_at_place(error, "%s", name);
        error_expected(error, "%zu", count);
        error_found(error, "%zu", i);
        return ASSAY_ERROR_ARGUMENT;
    }
    return ASSAY_OK;
}

void error_at_file(assay_error *error, const char *path)
{
    if (error && !error->file[0] && path)
        snprintf(error->file, sizeof error->file, "%s", path);
}

void error_at_row(assay_error *error, int64_t row, int64_t column)
{
    if (!error || error->row)
        return;
    error->row = row;
    error->column = column;
}

static void set_detail(char *detail, const char *format, va_list arguments)
{
    if (!detail[0])
        vsnprintf(detail, ASSAY_ERROR_DETAIL_SIZE, format, arguments);
}

void error_at_place(assay_error *error, const char *format, ...)
{
    if (!error)
        return;
    va_list arguments;
    va_start(arguments, format);
    set_detail(error->place, format, arguments);
    va_end(arguments);
}

void error_expected(assay_error *error, const char *format, ...)
{
    if (!error)
        return;
    va_list arguments;
    va_start(arguments, format);
    set_detail(error->expected, format, arguments);
    va_end(arguments);
}

void error_found(assay_error *error, const char *format, ...)
{
    if (!error)
        return;
    va_list arguments;
    va_start(arguments, format);
    set_detail(error->found, format, arguments);
    va_end(arguments);
}

/* snprintf at `used` of a line that may already be full; returns the new length. */
static size_t append(char *line, size_t size, size_t used, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static size_t append(char *line, size_t size, size_t used, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(used < size ? line + used : NULL, used < size ? size - used : 0, format,
                         arguments);
    va_end(arguments);
    return used + (more > 0 ? (size_t)more : 0);
}

size_t assay_error_format(const assay_error *error, char *line, size_t size)
{
    if (!line)
        size = 0;
    if (size)
        line[0] = '\0';
    if (!error)
        return 0;
    size_t used = 0;
    if (error->file[0])
        used = append(line, size, used, "%s:", error->file);
    if (error->row > 0)
        used = append(line, size, used, "%lld:", (long long)error->row);
    if (error->row > 0 && error->column > 0)
        used = append(line, size, used, "%lld:", (long long)error->column);
    if (used)
        used = append(line, size, used, " ");
    if (error->place[0])
        used = append(line, size, used, "%s: ", error->place);
    used = append(line, size, used, "%s",
                  error->message[0] ? error->message : assay_status_message(error->status));
    if (error->expected[0] && error->found[0])
        used = append(line, size, used, " (expected %s, found %s)", error->expected, error->found);
    else if (error->expected[0])
        used = append(line, size, used, " (expected %s)", error->expected);
    else if (error->found[0])
        used = append(line, size, used, " (found %s)", error->found);
    return used;
}
