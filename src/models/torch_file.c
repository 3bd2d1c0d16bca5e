#include "models/torch_file.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/zip.h"
#include "models/pickle.h"
#include "models/safetensors_internal.h"
#include "models/torch_tensor.h"

#include <stdlib.h>
#include <string.h>

/* A file inside the zip; its name without the folder that all of them lie in. */
struct record {
    const char *name;
    size_t length;
    struct zip_entry entry;
};

struct torch_file {
    struct safetensors *out;
    const char *path;
    const struct mapped_file *file;
    struct zip_directory zip;
    struct record *records; /* by name */
    size_t count;
    struct pickle *pickle;
    size_t left; /* bytes that tensors may still come to */
};

static int compare_text(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_records(const void *left, const void *right)
{
    const struct record *a = left, *b = right;
    return compare_text(a->name, a->length, b->name, b->length);
}

static const struct record *find_record(const struct torch_file *file, const char *name,
                                        size_t length)
{
    const struct record wanted = {.name = name, .length = length};
    return bsearch(&wanted, file->records, file->count, sizeof wanted, compare_records);
}

static assay_status refuse(const struct torch_file *file, assay_status status, const char *place,
                           const char *message, assay_error *error)
{
    return safetensors_refuse(file->path, place, error, status, message);
}

/* What stands before the zip form or is mistaken for it. */
static assay_status refuse_other_form(const struct torch_file *file, assay_error *error)
{
    enum { TAR_MARK_AT = 257 };
    const unsigned char *bytes = mapped_file_bytes(file->file);
    size_t size = mapped_file_size(file->file);
    bool bare_pickle = size >= 2 && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5;
    bool tar = size > TAR_MARK_AT + 5 && memcmp(bytes + TAR_MARK_AT, "ustar", 5) == 0;
    if (bare_pickle || tar)
        return refuse(
            file, ASSAY_ERROR_UNSUPPORTED, NULL,
            "the checkpoint has the form of torch before 1.6, which is not read; write it "
            "again where torch is installed: torch.save(torch.load(FILE, "
            "map_location='cpu', weights_only=True), FILE)",
            error);
    refuse(file, ASSAY_ERROR_FORMAT, NULL, "this is no PyTorch checkpoint", error);
    error_expected(error, "a zip archive as torch.save writes it");
    return ASSAY_ERROR_FORMAT;
}

/* All files of the zip lie in one folder, whose name is free. */
static assay_status read_directory(struct torch_file *file, assay_error *error)
{
    const char *folder = NULL;
    size_t folder_length = 0;
    assay_status status = zip_directory_find(&file->zip, mapped_file_bytes(file->file),
                                             mapped_file_size(file->file), error);
    if (status != ASSAY_OK)
        return status;
    if (file->zip.count > TORCH_FILE_MAX_RECORDS) {
        refuse(file, ASSAY_ERROR_LIMIT, NULL, "the checkpoint holds too many files", error);
        error_expected(error, "at most %d", TORCH_FILE_MAX_RECORDS);
        return ASSAY_ERROR_LIMIT;
    }
    file->records = memory_allocate(file->zip.count, sizeof *file->records);
    if (!file->records)
        return error_memory(error, file->zip.count * sizeof *file->records);
    size_t at = file->zip.begin;
    for (size_t i = 0; i < file->zip.count; i++) {
        struct zip_entry entry;
        status = zip_directory_next(&entry, &file->zip, &at, error);
        if (status != ASSAY_OK)
            return status;
        if (!folder) {
            const char *slash = memchr(entry.name, '/', entry.name_length);
            folder = entry.name;
            folder_length = slash ? (size_t)(slash - folder) + 1 : 0;
        }
        if (entry.regular && entry.name_length > folder_length &&
            memcmp(entry.name, folder, folder_length) == 0)
            file->records[file->count++] = (struct record){
                entry.name + folder_length, entry.name_length - folder_length, entry};
    }
    qsort(file->records, file->count, sizeof *file->records, compare_records);
    for (size_t i = 1; i < file->count; i++) {
        if (compare_records(&file->records[i - 1], &file->records[i]) == 0)
            return zip_damaged("a name stands in it twice", error);
    }
    return ASSAY_OK;
}

static assay_status find_data(const unsigned char **data, const struct torch_file *file,
                              const struct record *record, assay_error *error)
{
    if (record->entry.method != ZIP_STORED)
        return error_set(error, ASSAY_ERROR_UNSUPPORTED,
                         "the checkpoint was compressed, which torch.save does not do; write it "
                         "again with torch.save");
    return zip_entry_data(data, &file->zip, &record->entry, error);
}

static assay_status check_byte_order(const struct torch_file *file, assay_error *error)
{
    static const char name[] = "byteorder", little[] = "little", big[] = "big";
    const unsigned char *data;
    const struct record *record = find_record(file, name, sizeof name - 1);
    if (!record) /* before torch 2.1 */
        return ASSAY_OK;
    assay_status status = find_data(&data, file, record, error);
    if (status != ASSAY_OK)
        return status;
    size_t size = record->entry.size;
    if (size == sizeof little - 1 && memcmp(data, little, size) == 0)
        return ASSAY_OK;
    bool is_big = size == sizeof big - 1 && memcmp(data, big, size) == 0;
    status = refuse(file, is_big ? ASSAY_ERROR_UNSUPPORTED : ASSAY_ERROR_FORMAT, name,
                    is_big ? "the checkpoint was written on a big-endian machine"
                           : "the checkpoint's byte order is not known",
                    error);
    error_expected(error, "%s", little);
    return status;
}

static assay_status read_pickle(struct torch_file *file, assay_error *error)
{
    static const char name[] = "data.pkl", script[] = "constants.pkl";
    const unsigned char *data;
    const struct record *record = find_record(file, name, sizeof name - 1);
    if (find_record(file, script, sizeof script - 1))
        return refuse(file, ASSAY_ERROR_UNSUPPORTED, script,
                      "this is a TorchScript program, not a table of tensors; save the module's "
                      "state_dict()",
                      error);
    if (!record)
        return refuse(file, ASSAY_ERROR_FORMAT, name,
                      "this is no PyTorch checkpoint: the file is missing in the archive", error);
    assay_status status = find_data(&data, file, record, error);
    if (status == ASSAY_OK)
        status = pickle_read(&file->pickle, data, record->entry.size, error);
    return status;
}

/* The bytes of a tensor's storage. */
static assay_status find_storage(struct torch_storage *out, const struct torch_file *file,
                                 const struct pickle_storage *storage, assay_error *error)
{
    static const char folder[] = "data/";
    enum { MAX_KEY = 64 };
    char name[sizeof folder + MAX_KEY];
    size_t length = storage->key.length, prefix = sizeof folder - 1;
    const struct record *record = NULL;
    if (length <= MAX_KEY) {
        memcpy(name, folder, prefix);
        memcpy(name + prefix, storage->key.bytes, length);
        record = find_record(file, name, prefix + length);
    }
    if (!record)
        return error_set(error, ASSAY_ERROR_FORMAT,
                         "the tensor's storage is missing in the archive");
    assay_status status = find_data(&out->bytes, file, record, error);
    out->size = record->entry.size;
    if (status == ASSAY_OK && out->size / storage->type.size != (size_t)storage->elements) {
        error_set(error, ASSAY_ERROR_FORMAT, "the tensor's storage has another size than stated");
        error_expected(error, "%lld elements of %zu bytes", (long long)storage->elements,
                       storage->type.size);
        error_found(error, "%zu bytes", out->size);
        status = ASSAY_ERROR_FORMAT;
    }
    return status;
}

static assay_status count_bytes(struct torch_file *file, const struct safetensors_entry *entry,
                                assay_error *error)
{
    if (entry->bytes <= file->left) {
        file->left -= entry->bytes;
        return ASSAY_OK;
    }
    error_set(error, ASSAY_ERROR_LIMIT, "the tensors come to suspiciously much");
    error_expected(error, "at most %d times the file's size", TORCH_FILE_MAX_RATIO);
    return ASSAY_ERROR_LIMIT;
}

static assay_status add_tensor(struct torch_file *file, struct pickle_text name,
                               const struct pickle_tensor *tensor, assay_error *error)
{
    struct safetensors *out = file->out;
    struct safetensors_entry *entry = &out->entries[out->entry_count];
    struct torch_storage storage;
    memset(entry, 0, sizeof *entry);
    entry->file = out->file_count - 1;
    entry->name = memory_copy_bytes(name.bytes, name.length);
    if (!entry->name)
        return error_memory(error, name.length);
    out->entry_count++;
    assay_status status = find_storage(&storage, file, &tensor->storage, error);
    if (status == ASSAY_OK)
        status = torch_tensor_check(entry, tensor, storage.size, error);
    if (status == ASSAY_OK)
        status = count_bytes(file, entry, error);
    if (status == ASSAY_OK)
        status = torch_tensor_place(entry, &out->blocks[out->block_count], tensor, &storage, error);
    if (out->blocks[out->block_count]) { /* the copy stands for the file's pages */
        out->block_count++;
        mapped_file_drop(file->file, storage.bytes, storage.size);
    }
    if (status != ASSAY_OK)
        error_at_place(error, "%s", entry->name);
    return status;
}

static assay_status check_name(const struct torch_file *file, const struct pickle_value *key,
                               assay_error *error)
{
    static const char reserved[] = "__metadata__";
    if (key->kind != PICKLE_STRING) {
        refuse(file, ASSAY_ERROR_FORMAT, NULL, "a tensor's name is not a string", error);
        error_found(error, "%s", pickle_kind_name(key->kind));
        return ASSAY_ERROR_FORMAT;
    }
    struct pickle_text name = key->as.text;
    if ((name.length && memchr(name.bytes, '\0', name.length)) ||
        (name.length == sizeof reserved - 1 && memcmp(name.bytes, reserved, name.length) == 0))
        return refuse(file, ASSAY_ERROR_FORMAT, NULL, "this cannot be a tensor's name", error);
    return ASSAY_OK;
}

static bool holds_tensors(const struct pickle *pickle, const struct pickle_value *table)
{
    bool found = false;
    for (size_t i = 1; table->kind == PICKLE_DICTIONARY && i < table->as.items.count; i += 2)
        found = found || pickle_item(pickle, table, i)->kind == PICKLE_TENSOR;
    return found;
}

/* transformers takes such a file without a word and leaves all weights as they were drawn. */
static assay_status refuse_without_tensors(const struct torch_file *file,
                                           const struct pickle_value *root, assay_error *error)
{
    for (size_t i = 0; i < root->as.items.count; i += 2) {
        const struct pickle_value *key = pickle_item(file->pickle, root, i);
        if (key->kind != PICKLE_STRING ||
            !holds_tensors(file->pickle, pickle_item(file->pickle, root, i + 1)))
            continue;
        int length = key->as.text.length < ASSAY_ERROR_DETAIL_SIZE ? (int)key->as.text.length
                                                                   : ASSAY_ERROR_DETAIL_SIZE - 1;
        refuse(file, ASSAY_ERROR_UNSUPPORTED, NULL,
               "the tensors lie in an inner dictionary, where transformers does not find them "
               "either; save that dictionary alone",
               error);
        error_at_place(error, "%.*s", length, key->as.text.bytes);
        return ASSAY_ERROR_UNSUPPORTED;
    }
    return refuse(file, ASSAY_ERROR_FORMAT, NULL, "the checkpoint holds no tensors", error);
}

static assay_status grow_table(struct safetensors *out, size_t more, assay_error *error)
{
    struct safetensors_entry *entries =
        memory_resize(out->entries, out->entry_count + more, sizeof *entries);
    if (entries)
        out->entries = entries;
    void **blocks = memory_resize(out->blocks, out->block_count + more + 1, sizeof *blocks);
    if (blocks)
        out->blocks = blocks;
    if (!entries || !blocks)
        return error_memory(error, more * sizeof *entries);
    memset(blocks + out->block_count, 0, (more + 1) * sizeof *blocks);
    return ASSAY_OK;
}

static int compare_places(const void *left, const void *right)
{
    const struct safetensors_entry *a = *(struct safetensors_entry *const *)left;
    const struct safetensors_entry *b = *(struct safetensors_entry *const *)right;
    if (a->data != b->data)
        return (uintptr_t)a->data < (uintptr_t)b->data ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? -1 : 1;
    return a < b ? -1 : a > b;
}

/* Tied weights stand in the pickle under each of their names. */
static assay_status mark_shared(struct safetensors *out, size_t first, assay_error *error)
{
    size_t count = out->entry_count - first;
    struct safetensors_entry **order = memory_allocate(count, sizeof *order);
    if (!order)
        return error_memory(error, count * sizeof *order);
    for (size_t i = 0; i < count; i++)
        order[i] = &out->entries[first + i];
    qsort(order, count, sizeof *order, compare_places);
    for (size_t i = 1; i < count; i++)
        order[i]->shared = order[i]->bytes && order[i]->data == order[i - 1]->data &&
                           order[i]->bytes == order[i - 1]->bytes;
    memory_free(order);
    return ASSAY_OK;
}

static assay_status add_tensors(struct torch_file *file, assay_error *error)
{
    const struct pickle_value *root = pickle_root(file->pickle);
    struct safetensors *out = file->out;
    size_t first = out->entry_count;
    if (root->kind != PICKLE_DICTIONARY) {
        refuse(file, ASSAY_ERROR_UNSUPPORTED, NULL, "the checkpoint is no table of tensors", error);
        error_expected(error, "a state_dict: a dictionary from names to tensors");
        error_found(error, "%s", pickle_kind_name(root->kind));
        return ASSAY_ERROR_UNSUPPORTED;
    }
    assay_status status = grow_table(out, root->as.items.count / 2, error);
    for (size_t i = 0; status == ASSAY_OK && i < root->as.items.count; i += 2) {
        const struct pickle_value *key = pickle_item(file->pickle, root, i);
        const struct pickle_value *value = pickle_item(file->pickle, root, i + 1);
        if (value->kind != PICKLE_TENSOR)
            continue;
        status = check_name(file, key, error);
        if (status == ASSAY_OK)
            status = add_tensor(file, key->as.text, value->as.tensor, error);
    }
    if (status == ASSAY_OK && out->entry_count == first)
        status = refuse_without_tensors(file, root, error);
    return status == ASSAY_OK ? mark_shared(out, first, error) : status;
}

static assay_status read_file(struct torch_file *file, assay_error *error)
{
    const unsigned char *bytes = mapped_file_bytes(file->file);
    size_t size = mapped_file_size(file->file);
    if (size < 2 || bytes[0] != 'P' || bytes[1] != 'K')
        return refuse_other_form(file, error);
    if (!checked_multiply(&file->left, size, TORCH_FILE_MAX_RATIO) ||
        !checked_add(&file->left, file->left, TORCH_FILE_FREE_BYTES))
        file->left = SIZE_MAX;
    assay_status status = read_directory(file, error);
    if (status == ASSAY_OK)
        status = check_byte_order(file, error);
    if (status == ASSAY_OK)
        status = read_pickle(file, error);
    return status == ASSAY_OK ? add_tensors(file, error) : status;
}

assay_status torch_file_add(struct safetensors *out, const char *path, assay_error *error)
{
    struct torch_file file = {.out = out, .path = path};
    assay_status status = safetensors_map_file(out, &file.file, path, error);
    if (status != ASSAY_OK)
        return status;
    status = read_file(&file, error);
    if (status != ASSAY_OK)
        error_at_file(error, path);
    pickle_close(file.pickle);
    memory_free(file.records);
    /* A file cut while it is read would otherwise be called damaged. */
    if (status != ASSAY_OK && status != ASSAY_ERROR_MEMORY && mapped_file_check(file.file, NULL))
        status = mapped_file_check(file.file, error);
    return status;
}

assay_status torch_file_open(struct safetensors **out, const char *path, assay_error *error)
{
    return safetensors_open_with(out, path, torch_file_add, error);
}
