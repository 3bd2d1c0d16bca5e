/* Texts cleaned one by one, as a file was. */
#include "assay/cleaning.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "clean/clean_steps.h"

struct assay_cleaner {
    const assay_cleaning *passes;
    size_t count;
    struct clean_text text;
};

assay_status assay_cleaner_open(assay_cleaner **out, const assay_cleaning *passes, size_t count,
                                assay_error *error)
{
    if (!out)
        return error_needs(error, __func__, "out");
    *out = NULL;
    if (!passes && count)
        return error_needs(error, __func__, "the passes that it counts");
    for (size_t i = 0; i < count; i++) {
        if (error_list(error, passes[i].headers, passes[i].header_count, "headers"))
            return ASSAY_ERROR_ARGUMENT;
    }
    *out = memory_allocate_zeroed(1, sizeof **out);
    if (!*out)
        return error_memory(error, sizeof **out);
    (*out)->passes = passes;
    (*out)->count = count;
    return ASSAY_OK;
}

void assay_cleaner_close(assay_cleaner *cleaner)
{
    if (!cleaner)
        return;
    clean_text_free(&cleaner->text);
    memory_free(cleaner);
}

assay_status assay_cleaner_clean(assay_cleaner *cleaner, const char **out, size_t *out_length,
                                 const char *bytes, size_t length, assay_error *error)
{
    if (!cleaner || !out || !out_length || (!bytes && length))
        return error_needs(error, __func__, "a cleaner, out, out_length and text");
    struct clean_text *text = &cleaner->text;
    *out = bytes;
    *out_length = length;
    if (utf8_valid_prefix(bytes, length) != length)
        return error_set(error, ASSAY_ERROR_FORMAT, "not UTF-8");
    for (size_t i = 0; i < cleaner->count && !text->failed; i++) {
        int64_t edits[ASSAY_CLEAN_STEP_COUNT] = {0};
        clean_decode(text, *out, *out_length);
        clean_change(text, edits, NULL, &cleaner->passes[i]);
        if (!text->failed)
            clean_finish(text, edits, &cleaner->passes[i]);
        *out = text->bytes.bytes;
        *out_length = text->bytes.length;
    }
    if (!text->failed)
        return ASSAY_OK;
    text->failed = false;
    return error_memory(error, length);
}
