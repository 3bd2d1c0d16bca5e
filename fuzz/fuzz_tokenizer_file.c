/* Any bytes as a tokenizer.json: refused, or a tokenizer that encodes and decodes. */
#include "assay/tokenizer.h"
#include "base/file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[64];
    if (!*path)
        snprintf(path, sizeof path, "/tmp/assay-fuzz-%d.json", (int)getpid());
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size)
        abort();
    fclose(file);
    assay_tokenizer *tokenizer = NULL;
    assay_error error = {0};
    assay_status status = assay_tokenizer_open(&tokenizer, path, &error);
    unlink(path);
    if (status) {
        if (tokenizer || !*error.message)
            abort();
        return 0;
    }
    static const char text[] =
        "A na\xc3\xafve [MASK] don't  ab\xe4\xbd\xa0\xe5\xa5\xbd <s>12\n\n x";
    assay_encoding encoding = {0};
    assay_encode_options options = ASSAY_ENCODE_OPTIONS_INIT;
    options.keep_overflow = true;
    if (!assay_tokenizer_encode(tokenizer, &encoding, text, sizeof text - 1, text, 9, &options,
                                &error)) {
        char *decoded = NULL;
        for (int32_t i = 0; i < encoding.count; i++) {
            if (encoding.begin[i] < 0 || encoding.end[i] < encoding.begin[i] ||
                encoding.end[i] > (int32_t)sizeof text)
                abort();
        }
        if (!assay_tokenizer_decode(tokenizer, &decoded, encoding.ids, encoding.count, true,
                                    &error))
            assay_string_free(decoded);
    }
    assay_encoding_free(&encoding);
    assay_tokenizer_close(tokenizer);
    return 0;
}
