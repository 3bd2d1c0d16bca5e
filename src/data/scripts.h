/* The script of a letter, by ranges of code points: coarse (whole Unicode blocks), which is enough
 * to say what a text is written in and which words mix alphabets. Pure functions on constants.
 */
#ifndef ASSAY_DATA_SCRIPTS_H
#define ASSAY_DATA_SCRIPTS_H

#include <stdbool.h>
#include <stdint.h>

/* X(identifier, name) */
#define SCRIPT_LIST(X)                                                                             \
    X(LATIN, "Latin")                                                                              \
    X(GREEK, "Greek")                                                                              \
    X(CYRILLIC, "Cyrillic")                                                                        \
    X(ARMENIAN, "Armenian")                                                                        \
    X(HEBREW, "Hebrew")                                                                            \
    X(ARABIC, "Arabic")                                                                            \
    X(DEVANAGARI, "Devanagari")                                                                    \
    X(BENGALI, "Bengali")                                                                          \
    X(GURMUKHI, "Gurmukhi")                                                                        \
    X(GUJARATI, "Gujarati")                                                                        \
    X(TAMIL, "Tamil")                                                                              \
    X(TELUGU, "Telugu")                                                                            \
    X(KANNADA, "Kannada")                                                                          \
    X(MALAYALAM, "Malayalam")                                                                      \
    X(SINHALA, "Sinhala")                                                                          \
    X(THAI, "Thai")                                                                                \
    X(LAO, "Lao")                                                                                  \
    X(TIBETAN, "Tibetan")                                                                          \
    X(MYANMAR, "Myanmar")                                                                          \
    X(GEORGIAN, "Georgian")                                                                        \
    X(ETHIOPIC, "Ethiopic")                                                                        \
    X(KHMER, "Khmer")                                                                              \
    X(HANGUL, "Hangul")                                                                            \
    X(KANA, "Kana")                                                                                \
    X(HAN, "Han")                                                                                  \
    X(OTHER, "other")

enum script {
#define X(identifier, name) SCRIPT_##identifier,
    SCRIPT_LIST(X)
#undef X
        SCRIPT_COUNT
};

const char *script_name(enum script script);
/* Of a code point that is a letter. */
enum script script_of(uint32_t letter);
/* Whether letters of this script come in upper and lower case. */
bool script_has_case(enum script script);

#endif
