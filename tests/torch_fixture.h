/* PyTorch checkpoints made by hand: a zip with a pickle and storages, honest or not. */
#ifndef ASSAY_TESTS_TORCH_FIXTURE_H
#define ASSAY_TESTS_TORCH_FIXTURE_H

#include "base/buffer.h"

#include <stdint.h>

/* A zip of stored files. `wide` ones have their sizes and place in a zip64 field alone. */
struct zip_maker {
    struct buffer out, directory;
    unsigned count;
};

enum { ZIP_IS_WIDE = 1, ZIP_IS_PACKED = 2 /* says that it is deflated */ };

void zip_add(struct zip_maker *zip, const char *name, const void *bytes, size_t length, int flags);
/* With a zip64 end record, as torch writes, or without; the whole archive is in zip->out. */
void zip_finish(struct zip_maker *zip, int wide_end);
void zip_free(struct zip_maker *zip);

/* A checkpoint in zip->out: data.pkl, and data/0 of `storage` bytes that count up from 0. */
void make_checkpoint(struct zip_maker *zip, const void *pickle, size_t length, size_t storage);

#endif
