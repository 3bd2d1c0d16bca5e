/* The parts of the leak audit: what a trait is judged by, and the traits of strings.
 *
 * A trait is a leak where the lower end of its interval, held for all traits that were tried at
 * once (Bonferroni), is above the bar of its kind.
 */
#ifndef ASSAY_DATA_AUDIT_H
#define ASSAY_DATA_AUDIT_H

#include "data/show.h"

/* What all traits of one audit share. */
struct audit {
    struct show *show;
    int32_t positive;   /* number of the label that is judged, of two; else -1 */
    int64_t candidates; /* traits tried */
};

/* The next free record; there is room for every trait. */
struct audited *audit_next(struct audit *audit);
/* Tries the strings and adds those to be told, up to SHOW_STRINGS a kind; their bounds are left to
 * audit_judge_string. */
assay_status audit_strings(struct audit *audit, assay_error *error);
/* Interval and verdict, once audit->candidates is known. */
void audit_judge_string(const struct audit *audit, struct audited *audited, double alpha_of_all);
/* Rows and groups that stand in more than one file. */
assay_status audit_files(struct audit *audit, assay_error *error);

#endif
