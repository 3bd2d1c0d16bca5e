#include "report/walk.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/attack.h"
#include "data/text_features.h"
#include "report/walk_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_BYTES = 4 << 20, TELL_ROWS = 64 };

static const char no_value[] = "(none)";

void walk_result_free(struct walk_result *result)
{
    score_table_free(&result->table);
    name_table_free(&result->ids);
    name_table_free(&result->groups);
    for (size_t i = 0; i < result->slice_count; i++) {
        name_table_free(&result->slices[i].values);
        memory_free(result->slices[i].value);
    }
    memory_free(result->slices);
    memory_free(result->features);
    memory_free(result->renamed);
    for (int i = 0; i < result->mistake_count; i++) {
        memory_free(result->mistakes[i].id);
        memory_free(result->mistakes[i].excerpt);
    }
    *result = (struct walk_result){0};
}

static assay_status hold_text(struct walk *w, const assay_row *row, assay_error *error)
{
    struct batch_item *item = &w->items[w->count];
    const char *text = row->text;
    size_t length = row->text_length;
    if (w->request->attack != NO_ATTACK) {
        buffer_clear(&w->attacked);
        assay_status status =
            attack_text(&w->attacked, w->request->attack, w->request->strength,
                        attack_row_seed(w->request->seed, row->id), text, length, error);
        if (status)
            return status;
        text = w->attacked.bytes ? w->attacked.bytes : "";
        length = w->attacked.length;
    }
    *item = (struct batch_item){memory_copy_bytes(text, length),
                                row->pair ? memory_copy_bytes(row->pair, row->pair_length) : NULL,
                                memory_copy_string(row->id)};
    int64_t i = w->count++;
    if (!item->text || !item->id || (row->pair && !item->pair))
        return error_memory(error, length);
    w->texts[i] = (assay_text){item->text, length, item->pair, row->pair_length};
    w->ids[i] = item->id;
    w->labels[i] = w->request->scorer->labels.names[w->out->table.label[w->out->table.rows - 1]];
    w->lines[i] = row->line;
    w->bytes += length + row->pair_length;
    return ASSAY_OK;
}

static assay_status find_label(struct walk *w, const assay_row *row, int32_t *label,
                               assay_error *error)
{
    const struct name_table *labels = &w->request->scorer->labels;
    const assay_rows_options *options = w->request->rows;
    const char *field = options && options->label_field ? options->label_field : "label";
    char list[ASSAY_ERROR_DETAIL_SIZE - 40];
    int64_t rename = row->label ? label_renames_find(&w->request->renames, row->label) : -1;
    if (rename >= 0)
        w->out->renamed[rename]++;
    *label = row->label
                 ? name_table_find(labels, label_renames_apply(&w->request->renames, row->label))
                 : -1;
    if (*label >= 0)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_FORMAT,
              row->label ? "the row has a label that the model lacks" : "the row has no label");
    error_at_file(error, row->file);
    error_at_row(error, row->line, 0);
    error_at_place(error, "%s", field);
    error_expected(error, "one of %s%s", name_table_list(labels, list, sizeof list),
                   row->label ? ", or --label to rename it" : "");
    if (row->label)
        error_found(error, "\"%.60s\"", row->label);
    return ASSAY_ERROR_FORMAT;
}

static assay_status find_cluster(struct walk *w, assay_rows *rows, const assay_row *row,
                                 int32_t *cluster, assay_error *error)
{
    struct walk_result *out = w->out;
    size_t length;
    const char *wanted = w->request->group;
    const char *field = wanted ? wanted : "group";
    const char *value = *field ? assay_rows_field(rows, field, &length) : NULL;
    if (wanted && *wanted && !value) {
        error_set(error, ASSAY_ERROR_FORMAT, "the row lacks the field that groups rows");
        error_at_file(error, row->file);
        error_at_row(error, row->line, 0);
        error_at_place(error, "%s", wanted);
        return ASSAY_ERROR_FORMAT;
    }
    char alone[32];
    if (value) {
        snprintf(out->cluster_field, sizeof out->cluster_field, "%s", field);
    } else {
        out->rows_without_cluster++;
        snprintf(alone, sizeof alone, "\x01%" PRId64, row->row);
        value = alone;
    }
    *cluster = name_table_add(&out->groups, value);
    return *cluster < 0 ? error_memory(error, strlen(value)) : ASSAY_OK;
}

static assay_status keep_slices(struct walk *w, assay_rows *rows, int64_t at, assay_error *error)
{
    struct walk_result *out = w->out;
    if (out->slice_count && at >= w->slice_room) {
        int64_t room = w->slice_room ? w->slice_room * 2 : 256;
        for (size_t i = 0; i < out->slice_count; i++) {
            int32_t *larger = memory_resize(out->slices[i].value, (size_t)room, sizeof *larger);
            if (!larger)
                return error_memory(error, (size_t)room * sizeof *larger);
            out->slices[i].value = larger;
        }
        w->slice_room = room;
    }
    for (size_t i = 0; i < out->slice_count; i++) {
        struct slice_column *slice = &out->slices[i];
        size_t length;
        const char *value = assay_rows_field(rows, slice->field, &length);
        slice->there += value != NULL;
        slice->value[at] = name_table_add(&slice->values, value && *value ? value : no_value);
        if (slice->value[at] < 0)
            return error_memory(error, length);
    }
    return ASSAY_OK;
}

static assay_status keep_features(struct walk *w, const assay_row *row, int64_t at,
                                  assay_error *error)
{
    struct walk_result *out = w->out;
    int count = text_feature_count();
    assay_status status = text_features(w->values, row->text, row->text_length, error);
    if (status)
        return status;
    out->table.words[at] = (int32_t)w->values[TEXT_FEATURE_WORDS];
    if (!w->request->features)
        return ASSAY_OK;
    if (at >= w->feature_room) {
        int64_t room = w->feature_room ? w->feature_room * 2 : 256;
        float *larger = memory_resize(out->features, (size_t)room, (size_t)count * sizeof *larger);
        if (!larger)
            return error_memory(error, (size_t)room * (size_t)count * sizeof *larger);
        out->features = larger;
        w->feature_room = room;
    }
    for (int f = 0; f < count; f++)
        out->features[at * count + f] = (float)w->values[f];
    return ASSAY_OK;
}

static assay_status keep_id(struct walk *w, const assay_row *row, assay_error *error)
{
    struct name_table *ids = &w->out->ids;
    if (name_table_find(ids, row->id) >= 0) {
        error_set(error, ASSAY_ERROR_FORMAT, "an id stands twice");
        error_at_file(error, row->file);
        error_at_row(error, row->line, 0);
        error_at_place(error, "id");
        error_found(error, "\"%.60s\"", row->id);
        return ASSAY_ERROR_FORMAT;
    }
    return name_table_add(ids, row->id) < 0 ? error_memory(error, strlen(row->id)) : ASSAY_OK;
}

static assay_status take_row(struct walk *w, assay_rows *rows, const assay_row *row,
                             assay_error *error)
{
    struct score_table *table = &w->out->table;
    int64_t at = table->rows;
    assay_status status = score_table_grow(table, error);
    if (!status)
        status = find_label(w, row, &table->label[at], error);
    if (!status)
        status = find_cluster(w, rows, row, &table->cluster[at], error);
    if (!status)
        table->words[at] = 0;
    if (!status)
        table->text[at] = random_hash_bytes(row->text, row->text_length);
    if (!status && !w->request->scores_only) {
        status = keep_id(w, row, error);
        if (!status)
            status = keep_slices(w, rows, at, error);
        if (!status)
            status = keep_features(w, row, at, error);
    }
    if (status)
        return status;
    table->rows++;
    if (!w->file || strcmp(w->file, row->file) != 0) {
        status = walk_score_waiting(w, error); /* batches do not cross files: errors name one */
        memory_free(w->file);
        w->file = memory_copy_string(row->file);
        if (!status && !w->file)
            status = error_memory(error, strlen(row->file));
    }
    if (!status)
        status = hold_text(w, row, error);
    if (!status && (w->count == SCORE_BATCH_ROWS || w->bytes >= BATCH_BYTES))
        status = walk_score_waiting(w, error);
    return status;
}

static assay_status check_slices(const struct walk *w, assay_error *error)
{
    for (size_t i = 0; i < w->out->slice_count; i++) {
        if (w->out->slices[i].there)
            continue;
        error_set(error, ASSAY_ERROR_ARGUMENT, "no row has the field to slice by");
        error_at_file(error, w->request->path);
        error_at_place(error, "%s", w->out->slices[i].field);
        return ASSAY_ERROR_ARGUMENT;
    }
    return ASSAY_OK;
}

static assay_status check_renames(const struct walk *w, assay_error *error)
{
    const struct label_renames *renames = &w->request->renames;
    for (size_t i = 0; i < renames->count; i++) {
        if (!w->out->renamed[i])
            return label_renames_unused(renames, i, w->request->path, error);
    }
    return ASSAY_OK;
}

static assay_status begin(struct walk *w, assay_error *error)
{
    const struct walk_request *request = w->request;
    const struct scorer *scorer = request->scorer;
    size_t classes = (size_t)scorer->labels.count;
    struct score_table *table = &w->out->table;
    table->classes = scorer->labels.count;
    table->positive = scorer->positive;
    table->has_score = scorer->has_scores && scorer->positive >= 0;
    table->has_predictions = scorer->has_predictions;
    table->has_probabilities = scorer->has_probabilities;
    table->keeps_logits = scorer->has_probabilities && classes > 2 && scorer->positive < 0;
    w->logits = memory_allocate(SCORE_BATCH_ROWS * classes, sizeof *w->logits);
    w->probabilities = memory_allocate(SCORE_BATCH_ROWS * classes, sizeof *w->probabilities);
    w->values = memory_allocate((size_t)text_feature_count(), sizeof *w->values);
    size_t slices = request->scores_only ? 0 : request->slice_count;
    w->out->slices = memory_allocate_zeroed(slices + 1, sizeof *w->out->slices);
    w->out->renamed = memory_allocate_zeroed(request->renames.count + 1, sizeof *w->out->renamed);
    if (!w->logits || !w->probabilities || !w->values || !w->out->slices || !w->out->renamed)
        return error_memory(error, SCORE_BATCH_ROWS * classes * sizeof *w->probabilities);
    w->out->slice_count = slices;
    for (size_t i = 0; i < slices; i++)
        w->out->slices[i].field = request->slice_fields[i];
    return ASSAY_OK;
}

static void tell(const struct walk *w, int64_t rows)
{
    if (w->request->listen && rows % TELL_ROWS == 0)
        w->request->listen(w->request->context, w->request->what, rows, 0);
}

assay_status walk_rows(struct walk_result *out, const struct walk_request *request,
                       assay_error *error)
{
    *out = (struct walk_result){0};
    assay_rows *rows = NULL;
    assay_row row = {0};
    struct walk *w = memory_allocate_zeroed(1, sizeof *w);
    if (!w)
        return error_memory(error, sizeof *w);
    w->request = request;
    w->out = out;
    assay_status status = begin(w, error);
    if (!status)
        status = assay_rows_open(&rows, request->path, request->rows, error);
    while (!status) {
        status = assay_rows_next(rows, &row, error);
        if (status || !row.text)
            break;
        status = take_row(w, rows, &row, error);
        tell(w, out->table.rows);
    }
    if (!status)
        status = walk_score_waiting(w, error);
    if (!status && !out->table.rows) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "there are no rows");
        error_at_file(error, request->path);
    }
    if (!status && request->scorer->finish)
        status = request->scorer->finish(request->scorer, request->path, error);
    if (!status)
        status = check_slices(w, error);
    if (!status)
        status = check_renames(w, error);
    out->table.clusters = out->groups.count;
    walk_drop_waiting(w);
    assay_rows_close(rows);
    buffer_free(&w->line);
    buffer_free(&w->attacked);
    memory_free(w->logits);
    memory_free(w->probabilities);
    memory_free(w->values);
    memory_free(w->file);
    memory_free(w);
    if (status)
        walk_result_free(out);
    return status;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

assay_status walk_labels(struct name_table *out, const char *path,
                         const assay_rows_options *options, const struct label_renames *renames,
                         assay_error *error)
{
    struct name_table seen = {0};
    assay_rows *rows = NULL;
    assay_row row = {0};
    assay_status status = assay_rows_open(&rows, path, options, error);
    while (!status) {
        status = assay_rows_next(rows, &row, error);
        if (status || !row.text)
            break;
        if (!row.label) {
            status = error_set(error, ASSAY_ERROR_FORMAT, "the row has no label");
            error_at_file(error, row.file);
            error_at_row(error, row.line, 0);
            error_at_place(error, "%s",
                           options && options->label_field ? options->label_field : "label");
        } else if (name_table_add(&seen, label_renames_apply(renames, row.label)) < 0) {
            status = error_memory(error, strlen(row.label));
        }
    }
    assay_rows_close(rows);
    if (!status && seen.count)
        qsort(seen.names, (size_t)seen.count, sizeof *seen.names, by_name);
    for (int32_t i = 0; !status && i < seen.count; i++) {
        if (name_table_add(out, seen.names[i]) < 0)
            status = error_memory(error, strlen(seen.names[i]));
    }
    name_table_free(&seen);
    return status;
}
