/* What this machine can do. How fast assay is on it: bench.h. */
#ifndef ASSAY_MACHINE_H
#define ASSAY_MACHINE_H

#include "assay/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One finding of the doctor. Strings belong to the report. */
typedef enum assay_health { ASSAY_HEALTH_OK, ASSAY_HEALTH_NOTE, ASSAY_HEALTH_MISSING } assay_health;

typedef struct assay_finding {
    const char *name; /* "processor", "kernels", "libcurl", ... */
    assay_health health;
    const char *value;
    const char *advice; /* how to get what is missing, or "" */
} assay_finding;

/* A finished report; it does not change, and may be read by many threads. */
typedef struct assay_doctor assay_doctor;
/* Looks at this machine now; release with assay_doctor_close. */
assay_status assay_doctor_open(assay_doctor **out, assay_error *error);
int64_t assay_doctor_count(const assay_doctor *doctor);
/* index 0 .. count - 1, in the order of the report; NULL outside. */
const assay_finding *assay_doctor_get(const assay_doctor *doctor, int64_t index);
void assay_doctor_close(assay_doctor *doctor); /* NULL allowed */

#ifdef __cplusplus
}
#endif

#endif
