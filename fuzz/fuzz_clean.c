/* The first bytes choose steps; whatever text follows, cleaning it gives UTF-8 again, and features
 * of it can be made. */
#include "base/utf8.h"
#include "clean/clean_text.h"
#include "clean/common_header.h"
#include "prepare/shingles.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int64_t (*const steps[])(struct clean_text *) = {
        clean_markup,     clean_unicode,    clean_invisible, clean_typography,
        clean_homoglyphs, clean_whitespace, clean_one_line,  clean_lowercase,
    };
    struct clean_text text = {0};
    struct shingle_scratch scratch = {0};
    struct features features = {0};
    struct buffer words = {0};
    assay_clean_options options;
    char why[CLEAN_WHY_SIZE];
    size_t line, colon;
    if (!size)
        return 0;
    const char *bytes = (const char *)data + 1;
    size_t length = utf8_valid_prefix(bytes, size - 1);
    clean_decode(&text, bytes, length);
    for (int i = 0; i < 8; i++) {
        if (data[0] >> i & 1)
            steps[i](&text);
    }
    homoglyph_words(&text, &words, 5);
    clean_encode(&text);
    if (text.failed || utf8_valid_prefix(text.bytes.bytes, text.bytes.length) != text.bytes.length)
        abort();
    header_candidates(&line, &colon, text.bytes.bytes, text.bytes.length);
    if (line > text.bytes.length || colon > text.bytes.length)
        abort();
    assay_clean_options_init(&options);
    clean_rule_of(why, &text, &options);
    if (!features_make(&features, &scratch, text.bytes.bytes, text.bytes.length, 3, true))
        abort();
    for (size_t i = 1; i < features.count; i++) {
        if (features.set[i - 1] >= features.set[i])
            abort();
    }
    buffer_free(&words);
    features_free(&features);
    shingle_scratch_free(&scratch);
    clean_text_free(&text);
    return 0;
}
