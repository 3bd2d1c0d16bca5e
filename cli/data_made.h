/* What the verbs that make data sets share: flags, progress, and how a report is printed. */
#ifndef CLI_DATA_MADE_H
#define CLI_DATA_MADE_H

#include "progress_line.h"
#include "texts.h"

#include "assay/data_make.h"

#define DATA_FLAGS                                                                                 \
    {"output",                                                                                     \
     'o',                                                                                          \
     FLAG_TEXT,                                                                                    \
     "OUT",                                                                                        \
     "must be given",                                                                              \
     "where the rows go; cards and what was taken out lie beside",                                 \
     0,                                                                                            \
     0},                                                                                           \
        {"license", 0, FLAG_TEXT, "TEXT", "as the input's card says", "of the data, for the card", \
         0,         0},                                                                            \
        {"source",                                                                                 \
         0,                                                                                        \
         FLAG_TEXT,                                                                                \
         "TEXT",                                                                                   \
         "as the input's card says",                                                               \
         "where the data comes from, for the card",                                                \
         0,                                                                                        \
         0},                                                                                       \
        TEXT_FLAGS

struct data_progress {
    const struct call *call;
    struct progress_line line;
};

/* Fills in what all verbs share; false after saying what is wrong, with the exit code. */
bool data_files(struct call *call, assay_data_files *files, assay_rows_options *rows,
                struct data_progress *progress, int *code);

/* Prints what was done, or why it failed; closes the report. Returns the exit code. */
int data_finish(struct call *call, struct data_progress *progress, assay_status status,
                assay_data_report *report, const assay_error *error);

#endif
