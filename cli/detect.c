#include "assay/detect.h"
#include "output.h"
#include "texts.h"
#include "verbs.h"

#include <math.h>
#include <stdlib.h>

struct detect_work {
    const struct call *call;
    assay_model *model;
    assay_detector *detector;
    assay_detector_info info;
    int32_t labels;
    float *probabilities;
};

static void put_row(const struct detect_work *work, struct json_out *out, const float *values)
{
    out_begin(out, '[');
    for (int32_t i = 0; i < work->labels; i++)
        out_float(out, values[i]);
    out_end(out, ']');
}

/* Every row gets its line, so that who sends lines can wait for answers. */
static bool write_refusal(const struct detect_work *work, const char *id, const char *refusal)
{
    if (!work->call->json) {
        print_plain(stdout, id ? id : "-");
        fputs("\trefused\t-\t", stdout);
        print_plain(stdout, refusal);
        putchar('\n');
        return !ferror(stdout);
    }
    static const char *const unknown[] = {"predicted", "logits",  "probabilities", "tokens",
                                          "truncated", "verdict", "threshold",     "fpr",
                                          "p_value",   "score"};
    struct json_out out = {.file = stdout};
    out_begin(&out, '{');
    out_key(&out, "id");
    if (id)
        out_text(&out, id);
    else
        out_null(&out);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        out_key(&out, unknown[i]);
        out_null(&out);
    }
    out_key(&out, "reason");
    out_text(&out, refusal);
    out_end(&out, '}');
    out_line(&out);
    return !ferror(stdout);
}

static void write_json(const struct detect_work *work, const char *id, const float *logits,
                       const assay_text_result *result, const assay_verdict *verdict,
                       const char *label)
{
    struct json_out out = {.file = stdout};
    out_begin(&out, '{');
    out_key(&out, "id");
    out_text(&out, id);
    out_key(&out, "predicted");
    out_text(&out, assay_model_label(work->model, verdict->predicted));
    out_key(&out, "logits");
    put_row(work, &out, logits);
    out_key(&out, "probabilities");
    put_row(work, &out, work->probabilities);
    out_key(&out, "tokens");
    out_integer(&out, result->tokens);
    out_key(&out, "truncated");
    out_boolean(&out, result->truncated);
    out_key(&out, "verdict");
    out_text(&out, label);
    out_put_double(&out, "threshold", verdict->threshold);
    out_put_double(&out, "fpr", verdict->fpr > 0.0 ? verdict->fpr : (double)NAN);
    out_put_double(&out, "p_value", verdict->p_value);
    out_put_double(&out, "score", verdict->score);
    out_key(&out, "reason");
    out_text(&out, verdict->reason);
    out_end(&out, '}');
    out_line(&out);
}

/* With a threshold the probability that it is held against, else that of the verdict. */
static void write_plain(const struct detect_work *work, const char *id,
                        const assay_verdict *verdict, const char *label)
{
    int32_t of = verdict->fpr > 0.0 ? work->info.positive : verdict->predicted;
    print_plain(stdout, id);
    putchar('\t');
    print_plain(stdout, label);
    printf("\t%.6f\t", (double)work->probabilities[of]);
    print_plain(stdout, verdict->reason);
    if (isfinite(verdict->p_value))
        printf("; p = %.2g", verdict->p_value);
    putchar('\n');
}

static bool write_answer(void *context, const char *id, const float *logits,
                         const assay_text_result *result, const char *refusal)
{
    struct detect_work *work = context;
    assay_verdict verdict;
    assay_error error = {0};
    if (!logits)
        return write_refusal(work, id, refusal);
    if (assay_detector_judge(work->detector, &verdict, work->probabilities, logits, result,
                             &error) != ASSAY_OK) {
        call_failed(work->call, &error);
        return false;
    }
    const char *label = verdict.label == ASSAY_ABSTAINS
                            ? "abstains"
                            : assay_model_label(work->model, verdict.label);
    if (work->call->json)
        write_json(work, id, logits, result, &verdict, label);
    else
        write_plain(work, id, &verdict, label);
    return !ferror(stdout);
}

/* What a user should know before the first verdict. */
static void say_how(const struct call *call, const struct detect_work *work,
                    const assay_session *session)
{
    const assay_detector_info *info = &work->info;
    char line[256];
    if (!assay_detector_fits(work->detector, session, line, sizeof line))
        call_note(call, "%s", line);
    if (!info->calibrated) {
        if (call->verbose) /* each verdict says it, too */
            call_note(call, "%s; assay calibrate gives it operating points", info->reason);
        return;
    }
    if (info->fpr > 0.0)
        call_note(call,
                  "\"%s\" from probability %.4f on, %s: of %lld calibration negatives %.2f %% "
                  "(%.2f to %.2f %%)",
                  assay_model_label(work->model, info->positive), info->threshold, info->reason,
                  (long long)info->negatives, 100.0 * info->achieved, 100.0 * info->low,
                  100.0 * info->high);
    else
        call_note(call, "%s", info->reason);
    call_note(call, "it holds for texts of %d to %d tokens; shorter ones get no verdict",
              (int)info->least_tokens, (int)info->most_tokens);
}

static int run(struct call *call)
{
    assay_session *session = NULL;
    struct detect_work detect = {.call = call};
    assay_detector_options options = ASSAY_DETECTOR_OPTIONS_INIT;
    assay_session_options usual = ASSAY_SESSION_OPTIONS_INIT;
    assay_error error = {0};
    int code = text_open_model_alone(call, &detect.model);
    if (code != CALL_DONE)
        goto done;
    options.fpr = call_number(call, "fpr", 0.0);
    if (assay_detector_open(&detect.detector, detect.model, &options, &error) != ASSAY_OK) {
        code = call_failed(call, &error);
        goto done;
    }
    assay_detector_get_info(detect.detector, &detect.info);
    detect.labels = detect.info.labels;
    usual.precision = ASSAY_PRECISION_HIGH;
    if (detect.info.calibrated) {
        usual.precision = detect.info.precision;
        usual.max_tokens = detect.info.max_tokens;
    }
    code = text_open_session(call, detect.model, &usual, &session);
    if (code != CALL_DONE)
        goto done;
    detect.probabilities = calloc((size_t)detect.labels, sizeof *detect.probabilities);
    if (!detect.probabilities) {
        code = call_failed_saying(call, "not enough memory");
        goto done;
    }
    say_how(call, &detect, session);
    struct text_work work = {call,         session, detect.labels, assay_session_classify,
                             write_answer, &detect};
    bool finished;
    code = text_run(&work, call->arguments + 1, call->argument_count - 1, &finished);
done:
    free(detect.probabilities);
    assay_session_close(session);
    assay_detector_close(detect.detector);
    assay_model_close(detect.model);
    return code;
}

static const struct flag flags[] = {
    TEXT_FLAGS,
    SESSION_FLAGS,
    {"fpr", 0, FLAG_NUMBER, "RATE", "0.05 where it is fitted, else the smallest that is",
     "the operating point: the rate of false positives that the threshold was fitted for", 0, 1},
    {"last-by-pad-token", 0, FLAG_SWITCH, NULL, "the last token",
     "GPT-2: read the last token that is not the pad token, as transformers does with padded ids",
     0, 0},
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0, 0},
};

const struct verb verb_detect = {
    .name = "detect",
    .arguments = "MODEL [FILE...|-]",
    .purpose = "one line a text: verdict, probability, at which operating point",
    .details =
        "A .jsonl, .csv or .tsv file is many rows, a folder with one subfolder a class too, any "
        "other file is one text. Standard input is a text a line, and each is answered before the "
        "next is read. Plain output is id, verdict, probability and reason between tabs; --json "
        "gives one object a line with id, predicted, logits, probabilities (in the order of the "
        "model's labels, under the temperature), tokens, truncated, verdict, threshold, fpr, "
        "p_value, score and reason.\n\n"
        "A model with a calibrated detector.json is judged at one of its operating points: the "
        "verdict is the positive class where its probability reaches the threshold, which was "
        "fitted so that the stated share of other texts does. p_value says how rare so high a "
        "score is among them. Texts shorter than those it was calibrated on get the verdict "
        "\"abstains\". It is computed as it was calibrated (precision, cut of texts) unless flags "
        "say otherwise. Without a calibration the verdict is the most probable label, and the "
        "reason says so; assay calibrate gives a model its operating points.\n\n"
        "A row that cannot be read is reported on stderr with its file and row and answered with "
        "\"refused\" (with --json: nulls) and the reason; the rest goes on, and the exit code is "
        "1.",
    .example = "assay detect runs/first essays.jsonl --json > answers.jsonl",
    .flags = flags,
    .least = 1,
    .most = -1,
    .run = run,
};
