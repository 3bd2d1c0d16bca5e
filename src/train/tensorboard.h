/* TensorBoard's event records, written by hand: framing as in TensorFlow's record_writer.h, masked
 * CRC-32C (Castagnoli), and the few fields of event.proto and summary.proto that scalars need.
 *
 *     Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
 *     Summary { repeated Value value = 1; }  Value { string tag = 1; float simple_value = 2; }
 *
 * Pure functions on buffers; what reads, takes any bytes.
 */
#ifndef ASSAY_TRAIN_TENSORBOARD_H
#define ASSAY_TRAIN_TENSORBOARD_H

#include "assay/status.h"
#include "base/buffer.h"

#include <stdbool.h>

enum { TENSORBOARD_MAX_RECORD = 1 << 20 };

struct tensorboard_scalar {
    const char *tag;
    float value; /* not finite is shown as such */
};

uint32_t crc32c(const void *bytes, size_t length);

/* Appends one framed record; false when memory runs out or it would be longer than
 * TENSORBOARD_MAX_RECORD. The version record must be the first of a file. */
bool tensorboard_put_version(struct buffer *out, double wall_time);
bool tensorboard_put_scalars(struct buffer *out, double wall_time, int64_t step,
                             const struct tensorboard_scalar *scalars, size_t count);

/* The length of the whole record that begins at `bytes`, and the step of its event (0 when it has
 * none); 0 when it is cut short or damaged. */
size_t tensorboard_read_record(int64_t *step, const void *bytes, size_t length);

#endif
