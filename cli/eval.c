#include "output.h"
#include "texts.h"
#include "verbs.h"

#include "assay/eval.h"
#include "assay/pull.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Flags that may be given more than once, or hold a list between commas. */
struct word_list {
    const char **words;
    size_t count;
    char *text; /* of the commas' parts */
};

struct progress {
    const struct call *call;
    bool terminal, open_line;
    double said;
    const char *last;
};

static void tell(void *context, const char *what, int64_t done, int64_t total)
{
    struct progress *p = context;
    (void)total;
    if (p->call->quiet || call_seconds() - p->said < (p->terminal ? 0.1 : 5.0))
        return;
    p->said = call_seconds();
    fputs(p->terminal ? "\r\033[K" : "", stderr);
    print_plain(stderr, what);
    fprintf(stderr, ": %lld rows%s", (long long)done, p->terminal ? "" : "\n");
    fflush(stderr);
    p->open_line = p->terminal;
}

static void end_progress(struct progress *p)
{
    if (p->open_line)
        fputs("\r\033[K", stderr);
    p->open_line = false;
}

/* All values of a flag, split at commas. */
static bool collect(struct word_list *list, const struct call *call, const char *flag)
{
    size_t length = 0, parts = 0;
    for (int i = 0; i < call->given_count; i++) {
        if (strcmp(call->given[i].flag->name, flag) != 0)
            continue;
        length += strlen(call->given[i].value) + 1;
        parts++;
        for (const char *c = call->given[i].value; *c; c++)
            parts += *c == ',';
    }
    list->text = malloc(length + 1);
    list->words = calloc(parts + 1, sizeof *list->words);
    if (!list->text || !list->words)
        return false;
    char *at = list->text;
    for (int i = 0; i < call->given_count; i++) {
        if (strcmp(call->given[i].flag->name, flag) != 0)
            continue;
        for (const char *c = call->given[i].value;; c++) {
            size_t span = strcspn(c, ",");
            memcpy(at, c, span);
            at[span] = '\0';
            if (span)
                list->words[list->count++] = at;
            at += span + 1;
            c += span;
            if (!*c)
                break;
        }
    }
    return true;
}

static void print_figures(const assay_evaluation *evaluation)
{
    assay_evaluation_figure figure;
    for (int64_t i = 0; assay_evaluation_get(evaluation, i, &figure); i++) {
        printf("%-26s ", figure.name);
        if (isnan(figure.value)) {
            fputs("-", stdout);
            printf("  (%s)\n", figure.reason ? figure.reason : "not defined");
            continue;
        }
        printf("%.4f", figure.value);
        if (!isnan(figure.low))
            printf("  [%.4f, %.4f]", figure.low, figure.high);
        putchar('\n');
    }
}

static void print_sentences(const assay_evaluation *evaluation)
{
    static const char *const marks[] = {"!!", "! ", "  "};
    assay_finding_kind kind;
    const char *text;
    for (int64_t i = 0; (text = assay_evaluation_sentence(evaluation, i, &kind)); i++) {
        printf("%s ", marks[kind]);
        print_plain(stdout, text);
        putchar('\n');
    }
}

static void print_result(const struct call *call, const assay_evaluation *evaluation,
                         const char *out)
{
    size_t length;
    if (call->json) {
        const char *json = assay_evaluation_json(evaluation, &length);
        fwrite(json, 1, length, stdout);
        return;
    }
    print_sentences(evaluation);
    putchar('\n');
    print_figures(evaluation);
    if (out) {
        putchar('\n');
        print_plain(stdout, out);
        fputs("/report.html, report.json, predictions.jsonl\n", stdout);
    }
}

/* A model's name becomes its folder; what is a file stays. */
static assay_status resolve(char **folder, const char *name, assay_error *error)
{
    size_t length = strlen(name);
    static const char ending[] = ".jsonl";
    *folder = NULL;
    if (length >= sizeof ending - 1 && !strcmp(name + length - (sizeof ending - 1), ending))
        return ASSAY_OK;
    return assay_model_folder(folder, name, error);
}

static int evaluate(const struct call *call, assay_evaluation_options *options,
                    struct progress *progress)
{
    assay_evaluation *evaluation = NULL;
    assay_error error = {0};
    options->listen = tell;
    options->context = progress;
    assay_status status = assay_evaluate(&evaluation, options, &error);
    end_progress(progress);
    if (status != ASSAY_OK)
        return call_failed(call, &error);
    print_result(call, evaluation, options->out);
    assay_evaluation_close(evaluation);
    return CALL_DONE;
}

static int run(struct call *call)
{
    assay_evaluation_options options = ASSAY_EVALUATION_OPTIONS_INIT;
    assay_rows_options rows;
    struct word_list slices = {0}, attacks = {0}, labels = {0};
    struct progress progress = {.call = call, .terminal = isatty(STDERR_FILENO) != 0};
    char *model = NULL, *against = NULL;
    assay_error error = {0};
    int code = CALL_DONE;
    options.predictions = call_text(call, "predictions", NULL);
    int wanted = options.predictions ? 1 : 2;
    if (call->argument_count != wanted) {
        code = call_wrong(call, options.predictions
                                    ? "with --predictions there is DATA alone, and no MODEL"
                                    : "something is missing: assay eval MODEL DATA");
        goto done;
    }
    if (!text_options(call, &rows, &code))
        goto done;
    if (!collect(&slices, call, "slice") || !collect(&attacks, call, "attack") ||
        !collect(&labels, call, "labels")) {
        code = call_failed_saying(call, "not enough memory");
        goto done;
    }
    options.against = call_text(call, "against", NULL);
    if ((wanted == 2 && assay_model_folder(&model, call->arguments[0], &error) != ASSAY_OK) ||
        (options.against && resolve(&against, options.against, &error) != ASSAY_OK)) {
        code = call_failed(call, &error);
        goto done;
    }
    options.model = model;
    options.against = against ? against : options.against;
    options.data = call->arguments[wanted - 1];
    options.out = call_text(call, "out", NULL);
    options.train = call_text(call, "train", NULL);
    options.valid = call_text(call, "valid", NULL);
    options.without_baselines = call_has(call, "no-baselines");
    options.positive = call_text(call, "positive", NULL);
    options.labels = labels.words;
    options.label_count = labels.count;
    options.slices = slices.words;
    options.slice_count = slices.count;
    options.group = call_text(call, "group", NULL);
    options.attacks = attacks.words;
    options.attack_count = attacks.count;
    options.strength = call_number(call, "strength", 0.3);
    options.rows = &rows;
    options.threads = call->threads;
    options.precision_given = call_has(call, "precision");
    options.precision = call->precision;
    options.max_tokens = (int32_t)call_integer(call, "max-tokens", 0);
    options.batch_tokens = call_integer(call, "batch-tokens", 0);
    options.last_by_pad_token = call_has(call, "last-by-pad-token");
    options.seed = (uint64_t)call_integer(call, "seed", 0);
    options.resamples = (int32_t)call_integer(call, "resamples", 0);
    code = evaluate(call, &options, &progress);
done:
    assay_string_free(model);
    assay_string_free(against);
    struct word_list *lists[] = {&slices, &attacks, &labels};
    for (int i = 0; i < 3; i++) {
        free(lists[i]->words);
        free(lists[i]->text);
    }
    return code;
}

static const struct flag flags[] = {
    {"out", 'o', FLAG_TEXT, "DIR", "nothing is written",
     "the folder that gets report.html, report.json and predictions.jsonl", 0, 0},
    {"slice", 0, FLAG_TEXT, "FIELD", "by length alone",
     "also judge the rows of each value of this field; may be given more than once", 0, 0},
    {"against", 0, FLAG_TEXT, "OTHER", "no comparison",
     "a model, or a .jsonl file of predictions of the same rows, to compare with", 0, 0},
    {"predictions", 0, FLAG_TEXT, "FILE", "MODEL scores the rows",
     "judge these scores (.jsonl: id and logits, probabilities, score or predicted)", 0, 0},
    {"labels", 0, FLAG_TEXT, "A,B", "by what the rows predict",
     "the labels of the columns of a file of predictions, in order", 0, 0},
    {"positive", 0, FLAG_TEXT, "LABEL", "detector.json's, else by name",
     "the class that is detected", 0, 0},
    {"group", 0, FLAG_TEXT, "FIELD", "group, where the rows have it",
     "the field whose rows hang together; intervals resample it whole", 0, 0},
    {"train", 0, FLAG_TEXT, "FILE", "what detector.json names",
     "rows that the trivial baselines are trained on", 0, 0},
    {"valid", 0, FLAG_TEXT, "FILE", "what detector.json names",
     "rows that set the linear baseline's threshold", 0, 0},
    {"no-baselines", 0, FLAG_SWITCH, NULL, "off", "leave the trivial baselines out", 0, 0},
    {"attack", 0, FLAG_TEXT, "all|KIND,...", "none",
     "also judge attacked copies of the rows, of both classes", 0, 0},
    {"strength", 0, FLAG_NUMBER, "S", "0.3", "the share of places that an attack changes", 0, 1},
    {"resamples", 0, FLAG_INTEGER, "N", "1000, fewer for over 200,000 rows",
     "of the bootstrap behind the intervals", 40, 1000000},
    TEXT_FLAGS,
    SESSION_FLAGS,
    {"last-by-pad-token", 0, FLAG_SWITCH, NULL, "the last token",
     "GPT-2: read the last token that is not the pad token, as transformers does with padded ids",
     0, 0},
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0, 0},
};

const struct verb verb_eval = {
    .name = "eval",
    .arguments = "MODEL DATA [-o DIR]",
    .purpose = "judges a model: figures with intervals beside trivial baselines, as a page",
    .details =
        "DATA has labels. What comes out says first, in sentences, what is wrong with the scores "
        "or the rows, then the figures with 95 % intervals. With -o: report.html (plots inside, no "
        "other file needed), report.json (every figure) and predictions.jsonl (one object a row: "
        "id, label, predicted, logits, probabilities). The same call gives the same bytes.\n\n"
        "Texts are cut where detector.json says, unless --max-tokens is given. Decisions are by "
        "the most probable label, and by the thresholds of detector.json where it has them. "
        "Trivial baselines are trained on the rows that trained the model (detector.json names "
        "them with their fingerprint) or on --train.\n\n"
        "A row that cannot be read, has no label or one that the model lacks, or an id that stands "
        "twice, ends the evaluation with file and line, and nothing is written. "
        "docs/evaluation.md says what each figure means, and what it does not.",
    .example = "assay eval runs/first test.jsonl --slice domain -o reports/first",
    .flags = flags,
    .least = 1,
    .most = 2,
    .run = run,
};
