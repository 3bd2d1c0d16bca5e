#include "output.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static void separate(struct json_out *out)
{
    if (out->after_key) {
        out->after_key = false;
        return;
    }
    if (out->depth > 0) {
        if (out->filled[out->depth - 1])
            fputs(", ", out->file);
        out->filled[out->depth - 1] = true;
    }
}

void out_begin(struct json_out *out, char bracket)
{
    separate(out);
    putc(bracket, out->file);
    out->filled[out->depth++] = false;
}

void out_end(struct json_out *out, char bracket)
{
    out->depth--;
    putc(bracket, out->file);
}

/* Length of the well-formed UTF-8 sequence at s, 0 when there is none (Unicode 15, table 3-7). */
static size_t sequence_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4)
        return 0;
    size_t length = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    unsigned char low = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if (s[i] < 0x80 || s[i] > 0xBF)
            return 0;
    }
    return length;
}

static void write_text(struct json_out *out, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    putc('"', out->file);
    while (*s) {
        size_t length = sequence_length(s);
        if (!length) {
            fputs("\xEF\xBF\xBD", out->file);
            s++;
        } else if (*s == '"' || *s == '\\') {
            putc('\\', out->file);
            putc(*s++, out->file);
        } else if (*s == '\n') {
            fputs("\\n", out->file);
            s++;
        } else if (*s < 0x20 || *s == 0x7F) {
            fprintf(out->file, "\\u%04x", *s++);
        } else {
            fwrite(s, 1, length, out->file);
            s += length;
        }
    }
    putc('"', out->file);
}

void out_key(struct json_out *out, const char *key)
{
    separate(out);
    write_text(out, key);
    fputs(": ", out->file);
    out->after_key = true;
}

void out_text(struct json_out *out, const char *text)
{
    if (!text) {
        out_null(out);
        return;
    }
    separate(out);
    write_text(out, text);
}

void out_integer(struct json_out *out, int64_t value)
{
    separate(out);
    char digits[24];
    char *at = digits + sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        *--at = '-';
    fwrite(at, 1, (size_t)(digits + sizeof digits - at), out->file);
}

void out_float(struct json_out *out, float value)
{
    if (!isfinite(value)) {
        out_null(out);
        return;
    }
    separate(out);
    fprintf(out->file, "%.9g", (double)value);
}

void out_double(struct json_out *out, double value)
{
    if (!isfinite(value)) {
        out_null(out);
        return;
    }
    separate(out);
    fprintf(out->file, "%.17g", value);
}

void out_boolean(struct json_out *out, bool value)
{
    separate(out);
    fputs(value ? "true" : "false", out->file);
}

void out_null(struct json_out *out)
{
    separate(out);
    fputs("null", out->file);
}

void out_put_text(struct json_out *out, const char *key, const char *value)
{
    out_key(out, key);
    out_text(out, value);
}

void out_put_integer(struct json_out *out, const char *key, int64_t value)
{
    out_key(out, key);
    out_integer(out, value);
}

void out_put_double(struct json_out *out, const char *key, double value)
{
    out_key(out, key);
    out_double(out, value);
}

void out_put_boolean(struct json_out *out, const char *key, bool value)
{
    out_key(out, key);
    out_boolean(out, value);
}

void out_line(struct json_out *out)
{
    putc('\n', out->file);
}

void print_plain(FILE *file, const char *text)
{
    for (; *text; text++)
        putc((unsigned char)*text < ' ' || *text == 127 ? '?' : *text, file);
}

const char *bytes_text(char text[32], double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    int unit = 0;
    while (bytes >= 999.5 && unit < 4) {
        bytes /= 1000;
        unit++;
    }
    snprintf(text, 32, bytes < 9.95 && unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return text;
}

bool output_finish(void)
{
    errno = 0;
    return fflush(stdout) == 0 && !ferror(stdout);
}
