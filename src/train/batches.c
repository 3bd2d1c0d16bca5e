#include "train/batches.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#include <stdbool.h>
#include <string.h>

enum {
    WINDOW_BATCHES = 50, /* rows are sorted by length within this many batches */
    BYTE_VALUES = 256,
};

/* What is drawn: two shuffles of one epoch must not be the same draws. */
enum { DRAW_ROWS = 1, DRAW_BATCHES = 2 };

struct batch {
    int64_t first; /* in rows */
    int64_t count;
    int64_t tokens;
};

struct batch_plan {
    int64_t *rows;
    struct batch *batches;
    int64_t count;
};

/* A number below `limit` for index i. The 64-bit draw makes the bias less than limit / 2^64. */
static int64_t draw_below(uint64_t key, uint32_t what, int64_t i, int64_t limit)
{
    uint32_t draw[4];
    uint32_t counter[4] = {(uint32_t)i, (uint32_t)((uint64_t)i >> 32), what, 0};
    random_block(draw, key, counter);
    uint64_t value = (uint64_t)draw[1] << 32 | draw[0];
    return (int64_t)((unsigned __int128)value * (uint64_t)limit >> 64);
}

static void shuffle_rows(int64_t *rows, int64_t count, uint64_t key)
{
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j = draw_below(key, DRAW_ROWS, i, i + 1);
        int64_t kept = rows[i];
        rows[i] = rows[j];
        rows[j] = kept;
    }
}

static void shuffle_batches(struct batch *batches, int64_t count, uint64_t key)
{
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j = draw_below(key, DRAW_BATCHES, i, i + 1);
        struct batch kept = batches[i];
        batches[i] = batches[j];
        batches[j] = kept;
    }
}

/* Stable, by length, a byte of it at a time from the lowest; `scratch` has room for count rows. */
static void sort_by_length(int64_t *rows, int64_t *scratch, int64_t count, const int32_t *lengths)
{
    int32_t longest = 0;
    for (int64_t i = 0; i < count; i++)
        longest = lengths[rows[i]] > longest ? lengths[rows[i]] : longest;
    for (int shift = 0; shift < 32 && longest >> shift; shift += 8) {
        int64_t starts[BYTE_VALUES] = {0};
        for (int64_t i = 0; i < count; i++)
            starts[lengths[rows[i]] >> shift & 0xff]++;
        int64_t sum = 0;
        for (int value = 0; value < BYTE_VALUES; value++) {
            int64_t here = starts[value];
            starts[value] = sum;
            sum += here;
        }
        for (int64_t i = 0; i < count; i++)
            scratch[starts[lengths[rows[i]] >> shift & 0xff]++] = rows[i];
        memcpy(rows, scratch, (size_t)count * sizeof *rows);
    }
}

static void reverse(int64_t *rows, int64_t count)
{
    for (int64_t i = 0, j = count - 1; i < j; i++, j--) {
        int64_t kept = rows[i];
        rows[i] = rows[j];
        rows[j] = kept;
    }
}

static bool fits(const struct batch *batch, int32_t length, const struct batch_options *limits)
{
    return (!limits->items || batch->count < limits->items) &&
           (!limits->tokens || length <= limits->tokens - batch->tokens);
}

/* Sorts windows upwards and downwards in turn, so that a batch across two windows is of like
 * lengths too, and only the last batch of the epoch is cut short. */
static void sort_windows(int64_t *rows, int64_t *scratch, int64_t count, const int32_t *lengths,
                         const struct batch_options *options)
{
    struct batch_options window = *options;
    if (__builtin_mul_overflow(options->items, WINDOW_BATCHES, &window.items))
        window.items = INT64_MAX;
    if (__builtin_mul_overflow(options->tokens, WINDOW_BATCHES, &window.tokens))
        window.tokens = INT64_MAX;
    bool downwards = false;
    for (int64_t first = 0; first < count;) {
        struct batch held = {.first = first};
        do {
            held.tokens += lengths[rows[first + held.count]];
            held.count++;
        } while (first + held.count < count &&
                 fits(&held, lengths[rows[first + held.count]], &window));
        sort_by_length(rows + first, scratch, held.count, lengths);
        if (downwards)
            reverse(rows + first, held.count);
        downwards = !downwards;
        first += held.count;
    }
}

/* Cuts the rows into batches; with `out` NULL it only counts them. */
static int64_t cut(struct batch *out, const int64_t *rows, int64_t count, const int32_t *lengths,
                   const struct batch_options *options)
{
    struct batch batch = {0};
    int64_t batches = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t length = lengths[rows[i]];
        if (batch.count && !fits(&batch, length, options)) {
            if (out)
                out[batches] = batch;
            batches++;
            batch = (struct batch){.first = i};
        }
        batch.count++;
        batch.tokens += length;
    }
    if (batch.count && out)
        out[batches] = batch;
    return batches + (batch.count > 0);
}

static assay_status check(const int32_t *lengths, int64_t rows, const struct batch_options *options,
                          int64_t epoch, assay_error *error)
{
    if (options->mode != BATCH_BUCKETS && options->mode != BATCH_FULL &&
        options->mode != BATCH_NONE)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "there is no such way to shuffle");
    if (options->tokens < 0 || options->items < 0 || !(options->tokens || options->items)) {
        error_set(error, ASSAY_ERROR_ARGUMENT, "a batch needs a limit");
        error_expected(error, "tokens or items above 0");
        error_found(error, "tokens %lld, items %lld", (long long)options->tokens,
                    (long long)options->items);
        return ASSAY_ERROR_ARGUMENT;
    }
    if (rows < 0 || epoch < 0)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "rows and epoch cannot be negative");
    for (int64_t i = 0; i < rows; i++) {
        if (lengths[i] < 0) {
            error_set(error, ASSAY_ERROR_ARGUMENT, "a row's length is negative");
            error_at_row(error, i + 1, 0);
            error_found(error, "%d", (int)lengths[i]);
            return ASSAY_ERROR_ARGUMENT;
        }
    }
    return ASSAY_OK;
}

static assay_status order_rows(int64_t *ordered, const int32_t *lengths, int64_t rows,
                               const struct batch_options *options, uint64_t key,
                               assay_error *error)
{
    for (int64_t i = 0; i < rows; i++)
        ordered[i] = i;
    if (options->mode != BATCH_NONE)
        shuffle_rows(ordered, rows, key);
    if (options->mode != BATCH_BUCKETS)
        return ASSAY_OK;
    int64_t *scratch = memory_allocate((size_t)rows, sizeof *scratch);
    if (!scratch)
        return error_memory(error, (size_t)rows * sizeof *scratch);
    sort_windows(ordered, scratch, rows, lengths, options);
    memory_free(scratch);
    return ASSAY_OK;
}

assay_status batch_plan_make(struct batch_plan **out, const int32_t *lengths, int64_t rows,
                             const struct batch_options *options, int64_t epoch, assay_error *error)
{
    *out = NULL;
    assay_status status = check(lengths, rows, options, epoch, error);
    if (status)
        return status;
    uint64_t key =
        random_mix(random_mix(options->seed, random_hash_name("batches")), (uint64_t)epoch);
    struct batch_plan *plan = memory_allocate_zeroed(1, sizeof *plan);
    if (!plan)
        return error_memory(error, sizeof *plan);
    plan->rows = memory_allocate((size_t)rows, sizeof *plan->rows);
    if (!plan->rows) {
        status = error_memory(error, (size_t)rows * sizeof *plan->rows);
        goto cleanup;
    }
    status = order_rows(plan->rows, lengths, rows, options, key, error);
    if (status)
        goto cleanup;
    plan->count = cut(NULL, plan->rows, rows, lengths, options);
    plan->batches = memory_allocate((size_t)plan->count, sizeof *plan->batches);
    if (!plan->batches) {
        status = error_memory(error, (size_t)plan->count * sizeof *plan->batches);
        goto cleanup;
    }
    cut(plan->batches, plan->rows, rows, lengths, options);
    if (options->mode == BATCH_BUCKETS)
        shuffle_batches(plan->batches, plan->count, key);
    *out = plan;
    plan = NULL;
cleanup:
    batch_plan_close(plan);
    return status;
}

void batch_plan_close(struct batch_plan *plan)
{
    if (!plan)
        return;
    memory_free(plan->rows);
    memory_free(plan->batches);
    memory_free(plan);
}

int64_t batch_plan_count(const struct batch_plan *plan)
{
    return plan->count;
}

const int64_t *batch_plan_rows(const struct batch_plan *plan, int64_t batch, int64_t *count)
{
    *count = plan->batches[batch].count;
    return plan->rows + plan->batches[batch].first;
}

int64_t batch_plan_tokens(const struct batch_plan *plan, int64_t batch)
{
    return plan->batches[batch].tokens;
}
