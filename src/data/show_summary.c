/* From what was counted to what is told. */
#include "data/show.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* Linear between the two nearest ranks, as numpy has it. */
static double quantile(const float *sorted, int64_t count, double share)
{
    double rank = share * (double)(count - 1);
    int64_t below = (int64_t)rank;
    double low = (double)sorted[below];
    double high = (double)sorted[below + 1 < count ? below + 1 : below];
    return low + (rank - (double)below) * (high - low);
}

/* `values` is sorted here. A label may have no row in the sample: its quantiles are then no
 * numbers.
 */
static void fill_lengths(assay_data_lengths *out, const struct length_tally *tally, int64_t rows,
                         float *values, int64_t count)
{
    if (count > 1)
        qsort(values, (size_t)count, sizeof *values, by_value);
    double *const quantiles[] = {&out->q05, &out->q25, &out->median, &out->q75, &out->q95};
    static const double shares[] = {0.05, 0.25, 0.5, 0.75, 0.95};
    for (int i = 0; i < 5; i++)
        *quantiles[i] = count ? quantile(values, count, shares[i]) : NAN;
    out->least = rows ? tally->least : NAN;
    out->most = rows ? tally->most : NAN;
    out->mean = rows ? tally->sum / (double)rows : NAN;
}

/* Lengths of all rows (label -1) or of one label. */
static void lengths_of(const struct show *show, assay_data_lengths *out, enum text_feature feature,
                       const struct length_tally *tally, int64_t rows, int32_t label,
                       const int64_t *begin, const uint32_t *by_label, float *scratch)
{
    int64_t first = label < 0 ? 0 : begin[label];
    int64_t end = label < 0 ? show->sample.count : begin[label + 1];
    for (int64_t i = first; i < end; i++) {
        int64_t row = label < 0 ? i : (int64_t)by_label[i];
        scratch[i - first] = show->sample.rows[row].values[feature];
    }
    fill_lengths(out, tally, rows, scratch, end - first);
}

/* Sampled rows in order of label: those of label l are by_label[begin[l] .. begin[l + 1]). */
static void order_by_label(const struct show *show, int64_t *begin, uint32_t *by_label)
{
    int64_t labels = show->labels.count;
    for (int64_t i = 0; i < show->sample.count; i++) {
        if (show->sample.rows[i].label >= 0)
            begin[show->sample.rows[i].label + 1]++;
    }
    for (int64_t l = 0; l < labels; l++)
        begin[l + 1] += begin[l];
    for (int64_t i = 0; i < show->sample.count; i++) {
        if (show->sample.rows[i].label >= 0)
            by_label[begin[show->sample.rows[i].label]++] = (uint32_t)i;
    }
    memmove(begin + 1, begin, (size_t)labels * sizeof *begin);
    begin[0] = 0;
}

static assay_status fill_labels(struct show *show, assay_error *error)
{
    assay_data_summary *summary = &show->summary;
    size_t labels = (size_t)show->labels.count, rows = (size_t)show->sample.count;
    assay_status status = ASSAY_OK;
    int64_t *begin = memory_allocate_zeroed(labels + 2, sizeof *begin);
    uint32_t *by_label = memory_allocate(rows, sizeof *by_label);
    float *scratch = memory_allocate(rows, sizeof *scratch);
    assay_data_label *out = arena_allocate(&show->arena, labels + 1, sizeof *out);
    if (!begin || !by_label || !scratch || !out) {
        status = error_memory(error, rows * sizeof *scratch);
        goto done;
    }
    order_by_label(show, begin, by_label);
    lengths_of(show, &summary->characters, TEXT_FEATURE_CHARACTERS, &show->characters,
               summary->rows, -1, begin, by_label, scratch);
    lengths_of(show, &summary->words, TEXT_FEATURE_WORDS, &show->words, summary->rows, -1, begin,
               by_label, scratch);
    for (size_t l = 0; l < labels; l++) {
        const struct shown_label *label = &show->label[l];
        out[l].name = label->name;
        out[l].rows = label->rows;
        out[l].groups = label->groups;
        lengths_of(show, &out[l].characters, TEXT_FEATURE_CHARACTERS, &label->characters,
                   label->rows, (int32_t)l, begin, by_label, scratch);
        lengths_of(show, &out[l].words, TEXT_FEATURE_WORDS, &label->words, label->rows, (int32_t)l,
                   begin, by_label, scratch);
    }
    summary->labels = out;
    summary->label_count = (int32_t)labels;
done:
    memory_free(begin);
    memory_free(by_label);
    memory_free(scratch);
    return status;
}

struct named {
    const char *name;
    int32_t label;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* Gives labels the numbers of their names' order, so that nothing depends on the order of rows. */
static assay_status sort_labels(struct show *show, assay_error *error)
{
    size_t count = (size_t)show->labels.count;
    struct named *order = memory_allocate(count, sizeof *order);
    int32_t *place = memory_allocate(count, sizeof *place);
    struct shown_label *sorted = memory_allocate(count, sizeof *sorted);
    assay_status status = ASSAY_OK;
    if (!order || !place || !sorted) {
        status = error_memory(error, count * sizeof *sorted);
        goto done;
    }
    for (size_t i = 0; i < count; i++)
        order[i] = (struct named){show->label[i].name, (int32_t)i};
    if (count > 1)
        qsort(order, count, sizeof *order, by_name);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = show->label[order[i].label];
        place[order[i].label] = (int32_t)i;
    }
    for (int64_t i = 0; i < show->sample.count; i++) {
        struct sampled_row *row = &show->sample.rows[i];
        row->label = row->label < 0 ? -1 : place[row->label];
    }
    for (size_t i = 0; i < show->strings.count; i++)
        show->strings.entries[i].label = place[show->strings.entries[i].label];
    if (count)
        memcpy(show->label, sorted, count * sizeof *sorted);
done:
    memory_free(order);
    memory_free(place);
    memory_free(sorted);
    return status;
}

static int by_rows_down(const void *a, const void *b)
{
    const assay_data_script *x = a, *y = b;
    if (x->rows != y->rows)
        return x->rows > y->rows ? -1 : 1;
    return x->letters > y->letters ? -1 : x->letters < y->letters;
}

static assay_status fill_scripts(struct show *show, assay_error *error)
{
    assay_data_script *out = arena_allocate(&show->arena, SCRIPT_COUNT, sizeof *out);
    if (!out)
        return error_memory(error, SCRIPT_COUNT * sizeof *out);
    int32_t count = 0;
    for (int i = 0; i < SCRIPT_COUNT; i++) {
        if (show->script_letters[i])
            out[count++] = (assay_data_script){script_name((enum script)i), show->script_letters[i],
                                               show->script_rows[i]};
    }
    qsort(out, (size_t)count, sizeof *out, by_rows_down);
    show->summary.scripts = out;
    show->summary.script_count = count;
    return ASSAY_OK;
}

static assay_status fill_group(struct show *show, assay_error *error)
{
    const char *wanted = show->options.group_field;
    if (!show->group_seen && wanted && show->summary.rows) {
        error_set(error, ASSAY_ERROR_FORMAT, "no row has a field of this name");
        error_at_place(error, "%s", wanted);
        return ASSAY_ERROR_FORMAT;
    }
    if (!show->group_seen)
        return ASSAY_OK;
    show->summary.group_field = arena_format(&show->arena, "%s", wanted ? wanted : "group");
    return show->summary.group_field ? ASSAY_OK : error_memory(error, 1);
}

assay_status show_summarise(struct show *show, assay_error *error)
{
    assay_data_summary *summary = &show->summary;
    for (int32_t i = 0; i < summary->file_count; i++) {
        summary->broken += show->files[i].broken;
        summary->empty += show->files[i].empty;
        summary->unlabelled += show->files[i].unlabelled;
        summary->bytes += show->files[i].bytes;
    }
    summary->files = show->files;
    summary->broken_rows = show->broken;
    summary->sampled = show->sample.count;
    assay_status status = fill_group(show, error);
    if (!status)
        status = sort_labels(show, error);
    if (!status)
        status = fill_labels(show, error);
    return status ? status : fill_scripts(show, error);
}
