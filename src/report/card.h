/* detector.json as an evaluation uses it: what detect/detector.h reads, and where the rows lie that
 * trained the model, which only an evaluation wants to know. A model without one has an empty card.
 */
#ifndef ASSAY_REPORT_CARD_H
#define ASSAY_REPORT_CARD_H

#include "detect/detector.h"

struct card {
    struct detector detector;
    const char *positive;                     /* in the detector's labels; NULL: not said */
    double temperature;                       /* 1 where none was fitted */
    char *train, *valid;                      /* paths, NULL: not said */
    char calibration_sha256[SHA256_HEX_SIZE]; /* "": not said */
};

assay_status card_read(struct card *out, const char *folder, assay_error *error);
void card_free(struct card *card);

#endif
