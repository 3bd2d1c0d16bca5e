#include "data/attack.h"

#include "base/error.h"
#include "base/random.h"
#include "data/attack_kinds.h"

#include <math.h>
#include <string.h>

static const struct attack_kind *const kinds[] = {
    &attack_homoglyph, &attack_zero_width,  &attack_whitespace,
    &attack_case,      &attack_misspelling, &attack_article,
    &attack_number,    &attack_synonym,     &attack_paragraph,
};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* What a draw is for; the last word of its counter. */
enum { DRAW_CHANGE, DRAW_CHOICE, DRAW_ROUNDING };

int attack_count(void)
{
    return KINDS;
}

const char *attack_name(int kind)
{
    return kind >= 0 && kind < KINDS ? kinds[kind]->name : NULL;
}

const char *attack_description(int kind)
{
    return kind >= 0 && kind < KINDS ? kinds[kind]->description : NULL;
}

int attack_find(const char *name)
{
    for (int kind = 0; kind < KINDS; kind++) {
        if (strcmp(kinds[kind]->name, name) == 0)
            return kind;
    }
    return -1;
}

uint64_t attack_row_seed(uint64_t seed, const char *row_id)
{
    return random_mix(seed, random_hash_name(row_id));
}

static void draw_for(uint32_t draw[4], uint64_t key, int64_t place, uint32_t purpose)
{
    const uint32_t counter[4] = {(uint32_t)place, (uint32_t)((uint64_t)place >> 32), 0, purpose};
    random_block(draw, key, counter);
}

/* In [0, 1), with 53 bits. */
static double unit_of(const uint32_t draw[4])
{
    uint64_t wide = (uint64_t)draw[0] << 32 | draw[1];
    return (double)(wide >> 11) * 0x1p-53;
}

static int64_t count_places(const struct attack_kind *kind, const struct attack_source *source)
{
    struct attack_place place;
    int64_t count = 0;
    for (size_t at = 0; kind->find(&place, source, at); at = place.end)
        count++;
    return count;
}

static int64_t places_to_change(double strength, int64_t eligible, uint64_t key)
{
    uint32_t draw[4];
    draw_for(draw, key, 0, DRAW_ROUNDING);
    int64_t count = (int64_t)floor(strength * (double)eligible + unit_of(draw));
    return count < eligible ? count : eligible;
}

static assay_status check_arguments(int kind, double strength, assay_error *error)
{
    if (kind < 0 || kind >= KINDS)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "there is no attack of this number");
    if (strength >= 0.0 && strength <= 1.0)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_ARGUMENT, "an attack cannot have this strength");
    error_at_place(error, "strength");
    error_expected(error, "a share from 0 to 1");
    error_found(error, "%g", strength);
    return ASSAY_ERROR_ARGUMENT;
}

/* Walks the places once more and changes `wanted` of them, each set of that many as likely as any
 * other (selection sampling; Knuth, volume 2, algorithm 3.4.2 S). */
static bool change_places(struct buffer *out, const struct attack_kind *kind,
                          const struct attack_source *source, uint64_t key, int64_t eligible,
                          int64_t wanted)
{
    struct attack_place place;
    size_t at = 0;
    int64_t taken = 0;
    for (int64_t i = 0; taken < wanted && kind->find(&place, source, at); i++) {
        uint32_t draw[4];
        draw_for(draw, key, i, DRAW_CHOICE);
        bool chosen = unit_of(draw) * (double)(eligible - i) < (double)(wanted - taken);
        size_t kept = chosen ? place.begin : place.end;
        if (!buffer_append(out, source->text + at, kept - at))
            return false;
        if (chosen) {
            draw_for(draw, key, i, DRAW_CHANGE);
            if (!kind->change(out, source, &place, draw))
                return false;
            taken++;
        }
        at = place.end;
    }
    return buffer_append(out, source->text + at, source->length - at);
}

assay_status attack_text_counted(struct buffer *out, struct attack_places *places, int kind,
                                 double strength, uint64_t seed, const char *text, size_t length,
                                 assay_error *error)
{
    *places = (struct attack_places){0};
    assay_status status = check_arguments(kind, strength, error);
    if (status != ASSAY_OK)
        return status;
    const struct attack_kind *of = kinds[kind];
    const struct attack_source source = {text, length};
    uint64_t key = random_mix(seed, random_hash_name(of->name));
    size_t before = out->length;
    places->eligible = count_places(of, &source);
    places->changed = places_to_change(strength, places->eligible, key);
    if (change_places(out, of, &source, key, places->eligible, places->changed))
        return ASSAY_OK;
    out->length = before;
    if (out->bytes)
        out->bytes[before] = '\0';
    return error_memory(error, length);
}

assay_status attack_text(struct buffer *out, int kind, double strength, uint64_t seed,
                         const char *text, size_t length, assay_error *error)
{
    struct attack_places places;
    return attack_text_counted(out, &places, kind, strength, seed, text, length, error);
}
