/* How fast assay is on this machine, beside what the machine allows and beside the Python
 * reference; records of it, and curves over sizes.
 *
 * Results are flat: they hold no pointers and may be copied. A floor is never a guess: it comes
 * from what the machine's product and its memory did in the same process just after the work.
 */
#ifndef ASSAY_BENCH_H
#define ASSAY_BENCH_H

#include "assay/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct assay_bench_options {
    size_t struct_size;
    int threads;
    assay_precision precision;
    const char *model;    /* folder, for works that need one and for the tokenizer of real rows */
    const char *data;     /* rows to work on; NULL: drawn ids, or built-in text */
    double seconds;       /* a work at least; 0: 2 */
    int32_t max_tokens;   /* rows are cut here; 0: the work's own */
    int64_t batch_tokens; /* of scoring; 0: 1024 */
    bool profile;         /* say where the time goes; the clock is then read twice an op */
} assay_bench_options;

#define ASSAY_BENCH_OPTIONS_INIT                                                                   \
    {                                                                                              \
        sizeof(assay_bench_options), 0, ASSAY_PRECISION_HIGHEST, NULL, NULL, 0.0, 0, 0, false      \
    }

enum { ASSAY_PROFILE_ROWS = 52, ASSAY_PROFILE_NAME = 40 };

/* A kind of op in one direction, or something around the ops. */
typedef struct assay_profile_row {
    char name[ASSAY_PROFILE_NAME];
    double seconds;    /* over all steps */
    double share;      /* of the whole, 0 to 1 */
    double operations; /* counted, over all steps; 0: not counted */
    int64_t calls;
    bool inside; /* a product, attention, the vocabulary op or the optimizer */
} assay_profile_row;

/* The whole of the steps: "everything else" is a row too, so that shares add up to 1. Rows are in
 * falling order of time. */
typedef struct assay_profile {
    int32_t count; /* 0: not asked for, or the work has none */
    int64_t steps;
    double seconds;
    double inside; /* summed share of the rows that are inside */
    assay_profile_row rows[ASSAY_PROFILE_ROWS];
} assay_profile;

enum { ASSAY_BENCH_NAME = 64 };

typedef struct assay_bench_result {
    char work[ASSAY_BENCH_NAME];
    char unit[16];                  /* "tokens/s", "MB/s", "GB/s", "GFLOP/s", "ms" */
    char kernels[ASSAY_BENCH_NAME]; /* what computed */
    char
        rows[ASSAY_BENCH_NAME]; /* what it worked on: "drawn", "data"; "" where that says nothing */
    assay_precision precision;  /* used */
    int threads;
    int32_t max_tokens;
    double value; /* median over the repetitions */
    double least, most;
    double mean; /* all that was done over all the time it took */
    int64_t repetitions;
    int64_t peak_bytes; /* resident, of the process at the end of the work */
    /* What the machine would allow, in the same unit; 0: unknown. One token takes
     * operations / product_peak + bytes / stream_peak. */
    double floor;
    double operations, bytes; /* of a token; bytes: what the optimizer moves */
    double product_peak;      /* floating-point operations a second, at this precision */
    double stream_peak;       /* bytes a second; 0: no bytes count */
    assay_profile profile;
} assay_bench_result;

/* Names of the works, in order; NULL beyond the last. */
const char *assay_bench_work(int index, const char **description);

/* In this process: peak_bytes is then that of all it did so far. */
assay_status assay_bench_run(assay_bench_result *result, const char *work,
                             const assay_bench_options *options, assay_error *error);
/* In a child of this process, so that peak_bytes is the work's own. The child is a fork that runs
 * on: call it where no other thread of the process runs. A child that dies is an error that says
 * how. */
assay_status assay_bench_run_apart(assay_bench_result *result, const char *work,
                                   const assay_bench_options *options, assay_error *error);

/* ---- Beside the reference: a Python process that does the same work on the same ids. */
typedef struct assay_peer_options {
    size_t struct_size;
    const char *python;  /* a program, found as a shell would */
    const char *options; /* "dtype=bf16 compile=1 group=1"; NULL: none */
    int pairs;           /* of measurements; 0: 3 */
} assay_peer_options;

#define ASSAY_PEER_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(assay_peer_options), NULL, NULL, 0                                                  \
    }

typedef struct assay_peer_result {
    char versions[128]; /* "torch 2.4.0, transformers 4.44.0" */
    char options[128];
    int pairs;
    int64_t batches; /* a measurement */
    double value;    /* tokens/s, median of the pairs */
    double least, most;
    int64_t peak_bytes;
    double ratio; /* ours over the peer's, a pair at a time: median, least, most */
    double ratio_least, ratio_most;
} assay_peer_result;

/* True for the works that the reference can do. */
bool assay_peer_knows(const char *work);
/* Measures the peer and ours in turn, ours in a child a pair. `result` is ours of the median pair,
 * with value, least and most over the pairs' means. */
assay_status assay_bench_run_pairs(assay_bench_result *result, assay_peer_result *peer,
                                   const char *work, const assay_bench_options *options,
                                   const assay_peer_options *peer_options, assay_error *error);

/* ---- Records: one JSON object a line, see docs/file-formats.md. */

/* Appends one; the file is made when it is not there. peer may be NULL. */
assay_status assay_bench_history_append(const char *path, const assay_bench_result *result,
                                        const assay_peer_result *peer, assay_error *error);

typedef struct assay_bench_earlier {
    bool found;
    char time[32], version[32];
    double value, floor, ratio; /* 0: not recorded */
    int64_t peak_bytes;
    int64_t damaged;       /* lines that are not whole records; they are passed over */
    int64_t first_damaged; /* from 1 */
} assay_bench_earlier;

/* The last record in the file of the same machine, work, precision, threads, rows and limit of
 * tokens. */
assay_status assay_bench_history_find(assay_bench_earlier *earlier, const char *path,
                                      const assay_bench_result *result, assay_error *error);

/* ---- Curves: a work of drawn weights at sizes of one axis, all else alike. */
typedef enum assay_sweep_axis {
    ASSAY_SWEEP_LENGTH, /* tokens a row, the batch's tokens alike */
    ASSAY_SWEEP_BATCH,  /* rows of 128 tokens */
    ASSAY_SWEEP_WIDTH   /* of the model, in heads as near to 32 as divide it */
} assay_sweep_axis;

/* "length", "batch", "width"; false, or NULL, for any other. */
bool assay_sweep_axis_from_name(assay_sweep_axis *axis, const char *name);
const char *assay_sweep_axis_name(assay_sweep_axis axis);
/* The sizes in rising order, which are the library's own; the count is returned. */
int assay_sweep_sizes(assay_sweep_axis axis, const int64_t **sizes);
/* True for works of drawn weights, whose size can be changed. */
bool assay_sweep_knows(const char *work);

typedef struct assay_sweep_point {
    int64_t size;
    double tokens_per_s; /* the best of the repetitions: the shape of a curve is wanted */
    double microseconds; /* a token */
    double floor;        /* tokens a second; see assay_sweep_finish */
    double operations, bytes, product_peak, stream_peak; /* as in a result */
    int64_t peak_bytes;
    bool cliff;
} assay_sweep_point;

/* Measures one point in a child of its own. */
assay_status assay_bench_sweep_point(assay_sweep_point *point, const char *work,
                                     assay_sweep_axis axis, int64_t size,
                                     const assay_bench_options *options, assay_error *error);
/* Holds all points against the best peaks that any of them saw, and marks as cliffs those that take
 * more than 1.5 times as long a token as a neighbour does, after what the floors say of both. */
void assay_sweep_finish(assay_sweep_point *points, int count);

/* ---- This machine, as records name it: "AMD EPYC 9655", "plain, avx2, avx512". */
typedef struct assay_machine {
    char processor[128];
    int processors;
    char kernels[ASSAY_BENCH_NAME];
} assay_machine;
void assay_machine_get(assay_machine *machine);

#ifdef __cplusplus
}
#endif

#endif
