/* What this machine can do, and how fast assay is on it. */
#ifndef ASSAY_MACHINE_H
#define ASSAY_MACHINE_H

#include "assay/model.h"

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

typedef struct assay_doctor assay_doctor;
assay_status assay_doctor_open(assay_doctor **out, assay_error *error);
int64_t assay_doctor_count(const assay_doctor *doctor);
const assay_finding *assay_doctor_get(const assay_doctor *doctor, int64_t index);
void assay_doctor_close(assay_doctor *doctor);

/* Measured work. Floors are what the machine's own peak, measured in the same run, would allow. */
typedef struct assay_bench_options {
    size_t struct_size;
    int threads;
    assay_precision precision;
    const char *model; /* folder, for works that need one; NULL: weights of that shape, drawn */
    const char *data;  /* rows to work on; NULL: built-in text */
    double seconds;    /* a work at least; 0: 2 */
    int32_t max_tokens;
    int64_t batch_tokens;
} assay_bench_options;

#define ASSAY_BENCH_OPTIONS_INIT                                                                   \
    {                                                                                              \
        sizeof(assay_bench_options), 0, ASSAY_PRECISION_HIGHEST, NULL, NULL, 0.0, 0, 0             \
    }

typedef struct assay_bench_result {
    const char *work;
    const char *unit;   /* "tokens/s", "MB/s", "GFLOP/s", "ms" */
    double value;       /* median */
    double least, most; /* over the repetitions */
    double floor;       /* of the machine, in the same unit; 0: unknown */
    int64_t repetitions;
    int64_t peak_bytes; /* resident, of this process so far */
    const char *kernels;
} assay_bench_result;

/* Names of the works, in order; NULL beyond the last. */
const char *assay_bench_work(int index, const char **description);
assay_status assay_bench_run(assay_bench_result *result, const char *work,
                             const assay_bench_options *options, assay_error *error);

const char *assay_version(void);

#ifdef __cplusplus
}
#endif

#endif
