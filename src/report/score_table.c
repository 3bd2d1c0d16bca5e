#include "report/score_table.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_SLOTS = 64, FIRST_ROWS = 256 };

static int32_t *find_slot(const struct name_table *table, const char *name)
{
    uint32_t mask = (uint32_t)table->slot_count - 1;
    uint32_t at = (uint32_t)random_hash_name(name) & mask;
    while (table->slots[at] && strcmp(table->names[table->slots[at] - 1], name) != 0)
        at = (at + 1) & mask;
    return &table->slots[at];
}

int32_t name_table_find(const struct name_table *table, const char *name)
{
    return table->slot_count ? *find_slot(table, name) - 1 : -1;
}

static bool grow_names(struct name_table *table)
{
    int32_t slots = table->slot_count ? table->slot_count * 2 : FIRST_SLOTS;
    int32_t *larger = memory_allocate_zeroed((size_t)slots, sizeof *larger);
    char **names = larger ? memory_resize(table->names, (size_t)slots / 2, sizeof *names) : NULL;
    if (!names) {
        memory_free(larger);
        return false;
    }
    table->names = names;
    table->capacity = slots / 2;
    memory_free(table->slots);
    table->slots = larger;
    table->slot_count = slots;
    for (int32_t i = 0; i < table->count; i++)
        *find_slot(table, table->names[i]) = i + 1;
    return true;
}

int32_t name_table_add(struct name_table *table, const char *name)
{
    int32_t known = name_table_find(table, name);
    if (known >= 0)
        return known;
    if (table->count == table->capacity && !grow_names(table))
        return -1;
    char *copy = memory_copy_string(name);
    if (!copy)
        return -1;
    table->names[table->count] = copy;
    *find_slot(table, copy) = table->count + 1;
    return table->count++;
}

void name_table_free(struct name_table *table)
{
    for (int32_t i = 0; i < table->count; i++)
        memory_free(table->names[i]);
    memory_free(table->names);
    memory_free(table->slots);
    *table = (struct name_table){0};
}

const char *name_table_list(const struct name_table *table, char *text, size_t size)
{
    size_t used = 0;
    int32_t i = 0;
    text[0] = '\0';
    for (; i < table->count && used + 48 < size; i++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%.24s", i ? ", " : "", table->names[i]);
    if (i < table->count && used < size)
        snprintf(text + used, size - used, " and %d more", table->count - i);
    return text;
}

static bool grow_column(void *column, int64_t rows, size_t size)
{
    void *now, *larger;
    memcpy(&now, column, sizeof now);
    larger = memory_resize(now, (size_t)rows, size);
    if (larger)
        memcpy(column, &larger, sizeof larger);
    return larger != NULL;
}

assay_status score_table_grow(struct score_table *table, assay_error *error)
{
    if (table->rows < table->capacity)
        return ASSAY_OK;
    int64_t rows = table->capacity ? table->capacity * 2 : FIRST_ROWS;
    if (rows > INT32_MAX)
        return error_set(error, ASSAY_ERROR_LIMIT, "too many rows for one evaluation");
    bool grown = true;
#define X(type, name) grown = grown && grow_column(&table->name, rows, sizeof *table->name);
    SCORE_TABLE_COLUMNS(X)
#undef X
    if (grown && table->keeps_logits)
        grown = grow_column(&table->logits, rows, (size_t)table->classes * sizeof *table->logits);
    if (!grown)
        return error_memory(error, (size_t)rows * sizeof *table->score);
    table->capacity = rows;
    return ASSAY_OK;
}

void score_table_free(struct score_table *table)
{
#define X(type, name) memory_free(table->name);
    SCORE_TABLE_COLUMNS(X)
#undef X
    memory_free(table->logits);
    *table = (struct score_table){0};
}

assay_status score_table_gather(struct score_table *out, const struct score_table *table,
                                const int32_t *rows, int64_t count, assay_error *error)
{
    *out = (struct score_table){.classes = table->classes,
                                .positive = table->positive,
                                .has_score = table->has_score,
                                .has_predictions = table->has_predictions,
                                .has_probabilities = table->has_probabilities,
                                .keeps_logits = table->keeps_logits};
    int32_t *number = memory_allocate_zeroed((size_t)table->clusters + 1, sizeof *number);
    if (!number)
        return error_memory(error, (size_t)table->clusters * sizeof *number);
    assay_status status = ASSAY_OK;
    for (int64_t i = 0; i < count; i++) {
        status = score_table_grow(out, error);
        if (status)
            break;
        int32_t from = rows[i], *cluster = &number[table->cluster[from]];
        size_t width = (size_t)table->classes;
        if (!*cluster)
            *cluster = ++out->clusters;
#define X(type, name) out->name[i] = table->name[from];
        SCORE_TABLE_COLUMNS(X)
#undef X
        out->cluster[i] = *cluster - 1;
        if (table->keeps_logits)
            memcpy(out->logits + (size_t)i * width, table->logits + (size_t)from * width,
                   width * sizeof *out->logits);
        out->rows++;
    }
    memory_free(number);
    if (status)
        score_table_free(out);
    return status;
}

int32_t score_most_probable(const float *logits, int32_t classes)
{
    int32_t best = 0;
    for (int32_t c = 1; c < classes; c++)
        best = logits[c] > logits[best] ? c : best;
    return best;
}

/* Neither end rounds as a probability near 1 does, which would make ties. */
double score_log_odds(const float *logits, int32_t classes, int32_t class)
{
    double most = -INFINITY, sum = 0.0;
    for (int32_t c = 0; c < classes; c++) {
        if (c != class && (double)logits[c] > most)
            most = (double)logits[c];
    }
    if (classes == 2)
        return (double)logits[class] - most;
    for (int32_t c = 0; c < classes; c++)
        sum += c == class ? 0.0 : exp((double)logits[c] - most);
    return (double)logits[class] - most - log(sum);
}

void score_probabilities(double *out, const float *logits, int32_t classes, double temperature)
{
    double most = (double)logits[score_most_probable(logits, classes)], sum = 0.0;
    for (int32_t c = 0; c < classes; c++) {
        out[c] = exp(((double)logits[c] - most) / temperature);
        sum += out[c];
    }
    for (int32_t c = 0; c < classes; c++)
        out[c] /= sum;
}
