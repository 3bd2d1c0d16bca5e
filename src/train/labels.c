#include "train/labels.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int32_t find(const struct label_set *labels, const char *name)
{
    for (int32_t i = 0; i < labels->count; i++) {
        if (!strcmp(labels->names[i], name))
            return i;
    }
    return -1;
}

/* The words of the manual, in its order. */
static int32_t find_positive(const struct label_set *labels, const char *wanted)
{
    static const char *const words[] = {"ai", "machine", "fake", "generated", "1"};
    if (wanted)
        return find(labels, wanted);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        for (int32_t j = 0; j < labels->count; j++) {
            if (!strcasecmp(labels->names[j], words[i]))
                return j;
        }
    }
    return -1;
}

static assay_status unknown_key(const struct label_set *labels, const char *place,
                                const char *message, const char *key, assay_error *error)
{
    char known[ASSAY_ERROR_DETAIL_SIZE] = "";
    size_t used = 0;
    for (int32_t i = 0; i < labels->count && used + 32 < sizeof known; i++) {
        size_t length = strnlen(labels->names[i], 24);
        memcpy(known + used, i ? ", " : "", i ? 2 : 0);
        used += i ? 2 : 0;
        memcpy(known + used, labels->names[i], length);
        used += length;
        known[used] = '\0';
    }
    error_set(error, ASSAY_ERROR_ARGUMENT, "%s", message);
    error_at_place(error, "%s", place);
    error_expected(error, "one of %s", known);
    error_found(error, "\"%.60s\"", key);
    return ASSAY_ERROR_ARGUMENT;
}

static assay_status set_weights(struct label_set *labels, const struct recipe *recipe,
                                const struct dataset_view *train, assay_error *error)
{
    const struct recipe_map *given = &recipe->class_weights;
    bool balanced = recipe->data.balance == RECIPE_BALANCE_WEIGHTS;
    if (!given->count && !balanced)
        return ASSAY_OK;
    labels->weights = memory_allocate((size_t)labels->count, sizeof *labels->weights);
    if (!labels->weights)
        return error_memory(error, (size_t)labels->count * sizeof *labels->weights);
    for (int32_t i = 0; i < labels->count; i++)
        labels->weights[i] = 1.0f;
    for (size_t i = 0; i < given->count; i++) {
        int32_t label = find(labels, given->entries[i].key);
        if (label < 0)
            return unknown_key(labels, "class_weights", "a class is none of the labels",
                               given->entries[i].key, error);
        labels->weights[label] = (float)given->entries[i].number;
    }
    for (int32_t c = 0; balanced && c < train->class_count; c++)
        labels->weights[find(labels, train->class_names[c])] =
            (float)((double)train->rows /
                    ((double)train->class_count * (double)train->class_rows[c]));
    return ASSAY_OK;
}

/* Where a class of the data stands first. */
static void at_first_row(const struct dataset *dataset, int32_t class, assay_error *error)
{
    struct dataset_view data;
    int64_t line = 0;
    dataset_get(dataset, &data);
    dataset_row_id(dataset, data.class_first[class], &line);
    error_at_file(error, data.path);
    error_at_row(error, line, 0);
}

assay_status label_set_make(struct label_set *out, const struct recipe *recipe,
                            const struct dataset *dataset, assay_error *error)
{
    struct dataset_view view, *train = &view;
    dataset_get(dataset, &view);
    *out = (struct label_set){0};
    if (train->class_count < 2) {
        error_set(error, ASSAY_ERROR_ARGUMENT,
                  "all %" PRId64 " rows have one label: there is nothing to tell apart",
                  train->rows);
        error_at_file(error, train->path);
        error_found(error, "\"%.60s\"", train->class_names[0]);
        return ASSAY_ERROR_ARGUMENT;
    }
    size_t count = recipe->labels.count ? recipe->labels.count : (size_t)train->class_count;
    out->names = memory_allocate(count, sizeof *out->names);
    if (!out->names)
        return error_memory(error, count * sizeof *out->names);
    for (size_t i = 0; i < count; i++)
        out->names[i] = recipe->labels.count ? recipe->labels.items[i] : train->class_names[i];
    out->count = (int32_t)count;
    assay_status status = ASSAY_OK;
    for (int32_t c = 0; status == ASSAY_OK && c < train->class_count; c++) {
        if (find(out, train->class_names[c]) >= 0)
            continue;
        status = unknown_key(out, "labels", "a row has a label that is none of the recipe's",
                             train->class_names[c], error);
        at_first_row(dataset, c, error);
    }
    out->positive = find_positive(out, recipe->positive);
    if (status == ASSAY_OK && recipe->positive && out->positive < 0)
        status = unknown_key(out, "positive", "it is none of the labels", recipe->positive, error);
    if (status == ASSAY_OK)
        status = set_weights(out, recipe, train, error);
    if (status != ASSAY_OK)
        label_set_free(out);
    return status;
}

void label_set_free(struct label_set *labels)
{
    memory_free(labels->names);
    memory_free(labels->weights);
    *labels = (struct label_set){0};
}

assay_status label_set_map(int32_t **out, const struct label_set *labels,
                           const struct label_renames *renames, const struct dataset *dataset,
                           assay_error *error)
{
    struct dataset_view data;
    dataset_get(dataset, &data);
    *out = memory_allocate((size_t)data.class_count, sizeof **out);
    if (!*out)
        return error_memory(error, (size_t)data.class_count * sizeof **out);
    for (int32_t c = 0; c < data.class_count; c++) {
        const char *name = data.class_names[c];
        (*out)[c] = find(labels, renames ? label_renames_apply(renames, name) : name);
        if ((*out)[c] >= 0)
            continue;
        assay_status status =
            unknown_key(labels, "label", "a row has a label that training has no row of",
                        data.class_names[c], error);
        at_first_row(dataset, c, error);
        memory_free(*out);
        *out = NULL;
        return status;
    }
    return ASSAY_OK;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Fisher-Yates, keyed by seed, class and position. */
static void shuffle(int64_t *rows, int64_t count, uint64_t seed, int32_t class)
{
    uint64_t key = random_mix(random_mix(seed, random_hash_name("balance")), (uint64_t) class);
    for (int64_t i = count - 1; i > 0; i--) {
        const uint32_t counter[4] = {(uint32_t)i, (uint32_t)((uint64_t)i >> 32), 0, 0};
        uint32_t draw[4];
        random_block(draw, key, counter);
        uint64_t wide = (uint64_t)draw[0] << 32 | draw[1];
        int64_t j = (int64_t)(((unsigned __int128)wide * (uint64_t)(i + 1)) >> 64);
        int64_t kept = rows[i];
        rows[i] = rows[j];
        rows[j] = kept;
    }
}

assay_status label_sample(int64_t **out, int64_t *rows, enum recipe_balance balance, uint64_t seed,
                          const struct dataset_view *data, assay_error *error)
{
    *out = NULL;
    if (balance != RECIPE_BALANCE_UNDER && balance != RECIPE_BALANCE_OVER)
        return ASSAY_OK;
    int64_t each = data->class_rows[0];
    for (int32_t c = 1; c < data->class_count; c++) {
        bool better = balance == RECIPE_BALANCE_UNDER ? data->class_rows[c] < each
                                                      : data->class_rows[c] > each;
        each = better ? data->class_rows[c] : each;
    }
    size_t total;
    if (!checked_multiply(&total, (size_t)each, (size_t)data->class_count) || total > INT64_MAX / 8)
        return error_set(error, ASSAY_ERROR_LIMIT, "too many rows after balancing");
    int64_t *sample = memory_allocate(total, sizeof *sample);
    int64_t *of_class = memory_allocate((size_t)data->rows, sizeof *of_class);
    if (!sample || !of_class) {
        memory_free(sample);
        memory_free(of_class);
        return error_memory(error, total * sizeof *sample);
    }
    int64_t at = 0;
    for (int32_t c = 0; c < data->class_count; c++) {
        int64_t count = 0;
        for (int64_t i = 0; i < data->rows; i++) {
            if (data->classes[i] == c)
                of_class[count++] = i;
        }
        shuffle(of_class, count, seed, c);
        for (int64_t i = 0; i < each; i++)
            sample[at++] = of_class[i % count];
    }
    qsort(sample, total, sizeof *sample, by_number);
    memory_free(of_class);
    *out = sample;
    *rows = (int64_t)total;
    return ASSAY_OK;
}
