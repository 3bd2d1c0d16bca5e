/* The second reading: what stands where a leak shows. Only regular files and folders are read
 * again; of pipes the rows are named and no more. A file that changed in between loses its
 * excerpts. */
#include "data/show.h"

#include "base/error.h"
#include "base/memory.h"
#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BEFORE = 24, BEHIND = 56 }; /* bytes of an excerpt around its place */

struct wanted {
    assay_data_place *place;
    const struct audited *audited;
};

struct search {
    struct show *show;
    struct wanted *wanted; /* rows of one file that are known, in order */
    size_t count, next;
};

static size_t boundary(const char *text, size_t length, size_t at)
{
    while (at < length && ((unsigned char)text[at] & 0xc0) == 0x80)
        at++;
    return at;
}

/* Words around `at`, zero bytes left out; NULL when memory runs out. */
static const char *excerpt(struct arena *arena, const char *text, size_t length, size_t at)
{
    size_t begin = boundary(text, length, at > BEFORE ? at - BEFORE : 0);
    size_t end = length - begin > BEFORE + BEHIND ? begin + BEFORE + BEHIND : length;
    end = boundary(text, length, end);
    char *out = arena_allocate(arena, end - begin + 1, 1);
    size_t kept = 0;
    for (size_t i = begin; out && i < end; i++) {
        if (text[i])
            out[kept++] = text[i];
    }
    return out;
}

/* Behind the shortest beginning of the text that has the feature: counts only grow with the text.
 */
static assay_status find_feature(int feature, const char *text, size_t length, size_t *at,
                                 assay_error *error)
{
    double values[TEXT_FEATURE_COUNT];
    size_t low = 0, high = length;
    *at = 0;
    if (text_feature_kind(feature) != TEXT_FEATURE_FORMAT)
        return ASSAY_OK;
    if (feature == TEXT_FEATURE_TRAILING_SPACE)
        *at = length;
    while (high - low > 1 && feature != TEXT_FEATURE_TRAILING_SPACE) {
        size_t middle = boundary(text, length, (low + high) / 2);
        if (middle >= high)
            break;
        assay_status status = text_features(values, text, middle, error);
        if (status)
            return status;
        if (values[feature] > 0)
            high = middle;
        else
            low = middle;
        *at = low;
    }
    return ASSAY_OK;
}

struct match {
    enum text_string kind;
    const char *string;
    size_t length, at;
};

static bool differs(void *context, enum text_string kind, const char *string, size_t length,
                    size_t at)
{
    struct match *match = context;
    if (kind != match->kind || length != match->length || memcmp(string, match->string, length))
        return true;
    match->at = at;
    return false;
}

static assay_status fill_place(struct show *show, assay_data_place *place, const assay_row *row,
                               size_t at, assay_error *error)
{
    place->row = row->row;
    place->id = arena_format(&show->arena, "%s", row->id);
    place->label = row->label ? arena_format(&show->arena, "%s", row->label) : NULL;
    place->excerpt = excerpt(&show->arena, row->text, row->text_length, at);
    return place->id && (place->label || !row->label) && place->excerpt
               ? ASSAY_OK
               : error_memory(error, row->text_length);
}

/* Strings are looked for in every row of the side that has more of them. Returns whether any string
 * still lacks examples. */
static bool match_strings(struct show *show, const assay_row *row, const char *path,
                          assay_status *status, assay_error *error)
{
    bool lacking = false;
    for (int32_t i = 0; i < show->summary.leak_count && !*status; i++) {
        struct audited *audited = &show->audited[i];
        const assay_data_trait *trait = &audited->trait;
        if (!trait->string || audited->place_count == show->options.examples)
            continue;
        lacking = true;
        if (!row->label || (strcmp(row->label, trait->label) == 0) != trait->higher)
            continue;
        struct match match = {audited->string_kind, trait->string, audited->string_length, 0};
        if (text_strings(row->text, row->text_length, differs, &match))
            continue;
        assay_data_place *place = &audited->places[audited->place_count++];
        place->file = path;
        *status = fill_place(show, place, row, match.at, error);
    }
    return lacking;
}

static assay_status match_rows(struct search *search, const assay_row *row, assay_error *error)
{
    assay_status status = ASSAY_OK;
    for (; search->next < search->count && !status; search->next++) {
        const struct wanted *wanted = &search->wanted[search->next];
        size_t at = 0;
        if (wanted->place->row > row->row)
            break;
        if (wanted->place->row < row->row)
            continue;
        if (wanted->audited->feature >= 0)
            status =
                find_feature(wanted->audited->feature, row->text, row->text_length, &at, error);
        if (!status)
            status = fill_place(search->show, wanted->place, row, at, error);
    }
    return status;
}

/* A file that cannot be read by now has no examples, which is no failure; no memory is one. */
static assay_status stopped(assay_status status, const assay_error *fault, assay_error *error)
{
    if (status != ASSAY_ERROR_MEMORY)
        return ASSAY_OK;
    if (error)
        *error = *fault;
    return status;
}

static assay_status search_file(struct search *search, int32_t file, assay_error *error)
{
    struct show *show = search->show;
    const char *path = show->files[file].path;
    struct stat state;
    assay_rows *rows = NULL;
    assay_row row;
    assay_error fault = {0};
    if (!strcmp(path, "-") || stat(path, &state) != 0 ||
        (!S_ISREG(state.st_mode) && !S_ISDIR(state.st_mode)))
        return ASSAY_OK;
    assay_status status = assay_rows_open(&rows, path, &show->row_options, &fault);
    if (status)
        return stopped(status, &fault, error);
    bool lacking = true;
    while (!status && (lacking || search->next < search->count)) {
        assay_status read = assay_rows_next(rows, &row, &fault);
        if (read == ASSAY_ERROR_FORMAT || read == ASSAY_ERROR_LIMIT)
            continue;
        if (read)
            status = stopped(read, &fault, error);
        if (read || !row.text)
            break;
        status = match_rows(search, &row, error);
        lacking = !status && match_strings(show, &row, path, &status, error);
    }
    assay_rows_close(rows);
    return status;
}

static int by_row(const void *a, const void *b)
{
    int64_t x = ((const struct wanted *)a)->place->row, y = ((const struct wanted *)b)->place->row;
    return x < y ? -1 : x > y;
}

static void list_wanted(struct search *search, int32_t file)
{
    struct show *show = search->show;
    search->count = search->next = 0;
    for (int32_t i = 0; i < show->summary.leak_count; i++) {
        struct audited *audited = &show->audited[i];
        for (int32_t j = 0; j < audited->place_count && !audited->trait.string; j++) {
            if (audited->places[j].file == show->files[file].path)
                search->wanted[search->count++] = (struct wanted){&audited->places[j], audited};
        }
    }
    if (search->count > 1)
        qsort(search->wanted, search->count, sizeof *search->wanted, by_row);
}

assay_status show_find_examples(struct show *show, assay_error *error)
{
    assay_data_summary *summary = &show->summary;
    size_t most = 2 * ((size_t)show->options.examples + 1) * (size_t)(summary->trait_count + 1);
    struct search search = {.show = show};
    assay_status status = ASSAY_OK;
    assay_data_trait *traits =
        arena_allocate(&show->arena, (size_t)summary->trait_count + 1, sizeof *traits);
    search.wanted = memory_allocate(most, sizeof *search.wanted);
    if (!traits || !search.wanted)
        status = error_memory(error, most * sizeof *search.wanted);
    for (int32_t file = 0; file < summary->file_count && !status; file++) {
        if (!summary->leak_count || !show->options.examples)
            break;
        list_wanted(&search, file);
        status = search_file(&search, file, error);
    }
    memory_free(search.wanted);
    for (int32_t i = 0; i < summary->trait_count && !status; i++) {
        traits[i] = show->audited[i].trait;
        traits[i].examples = show->audited[i].places;
        traits[i].example_count = traits[i].leak ? show->audited[i].place_count : 0;
    }
    summary->traits = traits;
    return status;
}
