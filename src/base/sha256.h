/* SHA-256 (FIPS 180-4), fed in pieces. Fed by one thread at a time.
 */
#ifndef ASSAY_BASE_SHA256_H
#define ASSAY_BASE_SHA256_H

#include "assay/status.h"

enum { SHA256_BYTES = 32, SHA256_HEX_SIZE = 65 };

struct sha256 {
    uint32_t state[8];
    uint64_t length;
    unsigned char block[64];
};

void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t length);
void sha256_end(struct sha256 *hash, unsigned char digest[SHA256_BYTES]);

/* Lower-case digits with a zero byte behind them. */
void sha256_hex(char text[SHA256_HEX_SIZE], const unsigned char digest[SHA256_BYTES]);
/* The digest of a whole regular file, as digits. */
assay_status sha256_file(char text[SHA256_HEX_SIZE], const char *path, assay_error *error);

#endif
