/* Strings that stand in one label's rows more than in the others', and what crosses files. */
#include "data/audit.h"

#include "base/auroc.h"
#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A string is tried when it stands in as many rows as this share of the smallest label has; and the
 * longest of nested openings is told while it keeps this share of their difference. */
static const double least_share = 0.1, kept_share = 0.9;

struct candidate {
    const struct string_count *entry;
    int32_t label;
    double of_label, of_others; /* shares of rows */
    bool told;
};

struct candidates {
    struct candidate *found;
    size_t count, capacity;
};

static double difference(const struct candidate *candidate)
{
    return candidate->of_label - candidate->of_others;
}

static bool add_candidate(struct candidates *candidates, const struct candidate *candidate)
{
    if (candidates->count == candidates->capacity) {
        size_t capacity = candidates->capacity ? 2 * candidates->capacity : 256;
        struct candidate *grown = memory_resize(candidates->found, capacity, sizeof *grown);
        if (!grown)
            return false;
        candidates->found = grown;
        candidates->capacity = capacity;
    }
    candidates->found[candidates->count++] = *candidate;
    return true;
}

/* Entries of one string, one a label that has it: of two labels the positive is judged, of more the
 * one with the largest difference. */
static struct candidate weigh(const struct audit *audit, const struct string_count *entries,
                              size_t count, double all_rows)
{
    const assay_data_label *labels = audit->show->summary.labels;
    struct candidate best = {.entry = entries, .label = -1};
    double rows = 0.0;
    for (size_t i = 0; i < count; i++)
        rows += (double)entries[i].count;
    for (size_t i = 0; i < count || (audit->positive >= 0 && best.label < 0); i++) {
        bool there = i < count && (audit->positive < 0 || entries[i].label == audit->positive);
        if (!there && i < count)
            continue;
        int32_t label = there ? entries[i].label : audit->positive;
        double here = there ? (double)entries[i].count : 0.0;
        double of = (double)labels[label].rows;
        struct candidate candidate = {.entry = entries,
                                      .label = label,
                                      .of_label = here / of,
                                      .of_others = (rows - here) / (all_rows - of)};
        if (best.label < 0 || fabs(difference(&candidate)) > fabs(difference(&best)))
            best = candidate;
    }
    return best;
}

static bool nested(const struct show *show, const struct candidate *a, const struct candidate *b)
{
    const char *x = string_counts_text(&show->strings, a->entry);
    const char *y = string_counts_text(&show->strings, b->entry);
    size_t length = a->entry->length < b->entry->length ? a->entry->length : b->entry->length;
    if (a->entry->kind == TEXT_STRING_FIRST_CHARACTERS)
        return !memcmp(x, y, length);
    return a->entry->kind == TEXT_STRING_LAST_CHARACTERS &&
           !memcmp(x + a->entry->length - length, y + b->entry->length - length, length);
}

static int by_difference(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    double of_x = fabs(difference(x)), of_y = fabs(difference(y));
    if (of_x != of_y)
        return of_x > of_y ? -1 : 1;
    return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static const char *fix_of(enum text_string kind)
{
    return kind == TEXT_STRING_FIRST_CHARACTERS || kind == TEXT_STRING_FIRST_WORD
               ? "assay data clean --trim-header"
           : kind == TEXT_STRING_WORD
               ? "take it out of both labels, or collect again; a detector would look for it"
               : "cut both labels' texts alike";
}

static assay_status tell(struct audit *audit, const struct candidate *candidate, assay_error *error)
{
    struct show *show = audit->show;
    const struct string_count *entry = candidate->entry;
    enum text_string kind = (enum text_string)entry->kind;
    char *string = arena_allocate(&show->arena, (size_t)entry->length + 1, 1);
    assay_data_place *places =
        arena_allocate(&show->arena, (size_t)show->options.examples + 1, sizeof *places);
    if (!string || !places)
        return error_memory(error, entry->length);
    memcpy(string, string_counts_text(&show->strings, entry), entry->length);
    struct audited *audited = audit_next(audit);
    assay_data_trait *trait = &audited->trait;
    bool word = kind == TEXT_STRING_WORD;
    audited->string_kind = kind;
    audited->string_length = entry->length;
    audited->places = places;
    trait->name = text_string_name(kind);
    trait->description = text_string_description(kind);
    trait->kind = word ? ASSAY_DATA_TRAIT_WORD : ASSAY_DATA_TRAIT_OPENING;
    trait->label = show->summary.labels[candidate->label].name;
    trait->string = string;
    trait->of_label = candidate->of_label;
    trait->of_others = candidate->of_others;
    trait->higher = difference(candidate) >= 0.0;
    trait->auroc = 0.5 + fabs(difference(candidate)) / 2.0;
    /* Labels that are subjects are told by their words: of more than two, strings are not judged.
     */
    trait->bar = audit->positive < 0 ? NAN : show->summary.bars[trait->kind];
    trait->fix = fix_of(kind);
    return ASSAY_OK;
}

/* The candidates of one kind, the most telling first. */
static assay_status tell_kind(struct audit *audit, struct candidates *candidates,
                              assay_error *error)
{
    struct candidate *found = candidates->found;
    size_t count = candidates->count;
    assay_status status = ASSAY_OK;
    if (count)
        qsort(found, count, sizeof *found, by_difference);
    for (size_t i = 0, told = 0; i < count && told < SHOW_STRINGS && !status; i++) {
        if (found[i].told)
            continue;
        size_t longest = i;
        for (size_t j = i; j < count; j++) {
            bool same = j == i || nested(audit->show, &found[i], &found[j]);
            bool as_telling =
                fabs(difference(&found[j])) >= kept_share * fabs(difference(&found[i]));
            if (same && as_telling && found[j].entry->length > found[longest].entry->length)
                longest = j;
            found[j].told |= same;
        }
        status = tell(audit, &found[longest], error);
        told++;
    }
    return status;
}

assay_status audit_strings(struct audit *audit, assay_error *error)
{
    struct show *show = audit->show;
    struct string_counts *strings = &show->strings;
    struct candidates candidates = {0};
    assay_status status = ASSAY_OK;
    double rows = 0.0, fewest = HUGE_VAL;
    for (int32_t l = 0; l < show->summary.label_count; l++) {
        rows += (double)show->summary.labels[l].rows;
        fewest = fmin(fewest, (double)show->summary.labels[l].rows);
    }
    string_counts_sort(strings);
    for (size_t i = 0, end; i < strings->count && !status; i = end) {
        const struct string_count *entries = &strings->entries[i];
        double here = 0.0;
        for (end = i; end < strings->count && strings->entries[end].hash == entries->hash &&
                      strings->entries[end].kind == entries->kind;
             end++)
            here += (double)strings->entries[end].count;
        if (here >= 2.0 && here >= least_share * fewest) {
            struct candidate candidate = weigh(audit, entries, end - i, rows);
            audit->candidates += audit->positive < 0 ? show->summary.label_count : 1;
            if (!add_candidate(&candidates, &candidate))
                status = error_memory(error, candidates.capacity * sizeof candidate);
        }
        if (!status && (end == strings->count || strings->entries[end].kind != entries->kind)) {
            status = tell_kind(audit, &candidates, error);
            candidates.count = 0;
        }
    }
    memory_free(candidates.found);
    return status;
}

/* Rows of one group are no more proof than one row: groups are counted, not rows. */
void audit_judge_string(const struct audit *audit, struct audited *audited, double alpha_of_all)
{
    const assay_data_summary *summary = &audit->show->summary;
    assay_data_trait *trait = &audited->trait;
    double here = 0.0, others = 0.0;
    for (int32_t l = 0; l < summary->label_count; l++) {
        if (summary->labels[l].name == trait->label)
            here += (double)summary->labels[l].groups;
        else
            others += (double)summary->labels[l].groups;
    }
    double more = trait->higher ? trait->of_label : trait->of_others;
    double less = trait->higher ? trait->of_others : trait->of_label;
    double of_more = trait->higher ? here : others, of_less = trait->higher ? others : here;
    struct interval alone =
        interval_share_difference(more * of_more, of_more, less * of_less, of_less, alpha_of_all);
    struct interval all =
        interval_share_difference(more * of_more, of_more, less * of_less, of_less,
                                  alpha_of_all / fmax((double)audit->candidates, 1.0));
    trait->low = 0.5 + alone.low / 2.0;
    trait->high = 0.5 + alone.high / 2.0;
    trait->bound = 0.5 + all.low / 2.0;
}

static assay_status add_files_trait(struct audit *audit, const char *name, const char *description,
                                    const char *fix, const assay_data_repeats *repeats,
                                    const struct crossings *crossings, assay_error *error)
{
    struct show *show = audit->show;
    struct audited *audited = audit_next(audit);
    assay_data_trait *trait = &audited->trait;
    audited->places =
        arena_allocate(&show->arena, 2 * (size_t)crossings->count + 1, sizeof *audited->places);
    if (!audited->places)
        return error_memory(error, sizeof *audited->places);
    for (int32_t i = 0; i < crossings->count; i++) {
        const struct crossing *crossing = &crossings->found[i];
        audited->places[audited->place_count++] = (assay_data_place){
            .file = show->files[crossing->first_file].path, .row = crossing->first_row};
        audited->places[audited->place_count++] = (assay_data_place){
            .file = show->files[crossing->second_file].path, .row = crossing->second_row};
    }
    trait->name = name;
    trait->description = description;
    trait->kind = ASSAY_DATA_TRAIT_FILES;
    trait->higher = true;
    trait->auroc = trait->low = trait->high = trait->bound = trait->bar = NAN;
    trait->of_label = (double)repeats->rows_across;
    trait->of_others = (double)repeats->rows_across / (double)show->summary.rows;
    trait->fix = fix;
    trait->leak = repeats->across > 0;
    return ASSAY_OK;
}

assay_status audit_files(struct audit *audit, assay_error *error)
{
    struct show *show = audit->show;
    assay_status status = ASSAY_OK;
    if (show->summary.file_count < 2 || !show->summary.rows)
        return ASSAY_OK;
    status = add_files_trait(
        audit, "rows_across_files",
        "texts of one file that stand in another one too, case, spaces and marks aside",
        "assay data dedup", &show->summary.alike, &show->text_crossings, error);
    if (!status && show->summary.group_field)
        status = add_files_trait(audit, "groups_across_files", "groups with rows in several files",
                                 "assay data split --group", &show->summary.groups,
                                 &show->group_crossings, error);
    return status;
}
