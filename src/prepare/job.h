/* What every verb on data does around its own work: checks the names, takes the fingerprint, reads
 * the input's card, opens readers and outputs, tells progress, counts labels, and at the end writes
 * the card and puts all files into place. One thread; zeroed by job_open, job_close takes any
 * state.
 */
#ifndef ASSAY_PREPARE_JOB_H
#define ASSAY_PREPARE_JOB_H

#include "base/threads.h"
#include "data/fingerprint.h"
#include "data/row_source.h"
#include "prepare/card.h"
#include "prepare/names.h"
#include "prepare/outputs.h"

struct job {
    const assay_data_files *files;
    const char *verb;
    struct assay_data_report *report;
    struct thread_pool *pool;
    struct fingerprint mark; /* of the input */
    struct data_card card;   /* of the input */
    struct row_source source;
    struct output_set outputs;
    struct output_file *removed;
    const char *parts_folder; /* of a split: marked while its parts are put into their places */
    const char *phase;
    double phase_began, told;
    uint64_t total;     /* bytes of what is being read, for progress; 0: unknown */
    struct buffer line; /* of the removed file */
};

/* `folder`: the output is a folder of parts, and its name is free. */
assay_status job_open(struct job *job, const char *verb, const assay_data_files *files, bool folder,
                      assay_error *error);
/* Gives the report to *out, or closes it after a failure. */
void job_close(struct job *job, assay_data_report **out);

/* A pass over the input, or over `path`. */
assay_status job_rows(struct job *job, assay_rows **rows, const char *path, assay_error *error);
/* Names what is being done from now on, for progress and for the seconds of the report. */
void job_phase(struct job *job, const char *name);
void job_tell(struct job *job, int64_t rows, uint64_t done);

/* A data file: its header line is written. */
assay_status job_output(struct job *job, struct output_file **out, const char *path,
                        assay_error *error);
assay_status job_output_removed(struct job *job, const char *path, assay_error *error);

/* One line of the removed file: {"row", "line", "id", "reason", members of `put`, "source"}. held
 * NULL: the row could not be read. */
struct removed_row {
    int64_t row, line;
    const char *id; /* NULL: known by its number */
    const char *reason;
    const char *held;
    size_t held_length;
};
assay_status job_remove(struct job *job, const struct removed_row *row,
                        void (*put)(struct json_writer *writer, const void *context),
                        const void *context, assay_error *error);

/* The card of one data file with so many rows a label; what `step` says of output and report is
 * filled in here. */
assay_status job_card(struct job *job, struct output_file *output, struct card_step *step,
                      const struct tally *labels, assay_error *error);
/* Everything into its place. */
assay_status job_commit(struct job *job, assay_error *error);

#endif
