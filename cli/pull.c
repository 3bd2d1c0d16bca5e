#include "output.h"
#include "verbs.h"

#include "assay/pull.h"

#include <string.h>
#include <unistd.h>

struct pull_progress {
    const struct call *call;
    char file[256];
    double said;
    bool terminal;
};

/* A line every few seconds, and one a file; on a terminal the line is written over. */
static void say_progress(void *context, const char *file, uint64_t done, uint64_t total)
{
    enum { SECONDS = 2 };
    struct pull_progress *progress = context;
    double now = call_seconds();
    bool fresh = strncmp(progress->file, file, sizeof progress->file - 1) != 0;
    if (progress->call->quiet ||
        (!fresh && now - progress->said < (progress->terminal ? 1 : SECONDS)))
        return;
    snprintf(progress->file, sizeof progress->file, "%s", file);
    progress->said = now;
    char is[32], of[32];
    if (progress->terminal)
        fputs("\r\033[K", stderr);
    fputs("assay pull: ", stderr);
    print_plain(stderr, progress->file);
    if (!fresh || progress->terminal)
        fprintf(stderr, " %s%s", bytes_text(is, (double)done), total ? " of" : "");
    if (total)
        fprintf(stderr, " %s", bytes_text(of, (double)total));
    if (!progress->terminal)
        fputc('\n', stderr);
}

static void print_result(const struct call *call, const assay_pull_result *result)
{
    if (call->json) {
        struct json_out out = {.file = stdout};
        out_begin(&out, '{');
        out_key(&out, "folder");
        out_text(&out, result->folder);
        out_key(&out, "source");
        out_text(&out, result->source);
        out_key(&out, "licence");
        out_text(&out, result->licence && *result->licence ? result->licence : NULL);
        out_key(&out, "already_there");
        out_boolean(&out, result->already_there);
        out_key(&out, "files");
        out_begin(&out, '[');
        for (size_t i = 0; i < result->file_count; i++) {
            out_begin(&out, '{');
            out_key(&out, "path");
            out_text(&out, result->files[i].path);
            out_key(&out, "bytes");
            out_integer(&out, (int64_t)result->files[i].size);
            out_key(&out, "sha256");
            out_text(&out, result->files[i].sha256);
            out_end(&out, '}');
        }
        out_end(&out, ']');
        out_end(&out, '}');
        out_line(&out);
        return;
    }
    print_plain(stdout, result->folder);
    puts(result->already_there ? " (was there, checksums right)" : "");
    printf("  source  ");
    print_plain(stdout, result->source);
    printf("\n  licence ");
    print_plain(stdout, result->licence && *result->licence ? result->licence : "not stated");
    putchar('\n');
    for (size_t i = 0; i < result->file_count; i++) {
        char bytes[32];
        printf("  %8s  %.12s  ", bytes_text(bytes, (double)result->files[i].size),
               result->files[i].sha256);
        print_plain(stdout, result->files[i].path);
        putchar('\n');
    }
}

static int run(struct call *call)
{
    struct pull_progress progress = {.call = call, .terminal = isatty(STDERR_FILENO) != 0};
    assay_pull_options options = ASSAY_PULL_OPTIONS_INIT;
    options.revision = call_text(call, "revision", NULL);
    options.save_as = call_text(call, "as", NULL);
    options.sha256 = call_text(call, "sha256", NULL);
    options.refresh = call_has(call, "refresh");
    options.progress = say_progress;
    options.context = &progress;
    assay_pull_result result = {0};
    assay_error error = {0};
    assay_status status = assay_pull(call->arguments[0], &options, &result, &error);
    if (progress.terminal && progress.file[0])
        fputc('\n', stderr);
    if (status != ASSAY_OK)
        return call_failed(call, &error);
    print_result(call, &result);
    assay_pull_result_free(&result);
    return CALL_DONE;
}

static const struct flag flags[] = {
    {"revision", 0, FLAG_TEXT, "R", "main", "a branch, tag or commit of the Hub", 0, 0},
    {"as", 0, FLAG_TEXT, "NAME", "from the source's name", "the short name to keep it under", 0, 0},
    {"sha256", 0, FLAG_TEXT, "DIGITS", "not checked", "what an archive's SHA-256 must be", 0, 0},
    {"refresh", 0, FLAG_SWITCH, NULL, "off", "look again even when the model is there", 0, 0},
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0, 0},
};

const struct verb verb_pull = {
    .name = "pull",
    .arguments = "NAME",
    .purpose = "a model from the Hub, a folder, an archive or a URL, under a short name",
    .details =
        "NAME is a folder, a .whl, .zip or .tar.gz that holds one, a URL of an archive, or a name "
        "on the Hugging Face Hub (org/model, or model). It is kept under $ASSAY_HOME/models "
        "(without ASSAY_HOME: ~/.cache/assay/models) and appears complete or not at all. A broken "
        "download goes on where it stopped; files are checked against every checksum the source "
        "gives. Only what a model needs is taken: configuration, tokenizer, weights, README and "
        "licence. PyTorch's pytorch_model.bin is taken where there are no safetensors; reading it "
        "runs nothing.\n\n"
        "$HF_ENDPOINT names another hub, $HF_TOKEN is sent to it and nowhere else. Downloads need "
        "libcurl (apt-get install libcurl4); folders and archives do not.",
    .example = "assay pull sentence-transformers/all-MiniLM-L6-v2",
    .flags = flags,
    .least = 1,
    .most = 1,
    .run = run,
};
