#include "text/vocabulary.h"

#include "base/error.h"
#include "base/memory.h"

#include <inttypes.h>
#include <string.h>

enum { FIRST_SLOTS = 1024 };

static uint64_t finish(uint64_t hash)
{
    return (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t hash_text(const char *text, size_t length)
{
    uint64_t hash = vocabulary_hash_start();
    for (size_t i = 0; i < length; i++)
        hash = vocabulary_hash_step(hash, text[i]);
    return hash;
}

static size_t slot_of(const struct vocabulary *vocabulary, uint64_t finished)
{
    return (size_t)(finished >> 20) & (vocabulary->slot_count - 1);
}

int32_t vocabulary_find_hashed(const struct vocabulary *vocabulary, uint64_t hash,
                               const char *prefix, size_t prefix_length, const char *text,
                               size_t length)
{
    if (!vocabulary->slot_count)
        return -1;
    uint64_t finished = finish(hash);
    uint32_t tag = (uint32_t)finished;
    size_t mask = vocabulary->slot_count - 1;
    for (size_t s = slot_of(vocabulary, finished);; s = (s + 1) & mask) {
        int32_t id = vocabulary->slot_id[s];
        if (id < 0)
            return -1;
        if (vocabulary->slot_tag[s] != tag)
            continue;
        struct vocabulary_entry entry = vocabulary->entry[id];
        const char *known = vocabulary->text.bytes + entry.offset;
        if (entry.length == prefix_length + length && !memcmp(known, prefix, prefix_length) &&
            !memcmp(known + prefix_length, text, length))
            return id;
    }
}

int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t length)
{
    return vocabulary_find_hashed(vocabulary, hash_text(text, length), "", 0, text, length);
}

const char *vocabulary_text(const struct vocabulary *vocabulary, int32_t id, size_t *length)
{
    if (id < 0 || id >= vocabulary->limit || vocabulary->entry[id].offset == UINT32_MAX)
        return NULL;
    if (length)
        *length = vocabulary->entry[id].length;
    return vocabulary->text.bytes + vocabulary->entry[id].offset;
}

static void put_slot(struct vocabulary *vocabulary, uint64_t finished, int32_t id)
{
    size_t mask = vocabulary->slot_count - 1;
    size_t s = slot_of(vocabulary, finished);
    while (vocabulary->slot_id[s] >= 0)
        s = (s + 1) & mask;
    vocabulary->slot_id[s] = id;
    vocabulary->slot_tag[s] = (uint32_t)finished;
}

static bool grow_slots(struct vocabulary *vocabulary)
{
    size_t count = vocabulary->slot_count ? vocabulary->slot_count * 2 : FIRST_SLOTS;
    uint32_t *tag = memory_allocate(count, sizeof *tag);
    int32_t *id = memory_allocate(count, sizeof *id);
    if (!tag || !id) {
        memory_free(tag);
        memory_free(id);
        return false;
    }
    memset(id, 0xff, count * sizeof *id);
    memory_free(vocabulary->slot_tag);
    memory_free(vocabulary->slot_id);
    vocabulary->slot_tag = tag;
    vocabulary->slot_id = id;
    vocabulary->slot_count = count;
    for (int32_t i = 0; i < vocabulary->limit; i++) {
        size_t length = 0;
        const char *text = vocabulary_text(vocabulary, i, &length);
        if (text)
            put_slot(vocabulary, finish(hash_text(text, length)), i);
    }
    return true;
}

static bool grow_entries(struct vocabulary *vocabulary, size_t needed)
{
    if (needed <= vocabulary->entry_capacity)
        return true;
    size_t capacity = vocabulary->entry_capacity ? vocabulary->entry_capacity * 2 : 1024;
    if (capacity < needed)
        capacity = needed;
    struct vocabulary_entry *entry = memory_resize(vocabulary->entry, capacity, sizeof *entry);
    if (!entry)
        return false;
    for (size_t i = vocabulary->entry_capacity; i < capacity; i++)
        entry[i] = (struct vocabulary_entry){UINT32_MAX, 0};
    vocabulary->entry = entry;
    vocabulary->entry_capacity = capacity;
    return true;
}

/* Gives a known string another id: its old one becomes a hole. */
static void move_text(struct vocabulary *vocabulary, uint64_t finished, int32_t from, int32_t to)
{
    size_t mask = vocabulary->slot_count - 1;
    size_t s = slot_of(vocabulary, finished);
    while (vocabulary->slot_id[s] != from)
        s = (s + 1) & mask;
    vocabulary->slot_id[s] = to;
    vocabulary->entry[to] = vocabulary->entry[from];
    vocabulary->entry[from] = (struct vocabulary_entry){UINT32_MAX, 0};
}

assay_status vocabulary_add(struct vocabulary *vocabulary, const char *text, size_t length,
                            int64_t id, assay_error *error)
{
    assay_status status = ASSAY_OK;
    if (id < 0 || id > VOCABULARY_MAX_ID) {
        status = error_set(error, ASSAY_ERROR_LIMIT, "the id of token \"%.*s\" is out of range",
                           length > 80 ? 80 : (int)length, text);
        error_expected(error, "0 to %d", VOCABULARY_MAX_ID);
        error_found(error, "%" PRId64, id);
        return status;
    }
    int32_t known = vocabulary_find(vocabulary, text, length);
    if (known == id)
        return ASSAY_OK;
    const char *other = vocabulary_text(vocabulary, (int32_t)id, NULL);
    if (other) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "two tokens have id %" PRId64, id);
        error_found(error, "\"%.60s\" and \"%.*s\"", other, length > 60 ? 60 : (int)length, text);
        return status;
    }
    if (length + 1 > UINT32_MAX - 1 - vocabulary->text.length)
        return error_set(error, ASSAY_ERROR_LIMIT, "the vocabulary's text exceeds 4 GiB");
    if (!grow_entries(vocabulary, (size_t)id + 1))
        return error_memory(error, ((size_t)id + 1) * sizeof *vocabulary->entry);
    if (id >= vocabulary->limit)
        vocabulary->limit = (int32_t)id + 1;
    if (known >= 0) {
        move_text(vocabulary, finish(hash_text(text, length)), known, (int32_t)id);
        return ASSAY_OK;
    }
    if (vocabulary->count * 2 + 2 > vocabulary->slot_count && !grow_slots(vocabulary))
        return error_memory(error, vocabulary->slot_count * 2 * sizeof *vocabulary->slot_id);
    uint32_t offset = (uint32_t)vocabulary->text.length;
    if (!buffer_reserve(&vocabulary->text, length + 1))
        return error_memory(error, length + 1);
    buffer_append(&vocabulary->text, text, length);
    buffer_append_byte(&vocabulary->text, '\0');
    vocabulary->entry[id] = (struct vocabulary_entry){offset, (uint32_t)length};
    put_slot(vocabulary, finish(hash_text(text, length)), (int32_t)id);
    vocabulary->count++;
    if (length > vocabulary->max_length)
        vocabulary->max_length = length;
    return ASSAY_OK;
}

assay_status vocabulary_add_member(void *context, const char *key, size_t key_length,
                                   const struct json *value, assay_error *error)
{
    if (json_kind(value) != JSON_INTEGER) {
        assay_status status = error_set(error, ASSAY_ERROR_FORMAT, "a token's id is not a number");
        error_found(error, "\"%.*s\"", key_length > 100 ? 100 : (int)key_length, key);
        return status;
    }
    return vocabulary_add(context, key, key_length, json_integer(value), error);
}

void vocabulary_free(struct vocabulary *vocabulary)
{
    buffer_free(&vocabulary->text);
    memory_free(vocabulary->entry);
    memory_free(vocabulary->slot_tag);
    memory_free(vocabulary->slot_id);
    *vocabulary = (struct vocabulary){0};
}
