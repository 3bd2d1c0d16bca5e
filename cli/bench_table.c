#include "bench_table.h"

#include <string.h>

/* 0 stands for what is not known. */
static void put_known(struct json_out *out, const char *key, double value)
{
    out_key(out, key);
    if (value > 0)
        out_double(out, value);
    else
        out_null(out);
}

static void put_profile(struct json_out *out, const assay_profile *profile)
{
    out_key(out, "profile");
    if (!profile->count) {
        out_null(out);
        return;
    }
    out_begin(out, '{');
    out_put_integer(out, "steps", profile->steps);
    out_put_double(out, "seconds", profile->seconds);
    out_put_double(out, "inside", profile->inside);
    out_key(out, "rows");
    out_begin(out, '[');
    for (int i = 0; i < profile->count; i++) {
        const assay_profile_row *row = &profile->rows[i];
        out_begin(out, '{');
        out_put_text(out, "name", row->name);
        out_put_double(out, "seconds", row->seconds);
        out_put_double(out, "share", row->share);
        put_known(out, "operations", row->operations);
        out_put_integer(out, "calls", row->calls);
        out_key(out, "inside");
        out_boolean(out, row->inside);
        out_end(out, '}');
    }
    out_end(out, ']');
    out_end(out, '}');
}

static void put_peer(struct json_out *out, const assay_peer_result *peer)
{
    out_key(out, "peer");
    if (!peer) {
        out_null(out);
        return;
    }
    out_begin(out, '{');
    out_put_text(out, "versions", peer->versions);
    out_put_text(out, "options", peer->options);
    out_put_integer(out, "pairs", peer->pairs);
    out_put_integer(out, "batches", peer->batches);
    out_put_double(out, "value", peer->value);
    out_put_double(out, "least", peer->least);
    out_put_double(out, "most", peer->most);
    out_put_integer(out, "peak_bytes", peer->peak_bytes);
    out_put_double(out, "ratio", peer->ratio);
    out_put_double(out, "ratio_least", peer->ratio_least);
    out_put_double(out, "ratio_most", peer->ratio_most);
    out_end(out, '}');
}

static void put_earlier(struct json_out *out, const assay_bench_earlier *earlier)
{
    out_key(out, "earlier");
    if (!earlier || !earlier->found) {
        out_null(out);
        return;
    }
    out_begin(out, '{');
    out_put_text(out, "time", earlier->time);
    out_put_text(out, "version", earlier->version);
    out_put_double(out, "value", earlier->value);
    put_known(out, "floor", earlier->floor);
    put_known(out, "ratio", earlier->ratio);
    out_put_integer(out, "peak_bytes", earlier->peak_bytes);
    out_end(out, '}');
}

void bench_put_line(struct json_out *out, const struct bench_line *line)
{
    const assay_bench_result *result = line->result;
    out_begin(out, '{');
    out_put_text(out, "work", result->work);
    out_put_double(out, "value", result->value);
    out_put_text(out, "unit", result->unit);
    out_put_double(out, "least", result->least);
    out_put_double(out, "most", result->most);
    out_put_double(out, "mean", result->mean);
    put_known(out, "floor", result->floor);
    out_put_integer(out, "repetitions", result->repetitions);
    out_put_integer(out, "peak_bytes", result->peak_bytes);
    out_put_text(out, "kernels", result->kernels);
    out_put_text(out, "precision", assay_precision_name(result->precision));
    out_put_integer(out, "threads", result->threads);
    out_put_text(out, "rows", result->rows);
    out_put_integer(out, "max_tokens", result->max_tokens);
    put_known(out, "operations", result->operations);
    put_known(out, "bytes", result->bytes);
    put_known(out, "product_peak", result->product_peak);
    put_known(out, "stream_peak", result->stream_peak);
    put_profile(out, &result->profile);
    put_peer(out, line->peer);
    put_earlier(out, line->earlier);
    out_end(out, '}');
}

void bench_print_head(void)
{
    printf("%-20s %12s %-9s %12s %12s %10s %8s %10s  %s\n", "work", "median", "", "least", "most",
           "floor", "of floor", "peak", "kernels");
}

static void print_profile(const assay_profile *profile)
{
    if (!profile->count)
        return;
    double steps = profile->steps > 0 ? (double)profile->steps : 1;
    printf("  %-28s %10s %7s %9s %8s\n", "where a step's time goes", "ms", "share", "GFLOP/s",
           "calls");
    for (int i = 0; i < profile->count; i++) {
        const assay_profile_row *row = &profile->rows[i];
        char rate[32] = "-";
        if (row->operations > 0 && row->seconds > 0)
            snprintf(rate, sizeof rate, "%.0f", row->operations / row->seconds / 1e9);
        printf("  %-28s %10.3f %5.1f %% %9s %8.4g\n", row->name, 1e3 * row->seconds / steps,
               100 * row->share, rate, (double)row->calls / steps);
    }
    printf("  %-28s %10.3f %5.1f %%\n", "a step", 1e3 * profile->seconds / steps, 100.0);
    printf("  inside products, attention, vocabulary op and optimizer: %.1f %%\n",
           100 * profile->inside);
}

static void print_peer(const assay_bench_result *result, const assay_peer_result *peer)
{
    char peak[32];
    printf("  %-18s %12.4g %-9s %12.4g %12.4g %10s %8s %10s  %s%s%s\n", "the peer", peer->value,
           result->unit, peer->least, peer->most, "", "",
           bytes_text(peak, (double)peer->peak_bytes), peer->versions, *peer->options ? ", " : "",
           peer->options);
    printf("  ratio %.2f (%.2f to %.2f over %d pairs of %lld batches), %.0f %% of its memory\n",
           peer->ratio, peer->ratio_least, peer->ratio_most, peer->pairs, (long long)peer->batches,
           100 * (double)result->peak_bytes / (double)peer->peak_bytes);
}

static void print_earlier(const assay_bench_result *result, const assay_bench_earlier *earlier)
{
    if (!earlier->found) {
        printf("  no earlier record of this machine, work, precision and rows\n");
        return;
    }
    printf("  since %s (%s): %.4g %s, now %+.1f %%", earlier->time, earlier->version,
           earlier->value, result->unit, 100 * (result->value / earlier->value - 1));
    if (earlier->peak_bytes > 0)
        printf(", memory %+.1f %%",
               100 * ((double)result->peak_bytes / (double)earlier->peak_bytes - 1));
    if (earlier->ratio > 0)
        printf(", the peer then %.2f times", earlier->ratio);
    printf("\n");
}

void bench_print_line(const struct bench_line *line)
{
    const assay_bench_result *result = line->result;
    char peak[32], floor[32] = "-", share[32] = "-";
    if (result->floor > 0) {
        snprintf(floor, sizeof floor, "%.4g", result->floor);
        snprintf(share, sizeof share, "%.0f %%", 100 * result->value / result->floor);
    }
    printf("%-20s %12.4g %-9s %12.4g %12.4g %10s %8s %10s  %s\n", result->work, result->value,
           result->unit, result->least, result->most, floor, share,
           bytes_text(peak, (double)result->peak_bytes), result->kernels);
    print_profile(&result->profile);
    if (line->peer)
        print_peer(result, line->peer);
    if (line->earlier)
        print_earlier(result, line->earlier);
    fflush(stdout);
}

void bench_put_curve(struct json_out *out, const struct bench_curve *curve)
{
    out_begin(out, '{');
    out_put_text(out, "work", curve->work);
    out_put_text(out, "axis", assay_sweep_axis_name(curve->axis));
    out_key(out, "points");
    out_begin(out, '[');
    for (int i = 0; i < curve->count; i++) {
        const assay_sweep_point *point = &curve->points[i];
        out_begin(out, '{');
        out_put_integer(out, "size", point->size);
        out_put_double(out, "tokens_per_s", point->tokens_per_s);
        out_put_double(out, "microseconds", point->microseconds);
        put_known(out, "floor", point->floor);
        out_put_integer(out, "peak_bytes", point->peak_bytes);
        out_key(out, "cliff");
        out_boolean(out, point->cliff);
        out_end(out, '}');
    }
    out_end(out, ']');
    out_end(out, '}');
}

void bench_print_curve(const struct bench_curve *curve)
{
    printf("%s by %s\n", curve->work, assay_sweep_axis_name(curve->axis));
    printf("%8s %12s %12s %12s %12s %10s\n", assay_sweep_axis_name(curve->axis), "tokens/s",
           "us a token", "floor", "times floor", "peak");
    for (int i = 0; i < curve->count; i++) {
        const assay_sweep_point *point = &curve->points[i];
        char peak[32];
        printf("%8lld %12.4g %12.4g %12.4g %12.2f %10s%s\n", (long long)point->size,
               point->tokens_per_s, point->microseconds, point->floor,
               point->floor / point->tokens_per_s, bytes_text(peak, (double)point->peak_bytes),
               point->cliff ? "  cliff" : "");
    }
    fflush(stdout);
}
