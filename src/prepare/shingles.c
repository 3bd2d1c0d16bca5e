#include "prepare/shingles.h"

#include "base/memory.h"
#include "base/random.h"
#include "text/unicode.h"

#include <string.h>

enum { FIRST_CAPACITY = 256, RADIX = 256, RADIX_BITS = 8, INSERTION_LIMIT = 48 };

static const uint64_t word_factor = UINT64_C(0x9e3779b97f4a7c15);

static bool reserve_words(struct shingle_scratch *scratch, size_t count)
{
    if (count <= scratch->word_capacity)
        return true;
    size_t capacity = scratch->word_capacity ? 2 * scratch->word_capacity : FIRST_CAPACITY;
    capacity = capacity < count ? count : capacity;
    uint64_t *grown = memory_resize(scratch->words, capacity, sizeof *grown);
    if (!grown)
        return false;
    scratch->words = grown;
    scratch->word_capacity = capacity;
    return true;
}

/* Scripts that set no spaces between words. */
static bool stands_alone(uint32_t c)
{
    return c >= 0xe00 && (c < 0xf00 || (c >= 0x1780 && c < 0x1800) || (c >= 0x3040 && c < 0x3100) ||
                          (unicode_flags(c) & UNICODE_CHINESE));
}

static bool in_word(uint32_t c)
{
    return unicode_flags(c) & (UNICODE_LETTER | UNICODE_NUMBER | UNICODE_COMBINING);
}

struct words {
    struct shingle_scratch *scratch;
    size_t count;
    uint64_t open; /* hash of the word being read; 0: none */
    bool failed;
};

static void close_word(struct words *words)
{
    if (!words->open)
        return;
    if (!reserve_words(words->scratch, words->count + 1)) {
        words->failed = true;
        return;
    }
    words->scratch->words[words->count++] = words->open;
    words->open = 0;
}

static void add_cell(struct words *words, uint32_t c)
{
    uint64_t hash = (words->open ^ c) * word_factor;
    hash ^= hash >> 29;
    words->open = hash ? hash : 1;
}

static void take_cell(struct words *words, uint32_t c)
{
    if (c < 0x80) {
        uint32_t small = c - 'A' < 26 ? c + 32 : c;
        if (small - 'a' < 26 || small - '0' < 10)
            add_cell(words, small);
        else
            close_word(words);
        return;
    }
    if (!in_word(c)) {
        close_word(words);
        return;
    }
    bool alone = stands_alone(c);
    if (alone)
        close_word(words);
    unsigned count;
    const uint32_t *lower = unicode_lower(c, &count);
    if (!lower)
        add_cell(words, c);
    for (unsigned i = 0; lower && i < count; i++)
        add_cell(words, lower[i]);
    if (alone)
        close_word(words);
}

/* Below U+0300 every character is composed already and takes no part in a composition. */
static bool is_composed(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] >= 0xcc)
            return false;
    }
    return true;
}

static bool find_words(struct words *words, const char *text, size_t length)
{
    struct shingle_scratch *scratch = words->scratch;
    if (is_composed(text, length)) {
        for (size_t at = 0; at < length && !words->failed;)
            take_cell(words, unicode_get_utf8(text, &at));
    } else {
        if (run_decode(&scratch->cells, text, length, NULL) ||
            !normal_form(&scratch->normal, &scratch->cells, true, false, &scratch->forms))
            return false;
        for (size_t i = 0; i < scratch->normal.count && !words->failed; i++)
            take_cell(words, scratch->normal.cell[i]);
    }
    close_word(words);
    return !words->failed;
}

static void insertion_sort(uint32_t *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint32_t value = values[i];
        size_t j = i;
        for (; j && values[j - 1] > value; j--)
            values[j] = values[j - 1];
        values[j] = value;
    }
}

/* Least digit first, over a spare array of the same size; an even number of passes ends where it
 * began. */
static void radix_sort(uint32_t *values, uint32_t *spare, size_t count)
{
    for (unsigned shift = 0; shift < 32; shift += RADIX_BITS) {
        size_t starts[RADIX] = {0};
        for (size_t i = 0; i < count; i++)
            starts[values[i] >> shift & (RADIX - 1)]++;
        size_t sum = 0;
        for (int i = 0; i < RADIX; i++) {
            size_t here = starts[i];
            starts[i] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++)
            spare[starts[values[i] >> shift & (RADIX - 1)]++] = values[i];
        uint32_t *other = values;
        values = spare;
        spare = other;
    }
}

static bool sort_set(struct features *features, struct shingle_scratch *scratch)
{
    size_t count = features->count;
    if (count <= INSERTION_LIMIT) {
        insertion_sort(features->set, count);
    } else {
        if (scratch->sorted_capacity < count) {
            uint32_t *grown = memory_resize(scratch->sorted, count, sizeof *grown);
            if (!grown)
                return false;
            scratch->sorted = grown;
            scratch->sorted_capacity = count;
        }
        radix_sort(features->set, scratch->sorted, count);
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!kept || features->set[kept - 1] != features->set[i])
            features->set[kept++] = features->set[i];
    }
    features->count = kept;
    return true;
}

static bool make_set(struct features *features, struct shingle_scratch *scratch, size_t words,
                     size_t shingle)
{
    size_t width = words < shingle ? words : shingle;
    size_t count = words ? words - width + 1 : 0;
    if (features->capacity < count) {
        uint32_t *grown = memory_resize(features->set, count, sizeof *grown);
        if (!grown)
            return false;
        features->set = grown;
        features->capacity = count;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = width;
        for (size_t k = 0; k < width; k++)
            hash = (hash ^ scratch->words[i + k]) * word_factor + k;
        features->set[i] = (uint32_t)(random_mix(hash, 0) >> 32);
    }
    features->count = count;
    return sort_set(features, scratch);
}

bool features_make(struct features *features, struct shingle_scratch *scratch, const char *text,
                   size_t length, int shingle, bool with_set)
{
    struct words words = {.scratch = scratch};
    features->count = 0;
    if (!find_words(&words, text, length))
        return false;
    uint64_t a = words.count, b = ~(uint64_t)words.count;
    for (size_t i = 0; i < words.count; i++) {
        a = (a ^ scratch->words[i]) * word_factor;
        a ^= a >> 31;
        b = (b + scratch->words[i]) * UINT64_C(0xd6e8feb86659fd93);
        b ^= b >> 33;
    }
    features->exact[0] = a;
    features->exact[1] = b;
    if (!with_set)
        return true;
    if (!make_set(features, scratch, words.count, (size_t)shingle))
        return false;
    minhash_bands(features->bands, features->set, features->count);
    return true;
}

void features_free(struct features *features)
{
    memory_free(features->set);
    *features = (struct features){0};
}

void shingle_scratch_free(struct shingle_scratch *scratch)
{
    run_free(&scratch->cells);
    run_free(&scratch->normal);
    normal_forms_scratch_free(&scratch->forms);
    memory_free(scratch->words);
    memory_free(scratch->sorted);
    *scratch = (struct shingle_scratch){0};
}

double jaccard(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count)
{
    size_t i = 0, j = 0, both = 0;
    if (!a_count && !b_count)
        return 1.0;
    while (i < a_count && j < b_count) {
        uint32_t x = a[i], y = b[j];
        both += x == y;
        i += x <= y;
        j += y <= x;
    }
    return (double)both / (double)(a_count + b_count - both);
}
