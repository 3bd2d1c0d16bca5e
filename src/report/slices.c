/* The figures of parts of the rows, and whom false alarms hit. */
#include "base/error.h"
#include "base/memory.h"
#include "report/evaluation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BINS = 5 };

/* Bins of words; the last is open. Fixed, so that reports can be laid side by side. */
static const struct {
    int32_t least;
    const char *name;
} length_bins[LENGTH_BINS] = {{0, "under 50 words"},
                              {50, "50 to 99"},
                              {100, "100 to 199"},
                              {200, "200 to 399"},
                              {400, "400 and more"}};

/* Rows by part, the parts' names and how many rows each has. */
struct parts {
    int32_t *part;      /* (rows) */
    const char **names; /* (count) */
    int64_t *sizes;     /* (count) */
    int count;
    int32_t merged;
    char other[64];
};

static void parts_free(struct parts *parts)
{
    memory_free(parts->part);
    memory_free(parts->names);
    memory_free(parts->sizes);
}

static assay_status parts_make(struct parts *parts, int64_t rows, int count, assay_error *error)
{
    parts->count = count;
    parts->part = memory_allocate((size_t)rows + 1, sizeof *parts->part);
    parts->names = memory_allocate_zeroed((size_t)count + 1, sizeof *parts->names);
    parts->sizes = memory_allocate_zeroed((size_t)count + 1, sizeof *parts->sizes);
    return parts->part && parts->names && parts->sizes
               ? ASSAY_OK
               : error_memory(error, (size_t)rows * sizeof *parts->part);
}

static assay_status by_length(struct parts *parts, const struct score_table *table,
                              assay_error *error)
{
    assay_status status = parts_make(parts, table->rows, LENGTH_BINS, error);
    for (int64_t i = 0; i < table->rows && !status; i++) {
        int bin = 0;
        while (bin + 1 < LENGTH_BINS && table->words[i] >= length_bins[bin + 1].least)
            bin++;
        parts->part[i] = bin;
        parts->sizes[bin]++;
    }
    for (int b = 0; b < LENGTH_BINS && !status; b++)
        parts->names[b] = length_bins[b].name;
    return status;
}

struct sized {
    int64_t rows;
    int32_t value;
    const char *name;
};

static int by_size(const void *a, const void *b)
{
    const struct sized *x = a, *y = b;
    if (x->rows != y->rows)
        return x->rows < y->rows ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* The most frequent values, and one part for all others. */
static assay_status by_field(struct parts *parts, const struct slice_column *column, int64_t rows,
                             assay_error *error)
{
    int32_t values = column->values.count;
    struct sized *order = memory_allocate_zeroed((size_t)values + 1, sizeof *order);
    int32_t *place = memory_allocate((size_t)values + 1, sizeof *place);
    bool merged = values > SLICE_VALUES;
    int count = merged ? SLICE_VALUES : values;
    assay_status status = order && place ? parts_make(parts, rows, count, error)
                                         : error_memory(error, (size_t)values * sizeof *order);
    if (status)
        goto done;
    for (int32_t v = 0; v < values; v++)
        order[v] = (struct sized){0, v, column->values.names[v]};
    for (int64_t i = 0; i < rows; i++)
        order[column->value[i]].rows++;
    qsort(order, (size_t)values, sizeof *order, by_size);
    for (int32_t v = 0; v < values; v++) {
        int32_t part = v < count ? v : count - 1;
        place[order[v].value] = part;
        parts->names[part] = order[v].name;
    }
    if (merged) {
        parts->merged = values - count + 1;
        snprintf(parts->other, sizeof parts->other, "other (%d values)", parts->merged);
        parts->names[count - 1] = parts->other;
    }
    for (int64_t i = 0; i < rows; i++) {
        parts->part[i] = place[column->value[i]];
        parts->sizes[parts->part[i]]++;
    }
done:
    memory_free(order);
    memory_free(place);
    return status;
}

static void count_alarms(struct slice_value *value, const struct assay_evaluation *e,
                         const int32_t *rows, int64_t count)
{
    const struct score_table *table = &e->rows.table;
    value->fpr = (struct interval){(double)NAN, (double)NAN};
    if (e->rule < 0)
        return;
    const struct rule *rule = &e->rules[e->rule];
    double overall = rule->negatives > 0.0 ? rule->false_positives / rule->negatives : (double)NAN;
    for (int64_t i = 0; i < count; i++) {
        if (table->label[rows[i]] == table->positive || e->flags[rows[i]] == FLAG_ABSTAINED)
            continue;
        value->negatives++;
        value->false_positives += e->flags[rows[i]] == FLAG_YES;
    }
    value->fpr = interval_wilson(value->false_positives, value->negatives, RESAMPLE_CONFIDENCE);
    value->above = value->fpr.low > overall;
    value->below = value->fpr.high < overall;
}

static assay_status fill(struct slice *slice, struct assay_evaluation *e, const struct parts *parts,
                         assay_error *error)
{
    const struct score_table *table = &e->rows.table;
    assay_status status = ASSAY_OK;
    int32_t *rows = memory_allocate((size_t)table->rows + 1, sizeof *rows);
    slice->values = memory_allocate_zeroed((size_t)parts->count + 1, sizeof *slice->values);
    if (!rows || !slice->values)
        status = error_memory(error, (size_t)table->rows * sizeof *rows);
    slice->merged = parts->merged;
    for (int p = 0; p < parts->count && !status; p++) {
        struct slice_value *value = &slice->values[slice->count];
        struct score_table part = {0};
        int64_t count = 0;
        if (!parts->sizes[p])
            continue;
        for (int64_t i = 0; i < table->rows; i++) {
            if (parts->part[i] == p)
                rows[count++] = (int32_t)i;
        }
        status = score_table_gather(&part, table, rows, count, error);
        if (!status)
            status = figures_make(&value->figures, &part, &e->measuring, error);
        score_table_free(&part);
        if (status)
            break;
        slice->count++;
        count_alarms(value, e, rows, count);
        value->name = memory_copy_string(parts->names[p]);
        if (!value->name)
            status = error_memory(error, strlen(parts->names[p]));
    }
    memory_free(rows);
    return status;
}

assay_status evaluation_slices(struct assay_evaluation *e, assay_error *error)
{
    size_t fields = e->rows.slice_count;
    assay_status status = ASSAY_OK;
    e->slices = memory_allocate_zeroed(fields + 1, sizeof *e->slices);
    if (!e->slices)
        return error_memory(error, (fields + 1) * sizeof *e->slices);
    for (size_t f = 0; f <= fields && !status; f++) {
        struct slice *slice = &e->slices[e->slice_count++];
        struct parts parts = {0};
        bool length = f == fields;
        *slice =
            (struct slice){.field = length ? "length" : e->rows.slices[f].field, .length = length};
        status = length ? by_length(&parts, &e->rows.table, error)
                        : by_field(&parts, &e->rows.slices[f], e->rows.table.rows, error);
        if (!status)
            status = fill(slice, e, &parts, error);
        parts_free(&parts);
    }
    return status;
}

void slices_free(struct slice *slices, int count)
{
    for (int s = 0; s < count; s++) {
        for (int v = 0; v < slices[s].count; v++) {
            memory_free(slices[s].values[v].name);
            figures_free(&slices[s].values[v].figures);
        }
        memory_free(slices[s].values);
    }
    memory_free(slices);
}
