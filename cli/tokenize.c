#include "output.h"
#include "texts.h"
#include "verbs.h"

#include "assay/pull.h"
#include "assay/tokenizer.h"

#include <string.h>
#include <unistd.h>

struct tokenize_work {
    const struct call *call;
    const assay_tokenizer *tokenizer;
    assay_encode_options options;
    bool pairs;
};

static void put_ids(struct json_out *out, const char *key, const int32_t *ids, int32_t count)
{
    out_key(out, key);
    out_begin(out, '[');
    for (int32_t i = 0; i < count; i++)
        out_integer(out, ids[i]);
    out_end(out, ']');
}

/* One line: the text, or with `window` > 0 one of the windows that --stride makes of its rest. */
static void write_encoding(const struct tokenize_work *work, const assay_encoding *encoding,
                           const char *id, int32_t window)
{
    const assay_tokenizer *tokenizer = work->tokenizer;
    if (!work->call->json) {
        for (int32_t i = 0; i < encoding->count; i++) {
            const char *token = assay_tokenizer_token(tokenizer, encoding->ids[i]);
            if (i)
                putchar(' ');
            print_plain(stdout, token ? token : "?");
        }
        putchar('\n');
        return;
    }
    struct json_out out = {.file = stdout};
    out_begin(&out, '{');
    out_key(&out, "id");
    out_text(&out, id);
    if (work->options.keep_overflow) {
        out_key(&out, "window");
        out_integer(&out, window);
    }
    put_ids(&out, "ids", encoding->ids, encoding->count);
    out_key(&out, "tokens");
    out_begin(&out, '[');
    for (int32_t i = 0; i < encoding->count; i++)
        out_text(&out, assay_tokenizer_token(tokenizer, encoding->ids[i]));
    out_end(&out, ']');
    out_key(&out, "offsets");
    out_begin(&out, '[');
    for (int32_t i = 0; i < encoding->count; i++) {
        out_begin(&out, '[');
        out_integer(&out, encoding->begin[i]);
        out_integer(&out, encoding->end[i]);
        out_end(&out, ']');
    }
    out_end(&out, ']');
    if (work->pairs)
        put_ids(&out, "type_ids", encoding->type_ids, encoding->count);
    out_end(&out, '}');
    out_line(&out);
}

/* Exit code; `one_by_one`: each answer is sent off before the next row is read. */
static int tokenize_rows(const struct tokenize_work *work, assay_rows *rows, bool one_by_one)
{
    assay_encoding encoding = {0};
    int code = CALL_DONE;
    for (;;) {
        assay_error error = {0};
        assay_row row;
        assay_status status = assay_rows_next(rows, &row, &error);
        if (status == ASSAY_OK && !row.text)
            break;
        if (status == ASSAY_OK) {
            status = assay_tokenizer_encode(work->tokenizer, &encoding, row.text, row.text_length,
                                            row.pair, row.pair_length, &work->options, &error);
            if (status != ASSAY_OK && !error.file[0]) {
                snprintf(error.file, sizeof error.file, "%s", row.file);
                error.row = row.line;
            }
        }
        if (status != ASSAY_OK) {
            code = call_failed(work->call, &error);
            if (!text_row_fault(status))
                break;
            continue;
        }
        write_encoding(work, &encoding, row.id, 0);
        for (int32_t i = 0; i < encoding.overflow_count; i++)
            write_encoding(work, &encoding.overflow[i], row.id, i + 1);
        if (ferror(stdout) || (one_by_one && fflush(stdout) != 0))
            break;
    }
    assay_encoding_free(&encoding);
    return code;
}

static int read_options(struct tokenize_work *work, const struct call *call)
{
    assay_encode_options *options = &work->options;
    *options = (assay_encode_options)ASSAY_ENCODE_OPTIONS_INIT;
    options->without_special_tokens = call_has(call, "no-special");
    options->truncate_left = call_has(call, "truncate-left");
    options->stride = (int32_t)call_integer(call, "stride", 0);
    options->keep_overflow = call_has(call, "stride");
    options->max_tokens = (int32_t)call_integer(call, "max-tokens", 0);
    if (options->max_tokens)
        options->truncation = ASSAY_TRUNCATE_LONGEST_FIRST;
    else if (call_has(call, "no-truncation"))
        options->truncation = ASSAY_TRUNCATE_NONE;
    if (options->max_tokens && call_has(call, "no-truncation"))
        return call_wrong(call, "--max-tokens and --no-truncation exclude each other");
    if (options->max_tokens && options->stride >= options->max_tokens)
        return call_wrong(call, "--stride must be smaller than --max-tokens");
    return CALL_DONE;
}

/* A model, or a tokenizer.json itself. */
static assay_status open_tokenizer(assay_tokenizer **tokenizer, const char *name,
                                   assay_error *error)
{
    static const char ending[] = ".json";
    size_t length = strlen(name);
    if (length >= sizeof ending && !strcmp(name + length - (sizeof ending - 1), ending) &&
        access(name, F_OK) == 0)
        return assay_tokenizer_open(tokenizer, name, error);
    char *folder = NULL;
    assay_status status = assay_model_folder(&folder, name, error);
    if (status == ASSAY_OK)
        status = assay_tokenizer_open(tokenizer, folder, error);
    assay_string_free(folder);
    return status;
}

static int run(struct call *call)
{
    static const char *standard_input[] = {"-"};
    struct tokenize_work work = {.call = call};
    assay_error error = {0};
    assay_tokenizer *tokenizer = NULL;
    assay_rows_options rows_options;
    int code = read_options(&work, call);
    if (code != CALL_DONE || !text_options(call, &rows_options, &code))
        return code;
    if (call_has(call, "pair"))
        rows_options.pair_field = call_text(call, "pair", NULL);
    work.pairs = rows_options.pair_field != NULL;
    if (open_tokenizer(&tokenizer, call->arguments[0], &error) != ASSAY_OK)
        return call_failed(call, &error);
    work.tokenizer = tokenizer;
    const char **paths = call->argument_count > 1 ? call->arguments + 1 : standard_input;
    int count = call->argument_count > 1 ? call->argument_count - 1 : 1;
    for (int i = 0; i < count && !ferror(stdout); i++) {
        assay_rows *rows = NULL;
        bool one_by_one = !strcmp(paths[i], "-");
        if (one_by_one && isatty(STDIN_FILENO))
            call_note(call, "reading a text a line; Ctrl-D ends");
        error = (assay_error){0};
        if (assay_rows_open(&rows, paths[i], &rows_options, &error) != ASSAY_OK) {
            code = call_failed(call, &error);
            continue;
        }
        int one = tokenize_rows(&work, rows, one_by_one);
        if (one != CALL_DONE)
            code = one;
        assay_rows_close(rows);
    }
    assay_tokenizer_close(tokenizer);
    return code;
}

static const struct flag flags[] = {
    {"max-tokens", 0, FLAG_INTEGER, "N", "as tokenizer.json says",
     "cut to this many tokens, special ones included, the longer of a pair first", 1, 16777216},
    {"stride", 0, FLAG_INTEGER, "N", "what is cut off is dropped",
     "also give the windows that cutting leaves, N tokens overlapping", 0, 16777216},
    {"truncate-left", 0, FLAG_SWITCH, NULL, "the end", "cut the beginning rather than the end", 0,
     0},
    {"no-truncation", 0, FLAG_SWITCH, NULL, "off", "whole texts, whatever tokenizer.json says", 0,
     0},
    {"no-special", 0, FLAG_SWITCH, NULL, "with them", "without special tokens", 0, 0},
    {"pair", 0, FLAG_TEXT, "FIELD", "single texts", "the field of the second text of a pair", 0, 0},
    TEXT_FLAGS,
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0, 0},
};

const struct verb verb_tokenize = {
    .name = "tokenize",
    .arguments = "MODEL [DATA|-]",
    .purpose = "tokens of texts, as Hugging Face tokenizers gives them",
    .details =
        "One line a text: the tokens between spaces, or with --json an object with id, ids, tokens "
        "and offsets (in characters, [begin, end); special tokens have [0, 0]), with --stride also "
        "window (0, then the windows of the rest), with --pair also type_ids. MODEL may also be a "
        "tokenizer.json. DATA is read as `assay detect` reads it; from standard input each line is "
        "answered before the next is read.",
    .example = "echo 'A text.' | assay tokenize all-MiniLM-L6-v2 --json",
    .flags = flags,
    .least = 1,
    .most = -1,
    .run = run,
};
