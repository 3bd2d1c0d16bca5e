#include "machine/drawn_model.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "models/safetensors_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ITEMS_MAX = 512, NAME_SIZE = 96, LAYER_MODULES = 9 };

/* One linear or norm of a layer: its name in each family and its shape by letters. */
struct layer_module {
    const char *names[DRAWN_GPT2 + 1]; /* NULL: the family has none */
    bool norm;
    bool inner_out, inner_in; /* inner instead of width */
    int64_t parts;            /* outputs of so many widths in one matrix; 0: 1 */
};

static const struct layer_module layer_modules[LAYER_MODULES] = {
    {.names = {"attention.self.query", "attention.q_lin", NULL}, .norm = false},
    {.names = {"attention.self.key", "attention.k_lin", NULL}, .norm = false},
    {.names = {"attention.self.value", "attention.v_lin", NULL}, .norm = false},
    {.names = {NULL, NULL, "attn.c_attn"}, .parts = 3},
    {.names = {"attention.output.dense", "attention.out_lin", "attn.c_proj"}, .norm = false},
    {.names = {"attention.output.LayerNorm", "sa_layer_norm", "ln_1"}, .norm = true},
    {.names = {"intermediate.dense", "ffn.lin1", "mlp.c_fc"}, .inner_out = true},
    {.names = {"output.dense", "ffn.lin2", "mlp.c_proj"}, .inner_in = true},
    {.names = {"output.LayerNorm", "output_layer_norm", "ln_2"}, .norm = true},
};

/* What the families call the same things. */
struct family_names {
    const char *model_type, *body_class, *head_class;
    const char *prefix; /* of the body below a head */
    const char *words, *positions, *types, *norm, *layer;
    const char *width_key, *layers_key, *heads_key, *inner_key, *positions_key, *activation_key;
    const char *activation;
    int64_t position_rows;
    bool rows_are_inputs; /* matrices as (inputs, outputs) */
};

static const struct family_names families[] = {
    [DRAWN_BERT] = {"bert", "BertModel", NULL, "", "embeddings.word_embeddings",
                    "embeddings.position_embeddings", "embeddings.token_type_embeddings",
                    "embeddings.LayerNorm", "encoder.layer", "hidden_size", "num_hidden_layers",
                    "num_attention_heads", "intermediate_size", "max_position_embeddings",
                    "hidden_act", "gelu", DRAWN_POSITIONS, false},
    [DRAWN_DISTILBERT] = {"distilbert", "DistilBertModel", "DistilBertForSequenceClassification",
                          "distilbert.", "embeddings.word_embeddings",
                          "embeddings.position_embeddings", NULL, "embeddings.LayerNorm",
                          "transformer.layer", "dim", "n_layers", "n_heads", "hidden_dim",
                          "max_position_embeddings", "activation", "gelu", DRAWN_POSITIONS, false},
    [DRAWN_GPT2] = {"gpt2", "GPT2Model", NULL, "", "wte", "wpe", NULL, "ln_f", "h", "n_embd",
                    "n_layer", "n_head", "n_inner", "n_positions", "activation_function",
                    "gelu_new", 2 * DRAWN_POSITIONS, true},
};

struct drawing {
    const struct drawn_shape *shape;
    struct safetensors_item items[ITEMS_MAX];
    char names[ITEMS_MAX][NAME_SIZE];
    size_t count;
    float *values; /* shared by all tensors: as long as the largest */
    float *ones;
    bool full;
};

/* Values between -0.05 and 0.05, a little more than what initialised models have. */
static void draw(float *values, size_t count)
{
    for (size_t i = 0; i < count; i += 4) {
        uint32_t block[4];
        const uint32_t counter[4] = {(uint32_t)i, (uint32_t)(i >> 32), 0, 0};
        random_block(block, 1, counter);
        for (size_t j = 0; j < 4 && i + j < count; j++)
            values[i + j] = ((float)(block[j] >> 8) / 16777216.0f - 0.5f) * 0.1f;
    }
}

static void add_tensor(struct drawing *drawing, const float *data, const char *name,
                       const char *suffix, int64_t rows, int64_t columns)
{
    if (drawing->count == ITEMS_MAX) {
        drawing->full = true;
        return;
    }
    char *stored = drawing->names[drawing->count];
    snprintf(stored, NAME_SIZE, "%s.%s", name, suffix);
    drawing->items[drawing->count++] = (struct safetensors_item){
        .name = stored,
        .dtype = DTYPE_F32,
        .rank = columns ? 2 : 1,
        .shape = {rows, columns},
        .data = data,
    };
}

static void add_matrix(struct drawing *drawing, const char *name, int64_t rows, int64_t columns)
{
    add_tensor(drawing, drawing->values, name, "weight", rows, columns);
}

static void add_linear(struct drawing *drawing, const char *name, int64_t outputs, int64_t inputs)
{
    bool rows_are_inputs = families[drawing->shape->family].rows_are_inputs;
    add_matrix(drawing, name, rows_are_inputs ? inputs : outputs,
               rows_are_inputs ? outputs : inputs);
    add_tensor(drawing, drawing->values, name, "bias", outputs, 0);
}

static void add_norm(struct drawing *drawing, const char *name)
{
    add_tensor(drawing, drawing->ones, name, "weight", drawing->shape->width, 0);
    add_tensor(drawing, drawing->values, name, "bias", drawing->shape->width, 0);
}

static int64_t vocabulary_of(const struct drawn_shape *shape)
{
    return shape->vocabulary ? shape->vocabulary : DRAWN_VOCABULARY;
}

static int64_t positions_of(const struct drawn_shape *shape)
{
    return shape->positions ? shape->positions : families[shape->family].position_rows;
}

static void add_layer(struct drawing *drawing, const char *body, int64_t layer)
{
    const struct drawn_shape *shape = drawing->shape;
    char name[NAME_SIZE - 8];
    for (int i = 0; i < LAYER_MODULES; i++) {
        const struct layer_module *module = &layer_modules[i];
        if (!module->names[shape->family])
            continue;
        snprintf(name, sizeof name, "%s%s.%d.%s", body, families[shape->family].layer, (int)layer,
                 module->names[shape->family]);
        int64_t outputs = shape->width * (module->parts ? module->parts : 1);
        if (module->norm)
            add_norm(drawing, name);
        else
            add_linear(drawing, name, module->inner_out ? shape->inner : outputs,
                       module->inner_in ? shape->inner : shape->width);
    }
}

static void add_tensors(struct drawing *drawing)
{
    const struct drawn_shape *shape = drawing->shape;
    const struct family_names *names = &families[shape->family];
    const char *body = shape->classifier ? names->prefix : "";
    char name[NAME_SIZE - 8];
    snprintf(name, sizeof name, "%s%s", body, names->words);
    add_matrix(drawing, name, vocabulary_of(shape), shape->width);
    snprintf(name, sizeof name, "%s%s", body, names->positions);
    add_matrix(drawing, name, positions_of(shape), shape->width);
    if (names->types)
        add_matrix(drawing, names->types, 2, shape->width);
    snprintf(name, sizeof name, "%s%s", body, names->norm);
    add_norm(drawing, name);
    for (int64_t layer = 0; layer < shape->layers; layer++)
        add_layer(drawing, body, layer);
    if (shape->classifier) {
        add_linear(drawing, "pre_classifier", shape->width, shape->width);
        add_linear(drawing, "classifier", 2, shape->width);
    }
}

static assay_status write_config(const char *folder, const struct drawn_shape *shape,
                                 assay_error *error)
{
    struct buffer text = {0};
    struct json_writer json = {.out = &text, .indent = 2};
    const struct family_names *names = &families[shape->family];
    json_begin_object(&json);
    json_put_named_string(&json, "model_type", names->model_type);
    json_key(&json, "architectures");
    json_begin_array(&json);
    json_put_string(&json, shape->classifier ? names->head_class : names->body_class);
    json_end_array(&json);
    json_put_named_integer(&json, "vocab_size", vocabulary_of(shape));
    json_put_named_integer(&json, names->positions_key, positions_of(shape));
    json_put_named_integer(&json, names->width_key, shape->width);
    json_put_named_integer(&json, names->layers_key, shape->layers);
    json_put_named_integer(&json, names->heads_key, shape->heads);
    json_put_named_integer(&json, names->inner_key, shape->inner);
    json_key(&json, names->activation_key);
    json_put_string(&json, names->activation);
    if (shape->family != DRAWN_GPT2)
        json_put_named_integer(&json, "pad_token_id", 0);
    if (names->types) {
        json_put_named_integer(&json, "type_vocab_size", 2);
        json_put_named_number(&json, "layer_norm_eps", 1e-12);
    }
    json_end_object(&json);
    char *path = path_join(folder, "config.json");
    assay_status status = path && !json.failed
                              ? file_write(path, text.bytes, text.length, error)
                              : error_set(error, ASSAY_ERROR_MEMORY, "not enough memory");
    memory_free(path);
    buffer_free(&text);
    return status;
}

static assay_status write_weights(const char *folder, const struct drawn_shape *shape,
                                  assay_error *error)
{
    struct drawing *drawing = memory_allocate_zeroed(1, sizeof *drawing);
    int64_t words = vocabulary_of(shape);
    int64_t tallest = 3 * shape->inner > words ? 3 * shape->inner : words;
    if (tallest < positions_of(shape))
        tallest = positions_of(shape);
    size_t largest = (size_t)tallest * (size_t)shape->width;
    float *values = memory_allocate(largest, sizeof *values);
    float *ones = memory_allocate((size_t)shape->width, sizeof *ones);
    char *path = path_join(folder, "model.safetensors");
    assay_status status;
    if (!drawing || !values || !ones || !path) {
        status = error_memory(error, largest * sizeof *values);
        goto done;
    }
    draw(values, largest);
    for (int64_t i = 0; i < shape->width; i++)
        ones[i] = 1.0f;
    drawing->shape = shape;
    drawing->values = values;
    drawing->ones = ones;
    add_tensors(drawing);
    status = drawing->full ? error_set(error, ASSAY_ERROR_LIMIT, "too many layers to draw")
                           : safetensors_write(path, drawing->items, drawing->count, error);
done:
    memory_free(path);
    memory_free(ones);
    memory_free(values);
    memory_free(drawing);
    return status;
}

assay_status drawn_model_make(char **folder, const struct drawn_shape *shape, assay_error *error)
{
    const char *parent = getenv("TMPDIR");
    char *made = path_join(parent && *parent ? parent : "/tmp", "assay-bench-XXXXXX");
    *folder = NULL;
    if (!made)
        return error_memory(error, NAME_SIZE);
    if (!mkdtemp(made)) {
        assay_status status = error_set(error, ASSAY_ERROR_IO, "no temporary folder can be made");
        error_at_file(error, made);
        memory_free(made);
        return status;
    }
    assay_status status = write_config(made, shape, error);
    if (status == ASSAY_OK)
        status = write_weights(made, shape, error);
    if (status == ASSAY_OK)
        *folder = made;
    else
        drawn_model_remove(made);
    return status;
}

void drawn_model_remove(char *folder)
{
    static const char *const files[] = {"config.json", "model.safetensors"};
    if (!folder)
        return;
    for (int i = 0; i < 2; i++) {
        char *path = path_join(folder, files[i]);
        if (path)
            unlink(path);
        memory_free(path);
    }
    rmdir(folder);
    memory_free(folder);
}
