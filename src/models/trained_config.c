#include "models/trained_config.h"

#include "base/error.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

enum { GPT2_END_OF_TEXT = 50256 }; /* GPT2Config's default for eos_token_id */

struct rewriting {
    struct json_writer writer;
    const assay_model *model;
    const struct json *source;
};

static void put_architectures(struct rewriting *r)
{
    json_begin_array(&r->writer);
    json_put_string(&r->writer, r->model->config.architecture);
    json_end_array(&r->writer);
}

static void put_label_names(struct rewriting *r)
{
    const struct model_config *config = &r->model->config;
    json_begin_object(&r->writer);
    for (int64_t i = 0; i < config->labels; i++) {
        char number[32];
        snprintf(number, sizeof number, "%lld", (long long)i);
        json_put_named_string(&r->writer, number, config->label_names[i]);
    }
    json_end_object(&r->writer);
}

static void put_label_numbers(struct rewriting *r)
{
    const struct model_config *config = &r->model->config;
    json_begin_object(&r->writer);
    for (int64_t i = 0; i < config->labels; i++) {
        json_key(&r->writer, config->label_names[i]);
        json_put_integer(&r->writer, i);
    }
    json_end_object(&r->writer);
}

static void put_problem_type(struct rewriting *r)
{
    json_put_string(&r->writer, r->model->rule.problem_type);
}

static void put_type(struct rewriting *r)
{
    json_put_string(&r->writer, "float32");
}

/* The id that pads GPT-2's rows, which has none of its own; -1: there is no candidate. */
static int64_t pad_token(const struct rewriting *r)
{
    const struct json *end = json_member(r->source, "eos_token_id");
    int64_t id = json_kind(end) == JSON_INTEGER ? json_integer(end) : GPT2_END_OF_TEXT;
    return id >= 0 && id < r->model->config.vocabulary ? id : -1;
}

static void put_pad_token(struct rewriting *r)
{
    json_put_integer(&r->writer, pad_token(r));
}

static bool always(const struct rewriting *r)
{
    (void)r;
    return true;
}

static bool when_labelled(const struct rewriting *r)
{
    return r->model->rule.problem_type != NULL;
}

/* Files before transformers 5 say torch_dtype; where both are there, both are set. */
static bool when_modern(const struct rewriting *r)
{
    return json_member(r->source, "dtype") || !json_member(r->source, "torch_dtype");
}

static bool when_older(const struct rewriting *r)
{
    return !when_modern(r) || json_member(r->source, "torch_dtype");
}

static bool when_no_pad_token(const struct rewriting *r)
{
    return r->model->family->causal && r->model->config.pad_token < 0 && pad_token(r) >= 0;
}

/* A key that training decides. */
struct decided_key {
    const char *key;
    bool (*applies)(const struct rewriting *r);
    void (*put)(struct rewriting *r); /* NULL: another key says it, this one is left out */
};

static const struct decided_key decided[] = {
    {"architectures", always, put_architectures},
    {"id2label", when_labelled, put_label_names},
    {"label2id", when_labelled, put_label_numbers},
    {"num_labels", when_labelled, NULL},
    {"problem_type", when_labelled, put_problem_type},
    {"dtype", when_modern, put_type},
    {"torch_dtype", when_older, put_type},
    {"pad_token_id", when_no_pad_token, put_pad_token},
};

enum { DECIDED_KEYS = sizeof decided / sizeof *decided };

static void put_decided(struct rewriting *r, const struct decided_key *key)
{
    if (!key->put)
        return;
    json_key(&r->writer, key->key);
    key->put(r);
}

static assay_status put_member(void *context, const char *key, size_t key_length,
                               const struct json *value, assay_error *error)
{
    struct rewriting *r = context;
    (void)key_length;
    (void)error;
    for (int i = 0; i < DECIDED_KEYS; i++) {
        if (!strcmp(decided[i].key, key) && decided[i].applies(r)) {
            put_decided(r, &decided[i]);
            return ASSAY_OK;
        }
    }
    json_key(&r->writer, key);
    json_put_value(&r->writer, value);
    return ASSAY_OK;
}

static assay_status note_key(void *context, const char *key, size_t key_length,
                             const struct json *value, assay_error *error)
{
    bool *seen = context;
    (void)key_length;
    (void)value;
    (void)error;
    for (int i = 0; i < DECIDED_KEYS; i++)
        seen[i] |= !strcmp(decided[i].key, key);
    return ASSAY_OK;
}

assay_status trained_config_write(struct buffer *out, const assay_model *model, const char *path,
                                  assay_error *error)
{
    struct json *source = NULL;
    assay_status status = json_parse_file(&source, path, MODEL_CONFIG_MAX_BYTES, error);
    if (status != ASSAY_OK)
        return status;
    bool seen[DECIDED_KEYS] = {false}; /* a member that is null is there, too */
    json_each_member(source, note_key, seen, NULL);
    struct rewriting r = {.writer = {.out = out, .indent = 2}, .model = model, .source = source};
    json_begin_object(&r.writer);
    json_each_member(source, put_member, &r, NULL);
    for (int i = 0; i < DECIDED_KEYS; i++) {
        if (!seen[i] && decided[i].applies(&r))
            put_decided(&r, &decided[i]);
    }
    json_end_object(&r.writer);
    bool written = !r.writer.failed && buffer_append_byte(out, '\n');
    json_free(source);
    return written ? ASSAY_OK : error_memory(error, out->length);
}
