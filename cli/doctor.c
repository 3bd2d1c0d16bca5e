#include "output.h"
#include "verbs.h"

#include "assay/machine.h"

static const char *const health_names[] = {"ok", "note", "missing"};

static int run(struct call *call)
{
    assay_doctor *doctor = NULL;
    assay_error error = {0};
    if (assay_doctor_open(&doctor, &error) != ASSAY_OK)
        return call_failed(call, &error);
    struct json_out out = {.file = stdout};
    if (call->json) {
        out_begin(&out, '{');
        out_key(&out, "findings");
        out_begin(&out, '[');
    }
    for (int64_t i = 0; i < assay_doctor_count(doctor); i++) {
        const assay_finding *finding = assay_doctor_get(doctor, i);
        if (!call->json) {
            printf("%-8s %-14s ", health_names[finding->health], finding->name);
            print_plain(stdout, finding->value);
            putchar('\n');
            if (*finding->advice)
                printf("%-8s %-14s -> %s\n", "", "", finding->advice);
            continue;
        }
        out_begin(&out, '{');
        out_key(&out, "name");
        out_text(&out, finding->name);
        out_key(&out, "health");
        out_text(&out, health_names[finding->health]);
        out_key(&out, "value");
        out_text(&out, finding->value);
        out_key(&out, "advice");
        out_text(&out, *finding->advice ? finding->advice : NULL);
        out_end(&out, '}');
    }
    if (call->json) {
        out_end(&out, ']');
        out_end(&out, '}');
        out_line(&out);
    }
    assay_doctor_close(doctor);
    return CALL_DONE;
}

const struct verb verb_doctor = {
    .name = "doctor",
    .arguments = "",
    .purpose = "what this machine can do, what is missing and how to get it",
    .details =
        "Processor and its units, the kernels chosen at each precision, processors, memory, "
        "libraries, GPU, and where models are kept. ASSAY_KERNELS in the environment (plain, avx2, "
        "avx512, avx512_bf16, amx, with commas between) allows only these kernel sets.",
    .example = "assay doctor",
    .flags = NULL,
    .least = 0,
    .most = 0,
    .run = run,
};
