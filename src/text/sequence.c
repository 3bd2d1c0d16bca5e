#include "text/sequence.h"

#include "base/error.h"

#include <string.h>

assay_status sequence_each(const struct json *value, const char *list, sequence_visitor *visit,
                           void *context, assay_error *error)
{
    const char *type = "";
    assay_status status = json_read_string(&type, value, "type", true, error);
    if (status)
        return status;
    if (strcmp(type, "Sequence") != 0)
        return visit(context, type, value, error);
    const struct json *members = json_member(value, list);
    if (json_kind(members) != JSON_ARRAY)
        return error_set(error, ASSAY_ERROR_FORMAT, "a Sequence needs a list \"%s\"", list);
    /* JSON_MAX_DEPTH bounds the recursion. */
    for (size_t i = 0; i < json_count(members) && !status; i++)
        status = sequence_each(json_element(members, i), list, visit, context, error);
    return status;
}
