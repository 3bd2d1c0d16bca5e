/* Attacks on a text: what someone does to it, by hand or by tool, to get past a detector, and what
 * happens to honest texts on their way through keyboards and web pages.
 *
 * The result is a pure function of (kind, strength, seed, text): no other row, thread or call has a
 * say. `strength` is the share of eligible places that are changed: of n places
 * floor(strength * n + u) with u drawn once a text, so that shares are exact on average and never
 * off by a place or more; 0 changes none, 1 changes all. Bytes that are not UTF-8 pass through as
 * they are; valid text stays valid. Words are English where a kind needs a language.
 * The kinds follow RAID (Dugan et al., 2024), whose lists are not used.
 */
#ifndef ASSAY_DATA_ATTACK_H
#define ASSAY_DATA_ATTACK_H

#include "assay/status.h"
#include "base/buffer.h"

int attack_count(void);
/* "homoglyph", ..., in a fixed order, and a line on each; NULL outside 0 .. attack_count() - 1. */
const char *attack_name(int kind);
const char *attack_description(int kind);
/* -1 for a name that is none. */
int attack_find(const char *name);

/* The seed of one row: of the run's seed and the row's id alone. attack_text mixes in the kind. */
uint64_t attack_row_seed(uint64_t seed, const char *row_id);

/* Appends the attacked text to `out`, which on failure holds what it held. */
assay_status attack_text(struct buffer *out, int kind, double strength, uint64_t seed,
                         const char *text, size_t length, assay_error *error);

/* Where the text could be changed, and where it was. */
struct attack_places {
    int64_t eligible, changed;
};
assay_status attack_text_counted(struct buffer *out, struct attack_places *places, int kind,
                                 double strength, uint64_t seed, const char *text, size_t length,
                                 assay_error *error);

#endif
