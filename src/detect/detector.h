/* detector.json: what stands beside a model's weights and makes a classifier a detector.
 *
 * Reading is strict: every key that assay writes must be of its kind and range and agree with the
 * others, or the file is refused with the key; keys that assay does not know are passed over. Files
 * without a calibration are read as well. A detector owns its arrays and is immutable.
 */
#ifndef ASSAY_DETECT_DETECTOR_H
#define ASSAY_DETECT_DETECTOR_H

#include "assay/model.h"
#include "base/json.h"
#include "base/sha256.h"
#include "detect/calibration.h"

enum { DETECTOR_FORMAT = 1, DETECTOR_MAX_BYTES = 16 << 20, DETECTOR_MAX_LABELS = 1 << 16 };

/* What a calibration was made from; strings of a written one are the caller's. */
struct calibration_source {
    const char *path;        /* of the data file or folder */
    const char *part;        /* which rows of it: "all", "half" */
    const char *sha256;      /* of the file */
    const char *rows_sha256; /* of labels and tokens of the rows, in order */
    const char *group;       /* the field that keeps rows together, NULL: none */
    int64_t seed;            /* of the halving */
    assay_precision precision;
    int32_t max_tokens;
};

struct detector {
    bool present;  /* a detector.json was read */
    char **labels; /* (label_count) */
    int32_t label_count;
    int32_t positive;                                                  /* -1: none */
    int32_t max_tokens;                                                /* 0: not said */
    char train_sha256[SHA256_HEX_SIZE], valid_sha256[SHA256_HEX_SIZE]; /* "": not said */
    bool selected; /* the weights were chosen by figures on data.valid */
    bool calibrated;
    struct calibration calibration;
    assay_precision precision; /* that it was calibrated with, else trained with, else high */
};

/* From the text of a file; `file` (may be NULL) names it in errors. */
assay_status detector_parse(struct detector *out, const char *text, size_t length, const char *file,
                            assay_error *error);
/* FOLDER/detector.json; `present` stays false when there is none. */
assay_status detector_read(struct detector *out, const char *folder, assay_error *error);
void detector_free(struct detector *detector);

/* The class that is detected: `wanted`, else the manual's words in its order; -1: none. */
int32_t detector_find_positive(const char *const *labels, int32_t count, const char *wanted);

/* Writes the keys temperature, thresholds and calibration into an open object. `calibration` NULL:
 * nulls, and `refused` (may be NULL) as the reason. */
void detector_put_calibration(struct json_writer *writer, const struct calibration *calibration,
                              const struct calibration_source *source, const char *refused);

/* Writes FOLDER/detector.json again with this calibration, all else as it was; a new one with the
 * labels when there is none. Written beside and renamed. */
struct detector_card {
    const char *const *labels;
    int32_t label_count, positive;
};
assay_status detector_rewrite(const char *folder, const struct detector_card *card,
                              const struct calibration *calibration,
                              const struct calibration_source *source, assay_error *error);

#endif
