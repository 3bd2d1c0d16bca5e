/* --label NAME=LABEL: labels of the data that count as others.
 */
#ifndef CLI_RENAMED_LABELS_H
#define CLI_RENAMED_LABELS_H

#include "call.h"

#include "assay/rows.h"

#define LABEL_FLAG                                                                                 \
    {                                                                                              \
        "label", 0, FLAG_TEXT, "NAME=LABEL", "labels as they stand",                               \
            "rows that DATA calls NAME count as the model's LABEL; may be given more than once",   \
            0, 0                                                                                   \
    }

struct renamed_labels {
    assay_label_rename *entries;
    size_t count;
    char *text;
};

/* From the flags; the exit code, after saying what is wrong. Release it either way. */
int renamed_labels_read(struct renamed_labels *out, const struct call *call);
void renamed_labels_free(struct renamed_labels *labels);

#endif
