#include "assay/detect.h"
#include "assay/pull.h"
#include "output.h"
#include "renamed_labels.h"
#include "texts.h"
#include "verbs.h"

#include <math.h>
#include <unistd.h>

enum { PROGRESS_SECONDS = 2 };

struct telling {
    const struct call *call;
    double said;
};

static void tell(void *context, int64_t done, int64_t total, const char *note)
{
    struct telling *telling = context;
    double now = call_seconds();
    if (note) {
        call_note(telling->call, "%s", note);
    } else if (now - telling->said >= PROGRESS_SECONDS) {
        telling->said = now;
        call_note(telling->call, "scored %lld of %lld rows", (long long)done, (long long)total);
    }
}

static void put_pair(struct json_out *out, const char *key, double low, double high)
{
    out_key(out, key);
    out_begin(out, '[');
    out_double(out, low);
    out_double(out, high);
    out_end(out, ']');
}

static void put_points(struct json_out *out, const assay_calibration_result *result)
{
    out_key(out, "thresholds");
    out_begin(out, '[');
    for (int i = 0; i < result->points; i++) {
        const struct assay_calibration_point *point = &result->point[i];
        out_begin(out, '{');
        out_put_double(out, "fpr", point->fpr);
        out_put_double(out, "threshold", point->threshold);
        out_put_double(out, "achieved", point->achieved);
        put_pair(out, "interval", point->low, point->high);
        out_put_double(out, "tpr", point->tpr);
        put_pair(out, "tpr_interval", point->tpr_low, point->tpr_high);
        put_pair(out, "expected", point->expected_low, point->expected_high);
        out_end(out, '}');
    }
    out_end(out, ']');
    out_key(out, "refused");
    out_begin(out, '[');
    for (int i = 0; i < result->refused; i++)
        out_text(out, result->refusals[i]);
    out_end(out, ']');
}

static void print_json(const char *folder, const assay_calibration_result *result)
{
    struct json_out out = {.file = stdout};
    out_begin(&out, '{');
    out_key(&out, "model");
    out_text(&out, folder);
    out_put_integer(&out, "rows", result->rows);
    out_put_integer(&out, "negatives", result->negatives);
    out_put_integer(&out, "positives", result->positives);
    out_key(&out, "groups");
    if (result->groups)
        out_integer(&out, result->groups);
    else
        out_null(&out);
    out_put_double(&out, "temperature", result->temperature);
    out_key(&out, "temperature_refused");
    out_text(&out, *result->temperature_reason ? result->temperature_reason : NULL);
    put_points(&out, result);
    out_put_integer(&out, "least_tokens", result->least_tokens);
    out_put_integer(&out, "most_tokens", result->most_tokens);
    out_put_integer(&out, "max_tokens", result->max_tokens);
    out_key(&out, "precision");
    out_text(&out, assay_precision_name(result->precision));
    out_end(&out, '}');
    out_line(&out);
}

static void print_text(const char *folder, const assay_calibration_result *result)
{
    print_plain(stdout, folder);
    printf(": calibrated on %lld rows", (long long)result->rows);
    if (result->positives)
        printf(", %lld negative and %lld positive", (long long)result->negatives,
               (long long)result->positives);
    if (result->groups)
        printf(", in %lld groups", (long long)result->groups);
    printf(", at %s, cut at %d tokens\n", assay_precision_name(result->precision),
           (int)result->max_tokens);
    printf("temperature %.4f%s%s\n", result->temperature, *result->temperature_reason ? ": " : "",
           result->temperature_reason);
    for (int i = 0; i < result->points; i++) {
        const struct assay_calibration_point *p = &result->point[i];
        printf("%4g %% false positives: from probability %.4f on; of these negatives %.2f %% (%.2f "
               "to %.2f %%), of as many others %.2f to %.2f %%; finds %.1f %% (%.1f to %.1f %%)\n",
               100.0 * p->fpr, p->threshold, 100.0 * p->achieved, 100.0 * p->low, 100.0 * p->high,
               100.0 * p->expected_low, 100.0 * p->expected_high, 100.0 * p->tpr,
               100.0 * p->tpr_low, 100.0 * p->tpr_high);
    }
    for (int i = 0; i < result->refused; i++)
        printf("no threshold: %s\n", result->refusals[i]);
    if (!result->positives)
        printf("no threshold: there is no positive class\n");
    printf("holds for texts of %d to %d tokens\n", (int)result->least_tokens,
           (int)result->most_tokens);
}

static int run(struct call *call)
{
    struct telling telling = {call, call_seconds()};
    assay_calibration_options options = ASSAY_CALIBRATION_OPTIONS_INIT;
    assay_calibration_result result;
    assay_rows_options fields;
    assay_error error = {0};
    struct renamed_labels renamed = {0};
    char *folder = NULL;
    int code = CALL_DONE;
    if (!text_options(call, &fields, &code))
        return code;
    code = renamed_labels_read(&renamed, call);
    if (code != CALL_DONE)
        goto done;
    options.threads = call->threads;
    options.precision_given = call_has(call, "precision");
    options.precision = call->precision;
    options.max_tokens = (int32_t)call_integer(call, "max-tokens", 0);
    options.positive = call_text(call, "positive", NULL);
    options.group_field = call_text(call, "group", NULL);
    options.text_field = fields.text_field;
    options.pair_field = fields.pair_field;
    options.id_field = fields.id_field;
    options.label_field = fields.label_field;
    options.renames = renamed.entries;
    options.rename_count = renamed.count;
    options.progress = tell;
    options.context = &telling;
    if (assay_model_folder(&folder, call->arguments[0], &error) != ASSAY_OK ||
        assay_calibrate(folder, call->arguments[1], &options, &result, &error) != ASSAY_OK)
        code = call_failed(call, &error);
    else if (call->json)
        print_json(folder, &result);
    else
        print_text(folder, &result);
done:
    assay_string_free(folder);
    renamed_labels_free(&renamed);
    return code;
}

static const struct flag flags[] = {
    {"group", 0, FLAG_TEXT, "FIELD", "none: rows are independent",
     "the field that says which rows belong together (prompt, author, document)", 0, 0},
    LABEL_FLAG,
    {"positive", 0, FLAG_TEXT, "LABEL", "that of detector.json, else by name",
     "the class that is detected", 0, 0},
    {"field", 0, FLAG_TEXT, "text=NAME", "text, id, label",
     "the field that holds the text (or pair=, id=, label=); may be given more than once", 0, 0},
    {"max-tokens", 0, FLAG_INTEGER, "N", "that of detector.json, else the model's limit",
     "texts are cut here", 2, 1048576},
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0, 0},
};

const struct verb verb_calibrate = {
    .name = "calibrate",
    .arguments = "MODEL DATA",
    .purpose = "fits a model's operating points on labelled rows it has not seen",
    .details =
        "Writes temperature, thresholds at 1, 5 and 10 % false positives, the scores of the "
        "negatives (for p-values) and the lengths that they cover into MODEL/detector.json, beside "
        "and then renamed; all else in it stays. A model without one gets one. A rate that needs "
        "more negatives than there are (10 / rate) is refused with the reason.\n\n"
        "assay train does this at its end, with data.calibration or half of data.valid. The rows "
        "must be neither those of the training nor those that chose its weights; the file that the "
        "model was trained on is refused. The threshold holds for texts like these rows: "
        "docs/operating-point.md says what the intervals cover. Rows of one group count for less "
        "than as many independent ones: name their field with --group.\n\n"
        "Computed at the precision and cut of detector.json unless flags say otherwise; detect "
        "then does the same.",
    .example = "assay calibrate runs/first calibration.jsonl --group prompt",
    .flags = flags,
    .least = 2,
    .most = 2,
    .run = run,
};
