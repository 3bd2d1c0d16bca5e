/* What cleaning does to a text, and the same done to texts one by one: a detector whose training
 * rows were cleaned judges what it has not learnt unless its texts are cleaned alike.
 *
 * assay_data_clean (assay/data_make.h) cleans files and says in their cards how; training carries
 * that into detector.json, where assay_detector_get_info (assay/detect.h) finds it.
 * A cleaner belongs to one thread at a time.
 */
#ifndef ASSAY_CLEANING_H
#define ASSAY_CLEANING_H

#include "assay/status.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Steps change texts, in this order; X(NAME, name, on without being asked, what it does). */
#define ASSAY_CLEAN_STEP_LIST(X)                                                                   \
    X(LISTS, "lists", false,                                                                       \
      "items of lists (bulleted, numbered, set in) and the sentence that leads to them go")        \
    X(MARKUP, "markup", false,                                                                     \
      "HTML tags, comments and entities, and Markdown, become plain text")                         \
    X(UNICODE, "unicode", true, "Unicode's composed form, NFC")                                    \
    X(INVISIBLE, "invisible", true, "control, zero-width and direction characters are taken out")  \
    X(TYPOGRAPHY, "typography", true,                                                              \
      "curly quotes, dashes and ellipses become the ones of a keyboard")                           \
    X(HOMOGLYPHS, "homoglyphs", true,                                                              \
      "words that mix letters of scripts that look alike are counted and listed")                  \
    X(REPLACE_HOMOGLYPHS, "replace-homoglyphs", false,                                             \
      "in such words, the letters become those of the script that most of them have")              \
    X(WHITESPACE, "whitespace", true,                                                              \
      "odd spaces, runs of spaces, spaces at line ends, more than one empty line")                 \
    X(ONE_LINE, "one-line", false, "every line end becomes a space")                               \
    X(TRIM_HEADER, "trim-header", false,                                                           \
      "a first line, or words up to a colon, that many texts begin with is cut off")               \
    X(LOWERCASE, "lowercase", false, "small letters")

typedef enum assay_clean_step {
#define X(name, text, on, what) ASSAY_CLEAN_##name,
    ASSAY_CLEAN_STEP_LIST(X)
#undef X
        ASSAY_CLEAN_STEP_COUNT
} assay_clean_step;

const char *assay_clean_step_name(assay_clean_step step); /* NULL outside */

/* One pass of cleaning: its steps, and the headers that it cut off, given or found. */
typedef struct assay_cleaning {
    bool steps[ASSAY_CLEAN_STEP_COUNT];
    const char *const *headers;
    size_t header_count;
} assay_cleaning;

typedef struct assay_cleaner assay_cleaner;

/* Passes are applied in order and must outlive the cleaner; without any, texts stay as they are. */
assay_status assay_cleaner_open(assay_cleaner **out, const assay_cleaning *passes, size_t count,
                                assay_error *error);
void assay_cleaner_close(assay_cleaner *cleaner); /* NULL allowed */

/* The text, which must be UTF-8 (else ASSAY_ERROR_FORMAT), as cleaning leaves it: *out lasts until
 * the next call, and as long as the text. No rule is applied: no text is taken out. */
assay_status assay_cleaner_clean(assay_cleaner *cleaner, const char **out, size_t *out_length,
                                 const char *text, size_t length, assay_error *error);

#ifdef __cplusplus
}
#endif

#endif
