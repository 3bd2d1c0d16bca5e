#include "output.h"
#include "verbs.h"

#include "assay/model.h"
#include "assay/pull.h"

#include <string.h>

enum { CARD_MAX = 64 << 10 };

struct described {
    assay_model *model;
    assay_model_info info;
    const assay_tokenizer *tokenizer;
    char card_path[4096]; /* detector.json, or "" */
};

static const struct {
    unsigned bit;
    const char *name;
} head_names[] = {
    {ASSAY_HEAD_CLASSIFY, "classify"},
    {ASSAY_HEAD_MASKED_LM, "masked-lm"},
    {ASSAY_HEAD_CAUSAL_LM, "causal-lm"},
};

enum { HEADS = sizeof head_names / sizeof *head_names };

static const char *tokenizer_kind(const assay_tokenizer *tokenizer)
{
    return assay_tokenizer_get_kind(tokenizer) == ASSAY_WORDPIECE ? "wordpiece" : "byte-level-bpe";
}

static void put_string(struct json_out *out, const char *key, const char *value)
{
    out_key(out, key);
    out_text(out, value);
}

static void put_tensors(struct json_out *out, const struct described *described)
{
    out_key(out, "weights");
    out_begin(out, '[');
    for (int64_t i = 0; i < described->info.tensors; i++) {
        assay_tensor_info tensor;
        if (assay_model_get_tensor(described->model, i, &tensor) != ASSAY_OK)
            continue;
        out_begin(out, '{');
        put_string(out, "name", tensor.name);
        put_string(out, "type", tensor.type);
        out_key(out, "shape");
        out_begin(out, '[');
        for (int32_t d = 0; d < tensor.rank; d++)
            out_integer(out, tensor.shape[d]);
        out_end(out, ']');
        out_put_integer(out, "bytes", tensor.bytes);
        out_end(out, '}');
    }
    out_end(out, ']');
}

static void put_json(const struct described *described, bool tensors)
{
    const assay_model_info *info = &described->info;
    const assay_tokenizer *tokenizer = described->tokenizer;
    struct json_out out = {.file = stdout};
    out_begin(&out, '{');
    put_string(&out, "folder", info->folder);
    put_string(&out, "family", info->family);
    put_string(&out, "architecture", info->architecture);
    out_key(&out, "heads");
    out_begin(&out, '[');
    for (int i = 0; i < HEADS; i++) {
        if (info->heads & head_names[i].bit)
            out_text(&out, head_names[i].name);
    }
    out_end(&out, ']');
    out_put_integer(&out, "parameters", info->parameters);
    out_put_integer(&out, "tensors", info->tensors);
    out_put_integer(&out, "file_bytes", info->file_bytes);
    put_string(&out, "weight_type", info->weight_type);
    out_put_integer(&out, "layers", info->layers);
    out_put_integer(&out, "width", info->width);
    out_put_integer(&out, "attention_heads", info->attention_heads);
    out_put_integer(&out, "inner_width", info->inner_width);
    out_put_integer(&out, "vocabulary", info->vocabulary);
    out_put_integer(&out, "max_tokens", info->max_tokens);
    out_key(&out, "labels");
    out_begin(&out, '[');
    for (int32_t i = 0; i < info->labels; i++)
        out_text(&out, assay_model_label(described->model, i));
    out_end(&out, ']');
    out_key(&out, "tokenizer");
    if (tokenizer) {
        out_begin(&out, '{');
        put_string(&out, "kind", tokenizer_kind(tokenizer));
        out_put_integer(&out, "vocabulary", assay_tokenizer_vocabulary_size(tokenizer));
        out_put_integer(&out, "max_tokens", assay_tokenizer_max_tokens(tokenizer));
        out_end(&out, '}');
    } else {
        out_null(&out);
    }
    put_string(&out, "detector", described->card_path[0] ? described->card_path : NULL);
    if (tensors)
        put_tensors(&out, described);
    out_end(&out, '}');
    out_line(&out);
}

static void print_line(const char *name, const char *text)
{
    printf("%-14s ", name);
    print_plain(stdout, text);
    putchar('\n');
}

static void print_shape(const struct described *described)
{
    const assay_model_info *info = &described->info;
    char bytes[32];
    printf("%-14s %.1f million in %lld tensors, %s, %s\n", "parameters",
           (double)info->parameters / 1e6, (long long)info->tensors, info->weight_type,
           bytes_text(bytes, (double)info->file_bytes));
    printf("%-14s %d layers, width %d, %d heads, inner width %d\n", "shape", info->layers,
           info->width, info->attention_heads, info->inner_width);
    printf("%-14s %d tokens\n", "longest text", info->max_tokens);
    printf("%-14s", "heads");
    for (int i = 0; i < HEADS; i++) {
        if (info->heads & head_names[i].bit)
            printf(" %s", head_names[i].name);
    }
    puts(info->heads ? "" : " none (bare)");
    if (info->labels) {
        printf("%-14s", "labels");
        for (int32_t i = 0; i < info->labels; i++) {
            fputs(i ? ", " : " ", stdout);
            print_plain(stdout, assay_model_label(described->model, i));
        }
        putchar('\n');
    }
}

static void print_tensors(const struct described *described)
{
    putchar('\n');
    for (int64_t i = 0; i < described->info.tensors; i++) {
        assay_tensor_info tensor;
        if (assay_model_get_tensor(described->model, i, &tensor) != ASSAY_OK)
            continue;
        printf("%-5s (", tensor.type);
        for (int32_t d = 0; d < tensor.rank; d++)
            printf("%s%lld", d ? ", " : "", (long long)tensor.shape[d]);
        printf(") ");
        print_plain(stdout, tensor.name);
        putchar('\n');
    }
}

/* The card as it stands in the folder. */
static void print_card(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return;
    printf("\ndetector.json\n");
    int c;
    for (int i = 0; i < CARD_MAX && (c = getc(file)) != EOF; i++)
        putchar(c == '\n' || (c >= ' ' && c != 127) ? c : ' ');
    putchar('\n');
    fclose(file);
}

static void print_table(const struct described *described, bool tensors)
{
    const assay_tokenizer *tokenizer = described->tokenizer;
    print_line("folder", described->info.folder);
    print_line("family", described->info.family);
    print_line("architecture", described->info.architecture);
    print_shape(described);
    if (tokenizer)
        printf("%-14s %s, %d tokens\n", "tokenizer", tokenizer_kind(tokenizer),
               assay_tokenizer_vocabulary_size(tokenizer));
    else
        printf("%-14s none in the folder\n", "tokenizer");
    if (described->card_path[0])
        print_card(described->card_path);
    else
        printf("%-14s no detector.json\n", "detector");
    if (tensors)
        print_tensors(described);
}

static int run(struct call *call)
{
    struct described described = {0};
    assay_error error = {0};
    char *folder = NULL;
    int code = CALL_DONE;
    if (assay_model_folder(&folder, call->arguments[0], &error) != ASSAY_OK ||
        assay_model_open(&described.model, folder, &error) != ASSAY_OK) {
        code = call_failed(call, &error);
        goto done;
    }
    assay_model_get_info(described.model, &described.info);
    described.tokenizer = assay_model_tokenizer(described.model);
    int length =
        snprintf(described.card_path, sizeof described.card_path, "%s/detector.json", folder);
    FILE *card = length > 0 && (size_t)length < sizeof described.card_path
                     ? fopen(described.card_path, "r")
                     : NULL;
    if (card)
        fclose(card);
    else
        described.card_path[0] = 0;
    if (call->json)
        put_json(&described, call->verbose);
    else
        print_table(&described, call->verbose);
done:
    assay_string_free(folder);
    assay_model_close(described.model);
    return code;
}

const struct verb verb_show = {
    .name = "show",
    .arguments = "MODEL",
    .purpose = "what a model is: architecture, size, heads, labels, tokenizer, detector card",
    .details = "MODEL is a folder in the Hugging Face layout (config.json, weights, "
               "tokenizer files), or a short name that stands under $ASSAY_HOME/models. With -v "
               "every tensor with its type and shape.",
    .example = "assay show all-MiniLM-L6-v2 -v",
    .flags = NULL,
    .least = 1,
    .most = 1,
    .run = run,
};
