/* JSON onto a stdio stream. Commas and escapes are this file's business; numbers come with all
 * their digits; bytes that are not UTF-8 are written as U+FFFD; numbers that are not finite as
 * null. Start from {.file = stdout}. Write errors are the stream's own: see output_finish.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { JSON_OUT_DEPTH = 16 };

struct json_out {
    FILE *file;
    int depth;
    bool after_key;
    bool filled[JSON_OUT_DEPTH];
};

void out_begin(struct json_out *out, char bracket); /* '{' or '[' */
void out_end(struct json_out *out, char bracket);   /* '}' or ']' */
void out_key(struct json_out *out, const char *key);
void out_text(struct json_out *out, const char *text); /* NULL: null */
void out_integer(struct json_out *out, int64_t value);
void out_float(struct json_out *out, float value);
void out_double(struct json_out *out, double value);
void out_boolean(struct json_out *out, bool value);
void out_null(struct json_out *out);
/* A key and its value. */
void out_put_text(struct json_out *out, const char *key, const char *value);
void out_put_integer(struct json_out *out, const char *key, int64_t value);
void out_put_double(struct json_out *out, const char *key, double value);
void out_put_boolean(struct json_out *out, const char *key, bool value);
void out_line(struct json_out *out); /* the end of a document */

/* Text for a terminal or a table: control characters as '?'. */
void print_plain(FILE *file, const char *text);

/* "12.3 MB" */
const char *bytes_text(char text[32], double bytes);

/* Flushes stdout; false when anything written to it was lost, with errno. */
bool output_finish(void);

#endif
