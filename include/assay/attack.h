/* Attacks: perturbed copies of labelled texts, of all classes alike, to see what a detector still
 * tells apart. A row's copy is a function of the seed, its id, the kind and the strength, and of
 * nothing else. docs/verbs/attack.md lists the kinds.
 */
#ifndef ASSAY_ATTACK_H
#define ASSAY_ATTACK_H

#include "assay/data_make.h"

#ifdef __cplusplus
extern "C" {
#endif

int assay_attack_count(void);
/* "homoglyph", "zero-width", ...; NULL outside 0 .. assay_attack_count() - 1. */
const char *assay_attack_name(int kind);
const char *assay_attack_description(int kind);

typedef struct assay_attack_options {
    size_t struct_size;
    assay_data_files files;
    const char *const *kinds; /* names */
    size_t kind_count;
    double strength; /* share of the eligible places of a text that are changed, 0 to 1: .3 */
    uint64_t seed;
} assay_attack_options;

/* All zero, but for the strength and the size. */
void assay_attack_options_init(assay_attack_options *options);

/* Writes a copy of every row for each kind, kind after kind for each row, every other field as it
 * was, with the field `attack`: the kind. With several kinds the ids become ID~KIND, so that they
 * stay apart. The report counts, a kind, the places that could be changed and those that were.
 * Rows that cannot be read go into OUTPUT.removed.jsonl. Keeps nothing a row. */
assay_status assay_data_attack(assay_data_report **report, const assay_attack_options *options,
                               assay_error *error);

#ifdef __cplusplus
}
#endif

#endif
