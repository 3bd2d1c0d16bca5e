#include "npy.h"
#include "output.h"
#include "texts.h"
#include "verbs.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct embed_work {
    const struct call *call;
    int64_t width;
    FILE *lines;         /* JSON lines, or NULL */
    struct npy_file npy; /* otherwise */
    float *refused;      /* a row of NaN */
};

static bool write_vector(void *context, const struct text_answer *answer)
{
    struct embed_work *work = context;
    const float *vector = answer->values;
    if (!work->lines) {
        /* Row n of the file stays row n of the data. */
        if (npy_write(&work->npy, vector ? vector : work->refused))
            return true;
        call_failed_saying(work->call, "%s: %s", work->npy.path, strerror(errno));
        return false;
    }
    if (!vector)
        return true;
    struct json_out out = {.file = work->lines};
    out_begin(&out, '{');
    out_key(&out, "id");
    out_text(&out, answer->id);
    out_key(&out, "tokens");
    out_integer(&out, answer->result->tokens);
    out_key(&out, "truncated");
    out_boolean(&out, answer->result->truncated);
    out_key(&out, "vector");
    out_begin(&out, '[');
    for (int64_t i = 0; i < work->width; i++)
        out_float(&out, vector[i]);
    out_end(&out, ']');
    out_end(&out, '}');
    out_line(&out);
    return !ferror(work->lines);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

/* Where the vectors go by -o. */
static int open_output(struct embed_work *work, const char *path)
{
    if (!path || !strcmp(path, "-")) {
        work->lines = stdout;
        return CALL_DONE;
    }
    if (ends_with(path, ".npy")) {
        work->refused = malloc((size_t)work->width * sizeof *work->refused);
        if (!work->refused)
            return call_failed_saying(work->call, "not enough memory");
        for (int64_t i = 0; i < work->width; i++)
            work->refused[i] = NAN;
        if (!npy_open(&work->npy, path, work->width))
            return call_failed_saying(work->call, "%s: %s", path, strerror(errno));
        return CALL_DONE;
    }
    if (!ends_with(path, ".jsonl") && !ends_with(path, ".json"))
        return call_wrong(work->call, "-o writes .npy or .jsonl, not %s", path);
    work->lines = fopen(path, "w");
    if (!work->lines)
        return call_failed_saying(work->call, "%s: %s", path, strerror(errno));
    return CALL_DONE;
}

/* Closes the output; `code` is the exit code so far. */
static int close_output(struct embed_work *work, int code, const char *path, bool complete)
{
    bool kept = true;
    if (work->npy.file)
        kept = complete && npy_commit(&work->npy);
    else if (work->lines && work->lines != stdout)
        kept = fclose(work->lines) == 0;
    if (!kept && complete)
        code = call_failed_saying(work->call, "%s: %s", path, strerror(errno));
    npy_close(&work->npy);
    free(work->refused);
    return code;
}

static int run(struct call *call)
{
    assay_model *model = NULL;
    assay_session *session = NULL;
    struct embed_work embed = {.call = call};
    const char *path = call_text(call, "out", NULL);
    int code = text_open_model(call, &model, &session);
    if (code != CALL_DONE)
        goto done;
    assay_model_info info;
    assay_model_get_info(model, &info);
    embed.width = info.width;
    code = open_output(&embed, path);
    if (code == CALL_DONE) {
        struct text_work work = {.call = call,
                                 .session = session,
                                 .width = info.width,
                                 .score = assay_session_embed,
                                 .write = write_vector,
                                 .context = &embed};
        bool finished = false;
        code = text_run(&work, call->arguments + 1, call->argument_count - 1, &finished);
        code = close_output(&embed, code, path, finished);
    } else {
        close_output(&embed, code, path, false);
    }
done:
    assay_session_close(session);
    assay_model_close(model);
    return code;
}

static const struct flag flags[] = {
    {"out", 'o', FLAG_TEXT, "FILE", "JSON lines on stdout",
     "where the vectors go: .npy (float32, a row a text) or .jsonl", 0, 0},
    TEXT_FLAGS,
    SESSION_FLAGS,
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0, 0},
};

const struct verb verb_embed = {
    .name = "embed",
    .arguments = "MODEL [DATA|-]",
    .purpose = "a vector a text, as .npy or JSON",
    .details =
        "Token vectors are pooled and normalised as the model's sentence-transformers files say; "
        "without such files the mean over the tokens is taken, at length one. DATA is read as "
        "`assay detect` reads it. JSON lines hold id, tokens, truncated and vector.\n\n"
        "A row that cannot be read is reported on stderr and left out of JSON lines; in a .npy "
        "file its row is NaN, so that row n of the file stays row n of the data. The exit code is "
        "then 1.",
    .example = "assay embed all-MiniLM-L6-v2 notes.jsonl -o notes.npy",
    .flags = flags,
    .least = 1,
    .most = -1,
    .run = run,
};
