/* A walk under way: rows that were read wait until there are enough of them to be scored. walk.c
 * reads and keeps what rows say; walk_scores.c scores and keeps what comes of it.
 */
#ifndef ASSAY_REPORT_WALK_INTERNAL_H
#define ASSAY_REPORT_WALK_INTERNAL_H

#include "report/walk.h"

struct batch_item {
    char *text, *pair, *id;
};

struct walk {
    const struct walk_request *request;
    struct walk_result *out;
    struct batch_item items[SCORE_BATCH_ROWS];
    assay_text texts[SCORE_BATCH_ROWS];
    const char *ids[SCORE_BATCH_ROWS];
    const char *labels[SCORE_BATCH_ROWS];
    int64_t lines[SCORE_BATCH_ROWS];
    float *logits;
    double *probabilities;
    double scores[SCORE_BATCH_ROWS], confidences[SCORE_BATCH_ROWS];
    float log_odds[SCORE_BATCH_ROWS];
    int32_t predicted[SCORE_BATCH_ROWS], tokens[SCORE_BATCH_ROWS];
    int64_t count;
    size_t bytes;
    char *file;
    double *values; /* features of one text */
    int64_t feature_room, slice_room;
    struct buffer line, attacked;
};

/* Scores the rows that wait, keeps their scores and surest mistakes, writes their predictions. */
assay_status walk_score_waiting(struct walk *w, assay_error *error);
void walk_drop_waiting(struct walk *w);

#endif
