#include "machine/bench_floor.h"

#include "machine/measure.h"

#define PROBE_SECONDS 0.2
#define AGREEMENT     0.97
enum { PROBES_MOST = 8 };

typedef assay_status probe(assay_bench_result *result, const assay_bench_options *options,
                           assay_error *error);

/* The best that was seen, once two probes in turn come near it: what else runs on the machine
 * presses a peak down, never up, and a floor from a pressed peak would flatter the work. */
static assay_status find_peak(double *peak, probe *measure, const assay_bench_options *options,
                              assay_error *error)
{
    double before = 0.0;
    *peak = 0.0;
    for (int i = 0; i < PROBES_MOST; i++) {
        assay_bench_result result = {0};
        assay_status status = measure(&result, options, error);
        if (status != ASSAY_OK)
            return status;
        *peak = *peak < result.most ? result.most : *peak;
        if (before >= AGREEMENT * *peak && result.most >= AGREEMENT * *peak)
            break;
        before = result.most;
    }
    *peak *= 1e9;
    return ASSAY_OK;
}

assay_status bench_floor(assay_bench_result *result, const assay_bench_options *options,
                         assay_error *error)
{
    assay_bench_options probes = *options;
    probes.seconds = PROBE_SECONDS;
    probes.precision = result->precision;
    assay_status status = find_peak(&result->product_peak, measure_product, &probes, error);
    if (status == ASSAY_OK && result->bytes > 0.0)
        status = find_peak(&result->stream_peak, measure_stream, &probes, error);
    if (status != ASSAY_OK)
        return status;
    double token = result->operations / result->product_peak;
    if (result->bytes > 0.0)
        token += result->bytes / result->stream_peak;
    result->floor = token > 0.0 ? 1.0 / token : 0.0;
    return ASSAY_OK;
}
