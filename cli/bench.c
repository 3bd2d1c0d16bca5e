#include "output.h"
#include "verbs.h"

#include "assay/machine.h"
#include "assay/pull.h"
#include "assay/tokenizer.h"

#include <stdlib.h>
#include <string.h>

static void put_result(struct json_out *out, const assay_bench_result *result)
{
    out_begin(out, '{');
    out_key(out, "work");
    out_text(out, result->work);
    out_key(out, "value");
    out_double(out, result->value);
    out_key(out, "unit");
    out_text(out, result->unit);
    out_key(out, "least");
    out_double(out, result->least);
    out_key(out, "most");
    out_double(out, result->most);
    out_key(out, "floor");
    if (result->floor > 0)
        out_double(out, result->floor);
    else
        out_null(out);
    out_key(out, "repetitions");
    out_integer(out, result->repetitions);
    out_key(out, "peak_bytes");
    out_integer(out, result->peak_bytes);
    out_key(out, "kernels");
    out_text(out, result->kernels);
    out_end(out, '}');
}

static void print_result(const assay_bench_result *result)
{
    char peak[32], share[32] = "-";
    /* Of a time, less is better: the share is of the time that the machine's limit would take. */
    if (result->floor > 0)
        snprintf(share, sizeof share, "%.0f %%",
                 100 * (strcmp(result->unit, "ms") ? result->value / result->floor
                                                   : result->floor / result->value));
    printf("%-20s %12.4g %-9s %12.4g %12.4g %8s %10s  %s\n", result->work, result->value,
           result->unit, result->least, result->most, share,
           bytes_text(peak, (double)result->peak_bytes), result->kernels);
    fflush(stdout);
}

static void list_works(void)
{
    const char *description;
    const char *name;
    for (int i = 0; (name = assay_bench_work(i, &description)) != NULL; i++)
        printf("%-20s %s\n", name, description);
}

static bool is_work(const char *wanted)
{
    const char *description, *name;
    for (int i = 0; (name = assay_bench_work(i, &description)) != NULL; i++) {
        if (!strcmp(name, wanted))
            return true;
    }
    return false;
}

static int check_works(const struct call *call)
{
    for (int i = 0; i < call->argument_count; i++) {
        const char *wanted = call->arguments[i], *description, *name;
        struct nearest nearest = {wanted, NULL, 0};
        if (is_work(wanted))
            continue;
        for (int w = 0; (name = assay_bench_work(w, &description)) != NULL; w++)
            nearest_try(&nearest, name);
        const char *meant = nearest_result(&nearest);
        if (meant)
            return call_wrong(call, "there is no work \"%s\"; did you mean %s?", wanted, meant);
        return call_wrong(call, "there is no work \"%s\"; --list names them", wanted);
    }
    return CALL_DONE;
}

/* Works named, or all of them, of which those that cannot run without --model are passed over. */
static int run_works(const struct call *call, const assay_bench_options *options,
                     struct json_out *out)
{
    int code = CALL_DONE;
    for (int i = 0;; i++) {
        const char *description;
        const char *work = call->argument_count ? NULL : assay_bench_work(i, &description);
        if (call->argument_count && i < call->argument_count)
            work = call->arguments[i];
        if (!work)
            return code;
        assay_error error = {0};
        assay_bench_result result = {0};
        assay_status status = assay_bench_run(&result, work, options, &error);
        if (status == ASSAY_ERROR_ARGUMENT && !call->argument_count) {
            call_note(call, "%s: %s", work, error.message);
        } else if (status != ASSAY_OK) {
            code = call_failed(call, &error);
        } else if (call->json) {
            put_result(out, &result);
        } else {
            print_result(&result);
        }
    }
}

static int run(struct call *call)
{
    if (call_has(call, "list")) {
        list_works();
        return CALL_DONE;
    }
    int code = check_works(call);
    if (code != CALL_DONE)
        return code;
    char *folder = NULL;
    assay_error error = {0};
    const char *model = call_text(call, "model", NULL);
    if (model && assay_model_folder(&folder, model, &error) != ASSAY_OK)
        return call_failed(call, &error);
    assay_bench_options options = ASSAY_BENCH_OPTIONS_INIT;
    options.threads = call->threads;
    options.precision = call->precision;
    options.model = folder;
    options.data = call_text(call, "data", NULL);
    options.seconds = call_number(call, "seconds", 0);
    options.max_tokens = (int32_t)call_integer(call, "max-tokens", 0);
    options.batch_tokens = call_integer(call, "batch-tokens", 0);
    struct json_out out = {.file = stdout};
    if (call->json) {
        out_begin(&out, '{');
        out_key(&out, "results");
        out_begin(&out, '[');
    } else {
        printf("%-20s %12s %-9s %12s %12s %8s %10s  %s\n", "work", "median", "", "least", "most",
               "of limit", "peak", "kernels");
    }
    code = run_works(call, &options, &out);
    if (call->json) {
        out_end(&out, ']');
        out_end(&out, '}');
        out_line(&out);
    }
    assay_string_free(folder);
    return code;
}

static const struct flag flags[] = {
    {"model", 0, FLAG_TEXT, "MODEL", "works that need one are passed over",
     "the model to measure with", 0, 0},
    {"data", 0, FLAG_TEXT, "DATA", "drawn lengths, built-in text", "real texts to work on", 0, 0},
    {"seconds", 0, FLAG_NUMBER, "S", "2", "at least so long a work", 0, 3600},
    {"max-tokens", 0, FLAG_INTEGER, "N", "128", "texts are cut here", 1, 1048576},
    {"batch-tokens", 0, FLAG_INTEGER, "N", "1024", "tokens computed at once", 1, 16777216},
    {"list", 0, FLAG_SWITCH, NULL, "off", "only name the works", 0, 0},
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0, 0},
};

const struct verb verb_bench = {
    .name = "bench",
    .arguments = "[WORK...]",
    .purpose = "how fast this machine works: throughput, memory, share of the machine's limit",
    .details =
        "Without WORK all of them. The median over the repetitions, with the least and the most; "
        "the limit is what the fastest float32 product measured in the same process would allow, "
        "and \"-\" where that says nothing. --json: floor is that limit, null where unknown.",
    .example = "assay bench product minilm-embed --model all-MiniLM-L6-v2 --threads 1",
    .flags = flags,
    .least = 0,
    .most = -1,
    .run = run,
};
