/* Data sets made ready for training: rows cleaned, deduplicated, split into parts, balanced.
 *
 * Each call reads `input` (.jsonl, .csv, .tsv, or a folder with a subfolder a class, which becomes
 * .jsonl) and writes `output` in the same format, every field that it does not change as it was.
 * Beside it stand OUTPUT.removed.jsonl (each row taken out, and why) and a data card,
 * OUTPUT.card.json and .card.md: fingerprints, licences, sources, and every step since the first
 * with its settings and counts; the card of the input is carried on. All files of a call are
 * written beside their places, synced and then renamed, the data last. Nothing depends on the
 * number of threads or on the time: the same call gives the same bytes.
 * The texts are streamed; what is kept a row is said at each call.
 */
#ifndef ASSAY_DATA_MAKE_H
#define ASSAY_DATA_MAKE_H

#include "assay/cleaning.h"
#include "assay/rows.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `what` is "reading", "looking for headers", "hashing", ...; total 0: unknown. Called by the
 * calling thread. */
typedef void assay_data_progress(void *context, const char *what, int64_t rows, uint64_t done,
                                 uint64_t total);

typedef struct assay_data_files {
    const char *input;
    const char *output;             /* of a split: a folder */
    const assay_rows_options *rows; /* NULL: by name; pair_field is not used */
    const char *license;            /* for the card; NULL: as the input's card says */
    const char *source;
    int threads; /* 0: all processors */
    assay_data_progress *progress;
    void *context;
} assay_data_files;

/* What a call did, for printing: counts in groups ("rows": "read", "written", ...; "removed": by
 * reason; ...), notes in plain sentences, and seconds a phase. Strings belong to the report. */
typedef struct assay_data_report assay_data_report;

typedef struct assay_data_count {
    const char *group;
    const char *name;
    int64_t value;
} assay_data_count;

/* index from 0; each returns NULL behind the last. */
const assay_data_count *assay_data_report_count(const assay_data_report *report, int64_t index);
const char *assay_data_report_note(const assay_data_report *report, int64_t index);
const char *assay_data_report_file(const assay_data_report *report, int64_t index);
/* Seconds may be NULL. */
const char *assay_data_report_phase(const assay_data_report *report, int64_t index,
                                    double *seconds);
/* Class weights in label order, only of a balance by weights; weight may be NULL. */
const char *assay_data_report_weight(const assay_data_report *report, int64_t index,
                                     double *weight);
void assay_data_report_close(assay_data_report *report); /* NULL allowed */

/* ---- clean */

/* Rules take rows out; the first that holds is the reason. */
#define ASSAY_CLEAN_RULE_LIST(X)                                                                   \
    X(BROKEN, "broken", true, "rows that cannot be read: broken UTF-8 or JSON, no text")           \
    X(SHORT, "short", true, "texts of too few words")                                              \
    X(LONG, "long", true, "texts of too many words")                                               \
    X(REPEATED_LINES, "repeated-lines", true, "texts whose lines are mostly repeated")             \
    X(REPEATED_WORDS, "repeated-words", true,                                                      \
      "texts whose runs of four words are mostly repeated")                                        \
    X(LETTERS, "letters", true, "texts that are mostly no letters")

typedef enum assay_clean_rule {
#define X(name, text, on, what) ASSAY_CLEAN_RULE_##name,
    ASSAY_CLEAN_RULE_LIST(X)
#undef X
        ASSAY_CLEAN_RULE_COUNT
} assay_clean_rule;

typedef struct assay_clean_options {
    size_t struct_size;
    assay_data_files files;
    bool steps[ASSAY_CLEAN_STEP_COUNT];
    bool rules[ASSAY_CLEAN_RULE_COUNT];
    int64_t min_words;          /* 1 */
    int64_t max_words;          /* 0: no limit */
    double max_repeated_lines;  /* of four lines or more, the share that stood before: .5 */
    double max_repeated_words;  /* of 20 words or more, the share of runs: .5 */
    double min_letters;         /* share of what is no space: .4 */
    const char *const *headers; /* cut off where a text begins with one, by trim-header or not */
    size_t header_count;
    double header_share; /* of the rows that must begin alike, 5 at least: .01 */
} assay_clean_options;

/* The defaults above and of the lists. */
void assay_clean_options_init(assay_clean_options *options);

/* Also writes OUTPUT.changes.jsonl: a line a changed row, with how much each step changed. Keeps
 * nothing a row. *report may be NULL after a failure. */
assay_status assay_data_clean(assay_data_report **report, const assay_clean_options *options,
                              assay_error *error);

/* ---- dedup */

enum { ASSAY_DEDUP_BANDS = 20, ASSAY_DEDUP_BAND_ROWS = 6 };

typedef struct assay_dedup_options {
    size_t struct_size;
    assay_data_files files;
    double threshold; /* Jaccard similarity of the sets of shingles from which a row goes: .8 */
    int32_t shingle;  /* words a shingle: 3 */
    bool exact_only;  /* no near-duplicates */
    const char *const *against; /* files whose rows are known beforehand */
    size_t against_count;
    bool only_against; /* duplicates within the input stay */
} assay_dedup_options;

void assay_dedup_options_init(assay_dedup_options *options);

/* Texts are compared as their words: runs of letters, marks and digits after NFC, small letters.
 * Exact duplicates have the same words. Near-duplicates are looked for by MinHash (120
 * permutations, 20 bands of 6) and compared by the Jaccard similarity of their sets of shingles; a
 * row goes when an earlier row that stays is as near as the threshold. Keeps some 500 bytes a row,
 * and 4 bytes a shingle in an unnamed file beside the output. */
assay_status assay_data_dedup(assay_data_report **report, const assay_dedup_options *options,
                              assay_error *error);

/* ---- split */

enum { ASSAY_SPLIT_MAX_PARTS = 16 };

typedef struct assay_split_part {
    const char *name;
    double share; /* of the rows; 0 where `rows` counts */
    int64_t rows; /* 0 where `share` counts */
} assay_split_part;

typedef struct assay_split_options {
    size_t struct_size;
    assay_data_files files; /* output: the folder of the parts */
    const assay_split_part *parts;
    size_t part_count;
    const char *const *groups; /* fields: rows that share a value of any of them stay together */
    size_t group_count;
    const char *const
        *strata; /* fields beside the label whose values every part gets its share of */
    size_t stratum_count;
    bool no_label;        /* not stratified by label */
    bool near_duplicates; /* rows nearer than `threshold` stay together too */
    double threshold;     /* .8 */
    const char *fixed;    /* a field that names the part of a row; rows without it are free */
    bool uneven;          /* go on when a group is larger than every part */
    uint64_t seed;
} assay_split_options;

void assay_split_options_init(assay_split_options *options);

/* "train=.8,valid=.1,test=.1" or "train=rest,test=500" into at most ASSAY_SPLIT_MAX_PARTS parts;
 * names point into `words`, which is changed. A part of `rest` has share 0 and rows 0. */
assay_status assay_split_parts_parse(assay_split_part *parts, size_t *count, char *words,
                                     assay_error *error);

/* Keeps some 24 bytes a row and each value of a group, with near_duplicates what dedup keeps. */
assay_status assay_data_split(assay_data_report **report, const assay_split_options *options,
                              assay_error *error);

/* ---- balance */

typedef enum assay_balance_method {
    ASSAY_BALANCE_UNDER,  /* rows of frequent labels are taken out */
    ASSAY_BALANCE_OVER,   /* rows of rare labels stand more than once */
    ASSAY_BALANCE_WEIGHTS /* every row as it is; the weights go into the card */
} assay_balance_method;

typedef struct assay_balance_options {
    size_t struct_size;
    assay_data_files files;
    assay_balance_method method;
    const char *within; /* a field: labels are made equal among the rows of each of its values */
    bool force;         /* also a part that the card says is for judging */
    uint64_t seed;
} assay_balance_options;

void assay_balance_options_init(assay_balance_options *options);

/* Refuses files whose card says that they are a part for validation, calibration or test. Copies
 * of a row get an id of their own, "ID~2", "ID~3". output NULL with weights: they are only told.
 * Keeps 12 bytes a row. */
assay_status assay_data_balance(assay_data_report **report, const assay_balance_options *options,
                                assay_error *error);

#ifdef __cplusplus
}
#endif

#endif
