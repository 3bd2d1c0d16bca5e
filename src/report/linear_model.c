#include "report/linear_model.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/utf8.h"

#include <math.h>
#include <string.h>

enum {
    PLACE_BITS = 20,
    PLACES = 1 << PLACE_BITS,
    COUNT_BITS = 32 - PLACE_BITS,
    COUNT_MAX = (1 << COUNT_BITS) - 1,
    SHORTEST = 2,
    LONGEST = 4,
    MAX_ENTRIES = 48 << 20,
    MAX_ROWS = 1 << 20,
    EPOCHS = 12,
    NEWTON_STEPS = 30
};

/* What a row may pull in the dual: scikit-learn's C. */
static const double COST = 10.0;

/* Counts n-grams of one text at a time; `touched` are the places with a count. */
struct gram_counter {
    uint16_t *counts; /* (PLACES), all 0 between texts */
    uint32_t *touched;
    size_t used, room;
};

struct linear_rows {
    struct gram_counter counter;
    uint32_t *entries; /* place << COUNT_BITS | count */
    size_t entry_count, entry_room;
    size_t *begin;     /* (rows + 1) */
    uint32_t *lot;     /* (rows): drawn by the row's number; those below `limit` stay */
    uint8_t *positive; /* (rows) */
    float *values;     /* (rows, features) */
    int64_t rows, room, seen;
    int features;
    uint64_t limit;
};

struct linear_model {
    struct gram_counter counter;
    float *weights; /* (PLACES), the document frequency's factor in them */
    float *inverse; /* (PLACES): inverse document frequency */
    double bias;
    double logs[COUNT_MAX + 1];
};

static void counter_free(struct gram_counter *counter)
{
    memory_free(counter->counts);
    memory_free(counter->touched);
}

static bool counter_make(struct gram_counter *counter)
{
    counter->room = (size_t)LINEAR_ROW_CHARACTERS * (LONGEST - SHORTEST + 1);
    counter->counts = memory_allocate_zeroed(PLACES, sizeof *counter->counts);
    counter->touched = memory_allocate(counter->room, sizeof *counter->touched);
    return counter->counts && counter->touched;
}

static uint32_t next_character(const unsigned char *text, size_t length, size_t *at)
{
    size_t step = utf8_sequence(text + *at, length - *at);
    const unsigned char *c = text + *at;
    *at += step ? step : 1;
    switch (step) {
    case 2:
        return (uint32_t)(c[0] & 0x1f) << 6 | (c[1] & 0x3f);
    case 3:
        return (uint32_t)(c[0] & 0x0f) << 12 | (uint32_t)(c[1] & 0x3f) << 6 | (c[2] & 0x3f);
    case 4:
        return (uint32_t)(c[0] & 0x07) << 18 | (uint32_t)(c[1] & 0x3f) << 12 |
               (uint32_t)(c[2] & 0x3f) << 6 | (c[3] & 0x3f);
    default:
        return c[0] >= 'A' && c[0] <= 'Z' ? c[0] + 32u : c[0];
    }
}

static void count_gram(struct gram_counter *counter, uint64_t packed, uint32_t last)
{
    uint64_t hash = (packed ^ (uint64_t)last << 43) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    uint32_t place = (uint32_t)(hash >> (64 - PLACE_BITS));
    if (!counter->counts[place])
        counter->touched[counter->used++] = place;
    if (counter->counts[place] < COUNT_MAX)
        counter->counts[place]++;
}

static void count_text(struct gram_counter *counter, const char *text, size_t length)
{
    uint32_t held[LONGEST] = {0}; /* the last characters, the newest first */
    size_t at = 0, characters = 0;
    counter->used = 0;
    while (at < length && characters < LINEAR_ROW_CHARACTERS) {
        uint32_t c = next_character((const unsigned char *)text, length, &at);
        c = c <= ' ' ? ' ' : c;
        if (c == ' ' && characters && held[0] == ' ')
            continue;
        memmove(held + 1, held, sizeof held - sizeof *held);
        held[0] = c;
        characters++;
        /* Characters have 21 bits; the fourth is mixed in apart. */
        if (characters >= 2)
            count_gram(counter, (uint64_t)held[0] << 21 | held[1], 0);
        if (characters >= 3)
            count_gram(counter, (uint64_t)held[0] << 42 | (uint64_t)held[1] << 21 | held[2], 0);
        if (characters >= 4)
            count_gram(counter, (uint64_t)held[0] << 42 | (uint64_t)held[1] << 21 | held[2],
                       held[3] + 1);
    }
}

assay_status linear_rows_open(struct linear_rows **out, int features, assay_error *error)
{
    struct linear_rows *rows = memory_allocate_zeroed(1, sizeof *rows);
    *out = NULL;
    if (rows) {
        rows->features = features;
        rows->limit = UINT64_C(1) << 32;
    }
    if (!rows || !counter_make(&rows->counter)) {
        linear_rows_close(rows);
        return error_memory(error, PLACES);
    }
    *out = rows;
    return ASSAY_OK;
}

void linear_rows_close(struct linear_rows *rows)
{
    if (!rows)
        return;
    counter_free(&rows->counter);
    memory_free(rows->entries);
    memory_free(rows->begin);
    memory_free(rows->lot);
    memory_free(rows->positive);
    memory_free(rows->values);
    memory_free(rows);
}

/* Halves the share of rows that stay. */
static void thin(struct linear_rows *rows)
{
    int64_t kept = 0;
    size_t used = 0, width = (size_t)rows->features;
    rows->limit /= 2;
    for (int64_t i = 0; i < rows->rows; i++) {
        size_t first = rows->begin[i], count = rows->begin[i + 1] - first;
        if (rows->lot[i] >= rows->limit)
            continue;
        memmove(rows->entries + used, rows->entries + first, count * sizeof *rows->entries);
        memmove(rows->values + (size_t)kept * width, rows->values + (size_t)i * width,
                width * sizeof *rows->values);
        rows->lot[kept] = rows->lot[i];
        rows->positive[kept] = rows->positive[i];
        rows->begin[kept++] = used;
        used += count;
    }
    rows->begin[kept] = used;
    rows->rows = kept;
    rows->entry_count = used;
}

static bool grow_block(void *block, size_t count, size_t size)
{
    void *now, *larger;
    memcpy(&now, block, sizeof now);
    larger = memory_resize(now, count, size);
    if (larger)
        memcpy(block, &larger, sizeof larger);
    return larger != NULL;
}

static bool make_room(struct linear_rows *rows)
{
    size_t needed = rows->entry_count + rows->counter.used;
    if (needed > rows->entry_room) {
        size_t room = rows->entry_room ? rows->entry_room * 2 : 1 << 16;
        while (room < needed)
            room *= 2;
        if (!grow_block(&rows->entries, room, sizeof *rows->entries))
            return false;
        rows->entry_room = room;
    }
    if (rows->rows < rows->room)
        return true;
    size_t room = rows->room ? (size_t)rows->room * 2 : 256;
    size_t width = rows->features ? (size_t)rows->features : 1;
    if (!grow_block(&rows->begin, room + 1, sizeof *rows->begin) ||
        !grow_block(&rows->lot, room, sizeof *rows->lot) ||
        !grow_block(&rows->positive, room, sizeof *rows->positive) ||
        !grow_block(&rows->values, room * width, sizeof *rows->values))
        return false;
    rows->room = (int64_t)room;
    return true;
}

assay_status linear_rows_add(struct linear_rows *rows, const char *text, size_t length,
                             bool positive, const double *values, assay_error *error)
{
    uint32_t lot = (uint32_t)(random_mix(UINT64_C(0x6c696e656172), (uint64_t)rows->seen++) >> 32);
    if (lot >= rows->limit)
        return ASSAY_OK;
    struct gram_counter *counter = &rows->counter;
    count_text(counter, text, length);
    bool good = make_room(rows);
    for (size_t i = 0; i < counter->used; i++) {
        uint32_t place = counter->touched[i];
        if (good)
            rows->entries[rows->entry_count++] = place << COUNT_BITS | counter->counts[place];
        counter->counts[place] = 0;
    }
    if (!good)
        return error_memory(error, rows->entry_room * sizeof *rows->entries);
    if (!rows->rows)
        rows->begin[0] = 0;
    rows->lot[rows->rows] = lot;
    rows->positive[rows->rows] = positive;
    for (int f = 0; f < rows->features; f++)
        rows->values[(size_t)rows->rows * (size_t)rows->features + (size_t)f] = (float)values[f];
    rows->begin[++rows->rows] = rows->entry_count;
    while (rows->entry_count > MAX_ENTRIES || rows->rows >= MAX_ROWS)
        thin(rows);
    return ASSAY_OK;
}

int64_t linear_rows_seen(const struct linear_rows *rows)
{
    return rows->seen;
}

int64_t linear_rows_count(const struct linear_rows *rows)
{
    return rows->rows;
}

bool linear_rows_positive(const struct linear_rows *rows, int64_t row)
{
    return rows->positive[row];
}

double linear_rows_value(const struct linear_rows *rows, int64_t row, int feature)
{
    return (double)rows->values[row * rows->features + feature];
}

static void weigh_places(struct linear_model *model, const struct linear_rows *rows)
{
    for (size_t i = 0; i < rows->entry_count; i++)
        model->inverse[rows->entries[i] >> COUNT_BITS]++; /* exact: fewer than 2^24 rows */
    for (int32_t p = 0; p < PLACES; p++)
        model->inverse[p] =
            (float)(log((1.0 + (double)rows->rows) / (1.0 + (double)model->inverse[p])) + 1.0);
    for (int c = 1; c <= COUNT_MAX; c++)
        model->logs[c] = 1.0 + log((double)c);
}

static double row_norm(const struct linear_model *model, const uint32_t *entries, size_t count)
{
    double squares = 0.0;
    for (size_t i = 0; i < count; i++) {
        double value =
            model->logs[entries[i] & COUNT_MAX] * (double)model->inverse[entries[i] >> COUNT_BITS];
        squares += value * value;
    }
    return squares > 0.0 ? 1.0 / sqrt(squares) : 0.0;
}

/* The multiplier of one row that is best while the others stay: the root of
 * square * (z - now) + margin + ln(z / (COST - z)), which rises from below 0 to above. */
static double best_multiplier(double now, double square, double margin)
{
    double low = 0.0, high = COST, z = now > 0.0 ? now : 1e-6 * COST;
    for (int i = 0; i < NEWTON_STEPS; i++) {
        double slope = square * (z - now) + margin + log(z / (COST - z));
        if (slope > 0.0)
            high = z;
        else
            low = z;
        double step = slope / (square + COST / (z * (COST - z)));
        double next = z - step;
        if (!(next > low && next < high))
            next = (low + high) / 2.0;
        if (next <= 0.0 || next >= COST || fabs(next - z) < 1e-10 * COST)
            break;
        z = next;
    }
    return z;
}

struct dual_row {
    int64_t row;
    double norm, multiplier, square;
};

static void visit(struct linear_model *model, const struct linear_rows *rows, struct dual_row *dual)
{
    const uint32_t *entries = rows->entries + rows->begin[dual->row];
    size_t count = rows->begin[dual->row + 1] - rows->begin[dual->row];
    double sum = 0.0, sign = rows->positive[dual->row] ? 1.0 : -1.0;
    for (size_t i = 0; i < count; i++)
        sum +=
            model->logs[entries[i] & COUNT_MAX] * (double)model->weights[entries[i] >> COUNT_BITS];
    double margin = sign * (sum * dual->norm + model->bias);
    double next = best_multiplier(dual->multiplier, dual->square, margin);
    double change = sign * (next - dual->multiplier);
    dual->multiplier = next;
    model->bias += change;
    for (size_t i = 0; i < count; i++) {
        uint32_t place = entries[i] >> COUNT_BITS;
        double inverse = (double)model->inverse[place];
        model->weights[place] +=
            (float)(change * dual->norm * model->logs[entries[i] & COUNT_MAX] * inverse * inverse);
    }
}

static void shuffle(struct dual_row *dual, int64_t rows, uint32_t epoch)
{
    for (int64_t i = rows - 1; i > 0; i--) {
        uint32_t four[4];
        const uint32_t counter[4] = {(uint32_t)i, epoch, 0, 0};
        random_block(four, UINT64_C(0x6475616c), counter);
        int64_t j = (int64_t)((uint64_t)four[0] * (uint64_t)(i + 1) >> 32);
        struct dual_row kept = dual[i];
        dual[i] = dual[j];
        dual[j] = kept;
    }
}

static void solve(struct linear_model *model, const struct linear_rows *rows, struct dual_row *dual)
{
    for (int64_t i = 0; i < rows->rows; i++) {
        size_t first = rows->begin[i];
        struct dual_row *row = &dual[i];
        *row = (struct dual_row){.row = i};
        row->norm = row_norm(model, rows->entries + first, rows->begin[i + 1] - first);
        row->square = (row->norm > 0.0) + 1.0; /* the bias is a feature of value 1 */
    }
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        shuffle(dual, rows->rows, epoch);
        for (int64_t i = 0; i < rows->rows; i++)
            visit(model, rows, &dual[i]);
    }
}

assay_status linear_model_train(struct linear_model **out, const struct linear_rows *rows,
                                assay_error *error)
{
    int64_t positives = 0;
    *out = NULL;
    for (int64_t i = 0; i < rows->rows; i++)
        positives += rows->positive[i];
    if (!positives || positives == rows->rows)
        return error_set(error, ASSAY_ERROR_FORMAT, "all training rows have one label");
    struct linear_model *model = memory_allocate_zeroed(1, sizeof *model);
    struct dual_row *dual = memory_allocate((size_t)rows->rows, sizeof *dual);
    bool good = model && dual && counter_make(&model->counter);
    if (good) {
        model->weights = memory_allocate_zeroed(PLACES, sizeof *model->weights);
        model->inverse = memory_allocate_zeroed(PLACES, sizeof *model->inverse);
        good = model->weights && model->inverse;
    }
    if (good) {
        weigh_places(model, rows);
        solve(model, rows, dual);
        *out = model;
    } else {
        linear_model_close(model);
    }
    memory_free(dual);
    return good ? ASSAY_OK : error_memory(error, PLACES * sizeof(float));
}

void linear_model_close(struct linear_model *model)
{
    if (!model)
        return;
    counter_free(&model->counter);
    memory_free(model->weights);
    memory_free(model->inverse);
    memory_free(model);
}

assay_status linear_model_score(struct linear_model *model, double *score, const char *text,
                                size_t length, assay_error *error)
{
    struct gram_counter *counter = &model->counter;
    double sum = 0.0, squares = 0.0;
    (void)error;
    count_text(counter, text, length);
    for (size_t i = 0; i < counter->used; i++) {
        uint32_t place = counter->touched[i];
        double log_count = model->logs[counter->counts[place]];
        double value = log_count * (double)model->inverse[place];
        sum += log_count * (double)model->weights[place];
        squares += value * value;
        counter->counts[place] = 0;
    }
    *score = (squares > 0.0 ? sum / sqrt(squares) : 0.0) + model->bias;
    return ASSAY_OK;
}
