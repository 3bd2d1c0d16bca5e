#include "text/place.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void place_within(assay_error *error, const char *format, ...)
{
    if (!error)
        return;
    char inner[ASSAY_ERROR_DETAIL_SIZE];
    memcpy(inner, error->place, sizeof inner);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->place, sizeof error->place, format, arguments);
    va_end(arguments);
    size_t length = strlen(error->place);
    if (*inner)
        snprintf(error->place + length, sizeof error->place - length, ".%s", inner);
}
