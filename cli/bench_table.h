/* What `assay bench` prints: measurements, what belongs to them, and curves, as tables or JSON. */
#ifndef CLI_BENCH_TABLE_H
#define CLI_BENCH_TABLE_H

#include "assay/bench.h"
#include "output.h"

/* A measurement with what was asked for beside it; NULL or not found where there is none. */
struct bench_line {
    const assay_bench_result *result;
    const assay_peer_result *peer;
    const assay_bench_earlier *earlier;
};

void bench_put_line(struct json_out *out, const struct bench_line *line);
void bench_print_head(void);
void bench_print_line(const struct bench_line *line);

struct bench_curve {
    const char *work;
    assay_sweep_axis axis;
    const assay_sweep_point *points;
    int count;
};

void bench_put_curve(struct json_out *out, const struct bench_curve *curve);
void bench_print_curve(const struct bench_curve *curve);

#endif
