#include "machine/bench_floor.h"

#include "machine/measure.h"

#define PROBE_SECONDS 0.3

assay_status bench_floor(assay_bench_result *result, const assay_bench_options *options,
                         assay_error *error)
{
    assay_bench_options probe = *options;
    assay_bench_result product = {0}, stream = {0};
    probe.seconds = PROBE_SECONDS;
    probe.precision = result->precision;
    assay_status status = measure_product(&product, &probe, error);
    if (status == ASSAY_OK && result->bytes > 0.0)
        status = measure_stream(&stream, &probe, error);
    if (status != ASSAY_OK)
        return status;
    result->product_peak = product.most * 1e9;
    result->stream_peak = stream.most * 1e9;
    double token = result->operations / result->product_peak;
    if (result->bytes > 0.0)
        token += result->bytes / result->stream_peak;
    result->floor = token > 0.0 ? 1.0 / token : 0.0;
    return ASSAY_OK;
}
