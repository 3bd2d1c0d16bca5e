#include "text/bpe.h"

#include "base/error.h"
#include "base/memory.h"
#include "text/byte_level.h"
#include "text/unicode.h"

#include <string.h>

enum { FIRST_MERGE_SLOTS = 1024, MAX_MERGES = 1 << 24, SCAN_LIMIT = 48 };

struct bpe_merge {
    uint64_t pair; /* left << 32 | right */
    uint32_t rank; /* UINT32_MAX: empty */
    int32_t product;
};

struct bpe_symbol {
    int32_t id;      /* -1: merged away */
    uint32_t length; /* in bytes of the word as the reference counts it */
    uint32_t next;
    uint32_t previous;
};

enum { NO_SYMBOL = UINT32_MAX };

/* ---- merges ---- */

static uint64_t pair_of(int32_t left, int32_t right)
{
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

static size_t slot_of(uint64_t pair, size_t slots)
{
    uint64_t hash = (pair ^ pair >> 29) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(hash >> 24) & (slots - 1);
}

static const struct bpe_merge *find_merge(const struct bpe *bpe, int32_t left, int32_t right)
{
    if (!bpe->merge_slots)
        return NULL;
    uint64_t pair = pair_of(left, right);
    for (size_t s = slot_of(pair, bpe->merge_slots);; s = (s + 1) & (bpe->merge_slots - 1)) {
        const struct bpe_merge *merge = bpe->merge + s;
        if (merge->rank == UINT32_MAX)
            return NULL;
        if (merge->pair == pair)
            return merge;
    }
}

/* A pair seen before takes the new rank, as in the reference. */
static void put_merge(struct bpe *bpe, struct bpe_merge added)
{
    size_t s = slot_of(added.pair, bpe->merge_slots);
    while (bpe->merge[s].rank != UINT32_MAX && bpe->merge[s].pair != added.pair)
        s = (s + 1) & (bpe->merge_slots - 1);
    bpe->merge[s] = added;
}

static bool grow_merges(struct bpe *bpe)
{
    size_t slots = bpe->merge_slots ? bpe->merge_slots * 2 : FIRST_MERGE_SLOTS;
    struct bpe_merge *old = bpe->merge;
    size_t old_slots = bpe->merge_slots;
    struct bpe_merge *merge = memory_allocate(slots, sizeof *merge);
    if (!merge)
        return false;
    memset(merge, 0xff, slots * sizeof *merge);
    bpe->merge = merge;
    bpe->merge_slots = slots;
    for (size_t i = 0; i < old_slots; i++) {
        if (old[i].rank != UINT32_MAX)
            put_merge(bpe, old[i]);
    }
    memory_free(old);
    return true;
}

static assay_status lacking(const char *text, size_t length, const char *what, assay_error *error)
{
    assay_status status =
        error_set(error, ASSAY_ERROR_FORMAT, "the vocabulary lacks %s of a merge", what);
    error_found(error, "\"%.*s\"", length > 100 ? 100 : (int)length, text);
    return status;
}

assay_status bpe_add_merge(struct bpe *bpe, const struct vocabulary *vocabulary, const char *left,
                           size_t left_length, const char *right, size_t right_length,
                           assay_error *error)
{
    if (bpe->merge_count >= MAX_MERGES)
        return error_set(error, ASSAY_ERROR_LIMIT, "more than %d merges", MAX_MERGES);
    int32_t a = vocabulary_find(vocabulary, left, left_length);
    if (a < 0)
        return lacking(left, left_length, "the left token", error);
    int32_t b = vocabulary_find(vocabulary, right, right_length);
    if (b < 0)
        return lacking(right, right_length, "the right token", error);
    size_t skip = bpe->prefix ? strlen(bpe->prefix) : 0;
    if (skip > right_length)
        return error_set(error, ASSAY_ERROR_FORMAT,
                         "the right token of a merge is shorter than continuing_subword_prefix");
    uint64_t hash = vocabulary_hash_start();
    for (size_t i = 0; i < left_length; i++)
        hash = vocabulary_hash_step(hash, left[i]);
    for (size_t i = skip; i < right_length; i++)
        hash = vocabulary_hash_step(hash, right[i]);
    int32_t product = vocabulary_find_hashed(vocabulary, hash, left, left_length, right + skip,
                                             right_length - skip);
    if (product < 0) {
        assay_status status =
            error_set(error, ASSAY_ERROR_FORMAT, "the vocabulary lacks the product of a merge");
        error_found(error, "\"%.*s\" and \"%.*s\"", left_length > 50 ? 50 : (int)left_length, left,
                    right_length > 50 ? 50 : (int)right_length, right);
        return status;
    }
    if (bpe->merge_count * 2 + 2 > bpe->merge_slots && !grow_merges(bpe))
        return error_memory(error, bpe->merge_slots * 2 * sizeof *bpe->merge);
    put_merge(bpe, (struct bpe_merge){pair_of(a, b), (uint32_t)bpe->merge_count, product});
    bpe->merge_count++;
    return ASSAY_OK;
}

/* ---- parsing ---- */

static assay_status read_affix(char **out, const struct json *model, const char *key,
                               assay_error *error)
{
    const char *text = NULL;
    assay_status status = json_read_string(&text, model, key, false, error);
    if (status || !text || !*text)
        return status;
    *out = memory_copy_string(text);
    return *out ? ASSAY_OK : error_memory(error, strlen(text) + 1);
}

static assay_status read_options(struct bpe *bpe, const struct json *model,
                                 const struct vocabulary *vocabulary, assay_error *error)
{
    double dropout = 0;
    bool byte_fallback = false;
    const char *unknown = NULL;
    assay_status status = json_read_number(&dropout, model, "dropout", false, error);
    if (!status && dropout != 0)
        status = error_set(error, ASSAY_ERROR_UNSUPPORTED, "BPE dropout is not supported");
    if (!status)
        status = json_read_boolean(&byte_fallback, model, "byte_fallback", false, error);
    if (!status && byte_fallback)
        status = error_set(error, ASSAY_ERROR_UNSUPPORTED, "BPE byte_fallback is not supported");
    if (!status)
        status = json_read_boolean(&bpe->fuse_unknown, model, "fuse_unk", false, error);
    if (!status)
        status = json_read_boolean(&bpe->ignore_merges, model, "ignore_merges", false, error);
    if (!status)
        status = read_affix(&bpe->prefix, model, "continuing_subword_prefix", error);
    if (!status)
        status = read_affix(&bpe->suffix, model, "end_of_word_suffix", error);
    if (!status)
        status = json_read_string(&unknown, model, "unk_token", false, error);
    if (!status && unknown) {
        bpe->unknown = vocabulary_find(vocabulary, unknown, strlen(unknown));
        if (bpe->unknown < 0) {
            status = error_set(error, ASSAY_ERROR_FORMAT, "the vocabulary lacks the unknown token");
            error_found(error, "unk_token \"%.80s\"", unknown);
        }
    }
    return status;
}

/* The vocabulary's id of a character with the affixes of its place, -1 for none. */
static int32_t find_symbol(const struct bpe *bpe, const struct vocabulary *vocabulary,
                           uint32_t cell, bool not_first, bool last)
{
    const char *prefix = not_first && bpe->prefix ? bpe->prefix : "";
    const char *suffix = last && bpe->suffix ? bpe->suffix : "";
    size_t prefix_length = strlen(prefix), suffix_length = strlen(suffix);
    char text[4];
    size_t length = unicode_put_utf8(text, cell);
    uint64_t hash = vocabulary_hash_start();
    for (size_t i = 0; i < prefix_length; i++)
        hash = vocabulary_hash_step(hash, prefix[i]);
    for (size_t i = 0; i < length; i++)
        hash = vocabulary_hash_step(hash, text[i]);
    if (!suffix_length)
        return vocabulary_find_hashed(vocabulary, hash, prefix, prefix_length, text, length);
    struct buffer tail = {0};
    int32_t id = -1;
    if (buffer_append(&tail, text, length) && buffer_append(&tail, suffix, suffix_length)) {
        for (size_t i = 0; i < suffix_length; i++)
            hash = vocabulary_hash_step(hash, suffix[i]);
        id = vocabulary_find_hashed(vocabulary, hash, prefix, prefix_length, tail.bytes,
                                    tail.length);
    }
    buffer_free(&tail);
    return id;
}

assay_status bpe_parse(struct bpe *bpe, const struct json *model,
                       const struct vocabulary *vocabulary, bool bytes, assay_error *error)
{
    *bpe = (struct bpe){.unknown = -1, .bytes = bytes};
    assay_status status = read_options(bpe, model, vocabulary, error);
    if (status) {
        bpe_free(bpe);
        return status;
    }
    for (int place = 0; bytes && place < 4; place++) {
        for (unsigned byte = 0; byte < 256; byte++)
            bpe->byte_symbol[place >> 1][place & 1][byte] = find_symbol(
                bpe, vocabulary, byte_level_character((unsigned char)byte), place >> 1, place & 1);
    }
    return ASSAY_OK;
}

void bpe_free(struct bpe *bpe)
{
    memory_free(bpe->merge);
    memory_free(bpe->prefix);
    memory_free(bpe->suffix);
    *bpe = (struct bpe){.unknown = -1};
}

/* ---- the heap of pairs that may be merged: rank << 32 | position, the least first ---- */

static bool heap_push(struct bpe_scratch *scratch, uint64_t entry)
{
    if (scratch->heap_count == scratch->heap_capacity) {
        size_t capacity = scratch->heap_capacity ? scratch->heap_capacity * 2 : 256;
        uint64_t *heap = memory_resize(scratch->heap, capacity, sizeof *heap);
        if (!heap)
            return false;
        scratch->heap = heap;
        scratch->heap_capacity = capacity;
    }
    uint64_t *heap = scratch->heap;
    size_t i = scratch->heap_count++;
    while (i && heap[(i - 1) / 2] > entry) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = entry;
    return true;
}

static uint64_t heap_pop(struct bpe_scratch *scratch)
{
    uint64_t *heap = scratch->heap;
    uint64_t top = heap[0], moved = heap[--scratch->heap_count];
    size_t i = 0, count = scratch->heap_count;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= count)
            break;
        if (child + 1 < count && heap[child + 1] < heap[child])
            child++;
        if (heap[child] >= moved)
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = moved;
    return top;
}

/* ---- merging ---- */

static bool offer(const struct bpe *bpe, struct bpe_scratch *scratch, uint32_t at)
{
    const struct bpe_symbol *symbol = scratch->symbol + at;
    if (symbol->next == NO_SYMBOL)
        return true;
    const struct bpe_merge *merge = find_merge(bpe, symbol->id, scratch->symbol[symbol->next].id);
    return !merge || heap_push(scratch, (uint64_t)merge->rank << 32 | at);
}

static bool merge_by_heap(const struct bpe *bpe, struct bpe_scratch *scratch, size_t count)
{
    struct bpe_symbol *symbol = scratch->symbol;
    scratch->heap_count = 0;
    for (size_t i = 0; i < count; i++) {
        symbol[i].previous = i ? (uint32_t)i - 1 : NO_SYMBOL;
        symbol[i].next = i + 1 < count ? (uint32_t)i + 1 : NO_SYMBOL;
    }
    for (size_t i = 0; i + 1 < count; i++) {
        if (!offer(bpe, scratch, (uint32_t)i))
            return false;
    }
    while (scratch->heap_count) {
        uint64_t top = heap_pop(scratch);
        uint32_t at = (uint32_t)top, rank = (uint32_t)(top >> 32);
        uint32_t next = symbol[at].next;
        if (symbol[at].id < 0 || next == NO_SYMBOL)
            continue;
        /* The pair may have changed since it was offered. */
        const struct bpe_merge *merge = find_merge(bpe, symbol[at].id, symbol[next].id);
        if (!merge || merge->rank != rank)
            continue;
        symbol[at].id = merge->product;
        symbol[at].length += symbol[next].length;
        symbol[at].next = symbol[next].next;
        symbol[next].id = -1;
        if (symbol[at].next != NO_SYMBOL)
            symbol[symbol[at].next].previous = at;
        if (!offer(bpe, scratch, at) ||
            (symbol[at].previous != NO_SYMBOL && !offer(bpe, scratch, symbol[at].previous)))
            return false;
    }
    return true;
}

/* For short words: look over all pairs each time. Leaves the symbols packed; returns how many. */
static size_t merge_by_scan(const struct bpe *bpe, struct bpe_symbol *symbol, size_t count)
{
    const struct bpe_merge *merge[SCAN_LIMIT];
    for (size_t i = 0; i + 1 < count; i++)
        merge[i] = find_merge(bpe, symbol[i].id, symbol[i + 1].id);
    for (;;) {
        size_t best = count;
        uint32_t rank = UINT32_MAX;
        for (size_t i = 0; i + 1 < count; i++) {
            if (merge[i] && merge[i]->rank < rank) {
                rank = merge[i]->rank;
                best = i;
            }
        }
        if (best == count)
            return count;
        symbol[best].id = merge[best]->product;
        symbol[best].length += symbol[best + 1].length;
        for (size_t i = best + 1; i + 1 < count; i++) {
            symbol[i] = symbol[i + 1];
            merge[i] = merge[i + 1];
        }
        count--;
        if (best)
            merge[best - 1] = find_merge(bpe, symbol[best - 1].id, symbol[best].id);
        merge[best] =
            best + 1 < count ? find_merge(bpe, symbol[best].id, symbol[best + 1].id) : NULL;
    }
}

/* ---- words ---- */

static bool reserve_symbols(struct bpe_scratch *scratch, size_t count)
{
    if (count <= scratch->symbol_capacity)
        return true;
    size_t capacity = count < 256 ? 256 : count;
    struct bpe_symbol *symbol = memory_resize(scratch->symbol, capacity, sizeof *symbol);
    if (!symbol)
        return false;
    scratch->symbol = symbol;
    scratch->symbol_capacity = capacity;
    return true;
}

/* How many bytes the reference counts for a cell: UTF-8, of the characters that stand for its
 * bytes where bytes were left to the model. */
static uint32_t counted_length(const struct bpe *bpe, uint32_t cell)
{
    char text[4];
    size_t length = unicode_put_utf8(text, cell);
    if (!bpe->bytes)
        return (uint32_t)length;
    uint32_t counted = 0;
    for (size_t i = 0; i < length; i++)
        counted += unicode_utf8_length(byte_level_character((unsigned char)text[i]));
    return counted;
}

/* Symbols under construction: an unknown one waits, since the next may be fused with it. */
struct building {
    struct bpe_symbol *symbol;
    size_t count;
    uint32_t waiting; /* its length, 0 for none */
};

static void add_symbol(const struct bpe *bpe, struct building *building, int32_t id,
                       uint32_t length)
{
    if (id < 0 && bpe->unknown < 0)
        return;
    if (building->waiting && !(id < 0 && bpe->fuse_unknown)) {
        building->symbol[building->count++] =
            (struct bpe_symbol){.id = bpe->unknown, .length = building->waiting};
        building->waiting = 0;
    }
    if (id < 0)
        building->waiting += length;
    else
        building->symbol[building->count++] = (struct bpe_symbol){.id = id, .length = length};
}

static size_t first_symbols(const struct bpe *bpe, const struct vocabulary *vocabulary,
                            const uint32_t *cell, size_t count, struct bpe_scratch *scratch)
{
    struct building building = {.symbol = scratch->symbol};
    for (size_t i = 0; i < count; i++) {
        if (!bpe->bytes) {
            add_symbol(bpe, &building, find_symbol(bpe, vocabulary, cell[i], i > 0, i + 1 == count),
                       counted_length(bpe, cell[i]));
            continue;
        }
        char text[4];
        size_t length = unicode_put_utf8(text, cell[i]);
        for (size_t b = 0; b < length; b++) {
            unsigned char byte = (unsigned char)text[b];
            bool last = i + 1 == count && b + 1 == length;
            add_symbol(bpe, &building, bpe->byte_symbol[i || b][last][byte],
                       unicode_utf8_length(byte_level_character(byte)));
        }
    }
    if (building.waiting)
        building.symbol[building.count++] =
            (struct bpe_symbol){.id = bpe->unknown, .length = building.waiting};
    return building.count;
}

/* Token lengths in bytes to cells. */
static bool put_pieces(const struct bpe *bpe, struct pieces *out, const uint32_t *cell,
                       size_t cells, const struct bpe_symbol *symbol, size_t count)
{
    uint64_t position = 0, cell_end = counted_length(bpe, cell[0]);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (symbol[i].id < 0)
            continue;
        while (position >= cell_end && at + 1 < cells) {
            cell_end += counted_length(bpe, cell[++at]);
        }
        size_t begin = at;
        position += symbol[i].length;
        while (position > cell_end && at + 1 < cells) {
            cell_end += counted_length(bpe, cell[++at]);
        }
        if (!pieces_push(out, symbol[i].id, begin, at + 1))
            return false;
    }
    return true;
}

static bool whole_word(const struct bpe *bpe, const struct vocabulary *vocabulary,
                       const uint32_t *cell, size_t count, struct bpe_scratch *scratch, int32_t *id)
{
    if (count * 8 > scratch->text_capacity) {
        char *text = memory_resize(scratch->text, count, 8);
        if (!text)
            return false;
        scratch->text = text;
        scratch->text_capacity = count * 8;
    }
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        char text[4];
        size_t size = unicode_put_utf8(text, cell[i]);
        for (size_t b = 0; b < size; b++) {
            if (bpe->bytes)
                length += unicode_put_utf8(scratch->text + length,
                                           byte_level_character((unsigned char)text[b]));
            else
                scratch->text[length++] = text[b];
        }
        if (length > vocabulary->max_length) {
            *id = -1;
            return true;
        }
    }
    *id = vocabulary_find(vocabulary, scratch->text, length);
    return true;
}

bool bpe_tokenize(const struct bpe *bpe, const struct vocabulary *vocabulary, struct pieces *out,
                  const uint32_t *cell, size_t count, struct bpe_scratch *scratch)
{
    if (bpe->ignore_merges) {
        int32_t id;
        if (!whole_word(bpe, vocabulary, cell, count, scratch, &id))
            return false;
        if (id >= 0)
            return pieces_push(out, id, 0, count);
    }
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        most += bpe->bytes ? unicode_utf8_length(cell[i]) : 1;
    if (!reserve_symbols(scratch, most))
        return false;
    size_t symbols = first_symbols(bpe, vocabulary, cell, count, scratch);
    if (symbols > SCAN_LIMIT) {
        if (!merge_by_heap(bpe, scratch, symbols))
            return false;
    } else {
        symbols = merge_by_scan(bpe, scratch->symbol, symbols);
    }
    return put_pieces(bpe, out, cell, count, scratch->symbol, symbols);
}

void bpe_scratch_free(struct bpe_scratch *scratch)
{
    memory_free(scratch->symbol);
    memory_free(scratch->heap);
    memory_free(scratch->text);
    *scratch = (struct bpe_scratch){0};
}
