#include "base/memory.h"
#include "base/random.h"
#include "clean/clean_text.h"
#include "text/unicode.h"

#include <stdio.h>
#include <stdlib.h>

enum { LEAST_LINES = 4, LEAST_WORDS = 20, RUN_WORDS = 4 };

static bool add_hash(struct clean_text *text, size_t count, uint64_t hash)
{
    if (count == text->hash_capacity) {
        size_t capacity = text->hash_capacity ? 2 * text->hash_capacity : 256;
        uint64_t *grown = memory_resize(text->hashes, capacity, sizeof *grown);
        if (!grown) {
            text->failed = true;
            return false;
        }
        text->hashes = grown;
        text->hash_capacity = capacity;
    }
    text->hashes[count] = hash;
    return true;
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* The share of the first `count` hashes that stood before. */
static double repeated(struct clean_text *text, size_t count)
{
    size_t again = 0;
    qsort(text->hashes, count, sizeof *text->hashes, compare);
    for (size_t i = 1; i < count; i++)
        again += text->hashes[i] == text->hashes[i - 1];
    return (double)again / (double)count;
}

static bool is_line_end(uint32_t c)
{
    return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

/* Empty lines do not count; 0 where there are too few lines to tell. */
static double repeated_lines(struct clean_text *text)
{
    size_t lines = 0;
    uint64_t hash = 0;
    bool filled = false;
    for (size_t i = 0; i <= text->cells.count; i++) {
        bool ends = i == text->cells.count || is_line_end(text->cells.cell[i]);
        if (!ends) {
            uint32_t c = text->cells.cell[i];
            filled = filled || !clean_is_space(c);
            hash = random_mix(hash, c);
        } else if (filled) {
            if (!add_hash(text, lines, hash))
                return 0.0;
            lines++;
        }
        if (ends) {
            hash = 0;
            filled = false;
        }
    }
    return lines < LEAST_LINES ? 0.0 : repeated(text, lines);
}

/* One hash a word, in order; the number of words. */
static size_t hash_words(struct clean_text *text)
{
    size_t words = 0;
    uint64_t hash = 0;
    bool inside = false;
    for (size_t i = 0; i <= text->cells.count; i++) {
        bool space = i == text->cells.count || clean_is_space(text->cells.cell[i]);
        if (!space) {
            hash = (hash ^ text->cells.cell[i]) * UINT64_C(0x9e3779b97f4a7c15);
            hash ^= hash >> 29;
            inside = true;
        } else if (inside) {
            if (!add_hash(text, words, hash))
                return words;
            words++;
            hash = 0;
            inside = false;
        }
    }
    return words;
}

static double repeated_runs(struct clean_text *text, size_t words)
{
    if (words < LEAST_WORDS)
        return 0.0;
    size_t runs = words - RUN_WORDS + 1;
    for (size_t i = 0; i < runs; i++) {
        uint64_t hash = 0;
        for (size_t k = 0; k < RUN_WORDS; k++)
            hash = random_mix(hash, text->hashes[i + k]);
        text->hashes[i] = hash;
    }
    return repeated(text, runs);
}

/* Of what is no white space; a text without anything has all. */
static double letters(const struct clean_text *text)
{
    size_t all = 0, found = 0;
    for (size_t i = 0; i < text->cells.count; i++) {
        uint32_t c = text->cells.cell[i];
        all += !clean_is_space(c);
        found += (unicode_flags(c) & (UNICODE_LETTER | UNICODE_COMBINING)) != 0;
    }
    return all ? (double)found / (double)all : 1.0;
}

assay_clean_rule clean_rule_of(char why[CLEAN_WHY_SIZE], struct clean_text *text,
                               const assay_clean_options *options)
{
    const bool *rules = options->rules;
    double share;
    int64_t words = (int64_t)hash_words(text);
    if (rules[ASSAY_CLEAN_RULE_SHORT] && words < options->min_words) {
        snprintf(why, CLEAN_WHY_SIZE, "%lld words, fewer than %lld", (long long)words,
                 (long long)options->min_words);
        return ASSAY_CLEAN_RULE_SHORT;
    }
    if (rules[ASSAY_CLEAN_RULE_LONG] && options->max_words > 0 && words > options->max_words) {
        snprintf(why, CLEAN_WHY_SIZE, "%lld words, more than %lld", (long long)words,
                 (long long)options->max_words);
        return ASSAY_CLEAN_RULE_LONG;
    }
    if (rules[ASSAY_CLEAN_RULE_REPEATED_WORDS] &&
        (share = repeated_runs(text, (size_t)words)) > options->max_repeated_words) {
        snprintf(why, CLEAN_WHY_SIZE, "%.3f of the runs of %d words are repeated, more than %g",
                 share, RUN_WORDS, options->max_repeated_words);
        return ASSAY_CLEAN_RULE_REPEATED_WORDS;
    }
    if (rules[ASSAY_CLEAN_RULE_REPEATED_LINES] &&
        (share = repeated_lines(text)) > options->max_repeated_lines) {
        snprintf(why, CLEAN_WHY_SIZE, "%.3f of the lines are repeated, more than %g", share,
                 options->max_repeated_lines);
        return ASSAY_CLEAN_RULE_REPEATED_LINES;
    }
    if (rules[ASSAY_CLEAN_RULE_LETTERS] && (share = letters(text)) < options->min_letters) {
        snprintf(why, CLEAN_WHY_SIZE, "%.3f of the characters are letters, fewer than %g", share,
                 options->min_letters);
        return ASSAY_CLEAN_RULE_LETTERS;
    }
    return ASSAY_CLEAN_RULE_COUNT;
}
