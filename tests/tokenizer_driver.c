/* Runs a tokenizer over lines of JSON, for tools/check_tokenizer_parity.py and for timing.
 *
 *   tokenizer_driver MODEL encode [brief]   {"text", "pair", "max", "strategy", "stride", "left",
 *                                            "overflow", "plain"} ->
 * id,begin,end,type,sequence,special tokenizer_driver MODEL decode           {"ids", "skip"} -> the
 * text as a JSON string tokenizer_driver MODEL speed FILE N     MB/s over the "text" of the first N
 * lines
 */
#include "assay/tokenizer.h"
#include "base/json.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_TEXTS = 1 << 20 };

static bool put_window(struct buffer *out, const assay_encoding *encoding, bool brief)
{
    bool fine = true;
    for (int32_t i = 0; i < encoding->count && fine; i++) {
        fine = buffer_format(out, "%s%d,%d,%d", i ? " " : "", encoding->ids[i], encoding->begin[i],
                             encoding->end[i]);
        if (fine && !brief)
            fine = buffer_format(out, ",%d,%d,%d", encoding->type_ids[i], encoding->sequence[i],
                                 encoding->special[i]);
    }
    return fine;
}

static enum assay_truncation strategy_of(const char *name)
{
    return !strcmp(name, "longest_first") ? ASSAY_TRUNCATE_LONGEST_FIRST
           : !strcmp(name, "only_first")  ? ASSAY_TRUNCATE_ONLY_FIRST
           : !strcmp(name, "only_second") ? ASSAY_TRUNCATE_ONLY_SECOND
           : !strcmp(name, "none")        ? ASSAY_TRUNCATE_NONE
                                          : ASSAY_TRUNCATE_MODEL;
}

static assay_status encode(const assay_tokenizer *tokenizer, const struct json *line,
                           struct buffer *out, assay_encoding *encoding, bool brief,
                           assay_error *error)
{
    assay_encode_options options = ASSAY_ENCODE_OPTIONS_INIT;
    const struct json *text = json_member(line, "text"), *pair = json_member(line, "pair");
    options.max_tokens = (int32_t)json_integer(json_member(line, "max"));
    options.stride = (int32_t)json_integer(json_member(line, "stride"));
    options.truncate_left = json_boolean(json_member(line, "left"));
    options.keep_overflow = json_boolean(json_member(line, "overflow"));
    options.without_special_tokens = json_boolean(json_member(line, "plain"));
    options.truncation = strategy_of(json_string(json_member(line, "strategy")));
    assay_status status = assay_tokenizer_encode(
        tokenizer, encoding, json_string(text), json_string_length(text),
        pair ? json_string(pair) : NULL, json_string_length(pair), &options, error);
    if (status)
        return status;
    put_window(out, encoding, brief);
    for (int32_t i = 0; i < encoding->overflow_count; i++) {
        buffer_append_string(out, " | ");
        put_window(out, encoding->overflow + i, brief);
    }
    return ASSAY_OK;
}

static assay_status decode(const assay_tokenizer *tokenizer, const struct json *line,
                           struct buffer *out, assay_error *error)
{
    const struct json *list = json_member(line, "ids");
    size_t count = json_count(list), length = 0;
    int32_t *ids = memory_allocate(count + 1, sizeof *ids);
    char *text = NULL;
    for (size_t i = 0; i < count; i++)
        ids[i] = (int32_t)json_integer(json_element(list, i));
    assay_status status =
        assay_tokenizer_decode_bytes(tokenizer, &text, &length, ids, (int32_t)count,
                                     json_boolean(json_member(line, "skip")), error);
    struct json_writer writer = {.out = out};
    if (!status)
        json_put_bytes(&writer, text, length);
    assay_string_free(text);
    memory_free(ids);
    return status;
}

static int run_lines(const assay_tokenizer *tokenizer, bool decoding, bool brief)
{
    char *line = NULL, message[1024];
    size_t capacity = 0;
    ssize_t length;
    struct buffer out = {0};
    assay_encoding encoding = {0};
    while ((length = getline(&line, &capacity, stdin)) > 0) {
        struct json *root = NULL;
        assay_error error = {0};
        buffer_clear(&out);
        assay_status status = json_parse(&root, line, (size_t)length, NULL, &error);
        if (!status)
            status = decoding ? decode(tokenizer, root, &out, &error)
                              : encode(tokenizer, root, &out, &encoding, brief, &error);
        if (status) {
            assay_error_format(&error, message, sizeof message);
            printf("!%s %s\n", assay_status_name(status), message);
        } else {
            buffer_append_byte(&out, '\n');
            fwrite(out.bytes, 1, out.length, stdout);
        }
        json_free(root);
    }
    assay_encoding_free(&encoding);
    buffer_free(&out);
    free(line);
    return 0;
}

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int run_speed(const assay_tokenizer *tokenizer, const char *path, size_t limit)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t capacity = 0, count = 0, bytes = 0;
    ssize_t length;
    if (!file || limit > MAX_TEXTS)
        return 1;
    struct json **roots = memory_allocate(limit + 1, sizeof *roots);
    while (count < limit && (length = getline(&line, &capacity, file)) > 0) {
        if (json_parse(&roots[count], line, (size_t)length, path, NULL))
            return 1;
        bytes += json_string_length(json_member(roots[count++], "text"));
    }
    fclose(file);
    free(line);
    assay_encoding encoding = {0};
    for (int round = 0; round < 3; round++) {
        /* The first round starts with an empty cache, as one pass over a corpus does. */
        assay_encoding_free(&encoding);
        long tokens = 0;
        double start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
        for (size_t i = 0; i < count; i++) {
            const struct json *text = json_member(roots[i], "text");
            if (assay_tokenizer_encode(tokenizer, &encoding, json_string(text),
                                       json_string_length(text), NULL, 0, NULL, NULL))
                return 1;
            tokens += encoding.count;
        }
        double seconds = now(CLOCK_MONOTONIC) - start;
        cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        printf("%.1f MB/s (%.1f by processor time), %zu texts, %.2f MB, %ld tokens\n",
               (double)bytes / seconds / 1e6, (double)bytes / cpu / 1e6, count, (double)bytes / 1e6,
               tokens);
    }
    assay_encoding_free(&encoding);
    for (size_t i = 0; i < count; i++)
        json_free(roots[i]);
    memory_free(roots);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: tokenizer_driver MODEL encode|decode|speed ...\n");
        return 2;
    }
    assay_tokenizer *tokenizer = NULL;
    assay_error error = {0};
    char message[1024];
    double start = now(CLOCK_MONOTONIC);
    if (assay_tokenizer_open(&tokenizer, argv[1], &error)) {
        assay_error_format(&error, message, sizeof message);
        fprintf(stderr, "%s\n", message);
        return 1;
    }
    int result = 2;
    if (!strcmp(argv[2], "speed") && argc > 4) {
        printf("opened in %.0f ms\n", (now(CLOCK_MONOTONIC) - start) * 1e3);
        result = run_speed(tokenizer, argv[3], (size_t)strtoul(argv[4], NULL, 10));
    } else if (!strcmp(argv[2], "encode") || !strcmp(argv[2], "decode")) {
        result =
            run_lines(tokenizer, !strcmp(argv[2], "decode"), argc > 3 && !strcmp(argv[3], "brief"));
    }
    assay_tokenizer_close(tokenizer);
    return result;
}
