/* An index of texts that finds, for one more text, those that are its duplicates: exactly, or as
 * near as a threshold by the Jaccard similarity of their shingles, which is computed and not
 * estimated. Candidates are texts that agree in a band of the signature (prepare/shingles.h): at a
 * similarity of .8 all but 0.3 % of pairs do. Texts are numbered from 0 in the order in which they
 * are added. A text is compared with at most NEAR_MAX_COMPARED candidates; how often that cut
 * something off is counted.
 * Keeps some 400 bytes a text in memory, and its set in a spill. One thread, but for making
 * features.
 */
#ifndef ASSAY_PREPARE_NEAR_H
#define ASSAY_PREPARE_NEAR_H

#include "prepare/shingles.h"

enum { NEAR_MAX_COMPARED = 4096, NEAR_MAX_TEXTS = 100000000 };

struct near_settings {
    double threshold;
    int shingle;
    bool exact_only;
};

struct near_match {
    int64_t text; /* the nearest one added before, the first of equals; -1: none */
    double similarity;
    bool exact;
};

/* Told of every text that is near enough, not only of the nearest. `skip` may say that one need not
 * be compared. */
struct near_listener {
    bool (*skip)(void *context, int64_t text);
    void (*found)(void *context, int64_t text);
    void *context;
};

struct near_index;

/* `beside`: where the spill's file goes. */
assay_status near_open(struct near_index **out, const struct near_settings *settings,
                       const char *beside, assay_error *error);
void near_close(struct near_index *index); /* NULL allowed */

/* listener may be NULL. */
void near_find(struct near_index *index, struct near_match *match, const struct features *features,
               const struct near_listener *listener);
/* Adds the text that near_find was last asked for. An exact duplicate of an earlier one gets a
 * number too, but is never found. */
assay_status near_add(struct near_index *index, const struct features *features,
                      const struct near_match *match, assay_error *error);

struct near_counts {
    int64_t texts, compared, cut; /* cut: texts that had more candidates than are compared */
};
void near_get_counts(const struct near_index *index, struct near_counts *counts);

#endif
