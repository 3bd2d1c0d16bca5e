/* What detector.json says that an evaluation uses: the positive class, the temperature, operating
 * points, where texts are cut, and which rows trained the model. A model without one has an empty
 * card.
 */
#ifndef ASSAY_REPORT_CARD_H
#define ASSAY_REPORT_CARD_H

#include "assay/model.h"
#include "base/sha256.h"

enum { CARD_POINTS = 8 };

struct card_point {
    double rate;    /* of false alarms, as stated */
    float log_odds; /* flagged at or above it */
};

struct card_data {
    char *path; /* NULL: not said */
    char sha256[SHA256_HEX_SIZE];
};

struct card {
    bool present;
    char *positive;                   /* NULL: not said */
    double temperature;               /* 1 where none was fitted */
    int32_t max_tokens, least_tokens; /* 0: not said */
    bool calibrated;
    assay_precision precision; /* that it was calibrated with */
    struct card_point points[CARD_POINTS];
    int point_count;
    struct card_data train, valid, calibration;
};

assay_status card_read(struct card *out, const char *folder, assay_error *error);
void card_free(struct card *card);

#endif
