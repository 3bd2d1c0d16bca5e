/* GPT-2's alphabet: every byte has a printable character that stands for it in vocabularies.
 * Pure functions. Reference: encoder.py of github.com/openai/gpt-2.
 */
#ifndef ASSAY_TEXT_BYTE_LEVEL_H
#define ASSAY_TEXT_BYTE_LEVEL_H

#include "base/buffer.h"

#include <stdint.h>

enum { BYTE_LEVEL_SPACE = 0x120 }; /* what stands for a space */

/* The character of a byte: below U+0144. */
uint32_t byte_level_character(unsigned char byte);
/* The byte of a character, -1 when it stands for none. */
int byte_level_byte(uint32_t character);

/* Appends bytes as text: U+FFFD for each longest part that is not UTF-8, as Rust and Python do. */
bool byte_level_append_text(struct buffer *out, const char *bytes, size_t length);

#endif
