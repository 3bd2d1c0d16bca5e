/* Trials: where the tensors of a case come from, and one run of its graph. */
#include "models/safetensors.h"
#include "op_table.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *need(void *memory)
{
    if (!memory) {
        fprintf(stderr, "out of memory in a test\n");
        exit(1);
    }
    return memory;
}

static struct trial_tensor *add_tensor(struct trial *trial, const char *name, enum axis axis,
                                       int rank, const int64_t *shape)
{
    if (trial->count == TRIAL_TENSORS) {
        fprintf(stderr, "too many tensors in %s\n", trial->op->name);
        exit(1);
    }
    struct trial_tensor *tensor = &trial->tensors[trial->count++];
    *tensor = (struct trial_tensor){.rank = rank, .count = 1, .axis = axis};
    tensor->name = need(arena_format(&trial->arena, "%s", name));
    for (int i = 0; i < rank; i++) {
        tensor->shape[i] = shape[i];
        tensor->count *= shape[i];
    }
    return tensor;
}

const struct trial_tensor *trial_find(const struct trial *trial, const char *name)
{
    for (int i = 0; i < trial->count; i++) {
        if (!strcmp(trial->tensors[i].name, name))
            return &trial->tensors[i];
    }
    return NULL;
}

double trial_setting(const struct trial *trial, const char *name, double otherwise)
{
    const struct trial_tensor *tensor = trial_find(trial, name);
    return tensor ? tensor->expected[0] : otherwise;
}

/* Sum of four uniform draws: close enough to a normal one, and bounded. */
static double draw(struct trial *trial)
{
    double sum = 0.0;
    for (int i = 0; i < 4; i++) {
        trial->draws = random_mix(trial->draws, 0x5eed);
        sum += (double)(trial->draws >> 11) * 0x1p-53 - 0.5;
    }
    return sum * sqrt(3.0);
}

struct trial_tensor *trial_add_floats(struct trial *trial, const char *name, enum axis axis,
                                      int rank, const int64_t *shape, double scale)
{
    struct trial_tensor *tensor = add_tensor(trial, name, axis, rank, shape);
    tensor->floats = need(arena_allocate(&trial->arena, (size_t)tensor->count + 1, sizeof(float)));
    for (int64_t i = 0; i < tensor->count; i++)
        tensor->floats[i] = (float)(draw(trial) * scale);
    return tensor;
}

/* The vectors' names say along which axis a tensor runs. */
static enum axis axis_of(const struct op_case *op, const char *name)
{
    if (!strcmp(name, "k") || !strcmp(name, "v"))
        return AXIS_KEYS;
    for (int i = 0; i < TRIAL_USES && op->uses[i].tensor; i++) {
        if (!strcmp(name, op->uses[i].tensor))
            return op->uses[i].weight ? AXIS_NONE : AXIS_TOKENS;
    }
    return AXIS_NONE;
}

static void read_entry(struct trial *trial, const struct safetensors *file,
                       const struct safetensors_entry *entry)
{
    struct trial_tensor *tensor =
        add_tensor(trial, entry->name, axis_of(trial->op, entry->name), entry->rank, entry->shape);
    size_t count = entry->elements;
    bool setting = !strncmp(entry->name, "param.", 6);
    if (entry->dtype == DTYPE_F32) {
        tensor->floats = need(arena_allocate(&trial->arena, count + 1, sizeof(float)));
        safetensors_read_floats(tensor->floats, file, entry, 0, count, NULL);
    } else if (entry->dtype == DTYPE_F64) {
        tensor->expected = need(arena_allocate(&trial->arena, count + 1, sizeof(double)));
        memcpy(tensor->expected, entry->data, entry->bytes);
    } else {
        int64_t *wide = need(arena_allocate(&trial->arena, count + 1, sizeof(int64_t)));
        safetensors_read_integers(wide, file, entry, 0, count, NULL);
        tensor->integers = need(arena_allocate(&trial->arena, count + 1, sizeof(int32_t)));
        tensor->expected = need(arena_allocate(&trial->arena, count + 1, sizeof(double)));
        for (size_t i = 0; i < count; i++) {
            tensor->integers[i] = (int32_t)wide[i];
            tensor->expected[i] = (double)wide[i];
        }
    }
    if (setting && !tensor->expected)
        exit(1);
}

static struct row_layout layout_of(struct trial *trial, const char *name)
{
    const struct trial_tensor *tensor = trial_find(trial, name);
    if (!tensor)
        return (struct row_layout){0};
    struct row_layout layout = {.rows = tensor->count - 1, .offsets = tensor->integers};
    layout.tokens = layout.offsets[layout.rows];
    for (int64_t i = 0; i < layout.rows; i++) {
        int64_t length = layout.offsets[i + 1] - layout.offsets[i];
        layout.longest = length > layout.longest ? length : layout.longest;
    }
    const struct trial_tensor *ids = trial_find(trial, "row_ids");
    if (ids) {
        int64_t *wide =
            need(arena_allocate(&trial->arena, (size_t)layout.rows + 1, sizeof(int64_t)));
        for (int64_t i = 0; i < layout.rows; i++)
            wide[i] = ids->integers[i];
        layout.ids = wide;
    }
    return layout;
}

static void find_layouts(struct trial *trial)
{
    const char *queries = trial_find(trial, "q_offsets") ? "q_offsets" : "offsets";
    trial->queries = layout_of(trial, queries);
    trial->keys = layout_of(trial, trial_find(trial, "k_offsets") ? "k_offsets" : queries);
}

bool trial_open_vectors(struct trial *trial, const struct op_case *op)
{
    *trial = (struct trial){.op = op};
    char path[1024];
    snprintf(path, sizeof path, "%s/ops/%s.safetensors", ASSAY_TEST_DATA, op->file);
    struct safetensors *file;
    assay_error error = {0};
    if (safetensors_open(&file, path, &error) != ASSAY_OK) {
        fprintf(stderr, "%s: %s\n", path, error.message);
        return false;
    }
    for (size_t i = 0; i < safetensors_count(file); i++)
        read_entry(trial, file, safetensors_at(file, i));
    safetensors_close(file);
    find_layouts(trial);
    return true;
}

/* Row r's length between `least` and `most`, both of which occur. */
static int64_t length_of(int64_t row, int64_t least, int64_t most)
{
    static const int64_t share[] = {7, 0, 3, 5, 1, 6, 2, 4};
    return least + (most - least) * share[row % 8] / 7;
}

static void add_offsets(struct trial *trial, const char *name, int64_t rows, int64_t least,
                        int64_t most, int64_t shift)
{
    int64_t count = rows + 1;
    struct trial_tensor *tensor = add_tensor(trial, name, AXIS_NONE, 1, &count);
    tensor->integers = need(arena_allocate(&trial->arena, (size_t)count, sizeof(int32_t)));
    for (int64_t i = 0; i < rows; i++)
        tensor->integers[i + 1] = tensor->integers[i] + (int32_t)length_of(i + shift, least, most);
}

void trial_open_random(struct trial *trial, const struct op_case *op, const int64_t *sizes,
                       uint64_t seed)
{
    *trial = (struct trial){.op = op, .draws = seed};
    int64_t rows = sizes[0], query_length = sizes[1] % 1000, key_length = sizes[1] / 1000;
    int64_t least = op->output_axis == AXIS_ROWS ? 1 : 0;
    add_offsets(trial, "q_offsets", rows, least, query_length, 0);
    if (key_length)
        add_offsets(trial, "k_offsets", rows, 0, key_length, 3);
    struct trial_tensor *ids = add_tensor(trial, "row_ids", AXIS_NONE, 1, &rows);
    ids->integers = need(arena_allocate(&trial->arena, (size_t)rows + 1, sizeof(int32_t)));
    for (int64_t i = 0; i < rows; i++)
        ids->integers[i] = (int32_t)(1000 + 7 * i);
    find_layouts(trial);
    op->draw(trial, sizes + 2);
}

static void slice_bounds(const struct trial *whole, enum axis axis, int64_t row, int64_t *first,
                         int64_t *last)
{
    const int32_t *offsets = axis == AXIS_KEYS ? whole->keys.offsets : whole->queries.offsets;
    *first = axis == AXIS_ROWS ? row : offsets[row];
    *last = axis == AXIS_ROWS ? row + 1 : offsets[row + 1];
}

void trial_open_row(struct trial *trial, const struct trial *whole, int64_t row)
{
    *trial = (struct trial){.op = whole->op};
    for (int i = 0; i < whole->count; i++) {
        const struct trial_tensor *from = &whole->tensors[i];
        struct trial_tensor *to = &trial->tensors[trial->count++];
        *to = *from;
        size_t name = strlen(from->name);
        if (name > 7 && !strcmp(from->name + name - 7, "offsets")) {
            to->count = to->shape[0] = 2;
            to->integers = need(arena_allocate(&trial->arena, 2, sizeof(int32_t)));
            to->integers[1] = from->integers[row + 1] - from->integers[row];
        } else if (!strcmp(from->name, "row_ids")) {
            to->count = to->shape[0] = 1;
            to->integers = from->integers + row;
        } else if (from->axis != AXIS_NONE) {
            int64_t first, last, step = from->shape[0] ? from->count / from->shape[0] : 0;
            slice_bounds(whole, from->axis, row, &first, &last);
            to->shape[0] = last - first;
            to->count = (last - first) * step;
            to->floats = from->floats ? from->floats + first * step : NULL;
            to->integers = from->integers ? from->integers + first * step : NULL;
        }
    }
    find_layouts(trial);
}

void trial_close(struct trial *trial)
{
    arena_free(&trial->arena);
}

static bool complain(const struct trial *trial, const assay_error *error)
{
    char line[1024];
    assay_error_format(error, line, sizeof line);
    fprintf(stderr, "%s: %s\n", trial->op->name, line);
    return false;
}

static bool add_weights(struct parameter_set *set, const struct trial *trial, bool train,
                        assay_error *error)
{
    assay_status status = ASSAY_OK;
    for (int i = 0; i < TRIAL_USES && trial->op->uses[i].tensor; i++) {
        const struct use *use = &trial->op->uses[i];
        const struct trial_tensor *tensor = trial_find(trial, use->tensor);
        if (use->weight && tensor && status == ASSAY_OK)
            status = parameter_set_add(set, use->weight, tensor->rank, tensor->shape,
                                       tensor->floats, error);
    }
    /* The head of the sampling distribution is held. */
    const struct trial_tensor *held = trial_find(trial, "q_head");
    if (held && status == ASSAY_OK)
        status = parameter_set_add(set, "q.weight", held->rank, held->shape, held->floats, error);
    if (train && status == ASSAY_OK && parameter_set_count(set))
        status = parameter_set_train(set, NULL, NULL, error);
    return status == ASSAY_OK;
}

static void build_scene(struct scene *scene, bool tape, bool twice)
{
    const struct trial *trial = scene->trial;
    for (int i = 0; i < TRIAL_USES && trial->op->uses[i].tensor; i++) {
        const struct use *use = &trial->op->uses[i];
        const struct trial_tensor *tensor = trial_find(trial, use->tensor);
        if (!tensor)
            continue;
        scene->uses[i] = use->weight ? graph_weight(scene->graph, use->weight, -1, NULL)
                                     : graph_input(scene->graph, DTYPE_F32, tensor->rank,
                                                   tensor->shape, tensor->floats);
        if (!use->weight && tape)
            graph_watch(scene->graph, scene->uses[i]);
    }
    trial->op->build(scene);
    if (twice) {
        struct value *first = scene->outputs[trial->op->seeded];
        trial->op->build(scene);
        scene->outputs[trial->op->seeded] =
            op_add(scene->graph, first, scene->outputs[trial->op->seeded]);
    }
    for (int i = 0; i < TRIAL_OUTPUTS; i++)
        graph_keep_value(scene->graph, scene->outputs[i]);
}

static void keep_copy(struct trial_result *result, const char *name, enum axis axis,
                      const struct tensor *shape, const float *data)
{
    struct result_tensor *copy = &result->tensors[result->count++];
    snprintf(copy->name, sizeof copy->name, "%s", name);
    copy->axis = axis;
    copy->count = tensor_count(shape);
    copy->width = shape->rank && shape->shape[0] ? copy->count / shape->shape[0] : 1;
    copy->data = need(arena_allocate(&result->arena, (size_t)copy->count + 1, sizeof(float)));
    if (copy->count)
        memcpy(copy->data, data, (size_t)copy->count * sizeof(float));
}

static void collect(struct trial_result *result, const struct scene *scene, bool tape)
{
    const struct op_case *op = scene->trial->op;
    for (int i = 0; i < TRIAL_OUTPUTS && op->outputs[i]; i++) {
        if (scene->outputs[i])
            keep_copy(result, op->outputs[i], op->output_axis, &scene->outputs[i]->tensor,
                      scene->outputs[i]->tensor.data);
    }
    for (int i = 0; tape && i < TRIAL_USES && op->uses[i].tensor; i++) {
        const struct value *use = scene->uses[i];
        if (!use || !use->gradient)
            continue;
        char name[40];
        snprintf(name, sizeof name, "d%s%s", op->uses[i].tensor, op->suffix ? op->suffix : "");
        keep_copy(result, name, trial_find(scene->trial, op->uses[i].tensor)->axis, &use->tensor,
                  use->gradient);
    }
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static bool pass(struct graph *graph, bool tape, assay_error *error)
{
    return graph_forward(graph, error) == ASSAY_OK &&
           (!tape || graph_backward(graph, error) == ASSAY_OK);
}

static bool run_trial(struct trial_result *result, const struct trial *trial,
                      const struct run_options *options, double least_seconds)
{
    *result = (struct trial_result){0};
    assay_error error = {0};
    struct parameter_set *set = NULL;
    struct scene scene = {.trial = trial};
    bool done = false;
    if (parameter_set_open(&set, &error) != ASSAY_OK ||
        graph_open(&scene.graph, &error) != ASSAY_OK ||
        !add_weights(set, trial, options->tape, &error))
        goto end;
    struct graph_options run = {.precision = options->precision,
                                .tape = options->tape,
                                .training = trial->op->dropout > 0.0f,
                                .seed = 11,
                                .step = 3,
                                .parameters = set,
                                .kernels = options->kernels,
                                .threads = options->threads};
    const struct trial_tensor *dy = trial_find(trial, "dy");
    for (int turn = 0; turn < (options->accumulate ? 2 : 1); turn++) {
        run.accumulate = turn > 0;
        graph_reset(scene.graph, &run);
        build_scene(&scene, options->tape, options->twice);
        if (options->tape && dy)
            graph_seed(scene.graph, scene.outputs[trial->op->seeded], dy->floats);
        if (graph_plan(scene.graph, &result->cost, &error) != ASSAY_OK ||
            !pass(scene.graph, options->tape, &error))
            goto end;
    }
    collect(result, &scene, options->tape);
    done = true;
    if (least_seconds > 0.0) {
        result->seconds = INFINITY;
        double begin = now();
        for (int i = 0; i < 2 || now() - begin < least_seconds; i++) {
            double start = now();
            done = pass(scene.graph, options->tape, &error);
            double took = now() - start;
            result->seconds = took < result->seconds ? took : result->seconds;
        }
    }
end:
    if (!done)
        complain(trial, &error);
    graph_close(scene.graph);
    parameter_set_close(set);
    return done;
}

bool trial_run(struct trial_result *result, const struct trial *trial,
               const struct run_options *options)
{
    return run_trial(result, trial, options, 0.0);
}

bool trial_time(struct trial_result *result, const struct trial *trial,
                const struct run_options *options, double least_seconds)
{
    return run_trial(result, trial, options, least_seconds);
}

void trial_result_close(struct trial_result *result)
{
    arena_free(&result->arena);
}

const struct result_tensor *trial_result_find(const struct trial_result *result, const char *name)
{
    for (int i = 0; i < result->count; i++) {
        if (!strcmp(result->tensors[i].name, name))
            return &result->tensors[i];
    }
    return NULL;
}
