/* Reading: every row once, into counts, hashes and a sample. */
#include "data/show.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "text/unicode.h"

#include <string.h>

enum { EXAMPLES = 3, BROKEN_SHOWN = 10, PROGRESS_ROWS = 1000 };

static assay_status take_options(struct show *show, const assay_data_show_options *options,
                                 assay_error *error)
{
    const assay_data_show_options none = ASSAY_DATA_SHOW_OPTIONS_INIT;
    const assay_rows_options rows = ASSAY_ROWS_OPTIONS_INIT;
    if (!options)
        options = &none;
    if (error_options(error, options->struct_size, sizeof *options, "ASSAY_DATA_SHOW_OPTIONS_INIT"))
        return ASSAY_ERROR_ARGUMENT;
    show->options = *options;
    assay_data_show_options *o = &show->options;
    if (o->rows &&
        error_options(error, o->rows->struct_size, sizeof *o->rows, "ASSAY_ROWS_OPTIONS_INIT"))
        return ASSAY_ERROR_ARGUMENT;
    show->row_options = o->rows ? *o->rows : rows;
    o->audit_rows = o->audit_rows > 0 ? o->audit_rows : ASSAY_DATA_AUDIT_ROWS;
    o->examples = o->examples > 0 ? o->examples : o->examples < 0 ? 0 : EXAMPLES;
    o->broken_shown = o->broken_shown > 0 ? o->broken_shown : BROKEN_SHOWN;
    show->sample = (struct row_sample){.most = o->audit_rows, .seed = o->seed};
    show->text_crossings.most = show->group_crossings.most = o->examples;
    return ASSAY_OK;
}

static assay_status allocate_lists(struct show *show, int32_t count, assay_error *error)
{
    struct arena *arena = &show->arena;
    size_t examples = (size_t)show->options.examples + 1;
    show->files = arena_allocate(arena, (size_t)count, sizeof *show->files);
    show->broken = arena_allocate(arena, (size_t)show->options.broken_shown, sizeof *show->broken);
    show->text_crossings.found = arena_allocate(arena, examples, sizeof(struct crossing));
    show->group_crossings.found = arena_allocate(arena, examples, sizeof(struct crossing));
    if (!show->files || !show->broken || !show->text_crossings.found ||
        !show->group_crossings.found)
        return error_memory(error, (size_t)count * sizeof *show->files);
    for (int32_t i = 0; i < count; i++) {
        show->files[i].path = arena_format(arena, "%s", show->paths[i]);
        if (!show->files[i].path)
            return error_memory(error, strlen(show->paths[i]));
    }
    show->summary.file_count = count;
    return ASSAY_OK;
}

static assay_status add_broken(struct show *show, int32_t file, const assay_error *fault,
                               assay_error *error)
{
    char line[ASSAY_ERROR_MESSAGE_SIZE + 3 * ASSAY_ERROR_DETAIL_SIZE];
    show->files[file].broken++;
    if (show->summary.broken_row_count == show->options.broken_shown)
        return ASSAY_OK;
    assay_error reason = *fault; /* said without file and row, which stand beside it */
    reason.file[0] = '\0';
    reason.row = reason.column = 0;
    assay_error_format(&reason, line, sizeof line);
    assay_data_broken *broken = &show->broken[show->summary.broken_row_count++];
    broken->line = fault->row;
    broken->file = arena_format(&show->arena, "%s", fault->file);
    broken->reason = arena_format(&show->arena, "%s", line);
    return broken->file && broken->reason ? ASSAY_OK : error_memory(error, strlen(line));
}

static void tally(struct length_tally *tally, double value, bool first)
{
    tally->least = first || value < tally->least ? value : tally->least;
    tally->most = first || value > tally->most ? value : tally->most;
    tally->sum += value;
}

/* Too many labels: they are numbers, or the field is the wrong one. */
static void drop_labels(struct show *show)
{
    show->summary.labels_cut = true;
    show->labels.count = 0;
    string_counts_free(&show->strings);
    for (int64_t i = 0; i < show->sample.count; i++)
        show->sample.rows[i].label = -1;
}

static assay_status find_label(struct show *show, const char *name, int32_t *label,
                               assay_error *error)
{
    *label = -1;
    if (!name || show->summary.labels_cut)
        return ASSAY_OK;
    int64_t number;
    if (!seen_find(&show->labels, seen_hash(name, strlen(name)), &number))
        return error_memory(error, sizeof(struct seen_entry));
    if (number == ASSAY_DATA_MAX_LABELS) {
        drop_labels(show);
        return ASSAY_OK;
    }
    if (number == show->label_capacity) {
        int64_t capacity = number ? 2 * number : 16;
        struct shown_label *grown = memory_resize(show->label, (size_t)capacity, sizeof *grown);
        if (!grown)
            return error_memory(error, (size_t)capacity * sizeof *grown);
        show->label = grown;
        show->label_capacity = capacity;
    }
    struct seen_entry *entry = &show->labels.entries[number];
    if (!entry->count++) {
        show->label[number] = (struct shown_label){.name = arena_format(&show->arena, "%s", name)};
        if (!show->label[number].name)
            return error_memory(error, strlen(name));
    }
    *label = (int32_t)number;
    return ASSAY_OK;
}

struct place {
    int32_t file, label;
    int64_t row;
};

/* Counts one more of what the hash stands for; `crossings` may be NULL. */
static assay_status repeat(struct seen *seen, assay_data_repeats *repeats,
                           struct crossings *crossings, uint64_t hash, const struct place *place,
                           int64_t *number, assay_error *error)
{
    if (!seen_find(seen, hash, number))
        return error_memory(error, sizeof(struct seen_entry));
    struct seen_entry *entry = &seen->entries[*number];
    if (!entry->count++) {
        entry->file = place->file;
        entry->row = place->row;
        entry->label = place->label;
        repeats->different++;
        return ASSAY_OK;
    }
    repeats->repeated += entry->count == 2;
    repeats->rows++;
    bool crosses = entry->file != place->file;
    if (crosses && crossings && crossings->count < crossings->most && !entry->crosses)
        crossings->found[crossings->count++] =
            (struct crossing){entry->file, place->file, entry->row, place->row};
    repeats->rows_across += crosses;
    repeats->across += crosses && !entry->crosses;
    entry->crosses |= crosses;
    bool disagrees = entry->label != place->label && entry->label >= 0 && place->label >= 0;
    repeats->disagreeing += disagrees && !entry->disagrees;
    entry->disagrees |= disagrees;
    return ASSAY_OK;
}

/* The number of the row's group, and one more group of its label. */
static assay_status add_group(struct show *show, assay_rows *rows, const struct place *place,
                              uint32_t *cluster, assay_error *error)
{
    size_t length;
    const char *wanted = show->options.group_field;
    const char *group = assay_rows_field(rows, wanted ? wanted : "group", &length);
    int64_t number, pair;
    *cluster = SAMPLED_ALONE;
    if (!group || !length) {
        if (place->label >= 0)
            show->label[place->label].groups++;
        return ASSAY_OK;
    }
    show->group_seen = true;
    assay_status status = repeat(&show->groups, &show->summary.groups, &show->group_crossings,
                                 seen_hash(group, length), place, &number, error);
    if (status || place->label < 0) {
        *cluster = status ? SAMPLED_ALONE : (uint32_t)number;
        return status;
    }
    *cluster = (uint32_t)number;
    uint64_t hash = random_mix((uint64_t)number, (uint64_t)place->label);
    if (!seen_find(&show->group_labels, hash, &pair))
        return error_memory(error, sizeof(struct seen_entry));
    show->label[place->label].groups += !show->group_labels.entries[pair].count++;
    return ASSAY_OK;
}

/* Letters by script, and a hash of the letters and digits in lower case; 0 for a text without any.
 * Returns false for a text of white space alone. */
static bool count_letters(struct show *show, const char *text, size_t length, uint64_t *folded)
{
    int64_t letters[SCRIPT_COUNT] = {0};
    uint64_t hash = UINT64_C(0xcbf29ce484222325), inked_characters = 0;
    bool inked = false;
    for (size_t at = 0; at < length;) {
        uint32_t c = unicode_get_utf8(text, &at);
        unsigned flags = unicode_flags(c), parts;
        inked = inked || !(flags & UNICODE_WHITESPACE);
        if (!(flags & (UNICODE_LETTER | UNICODE_NUMBER)))
            continue;
        if (flags & UNICODE_LETTER)
            letters[c < 0x80 ? SCRIPT_LATIN : script_of(c)]++;
        const uint32_t *lower = unicode_lower(c, &parts);
        hash = (hash ^ (lower ? *lower : c)) * UINT64_C(0x100000001b3); /* FNV-1a */
        inked_characters++;
    }
    int most = 0;
    for (int i = 0; i < SCRIPT_COUNT; i++) {
        show->script_letters[i] += letters[i];
        most = letters[i] > letters[most] ? i : most;
    }
    show->script_rows[most] += letters[most] > 0;
    *folded = inked_characters ? random_mix(hash, inked_characters) : 0;
    return inked;
}

/* The text itself, and the same one case, spaces and marks aside. */
static assay_status add_text(struct show *show, const assay_row *row, const struct place *place,
                             uint64_t folded, assay_error *error)
{
    int64_t number;
    uint64_t hash = seen_hash(row->text, row->text_length);
    assay_status status =
        repeat(&show->texts, &show->summary.texts, NULL, hash, place, &number, error);
    if (!status)
        status = repeat(&show->alike, &show->summary.alike, &show->text_crossings,
                        folded ? folded : hash, place, &number, error);
    return status;
}

static assay_status add_features(struct show *show, const assay_row *row, const struct place *place,
                                 uint32_t cluster, assay_error *error)
{
    double values[TEXT_FEATURE_COUNT];
    assay_status status = text_features(values, row->text, row->text_length, error);
    if (status)
        return status;
    bool first = show->summary.rows == 1;
    tally(&show->characters, values[TEXT_FEATURE_CHARACTERS], first);
    tally(&show->words, values[TEXT_FEATURE_WORDS], first);
    if (place->label >= 0) {
        struct shown_label *label = &show->label[place->label];
        first = ++label->rows == 1;
        tally(&label->characters, values[TEXT_FEATURE_CHARACTERS], first);
        tally(&label->words, values[TEXT_FEATURE_WORDS], first);
    }
    struct sampled_row *sampled;
    if (!row_sample_offer(&show->sample, &sampled))
        return error_memory(error, sizeof *sampled);
    if (!sampled)
        return ASSAY_OK;
    sampled->row = place->row;
    sampled->file = place->file;
    sampled->label = place->label;
    sampled->cluster = cluster;
    for (int i = 0; i < TEXT_FEATURE_COUNT; i++)
        sampled->values[i] = (float)values[i];
    return ASSAY_OK;
}

static assay_status add_row(struct show *show, assay_rows *rows, const assay_row *row, int32_t file,
                            assay_error *error)
{
    struct place place = {.file = file, .row = row->row};
    uint32_t cluster;
    int64_t number;
    show->files[file].rows++;
    show->summary.rows++;
    assay_status status = find_label(show, row->label, &place.label, error);
    if (!status)
        status = add_group(show, rows, &place, &cluster, error);
    if (status)
        return status;
    show->files[file].unlabelled += !row->label;
    uint64_t folded;
    bool inked = count_letters(show, row->text, row->text_length, &folded);
    show->files[file].empty += !inked;
    if (inked)
        status = add_text(show, row, &place, folded, error);
    if (!status && !row->numbered)
        status = repeat(&show->ids, &show->summary.ids, NULL, seen_hash(row->id, strlen(row->id)),
                        &place, &number, error);
    if (!status && place.label >= 0 && inked &&
        !string_counts_add(&show->strings, row->text, row->text_length, place.label,
                           show->summary.rows))
        status = error_memory(error, sizeof(struct string_count));
    return status ? status : add_features(show, row, &place, cluster, error);
}

static void tell_progress(const struct show *show, int32_t file, const assay_rows *rows)
{
    if (!show->options.progress || show->summary.rows % PROGRESS_ROWS)
        return;
    assay_data_show_progress progress = {show->paths[file], show->summary.rows,
                                         assay_rows_bytes(rows)};
    show->options.progress(show->options.context, &progress);
}

static bool is_row_fault(assay_status status)
{
    return status == ASSAY_ERROR_FORMAT || status == ASSAY_ERROR_LIMIT;
}

static assay_status read_file(struct show *show, int32_t file, assay_error *error)
{
    assay_rows *rows = NULL;
    assay_row row;
    assay_status status = assay_rows_open(&rows, show->paths[file], &show->row_options, error);
    while (!status) {
        assay_error fault = {0};
        status = assay_rows_next(rows, &row, &fault);
        if (is_row_fault(status)) {
            status = add_broken(show, file, &fault, error);
            continue;
        }
        if (status && error)
            *error = fault;
        if (status || !row.text)
            break;
        status = add_row(show, rows, &row, file, error);
        tell_progress(show, file, rows);
    }
    if (rows)
        show->files[file].bytes = assay_rows_bytes(rows);
    assay_rows_close(rows);
    return status;
}

/* What only the reading needed. */
static void free_work(struct show *show)
{
    struct seen *tables[] = {&show->labels, &show->texts,  &show->alike,
                             &show->ids,    &show->groups, &show->group_labels};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        seen_free(tables[i]);
    string_counts_free(&show->strings);
    row_sample_free(&show->sample);
    memory_free(show->label);
    show->label = NULL;
}

assay_status assay_data_show(assay_data_summary **out, const char *const *paths, int32_t count,
                             const assay_data_show_options *options, assay_error *error)
{
    if (!out)
        return error_needs(error, __func__, "out");
    *out = NULL;
    if (count < 1)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "there is no file to show");
    if (error_list(error, paths, (size_t)count, "paths"))
        return ASSAY_ERROR_ARGUMENT;
    struct show *show = memory_allocate_zeroed(1, sizeof *show);
    if (!show)
        return error_memory(error, sizeof *show);
    show->paths = paths;
    assay_status status = take_options(show, options, error);
    if (!status)
        status = allocate_lists(show, count, error);
    for (int32_t i = 0; i < count && !status; i++)
        status = read_file(show, i, error);
    if (!status)
        status = show_summarise(show, error);
    if (!status)
        status = show_audit(show, error);
    if (!status)
        status = show_find_examples(show, error);
    free_work(show);
    if (status) {
        assay_data_summary_free(&show->summary);
        return status;
    }
    show->paths = NULL;
    *out = &show->summary;
    return ASSAY_OK;
}

void assay_data_summary_free(assay_data_summary *summary)
{
    if (!summary)
        return;
    struct show *show = (struct show *)summary;
    arena_free(&show->arena);
    memory_free(show);
}
