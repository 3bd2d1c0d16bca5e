#include "train/chunk.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#include <string.h>

int64_t row_feed_source(const struct row_feed *feed, int64_t row)
{
    return feed->sample ? feed->sample[row] : row;
}

int64_t chunk_extent(const struct row_feed *feed, const int64_t *rows, int64_t first, int64_t count,
                     int64_t tokens)
{
    int64_t taken = 0, sum = 0;
    while (first + taken < count) {
        sum += feed->lengths[rows[first + taken]];
        if (taken && sum > tokens)
            break;
        taken++;
    }
    return taken;
}

static bool grow(void *array, int64_t count, size_t size)
{
    void **place = array;
    void *larger = memory_resize(*place, (size_t)count, size);
    if (larger)
        *place = larger;
    return larger != NULL;
}

static assay_status make_room(struct chunk *c, int64_t rows, int64_t tokens, assay_error *error)
{
    if (c->row_room < rows) {
        if (!grow(&c->offsets, rows + 1, sizeof *c->offsets) ||
            !grow(&c->numbers, rows, sizeof *c->numbers) ||
            !grow(&c->row_ids, rows, sizeof *c->row_ids) ||
            !grow(&c->order, rows, sizeof *c->order))
            return error_memory(error, (size_t)rows * sizeof *c->row_ids);
        c->row_room = rows;
    }
    if (c->token_room < tokens) {
        /* Every row has a token, so these hold as many rows, too. */
        if (!grow(&c->ids, tokens, sizeof *c->ids) || !grow(&c->types, tokens, sizeof *c->types) ||
            !grow(&c->targets, tokens, sizeof *c->targets) ||
            !grow(&c->seeds, tokens, sizeof *c->seeds))
            return error_memory(error, (size_t)tokens * sizeof *c->ids);
        c->token_room = tokens;
    }
    return ASSAY_OK;
}

/* Draws for one token: whether it is to be predicted, and what stands in its place. */
static bool mask_draw(int32_t *replacement, const struct mask_rule *rule, uint64_t step,
                      int64_t row, int64_t position, int32_t id)
{
    *replacement = id;
    if (rule->special[id])
        return false;
    uint64_t key = random_mix(random_mix(rule->seed, step), random_hash_name("mask"));
    const uint32_t counter[4] = {(uint32_t)position, (uint32_t)row, (uint32_t)((uint64_t)row >> 32),
                                 0};
    uint32_t draws[4];
    random_block(draws, key, counter);
    const double range = 4294967296.0;
    if (draws[0] >= rule->probability * range)
        return false;
    if (draws[1] < .8 * range)
        *replacement = rule->mask_token;
    else if (draws[1] < .9 * range)
        *replacement = (int32_t)(((uint64_t)draws[2] * (uint64_t)rule->vocabulary) >> 32);
    return true;
}

static void set_targets(struct chunk *c, const struct row_feed *feed, const struct chunk_rule *rule,
                        int64_t index, int64_t row)
{
    int64_t source = row_feed_source(feed, row);
    int32_t from = c->offsets[index], to = c->offsets[index + 1];
    switch (rule->task) {
    case RECIPE_CLASSIFY:
        c->targets[index] = feed->label_of[feed->data.classes[source]];
        break;
    case RECIPE_REGRESS:
        c->numbers[index] = feed->data.numbers[source];
        break;
    case RECIPE_LM: /* the token after each; the last has none */
        for (int32_t i = from; i < to; i++)
            c->targets[i] = i + 1 < to ? c->ids[i + 1] : -1;
        break;
    default:
        for (int32_t i = from; i < to; i++) {
            int32_t id = c->ids[i];
            bool chosen = mask_draw(&c->ids[i], rule->mask, rule->step, row, i - from, id);
            c->targets[i] = chosen ? id : -1;
        }
    }
}

assay_status chunk_build(struct chunk *c, const assay_model *model, const struct row_feed *feed,
                         const struct chunk_rule *rule, const int64_t *rows, int64_t count,
                         assay_error *error)
{
    int64_t tokens = 0;
    for (int64_t i = 0; i < count; i++)
        tokens += feed->lengths[rows[i]];
    if (tokens > INT32_MAX)
        return error_set(error, ASSAY_ERROR_LIMIT, "too many tokens in one chunk");
    assay_status status = make_room(c, count, tokens, error);
    if (status != ASSAY_OK)
        return status;
    const struct dataset_view *data = &feed->data;
    int32_t at = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t from = data->offsets[row_feed_source(feed, rows[i])];
        size_t length = (size_t)feed->lengths[rows[i]];
        c->offsets[i] = at;
        c->offsets[i + 1] = at + (int32_t)length;
        c->row_ids[i] = rows[i];
        c->order[i] = i;
        memcpy(c->ids + at, data->ids + from, length * sizeof *c->ids);
        if (data->types)
            memcpy(c->types + at, data->types + from, length * sizeof *c->types);
        else
            memset(c->types + at, 0, length * sizeof *c->types);
        set_targets(c, feed, rule, i, rows[i]);
        at += (int32_t)length;
    }
    c->rows = count;
    c->tokens = tokens;
    struct token_rows source = {c->ids, c->types, c->offsets};
    status = batch_build(&c->builder, model, &source, c->order, count, false, error);
    c->builder.batch.rows.ids = c->builder.batch.pooled.ids = c->row_ids;
    return status;
}

static int64_t masked_tokens(const struct row_feed *feed, const struct chunk_rule *rule,
                             int64_t row)
{
    const int32_t *ids = feed->data.ids + feed->data.offsets[row_feed_source(feed, row)];
    int64_t masked = 0;
    int32_t replacement;
    for (int32_t i = 0; i < feed->lengths[row]; i++)
        masked += mask_draw(&replacement, rule->mask, rule->step, row, i, ids[i]);
    return masked;
}

double chunk_divisor(const struct row_feed *feed, const struct chunk_rule *rule,
                     const float *class_weights, const int64_t *rows, int64_t count)
{
    double divisor = 0.0;
    for (int64_t i = 0; i < count; i++) {
        int64_t source = row_feed_source(feed, rows[i]);
        if (rule->task == RECIPE_LM)
            divisor += feed->lengths[rows[i]] - 1;
        else if (rule->task == RECIPE_MLM)
            divisor += (double)masked_tokens(feed, rule, rows[i]);
        else if (rule->task == RECIPE_CLASSIFY && class_weights)
            divisor += (double)class_weights[feed->label_of[feed->data.classes[source]]];
        else
            divisor += 1.0;
    }
    return divisor;
}

void chunk_free(struct chunk *c)
{
    batch_free(&c->builder);
    memory_free(c->ids);
    memory_free(c->types);
    memory_free(c->offsets);
    memory_free(c->targets);
    memory_free(c->numbers);
    memory_free(c->row_ids);
    memory_free(c->order);
    memory_free(c->seeds);
    *c = (struct chunk){0};
}
