#include "bench_table.h"
#include "verbs.h"

#include "assay/pull.h"
#include "assay/tokenizer.h"

#include <stdlib.h>
#include <string.h>

/* Curves by a name of their own, over the work that shows most. */
static const char scaling[] = "scaling-", scaled_work[] = "minilm-train";

struct bench {
    const struct call *call;
    assay_bench_options options;
    assay_peer_options peer;
    const char *history, *compare;
    struct json_out out;
    bool told_of_damage;
};

static bool scaling_axis(assay_sweep_axis *axis, const char *name)
{
    size_t length = sizeof scaling - 1;
    return !strncmp(name, scaling, length) && assay_sweep_axis_from_name(axis, name + length);
}

static void list_works(void)
{
    static const char *const curves[][2] = {
        {"scaling-length", "minilm-train over tokens a row, the batch's tokens alike"},
        {"scaling-batch", "minilm-train over rows of 128 tokens"},
        {"scaling-width", "minilm-train over widths of the model"}};
    const char *description;
    const char *name;
    for (int i = 0; (name = assay_bench_work(i, &description)) != NULL; i++)
        printf("%-20s %s\n", name, description);
    for (int i = 0; i < 3; i++)
        printf("%-20s %s\n", curves[i][0], curves[i][1]);
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

static int check_work(const struct call *call, const char *wanted)
{
    const char *description, *name;
    assay_sweep_axis axis;
    struct nearest nearest = {wanted, NULL, 0};
    if (is_work(wanted) || scaling_axis(&axis, wanted))
        return CALL_DONE;
    for (int w = 0; (name = assay_bench_work(w, &description)) != NULL; w++)
        nearest_try(&nearest, name);
    nearest_try(&nearest, "scaling-length");
    nearest_try(&nearest, "scaling-batch");
    nearest_try(&nearest, "scaling-width");
    const char *meant = nearest_result(&nearest);
    if (meant)
        return call_wrong(call, "there is no work \"%s\"; did you mean %s?", wanted, meant);
    return call_wrong(call, "there is no work \"%s\"; --list names them", wanted);
}

static int check_call(const struct call *call)
{
    const char *sweep = call_text(call, "sweep", NULL);
    assay_sweep_axis axis;
    bool curves = sweep != NULL;
    int code = CALL_DONE;
    for (int i = 0; code == CALL_DONE && i < call->argument_count; i++) {
        const char *work = call->arguments[i];
        code = check_work(call, work);
        if (code == CALL_DONE && sweep && !assay_sweep_knows(work))
            code = call_wrong(call, "the sizes of %s cannot be changed", work);
        curves = curves || scaling_axis(&axis, work);
    }
    if (code == CALL_DONE && sweep && !call->argument_count)
        code = call_wrong(call, "--sweep wants the works to be swept named");
    if (code == CALL_DONE && curves &&
        (call_has(call, "peer") || call_has(call, "history") || call_has(call, "compare") ||
         call_has(call, "profile") || call_has(call, "data")))
        code =
            call_wrong(call, "curves go without --peer, --history, --compare, --profile, --data");
    if (code == CALL_DONE && !call_has(call, "peer") &&
        (call_has(call, "peer-options") || call_has(call, "pairs")))
        code = call_wrong(call, "--peer-options and --pairs belong to --peer PYTHON");
    return code;
}

/* ---- one measurement */

static void note_damage(struct bench *bench, const assay_bench_earlier *earlier)
{
    if (!earlier->damaged || bench->told_of_damage)
        return;
    bench->told_of_damage = true;
    call_note(bench->call, "%s: %lld lines are no whole records, the first is line %lld",
              bench->compare, (long long)earlier->damaged, (long long)earlier->first_damaged);
}

static assay_status run_work(struct bench *bench, const char *work, assay_error *error)
{
    assay_bench_result result;
    assay_peer_result peer;
    assay_bench_earlier earlier;
    bool paired = bench->peer.python && assay_peer_knows(work);
    struct bench_line line = {.result = &result};
    assay_status status;
    if (paired) {
        call_note(bench->call, "%s: beside %s", work, bench->peer.python);
        status = assay_bench_run_pairs(&result, &peer, work, &bench->options, &bench->peer, error);
        line.peer = &peer;
    } else {
        if (bench->peer.python)
            call_note(bench->call, "%s: the peer has no such work; ours alone", work);
        status = assay_bench_run_apart(&result, work, &bench->options, error);
    }
    if (status == ASSAY_OK && bench->compare) {
        status = assay_bench_history_find(&earlier, bench->compare, &result, error);
        line.earlier = &earlier;
        if (status == ASSAY_OK)
            note_damage(bench, &earlier);
    }
    /* The figures took long; they are shown before anything else can fail. */
    if (status != ASSAY_OK && !line.earlier)
        return status;
    if (status != ASSAY_OK)
        line.earlier = NULL;
    if (bench->call->json)
        bench_put_line(&bench->out, &line);
    else
        bench_print_line(&line);
    if (status == ASSAY_OK && bench->history)
        status = assay_bench_history_append(bench->history, &result, line.peer, error);
    return status;
}

/* Works named, or all of them, of which those that cannot run without --model are passed over. */
static int run_works(struct bench *bench)
{
    const struct call *call = bench->call;
    int code = CALL_DONE;
    for (int i = 0;; i++) {
        const char *description;
        const char *work = call->argument_count ? NULL : assay_bench_work(i, &description);
        if (call->argument_count && i < call->argument_count)
            work = call->arguments[i];
        if (!work)
            return code;
        assay_sweep_axis axis;
        if (scaling_axis(&axis, work))
            continue;
        assay_error error = {0};
        assay_status status = run_work(bench, work, &error);
        if (status == ASSAY_ERROR_ARGUMENT && !call->argument_count)
            call_note(call, "%s: %s", work, error.message);
        else if (status != ASSAY_OK)
            code = call_failed(call, &error);
    }
}

/* ---- curves */

enum { CLIFF_ROUNDS = 2 };

/* What disturbs the machine for a moment looks like a cliff: those are measured again, and the
 * better figure is kept. */
static void look_again(struct bench *bench, const char *work, assay_sweep_axis axis,
                       assay_sweep_point *points, int count)
{
    assay_sweep_finish(points, count);
    for (int round = 0; round < CLIFF_ROUNDS; round++) {
        for (int i = 0; i < count; i++) {
            assay_sweep_point again;
            if (!points[i].cliff)
                continue;
            call_note(bench->call, "%s: %s %lld once more", work, assay_sweep_axis_name(axis),
                      (long long)points[i].size);
            if (assay_bench_sweep_point(&again, work, axis, points[i].size, &bench->options,
                                        NULL) == ASSAY_OK &&
                again.tokens_per_s > points[i].tokens_per_s)
                points[i] = again;
        }
        assay_sweep_finish(points, count);
    }
}

static int run_curve(struct bench *bench, const char *work, assay_sweep_axis axis)
{
    const struct call *call = bench->call;
    const int64_t *sizes;
    int count = assay_sweep_sizes(axis, &sizes), code = CALL_DONE, measured = 0;
    assay_sweep_point *points = calloc((size_t)count, sizeof *points);
    if (!points)
        return call_failed_saying(call, "not enough memory");
    for (int i = 0; i < count; i++) {
        assay_error error = {0};
        call_note(call, "%s: %s %lld, %d of %d", work, assay_sweep_axis_name(axis),
                  (long long)sizes[i], i + 1, count);
        if (assay_bench_sweep_point(&points[measured], work, axis, sizes[i], &bench->options,
                                    &error) == ASSAY_OK)
            measured++;
        else
            code = call_failed(call, &error);
    }
    look_again(bench, work, axis, points, measured);
    const struct bench_curve curve = {work, axis, points, measured};
    if (call->json)
        bench_put_curve(&bench->out, &curve);
    else if (measured)
        bench_print_curve(&curve);
    free(points);
    return code;
}

static int run_curves(struct bench *bench)
{
    const struct call *call = bench->call;
    const char *sweep = call_text(call, "sweep", NULL);
    int code = CALL_DONE;
    assay_sweep_axis axis;
    for (int i = 0; i < call->argument_count; i++) {
        const char *work = call->arguments[i];
        bool named = scaling_axis(&axis, work);
        if (!named && !(sweep && assay_sweep_axis_from_name(&axis, sweep)))
            continue;
        int one = run_curve(bench, named ? scaled_work : work, axis);
        code = one != CALL_DONE ? one : code;
    }
    return code;
}

/* Are all that is asked for curves? */
static bool only_curves(const struct call *call)
{
    assay_sweep_axis axis;
    for (int i = 0; i < call->argument_count; i++) {
        if (!scaling_axis(&axis, call->arguments[i]))
            return call_has(call, "sweep");
    }
    return call->argument_count > 0;
}

static int run_all(struct bench *bench)
{
    bool json = bench->call->json, works = !only_curves(bench->call);
    struct json_out *out = &bench->out;
    int code = CALL_DONE;
    if (json) {
        out_begin(out, '{');
        out_key(out, "results");
        out_begin(out, '[');
    } else if (works) {
        bench_print_head();
    }
    if (works)
        code = run_works(bench);
    if (json) {
        out_end(out, ']');
        out_key(out, "curves");
        out_begin(out, '[');
    }
    int curves = run_curves(bench);
    if (json) {
        out_end(out, ']');
        out_end(out, '}');
        out_line(out);
    }
    return curves != CALL_DONE ? curves : code;
}

static int run(struct call *call)
{
    if (call_has(call, "list")) {
        list_works();
        return CALL_DONE;
    }
    int code = check_call(call);
    if (code != CALL_DONE)
        return code;
    char *folder = NULL;
    assay_error error = {0};
    const char *model = call_text(call, "model", NULL);
    if (model && assay_model_folder(&folder, model, &error) != ASSAY_OK)
        return call_failed(call, &error);
    struct bench bench = {.call = call,
                          .options = ASSAY_BENCH_OPTIONS_INIT,
                          .peer = ASSAY_PEER_OPTIONS_INIT,
                          .history = call_text(call, "history", NULL),
                          .compare = call_text(call, "compare", NULL),
                          .out = {.file = stdout}};
    bench.options.threads = call->threads;
    bench.options.precision = call->precision;
    bench.options.model = folder;
    bench.options.data = call_text(call, "data", NULL);
    bench.options.seconds = call_number(call, "seconds", 0);
    bench.options.max_tokens = (int32_t)call_integer(call, "max-tokens", 0);
    bench.options.batch_tokens = call_integer(call, "batch-tokens", 0);
    bench.options.profile = call_has(call, "profile");
    bench.peer.python = call_text(call, "peer", NULL);
    bench.peer.options = call_text(call, "peer-options", NULL);
    bench.peer.pairs = (int)call_integer(call, "pairs", 0);
    code = run_all(&bench);
    assay_string_free(folder);
    return code;
}

static const struct flag flags[] = {
    {"model", 0, FLAG_TEXT, "MODEL", "works that need one are passed over",
     "the model to measure with, and the tokenizer of --data", 0, 0},
    {"data", 0, FLAG_TEXT, "DATA", "drawn ids, built-in text", "real texts to work on", 0, 0},
    {"seconds", 0, FLAG_NUMBER, "S", "2", "at least so long a work, or a point of a curve", 0,
     3600},
    {"max-tokens", 0, FLAG_INTEGER, "N", "256; 512 for distilbert-train", "rows are cut here", 1,
     1048576},
    {"batch-tokens", 0, FLAG_INTEGER, "N", "1024", "tokens computed at once in scoring", 1,
     16777216},
    {"profile", 0, FLAG_SWITCH, NULL, "off",
     "where a step's time goes, by op and direction; of training and scoring works", 0, 0},
    {"peer", 0, FLAG_TEXT, "PYTHON", "ours alone",
     "a Python with torch and transformers that does the same works on the same ids, in turn with "
     "ours",
     0, 0},
    {"peer-options", 0, FLAG_TEXT, "TEXT", "dtype=f32",
     "dtype=f32|bf16 compile=0|1 group=0|1 (rows sorted by length first), in one word", 0, 0},
    {"pairs", 0, FLAG_INTEGER, "N", "3", "measurements of the peer, and of ours", 1, 99},
    {"history", 0, FLAG_TEXT, "FILE", "nothing is kept",
     "append each measurement as a line of JSON", 0, 0},
    {"compare", 0, FLAG_TEXT, "FILE", "no comparison",
     "say what changed since the newest record of the same machine, work, precision, threads and "
     "rows",
     0, 0},
    {"sweep", 0, FLAG_CHOICE, "length|batch|width", "no curve",
     "the works named at sizes from small to large instead", 0, 0},
    {"list", 0, FLAG_SWITCH, NULL, "off", "only name the works", 0, 0},
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0, 0},
};

const struct verb verb_bench = {
    .name = "bench",
    .arguments = "[WORK...]",
    .purpose = "how fast this machine works: throughput, memory, share of the machine's floor",
    .details =
        "Without WORK all of them. The median over the repetitions, with the least and the most. "
        "The floor is what the machine would allow: the counted operations at the peak of its "
        "product, and the bytes of the optimizer at the speed of its memory, both measured just "
        "after the work; \"-\" where that says nothing. Each work runs in a process of its own, so "
        "peak memory is the work's.\n"
        "With --peer the two sides take turns; the ratio is of neighbours, with the least and the "
        "most over the pairs. docs/performance.md says how to read all this. "
        "--json: floor is null where unknown; curves are apart from results.",
    .example = "assay bench minilm-train --precision medium --profile",
    .flags = flags,
    .least = 0,
    .most = -1,
    .run = run,
};
