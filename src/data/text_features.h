/* Trivial features of a text: what can be counted without reading it. A detector that does no
 * better than the best of them has learned nothing; one of them that alone tells the labels apart
 * is a leak. Features of format are what cleaning may change without changing a word; features of
 * style go with how and how much is said, and differ between honest classes too.
 *
 * A pure function of the bytes, the same everywhere; bytes that are not UTF-8 count as broken
 * characters. A word is a run between white space that holds a letter or a digit; a Chinese
 * character is one by itself. Shares are of the characters unless said otherwise.
 */
#ifndef ASSAY_DATA_TEXT_FEATURES_H
#define ASSAY_DATA_TEXT_FEATURES_H

#include "assay/status.h"

/* X(identifier, name, kind, description). Names are stable: reports and files carry them. */
#define TEXT_FEATURE_LIST(X)                                                                       \
    X(BYTES, "bytes", STYLE, "length in bytes")                                                    \
    X(CHARACTERS, "characters", STYLE, "length in characters")                                     \
    X(WORDS, "words", STYLE, "number of words")                                                    \
    X(MEAN_WORD, "mean_word", STYLE, "letters and digits of a word, on average")                   \
    X(MEAN_SENTENCE, "mean_sentence", STYLE, "words of a sentence, on average")                    \
    X(TYPE_TOKEN, "type_token", STYLE, "different words, case aside, over all words")              \
    X(NEWLINES, "newlines", FORMAT, "number of newlines")                                          \
    X(NEWLINE_SHARE, "newline_share", FORMAT, "share of newlines")                                 \
    X(CARRIAGE_RETURNS, "carriage_returns", FORMAT, "number of carriage returns")                  \
    X(DOUBLE_SPACES, "double_spaces", FORMAT, "runs of two or more spaces")                        \
    X(LEADING_SPACE, "leading_space", FORMAT, "white space before the text: 1, else 0")            \
    X(TRAILING_SPACE, "trailing_space", FORMAT, "white space behind the text: 1, else 0")          \
    X(TABS, "tabs", FORMAT, "number of tabs")                                                      \
    X(ODD_SPACES, "odd_spaces", FORMAT, "no-break, thin, ideographic and other odd spaces")        \
    X(SPACE_BEFORE_MARK, "space_before_mark", FORMAT, "spaces before one of . , ; : ! ?")          \
    X(PUNCTUATION, "punctuation", STYLE, "share of punctuation and symbols")                       \
    X(COMMAS, "commas", STYLE, "share of commas")                                                  \
    X(APOSTROPHES, "apostrophes", STYLE, "share of straight single quotes")                        \
    X(STRAIGHT_QUOTES, "straight_quotes", STYLE, "share of straight double quotes")                \
    X(CURLY_QUOTES, "curly_quotes", FORMAT, "curly quotes, single and double")                     \
    X(HYPHENS, "hyphens", STYLE, "share of hyphens")                                               \
    X(EN_DASHES, "en_dashes", FORMAT, "en dashes and the like")                                    \
    X(EM_DASHES, "em_dashes", FORMAT, "em dashes")                                                 \
    X(ELLIPSIS_CHARACTERS, "ellipsis_characters", FORMAT, "ellipses written as one character")     \
    X(FINAL_MARK, "final_mark", STYLE, "ends with a mark of a sentence's end: 1, else 0")          \
    X(UPPER_CASE, "upper_case", STYLE, "upper-case letters over letters that have case")           \
    X(CAPITAL_WORDS, "capital_words", STYLE, "words all in capitals over all words")               \
    X(LOWER_START, "lower_start", STYLE, "the text begins with a lower-case letter: 1, else 0")    \
    X(LOWER_SENTENCES, "lower_sentences", STYLE, "sentences that begin in lower case over all")    \
    X(DIGITS, "digits", STYLE, "share of digits")                                                  \
    X(NON_ASCII, "non_ascii", STYLE, "share of characters beyond ASCII")                           \
    X(COMBINING_MARKS, "combining_marks", FORMAT, "accents as characters of their own")            \
    X(MIXED_WORDS, "mixed_words", FORMAT, "words that mix Latin with Greek or Cyrillic letters")   \
    X(ENCODING_TRACES, "encoding_traces", FORMAT,                                                  \
      "broken bytes, U+FFFD, UTF-8 that was read as Latin-1")                                      \
    X(INVISIBLE, "invisible", FORMAT, "zero-width and control characters, byte order marks")       \
    X(HTML, "html", FORMAT, "HTML tags and entities")                                              \
    X(MARKDOWN, "markdown", FORMAT, "Markdown headers, bullets, bold, code, links")                \
    X(URLS, "urls", STYLE, "web addresses")

enum text_feature {
#define X(identifier, name, kind, description) TEXT_FEATURE_##identifier,
    TEXT_FEATURE_LIST(X)
#undef X
        TEXT_FEATURE_COUNT
};

enum text_feature_kind { TEXT_FEATURE_FORMAT, TEXT_FEATURE_STYLE };

int text_feature_count(void);
/* Of feature 0 .. count - 1; never NULL there. */
const char *text_feature_name(int feature);
const char *text_feature_description(int feature);
enum text_feature_kind text_feature_kind(int feature);

/* One value a feature into values[count]; all finite. Only memory can fail. An empty text has
 * zeros. */
assay_status text_features(double *values, const char *text, size_t length, assay_error *error);

#endif
