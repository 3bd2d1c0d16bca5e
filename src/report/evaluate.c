#include "report/evaluation.h"

#include "base/error.h"
#include "base/file_group.h"
#include "base/memory.h"
#include "data/fingerprint.h"
#include "models/weight_files.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

const char *evaluation_positive(const struct assay_evaluation *e)
{
    return e->scorer.positive >= 0 ? e->scorer.labels.names[e->scorer.positive] : NULL;
}

struct resample_plan evaluation_plan(const struct assay_evaluation *e)
{
    const struct score_table *table = &e->rows.table;
    return (struct resample_plan){table->cluster,         table->rows,       table->clusters,
                                  e->measuring.resamples, e->measuring.seed, e->threads};
}

struct walk_request evaluation_walk(struct assay_evaluation *e, struct scorer *scorer,
                                    const char *what)
{
    return (struct walk_request){.path = e->data,
                                 .rows = e->options->rows,
                                 .group = e->options->group,
                                 .renames = {e->options->renames, e->options->rename_count},
                                 .scorer = scorer,
                                 .attack = NO_ATTACK,
                                 .strength = e->options->strength,
                                 .seed = e->options->seed,
                                 .slice_fields = e->options->slices,
                                 .slice_count = e->options->slice_count,
                                 .listen = e->options->listen,
                                 .context = e->options->context,
                                 .what = what};
}

static assay_status refuse(const char *message, assay_error *error)
{
    return error_set(error, ASSAY_ERROR_ARGUMENT, "%s", message);
}

static assay_status check_options(const assay_evaluation_options *options, assay_error *error)
{
    bool stream = options->data && strcmp(options->data, "-") == 0;
    if (error_options(error, options->struct_size, sizeof *options,
                      "ASSAY_EVALUATION_OPTIONS_INIT"))
        return ASSAY_ERROR_ARGUMENT;
    if (error_list(error, options->labels, options->label_count, "labels") ||
        error_list(error, options->slices, options->slice_count, "slices") ||
        error_list(error, options->attacks, options->attack_count, "attacks"))
        return ASSAY_ERROR_ARGUMENT;
    if (!options->data)
        return refuse("there is no data", error);
    if (!options->model == !options->predictions)
        return refuse("either a model or predictions are judged", error);
    if (stream && (options->predictions || options->attack_count || options->against))
        return refuse("standard input is read once, and this needs the rows more often", error);
    if (options->predictions && options->attack_count)
        return refuse("attacked texts are new texts: predictions cannot be asked about them",
                      error);
    if (options->model && options->label_count && !options->against)
        return refuse("a model names its labels itself", error);
    if (!(options->strength >= 0.0 && options->strength <= 1.0))
        return refuse("the strength of attacks is from 0 to 1", error);
    if (options->resamples < 0 || (options->resamples > 0 && options->resamples < 40))
        return refuse("at least 40 resamples are needed for a 95 % interval", error);
    const struct label_renames renames = {options->renames, options->rename_count};
    assay_status status = label_renames_check(&renames, error);
    return status ? status : attacks_check(options, error);
}

static assay_status copy(char **out, const char *text, assay_error *error)
{
    *out = text ? memory_copy_string(text) : NULL;
    return !text || *out ? ASSAY_OK : error_memory(error, strlen(text));
}

assay_status evaluation_columns(struct name_table *out, const assay_evaluation_options *options,
                                assay_error *error)
{
    for (size_t i = 0; i < options->label_count; i++) {
        if (name_table_add(out, options->labels[i]) < 0)
            return error_memory(error, 1);
        if (out->count != (int32_t)i + 1)
            return refuse("a label is named twice", error);
    }
    return ASSAY_OK;
}

static assay_status open_predictions(struct assay_evaluation *e, assay_error *error)
{
    struct name_table names = {0}, known = {0};
    const struct label_renames renames = {e->options->renames, e->options->rename_count};
    assay_status status = evaluation_columns(&names, e->options, error);
    if (!status)
        status = walk_labels(&known, e->data, e->options->rows, &renames, error);
    if (!status && !known.count) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "there are no rows");
        error_at_file(error, e->data);
    }
    if (!status)
        status = scorer_open_file(&e->scorer, e->predictions, &names, &known, error);
    if (!status)
        status = fingerprint_hex(e->scores_sha256, e->predictions, error);
    name_table_free(&names);
    name_table_free(&known);
    return status;
}

/* Of the weights, where they are one file. */
static assay_status hash_weights(struct assay_evaluation *e, assay_error *error)
{
    const char *name = weight_files_single(e->model);
    if (!name)
        return ASSAY_OK;
    char *path = path_join(e->model, name);
    if (!path)
        return error_memory(error, strlen(e->model));
    assay_status status = sha256_file(e->scores_sha256, path, error);
    memory_free(path);
    return status;
}

static assay_status open_model(struct assay_evaluation *e, assay_error *error)
{
    const assay_evaluation_options *o = e->options;
    struct model_scorer_options options = {.folder = e->model,
                                           .session = ASSAY_SESSION_OPTIONS_INIT};
    assay_status status = card_read(&e->card, e->model, error);
    if (status)
        return status;
    e->max_tokens = o->max_tokens ? o->max_tokens : e->card.detector.max_tokens;
    options.temperature = e->card.temperature;
    options.session.threads = o->threads;
    options.session.precision = o->precision_given ? o->precision : e->card.detector.precision;
    options.session.max_tokens = e->max_tokens;
    options.session.batch_tokens = o->batch_tokens;
    options.session.last_by_pad_token = o->last_by_pad_token;
    status = scorer_open_model(&e->scorer, &options, error);
    if (!status)
        status = copy(&e->family, scorer_family(&e->scorer), error);
    if (!status)
        status = hash_weights(e, error);
    e->precision = scorer_precision(&e->scorer);
    return status;
}

static assay_status open_scores(struct assay_evaluation *e, assay_error *error)
{
    const assay_evaluation_options *o = e->options;
    const struct label_renames renames = {o->renames, o->rename_count};
    assay_status status = copy(&e->model, o->model, error);
    if (!status)
        status = copy(&e->predictions, o->predictions, error);
    if (!status)
        status = copy(&e->data, o->data, error);
    if (!status && strcmp(e->data, "-") != 0)
        status = fingerprint_hex(e->data_sha256, e->data, error);
    if (!status)
        status = e->model ? open_model(e, error) : open_predictions(e, error);
    if (!status)
        status = label_renames_check_targets(&renames, (const char *const *)e->scorer.labels.names,
                                             e->scorer.labels.count, error);
    if (!status)
        status = choose_positive(&e->scorer.positive, &e->positive_from, &e->scorer.labels,
                                 o->positive, e->card.positive, error);
    if (!status && !e->scorer.has_probabilities && e->scorer.has_scores && e->scorer.positive < 0)
        status = refuse("a score ranks for a positive class: --positive LABEL names it", error);
    return status;
}

static assay_status score(struct assay_evaluation *e, struct file_writer *predictions,
                          assay_error *error)
{
    struct walk_request request = evaluation_walk(e, &e->scorer, "scoring");
    request.features = true;
    request.predictions = predictions;
    assay_status status = walk_rows(&e->rows, &request, error);
    e->measuring = (struct figures_options){
        .seed = e->options->seed,
        .resamples = resample_count(e->options->resamples, e->rows.table.rows),
        .threads = e->threads};
    return status;
}

static assay_status judge_baselines(struct assay_evaluation *e, assay_error *error)
{
    const assay_evaluation_options *o = e->options;
    struct walk_request walk = evaluation_walk(e, &e->scorer, "baselines");
    struct resample_plan plan = evaluation_plan(e);
    struct baselines_request request = {.walk = &walk,
                                        .test = &e->rows,
                                        .positive = evaluation_positive(e),
                                        .train = o->train ? o->train : e->card.train,
                                        .valid = o->valid ? o->valid : e->card.valid,
                                        .train_asked = o->train != NULL,
                                        .valid_asked = o->valid != NULL,
                                        .train_sha256 = e->card.detector.train_sha256,
                                        .valid_sha256 = e->card.detector.valid_sha256,
                                        .plan = &plan};
    request.reason = e->model && e->card.detector.present
                         ? "detector.json does not say what the model was trained on; --train FILE "
                           "names the rows to use"
                     : e->model ? "the model has no detector.json that says what it was trained "
                                  "on; --train FILE names the rows to use"
                                : "nothing says what the scorer was trained on; --train FILE names "
                                  "the rows to use";
    if (o->without_baselines)
        return ASSAY_OK;
    e->with_baselines = true;
    return baselines_make(&e->baselines, &request, error);
}

static assay_status make(struct assay_evaluation *e, struct file_writer *predictions,
                         assay_error *error)
{
    assay_status status = score(e, predictions, error);
    if (!status)
        status = evaluation_rules(e, error);
    if (!status)
        status = figures_make(&e->all, &e->rows.table, &e->measuring, error);
    if (!status)
        status = evaluation_slices(e, error);
    if (!status)
        status = judge_baselines(e, error);
    if (!status)
        status = evaluation_against(e, error);
    if (!status)
        status = evaluation_attacks(e, error);
    if (!status)
        status = evaluation_sentences(e, error);
    if (!status)
        status = report_json(&e->json, e, error);
    if (!status)
        status = report_page(&e->html, e, error);
    return status;
}

static assay_status add_file(struct file_group *group, struct file_writer **out, const char *folder,
                             const char *name, assay_error *error)
{
    char *path = path_join(folder, name);
    assay_status status =
        path ? file_group_add(group, out, path, error) : error_memory(error, strlen(folder));
    memory_free(path);
    return status;
}

static assay_status add_reports(const struct assay_evaluation *e, struct file_group *group,
                                const char *folder, assay_error *error)
{
    struct file_writer *writer;
    assay_status status = add_file(group, &writer, folder, "report.json", error);
    if (!status)
        status = file_writer_write(writer, e->json.bytes, e->json.length, error);
    if (!status)
        status = add_file(group, &writer, folder, "report.html", error);
    return status ? status : file_writer_write(writer, e->html.bytes, e->html.length, error);
}

assay_status assay_evaluate(assay_evaluation **out, const assay_evaluation_options *options,
                            assay_error *error)
{
    if (!out)
        return error_needs(error, __func__, "out");
    *out = NULL;
    if (!options)
        return error_needs(error, __func__, "options");
    struct file_group group = {0};
    struct file_writer *predictions = NULL;
    bool made_folder = false;
    assay_status status = check_options(options, error);
    if (status)
        return status;
    struct assay_evaluation *e = memory_allocate_zeroed(1, sizeof *e);
    if (!e)
        return error_memory(error, sizeof *e);
    e->options = options;
    e->card.temperature = 1.0;
    status = thread_pool_open(&e->threads, options->threads, error);
    if (!status)
        status = open_scores(e, error);
    if (!status && options->out) {
        made_folder = !file_is_folder(options->out);
        status = folder_create(options->out, error);
        if (!status)
            status = add_file(&group, &predictions, options->out, "predictions.jsonl", error);
    }
    if (!status)
        status = make(e, predictions, error);
    if (!status && options->out)
        status = add_reports(e, &group, options->out, error);
    if (!status)
        status = file_group_commit(&group, error);
    file_group_close(&group);
    e->options = NULL;
    if (status) {
        if (made_folder)
            rmdir(options->out); /* only when empty */
        assay_evaluation_close(e);
        return status;
    }
    *out = e;
    return ASSAY_OK;
}

void assay_evaluation_close(assay_evaluation *e)
{
    if (!e)
        return;
    scorer_close(&e->scorer);
    thread_pool_close(e->threads);
    walk_result_free(&e->rows);
    figures_free(&e->all);
    slices_free(e->slices, e->slice_count);
    baselines_free(&e->baselines);
    card_free(&e->card);
    buffer_free(&e->json);
    buffer_free(&e->html);
    memory_free(e->against.name);
    memory_free(e->attacks);
    memory_free(e->flags);
    memory_free(e->family);
    memory_free(e->model);
    memory_free(e->predictions);
    memory_free(e->data);
    memory_free(e);
}

const char *assay_evaluation_sentence(const assay_evaluation *e, int64_t index,
                                      assay_finding_kind *kind)
{
    if (!e || index < 0 || index >= e->sentence_count)
        return NULL;
    if (kind)
        *kind = e->sentences[index].kind;
    return e->sentences[index].text;
}

bool assay_evaluation_get(const assay_evaluation *e, int64_t index, assay_evaluation_figure *out)
{
    if (!e || !out || index < 0 || index >= FIGURE_COUNT)
        return false;
    const struct measured *figure = &e->all.of[index];
    *out =
        (assay_evaluation_figure){figure_title((int)index), figure->value, figure->interval.low,
                                  figure->interval.high, figure->reason[0] ? figure->reason : NULL};
    return true;
}

const char *assay_evaluation_json(const assay_evaluation *e, size_t *length)
{
    if (length)
        *length = e ? e->json.length : 0;
    return e ? e->json.bytes : NULL;
}

const char *assay_evaluation_html(const assay_evaluation *e, size_t *length)
{
    if (length)
        *length = e ? e->html.length : 0;
    return e ? e->html.bytes : NULL;
}
