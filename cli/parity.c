#include "output.h"
#include "verbs.h"

#include "assay/parity.h"
#include "assay/pull.h"
#include "assay/tokenizer.h"

static void put_error(struct json_out *out, const char *key, double value)
{
    out_key(out, key);
    if (value < 0)
        out_null(out);
    else
        out_double(out, value);
}

static void put_json(const assay_parity *parity)
{
    struct json_out out = {.file = stdout};
    out_begin(&out, '{');
    out_key(&out, "passed");
    out_boolean(&out, assay_parity_passed(parity));
    out_key(&out, "kernels");
    out_text(&out, assay_parity_kernels(parity));
    out_key(&out, "tensors");
    out_begin(&out, '[');
    for (int64_t i = 0; i < assay_parity_count(parity); i++) {
        const assay_parity_item *item = assay_parity_get(parity, i);
        out_begin(&out, '{');
        out_key(&out, "name");
        out_text(&out, item->name);
        out_key(&out, "elements");
        out_integer(&out, item->elements);
        put_error(&out, "error", item->note ? -1 : item->error);
        put_error(&out, "reference_error", item->reference_error);
        put_error(&out, "limit", item->limit);
        out_key(&out, "passed");
        out_boolean(&out, item->passed);
        out_key(&out, "note");
        out_text(&out, item->note);
        out_end(&out, '}');
    }
    out_end(&out, ']');
    out_end(&out, '}');
    out_line(&out);
}

static void print_table(const assay_parity *parity)
{
    int64_t count = assay_parity_count(parity), good = 0;
    printf("%-6s %10s %10s %10s %10s  %s\n", "", "error", "reference", "limit", "elements",
           "tensor");
    for (int64_t i = 0; i < count; i++) {
        const assay_parity_item *item = assay_parity_get(parity, i);
        good += item->passed;
        printf("%-6s ", item->passed ? "ok" : "FAILED");
        if (item->note)
            printf("%10s ", "-");
        else
            printf("%10.2e ", item->error);
        if (item->reference_error < 0)
            printf("%10s ", "-");
        else
            printf("%10.2e ", item->reference_error);
        printf("%10.2e %10lld  ", item->limit, (long long)item->elements);
        print_plain(stdout, item->name);
        if (item->note) {
            printf(": ");
            print_plain(stdout, item->note);
        }
        putchar('\n');
    }
    printf("%lld of %lld tensors within their limits (%s kernels)\n", (long long)good,
           (long long)count, assay_parity_kernels(parity));
}

static int run(struct call *call)
{
    assay_parity_options options = ASSAY_PARITY_OPTIONS_INIT;
    options.threads = call->threads;
    options.precision = call->precision;
    assay_error error = {0};
    assay_parity *parity = NULL;
    char *folder = NULL;
    int code = CALL_DONE;
    if (assay_model_folder(&folder, call->arguments[0], &error) != ASSAY_OK ||
        assay_parity_run(&parity, folder, call->arguments[1], &options, &error) != ASSAY_OK) {
        code = call_failed(call, &error);
        goto done;
    }
    if (call->json)
        put_json(parity);
    else
        print_table(parity);
    if (!assay_parity_passed(parity))
        code = CALL_FAILED;
done:
    assay_parity_close(parity);
    assay_string_free(folder);
    return code;
}

const struct verb verb_parity = {
    .name = "parity",
    .arguments = "MODEL REFERENCE.safetensors",
    .purpose = "compares a model's numbers with those of transformers, worst tensor first",
    .details =
        "The reference file holds token ids and what transformers makes of them: logits, loss, "
        "hidden states by place, gradients by tensor, from a float32 and a float64 run "
        "(tools/make_reference.py writes it; docs/file-formats.md describes it). The error of a "
        "tensor is the norm of its difference from the float64 run over the norm of that, for "
        "gradients over at least 1e-3 of the model's root mean square gradient norm. Its limit is "
        "twice the error of transformers' own float32 run, or 1e-6 if that is more; 1e-4 for "
        "gradients. Exit code 1 when any tensor is beyond its limit.",
    .example = "assay parity runs/first reference.safetensors",
    .flags = NULL,
    .least = 2,
    .most = 2,
    .run = run,
};
