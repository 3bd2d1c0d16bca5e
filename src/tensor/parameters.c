#include "tensor/parameters.h"

#include "base/error.h"
#include "base/memory.h"

#include <pthread.h>
#include <string.h>

/* Trained weights begin at multiples of this many floats, so that vector loops need no head. */
enum { RUN_ALIGNMENT = 16, FIRST_SLOTS = 256 };

struct parameter_set {
    struct parameter **items;
    int64_t count, capacity;
    int64_t *slots; /* open addressing by name: index + 1, 0 empty */
    int64_t slot_count;
    float *values, *gradients;
    int64_t run;
    void (*packed)(void *, const struct parameter *);
    void *packed_context;
    pthread_mutex_t packing;
};

assay_status parameter_set_open(struct parameter_set **out, assay_error *error)
{
    *out = memory_allocate_zeroed(1, sizeof **out);
    if (!*out)
        return error_memory(error, sizeof **out);
    pthread_mutex_init(&(*out)->packing, NULL);
    return ASSAY_OK;
}

void parameter_set_close(struct parameter_set *set)
{
    if (!set)
        return;
    for (int64_t i = 0; i < set->count; i++) {
        struct parameter *parameter = set->items[i];
        for (int kind = 0; kind < PACK_KINDS; kind++) {
            memory_free(parameter->packed[kind].data);
            memory_free(parameter->packed[kind].low);
        }
        memory_free(parameter->name);
        memory_free(parameter);
    }
    memory_free(set->items);
    memory_free(set->slots);
    memory_free(set->values);
    memory_free(set->gradients);
    pthread_mutex_destroy(&set->packing);
    memory_free(set);
}

static int64_t slot_of(const struct parameter_set *set, const char *name)
{
    uint64_t slot = random_hash_name(name) & (uint64_t)(set->slot_count - 1);
    while (set->slots[slot] && strcmp(set->items[set->slots[slot] - 1]->name, name) != 0)
        slot = (slot + 1) & (uint64_t)(set->slot_count - 1);
    return (int64_t)slot;
}

static bool grow_slots(struct parameter_set *set)
{
    if (2 * (set->count + 1) <= set->slot_count)
        return true;
    int64_t slot_count = set->slot_count ? 2 * set->slot_count : FIRST_SLOTS;
    int64_t *slots = memory_allocate_zeroed((size_t)slot_count, sizeof *slots);
    if (!slots)
        return false;
    memory_free(set->slots);
    set->slots = slots;
    set->slot_count = slot_count;
    for (int64_t i = 0; i < set->count; i++)
        slots[slot_of(set, set->items[i]->name)] = i + 1;
    return true;
}

static bool grow_items(struct parameter_set *set)
{
    if (set->count < set->capacity)
        return true;
    int64_t capacity = set->capacity ? 2 * set->capacity : FIRST_SLOTS;
    struct parameter **items = memory_resize(set->items, (size_t)capacity, sizeof *items);
    if (!items)
        return false;
    set->items = items;
    set->capacity = capacity;
    return true;
}

assay_status parameter_set_add(struct parameter_set *set, const char *name, int rank,
                               const int64_t *shape, const float *data, assay_error *error)
{
    if (parameter_set_find(set, name)) {
        error_set(error, ASSAY_ERROR_FORMAT, "the tensor is there twice");
        error_at_place(error, "%s", name);
        return ASSAY_ERROR_FORMAT;
    }
    struct parameter *parameter = memory_allocate_zeroed(1, sizeof *parameter);
    if (!parameter)
        return error_memory(error, sizeof *parameter);
    parameter->name = memory_copy_string(name);
    if (!parameter->name || !grow_slots(set) || !grow_items(set)) {
        memory_free(parameter->name);
        memory_free(parameter);
        return error_memory(error, sizeof *parameter);
    }
    parameter->tensor.dtype = DTYPE_F32;
    parameter->tensor.rank = rank;
    memcpy(parameter->tensor.shape, shape, (size_t)rank * sizeof *shape);
    /* Mapped weights are never written: training copies them first. */
    parameter->tensor.data = (void *)(uintptr_t)data;
    parameter->tensor.version = 1;
    int64_t slot = slot_of(set, name);
    set->items[set->count++] = parameter;
    set->slots[slot] = set->count;
    return ASSAY_OK;
}

struct parameter *parameter_set_find(const struct parameter_set *set, const char *name)
{
    if (!set->slot_count)
        return NULL;
    int64_t index = set->slots[slot_of(set, name)];
    return index ? set->items[index - 1] : NULL;
}

int64_t parameter_set_count(const struct parameter_set *set)
{
    return set->count;
}

struct parameter *parameter_set_get(const struct parameter_set *set, int64_t index)
{
    return set->items[index];
}

void parameter_set_on_packed(struct parameter_set *set,
                             void (*packed)(void *context, const struct parameter *parameter),
                             void *context)
{
    set->packed = packed;
    set->packed_context = context;
}

static int64_t room_in_run(const struct parameter *parameter)
{
    int64_t count = tensor_count(&parameter->tensor);
    return (count + RUN_ALIGNMENT - 1) / RUN_ALIGNMENT * RUN_ALIGNMENT;
}

void parameter_set_mark(struct parameter_set *set,
                        bool (*choose)(void *context, const struct parameter *parameter),
                        void *context)
{
    for (int64_t i = 0; i < set->count; i++)
        set->items[i]->trained = !choose || choose(context, set->items[i]);
}

assay_status parameter_set_train(struct parameter_set *set,
                                 bool (*choose)(void *context, const struct parameter *parameter),
                                 void *context, assay_error *error)
{
    if (set->values)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "the weights are in training already");
    int64_t total = 0;
    parameter_set_mark(set, choose, context);
    for (int64_t i = 0; i < set->count; i++)
        total += set->items[i]->trained ? room_in_run(set->items[i]) : 0;
    set->values = memory_allocate_aligned((size_t)total, sizeof(float));
    set->gradients = memory_allocate_aligned((size_t)total, sizeof(float));
    if (!set->values || !set->gradients) {
        memory_free(set->values);
        memory_free(set->gradients);
        set->values = set->gradients = NULL;
        for (int64_t i = 0; i < set->count; i++)
            set->items[i]->trained = false;
        return error_memory(error, (size_t)total * 2 * sizeof(float));
    }
    memset(set->values, 0, (size_t)total * sizeof(float));
    memset(set->gradients, 0, (size_t)total * sizeof(float));
    set->run = total;
    int64_t at = 0;
    for (int64_t i = 0; i < set->count; i++) {
        struct parameter *parameter = set->items[i];
        if (!parameter->trained)
            continue;
        size_t bytes = (size_t)tensor_count(&parameter->tensor) * sizeof(float);
        if (parameter->tensor.data)
            memcpy(set->values + at, parameter->tensor.data, bytes);
        parameter->tensor.data = set->values + at;
        parameter->tensor.version++;
        parameter->gradient = set->gradients + at;
        at += room_in_run(parameter);
    }
    return ASSAY_OK;
}

float *parameter_set_values(const struct parameter_set *set, int64_t *count)
{
    *count = set->run;
    return set->values;
}

float *parameter_set_gradients(const struct parameter_set *set, int64_t *count)
{
    *count = set->run;
    return set->gradients;
}

void parameter_set_changed(struct parameter_set *set)
{
    for (int64_t i = 0; i < set->count; i++) {
        if (set->items[i]->trained)
            set->items[i]->tensor.version++;
    }
}

static bool is_bfloat(enum pack_kind kind)
{
    return kind == PACK_BFLOAT_FORWARD || kind == PACK_BFLOAT_BACKWARD;
}

/* Inputs k and outputs n of the product that a packed copy serves. */
static void pack_shape(const struct parameter *parameter, enum pack_kind kind,
                       enum weight_layout layout, int64_t *k, int64_t *n, int64_t *k_stride,
                       int64_t *n_stride)
{
    int64_t rows = parameter->tensor.shape[0], columns = parameter->tensor.shape[1];
    bool transposed = kind == PACK_BACKWARD || kind == PACK_BFLOAT_BACKWARD;
    bool rows_are_inputs = (layout == WEIGHT_IN_OUT) != transposed;
    *k = rows_are_inputs ? rows : columns;
    *n = rows_are_inputs ? columns : rows;
    *k_stride = rows_are_inputs ? columns : 1;
    *n_stride = rows_are_inputs ? 1 : columns;
}

size_t parameter_pack_bytes(const struct parameter *parameter, enum pack_kind kind,
                            const struct kernels *kernels)
{
    int64_t a = parameter->tensor.shape[0], b = parameter->tensor.shape[1];
    if (is_bfloat(kind) && kernels) {
        size_t one = kernels->bfloat_bytes(a, b), other = kernels->bfloat_bytes(b, a);
        return one > other ? one : other;
    }
    size_t one = packed_floats(a, b), other = packed_floats(b, a);
    return (one > other ? one : other) * sizeof(float);
}

void parameter_pack_into(void *packed, void *low, const struct parameter *parameter,
                         enum pack_kind kind, enum weight_layout layout,
                         const struct kernels *kernels, const struct kernel_context *context)
{
    int64_t k, n, k_stride, n_stride;
    pack_shape(parameter, kind, layout, &k, &n, &k_stride, &n_stride);
    if (is_bfloat(kind))
        kernels->bfloat_pack(context, packed, low, parameter->tensor.data, false, k_stride,
                             n_stride, k, n);
    else
        kernels->pack(context, packed, parameter->tensor.data, k_stride, n_stride, k, n);
}

assay_status parameter_pack_reserve(struct parameter_set *set, struct parameter *parameter,
                                    enum pack_kind kind, bool with_low,
                                    const struct kernels *kernels, assay_error *error)
{
    struct packed_weight *packed = &parameter->packed[kind];
    size_t bytes = parameter_pack_bytes(parameter, kind, kernels);
    assay_status status = ASSAY_OK;
    pthread_mutex_lock(&set->packing);
    if (!packed->data)
        packed->data = memory_allocate_aligned(bytes, 1);
    if (with_low && !packed->low) {
        packed->low = memory_allocate_aligned(bytes, 1);
        packed->filled = false;
    }
    if (!packed->data || (with_low && !packed->low))
        status = error_memory(error, bytes);
    pthread_mutex_unlock(&set->packing);
    return status;
}

void parameter_pack_fill(struct parameter_set *set, struct parameter *parameter,
                         enum pack_kind kind, enum weight_layout layout,
                         const struct kernels *kernels, const struct kernel_context *context)
{
    struct packed_weight *packed = &parameter->packed[kind];
    pthread_mutex_lock(&set->packing);
    if (!packed->filled || packed->version != parameter->tensor.version) {
        parameter_pack_into(packed->data, packed->low, parameter, kind, layout, kernels, context);
        packed->version = parameter->tensor.version;
        packed->filled = true;
        if (set->packed && !parameter->trained)
            set->packed(set->packed_context, parameter);
    }
    pthread_mutex_unlock(&set->packing);
}
