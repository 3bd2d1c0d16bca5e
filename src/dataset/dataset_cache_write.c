#include "dataset/dataset_cache.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>

enum { BUFFER = 1 << 20, STRIPE = 32 };

_Static_assert(sizeof(struct cache_head) == 256, "the head of a cache file");
_Static_assert(sizeof(struct cache_counts) == 64, "the counts of a cache file");
_Static_assert(sizeof(struct cache_foot) == 64, "the foot of a cache file");

const char dataset_cache_magic[8] = {'a', 's', 's', 'a', 'y', 't', 'o', 'k'};
const char dataset_cache_end[8] = {'t', 'o', 'k', '-', 'e', 'n', 'd', '\n'};

void cache_sum_begin(struct cache_sum *sum)
{
    for (uint64_t i = 0; i < 4; i++)
        sum->lane[i] = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
}

/* One to one in either argument, so that a change of one word always changes the sum. */
static inline uint64_t mix(uint64_t state, uint64_t word)
{
    state = (state ^ word) * UINT64_C(0xd6e8feb86659fd93);
    return state ^ state >> 32;
}

void cache_sum_add(struct cache_sum *sum, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    struct cache_sum kept = *sum;
    for (; length >= STRIPE; at += STRIPE, length -= STRIPE) {
        uint64_t words[4];
        memcpy(words, at, sizeof words);
        for (int i = 0; i < 4; i++)
            kept.lane[i] = mix(kept.lane[i], words[i]);
    }
    *sum = kept;
}

uint64_t cache_sum_end(const struct cache_sum *sum)
{
    return mix(mix(mix(sum->lane[0], sum->lane[1]), sum->lane[2]), sum->lane[3]);
}

bool cache_layout_make(struct cache_layout *layout, const struct cache_counts *counts)
{
    if (counts->rows < 0 || counts->tokens < 0 || counts->id_bytes < 0 || counts->name_bytes < 0)
        return false;
    size_t rows = (size_t)counts->rows, tokens = (size_t)counts->tokens;
    const struct {
        size_t count, size;
    } sections[CACHE_SECTIONS] = {
        [CACHE_IDS] = {tokens, sizeof(int32_t)},
        [CACHE_TYPES] = {counts->has_types ? tokens : 0, sizeof(int32_t)},
        [CACHE_OFFSETS] = {rows + 1, sizeof(int64_t)},
        [CACHE_LENGTHS] = {rows, sizeof(int32_t)},
        [CACHE_LABELS] = {counts->labels == DATASET_UNLABELLED ? 0 : rows, sizeof(int32_t)},
        [CACHE_LINES] = {rows, sizeof(int64_t)},
        [CACHE_ID_AT] = {rows + 1, sizeof(int64_t)},
        [CACHE_ID_TEXT] = {(size_t)counts->id_bytes, 1},
        [CACHE_NAMES] = {(size_t)counts->name_bytes, 1},
    };
    size_t at = sizeof(struct cache_head);
    for (int i = 0; i < CACHE_SECTIONS; i++) {
        layout->at[i] = at;
        if (!checked_multiply(&layout->bytes[i], sections[i].count, sections[i].size) ||
            !checked_add(&at, at, layout->bytes[i]) ||
            !checked_add(&at, at, DATASET_CACHE_ALIGNMENT - 1))
            return false;
        at -= at % DATASET_CACHE_ALIGNMENT;
    }
    layout->counts_at = at;
    layout->foot_at = at + sizeof(struct cache_counts);
    layout->size = layout->foot_at + sizeof(struct cache_foot);
    return layout->size > at;
}

struct cache_writer {
    struct file_writer *file;
    struct cache_sum sum;
    uint64_t written; /* bytes put so far, held ones too */
    size_t held;
    char buffer[BUFFER];
};

static assay_status flush(struct cache_writer *writer, assay_error *error)
{
    cache_sum_add(&writer->sum, writer->buffer, writer->held);
    size_t held = writer->held;
    writer->held = 0;
    return file_writer_write(writer->file, writer->buffer, held, error);
}

assay_status cache_writer_put(struct cache_writer *writer, const void *bytes, size_t length,
                              assay_error *error)
{
    const char *from = bytes;
    writer->written += length;
    while (length) {
        size_t room = BUFFER - writer->held;
        size_t part = length < room ? length : room;
        memcpy(writer->buffer + writer->held, from, part);
        writer->held += part;
        from += part;
        length -= part;
        assay_status status = writer->held == BUFFER ? flush(writer, error) : ASSAY_OK;
        if (status)
            return status;
    }
    return ASSAY_OK;
}

assay_status cache_writer_align(struct cache_writer *writer, assay_error *error)
{
    static const char zeros[DATASET_CACHE_ALIGNMENT];
    size_t over = writer->written % DATASET_CACHE_ALIGNMENT;
    return over ? cache_writer_put(writer, zeros, sizeof zeros - over, error) : ASSAY_OK;
}

assay_status cache_writer_open(struct cache_writer **out, const char *path, const char *key,
                               const char *fingerprint, assay_error *error)
{
    *out = NULL;
    struct cache_writer *writer = memory_allocate(1, sizeof *writer);
    if (!writer)
        return error_memory(error, sizeof *writer);
    writer->held = 0;
    writer->written = 0;
    cache_sum_begin(&writer->sum);
    assay_status status = file_writer_open(&writer->file, path, error);
    if (status) {
        memory_free(writer);
        return status;
    }
    struct cache_head head = {.version = DATASET_CACHE_VERSION, .order = DATASET_CACHE_ORDER};
    memcpy(head.magic, dataset_cache_magic, sizeof head.magic);
    memcpy(head.key, key, sizeof head.key);
    memcpy(head.fingerprint, fingerprint, sizeof head.fingerprint);
    status = cache_writer_put(writer, &head, sizeof head, error);
    if (status)
        cache_writer_abandon(writer);
    else
        *out = writer;
    return status;
}

assay_status cache_writer_finish(struct cache_writer *writer, const struct cache_counts *counts,
                                 assay_error *error)
{
    struct cache_layout layout;
    struct cache_foot foot = {0};
    assay_status status = ASSAY_OK;
    if (!cache_layout_make(&layout, counts) || layout.counts_at != writer->written)
        status = error_set(error, ASSAY_ERROR_INTERNAL, "the sections do not fit their counts");
    if (!status)
        status = cache_writer_put(writer, counts, sizeof *counts, error);
    if (!status)
        status = flush(writer, error);
    if (!status) {
        memcpy(foot.magic, dataset_cache_end, sizeof foot.magic);
        foot.size = layout.size;
        foot.sum = cache_sum_end(&writer->sum);
        status = file_writer_write(writer->file, &foot, sizeof foot, error);
    }
    if (status) {
        cache_writer_abandon(writer);
        return status;
    }
    status = file_writer_commit(writer->file, error);
    memory_free(writer);
    return status;
}

void cache_writer_abandon(struct cache_writer *writer)
{
    if (!writer)
        return;
    file_writer_abandon(writer->file);
    memory_free(writer);
}
