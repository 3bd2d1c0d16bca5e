#include "output.h"
#include "train_progress.h"
#include "verbs.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { OWN_WORDS = 2, OWN_WORD_SIZE = 64 };

static volatile sig_atomic_t stop_asked;

/* The first signal asks for an end that saves; the second, with the default action, kills. */
static void ask_to_stop(int number)
{
    stop_asked = number;
    signal(number, SIG_DFL);
}

static bool stop(void *context)
{
    (void)context;
    return stop_asked != 0;
}

static void catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = SA_RESTART};
        struct sigaction before;
        sigemptyset(&action.sa_mask);
        /* What nohup or a shell's background job ignores stays ignored. */
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

static bool is_word(const char *argument)
{
    size_t name = strspn(argument, "abcdefghijklmnopqrstuvwxyz_0123456789.");
    return name > 0 && argument[name] == '=';
}

/* The recipe's file, if one is given, and the words, the flags --seed and --precision among them.
 */
struct recipe_words {
    const char *file;
    const char **words;
    size_t count;
    char own[OWN_WORDS][OWN_WORD_SIZE];
};

static int collect(const struct call *call, struct recipe_words *recipe)
{
    recipe->words = calloc((size_t)call->argument_count + OWN_WORDS, sizeof *recipe->words);
    if (!recipe->words)
        return call_failed_saying(call, "not enough memory");
    for (int i = 0; i < call->argument_count; i++) {
        const char *argument = call->arguments[i];
        if (is_word(argument))
            recipe->words[recipe->count++] = argument;
        else if (i == 0)
            recipe->file = argument;
        else
            return call_wrong(call, "\"%s\" is not key=value; one recipe comes first", argument);
    }
    static const char *const flags[OWN_WORDS] = {"seed", "precision"};
    for (int i = 0; i < OWN_WORDS; i++) {
        const char *value = call_text(call, flags[i], NULL);
        if (!value)
            continue;
        snprintf(recipe->own[i], sizeof recipe->own[i], "%s=%s", flags[i], value);
        recipe->words[recipe->count++] = recipe->own[i];
    }
    return CALL_DONE;
}

static void print_plan(FILE *file, const assay_training_plan_info *plan)
{
    char a[32], b[32], c[32], d[32], e[32];
    fprintf(file, "base       %s (%s), task %s, method %s\n", plan->base, plan->family, plan->task,
            plan->method);
    fprintf(file, "data       %lld rows, %lld tokens, longest %d, cut at %d: %lld rows",
            (long long)plan->train_rows, (long long)plan->train_tokens, plan->longest_row,
            plan->max_tokens, (long long)plan->truncated_rows);
    if (plan->valid_rows)
        fprintf(file, "; valid %lld rows", (long long)plan->valid_rows);
    if (plan->calibration_rows)
        fprintf(file, "; calibration %lld rows", (long long)plan->calibration_rows);
    fprintf(file, "\nparameters %.2f million, trained %.2f million\n",
            (double)plan->parameters / 1e6, (double)plan->trained / 1e6);
    fprintf(file, "steps      %lld, %.2f epochs\n", (long long)plan->steps, plan->epochs);
    fprintf(file, "computes   at %s with %s, threads: %d\n", plan->precision, plan->kernels,
            plan->threads);
    fprintf(file, "memory     %s: weights %s, gradients %s, optimizer %s, activations %s",
            bytes_text(a, (double)plan->memory_bytes), bytes_text(b, (double)plan->weight_bytes),
            bytes_text(c, (double)plan->gradient_bytes),
            bytes_text(d, (double)plan->optimizer_bytes),
            bytes_text(e, (double)plan->activation_bytes));
    fprintf(file, ", other %s; available %s\n", bytes_text(a, (double)plan->other_bytes),
            bytes_text(b, (double)plan->available_bytes));
    if (plan->seconds > 0.0)
        fprintf(file, "time       about %s, at %.0f tokens/s as measured for %s\n",
                seconds_text(a, plan->seconds), plan->tokens_per_s,
                seconds_text(b, plan->seconds_calibrating));
    if (!plan->fits)
        fprintf(file, "does not fit: %s\n", plan->advice);
}

static void print_plan_json(const assay_training_plan_info *plan)
{
    struct json_out out = {.file = stdout};
    const struct {
        const char *key;
        int64_t value;
    } integers[] = {
        {"threads", plan->threads},
        {"parameters", plan->parameters},
        {"trained", plan->trained},
        {"train_rows", plan->train_rows},
        {"valid_rows", plan->valid_rows},
        {"calibration_rows", plan->calibration_rows},
        {"train_tokens", plan->train_tokens},
        {"truncated_rows", plan->truncated_rows},
        {"max_tokens", plan->max_tokens},
        {"longest_row", plan->longest_row},
        {"labels", plan->labels},
        {"steps", plan->steps},
        {"memory_bytes", plan->memory_bytes},
        {"weight_bytes", plan->weight_bytes},
        {"gradient_bytes", plan->gradient_bytes},
        {"optimizer_bytes", plan->optimizer_bytes},
        {"activation_bytes", plan->activation_bytes},
        {"other_bytes", plan->other_bytes},
        {"available_bytes", plan->available_bytes},
    };
    const struct {
        const char *key, *value;
    } texts[] = {
        {"base", plan->base},       {"out", plan->out},
        {"family", plan->family},   {"task", plan->task},
        {"method", plan->method},   {"precision", plan->precision},
        {"kernels", plan->kernels}, {"advice", *plan->advice ? plan->advice : NULL},
    };
    out_begin(&out, '{');
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        out_key(&out, texts[i].key);
        out_text(&out, texts[i].value);
    }
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        out_key(&out, integers[i].key);
        out_integer(&out, integers[i].value);
    }
    out_key(&out, "epochs");
    out_double(&out, plan->epochs);
    out_key(&out, "fits");
    out_boolean(&out, plan->fits);
    out_key(&out, "seconds");
    out_double(&out, plan->seconds > 0.0 ? plan->seconds : (double)NAN);
    out_key(&out, "tokens_per_s");
    out_double(&out, plan->seconds > 0.0 ? plan->tokens_per_s : (double)NAN);
    out_end(&out, '}');
    out_line(&out);
}

static void print_result(const struct call *call, const assay_training_plan_info *plan,
                         const assay_training_result *result)
{
    char time[32], memory[32];
    if (call->json) {
        struct json_out out = {.file = stdout};
        out_begin(&out, '{');
        out_key(&out, "out");
        out_text(&out, plan->out);
        out_key(&out, "steps");
        out_integer(&out, result->steps);
        out_key(&out, "stopped");
        out_boolean(&out, result->stopped);
        out_key(&out, "stopped_early");
        out_boolean(&out, result->stopped_early);
        out_key(&out, "metric");
        out_text(&out, result->best_step >= 0 ? result->metric_name : NULL);
        out_key(&out, "best");
        out_double(&out, result->best_metric);
        out_key(&out, "best_step");
        if (result->best_step >= 0)
            out_integer(&out, result->best_step);
        else
            out_null(&out);
        out_key(&out, "seconds");
        out_double(&out, result->seconds);
        out_key(&out, "tokens_per_s");
        out_double(&out, result->tokens_per_s);
        out_key(&out, "peak_bytes");
        out_integer(&out, result->peak_bytes);
        out_end(&out, '}');
        out_line(&out);
        return;
    }
    if (result->stopped) {
        printf("stopped and saved at step %lld; the same call with --resume goes on\n",
               (long long)result->steps);
        return;
    }
    print_plain(stdout, plan->out);
    printf(": %lld steps%s", (long long)result->steps,
           result->stopped_early ? ", stopped early" : "");
    if (result->best_step >= 0)
        printf("; best %s on valid %.4f at step %lld, whose weights these are", result->metric_name,
               result->best_metric, (long long)result->best_step);
    printf("; %s at %.0f tokens/s, peak %s\n", seconds_text(time, result->seconds),
           result->tokens_per_s, bytes_text(memory, (double)result->peak_bytes));
}

static int dry_run(const struct call *call, assay_training *training,
                   struct train_progress *progress)
{
    assay_error error = {0};
    assay_training_plan_info plan;
    assay_status status = assay_training_plan(training, true, &plan, &error);
    train_progress_end(progress);
    if (status != ASSAY_OK)
        return call_failed(call, &error);
    if (call->json)
        print_plan_json(&plan);
    else
        print_plan(stdout, &plan);
    return plan.fits ? CALL_DONE
                     : call_failed_saying(call, "the run does not fit into this machine's memory");
}

static int train(const struct call *call, assay_training *training, struct train_progress *progress)
{
    assay_error error = {0};
    assay_training_plan_info plan;
    assay_training_result result;
    assay_status status = assay_training_plan(training, false, &plan, &error);
    if (status == ASSAY_OK && !call->quiet) {
        train_progress_end(progress);
        print_plan(stderr, &plan);
    }
    if (status == ASSAY_OK)
        status = assay_training_run(training, &result, &error);
    train_progress_end(progress);
    if (status != ASSAY_OK)
        return call_failed(call, &error);
    print_result(call, &plan, &result);
    return result.stopped ? CALL_FAILED : CALL_DONE;
}

static int run(struct call *call)
{
    struct recipe_words recipe = {0};
    struct train_progress progress;
    assay_training *training = NULL;
    assay_training_options options = ASSAY_TRAINING_OPTIONS_INIT;
    assay_error error = {0};
    train_progress_begin(&progress, call);
    int code = collect(call, &recipe);
    if (code != CALL_DONE)
        goto done;
    options.threads = call->threads;
    options.resume = call_has(call, "resume");
    options.listen = train_progress_tell;
    options.context = &progress;
    options.stop = stop;
    if (assay_training_open(&training, recipe.file, recipe.words, recipe.count, &options, &error) !=
        ASSAY_OK) {
        train_progress_end(&progress);
        code = call_failed(call, &error);
        goto done;
    }
    if (call_has(call, "dry-run")) {
        code = dry_run(call, training, &progress);
        goto done;
    }
    catch_signals();
    code = train(call, training, &progress);
done:
    assay_training_close(training);
    free(recipe.words);
    return code;
}

static const struct flag flags[] = {
    {"dry-run", 0, FLAG_SWITCH, NULL, "off",
     "the plan: parameters, memory, time; some steps are measured, nothing is trained", 0, 0},
    {"resume", 0, FLAG_SWITCH, NULL, "off", "goes on from the newest good checkpoint in out", 0, 0},
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0, 0},
};

const struct verb verb_train = {
    .name = "train",
    .arguments = "[RECIPE.yaml] [key=value ...]",
    .purpose = "fine-tunes a model on labelled rows: from a recipe to a model folder",
    .details =
        "The recipe is a YAML file, or words alone; words beat the file. base, data and out must "
        "be "
        "said; every other key has a default, and out/recipe.yaml holds them all. docs/training.md "
        "lists the keys. Tasks: classify, regress, lm, mlm; methods: full, head.\n\n"
        "out becomes a model folder that transformers loads, with detector.json (labels, positive "
        "class, operating points, data, precision), log.jsonl, TensorBoard events and checkpoints. "
        "With data.valid the weights are those of the best evaluation. A classifier is calibrated "
        "at the end, on data.calibration or on half of data.valid, which then has no part in the "
        "evaluations (data.calibration=none: neither).\n\n"
        "Interrupted (Ctrl-C, SIGTERM) it saves and leaves, exit code 1; killed at any instant it "
        "loses no checkpoint. --resume ends with the same bits as a run never interrupted. "
        "--seed and --precision stand for seed= and precision=, and hold only when given: the "
        "recipe's default precision is medium.",
    .example =
        "assay train base=all-MiniLM-L6-v2 data=train.jsonl valid=valid.jsonl out=runs/first",
    .flags = flags,
    .least = 1,
    .most = -1,
    .run = run,
};
