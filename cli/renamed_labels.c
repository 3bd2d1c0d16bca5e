#include "renamed_labels.h"

#include <stdlib.h>
#include <string.h>

int renamed_labels_read(struct renamed_labels *out, const struct call *call)
{
    size_t count, length = 0;
    *out = (struct renamed_labels){0};
    const char **values = call_values(call, "label", &count);
    for (size_t i = 0; values && i < count; i++)
        length += strlen(values[i]) + 1;
    out->entries = calloc(count + 1, sizeof *out->entries);
    out->text = malloc(length + 1);
    int code = CALL_DONE;
    if (!values || !out->entries || !out->text)
        code = call_failed_saying(call, "not enough memory");
    char *at = out->text;
    for (size_t i = 0; code == CALL_DONE && i < count; i++) {
        char *equals = strchr(strcpy(at, values[i]), '=');
        if (!equals || equals == at || !equals[1]) {
            code = call_wrong(call, "--label is NAME=LABEL, as in --label machine=ai, not \"%s\"",
                              values[i]);
            break;
        }
        *equals = '\0';
        out->entries[out->count++] = (assay_label_rename){at, equals + 1};
        at = equals + 1 + strlen(equals + 1) + 1;
    }
    free(values);
    return code;
}

void renamed_labels_free(struct renamed_labels *labels)
{
    free(labels->entries);
    free(labels->text);
    *labels = (struct renamed_labels){0};
}
