/* Finds the leftmost and, there, the longest of a set of strings: a trie over code points whose
 * edges lie in one hash table. Built once, then immutable and shared by threads.
 */
#ifndef ASSAY_TEXT_TOKEN_FINDER_H
#define ASSAY_TEXT_TOKEN_FINDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct token_finder;

struct token_finder *token_finder_new(void); /* NULL when memory runs out */
/* UTF-8, not empty. The first of equal strings keeps its value. */
bool token_finder_add(struct token_finder *finder, const char *text, size_t length, int32_t value);
void token_finder_free(struct token_finder *finder);

/* Looks from cell `from` on. False when nothing is found. */
bool token_finder_next(const struct token_finder *finder, const uint32_t *cell, size_t count,
                       size_t from, size_t *begin, size_t *end, int32_t *value);

#endif
