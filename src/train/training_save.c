/* What a run leaves: checkpoints, the recipe, the model folder with its detector card. */
#include "base/error.h"
#include "base/file_group.h"
#include "base/json.h"
#include "base/memory.h"
#include "train/training.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { MAX_ARRAYS = 8 };

char *training_checkpoint_folder(const assay_training *t)
{
    return path_join(t->recipe.out, "checkpoints");
}

static bool folder_has(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool there = path && (file_exists(path) || file_is_folder(path));
    memory_free(path);
    return there;
}

static assay_status refuse_other_run(const assay_training *t, assay_error *error)
{
    static const char *const traces[] = {"checkpoints", "log.jsonl", "model.safetensors",
                                         "config.json"};
    for (size_t i = 0; i < sizeof traces / sizeof *traces && !t->options.resume; i++) {
        if (!folder_has(t->recipe.out, traces[i]))
            continue;
        error_set(error, ASSAY_ERROR_ARGUMENT,
                  "the folder holds a run or a model already: --resume goes on with it, out=DIR "
                  "names another");
        error_at_file(error, t->recipe.out);
        error_found(error, "%s", traces[i]);
        return ASSAY_ERROR_ARGUMENT;
    }
    return ASSAY_OK;
}

assay_status training_take_folder(const assay_training *t, int *lock, assay_error *error)
{
    *lock = -1;
    if (!t->recipe.out) {
        error_set(error, ASSAY_ERROR_ARGUMENT, "the recipe does not say where the model goes");
        error_at_place(error, "out");
        error_expected(error, "out=DIR, or out: DIR in the recipe");
        return ASSAY_ERROR_ARGUMENT;
    }
    assay_status status = refuse_other_run(t, error);
    if (status == ASSAY_OK)
        status = folder_create(t->recipe.out, error);
    if (status != ASSAY_OK)
        return status;
    char *path = path_join(t->recipe.out, ".lock");
    if (!path)
        return error_memory(error, strlen(t->recipe.out));
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*lock < 0) {
        status =
            error_set(error, ASSAY_ERROR_IO, "cannot write into the folder: %s", strerror(errno));
        error_at_file(error, t->recipe.out);
    } else if (flock(*lock, LOCK_EX | LOCK_NB) != 0) {
        status =
            error_set(error, ASSAY_ERROR_ARGUMENT, "another process is training into this folder");
        error_at_file(error, t->recipe.out);
    }
    memory_free(path);
    if (status != ASSAY_OK) {
        training_leave_folder(*lock);
        *lock = -1;
    }
    return status;
}

void training_leave_folder(int lock)
{
    if (lock >= 0)
        close(lock);
}

/* The weights, then the optimizer's state: all that a step changes. */
static int list_arrays(const assay_training *t, struct checkpoint_array arrays[MAX_ARRAYS])
{
    int64_t count;
    float *values = parameter_set_values(t->model->parameters, &count);
    arrays[0] = (struct checkpoint_array){"weights", (size_t)count, values};
    int more = optimizer_array_count(t->optimizer);
    for (int i = 0; i < more && i + 1 < MAX_ARRAYS; i++) {
        struct optimizer_array array = optimizer_array_at(t->optimizer, i);
        arrays[i + 1] = (struct checkpoint_array){array.name, (size_t)array.count, array.values};
    }
    return more + 1;
}

assay_status training_checkpoint(assay_training *t, bool best, assay_error *error)
{
    struct checkpoint_array arrays[MAX_ARRAYS];
    struct checkpoint_state state = {.counters = t->counters, .arrays = arrays};
    state.count = (size_t)list_arrays(t, arrays);
    char *folder = training_checkpoint_folder(t);
    if (!folder)
        return error_memory(error, strlen(t->recipe.out));
    assay_status status = folder_create(folder, error);
    if (status == ASSAY_OK)
        status = checkpoint_write(folder, &state, error);
    if (status == ASSAY_OK && best)
        status = checkpoint_link(folder, "best", t->counters.step, error);
    if (status == ASSAY_OK)
        status = checkpoint_keep(folder, t->recipe.checkpoint.keep, t->counters.step, error);
    if (status == ASSAY_OK)
        training_tell(t, &(assay_training_event){.kind = ASSAY_TRAINING_SAVED,
                                                 .text = folder,
                                                 .step = t->counters.step});
    memory_free(folder);
    return status;
}

static assay_status read_state(assay_training *t, const char *path, assay_error *error)
{
    struct checkpoint_array arrays[MAX_ARRAYS];
    struct checkpoint_state state = {.arrays = arrays};
    state.count = (size_t)list_arrays(t, arrays);
    assay_status status = checkpoint_read(&state, path, t->fingerprint, error);
    if (status != ASSAY_OK)
        return status;
    t->counters = state.counters;
    parameter_set_changed(t->model->parameters);
    return optimizer_set_steps(t->optimizer, state.counters.step, error);
}

static void tell_skipped(void *context, const char *path, const assay_error *why)
{
    char line[512];
    assay_error_format(why, line, sizeof line);
    training_note(context, "passed over the damaged checkpoint %s: %s", path, line);
}

/* A killed run may have made `best` point at a checkpoint that a later step has overtaken, or the
 * reverse; the counters of the checkpoint that is taken up decide. */
static assay_status restore_best(assay_training *t, const char *folder, assay_error *error)
{
    if (!t->counters.has_best)
        return ASSAY_OK;
    assay_status status = checkpoint_link(folder, "best", t->counters.best_step, error);
    if (status != ASSAY_ERROR_NOT_FOUND)
        return status;
    training_note(t, "the best checkpoint, of step %" PRId64 ", is gone: the best begins anew",
                  t->counters.best_step);
    t->counters.has_best = false;
    return ASSAY_OK;
}

assay_status training_resume(assay_training *t, assay_error *error)
{
    char *folder = training_checkpoint_folder(t), *path = NULL;
    if (!folder)
        return error_memory(error, strlen(t->recipe.out));
    assay_status status = checkpoint_find_newest_good(&path, NULL, folder, tell_skipped, t, error);
    if (status == ASSAY_ERROR_NOT_FOUND) {
        training_note(t, "no checkpoint to go on from in %s: the run begins", folder);
        status = ASSAY_OK;
    } else if (status == ASSAY_OK) {
        status = read_state(t, path, error);
        if (status == ASSAY_OK)
            status = restore_best(t, folder, error);
        if (status == ASSAY_OK)
            training_note(t, "going on from %s", path);
    }
    memory_free(path);
    memory_free(folder);
    return status;
}

assay_status training_save_recipe(const assay_training *t, assay_error *error)
{
    struct buffer text = {0};
    char *path = path_join(t->recipe.out, "recipe.yaml");
    assay_status status =
        path ? recipe_write(&text, &t->recipe, error) : error_memory(error, strlen("recipe.yaml"));
    if (status == ASSAY_OK)
        status = file_write(path, text.bytes, text.length, error);
    memory_free(path);
    buffer_free(&text);
    return status;
}

static void put_cleaning(struct json_writer *w, const assay_training *t)
{
    json_key(w, "cleaning");
    if (t->cleaning_known)
        cleaning_record_put(w, &t->cleaning);
    else
        json_put_null(w);
}

static void put_data(struct json_writer *w, const assay_training *t, const char *key,
                     const struct training_rows *rows)
{
    json_key(w, key);
    if (!rows->dataset) {
        json_put_null(w);
        return;
    }
    json_begin_object(w);
    json_put_named_string(w, "path", rows->feed.data.path);
    json_put_named_integer(w, "rows", rows->feed.data.rows);
    if (rows->sample)
        json_put_named_integer(w, "used_rows", rows->feed.rows);
    json_put_named_integer(w, "tokens", rows->feed.data.tokens);
    json_put_named_string(w, "sha256", rows->feed.data.fingerprint);
    if (rows == &t->train)
        put_cleaning(w, t);
    json_end_object(w);
}

static void put_labels(struct json_writer *w, const assay_training *t)
{
    json_key(w, "labels");
    json_begin_array(w);
    for (int32_t i = 0; i < t->labels.count; i++)
        json_put_string(w, t->labels.names[i]);
    json_end_array(w);
    json_key(w, "positive");
    if (t->labels.positive >= 0)
        json_put_string(w, t->labels.names[t->labels.positive]);
    else
        json_put_null(w);
}

static void put_scores(struct json_writer *w, const assay_training *t)
{
    json_key(w, "selected_by");
    if (t->counters.has_best) {
        json_begin_object(w);
        json_put_named_string(w, "metric", recipe_metric_name(t->recipe.early_stop.metric));
        json_put_named_number(w, "value", t->counters.best_metric);
        json_put_named_integer(w, "step", t->counters.best_step);
        json_put_named_string(w, "data", "valid");
        json_end_object(w);
    } else {
        json_put_null(w);
    }
}

static void put_calibration(struct json_writer *w, const assay_training *t)
{
    const struct training_calibration *c = &t->calibration;
    struct calibration_source source = {
        .path = c->rows.feed.data.path,
        .part = c->shares_valid ? "half" : "all",
        .sha256 = c->rows.feed.data.fingerprint,
        .rows_sha256 = c->rows_sha256,
        .group = c->group ? t->recipe.data.group : NULL,
        .seed = c->shares_valid ? t->recipe.seed : -1,
        .precision = model_precision_used(stepper_kernels(t->stepper), t->recipe.precision),
        .max_tokens = t->max_tokens,
    };
    detector_put_calibration(w, c->is_fitted ? &c->fitted : NULL, &source, c->refused);
}

static assay_status add_detector(const assay_training *t, struct file_group *group,
                                 assay_error *error)
{
    struct buffer text = {0};
    struct json_writer w = {.out = &text, .indent = 2};
    json_begin_object(&w);
    json_key(&w, "format");
    json_put_string(&w, "assay-detector");
    json_key(&w, "format_version");
    json_put_integer(&w, DETECTOR_FORMAT);
    json_key(&w, "assay");
    json_put_string(&w, ASSAY_VERSION);
    put_labels(&w, t);
    put_calibration(&w, t);
    json_key(&w, "max_tokens");
    json_put_integer(&w, t->max_tokens);
    json_key(&w, "precision");
    json_begin_object(&w);
    json_key(&w, "asked");
    json_put_string(&w, assay_precision_name(t->recipe.precision));
    json_key(&w, "used");
    json_put_string(&w, assay_precision_name(model_precision_used(stepper_kernels(t->stepper),
                                                                  t->recipe.precision)));
    json_end_object(&w);
    put_scores(&w, t);
    json_key(&w, "data");
    json_begin_object(&w);
    put_data(&w, t, "train", &t->train);
    put_data(&w, t, "valid", &t->valid);
    json_end_object(&w);
    json_key(&w, "base");
    json_put_string(&w, t->recipe.base);
    json_key(&w, "steps");
    json_put_integer(&w, t->counters.step);
    json_key(&w, "recipe");
    json_put_string(&w, t->fingerprint);
    json_end_object(&w);
    char *path = path_join(t->recipe.out, "detector.json");
    assay_status status = !w.failed && buffer_append_byte(&text, '\n') && path
                              ? file_group_add_whole(group, path, text.bytes, text.length, error)
                              : error_memory(error, text.length);
    memory_free(path);
    buffer_free(&text);
    return status;
}

/* The weights as they were at the best step; the run is over, so they may stay. */
static assay_status take_best(assay_training *t, assay_error *error)
{
    if (!t->counters.has_best || t->counters.best_step == t->counters.step)
        return ASSAY_OK;
    struct checkpoint_counters kept = t->counters;
    char *folder = training_checkpoint_folder(t);
    char *path = folder ? path_join(folder, "best") : NULL;
    assay_status status =
        path ? read_state(t, path, error) : error_memory(error, strlen(t->recipe.out));
    memory_free(path);
    memory_free(folder);
    t->counters = kept;
    return status;
}

assay_status training_save_model(assay_training *t, bool *stopped, assay_error *error)
{
    *stopped = false;
    assay_status status = take_best(t, error);
    if (status == ASSAY_OK)
        status = training_calibrate(t, stopped, error);
    if (status != ASSAY_OK || *stopped)
        return status;
    struct file_group group = {0};
    optimizer_exchange_average(t->optimizer);
    status = model_add_trained(t->model, &group, t->recipe.out, error);
    optimizer_exchange_average(t->optimizer);
    if (status == ASSAY_OK && t->recipe.task == RECIPE_CLASSIFY)
        status = add_detector(t, &group, error);
    if (status == ASSAY_OK)
        status = file_group_commit(&group, error);
    file_group_close(&group);
    if (status == ASSAY_OK)
        training_tell(t, &(assay_training_event){.kind = ASSAY_TRAINING_SAVED,
                                                 .text = t->recipe.out,
                                                 .step = t->counters.step});
    return status;
}

struct watching {
    const assay_training *training;
};

static void tell_progress(void *context, int64_t done, int64_t rows)
{
    const assay_training *t = ((struct watching *)context)->training;
    training_tell(t, &(assay_training_event){.kind = ASSAY_TRAINING_EVALUATING,
                                             .step = t->counters.step,
                                             .done = done,
                                             .total = rows});
}

static bool asked_to_stop(void *context)
{
    const assay_training *t = ((struct watching *)context)->training;
    return t->options.stop && t->options.stop(t->options.context);
}

static struct evaluate_request request_of(const assay_training *t, const struct training_rows *rows,
                                          const struct evaluate_watch *watch)
{
    return (struct evaluate_request){
        .task = t->recipe.task,
        .labels = (int32_t)t->model->config.labels,
        .positive = t->labels.positive,
        .feed = &rows->feed,
        .watch = watch,
    };
}

assay_status training_evaluate(assay_training *t, struct evaluation *evaluation, assay_error *error)
{
    struct watching watching = {t};
    struct evaluate_watch watch = {tell_progress, asked_to_stop, &watching};
    struct evaluate_request request = request_of(t, &t->valid, &watch);
    optimizer_exchange_average(t->optimizer);
    assay_status status = evaluate(evaluation, t->stepper, &request, error);
    optimizer_exchange_average(t->optimizer);
    if (status == ASSAY_OK)
        status = dataset_check(t->valid.dataset, error);
    return status;
}

assay_status training_score(assay_training *t, float **logits, const struct training_rows *rows,
                            assay_error *error)
{
    struct watching watching = {t};
    struct evaluate_watch watch = {tell_progress, asked_to_stop, &watching};
    struct evaluate_request request = request_of(t, rows, &watch);
    optimizer_exchange_average(t->optimizer);
    assay_status status = evaluate_logits(logits, t->stepper, &request, error);
    optimizer_exchange_average(t->optimizer);
    if (status == ASSAY_OK)
        status = dataset_check(rows->dataset, error);
    if (status != ASSAY_OK) {
        memory_free(*logits);
        *logits = NULL;
    }
    return status;
}
