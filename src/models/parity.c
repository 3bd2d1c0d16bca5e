/* A model's hidden states, logits, loss and gradients beside those of a reference file. */
#include "assay/parity.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"
#include "cpu/cpu.h"
#include "models/batch.h"
#include "models/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 1 << 20, NAME_ROOM = 300 };

/* The bars: see include/assay/parity.h. At lower precisions the products bound what can be met. */
static const double floor_highest = 1e-6, gradient_highest = 1e-4;
static const double output_high = 5e-5, gradient_high = 1e-3;
static const double output_medium = 5e-2, gradient_medium = 2e-1;

struct assay_parity {
    assay_parity_item *items;
    char **names;
    int64_t count;
    struct kernels kernels;
    char kernel_text[64];
};

enum task { TASK_BARE, TASK_CLASSIFY, TASK_LANGUAGE };

/* Everything one comparison holds. */
struct comparison {
    assay_parity *result;
    assay_model *model;
    struct safetensors *file;
    struct graph *graph;
    struct thread_pool *threads;
    struct batch_builder builder;
    assay_parity_options options;
    enum task task;
    bool gradients;
    int64_t rows, longest;
    int32_t *ids, *types, *offsets, *labels; /* packed; labels a row or a token */
    int64_t *order;
    float *seeds;
    double valid; /* items that count in the loss */
    struct value *hidden, *logits, *loss, *embedding;
    double gradient_floor;
};

static const struct safetensors_entry *wanted(const struct comparison *c, const char *name,
                                              assay_error *error)
{
    const struct safetensors_entry *entry = safetensors_find(c->file, name);
    if (!entry) {
        error_set(error, ASSAY_ERROR_FORMAT, "the reference file lacks a tensor");
        error_at_place(error, "%s", name);
        error_at_file(error, safetensors_file_path(c->file, 0));
    }
    return entry;
}

/* All integers of a tensor of `count` elements, for memory_free; NULL on failure. */
static assay_status read_integers(int64_t **out, const struct comparison *c, const char *name,
                                  int64_t count, assay_error *error)
{
    const struct safetensors_entry *entry = wanted(c, name, error);
    *out = NULL;
    if (!entry)
        return ASSAY_ERROR_FORMAT;
    if ((int64_t)entry->elements != count) {
        error_set(error, ASSAY_ERROR_SHAPE, "the tensor has the wrong number of elements");
        error_at_place(error, "%s", name);
        error_at_file(error, safetensors_file_path(c->file, 0));
        error_expected(error, "%lld", (long long)count);
        error_found(error, "%zu", entry->elements);
        return ASSAY_ERROR_SHAPE;
    }
    int64_t *values = memory_allocate((size_t)count, sizeof *values);
    if (!values)
        return error_memory(error, (size_t)count * sizeof *values);
    assay_status status =
        safetensors_read_integers(values, c->file, entry, 0, (size_t)count, error);
    if (status == ASSAY_OK)
        *out = values;
    else
        memory_free(values);
    return status;
}

/* Takes the padding out of a (rows, longest) tensor of the file. */
static assay_status packed_tokens(int32_t **out, const struct comparison *c, const char *name,
                                  assay_error *error)
{
    int64_t *padded;
    assay_status status = read_integers(&padded, c, name, c->rows * c->longest, error);
    *out = NULL;
    if (status != ASSAY_OK)
        return status;
    int32_t *packed = memory_allocate((size_t)c->offsets[c->rows], sizeof *packed);
    for (int64_t row = 0; packed && row < c->rows; row++) {
        for (int64_t i = c->offsets[row]; i < c->offsets[row + 1]; i++) {
            int64_t value = padded[row * c->longest + i - c->offsets[row]];
            packed[i] = value < INT32_MIN || value > INT32_MAX ? -1 : (int32_t)value;
        }
    }
    if (!packed)
        status = error_memory(error, (size_t)c->offsets[c->rows] * sizeof *packed);
    memory_free(padded);
    *out = packed;
    return status;
}

static assay_status read_layout(struct comparison *c, assay_error *error)
{
    const struct safetensors_entry *ids = wanted(c, "input_ids", error);
    if (!ids)
        return ASSAY_ERROR_FORMAT;
    if (ids->rank != 2 || ids->shape[0] < 1 || ids->shape[0] > MAX_ROWS || ids->shape[1] < 1 ||
        ids->shape[1] > INT32_MAX / ids->shape[0]) {
        error_set(error, ASSAY_ERROR_SHAPE, "input_ids must be (rows, longest)");
        error_at_file(error, safetensors_file_path(c->file, 0));
        return ASSAY_ERROR_SHAPE;
    }
    c->rows = ids->shape[0];
    c->longest = ids->shape[1];
    int64_t *lengths;
    assay_status status = read_integers(&lengths, c, "lengths", c->rows, error);
    if (status != ASSAY_OK)
        return status;
    c->offsets = memory_allocate_zeroed((size_t)c->rows + 1, sizeof *c->offsets);
    c->order = memory_allocate((size_t)c->rows, sizeof *c->order);
    if (!c->offsets || !c->order)
        status = error_memory(error, (size_t)c->rows * sizeof *c->order);
    for (int64_t i = 0; status == ASSAY_OK && i < c->rows; i++) {
        c->order[i] = i;
        if (lengths[i] < 1 || lengths[i] > c->longest) {
            status = error_set(error, ASSAY_ERROR_FORMAT, "a length is outside its row");
            error_at_row(error, i + 1, 0);
            error_at_place(error, "lengths");
        } else {
            c->offsets[i + 1] = c->offsets[i] + (int32_t)lengths[i];
        }
    }
    memory_free(lengths);
    return status;
}

static assay_status read_rows(struct comparison *c, assay_error *error)
{
    assay_status status = read_layout(c, error);
    if (status != ASSAY_OK)
        return status;
    status = packed_tokens(&c->ids, c, "input_ids", error);
    if (status == ASSAY_OK && safetensors_find(c->file, "token_type_ids"))
        status = packed_tokens(&c->types, c, "token_type_ids", error);
    if (status == ASSAY_OK)
        status = model_check_rows(c->model, c->ids, c->types, c->offsets, c->rows, error);
    if (status != ASSAY_OK)
        return status;
    struct row_source source = {c->ids, c->types, c->offsets};
    return batch_build(&c->builder, c->model, &source, c->order, c->rows, false, error);
}

/* The label after each token, as a causal model is trained; the last token of a row has none. */
static void shift_labels(struct comparison *c)
{
    for (int64_t row = 0; row < c->rows; row++) {
        for (int64_t i = c->offsets[row]; i + 1 < c->offsets[row + 1]; i++)
            c->labels[i] = c->labels[i + 1];
        c->labels[c->offsets[row + 1] - 1] = -1;
    }
}

static assay_status read_labels(struct comparison *c, assay_error *error)
{
    const struct safetensors_entry *labels = safetensors_find(c->file, "labels");
    const struct safetensors_entry *logits = safetensors_find(c->file, "logits.f64");
    if (!logits)
        logits = safetensors_find(c->file, "logits");
    int rank = logits ? logits->rank : labels ? labels->rank + 1 : 0;
    c->task = rank == 0 ? TASK_BARE : rank == 2 ? TASK_CLASSIFY : TASK_LANGUAGE;
    if (c->task == TASK_CLASSIFY && !(c->model->heads & ASSAY_HEAD_CLASSIFY))
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "the reference is of a classifier, the model has no such head");
    if (c->task == TASK_LANGUAGE &&
        !(c->model->heads & (ASSAY_HEAD_MASKED_LM | ASSAY_HEAD_CAUSAL_LM)))
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "the reference is of a language model, the model has no such head");
    if (!labels)
        return ASSAY_OK;
    int64_t items = c->rows;
    assay_status status;
    if (c->task == TASK_CLASSIFY) {
        int64_t *wide;
        status = read_integers(&wide, c, "labels", c->rows, error);
        c->labels = wide ? memory_allocate((size_t)c->rows, sizeof *c->labels) : NULL;
        if (wide && !c->labels)
            status = error_memory(error, (size_t)c->rows * sizeof *c->labels);
        for (int64_t i = 0; c->labels && i < c->rows; i++)
            c->labels[i] = wide[i] < 0 ? -1 : (int32_t)wide[i];
        memory_free(wide);
    } else {
        status = packed_tokens(&c->labels, c, "labels", error);
        items = c->offsets[c->rows];
        if (c->labels && c->model->family->causal)
            shift_labels(c);
    }
    if (status != ASSAY_OK)
        return status;
    int64_t classes =
        c->task == TASK_CLASSIFY ? c->model->config.labels : c->model->config.vocabulary;
    for (int64_t i = 0; i < items; i++) {
        if (c->labels[i] >= classes)
            return error_set(error, ASSAY_ERROR_FORMAT, "label %d is outside the model's %lld",
                             c->labels[i], (long long)classes);
        c->valid += c->labels[i] >= 0;
    }
    c->seeds = memory_allocate((size_t)items, sizeof *c->seeds);
    if (!c->seeds)
        return error_memory(error, (size_t)items * sizeof *c->seeds);
    for (int64_t i = 0; i < items; i++)
        c->seeds[i] = c->labels[i] >= 0 ? (float)(1.0 / c->valid) : 0.0f;
    return ASSAY_OK;
}

static void build_language(struct comparison *c)
{
    struct graph *graph = c->graph;
    const struct text_batch *batch = &c->builder.batch;
    struct vocabulary_head head = model_language_head(c->model, graph, batch, c->hidden);
    c->logits = op_linear_named(graph, "language head", WEIGHT_OUT_IN, c->model->config.vocabulary,
                                head.hidden, head.weight_name, head.bias_name);
    if (!c->labels)
        return;
    struct value *scores[SCORE_COUNT];
    struct vocabulary_options options = {
        .scoring = head,
        .targets = graph_input(graph, DTYPE_I32, 1, &batch->rows.tokens, c->labels),
        .scores = 1u << SCORE_CROSS_ENTROPY,
    };
    if (op_vocabulary(graph, "language loss", &options, scores))
        c->loss = scores[SCORE_CROSS_ENTROPY];
}

static assay_status run(struct comparison *c, assay_error *error)
{
    struct graph_options options = {.device = DEVICE_CPU,
                                    .precision = model_precision(c->options.precision),
                                    .tape = c->gradients,
                                    .parameters = c->model->parameters,
                                    .kernels = &c->result->kernels,
                                    .threads = c->threads};
    graph_reset(c->graph, &options);
    const struct text_batch *batch = &c->builder.batch;
    if (c->task == TASK_CLASSIFY) {
        c->logits = model_forward(c->model, c->graph, batch, MODEL_CLASSIFY, false);
        if (c->labels)
            c->loss = op_cross_entropy(
                c->graph, c->logits,
                graph_input(c->graph, DTYPE_I32, 1, &batch->rows.rows, c->labels), NULL, 0.0f);
    } else {
        c->hidden = model_forward(c->model, c->graph, batch, MODEL_HIDDEN, c->task == TASK_BARE);
        if (c->task == TASK_LANGUAGE)
            build_language(c);
        else
            c->embedding =
                op_normalize(c->graph, op_pool(c->graph, POOL_MEAN, c->hidden, &batch->rows));
    }
    graph_keep_value(c->graph, c->hidden);
    graph_keep_value(c->graph, c->logits);
    graph_keep_value(c->graph, c->loss);
    graph_keep_value(c->graph, c->embedding);
    if (c->gradients)
        graph_seed(c->graph, c->loss, c->seeds);
    assay_status status = graph_plan(c->graph, NULL, error);
    if (status == ASSAY_OK)
        status = graph_forward(c->graph, error);
    if (status == ASSAY_OK && c->gradients)
        status = graph_backward(c->graph, error);
    if (status == ASSAY_OK)
        status = safetensors_check(c->model->file, error);
    return status;
}

/* The expected value of element i: float64 twins are read as they are. */
static double element(const struct safetensors_entry *entry, int64_t i)
{
    if (entry->dtype == DTYPE_F64) {
        double value;
        memcpy(&value, (const char *)entry->data + i * (int64_t)sizeof value, sizeof value);
        return value;
    }
    float value;
    memcpy(&value, (const char *)entry->data + i * (int64_t)sizeof value, sizeof value);
    return (double)value;
}

struct norms {
    double difference, expected;
};

static void add_element(struct norms *norms, double found, double expected)
{
    norms->difference += (found - expected) * (found - expected);
    norms->expected += expected * expected;
}

/* Ours in packed rows beside theirs in padded ones; padding does not count. */
static bool compare_tokens(const struct comparison *c, struct norms *norms, const float *ours,
                           const struct safetensors_entry *entry, int64_t width)
{
    if ((int64_t)entry->elements != c->rows * c->longest * width)
        return false;
    for (int64_t row = 0; row < c->rows; row++) {
        int64_t length = c->offsets[row + 1] - c->offsets[row];
        const float *from = ours + c->offsets[row] * width;
        for (int64_t i = 0; i < length * width; i++)
            add_element(norms, from[i], element(entry, row * c->longest * width + i));
    }
    return true;
}

static bool compare_flat(struct norms *norms, const float *ours, int64_t count,
                         const struct safetensors_entry *entry)
{
    if ((int64_t)entry->elements != count)
        return false;
    for (int64_t i = 0; i < count; i++)
        add_element(norms, ours[i], element(entry, i));
    return true;
}

static bool compare_value(const struct comparison *c, struct norms *norms,
                          const struct value *value, const struct safetensors_entry *entry)
{
    int64_t width = tensor_width(&value->tensor);
    const float *data = value->tensor.data;
    if (entry->rank == 3)
        return tensor_rows(&value->tensor) == c->offsets[c->rows] &&
               compare_tokens(c, norms, data, entry, width);
    return compare_flat(norms, data, tensor_count(&value->tensor), entry);
}

static bool compare_loss(const struct comparison *c, struct norms *norms,
                         const struct safetensors_entry *entry)
{
    const float *losses = c->loss->tensor.data;
    double sum = 0.0;
    for (int64_t i = 0; i < tensor_count(&c->loss->tensor); i++)
        sum += c->labels[i] >= 0 ? losses[i] : 0.0;
    if (entry->elements != 1)
        return false;
    add_element(norms, sum / c->valid, element(entry, 0));
    return true;
}

/* A place by its reference name: the classes of transformers put a prefix before it or not. */
static struct value *find_place(const struct comparison *c, const char *place)
{
    struct value *value = graph_find(c->graph, place);
    size_t prefix = strlen(c->model->family->prefix);
    if (!value && !strncmp(place, c->model->family->prefix, prefix))
        value = graph_find(c->graph, place + prefix);
    if (!value) {
        char prefixed[256];
        if (snprintf(prefixed, sizeof prefixed, "%s%s", c->model->family->prefix, place) <
            (int)sizeof prefixed)
            value = graph_find(c->graph, prefixed);
    }
    return value && value->kept ? value : NULL;
}

static struct parameter *find_gradient(const struct comparison *c, const char *name)
{
    struct parameter *parameter = parameter_set_find(c->model->parameters, name);
    size_t prefix = strlen(c->model->family->prefix);
    if (!parameter && !strncmp(name, c->model->family->prefix, prefix))
        parameter = parameter_set_find(c->model->parameters, name + prefix);
    return parameter && parameter->gradient ? parameter : NULL;
}

/* NULL, or why the tensor could not be compared. */
static const char *compare(const struct comparison *c, struct norms *norms, const char *name,
                           const struct safetensors_entry *entry)
{
    bool fits = false;
    if (entry->dtype != DTYPE_F64 && entry->dtype != DTYPE_F32)
        return "neither F32 nor F64";
    if (!strcmp(name, "logits")) {
        if (!c->logits)
            return "the model has no logits";
        fits = compare_value(c, norms, c->logits, entry);
    } else if (!strcmp(name, "loss")) {
        if (!c->loss)
            return "there are no labels";
        fits = compare_loss(c, norms, entry);
    } else if (!strcmp(name, "hidden.last")) {
        if (!c->hidden)
            return "the model has no such place";
        fits = compare_value(c, norms, c->hidden, entry);
    } else if (!strcmp(name, "embedding")) {
        if (!c->embedding)
            return "embeddings are compared on bare models only";
        fits = compare_value(c, norms, c->embedding, entry);
    } else if (!strncmp(name, "hidden.", 7)) {
        struct value *value = find_place(c, name + 7);
        if (!value)
            return "the model has no such place";
        fits = compare_value(c, norms, value, entry);
    } else if (!strncmp(name, "grad.", 5)) {
        struct parameter *parameter = find_gradient(c, name + 5);
        if (!parameter)
            return "the model has no such tensor";
        fits = compare_flat(norms, parameter->gradient, tensor_count(&parameter->tensor), entry);
    } else {
        return "not a tensor that parity knows";
    }
    return fits ? NULL : "the shapes differ";
}

/* transformers' own float32 error: from the file's metadata, or from the float32 twin. */
static double reference_error(const struct comparison *c, const char *name,
                              const struct safetensors_entry *entry)
{
    char key[NAME_ROOM + 8];
    snprintf(key, sizeof key, "error.%s", name);
    const char *stated = safetensors_metadata(c->file, key);
    if (stated)
        return strtod(stated, NULL);
    const struct safetensors_entry *twin = safetensors_find(c->file, name);
    if (!twin || twin == entry || twin->elements != entry->elements || twin->dtype != DTYPE_F32)
        return -1.0;
    struct norms norms = {0};
    for (size_t i = 0; i < entry->elements; i++)
        add_element(&norms, element(twin, (int64_t)i), element(entry, (int64_t)i));
    double divisor = sqrt(norms.expected);
    if (!strncmp(name, "grad.", 5) && divisor < c->gradient_floor)
        divisor = c->gradient_floor;
    return divisor > 0.0 ? sqrt(norms.difference) / divisor : 0.0;
}

static double limit_of(const struct comparison *c, bool gradient, double reference)
{
    switch (c->options.precision) {
    case ASSAY_PRECISION_HIGH:
        return gradient ? gradient_high : output_high;
    case ASSAY_PRECISION_MEDIUM:
        return gradient ? gradient_medium : output_medium;
    case ASSAY_PRECISION_HIGHEST:
        break;
    }
    if (gradient)
        return gradient_highest;
    return 2.0 * reference > floor_highest ? 2.0 * reference : floor_highest;
}

/* "logits.f64" is compared as logits; a float32 tensor only where it has no float64 twin. */
static bool expected_name(const struct comparison *c, const struct safetensors_entry *entry,
                          char *name, size_t size)
{
    static const char *const inputs[] = {"input_ids", "lengths", "token_type_ids", "labels"};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        if (!strcmp(entry->name, inputs[i]))
            return false;
    }
    size_t length = strlen(entry->name);
    if (length + 5 > size)
        return false;
    strcpy(name, entry->name);
    if (length > 4 && !strcmp(name + length - 4, ".f64")) {
        name[length - 4] = '\0';
        return true;
    }
    char twin[NAME_ROOM + 8];
    snprintf(twin, sizeof twin, "%s.f64", entry->name);
    return !safetensors_find(c->file, twin);
}

static void find_gradient_floor(struct comparison *c)
{
    double sum = 0.0;
    int64_t tensors = 0;
    for (size_t i = 0; i < safetensors_count(c->file); i++) {
        const struct safetensors_entry *entry = safetensors_at(c->file, i);
        char name[NAME_ROOM];
        if (!expected_name(c, entry, name, sizeof name) || strncmp(name, "grad.", 5) != 0 ||
            (entry->dtype != DTYPE_F64 && entry->dtype != DTYPE_F32))
            continue;
        for (size_t j = 0; j < entry->elements; j++)
            sum += element(entry, (int64_t)j) * element(entry, (int64_t)j);
        tensors++;
    }
    c->gradients = tensors > 0;
    c->gradient_floor = tensors ? 1e-3 * sqrt(sum / (double)tensors) : 0.0;
}

static assay_status compare_all(struct comparison *c, assay_error *error)
{
    size_t count = safetensors_count(c->file);
    assay_parity *result = c->result;
    result->items = memory_allocate_zeroed(count, sizeof *result->items);
    result->names = memory_allocate_zeroed(count, sizeof *result->names);
    if (!result->items || !result->names)
        return error_memory(error, count * sizeof *result->items);
    for (size_t i = 0; i < count; i++) {
        const struct safetensors_entry *entry = safetensors_at(c->file, i);
        char name[NAME_ROOM];
        if (!expected_name(c, entry, name, sizeof name))
            continue;
        char *copy = memory_copy_string(name);
        if (!copy)
            return error_memory(error, strlen(name));
        result->names[result->count] = copy;
        assay_parity_item *item = &result->items[result->count++];
        bool gradient = !strncmp(name, "grad.", 5);
        struct norms norms = {0};
        item->name = copy;
        item->elements = (int64_t)entry->elements;
        item->note = compare(c, &norms, name, entry);
        double divisor = sqrt(norms.expected);
        if (gradient && divisor < c->gradient_floor)
            divisor = c->gradient_floor;
        item->error = divisor > 0.0 ? sqrt(norms.difference) / divisor : sqrt(norms.difference);
        item->reference_error = reference_error(c, name, entry);
        item->limit = limit_of(c, gradient, item->reference_error);
        item->passed = !item->note && item->error <= item->limit;
    }
    if (!result->count)
        return error_set(error, ASSAY_ERROR_FORMAT, "the reference file expects nothing");
    return safetensors_check(c->file, error);
}

static int worst_first(const void *a, const void *b)
{
    const assay_parity_item *x = a, *y = b;
    if (!x->note != !y->note)
        return x->note ? -1 : 1;
    double left = x->error / x->limit, right = y->error / y->limit;
    if (left != right)
        return left > right || isnan(left) ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void comparison_free(struct comparison *c)
{
    graph_close(c->graph);
    thread_pool_close(c->threads);
    batch_free(&c->builder);
    memory_free(c->ids);
    memory_free(c->types);
    memory_free(c->offsets);
    memory_free(c->labels);
    memory_free(c->order);
    memory_free(c->seeds);
    assay_model_close(c->model);
    safetensors_close(c->file);
}

assay_status assay_parity_run(assay_parity **out, const char *folder, const char *reference,
                              const assay_parity_options *options, assay_error *error)
{
    *out = NULL;
    struct comparison c = {.options = ASSAY_PARITY_OPTIONS_INIT};
    if (options)
        memcpy(&c.options, options,
               options->struct_size < sizeof c.options ? options->struct_size : sizeof c.options);
    c.result = memory_allocate_zeroed(1, sizeof *c.result);
    if (!c.result)
        return error_memory(error, sizeof *c.result);
    cpu_kernels(&c.result->kernels, cpu_allowed());
    c.options.precision = model_precision_used(&c.result->kernels, c.options.precision);
    bool bfloat = c.options.precision != ASSAY_PRECISION_HIGHEST;
    snprintf(c.result->kernel_text, sizeof c.result->kernel_text, "%s%s%s", c.result->kernels.name,
             bfloat ? " + " : "", bfloat ? c.result->kernels.bfloat_name : "");
    assay_status status = safetensors_open(&c.file, reference, error);
    if (status == ASSAY_OK)
        status = model_open_weights(&c.model, folder, error);
    if (status == ASSAY_OK)
        status = thread_pool_open(&c.threads, c.options.threads, error);
    if (status == ASSAY_OK)
        status = graph_open(&c.graph, error);
    if (status == ASSAY_OK)
        status = graph_keep(c.graph, "*", false, error);
    if (status == ASSAY_OK)
        status = read_rows(&c, error);
    if (status == ASSAY_OK)
        status = read_labels(&c, error);
    if (status == ASSAY_OK) {
        find_gradient_floor(&c);
        if (c.gradients && !c.labels)
            status = error_set(error, ASSAY_ERROR_FORMAT, "gradients are expected without labels");
    }
    if (status == ASSAY_OK && c.gradients)
        status = parameter_set_train(c.model->parameters, NULL, NULL, error);
    if (status == ASSAY_OK)
        status = run(&c, error);
    if (status == ASSAY_OK)
        status = compare_all(&c, error);
    comparison_free(&c);
    if (status != ASSAY_OK) {
        assay_parity_close(c.result);
        return status;
    }
    qsort(c.result->items, (size_t)c.result->count, sizeof *c.result->items, worst_first);
    *out = c.result;
    return ASSAY_OK;
}

int64_t assay_parity_count(const assay_parity *parity)
{
    return parity->count;
}

const assay_parity_item *assay_parity_get(const assay_parity *parity, int64_t index)
{
    return index >= 0 && index < parity->count ? &parity->items[index] : NULL;
}

bool assay_parity_passed(const assay_parity *parity)
{
    for (int64_t i = 0; i < parity->count; i++) {
        if (!parity->items[i].passed)
            return false;
    }
    return true;
}

const char *assay_parity_kernels(const assay_parity *parity)
{
    return parity->kernel_text;
}

void assay_parity_close(assay_parity *parity)
{
    if (!parity)
        return;
    for (int64_t i = 0; i < parity->count; i++)
        memory_free(parity->names[i]);
    memory_free(parity->names);
    memory_free(parity->items);
    memory_free(parity);
}
