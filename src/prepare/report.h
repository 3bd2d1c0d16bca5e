/* What a call counted, said and took time for. One list of counts serves the printed result, the
 * card's JSON and its page, so that they cannot disagree. One thread.
 */
#ifndef ASSAY_PREPARE_REPORT_H
#define ASSAY_PREPARE_REPORT_H

#include "assay/data_make.h"
#include "base/arena.h"

#include <stdbool.h>

struct report_weight {
    const char *label;
    double weight;
};

struct report_phase {
    const char *name;
    double seconds;
};

enum { REPORT_PHASES = 8 };

struct report_texts {
    const char **items;
    size_t count, capacity;
};

struct assay_data_report {
    struct arena arena;
    assay_data_count *counts;
    size_t count, capacity;
    struct report_texts notes;
    struct report_texts files;
    struct report_weight *weights; /* in the arena */
    size_t weight_count;
    struct report_phase phases[REPORT_PHASES];
    size_t phase_count;
    bool failed; /* memory ran out; stays */
};

assay_status report_open(struct assay_data_report **out, assay_error *error);

/* Adds to the count of that name in that group, new ones behind the others of the group. Linear in
 * the counts: for totals, not for rows. */
void report_add(struct assay_data_report *report, const char *group, const char *name,
                int64_t value);
void report_note(struct assay_data_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void report_file(struct assay_data_report *report, const char *path);
assay_status report_weights(struct assay_data_report *report, const char *const *labels,
                            const double *weights, size_t count, assay_error *error);
/* `name` must be constant. */
void report_time(struct assay_data_report *report, const char *name, double seconds);
/* ASSAY_ERROR_MEMORY when something could not be kept. */
assay_status report_check(const struct assay_data_report *report, assay_error *error);

double seconds_now(void);

#endif
