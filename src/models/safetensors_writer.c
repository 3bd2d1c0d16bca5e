#include "models/safetensors_writer.h"

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PREFIX_BYTES = 8, BITS_A_BYTE = 8 };

struct planned {
    const struct safetensors_item *item;
    const char *type_name;
    size_t bytes;
};

struct safetensors_item safetensors_item_of(const struct safetensors_entry *entry)
{
    struct safetensors_item item = {.name = entry->name,
                                    .dtype = entry->dtype,
                                    .type_name = entry->type_name,
                                    .rank = entry->rank,
                                    .data = entry->data};
    memcpy(item.shape, entry->shape, sizeof item.shape);
    return item;
}

static assay_status refuse(const struct safetensors_item *item, const char *message,
                           assay_error *error)
{
    error_set(error, ASSAY_ERROR_ARGUMENT, "%s", message);
    error_at_place(error, "%s", item->name ? item->name : "");
    return ASSAY_ERROR_ARGUMENT;
}

static assay_status plan(struct planned *out, const struct safetensors_item *item,
                         assay_error *error)
{
    if (!item->name || strcmp(item->name, "__metadata__") == 0 ||
        utf8_valid_prefix(item->name, strlen(item->name)) != strlen(item->name))
        return refuse(item, "this cannot be a tensor's name", error);
    out->item = item;
    out->type_name = item->dtype == DTYPE_OTHER ? item->type_name : dtype_name(item->dtype);
    unsigned bits = out->type_name ? safetensors_type_bits(out->type_name) : 0;
    if (!bits)
        return refuse(item, "the format has no such type", error);
    if (item->rank < 0 || item->rank > SAFETENSORS_MAX_RANK)
        return refuse(item, "the tensor has too many dimensions", error);
    size_t total = bits;
    for (int i = 0; i < item->rank; i++) {
        if (item->shape[i] < 0 || !checked_multiply(&total, total, (size_t)item->shape[i]))
            return refuse(item, "the shape is negative or its product overflows", error);
    }
    if (total % BITS_A_BYTE)
        return refuse(item, "the tensor does not end on a whole byte", error);
    out->bytes = total / BITS_A_BYTE;
    if (out->bytes && !item->data)
        return refuse(item, "the tensor has no data", error);
    return ASSAY_OK;
}

static int compare(const void *left, const void *right)
{
    const struct planned *a = left;
    const struct planned *b = right;
    unsigned first = safetensors_type_order(a->type_name);
    unsigned second = safetensors_type_order(b->type_name);
    if (first != second)
        return first > second ? -1 : 1;
    return strcmp(a->item->name, b->item->name);
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static assay_status refuse_duplicates(const struct planned *plans, size_t count, assay_error *error)
{
    const char **names = memory_allocate(count, sizeof *names);
    if (!names)
        return error_memory(error, count * sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = plans[i].item->name;
    qsort(names, count, sizeof *names, compare_names);
    assay_status status = ASSAY_OK;
    for (size_t i = 1; i < count && !status; i++) {
        if (strcmp(names[i - 1], names[i]) == 0) {
            status = error_set(error, ASSAY_ERROR_ARGUMENT, "two tensors have the same name");
            error_at_place(error, "%s", names[i]);
        }
    }
    memory_free(names);
    return status;
}

static bool put_entry(struct buffer *header, const struct planned *entry, size_t begin)
{
    struct json_writer name = {.out = header};
    json_put_string(&name, entry->item->name);
    bool done =
        !name.failed && buffer_format(header, ":{\"dtype\":\"%s\",\"shape\":[", entry->type_name);
    for (int i = 0; i < entry->item->rank && done; i++)
        done = buffer_format(header, i ? ",%" PRId64 : "%" PRId64, entry->item->shape[i]);
    return done &&
           buffer_format(header, "],\"data_offsets\":[%zu,%zu]}", begin, begin + entry->bytes);
}

/* The length, then the JSON, padded. */
static assay_status make_header(struct buffer *header, const struct planned *plans, size_t count,
                                assay_error *error)
{
    size_t at = 0;
    bool done = buffer_append(header, "\0\0\0\0\0\0\0\0", PREFIX_BYTES) &&
                buffer_append_string(header, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (size_t i = 0; i < count && done; i++) {
        size_t end;
        if (!checked_add(&end, at, plans[i].bytes))
            return refuse(plans[i].item, "the tensors are too large together", error);
        done = buffer_append_byte(header, ',') && put_entry(header, &plans[i], at);
        at = end;
    }
    done = done && buffer_append_byte(header, '}');
    while (done && header->length % PREFIX_BYTES)
        done = buffer_append_byte(header, ' ');
    if (!done)
        return error_memory(error, header->length);
    size_t length = header->length - PREFIX_BYTES;
    if (length > SAFETENSORS_MAX_HEADER)
        return error_set(error, ASSAY_ERROR_LIMIT, "the header would be larger than 100 MB");
    for (int i = 0; i < PREFIX_BYTES; i++)
        header->bytes[i] = (char)(unsigned char)(length >> (8 * i) & 0xff);
    return ASSAY_OK;
}

static assay_status write_all(struct file_writer *writer, const struct buffer *header,
                              const struct planned *plans, size_t count, assay_error *error)
{
    assay_status status = file_writer_write(writer, header->bytes, header->length, error);
    for (size_t i = 0; i < count && !status; i++)
        status = file_writer_write(writer, plans[i].item->data, plans[i].bytes, error);
    return status;
}

assay_status safetensors_write_into(struct file_writer *writer, const char *path,
                                    const struct safetensors_item *items, size_t count,
                                    assay_error *error)
{
    struct buffer header = {0};
    assay_status status = ASSAY_OK;
    struct planned *plans = memory_allocate(count, sizeof *plans);
    if (!plans)
        return error_memory(error, count * sizeof *plans);
    for (size_t i = 0; i < count && !status; i++)
        status = plan(&plans[i], &items[i], error);
    if (!status)
        status = refuse_duplicates(plans, count, error);
    if (!status) {
        qsort(plans, count, sizeof *plans, compare);
        status = make_header(&header, plans, count, error);
    }
    if (!status)
        status = write_all(writer, &header, plans, count, error);
    if (status)
        error_at_file(error, path);
    buffer_free(&header);
    memory_free(plans);
    return status;
}

assay_status safetensors_write(const char *path, const struct safetensors_item *items, size_t count,
                               assay_error *error)
{
    struct file_writer *writer;
    assay_status status = file_writer_open(&writer, path, error);
    if (status)
        return status;
    status = safetensors_write_into(writer, path, items, count, error);
    if (status) {
        file_writer_abandon(writer);
        return status;
    }
    return file_writer_commit(writer, error);
}
