#include "models/safetensors_internal.h"

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREFIX_BYTES = 8, BITS_A_BYTE = 8 };

/* In the order of the reference's enumeration, by which its writer sorts. */
static const struct {
    const char *name;
    unsigned bits;
} types[] = {
    {"BOOL", 8},        {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
    {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
    {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
    {"I32", 32},        {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},
    {"I64", 64},        {"U64", 64},
};

enum { TYPE_COUNT = sizeof types / sizeof *types };

static unsigned find_type(const char *name)
{
    unsigned i = 0;
    while (i < TYPE_COUNT && strcmp(types[i].name, name) != 0)
        i++;
    return i;
}

unsigned safetensors_type_bits(const char *type_name)
{
    unsigned i = find_type(type_name);
    return i < TYPE_COUNT ? types[i].bits : 0;
}

unsigned safetensors_type_order(const char *type_name)
{
    return find_type(type_name);
}

/* What the visitors of one file's header share. */
struct header {
    struct safetensors *out;
    const char *path;
    const unsigned char *data;
    size_t data_bytes;
    size_t members; /* of all objects, to tell duplicate keys */
    size_t next;    /* entry to fill */
};

assay_status safetensors_refuse(const char *path, const char *name, assay_error *error,
                                assay_status status, const char *message)
{
    error_set(error, status, "%s", message);
    error_at_file(error, path);
    if (name)
        error_at_place(error, "%s", name);
    return status;
}

static assay_status visit_metadata(void *context, const char *key, size_t key_length,
                                   const struct json *value, assay_error *error)
{
    struct header *header = context;
    struct safetensors *out = header->out;
    (void)key_length;
    if (json_kind(value) != JSON_STRING) {
        safetensors_refuse(header->path, "__metadata__", error, ASSAY_ERROR_FORMAT,
                           "metadata that is not a string");
        error_expected(error, "a string under %s", key);
        error_found(error, "%s", json_kind_name(json_kind(value)));
        return ASSAY_ERROR_FORMAT;
    }
    struct pair *pair = &out->metadata[out->metadata_count];
    pair->key = memory_copy_string(key);
    pair->value = memory_copy_bytes(json_string(value), json_string_length(value));
    out->metadata_count++;
    if (!pair->key || !pair->value)
        return error_memory(error, json_string_length(value));
    return ASSAY_OK;
}

static assay_status read_metadata(struct header *header, const struct json *map, assay_error *error)
{
    struct safetensors *out = header->out;
    if (json_kind(map) == JSON_NULL)
        return ASSAY_OK;
    if (json_kind(map) != JSON_OBJECT) {
        safetensors_refuse(header->path, "__metadata__", error, ASSAY_ERROR_FORMAT,
                           "wrong kind of value");
        error_expected(error, "an object");
        error_found(error, "%s", json_kind_name(json_kind(map)));
        return ASSAY_ERROR_FORMAT;
    }
    size_t count = json_count(map);
    struct pair *grown =
        memory_resize(out->metadata, out->metadata_count + count, sizeof *out->metadata);
    if (!grown)
        return error_memory(error, count * sizeof *grown);
    out->metadata = grown;
    memset(grown + out->metadata_count, 0, count * sizeof *grown);
    header->members += count;
    return json_each_member(map, visit_metadata, header, error);
}

/* A list of whole numbers of at most `room`; what it is comes first in errors. */
static assay_status read_sizes(int64_t *out, size_t room, const struct json *list, const char *what,
                               assay_error *error)
{
    for (size_t i = 0; i < json_count(list) && i < room; i++) {
        const struct json *element = json_element(list, i);
        if (json_kind(element) != JSON_INTEGER || json_integer(element) < 0) {
            error_set(error, ASSAY_ERROR_FORMAT, "%s holds something that is not a size", what);
            error_expected(error, "whole numbers from 0 to 2^63 - 1");
            if (json_kind(element) == JSON_INTEGER)
                error_found(error, "%" PRId64, json_integer(element));
            else
                error_found(error, "%s", json_kind_name(json_kind(element)));
            return ASSAY_ERROR_FORMAT;
        }
        out[i] = json_integer(element);
    }
    return ASSAY_OK;
}

static assay_status read_shape(struct safetensors_entry *entry, const struct json *shape,
                               assay_error *error)
{
    if (json_kind(shape) != JSON_ARRAY) {
        error_set(error, ASSAY_ERROR_FORMAT, "shape is missing or not a list");
        error_expected(error, "a list of sizes");
        error_found(error, "%s", json_kind_name(json_kind(shape)));
        return ASSAY_ERROR_FORMAT;
    }
    if (json_count(shape) > SAFETENSORS_MAX_RANK) {
        error_set(error, ASSAY_ERROR_LIMIT, "the tensor has too many dimensions");
        error_expected(error, "at most %d", SAFETENSORS_MAX_RANK);
        error_found(error, "%zu", json_count(shape));
        return ASSAY_ERROR_LIMIT;
    }
    entry->rank = (int)json_count(shape);
    return read_sizes(entry->shape, SAFETENSORS_MAX_RANK, shape, "shape", error);
}

/* The bytes that type and shape ask for. */
static assay_status measure(struct safetensors_entry *entry, size_t *bytes, assay_error *error)
{
    size_t bits;
    entry->elements = 1;
    for (int i = 0; i < entry->rank; i++) {
        if (!checked_multiply(&entry->elements, entry->elements, (size_t)entry->shape[i]))
            return error_set(error, ASSAY_ERROR_FORMAT, "the shape's product overflows");
    }
    if (!checked_multiply(&bits, entry->elements, safetensors_type_bits(entry->type_name)))
        return error_set(error, ASSAY_ERROR_FORMAT, "the shape's product overflows");
    if (bits % BITS_A_BYTE)
        return error_set(error, ASSAY_ERROR_FORMAT, "the tensor does not end on a whole byte");
    *bytes = bits / BITS_A_BYTE;
    return ASSAY_OK;
}

static assay_status read_entry(struct safetensors_entry *entry, const struct header *header,
                               const struct json *object, assay_error *error)
{
    const char *type_name = NULL;
    int64_t offsets[2] = {0};
    size_t needed = 0;
    assay_status status = json_read_string(&type_name, object, "dtype", true, error);
    if (status)
        return status;
    unsigned type = find_type(type_name);
    if (type == TYPE_COUNT ||
        strlen(type_name) != json_string_length(json_member(object, "dtype"))) {
        error_set(error, ASSAY_ERROR_UNSUPPORTED, "unknown tensor type");
        error_expected(error, "F32, F16, BF16, I64 or another type of the format");
        error_found(error, "%s", type_name);
        return ASSAY_ERROR_UNSUPPORTED;
    }
    entry->type_name = types[type].name;
    entry->dtype = dtype_from_name(type_name);
    status = read_shape(entry, json_member(object, "shape"), error);
    if (status)
        return status;
    const struct json *list = json_member(object, "data_offsets");
    if (json_kind(list) != JSON_ARRAY || json_count(list) != 2) {
        error_set(error, ASSAY_ERROR_FORMAT, "data_offsets is missing or not a pair");
        error_expected(error, "a list of two offsets");
        return ASSAY_ERROR_FORMAT;
    }
    status = read_sizes(offsets, 2, list, "data_offsets", error);
    if (!status)
        status = measure(entry, &needed, error);
    if (status)
        return status;
    if (offsets[0] > offsets[1] || (uint64_t)offsets[1] > header->data_bytes) {
        error_set(error, ASSAY_ERROR_FORMAT, "data_offsets reach outside the file");
        error_expected(error, "0 <= begin <= end <= %zu", header->data_bytes);
        error_found(error, "%" PRId64 " to %" PRId64, offsets[0], offsets[1]);
        return ASSAY_ERROR_FORMAT;
    }
    if ((size_t)(offsets[1] - offsets[0]) != needed) {
        error_set(error, ASSAY_ERROR_FORMAT, "shape and type do not match the length of the data");
        error_expected(error, "%zu bytes", needed);
        error_found(error, "%" PRId64, offsets[1] - offsets[0]);
        return ASSAY_ERROR_FORMAT;
    }
    entry->data = header->data + offsets[0];
    entry->bytes = needed;
    size_t size = dtype_size(entry->dtype);
    entry->aligned = size && (uintptr_t)entry->data % size == 0;
    return ASSAY_OK;
}

static assay_status visit_tensor(void *context, const char *key, size_t key_length,
                                 const struct json *value, assay_error *error)
{
    struct header *header = context;
    struct safetensors *out = header->out;
    (void)key_length;
    if (strcmp(key, "__metadata__") == 0)
        return read_metadata(header, value, error);
    if (json_kind(value) != JSON_OBJECT) {
        safetensors_refuse(header->path, key, error, ASSAY_ERROR_FORMAT, "wrong kind of value");
        error_expected(error, "an object with dtype, shape and data_offsets");
        error_found(error, "%s", json_kind_name(json_kind(value)));
        return ASSAY_ERROR_FORMAT;
    }
    header->members += json_count(value);
    struct safetensors_entry *entry = &out->entries[out->entry_count];
    memset(entry, 0, sizeof *entry);
    entry->file = out->file_count - 1;
    entry->name = memory_copy_string(key);
    if (!entry->name)
        return error_memory(error, strlen(key));
    out->entry_count++;
    assay_status status = read_entry(entry, header, value, error);
    if (status) {
        char place[ASSAY_ERROR_DETAIL_SIZE];
        snprintf(place, sizeof place, "%s", key);
        if (error)
            snprintf(error->place, sizeof error->place, "%s", place);
        error_at_file(error, header->path);
    }
    return status;
}

struct span {
    const unsigned char *begin;
    size_t length;
};

static int compare_spans(const void *left, const void *right)
{
    const struct span *a = left;
    const struct span *b = right;
    int order = memcmp(a->begin, b->begin, a->length < b->length ? a->length : b->length);
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

/* The keys of a JSON text already checked: how many in all, and where those of the outermost object
 * stand when `spans` is given. */
static size_t find_keys(const unsigned char *text, size_t length, struct span *spans,
                        size_t *span_count)
{
    size_t keys = 0;
    size_t depth = 0;
    struct span last = {0};
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"') {
            size_t begin = ++i;
            while (i < length && text[i] != '"')
                i += text[i] == '\\' ? 2 : 1;
            last = (struct span){text + begin, (i < length ? i : length) - begin};
        } else if (text[i] == '{' || text[i] == '[') {
            depth++;
        } else if (text[i] == '}' || text[i] == ']') {
            depth--;
        } else if (text[i] == ':') {
            keys++;
            if (depth == 1 && span_count) {
                if (spans)
                    spans[*span_count] = last;
                ++*span_count;
            }
        }
    }
    return keys;
}

/* JSON readers keep the last of two equal keys; the format forbids them. */
static assay_status refuse_duplicates(const struct header *header, const unsigned char *text,
                                      size_t length, assay_error *error)
{
    size_t count = 0;
    if (find_keys(text, length, NULL, &count) == header->members)
        return ASSAY_OK;
    safetensors_refuse(header->path, NULL, error, ASSAY_ERROR_FORMAT,
                       "a name appears twice in the header");
    struct span *spans = memory_allocate(count, sizeof *spans);
    if (spans) {
        size_t filled = 0;
        find_keys(text, length, spans, &filled);
        qsort(spans, filled, sizeof *spans, compare_spans);
        for (size_t i = 1; i < filled; i++) {
            if (compare_spans(&spans[i - 1], &spans[i]) == 0) {
                error_at_place(error, "%.*s", (int)(spans[i].length & 0xff),
                               (const char *)spans[i].begin);
                break;
            }
        }
        memory_free(spans);
    }
    return ASSAY_ERROR_FORMAT;
}

static int compare_places(const void *left, const void *right)
{
    const struct safetensors_entry *a = *(const struct safetensors_entry *const *)left;
    const struct safetensors_entry *b = *(const struct safetensors_entry *const *)right;
    if (a->data != b->data)
        return (uintptr_t)a->data < (uintptr_t)b->data ? -1 : 1;
    return (a->bytes > b->bytes) - (a->bytes < b->bytes); /* empty ones first */
}

/* Tensors must follow each other from the first byte of the data to the last. */
static assay_status check_coverage(const struct header *header, size_t first, assay_error *error)
{
    struct safetensors *out = header->out;
    size_t count = out->entry_count - first;
    const struct safetensors_entry **order = memory_allocate(count, sizeof *order);
    if (!order)
        return error_memory(error, count * sizeof *order);
    for (size_t i = 0; i < count; i++)
        order[i] = &out->entries[first + i];
    qsort(order, count, sizeof *order, compare_places);
    size_t at = 0;
    assay_status status = ASSAY_OK;
    for (size_t i = 0; i < count && !status; i++) {
        size_t begin = (size_t)((const unsigned char *)order[i]->data - header->data);
        if (begin != at) {
            status = safetensors_refuse(header->path, order[i]->name, error, ASSAY_ERROR_FORMAT,
                                        begin < at ? "the tensor overlaps the one before it"
                                                   : "there is a hole before the tensor");
            error_expected(error, "data from offset %zu", at);
            error_found(error, "%zu", begin);
        }
        at = begin + order[i]->bytes;
    }
    if (!status && at != header->data_bytes) {
        status = safetensors_refuse(header->path, NULL, error, ASSAY_ERROR_FORMAT,
                                    "the tensors do not cover the file");
        error_expected(error, "%zu bytes of data", at);
        error_found(error, "%zu", header->data_bytes);
    }
    memory_free(order);
    return status;
}

static uint64_t read_length(const unsigned char *bytes)
{
    uint64_t length = 0;
    for (int i = PREFIX_BYTES - 1; i >= 0; i--)
        length = length << 8 | bytes[i];
    return length;
}

static assay_status find_header(size_t *length, const struct mapped_file *file, assay_error *error)
{
    const unsigned char *bytes = mapped_file_bytes(file);
    const char *path = mapped_file_path(file);
    size_t size = mapped_file_size(file);
    if (size < PREFIX_BYTES) {
        safetensors_refuse(path, NULL, error, ASSAY_ERROR_FORMAT,
                           "too short for a safetensors file");
        error_expected(error, "at least %d bytes", PREFIX_BYTES);
        error_found(error, "%zu", size);
        return ASSAY_ERROR_FORMAT;
    }
    uint64_t stated = read_length(bytes);
    if (stated > SAFETENSORS_MAX_HEADER) {
        safetensors_refuse(path, NULL, error, ASSAY_ERROR_LIMIT,
                           "the header is too large, or this is not a safetensors file");
        error_expected(error, "at most %d bytes", SAFETENSORS_MAX_HEADER);
        error_found(error, "%" PRIu64, stated);
        return ASSAY_ERROR_LIMIT;
    }
    if (stated > size - PREFIX_BYTES) {
        safetensors_refuse(path, NULL, error, ASSAY_ERROR_FORMAT, "the header is cut short");
        error_expected(error, "%" PRIu64 " bytes", stated);
        error_found(error, "%zu", size - PREFIX_BYTES);
        return ASSAY_ERROR_FORMAT;
    }
    if (stated < 2 || bytes[PREFIX_BYTES] != '{')
        return safetensors_refuse(path, NULL, error, ASSAY_ERROR_FORMAT,
                                  "the header does not start with '{'");
    *length = (size_t)stated;
    return ASSAY_OK;
}

static assay_status grow_entries(struct safetensors *out, size_t more, assay_error *error)
{
    struct safetensors_entry *grown =
        memory_resize(out->entries, out->entry_count + more, sizeof *grown);
    if (!grown)
        return error_memory(error, more * sizeof *grown);
    out->entries = grown;
    return ASSAY_OK;
}

/* Appends one file's tensors. */
assay_status safetensors_add_file(struct safetensors *out, const char *path, assay_error *error)
{
    struct json *root = NULL;
    size_t length = 0;
    size_t first = out->entry_count;
    const struct mapped_file *file;
    assay_status status = safetensors_map_file(out, &file, path, error);
    if (status)
        return status;
    status = find_header(&length, file, error);
    if (status)
        return status;
    const unsigned char *text = mapped_file_bytes(file) + PREFIX_BYTES;
    status = json_parse(&root, (const char *)text, length, path, error);
    if (status)
        goto cleanup;
    if (json_kind(root) != JSON_OBJECT) {
        status = safetensors_refuse(path, NULL, error, ASSAY_ERROR_FORMAT,
                                    "the header is not an object");
        goto cleanup;
    }
    struct header header = {.out = out,
                            .path = path,
                            .data = text + length,
                            .data_bytes = mapped_file_size(file) - PREFIX_BYTES - length,
                            .members = json_count(root)};
    status = grow_entries(out, json_count(root), error);
    if (!status)
        status = json_each_member(root, visit_tensor, &header, error);
    if (!status)
        status = refuse_duplicates(&header, text, length, error);
    if (!status)
        status = check_coverage(&header, first, error);
cleanup:
    json_free(root);
    /* A file cut while it is read would otherwise be called damaged. */
    if (status && status != ASSAY_ERROR_MEMORY && mapped_file_check(file, NULL))
        status = mapped_file_check(file, error);
    return status;
}
