/* The strings by which a text may give itself away: each of its words (in lower case), its first
 * and last word as they stand, and its first and last characters, 4 to 64 of them. The second kind
 * of trivial feature beside data/text_features.h: a string that stands in the texts of one label
 * only is a leak.
 *
 * Pure functions of bytes that are UTF-8. A string is handed on as often as it occurs, longer than
 * TEXT_STRING_BYTES cut there.
 */
#ifndef ASSAY_DATA_TEXT_STRINGS_H
#define ASSAY_DATA_TEXT_STRINGS_H

#include <stdbool.h>
#include <stddef.h>

/* X(identifier, name, description). FIRST_n and LAST_n go by their number of characters. */
#define TEXT_STRING_LIST(X)                                                                        \
    X(WORD, "word", "a word anywhere in the text, case aside")                                     \
    X(FIRST_WORD, "first_word", "the first word as it stands")                                     \
    X(LAST_WORD, "last_word", "the last word as it stands")                                        \
    X(FIRST_CHARACTERS, "first_characters", "what the text begins with, 4 to 64 characters")       \
    X(LAST_CHARACTERS, "last_characters", "what the text ends with, 4 to 64 characters")

enum text_string {
#define X(identifier, name, description) TEXT_STRING_##identifier,
    TEXT_STRING_LIST(X)
#undef X
        TEXT_STRING_COUNT
};

enum { TEXT_STRING_BYTES = 256 };

const char *text_string_name(enum text_string kind);
const char *text_string_description(enum text_string kind);

/* `at` is where in the text it begins. False from `visit` ends the walk, which then returns false.
 */
typedef bool text_string_visitor(void *context, enum text_string kind, const char *string,
                                 size_t length, size_t at);
bool text_strings(const char *text, size_t length, text_string_visitor *visit, void *context);

#endif
