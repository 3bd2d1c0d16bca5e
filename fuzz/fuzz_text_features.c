/* Any bytes as a text: features must be finite, strings must lie inside, and no byte outside may be
 * read. */
#include "base/utf8.h"
#include "data/text_features.h"
#include "data/text_strings.h"

#include <math.h>
#include <stdlib.h>

static bool visit(void *context, enum text_string kind, const char *string, size_t length,
                  size_t at)
{
    if (kind >= TEXT_STRING_COUNT || length > TEXT_STRING_BYTES || at > *(const size_t *)context ||
        !string || !length)
        abort();
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    double values[TEXT_FEATURE_COUNT];
    const char *text = (const char *)data;
    if (text_features(values, text, size, NULL) != ASSAY_OK)
        return 0;
    for (int f = 0; f < text_feature_count(); f++) {
        if (!isfinite(values[f]) || values[f] < 0)
            abort();
    }
    size_t valid = utf8_valid_prefix(text, size);
    if (!text_strings(text, valid, visit, &valid))
        abort();
    return 0;
}
