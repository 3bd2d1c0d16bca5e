/* How a training run is told on stderr: one line that is written over on a terminal, plain lines
 * from time to time elsewhere. What happens rarely (notes, evaluations, saves) always gets a line.
 */
#ifndef CLI_TRAIN_PROGRESS_H
#define CLI_TRAIN_PROGRESS_H

#include "call.h"
#include "progress_line.h"

#include "assay/train.h"

struct train_progress {
    const struct call *call;
    struct progress_line line;
    int64_t said_step; /* of the last plain line */
};

void train_progress_begin(struct train_progress *progress, const struct call *call);
/* An assay_training_listener; context is the struct. */
void train_progress_tell(void *context, const assay_training_event *event);
void train_progress_end(struct train_progress *progress);

/* "2 h 05 min", "3 min 20 s", "12 s" */
const char *seconds_text(char text[32], double seconds);

#endif
