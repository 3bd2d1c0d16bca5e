#include "recipe/recipe_fields.h"

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/utf8.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Plain where every YAML reader, also of version 1.1, takes it for text. */
static bool is_plain(const char *text)
{
    static const char *const reserved[] = {"null", "true", "false", "yes", "no",
                                           "on",   "off",  "y",     "n"};
    if (!isalpha((unsigned char)text[0]) && text[0] != '/')
        return false;
    for (const char *at = text; *at; at++) {
        if (!isascii((unsigned char)*at) || (!isalnum((unsigned char)*at) && !strchr("_./-", *at)))
            return false;
    }
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (!strcasecmp(text, reserved[i]))
            return false;
    }
    return true;
}

static uint32_t code_point(const unsigned char *bytes, size_t length)
{
    if (length == 1)
        return bytes[0];
    uint32_t code = bytes[0] & (0xffU >> (length + 1));
    for (size_t i = 1; i < length; i++)
        code = code << 6 | (bytes[i] & 0x3fU);
    return code;
}

/* Double quotes; what YAML takes for a line break or does not let through becomes an escape. */
static bool put_quoted(struct buffer *out, const char *text)
{
    size_t length = strlen(text);
    bool done = buffer_append_byte(out, '"');
    for (size_t at = 0; done && at < length;) {
        const unsigned char *bytes = (const unsigned char *)text + at;
        size_t step = utf8_sequence(bytes, length - at);
        uint32_t code = step ? code_point(bytes, step) : 0xfffd;
        if (code == '"' || code == '\\')
            done = buffer_format(out, "\\%c", (char)code);
        else if (code < 0x20 || (code >= 0x7f && code <= 0xa0))
            done = buffer_format(out, "\\x%02x", (unsigned)code);
        else if (code == 0x2028 || code == 0x2029 || code == 0xfeff || code == 0xfffe ||
                 code == 0xffff)
            done = buffer_format(out, "\\u%04x", (unsigned)code);
        else
            done = buffer_append(out, bytes, step);
        at += step ? step : 1;
    }
    return done && buffer_append_byte(out, '"');
}

static bool put_text(struct buffer *out, const char *text)
{
    if (!text)
        return buffer_append_string(out, "null");
    return is_plain(text) ? buffer_append_string(out, text) : put_quoted(out, text);
}

/* The shortest that reads back equal; with a point, since YAML 1.1 takes 5e-05 for a text. */
static bool put_number(struct buffer *out, double value)
{
    enum { NUMBER_SIZE = 64, MOST_PLAIN = 1000000000 };
    if (floor(value) == value && fabs(value) <= MOST_PLAIN)
        return buffer_format(out, "%lld", (long long)value);
    struct buffer digits = {0};
    struct json_writer writer = {.out = &digits};
    json_put_number(&writer, value);
    bool done = !writer.failed;
    if (done) {
        size_t mantissa = strcspn(digits.bytes, "eE");
        bool has_point = memchr(digits.bytes, '.', mantissa) != NULL;
        done = buffer_append(out, digits.bytes, mantissa) &&
               (has_point || buffer_append_string(out, ".0")) &&
               buffer_append_string(out, digits.bytes + mantissa);
    }
    buffer_free(&digits);
    return done;
}

static bool put_texts(struct buffer *out, const struct recipe_texts *texts)
{
    bool done = buffer_append_byte(out, '[');
    for (size_t i = 0; done && i < texts->count; i++)
        done = (!i || buffer_append_string(out, ", ")) && put_text(out, texts->items[i]);
    return done && buffer_append_byte(out, ']');
}

static bool put_map(struct buffer *out, const struct recipe_map *map)
{
    bool done = buffer_append_byte(out, '{');
    for (size_t i = 0; done && i < map->count; i++) {
        const struct recipe_entry *entry = &map->entries[i];
        done = (!i || buffer_append_string(out, ", ")) && put_text(out, entry->key) &&
               buffer_append_string(out, ": ") &&
               (entry->text ? put_text(out, entry->text) : put_number(out, entry->number));
    }
    return done && buffer_append_byte(out, '}');
}

static bool put_value(struct buffer *out, const struct recipe *recipe,
                      const struct recipe_field *field)
{
    const void *value = (const char *)recipe + field->offset;
    int word;
    switch (field->kind) {
    case RECIPE_TEXT:
        return put_text(out, *(char *const *)value);
    case RECIPE_WORD:
        memcpy(&word, value, sizeof word);
        return buffer_append_string(out, field->words[word]);
    case RECIPE_NUMBER:
        if (field->sentinel && *(const double *)value == field->sentinel_value)
            return buffer_append_string(out, field->sentinel);
        return put_number(out, *(const double *)value);
    case RECIPE_INTEGER:
        if (field->sentinel && (double)*(const int64_t *)value == field->sentinel_value)
            return buffer_append_string(out, field->sentinel);
        return buffer_format(out, "%lld", (long long)*(const int64_t *)value);
    case RECIPE_BOOLEAN:
        return buffer_append_string(out, *(const bool *)value ? "true" : "false");
    case RECIPE_TEXTS:
        return put_texts(out, value);
    case RECIPE_PAIR:
        return buffer_append_byte(out, '[') && put_number(out, ((const double *)value)[0]) &&
               buffer_append_string(out, ", ") && put_number(out, ((const double *)value)[1]) &&
               buffer_append_byte(out, ']');
    case RECIPE_WEIGHTS:
    case RECIPE_RENAMES:
        return put_map(out, value);
    }
    return false;
}

/* The section's name before the first key of it, then the key. */
static bool put_key(struct buffer *out, const char *path, const char **section)
{
    const char *dot = strchr(path, '.');
    if (!dot) {
        *section = NULL;
        return buffer_format(out, "%s: ", path);
    }
    size_t length = (size_t)(dot - path) + 1;
    bool entered = *section && !strncmp(*section, path, length);
    *section = path;
    return (entered || buffer_format(out, "%.*s:\n", (int)length - 1, path)) &&
           buffer_format(out, "  %s: ", dot + 1);
}

static assay_status write_fields(struct buffer *out, const struct recipe *recipe, bool with_out,
                                 assay_error *error)
{
    const char *section = NULL;
    size_t length = out->length;
    for (size_t i = 0; i < RECIPE_FIELD_COUNT; i++) {
        const struct recipe_field *field = &recipe_fields[i];
        if ((field->rival && recipe_field_is_zero(recipe, field)) ||
            (!with_out && !strcmp(field->path, "out")))
            continue;
        if (put_key(out, field->path, &section) && put_value(out, recipe, field) &&
            buffer_append_byte(out, '\n'))
            continue;
        out->length = length; /* what stood there before stays */
        if (out->bytes)
            out->bytes[length] = '\0';
        return error_set(error, ASSAY_ERROR_MEMORY, "not enough memory to write a recipe");
    }
    return ASSAY_OK;
}

assay_status recipe_write(struct buffer *out, const struct recipe *recipe, assay_error *error)
{
    return write_fields(out, recipe, true, error);
}

assay_status recipe_fingerprint(uint64_t *fingerprint, const struct recipe *recipe,
                                assay_error *error)
{
    struct buffer text = {0};
    assay_status status = write_fields(&text, recipe, false, error);
    if (!status) {
        struct sha256 hash;
        unsigned char digest[SHA256_BYTES];
        sha256_begin(&hash);
        sha256_add(&hash, text.bytes, text.length);
        sha256_end(&hash, digest);
        *fingerprint = 0;
        for (size_t i = 0; i < sizeof *fingerprint; i++)
            *fingerprint = *fingerprint << 8 | digest[i];
    }
    buffer_free(&text);
    return status;
}
