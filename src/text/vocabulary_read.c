#include "text/vocabulary_read.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "text/tokenizer_internal.h"
#include "text/unicode.h"

#include <string.h>

/* White space at the end of a line does not belong to the token. */
static size_t trimmed_length(const char *line, size_t length)
{
    while (length) {
        size_t start = length - 1;
        while (start && ((unsigned char)line[start] & 0xc0) == 0x80)
            start--;
        size_t at = start;
        if (!(unicode_flags(unicode_get_utf8(line, &at)) & UNICODE_WHITESPACE))
            break;
        length = start;
    }
    return length;
}

/* The line at *at, without its end; false at the end of the text. */
static bool next_line(const struct buffer *text, size_t *at, const char **line, size_t *length)
{
    if (*at >= text->length)
        return false;
    *line = text->bytes + *at;
    const char *end = memchr(*line, '\n', text->length - *at);
    *length = end ? (size_t)(end - *line) : text->length - *at;
    *at += *length + 1;
    return true;
}

assay_status vocabulary_read_lines(struct vocabulary *vocabulary, const char *path,
                                   assay_error *error)
{
    struct buffer text = {0};
    assay_status status = file_read(&text, path, TOKENIZER_MAX_FILE, error);
    int64_t row = 0;
    const char *line;
    size_t length;
    for (size_t at = 0; !status && next_line(&text, &at, &line, &length); row++) {
        size_t valid = utf8_valid_prefix(line, length);
        if (valid < length) {
            status = error_set(error, ASSAY_ERROR_FORMAT, "the line is not valid UTF-8");
            error_at_row(error, row + 1, (int64_t)valid + 1);
            break;
        }
        status = vocabulary_add(vocabulary, line, trimmed_length(line, length), row, error);
        if (status)
            error_at_row(error, row + 1, 0);
    }
    if (!status && !row)
        status = error_set(error, ASSAY_ERROR_FORMAT, "the vocabulary is empty");
    if (status)
        error_at_file(error, path);
    buffer_free(&text);
    return status;
}

assay_status vocabulary_read_object(struct vocabulary *vocabulary, const char *path,
                                    assay_error *error)
{
    struct json *root = NULL;
    assay_status status = json_parse_file(&root, path, TOKENIZER_MAX_FILE, error);
    if (!status && json_kind(root) != JSON_OBJECT)
        status = error_set(error, ASSAY_ERROR_FORMAT, "the vocabulary is not an object");
    if (!status)
        status = json_each_member(root, vocabulary_add_member, vocabulary, error);
    if (status)
        error_at_file(error, path);
    json_free(root);
    return status;
}

assay_status bpe_read_merges(struct bpe *bpe, const struct vocabulary *vocabulary, const char *path,
                             assay_error *error)
{
    struct buffer text = {0};
    assay_status status = file_read(&text, path, TOKENIZER_MAX_FILE, error);
    int64_t row = 0;
    const char *line;
    size_t length;
    for (size_t at = 0; !status && next_line(&text, &at, &line, &length); row++) {
        bool ended = at <= text.length; /* by a line end, and not by the file's */
        if (length && ended && line[length - 1] == '\r')
            length--;
        if (length >= 8 && !memcmp(line, "#version", 8))
            continue;
        const char *space = length ? memchr(line, ' ', length) : NULL;
        size_t left = space ? (size_t)(space - line) : 0;
        if (!space || memchr(space + 1, ' ', length - left - 1))
            status = error_set(error, ASSAY_ERROR_FORMAT,
                               "a merge must be two tokens with one space between");
        else
            status =
                bpe_add_merge(bpe, vocabulary, line, left, space + 1, length - left - 1, error);
        if (status)
            error_at_row(error, row + 1, 0);
    }
    if (status)
        error_at_file(error, path);
    buffer_free(&text);
    return status;
}
