#include "output.h"
#include "texts.h"
#include "verbs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Without operating points of its own, a classifier answers with its most probable label. */
static const char no_detector[] = "no detector.json: the most probable label";
static const char detector_unread[] =
    "this version does not apply detector.json yet: the most probable label";
static const char one_label[] = "the model has one label: a score, not a choice";

struct detect_work {
    const struct call *call;
    const assay_model *model;
    int32_t labels;
    const char *reason;
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
                                          "truncated", "verdict", "threshold"};
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

static bool write_answer(void *context, const char *id, const float *logits,
                         const assay_text_result *result, const char *refusal)
{
    struct detect_work *work = context;
    if (!logits)
        return write_refusal(work, id, refusal);
    if (work->labels == 1)
        work->probabilities[0] = 1.0f / (1.0f + expf(-logits[0]));
    else
        assay_softmax(work->probabilities, logits, work->labels);
    int32_t best = 0;
    for (int32_t i = 1; i < work->labels; i++) {
        if (logits[i] > logits[best])
            best = i;
    }
    const char *label = assay_model_label(work->model, best);
    if (!work->call->json) {
        print_plain(stdout, id);
        putchar('\t');
        print_plain(stdout, label);
        printf("\t%.6f\t%s%s\n", (double)work->probabilities[best], work->reason,
               result->truncated ? "; the text was cut" : "");
        return !ferror(stdout);
    }
    struct json_out out = {.file = stdout};
    out_begin(&out, '{');
    out_key(&out, "id");
    out_text(&out, id);
    out_key(&out, "predicted");
    out_text(&out, label);
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
    out_key(&out, "threshold");
    out_null(&out);
    out_key(&out, "reason");
    out_text(&out, work->reason);
    out_end(&out, '}');
    out_line(&out);
    return !ferror(stdout);
}

static const char *reason_for(const assay_model_info *info)
{
    if (info->labels == 1)
        return one_label;
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/detector.json", info->folder);
    bool there = length > 0 && (size_t)length < sizeof path && access(path, F_OK) == 0;
    return there ? detector_unread : no_detector;
}

static int run(struct call *call)
{
    assay_model *model = NULL;
    assay_session *session = NULL;
    float *probabilities = NULL;
    int code = text_open_model(call, &model, &session);
    if (code != CALL_DONE)
        goto done;
    assay_model_info info;
    assay_model_get_info(model, &info);
    if (!(info.heads & ASSAY_HEAD_CLASSIFY) || info.labels < 1) {
        code = call_failed_saying(call,
                                  "%s (%s) has no classification head: it cannot judge texts "
                                  "before it is trained to",
                                  info.folder, info.architecture);
        goto done;
    }
    probabilities = calloc((size_t)info.labels, sizeof *probabilities);
    if (!probabilities) {
        code = call_failed_saying(call, "not enough memory");
        goto done;
    }
    struct detect_work detect = {call, model, info.labels, reason_for(&info), probabilities};
    struct text_work work = {call,         session, info.labels, assay_session_classify,
                             write_answer, &detect};
    bool finished;
    code = text_run(&work, call->arguments + 1, call->argument_count - 1, &finished);
done:
    free(probabilities);
    assay_session_close(session);
    assay_model_close(model);
    return code;
}

static const struct flag flags[] = {
    TEXT_FLAGS,
    SESSION_FLAGS,
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
        "model's labels), tokens, truncated, verdict, threshold and reason.\n\n"
        "A row that cannot be read is reported on stderr with its file and row and answered with "
        "\"refused\" (with --json: nulls) and the reason; the rest goes on, and the exit code is "
        "1.\n\n"
        "The verdict is the most probable label; the reason says so. Thresholds at a stated rate "
        "of false alarms (detector.json) come with training.",
    .example = "assay detect runs/first essays.jsonl --json > answers.jsonl",
    .flags = flags,
    .least = 1,
    .most = -1,
    .run = run,
};
