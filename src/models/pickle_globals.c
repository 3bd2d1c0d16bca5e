/* The globals that a table of tensors may name, and what calling them makes. */
#include "base/error.h"
#include "models/pickle_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum role {
    ROLE_ORDERED_DICTIONARY,
    ROLE_TENSOR,       /* _rebuild_tensor_v2: the storage has a type */
    ROLE_TYPED_TENSOR, /* _rebuild_tensor_v3: the type comes last */
    ROLE_PARAMETER,
    ROLE_STORAGE, /* named in persistent ids, never called */
    ROLE_TYPE     /* an argument of _rebuild_tensor_v3 */
};

struct pickle_global {
    const char *module, *name;
    enum role role;
    struct pickle_type type;
};

#define STORAGE(name, type, size)                                                                  \
    {                                                                                              \
        "torch", name "Storage", ROLE_STORAGE,                                                     \
        {                                                                                          \
            type, size                                                                             \
        }                                                                                          \
    }
#define TYPE(name, type, size)                                                                     \
    {                                                                                              \
        "torch", name, ROLE_TYPE,                                                                  \
        {                                                                                          \
            type, size                                                                             \
        }                                                                                          \
    }

static const struct pickle_global globals[] = {
    {"collections", "OrderedDict", ROLE_ORDERED_DICTIONARY, {NULL, 0}},
    {"torch._utils", "_rebuild_tensor_v2", ROLE_TENSOR, {NULL, 0}},
    {"torch._utils", "_rebuild_tensor_v3", ROLE_TYPED_TENSOR, {NULL, 0}},
    {"torch._utils", "_rebuild_parameter", ROLE_PARAMETER, {NULL, 0}},
    {"torch.storage", "UntypedStorage", ROLE_STORAGE, {NULL, 1}},
    STORAGE("Float", "F32", 4),
    STORAGE("Half", "F16", 2),
    STORAGE("BFloat16", "BF16", 2),
    STORAGE("Double", "F64", 8),
    STORAGE("Long", "I64", 8),
    STORAGE("Int", "I32", 4),
    STORAGE("Short", "I16", 2),
    STORAGE("Char", "I8", 1),
    STORAGE("Byte", "U8", 1),
    STORAGE("Bool", "BOOL", 1),
    STORAGE("ComplexFloat", "C64", 8),
    TYPE("float32", "F32", 4),
    TYPE("float16", "F16", 2),
    TYPE("bfloat16", "BF16", 2),
    TYPE("float64", "F64", 8),
    TYPE("int64", "I64", 8),
    TYPE("int32", "I32", 4),
    TYPE("int16", "I16", 2),
    TYPE("int8", "I8", 1),
    TYPE("uint8", "U8", 1),
    TYPE("bool", "BOOL", 1),
    TYPE("complex64", "C64", 8),
    TYPE("uint16", "U16", 2),
    TYPE("uint32", "U32", 4),
    TYPE("uint64", "U64", 8),
    TYPE("float8_e4m3fn", "F8_E4M3", 1),
    TYPE("float8_e5m2", "F8_E5M2", 1),
    TYPE("float8_e4m3fnuz", "F8_E4M3FNUZ", 1),
    TYPE("float8_e5m2fnuz", "F8_E5M2FNUZ", 1),
    TYPE("float8_e8m0fnu", "F8_E8M0", 1),
};

static bool equals(struct pickle_text text, const char *name)
{
    return text.length == strlen(name) && memcmp(text.bytes, name, text.length) == 0;
}

/* What is printed of a name from a file that nobody vouches for: nothing that a terminal obeys. */
static void show_name(char *out, size_t size, struct pickle_text name)
{
    size_t length = name.length < size - 1 ? name.length : size - 1;
    for (size_t i = 0; i < length; i++)
        out[i] = name.bytes[i] > ' ' && name.bytes[i] < 0x7f ? name.bytes[i] : '?';
    out[length] = '\0';
}

assay_status pickle_find_global(const struct pickle_global **out, const struct pickle *pickle,
                                struct pickle_text module, struct pickle_text name,
                                assay_error *error)
{
    char shown_module[PICKLE_MAX_NAME + 1], shown_name[PICKLE_MAX_NAME + 1], message[300];
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++) {
        if (equals(module, globals[i].module) && equals(name, globals[i].name)) {
            *out = &globals[i];
            return ASSAY_OK;
        }
    }
    show_name(shown_module, sizeof shown_module, module);
    show_name(shown_name, sizeof shown_name, name);
    snprintf(message, sizeof message, "the pickle asks for %s.%s, which no table of tensors needs",
             shown_module, shown_name);
    return pickle_refuse(pickle, ASSAY_ERROR_UNSUPPORTED, message, error);
}

static assay_status refuse_arguments(const struct pickle *pickle, const char *function,
                                     const char *what, assay_error *error)
{
    char message[200];
    snprintf(message, sizeof message, "%s is called with %s", function, what);
    return pickle_damaged(pickle, message, error);
}

/* A tuple of sizes or strides. */
static assay_status read_sizes(int64_t sizes[PICKLE_MAX_RANK], const struct pickle *pickle,
                               const struct pickle_value *tuple, assay_error *error)
{
    for (size_t i = 0; i < tuple->as.items.count; i++) {
        const struct pickle_value *size = pickle_item(pickle, tuple, i);
        if (size->kind != PICKLE_INTEGER || size->as.integer < 0) {
            pickle_damaged(pickle, "a tensor's size or stride is no size", error);
            error_expected(error, "whole numbers from 0 to 2^63 - 1");
            if (size->kind == PICKLE_INTEGER)
                error_found(error, "%" PRId64, size->as.integer);
            else
                error_found(error, "%s", pickle_kind_name(size->kind));
            return ASSAY_ERROR_FORMAT;
        }
        sizes[i] = size->as.integer;
    }
    return ASSAY_OK;
}

static assay_status read_layout(struct pickle_tensor *tensor, const struct pickle *pickle,
                                const struct pickle_value *shape, const struct pickle_value *stride,
                                assay_error *error)
{
    uint32_t rank = shape->as.items.count;
    if (rank > PICKLE_MAX_RANK) {
        pickle_refuse(pickle, ASSAY_ERROR_LIMIT, "the tensor has too many dimensions", error);
        error_expected(error, "at most %d", PICKLE_MAX_RANK);
        error_found(error, "%u", rank);
        return ASSAY_ERROR_LIMIT;
    }
    if (stride->as.items.count != rank)
        return pickle_damaged(pickle, "a tensor has not as many strides as sizes", error);
    tensor->rank = (int)rank;
    assay_status status = read_sizes(tensor->shape, pickle, shape, error);
    return status == ASSAY_OK ? read_sizes(tensor->stride, pickle, stride, error) : status;
}

static bool is_of_type(const struct pickle_value *value)
{
    return value->kind == PICKLE_GLOBAL && value->as.global->role == ROLE_TYPE;
}

/* (storage, offset, shape, stride, requires_grad, hooks[, type][, marks]): marks would say that the
 * values are to be conjugated or negated. */
static assay_status make_tensor(struct pickle_value *out, struct pickle *pickle,
                                const struct pickle_global *global,
                                const struct pickle_value *arguments, assay_error *error)
{
    enum { STORAGE_AT, OFFSET, SHAPE, STRIDE, GRADIENT, HOOKS, BASE_COUNT };
    static const enum pickle_kind kinds[BASE_COUNT] = {PICKLE_STORAGE, PICKLE_INTEGER,
                                                       PICKLE_TUPLE,   PICKLE_TUPLE,
                                                       PICKLE_BOOLEAN, PICKLE_DICTIONARY};
    const struct pickle_value *given[BASE_COUNT];
    bool typed = global->role == ROLE_TYPED_TENSOR;
    uint32_t count = arguments->as.items.count, least = BASE_COUNT + typed;
    if (count < least || count > least + 1)
        return refuse_arguments(pickle, global->name, "a wrong number of arguments", error);
    for (size_t i = 0; i < BASE_COUNT; i++) {
        given[i] = pickle_item(pickle, arguments, i);
        if (given[i]->kind == kinds[i])
            continue;
        refuse_arguments(pickle, global->name, "a wrong argument", error);
        error_expected(error, "%s as number %zu", pickle_kind_name(kinds[i]), i + 1);
        error_found(error, "%s", pickle_kind_name(given[i]->kind));
        return ASSAY_ERROR_FORMAT;
    }
    if (count > least) {
        const struct pickle_value *marks = pickle_item(pickle, arguments, least);
        if (marks->kind != PICKLE_NONE &&
            !(marks->kind == PICKLE_DICTIONARY && !marks->as.items.count))
            return pickle_refuse(pickle, ASSAY_ERROR_UNSUPPORTED,
                                 "the tensor is a conjugated or negated view, or carries marks "
                                 "that are not known",
                                 error);
    }
    struct pickle_tensor *tensor = arena_allocate(&pickle->arena, 1, sizeof *tensor);
    if (!tensor)
        return error_memory(error, sizeof *tensor);
    tensor->storage = *given[STORAGE_AT]->as.storage;
    tensor->type = tensor->storage.type;
    tensor->offset = given[OFFSET]->as.integer;
    if (typed) {
        const struct pickle_value *type = pickle_item(pickle, arguments, BASE_COUNT);
        if (!is_of_type(type) || tensor->storage.type.name)
            return refuse_arguments(pickle, global->name, "a wrong type", error);
        tensor->type = type->as.global->type;
    } else if (!tensor->type.name) {
        return refuse_arguments(pickle, global->name, "a storage without a type", error);
    }
    if (tensor->offset < 0)
        return pickle_damaged(pickle, "a tensor begins before its storage", error);
    *out = (struct pickle_value){.kind = PICKLE_TENSOR, .as.tensor = tensor};
    return read_layout(tensor, pickle, given[SHAPE], given[STRIDE], error);
}

/* (tensor, requires_grad, hooks) */
static assay_status make_parameter(struct pickle_value *out, const struct pickle *pickle,
                                   const struct pickle_global *global,
                                   const struct pickle_value *arguments, assay_error *error)
{
    if (arguments->as.items.count != 3)
        return refuse_arguments(pickle, global->name, "a wrong number of arguments", error);
    const struct pickle_value *tensor = pickle_item(pickle, arguments, 0);
    if (tensor->kind != PICKLE_TENSOR ||
        pickle_item(pickle, arguments, 1)->kind != PICKLE_BOOLEAN ||
        pickle_item(pickle, arguments, 2)->kind != PICKLE_DICTIONARY)
        return refuse_arguments(pickle, global->name, "a wrong argument", error);
    *out = *tensor;
    return ASSAY_OK;
}

assay_status pickle_call(struct pickle_value *out, struct pickle *pickle,
                         const struct pickle_global *global, const struct pickle_value *arguments,
                         assay_error *error)
{
    char message[200];
    switch (global->role) {
    case ROLE_ORDERED_DICTIONARY:
        if (arguments->as.items.count)
            return refuse_arguments(pickle, global->name, "arguments", error);
        *out = (struct pickle_value){.kind = PICKLE_DICTIONARY};
        return ASSAY_OK;
    case ROLE_TENSOR:
    case ROLE_TYPED_TENSOR:
        return make_tensor(out, pickle, global, arguments, error);
    case ROLE_PARAMETER:
        return make_parameter(out, pickle, global, arguments, error);
    case ROLE_STORAGE:
    case ROLE_TYPE:
        break;
    }
    snprintf(message, sizeof message, "the pickle calls %s.%s, which no table of tensors needs",
             global->module, global->name);
    return pickle_refuse(pickle, ASSAY_ERROR_UNSUPPORTED, message, error);
}

/* ("storage", class, key, device, elements) */
assay_status pickle_find_storage(struct pickle_value *out, struct pickle *pickle,
                                 const struct pickle_value *id, assay_error *error)
{
    enum { KIND, CLASS, KEY, DEVICE, ELEMENTS, COUNT };
    static const enum pickle_kind kinds[COUNT] = {PICKLE_STRING, PICKLE_GLOBAL, PICKLE_STRING,
                                                  PICKLE_STRING, PICKLE_INTEGER};
    const struct pickle_value *part[COUNT] = {NULL};
    bool good = id->kind == PICKLE_TUPLE && id->as.items.count == COUNT;
    for (size_t i = 0; good && i < COUNT; i++) {
        part[i] = pickle_item(pickle, id, i);
        good = part[i]->kind == kinds[i];
    }
    if (!good || !equals(part[KIND]->as.text, "storage") ||
        part[CLASS]->as.global->role != ROLE_STORAGE || part[ELEMENTS]->as.integer < 0)
        return pickle_damaged(pickle, "a persistent id is not that of a storage", error);
    struct pickle_storage *storage = arena_allocate(&pickle->arena, 1, sizeof *storage);
    if (!storage)
        return error_memory(error, sizeof *storage);
    *storage = (struct pickle_storage){.type = part[CLASS]->as.global->type,
                                       .key = part[KEY]->as.text,
                                       .elements = part[ELEMENTS]->as.integer};
    *out = (struct pickle_value){.kind = PICKLE_STORAGE, .as.storage = storage};
    return ASSAY_OK;
}
