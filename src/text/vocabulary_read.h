/* The files that older tokenizers keep their words in: vocab.txt, vocab.json, merges.txt. What they
 * do not say (kinds, special tokens) is for vocabulary_files.c to make out.
 */
#ifndef ASSAY_TEXT_VOCABULARY_READ_H
#define ASSAY_TEXT_VOCABULARY_READ_H

#include "text/bpe.h"
#include "text/vocabulary.h"

/* One token a line, numbered from 0. */
assay_status vocabulary_read_lines(struct vocabulary *vocabulary, const char *path,
                                   assay_error *error);
/* An object of tokens and ids. */
assay_status vocabulary_read_object(struct vocabulary *vocabulary, const char *path,
                                    assay_error *error);
/* Two tokens and one space a line; lines that begin with #version do not count. */
assay_status bpe_read_merges(struct bpe *bpe, const struct vocabulary *vocabulary, const char *path,
                             assay_error *error);

#endif
