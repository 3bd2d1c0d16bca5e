/* The inside of assay_data_show, shared by its four parts: reading (show.c), the summary of what
 * was read (show_summary.c), the leak audit (audit.c) and the second reading for examples
 * (show_examples.c). All strings of the result lie in the arena.
 */
#ifndef ASSAY_DATA_SHOW_H
#define ASSAY_DATA_SHOW_H

#include "assay/data.h"
#include "base/arena.h"
#include "data/row_sample.h"
#include "data/scripts.h"
#include "data/seen.h"
#include "data/string_counts.h"

struct length_tally {
    double least, most, sum;
};

struct shown_label {
    const char *name;
    int64_t rows, groups;
    struct length_tally characters, words;
};

/* Where something stands first and where it came again. */
struct crossing {
    int32_t first_file, second_file;
    int64_t first_row, second_row;
};

struct crossings {
    struct crossing *found; /* `most` of them */
    int32_t count, most;
};

/* A trait, and what its examples are found by. */
struct audited {
    assay_data_trait trait;
    int feature; /* of the text features, or -1 */
    enum text_string string_kind;
    size_t string_length;
    assay_data_place *places;
    int32_t place_count;
};

struct show {
    assay_data_summary summary; /* first: what the caller holds points here */
    struct arena arena;
    assay_data_show_options options; /* defaults put in */
    assay_rows_options row_options;
    const char *const *paths;
    assay_data_file *files;
    bool group_seen;
    struct seen labels, texts, alike, ids, groups;
    struct seen group_labels; /* pairs of group and label */
    struct shown_label *label;
    int64_t label_capacity;
    struct string_counts strings;
    struct row_sample sample;
    struct length_tally characters, words;
    int64_t script_letters[SCRIPT_COUNT], script_rows[SCRIPT_COUNT];
    struct crossings text_crossings, group_crossings;
    assay_data_broken *broken;
    struct audited *audited;
    int32_t audited_count;
};

enum { SHOW_STRINGS = 5 }; /* of each kind of string, how many traits are told */

/* Files, labels, lengths, scripts, repeats. Labels are sorted here; sample and strings follow. */
assay_status show_summarise(struct show *show, assay_error *error);
/* Traits into show->audited, leaks first. */
assay_status show_audit(struct show *show, assay_error *error);
/* Gives every leak its examples: where they stand, and what stands there. */
assay_status show_find_examples(struct show *show, assay_error *error);

#endif
