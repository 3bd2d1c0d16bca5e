#include "train/calibrate.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>

static void add_word(struct sha256 *hash, uint32_t word)
{
    const unsigned char bytes[4] = {(unsigned char)word, (unsigned char)(word >> 8),
                                    (unsigned char)(word >> 16), (unsigned char)(word >> 24)};
    sha256_add(hash, bytes, sizeof bytes);
}

static void hash_rows(char hex[SHA256_HEX_SIZE], const struct calibrate_request *request,
                      const int32_t *truth)
{
    const struct row_feed *feed = request->feed;
    unsigned char digest[SHA256_BYTES];
    struct sha256 hash;
    sha256_begin(&hash);
    for (int64_t i = 0; i < feed->rows; i++) {
        int64_t row = row_feed_source(feed, i);
        const char *name = request->names[truth[i]];
        sha256_add(&hash, name, strlen(name) + 1);
        add_word(&hash, (uint32_t)feed->lengths[i]);
        for (int64_t j = feed->data.offsets[row]; j < feed->data.offsets[row + 1]; j++)
            add_word(&hash, (uint32_t)feed->data.ids[j]);
    }
    sha256_end(&hash, digest);
    sha256_hex(hex, digest);
}

assay_status calibrate_feed(struct calibration *out, char rows_sha256[SHA256_HEX_SIZE],
                            const struct calibrate_request *request, assay_error *error)
{
    const struct row_feed *feed = request->feed;
    int32_t *truth = memory_allocate((size_t)feed->rows, sizeof *truth);
    if (!truth)
        return error_memory(error, (size_t)feed->rows * sizeof *truth);
    for (int64_t i = 0; i < feed->rows; i++)
        truth[i] = feed->label_of[feed->data.classes[row_feed_source(feed, i)]];
    hash_rows(rows_sha256, request, truth);
    struct calibration_rows rows = {
        .logits = request->logits,
        .truth = truth,
        .tokens = feed->lengths,
        .group = request->group,
        .rows = feed->rows,
        .labels = request->labels,
        .positive = request->positive,
    };
    assay_status status = calibration_fit(out, &rows, error);
    error_at_file(status ? error : NULL, feed->data.path);
    memory_free(truth);
    return status;
}
