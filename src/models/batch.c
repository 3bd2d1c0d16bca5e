#include "models/batch.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static int64_t length_of(const struct token_rows *source, int64_t row)
{
    return (int64_t)source->offsets[row + 1] - source->offsets[row];
}

static bool grow(int32_t **array, int64_t count)
{
    int32_t *larger = memory_resize(*array, (size_t)count, sizeof **array);
    if (larger)
        *array = larger;
    return larger != NULL;
}

static assay_status make_room(struct batch_builder *b, int64_t tokens, int64_t rows,
                              assay_error *error)
{
    if (b->token_room < tokens) {
        if (!grow(&b->ids, tokens) || !grow(&b->types, tokens) || !grow(&b->positions, tokens))
            return error_memory(error, (size_t)tokens * sizeof *b->ids);
        b->token_room = tokens;
    }
    if (b->row_room < rows) {
        if (!grow(&b->offsets, rows + 1) || !grow(&b->pooled_offsets, rows + 1) ||
            !grow(&b->chosen, rows))
            return error_memory(error, (size_t)rows * sizeof *b->offsets);
        b->row_room = rows;
    }
    return ASSAY_OK;
}

/* The last token that is not the pad token; transformers takes the row's first when all are. */
static int32_t last_but_pad(const int32_t *ids, int64_t tokens, int64_t pad)
{
    int64_t last = tokens - 1;
    while (last > 0 && ids[last] == pad)
        last--;
    return (int32_t)last;
}

assay_status batch_build(struct batch_builder *b, const assay_model *model,
                         const struct token_rows *source, const int64_t *rows, int64_t count,
                         bool last_by_pad_token, assay_error *error)
{
    int64_t tokens = 0, longest = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t length = length_of(source, rows[i]);
        tokens += length;
        longest = length > longest ? length : longest;
    }
    assay_status status = make_room(b, tokens, count, error);
    if (status != ASSAY_OK)
        return status;
    int32_t at = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t length = length_of(source, rows[i]), from = source->offsets[rows[i]];
        b->offsets[i] = at;
        b->pooled_offsets[i] = (int32_t)i;
        memcpy(b->ids + at, source->ids + from, (size_t)length * sizeof *b->ids);
        if (source->types)
            memcpy(b->types + at, source->types + from, (size_t)length * sizeof *b->types);
        else
            memset(b->types + at, 0, (size_t)length * sizeof *b->types);
        model->family->positions(&model->config, b->positions + at, b->ids + at, length);
        b->chosen[i] = at + last_but_pad(b->ids + at, length, model->config.pad_token);
        at += (int32_t)length;
    }
    b->offsets[count] = at;
    b->pooled_offsets[count] = (int32_t)count;
    b->batch = (struct text_batch){
        .rows = {.rows = count, .tokens = tokens, .longest = longest, .offsets = b->offsets},
        .ids = b->ids,
        .types = b->types,
        .positions = b->positions,
        .chosen = last_by_pad_token ? b->chosen : NULL,
        .pooled = {.rows = count, .tokens = count, .longest = 1, .offsets = b->pooled_offsets},
    };
    return ASSAY_OK;
}

void batch_free(struct batch_builder *b)
{
    memory_free(b->ids);
    memory_free(b->types);
    memory_free(b->positions);
    memory_free(b->offsets);
    memory_free(b->chosen);
    memory_free(b->pooled_offsets);
    *b = (struct batch_builder){0};
}

struct length_and_row {
    int64_t length, row;
};

static int by_length(const void *a, const void *b)
{
    const struct length_and_row *x = a, *y = b;
    if (x->length != y->length)
        return x->length < y->length ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

int64_t *batch_order(const struct token_rows *source, int64_t rows)
{
    struct length_and_row *pairs = memory_allocate((size_t)rows, sizeof *pairs);
    int64_t *order = memory_allocate((size_t)rows, sizeof *order);
    if (!pairs || !order) {
        memory_free(pairs);
        memory_free(order);
        return NULL;
    }
    for (int64_t i = 0; i < rows; i++)
        pairs[i] = (struct length_and_row){length_of(source, i), i};
    qsort(pairs, (size_t)rows, sizeof *pairs, by_length);
    for (int64_t i = 0; i < rows; i++)
        order[i] = pairs[i].row;
    memory_free(pairs);
    return order;
}

int64_t batch_extent(const struct token_rows *source, const int64_t *order, int64_t first,
                     int64_t rows, int64_t tokens)
{
    int64_t count = 0, sum = 0;
    while (first + count < rows) {
        sum += length_of(source, order[first + count]);
        if (count && sum > tokens)
            break;
        count++;
    }
    return count;
}
