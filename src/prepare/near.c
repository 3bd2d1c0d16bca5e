#include "prepare/near.h"

#include "base/error.h"
#include "base/memory.h"
#include "prepare/spill.h"

#include <string.h>

enum { FIRST_SLOTS = 1 << 12, FIRST_TEXTS = 1 << 10, NONE = -1, BANDS = ASSAY_DEDUP_BANDS };

/* A hash of one band and the entry that came last with it; the chain leads to those before. An
 * entry is a text and a band: text * BANDS + band, so that bands whose hashes agree by chance do
 * not lose each other's chains. */
struct slot {
    uint32_t tag;
    int32_t entry; /* NONE: empty */
};
_Static_assert((int64_t)NEAR_MAX_TEXTS *ASSAY_DEDUP_BANDS <= INT32_MAX, "entries are 32 bits");

struct exact_slot {
    uint64_t key[2];
    int32_t text;
};

struct text {
    uint64_t place; /* of its set in the spill */
    uint32_t count;
    uint32_t seen; /* the question in which it was a candidate last */
};

struct near_index {
    struct near_settings settings;
    struct spill *spill;
    struct text *texts;
    int32_t *chains; /* (texts, BANDS): by entry */
    int64_t count, capacity;
    struct slot *slots;
    uint64_t slot_count, slots_used;
    struct exact_slot *exact;
    uint64_t exact_count, exact_used;
    uint32_t question;
    int64_t compared, cut;
};

assay_status near_open(struct near_index **out, const struct near_settings *settings,
                       const char *beside, assay_error *error)
{
    *out = NULL;
    struct near_index *index = memory_allocate_zeroed(1, sizeof *index);
    if (!index)
        return error_memory(error, sizeof *index);
    index->settings = *settings;
    assay_status status =
        settings->exact_only ? ASSAY_OK : spill_open(&index->spill, beside, error);
    if (status)
        near_close(index);
    else
        *out = index;
    return status;
}

void near_close(struct near_index *index)
{
    if (!index)
        return;
    spill_close(index->spill);
    memory_free(index->texts);
    memory_free(index->chains);
    memory_free(index->slots);
    memory_free(index->exact);
    memory_free(index);
}

/* ---- exact duplicates */

static struct exact_slot *exact_slot_of(const struct near_index *index, const uint64_t key[2])
{
    uint64_t mask = index->exact_count - 1;
    for (uint64_t at = key[0] & mask;; at = (at + 1) & mask) {
        struct exact_slot *slot = &index->exact[at];
        if (slot->text == NONE || (slot->key[0] == key[0] && slot->key[1] == key[1]))
            return slot;
    }
}

static assay_status grow_exact(struct near_index *index, assay_error *error)
{
    uint64_t before = index->exact_count, count = before ? 2 * before : FIRST_SLOTS;
    struct exact_slot *old = index->exact;
    struct exact_slot *grown = memory_allocate(count, sizeof *grown);
    if (!grown)
        return error_memory(error, count * sizeof *grown);
    for (uint64_t i = 0; i < count; i++)
        grown[i].text = NONE;
    index->exact = grown;
    index->exact_count = count;
    for (uint64_t i = 0; i < before; i++) {
        if (old[i].text != NONE)
            *exact_slot_of(index, old[i].key) = old[i];
    }
    memory_free(old);
    return ASSAY_OK;
}

/* ---- bands */

/* The bands share one table; a band's number is part of its hash. */
static uint64_t first_slot(const struct near_index *index, uint32_t tag)
{
    return (tag * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (index->slot_count - 1);
}

static struct slot *slot_of(const struct near_index *index, uint32_t tag)
{
    uint64_t mask = index->slot_count - 1;
    for (uint64_t at = first_slot(index, tag);; at = (at + 1) & mask) {
        struct slot *slot = &index->slots[at];
        if (slot->entry == NONE || slot->tag == tag)
            return slot;
    }
}

static assay_status grow_slots(struct near_index *index, assay_error *error)
{
    uint64_t before = index->slot_count, count = before ? 2 * before : FIRST_SLOTS;
    struct slot *old = index->slots;
    struct slot *grown = memory_allocate(count, sizeof *grown);
    if (!grown)
        return error_memory(error, count * sizeof *grown);
    for (uint64_t i = 0; i < count; i++)
        grown[i].entry = NONE;
    index->slots = grown;
    index->slot_count = count;
    for (uint64_t i = 0; i < before; i++) {
        if (old[i].entry != NONE)
            *slot_of(index, old[i].tag) = old[i];
    }
    memory_free(old);
    return ASSAY_OK;
}

static assay_status grow_texts(struct near_index *index, assay_error *error)
{
    int64_t capacity = index->capacity ? 2 * index->capacity : FIRST_TEXTS;
    struct text *texts = memory_resize(index->texts, (size_t)capacity, sizeof *texts);
    if (texts)
        index->texts = texts;
    int32_t *chains = !texts || index->settings.exact_only
                          ? index->chains
                          : memory_resize(index->chains, (size_t)capacity, BANDS * sizeof *chains);
    if (!texts || (!chains && !index->settings.exact_only))
        return error_memory(error, (size_t)capacity * BANDS * sizeof *chains);
    index->chains = chains;
    index->capacity = capacity;
    return ASSAY_OK;
}

/* ---- finding */

struct search {
    struct near_index *index;
    const struct features *features;
    const struct near_listener *listener;
    struct near_match *match;
    int64_t compared;
};

/* Sets of very different sizes cannot be near, whatever they hold. */
static bool sizes_allow(const struct search *search, const struct text *text)
{
    double small = (double)search->features->count, large = (double)text->count;
    if (small > large) {
        double held = small;
        small = large;
        large = held;
    }
    return small >= search->index->settings.threshold * large;
}

static void compare(struct search *search, int32_t number)
{
    struct near_index *index = search->index;
    struct text *text = &index->texts[number];
    const struct near_listener *listener = search->listener;
    if (text->seen == index->question)
        return;
    text->seen = index->question;
    if (!sizes_allow(search, text) ||
        (listener && listener->skip && listener->skip(listener->context, number)))
        return;
    search->compared++;
    double similarity = jaccard(search->features->set, search->features->count,
                                spill_get(index->spill, text->place), text->count);
    if (similarity < index->settings.threshold)
        return;
    struct near_match *match = search->match;
    if (match->text < 0 || similarity > match->similarity ||
        (similarity == match->similarity && number < match->text)) {
        match->text = number;
        match->similarity = similarity;
    }
    if (listener && listener->found)
        listener->found(listener->context, number);
}

static void look_into_bands(struct search *search)
{
    struct near_index *index = search->index;
    const uint32_t *bands = search->features->bands;
    for (int band = 0; band < BANDS; band++)
        __builtin_prefetch(&index->slots[first_slot(index, bands[band])]);
    for (int band = 0; band < BANDS; band++) {
        for (int32_t entry = slot_of(index, bands[band])->entry; entry != NONE;
             entry = index->chains[entry]) {
            if (search->compared == NEAR_MAX_COMPARED) {
                index->cut++;
                return;
            }
            compare(search, entry / BANDS);
        }
    }
}

void near_find(struct near_index *index, struct near_match *match, const struct features *features,
               const struct near_listener *listener)
{
    *match = (struct near_match){.text = NONE};
    if (index->exact_used) {
        const struct exact_slot *slot = exact_slot_of(index, features->exact);
        if (slot->text != NONE) {
            *match = (struct near_match){slot->text, 1.0, true};
            if (listener && listener->found)
                listener->found(listener->context, slot->text);
            return;
        }
    }
    if (index->settings.exact_only || !index->slots_used || !features->count)
        return;
    if (++index->question == 0) { /* all numbers of questions are used up: begin again */
        for (int64_t i = 0; i < index->count; i++)
            index->texts[i].seen = 0;
        index->question = 1;
    }
    struct search search = {index, features, listener, match, 0};
    look_into_bands(&search);
    index->compared += search.compared;
}

static assay_status add_bands(struct near_index *index, const struct features *features,
                              assay_error *error)
{
    /* At most five slots of eight are in use. */
    while ((index->slots_used + BANDS) * 8 > index->slot_count * 5) {
        assay_status status = grow_slots(index, error);
        if (status)
            return status;
    }
    struct text *text = &index->texts[index->count];
    assay_status status =
        spill_add(index->spill, &text->place, features->set, features->count, error);
    if (status)
        return status;
    text->count = (uint32_t)features->count;
    for (int band = 0; band < BANDS; band++) {
        int32_t entry = (int32_t)(index->count * BANDS + band);
        struct slot *slot = slot_of(index, features->bands[band]);
        index->chains[entry] = slot->entry;
        index->slots_used += slot->entry == NONE;
        *slot = (struct slot){features->bands[band], entry};
    }
    return ASSAY_OK;
}

assay_status near_add(struct near_index *index, const struct features *features,
                      const struct near_match *match, assay_error *error)
{
    assay_status status = ASSAY_OK;
    if (index->count == NEAR_MAX_TEXTS)
        return error_set(error, ASSAY_ERROR_LIMIT, "there are more than %d texts", NEAR_MAX_TEXTS);
    if (index->count == index->capacity)
        status = grow_texts(index, error);
    if (!status && !match->exact && (index->exact_used + 1) * 8 > index->exact_count * 5)
        status = grow_exact(index, error);
    if (status)
        return status;
    index->texts[index->count] = (struct text){0};
    if (!match->exact) {
        struct exact_slot *slot = exact_slot_of(index, features->exact);
        *slot =
            (struct exact_slot){{features->exact[0], features->exact[1]}, (int32_t)index->count};
        index->exact_used++;
        if (!index->settings.exact_only && features->count)
            status = add_bands(index, features, error);
    }
    index->count += !status;
    return status;
}

void near_get_counts(const struct near_index *index, struct near_counts *counts)
{
    *counts = (struct near_counts){index->count, index->compared, index->cut};
}
