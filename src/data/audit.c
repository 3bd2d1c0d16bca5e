/* What each trivial feature alone tells of the label. */
#include "data/audit.h"

#include "base/auroc.h"
#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRIED_LABELS = 3 };

static const double alpha = 0.05;

/* In shares of rows, for a trait that is there or not: above .55, .6 and .75 one label has it in
 * 10, 20 and 50 of a hundred rows more than the others. Format carries no words, so that little of
 * it is enough; honest classes do differ in style and words. */
static const double bars[ASSAY_DATA_TRAIT_KINDS] = {
    [ASSAY_DATA_TRAIT_FORMAT] = 0.55, [ASSAY_DATA_TRAIT_OPENING] = 0.60,
    [ASSAY_DATA_TRAIT_STYLE] = 0.75,  [ASSAY_DATA_TRAIT_WORD] = 0.75,
    [ASSAY_DATA_TRAIT_FILES] = 0.5,
};

static const char *const fixes[TEXT_FEATURE_COUNT] = {
    [TEXT_FEATURE_BYTES] = "bring both labels to the same lengths: cut or choose texts alike",
    [TEXT_FEATURE_CHARACTERS] = "bring both labels to the same lengths: cut or choose texts alike",
    [TEXT_FEATURE_WORDS] = "bring both labels to the same lengths: cut or choose texts alike",
    [TEXT_FEATURE_TYPE_TOKEN] = "it follows length: bring both labels to the same lengths",
    [TEXT_FEATURE_NEWLINES] = "assay data clean --one-line",
    [TEXT_FEATURE_NEWLINE_SHARE] = "assay data clean --one-line",
    [TEXT_FEATURE_CARRIAGE_RETURNS] = "assay data clean --one-line",
    [TEXT_FEATURE_DOUBLE_SPACES] = "assay data clean --whitespace",
    [TEXT_FEATURE_LEADING_SPACE] = "assay data clean --whitespace",
    [TEXT_FEATURE_TRAILING_SPACE] = "assay data clean --whitespace",
    [TEXT_FEATURE_TABS] = "assay data clean --whitespace",
    [TEXT_FEATURE_ODD_SPACES] = "assay data clean --whitespace",
    [TEXT_FEATURE_SPACE_BEFORE_MARK] = "one label was tokenised: collect it again as written",
    [TEXT_FEATURE_APOSTROPHES] = "assay data clean --typography",
    [TEXT_FEATURE_STRAIGHT_QUOTES] = "assay data clean --typography",
    [TEXT_FEATURE_CURLY_QUOTES] = "assay data clean --typography",
    [TEXT_FEATURE_HYPHENS] = "assay data clean --typography",
    [TEXT_FEATURE_EN_DASHES] = "assay data clean --typography",
    [TEXT_FEATURE_EM_DASHES] = "assay data clean --typography",
    [TEXT_FEATURE_ELLIPSIS_CHARACTERS] = "assay data clean --typography",
    [TEXT_FEATURE_UPPER_CASE] = "assay data clean --lowercase",
    [TEXT_FEATURE_CAPITAL_WORDS] = "assay data clean --lowercase",
    [TEXT_FEATURE_LOWER_START] = "assay data clean --lowercase",
    [TEXT_FEATURE_LOWER_SENTENCES] = "assay data clean --lowercase",
    [TEXT_FEATURE_COMBINING_MARKS] = "assay data clean --unicode",
    [TEXT_FEATURE_MIXED_WORDS] = "assay data clean --replace-homoglyphs",
    [TEXT_FEATURE_ENCODING_TRACES] =
        "read the source in its right encoding, or leave these texts out",
    [TEXT_FEATURE_INVISIBLE] = "assay data clean --invisible",
    [TEXT_FEATURE_HTML] = "assay data clean --markup",
    [TEXT_FEATURE_MARKDOWN] = "assay data clean --markup",
    [TEXT_FEATURE_FINAL_MARK] = "one label's texts are cut off: cut both alike",
    [TEXT_FEATURE_MEAN_SENTENCE] = "one label's texts may be cut off or joined: collect both alike",
};
static const char no_switch[] =
    "no switch mends it: collect both labels alike, and judge a detector beside this trait";

/* The labelled rows of the sample, and memory to judge a feature with. */
struct columns {
    const struct sampled_row **rows;
    int32_t *labels;
    uint32_t *clusters;
    uint32_t *order;
    float *values;
    struct auroc_cluster *scratch;
    double *rank_sums; /* a label */
    double *of_label;  /* rows of each in the sample */
    int64_t count, cluster_count;
};

struct audited *audit_next(struct audit *audit)
{
    struct audited *audited = &audit->show->audited[audit->show->audited_count++];
    *audited = (struct audited){.feature = -1};
    return audited;
}

static void columns_free(struct columns *columns)
{
    memory_free(columns->rows);
    memory_free(columns->labels);
    memory_free(columns->clusters);
    memory_free(columns->order);
    memory_free(columns->values);
    memory_free(columns->scratch);
    memory_free(columns->rank_sums);
    memory_free(columns->of_label);
}

/* Clusters of the sample are numbered anew: there may be many more groups than sampled rows. */
static bool number_clusters(const struct show *show, struct columns *columns)
{
    uint32_t *numbers = memory_allocate((size_t)show->groups.count, sizeof *numbers);
    if (!numbers)
        return false;
    memset(numbers, 0xff, (size_t)show->groups.count * sizeof *numbers);
    for (int64_t i = 0; i < columns->count; i++) {
        uint32_t group = columns->rows[i]->cluster;
        if (group == SAMPLED_ALONE) {
            columns->clusters[i] = (uint32_t)columns->cluster_count++;
            continue;
        }
        if (numbers[group] == UINT32_MAX)
            numbers[group] = (uint32_t)columns->cluster_count++;
        columns->clusters[i] = numbers[group];
    }
    memory_free(numbers);
    return true;
}

static bool columns_fill(struct columns *columns, const struct show *show)
{
    size_t most = (size_t)show->sample.count, labels = (size_t)show->summary.label_count;
    columns->rows = memory_allocate(most, sizeof *columns->rows);
    columns->labels = memory_allocate(most, sizeof *columns->labels);
    columns->clusters = memory_allocate(most, sizeof *columns->clusters);
    columns->order = memory_allocate(most, sizeof *columns->order);
    columns->values = memory_allocate(most, sizeof *columns->values);
    columns->scratch = memory_allocate(most, sizeof *columns->scratch);
    columns->rank_sums = memory_allocate(labels, sizeof *columns->rank_sums);
    columns->of_label = memory_allocate_zeroed(labels, sizeof *columns->of_label);
    if (!columns->rows || !columns->labels || !columns->clusters || !columns->order ||
        !columns->values || !columns->scratch || !columns->rank_sums || !columns->of_label)
        return false;
    for (size_t i = 0; i < most; i++) {
        const struct sampled_row *row = &show->sample.rows[i];
        if (row->label < 0)
            continue;
        columns->rows[columns->count] = row;
        columns->labels[columns->count++] = row->label;
        columns->of_label[row->label]++;
    }
    return number_clusters(show, columns);
}

struct valued {
    float value;
    uint32_t row;
};

static int by_value(const void *a, const void *b)
{
    const struct valued *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static bool sort_feature(struct columns *columns, int feature)
{
    struct valued *valued = memory_allocate((size_t)columns->count, sizeof *valued);
    if (!valued)
        return false;
    for (int64_t i = 0; i < columns->count; i++) {
        columns->values[i] = columns->rows[i]->values[feature];
        valued[i] = (struct valued){columns->values[i], (uint32_t)i};
    }
    qsort(valued, (size_t)columns->count, sizeof *valued, by_value);
    for (int64_t i = 0; i < columns->count; i++)
        columns->order[i] = valued[i].row;
    memory_free(valued);
    return true;
}

/* The area of each label against the others, by its sum of mid-ranks, less one half. */
static void areas_of_labels(struct columns *columns, int32_t labels)
{
    double *sums = columns->rank_sums;
    memset(sums, 0, (size_t)labels * sizeof *sums);
    for (int64_t begin = 0, end; begin < columns->count; begin = end) {
        float value = columns->values[columns->order[begin]];
        for (end = begin; end < columns->count && columns->values[columns->order[end]] == value;)
            end++;
        double rank = (double)(begin + end + 1) / 2.0;
        for (int64_t i = begin; i < end; i++)
            sums[columns->labels[columns->order[i]]] += rank;
    }
    for (int32_t l = 0; l < labels; l++) {
        double here = columns->of_label[l], others = (double)columns->count - here;
        sums[l] = here > 0 && others > 0
                      ? (sums[l] - here * (here + 1.0) / 2.0) / (here * others) - 0.5
                      : 0.0;
    }
}

/* The few labels that the feature tells best. */
static int best_labels(const struct columns *columns, int32_t labels, int32_t best[TRIED_LABELS])
{
    int count = 0;
    for (int32_t l = 0; l < labels; l++) {
        int at = count;
        while (at > 0 && fabs(columns->rank_sums[best[at - 1]]) < fabs(columns->rank_sums[l]))
            at--;
        if (at == TRIED_LABELS)
            continue;
        count += count < TRIED_LABELS;
        memmove(best + at + 1, best + at, (size_t)(count - at - 1) * sizeof *best);
        best[at] = l;
    }
    return count;
}

static struct interval turned(struct interval interval, bool higher)
{
    if (higher)
        return interval;
    return (struct interval){1.0 - interval.high, 1.0 - interval.low};
}

static void take_means(assay_data_trait *trait, const struct columns *columns, int32_t label)
{
    double here = 0.0, others = 0.0;
    for (int64_t i = 0; i < columns->count; i++) {
        if (columns->labels[i] == label)
            here += (double)columns->values[i];
        else
            others += (double)columns->values[i];
    }
    trait->of_label = here / columns->of_label[label];
    trait->of_others = others / ((double)columns->count - columns->of_label[label]);
}

/* The label that the feature tells best by the lower end of its own interval. */
static int32_t judge_labels(struct audited *audited, struct auroc_estimate *kept,
                            const struct audit *audit, struct columns *columns)
{
    int32_t tried[TRIED_LABELS] = {audit->positive}, told = -1;
    int count = 1;
    if (audit->positive < 0) {
        areas_of_labels(columns, audit->show->summary.label_count);
        count = best_labels(columns, audit->show->summary.label_count, tried);
    }
    for (int i = 0; i < count; i++) {
        struct auroc_estimate estimate;
        auroc_estimate(&estimate, columns->values, columns->order, columns->labels, tried[i],
                       columns->clusters, columns->scratch, columns->cluster_count, columns->count);
        bool higher = !(estimate.auroc < 0.5);
        struct interval interval = turned(auroc_interval(&estimate, alpha), higher);
        if (told >= 0 && interval.low <= audited->trait.low)
            continue;
        told = tried[i];
        *kept = estimate;
        audited->trait.higher = higher;
        audited->trait.auroc = higher ? estimate.auroc : 1.0 - estimate.auroc;
        audited->trait.low = interval.low;
        audited->trait.high = interval.high;
    }
    return told;
}

/* Where the feature shows most: the highest values of the side that has more. The first rows of
 * equal ones. */
static assay_status find_highest(struct show *show, struct audited *audited,
                                 const struct columns *columns, int32_t label, assay_error *error)
{
    int32_t most = show->options.examples;
    float *held = memory_allocate((size_t)most + 1, sizeof *held);
    audited->places = arena_allocate(&show->arena, (size_t)most + 1, sizeof *audited->places);
    if (!held || !audited->places) {
        memory_free(held);
        return error_memory(error, (size_t)most * sizeof *audited->places);
    }
    for (int64_t i = 0; i < columns->count; i++) {
        if ((columns->labels[i] == label) != audited->trait.higher)
            continue;
        int32_t at = audited->place_count;
        while (at > 0 && held[at - 1] < columns->values[i])
            at--;
        if (at == most)
            continue;
        audited->place_count += audited->place_count < most;
        for (int32_t j = audited->place_count - 1; j > at; j--) {
            held[j] = held[j - 1];
            audited->places[j] = audited->places[j - 1];
        }
        held[at] = columns->values[i];
        audited->places[at] = (assay_data_place){.file = show->files[columns->rows[i]->file].path,
                                                 .row = columns->rows[i]->row};
    }
    memory_free(held);
    return ASSAY_OK;
}

static assay_status audit_feature(struct audit *audit, struct columns *columns, int feature,
                                  struct auroc_estimate *estimate, assay_error *error)
{
    struct show *show = audit->show;
    struct audited *audited = audit_next(audit);
    assay_data_trait *trait = &audited->trait;
    bool format = text_feature_kind(feature) == TEXT_FEATURE_FORMAT;
    if (!sort_feature(columns, feature))
        return error_memory(error, (size_t)columns->count * sizeof(struct valued));
    audited->feature = feature;
    trait->name = text_feature_name(feature);
    trait->description = text_feature_description(feature);
    trait->kind = format ? ASSAY_DATA_TRAIT_FORMAT : ASSAY_DATA_TRAIT_STYLE;
    /* Labels that are subjects differ in style too: of more than two, only format is judged. */
    trait->bar = format || audit->positive >= 0 ? bars[trait->kind] : NAN;
    trait->fix = fixes[feature] ? fixes[feature] : no_switch;
    int32_t label = judge_labels(audited, estimate, audit, columns);
    trait->label = show->summary.labels[label].name;
    take_means(trait, columns, label);
    bool constant =
        columns->values[columns->order[0]] == columns->values[columns->order[columns->count - 1]];
    if (!constant)
        audit->candidates += audit->positive < 0 ? show->summary.label_count : 1;
    else
        trait->low = trait->high = trait->auroc = 0.5;
    return find_highest(show, audited, columns, label, error);
}

static void judge_features(struct audit *audit, const struct auroc_estimate *estimates)
{
    double of_each = alpha / fmax((double)audit->candidates, 1.0);
    for (int32_t i = 0; i < audit->show->audited_count; i++) {
        struct audited *audited = &audit->show->audited[i];
        assay_data_trait *trait = &audited->trait;
        if (trait->kind == ASSAY_DATA_TRAIT_FILES)
            continue;
        if (audited->feature < 0) {
            audit_judge_string(audit, audited, alpha);
        } else if (trait->high > trait->low) {
            struct interval all = auroc_interval(&estimates[audited->feature], of_each);
            trait->bound = turned(all, trait->higher).low;
        } else {
            trait->bound = trait->auroc;
        }
        trait->leak = trait->bound > trait->bar;
    }
}

static assay_status audit_traits(struct audit *audit, assay_error *error)
{
    struct auroc_estimate estimates[TEXT_FEATURE_COUNT];
    struct columns columns = {0};
    assay_status status = ASSAY_OK;
    if (!columns_fill(&columns, audit->show))
        status = error_memory(error, (size_t)audit->show->sample.count * sizeof(struct valued));
    for (int f = 0; f < TEXT_FEATURE_COUNT && !status; f++)
        status = audit_feature(audit, &columns, f, &estimates[f], error);
    if (!status)
        status = audit_strings(audit, error);
    if (!status)
        judge_features(audit, estimates);
    columns_free(&columns);
    return status;
}

static int32_t find_name(const assay_data_summary *summary, const char *name)
{
    for (int32_t i = 0; i < summary->label_count; i++) {
        if (!strcmp(summary->labels[i].name, name))
            return i;
    }
    return -1;
}

static assay_status choose_positive(struct audit *audit, assay_error *error)
{
    static const char *const usual[] = {"ai", "machine", "fake", "generated", "1"};
    assay_data_summary *summary = &audit->show->summary;
    const char *wanted = audit->show->options.positive;
    int32_t found = wanted ? find_name(summary, wanted) : -1;
    if (wanted && found < 0) {
        error_set(error, ASSAY_ERROR_ARGUMENT, "no row has the label that should be positive");
        error_found(error, "%s", wanted);
        return ASSAY_ERROR_ARGUMENT;
    }
    audit->positive = -1;
    if (summary->label_count != 2)
        return ASSAY_OK;
    for (size_t i = 0; i < sizeof usual / sizeof *usual && found < 0; i++)
        found = find_name(summary, usual[i]);
    audit->positive = found < 0 ? 1 : found;
    summary->positive = summary->labels[audit->positive].name;
    return ASSAY_OK;
}

static int by_weight(const void *a, const void *b)
{
    const assay_data_trait *x = &((const struct audited *)a)->trait;
    const assay_data_trait *y = &((const struct audited *)b)->trait;
    if (x->leak != y->leak)
        return x->leak ? -1 : 1;
    bool x_files = x->kind == ASSAY_DATA_TRAIT_FILES, y_files = y->kind == ASSAY_DATA_TRAIT_FILES;
    if (x_files != y_files)
        return x_files ? -1 : 1;
    if (!x_files && x->bound != y->bound)
        return x->bound > y->bound ? -1 : 1;
    if (!x_files && x->auroc != y->auroc)
        return x->auroc > y->auroc ? -1 : 1;
    int names = strcmp(x->name, y->name);
    return names ? names : strcmp(x->string ? x->string : "", y->string ? y->string : "");
}

assay_status show_audit(struct show *show, assay_error *error)
{
    enum { MOST = TEXT_FEATURE_COUNT + SHOW_STRINGS * TEXT_STRING_COUNT + 2 };
    assay_data_summary *summary = &show->summary;
    struct audit audit = {.show = show, .positive = -1};
    memcpy(summary->bars, bars, sizeof bars);
    show->audited = arena_allocate(&show->arena, MOST, sizeof *show->audited);
    if (!show->audited)
        return error_memory(error, MOST * sizeof *show->audited);
    assay_status status = choose_positive(&audit, error);
    if (summary->labels_cut)
        summary->audit_left_out = "there are too many labels: they may be numbers";
    else if (summary->label_count < 2)
        summary->audit_left_out =
            summary->label_count ? "all rows have one label" : "no row has a label";
    else if (!status)
        status = audit_traits(&audit, error);
    if (!status)
        status = audit_files(&audit, error);
    if (status)
        return status;
    summary->candidates = audit.candidates;
    summary->short_by = show->strings.short_by;
    summary->trait_count = show->audited_count;
    qsort(show->audited, (size_t)show->audited_count, sizeof *show->audited, by_weight);
    for (int32_t i = 0; i < show->audited_count; i++)
        summary->leak_count += show->audited[i].trait.leak;
    return ASSAY_OK;
}
