/* What assay_data_show counts, and that its audit names planted leaks and nothing else. */
#include "assay/data.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/row_sample.h"
#include "data/string_counts.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/assay-data-show-XXXXXX";
static char paths[3][64];

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    for (int i = 0; i < 3; i++)
        snprintf(paths[i], sizeof paths[i], "%s/%d.jsonl", folder, i);
    return 0;
}

static int end(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void write_text(const char *path, const char *text)
{
    assert_int_equal(file_write(path, text, strlen(text), NULL), ASSAY_OK);
}

static assay_data_summary *show(int32_t count, const assay_data_show_options *options)
{
    const char *const names[] = {paths[0], paths[1], paths[2]};
    assay_data_summary *summary = NULL;
    assay_error error = {0};
    if (assay_data_show(&summary, names, count, options, &error))
        fail_msg("%s: %s", error.file, error.message);
    return summary;
}

static const assay_data_trait *find_trait(const assay_data_summary *summary, const char *name)
{
    for (int32_t i = 0; i < summary->trait_count; i++) {
        if (!strcmp(summary->traits[i].name, name))
            return &summary->traits[i];
    }
    fail_msg("there is no trait %s", name);
    return NULL;
}

/* ---- generated data: both labels from one source, then a leak */

enum leak {
    NONE,
    NEWLINE,
    DOUBLE_SPACE,
    CURLY,
    LENGTH,
    HEADER,
    NO_BREAK_SPACE,
    MOJIBAKE,
    ONE_WORD,
    INVISIBLE,
    MARKDOWN,
    NO_FINAL_MARK,
    LEAKS
};

static const char *const named_by[LEAKS] = {
    [NEWLINE] = "newlines",         [DOUBLE_SPACE] = "double_spaces",
    [CURLY] = "curly_quotes",       [LENGTH] = "words",
    [HEADER] = "first_characters",  [NO_BREAK_SPACE] = "odd_spaces",
    [MOJIBAKE] = "encoding_traces", [ONE_WORD] = "word",
    [INVISIBLE] = "invisible",      [MARKDOWN] = "markdown",
    [NO_FINAL_MARK] = "final_mark",
};

struct source {
    uint64_t key, at;
};

static uint32_t draw(struct source *source, uint32_t below)
{
    return (uint32_t)(random_mix(source->key, source->at++) >> 32) % below;
}

static bool happens(struct source *source, double probability)
{
    return (double)draw(source, 1u << 30) < probability * (double)(1u << 30);
}

static void add_word(struct buffer *text, struct source *source)
{
    static const char *const syllables[] = {"ba", "le", "mi", "no", "tu", "ra", "se",  "ki",
                                            "do", "pa", "ne", "li", "vo", "ga", "tor", "men"};
    uint32_t rank = draw(source, 40) * draw(source, 40); /* some words are frequent */
    assert_true(buffer_append_string(text, syllables[rank % 16]));
    assert_true(buffer_append_string(text, syllables[rank / 16 % 16]));
    if (rank > 255)
        assert_true(buffer_append_string(text, syllables[rank / 256]));
}

static void add_text(struct buffer *text, struct source *source, enum leak leak)
{
    static const char *const between[LEAKS] = {
        [NEWLINE] = "\n",
        [DOUBLE_SPACE] = "  ",
        [CURLY] = " \xe2\x80\x9cyes\xe2\x80\x9d ",
        [NO_BREAK_SPACE] = "\xc2\xa0",
        [MOJIBAKE] = " caf\xc3\x83\xc2\xa9 ",
        [ONE_WORD] = " zyzzyva ",
        [INVISIBLE] = "\xe2\x80\x8b",
        [MARKDOWN] = " **bold** ",
    };
    uint32_t words = 30 + draw(source, 60), place = draw(source, 28);
    if (leak == LENGTH)
        words = words * 2 / 5;
    if (leak == HEADER)
        assert_true(buffer_append_string(text, "Title: "));
    for (uint32_t i = 0; i < words; i++) {
        add_word(text, source);
        bool stop = i % 12 == 11;
        if (i + 1 < words && i == place && between[leak])
            assert_true(buffer_append_string(text, between[leak]));
        else if (i + 1 < words)
            assert_true(buffer_append_string(text, stop ? ". " : " "));
    }
    if (leak != NO_FINAL_MARK)
        assert_true(buffer_append_string(text, "."));
}

struct plan {
    enum leak leak;
    double share, other; /* of ai's and of human's rows */
    int rows;
    uint64_t key;
    bool grouped; /* pairs of ai and human */
};

static void write_rows(const char *path, const struct plan *plan)
{
    struct source source = {plan->key, 0};
    struct buffer lines = {0}, text = {0};
    for (int i = 0; i < plan->rows; i++) {
        bool ai = i % 2 == 1;
        struct json_writer writer = {.out = &lines};
        buffer_clear(&text);
        add_text(&text, &source,
                 happens(&source, ai ? plan->share : plan->other) ? plan->leak : NONE);
        json_begin_object(&writer);
        json_key(&writer, "text");
        json_put_bytes(&writer, text.bytes, text.length);
        json_key(&writer, "label");
        json_put_string(&writer, ai ? "ai" : "human");
        if (plan->grouped) {
            json_key(&writer, "group");
            json_put_integer(&writer, (int64_t)plan->key * 100000 + i / 2);
        }
        json_end_object(&writer);
        assert_false(writer.failed);
        assert_true(buffer_append_byte(&lines, '\n'));
    }
    assert_int_equal(file_write(path, lines.bytes, lines.length, NULL), ASSAY_OK);
    buffer_free(&lines);
    buffer_free(&text);
}

static void names_each_planted_leak(void **state)
{
    (void)state;
    for (int leak = NEWLINE; leak < LEAKS; leak++) {
        for (int grouped = 0; grouped < 2; grouped++) {
            struct plan plan = {(enum leak)leak, 0.85, 0.03, 1200, (uint64_t)leak, grouped != 0};
            write_rows(paths[0], &plan);
            assay_data_summary *summary = show(1, NULL);
            const assay_data_trait *trait = find_trait(summary, named_by[leak]);
            if (!trait->leak)
                fail_msg("%s is not found: AUROC %.3f, at least %.3f", trait->name, trait->auroc,
                         trait->bound);
            assert_string_equal(summary->positive, "ai");
            assert_string_equal(trait->label, "ai");
            assert_true(trait->higher == (leak != LENGTH && leak != NO_FINAL_MARK));
            assert_true(trait->low <= trait->auroc && trait->auroc <= trait->high);
            assert_true(trait->bound <= trait->low && trait->bound > trait->bar);
            assert_true(strlen(trait->fix) > 5);
            assert_int_equal(trait->example_count, 3);
            for (int i = 0; i < 3; i++)
                assert_string_equal(trait->examples[i].label, trait->higher ? "ai" : "human");
            assay_data_summary_free(summary);
        }
    }
}

/* The excerpt shows the place, wherever in the text it is. */
static void examples_show_the_place(void **state)
{
    (void)state;
    static const struct {
        enum leak leak;
        const char *shown;
    } cases[] = {
        {NEWLINE, "\n"},
        {NO_BREAK_SPACE, "\xc2\xa0"},
        {MOJIBAKE, "\xc3\x83\xc2\xa9"},
        {INVISIBLE, "\xe2\x80\x8b"},
        {MARKDOWN, "**"},
        {ONE_WORD, "zyzzyva"},
        {HEADER, "Title: "},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct plan plan = {cases[c].leak, 0.9, 0, 600, 5, false};
        write_rows(paths[0], &plan);
        assay_data_summary *summary = show(1, NULL);
        const assay_data_trait *trait = find_trait(summary, named_by[cases[c].leak]);
        assert_int_equal(trait->example_count, 3);
        for (int i = 0; i < 3; i++) {
            const assay_data_place *place = &trait->examples[i];
            if (!strstr(place->excerpt, cases[c].shown))
                fail_msg("the excerpt of %s: \"%s\"", trait->name, place->excerpt);
            assert_string_equal(place->file, paths[0]);
            assert_int_equal(atoi(place->id), place->row);
        }
        assay_data_summary_free(summary);
    }
    struct plan plan = {ONE_WORD, 0.9, 0, 600, 5, false};
    write_rows(paths[0], &plan);
    assay_data_summary *summary = show(1, NULL);
    assert_string_equal(find_trait(summary, "word")->string, "zyzzyva");
    assay_data_summary_free(summary);
    plan.leak = HEADER;
    write_rows(paths[0], &plan);
    summary = show(1, NULL);
    assert_string_equal(find_trait(summary, "first_word")->string, "Title:");
    assay_data_summary_free(summary);
}

static void accuses_no_clean_data(void **state)
{
    (void)state;
    for (uint64_t key = 0; key < 30; key++) {
        static const int sizes[] = {6, 40, 200, 1000};
        struct plan plan = {NONE, 0, 0, sizes[key % 4], key, key % 3 == 0};
        write_rows(paths[0], &plan);
        plan.key = key + 1000;
        write_rows(paths[1], &plan);
        assay_data_summary *summary = show(2, NULL);
        if (summary->leak_count)
            fail_msg("%d rows: %s is no leak", sizes[key % 4], summary->traits[0].name);
        assert_true(summary->trait_count > 40);
        assay_data_summary_free(summary);
    }
}

/* A leak that one row in twenty carries is below the bar of format (ten in a hundred), one that one
 * in five carries above it. */
static void the_bar_is_where_it_is_said_to_be(void **state)
{
    (void)state;
    struct plan plan = {NEWLINE, 0.05, 0, 2000, 3, false};
    write_rows(paths[0], &plan);
    assay_data_summary *summary = show(1, NULL);
    assert_int_equal(summary->leak_count, 0);
    assert_true(summary->bars[ASSAY_DATA_TRAIT_FORMAT] == 0.55);
    assay_data_summary_free(summary);
    plan.share = 0.2;
    write_rows(paths[0], &plan);
    summary = show(1, NULL);
    assert_true(find_trait(summary, "newlines")->leak);
    assay_data_summary_free(summary);
}

static void leaks_across_files(void **state)
{
    (void)state;
    struct plan plan = {NONE, 0, 0, 200, 1, true};
    write_rows(paths[0], &plan);
    plan.key = 2;
    write_rows(paths[1], &plan);
    struct buffer lines = {0};
    assert_int_equal(file_read(&lines, paths[1], 1 << 24, NULL), ASSAY_OK);
    assert_true(buffer_append_string(
        &lines, "{\"text\": \"Ba, le: MI no\", \"label\": \"ai\", \"group\": \"x\"}\n"));
    assert_int_equal(file_write(paths[1], lines.bytes, lines.length, NULL), ASSAY_OK);
    buffer_clear(&lines);
    assert_int_equal(file_read(&lines, paths[0], 1 << 24, NULL), ASSAY_OK);
    assert_true(buffer_append_string(
        &lines, "{\"text\": \"ba le mi no.\", \"label\": \"human\", \"group\": 200003}\n"));
    assert_int_equal(file_write(paths[0], lines.bytes, lines.length, NULL), ASSAY_OK);
    buffer_free(&lines);
    assay_data_summary *summary = show(2, NULL);
    const assay_data_trait *rows = find_trait(summary, "rows_across_files");
    const assay_data_trait *groups = find_trait(summary, "groups_across_files");
    assert_true(rows->leak && groups->leak);
    assert_int_equal(summary->leak_count, 2);
    assert_true(rows->of_label == 1 && rows->example_count == 2);
    assert_int_equal(rows->examples[0].row, 201);
    assert_string_equal(rows->examples[0].file, paths[0]);
    assert_string_equal(rows->examples[0].excerpt, "ba le mi no.");
    assert_string_equal(rows->examples[1].excerpt, "Ba, le: MI no");
    assert_int_equal(summary->alike.disagreeing, 1);
    assert_int_equal(summary->texts.rows, 0);
    assert_int_equal(summary->groups.across, 1);
    assert_int_equal(summary->groups.rows_across, 2);
    assert_string_equal(summary->group_field, "group");
    assay_data_summary_free(summary);
}

/* ---- counts, by hand */

static void counts(void **state)
{
    (void)state;
    write_text(paths[0], "{\"id\": \"a\", \"text\": \"one two\", \"label\": \"x\", \"by\": \"p\"}\n"
                         "{\"id\": \"b\", \"text\": \"one two\", \"label\": \"y\", \"by\": \"p\"}\n"
                         "not json\n"
                         "{\"id\": \"a\", \"text\": \"  \", \"label\": \"x\", \"by\": \"q\"}\n"
                         "{\"id\": \"c\", \"body\": \"\"}\n"
                         "{\"id\": \"d\", \"text\": \"\xd0\xb4\xd0\xb0\"}\n");
    write_text(paths[1], "{\"text\": \"One, two!\", \"label\": \"x\"}\n"
                         "{\"text\": \"one two\", \"label\": \"x\", \"by\": \"p\"}\n");
    assay_data_show_options options = ASSAY_DATA_SHOW_OPTIONS_INIT;
    options.group_field = "by";
    assay_data_summary *s = show(2, &options);
    assert_int_equal(s->rows, 6);
    assert_int_equal(s->broken, 2);
    assert_int_equal(s->empty, 1);
    assert_int_equal(s->unlabelled, 1);
    assert_int_equal(s->file_count, 2);
    assert_int_equal(s->files[0].rows, 4);
    assert_int_equal(s->files[1].rows, 2);
    assert_int_equal(s->files[0].broken, 2);
    assert_int_equal(s->broken_row_count, 2);
    assert_int_equal(s->broken_rows[0].line, 3);
    assert_string_equal(s->broken_rows[0].file, paths[0]);
    assert_non_null(strstr(s->broken_rows[1].reason, "text"));
    assert_int_equal(s->label_count, 2);
    assert_string_equal(s->labels[0].name, "x");
    assert_int_equal(s->labels[0].rows, 4);
    assert_int_equal(s->labels[0].groups, 3); /* p, q, and a row alone */
    assert_int_equal(s->labels[1].groups, 1);
    assert_true(s->labels[0].characters.least == 2 && s->labels[0].characters.most == 9);
    assert_true(s->labels[0].characters.median == 7 && s->labels[0].characters.mean == 25 / 4.0);
    assert_true(s->words.least == 0 && s->words.most == 2 && s->words.mean == 9 / 6.0);
    assert_int_equal(s->texts.different, 3);
    assert_int_equal(s->texts.repeated, 1);
    assert_int_equal(s->texts.rows, 2);
    assert_int_equal(s->texts.rows_across, 1);
    assert_int_equal(s->texts.across, 1);
    assert_int_equal(s->texts.disagreeing, 1);
    assert_int_equal(s->alike.different, 2);
    assert_int_equal(s->alike.rows, 3);
    assert_int_equal(s->alike.rows_across, 2);
    assert_int_equal(s->ids.different, 3); /* a twice, b, d; the second file has none */
    assert_int_equal(s->ids.rows, 1);
    assert_int_equal(s->groups.different, 2);
    assert_int_equal(s->groups.across, 1);
    assert_int_equal(s->script_count, 2);
    assert_string_equal(s->scripts[0].name, "Latin");
    assert_int_equal(s->scripts[0].rows, 4);
    assert_int_equal(s->scripts[0].letters, 24);
    assert_string_equal(s->scripts[1].name, "Cyrillic");
    assert_int_equal(s->scripts[1].rows, 1);
    assert_string_equal(s->positive, "y"); /* neither is a usual name: the second */
    assay_data_summary_free(s);
}

/* The order of the rows changes nothing but which examples come first. */
static void order_changes_nothing(void **state)
{
    (void)state;
    struct plan plan = {NEWLINE, 0.5, 0.1, 400, 9, false};
    write_rows(paths[0], &plan);
    assay_data_summary *first = show(1, NULL);
    struct buffer lines = {0}, turned = {0};
    assert_int_equal(file_read(&lines, paths[0], 1 << 24, NULL), ASSAY_OK);
    for (size_t stop = lines.length; stop > 0;) {
        size_t start = stop - 1;
        while (start > 0 && lines.bytes[start - 1] != '\n')
            start--;
        assert_true(buffer_append(&turned, lines.bytes + start, stop - start));
        stop = start;
    }
    assert_int_equal(file_write(paths[0], turned.bytes, turned.length, NULL), ASSAY_OK);
    assay_data_summary *second = show(1, NULL);
    assert_int_equal(first->trait_count, second->trait_count);
    for (int32_t i = 0; i < first->trait_count; i++) {
        const assay_data_trait *a = &first->traits[i];
        const assay_data_trait *b = find_trait(second, a->name);
        if (a->string)
            continue;
        assert_true(fabs(a->auroc - b->auroc) < 1e-12 && fabs(a->low - b->low) < 1e-12);
    }
    assay_data_summary_free(first);
    assay_data_summary_free(second);
    buffer_free(&lines);
    buffer_free(&turned);
}

static void many_labels(void **state)
{
    (void)state;
    struct buffer lines = {0};
    for (int i = 0; i < 900; i++) /* one word and the length tell label 0, and are its subject */
        assert_true(buffer_format(&lines, "{\"text\": \"%sthe %d of it\", \"label\": %d}\n",
                                  i % 3 ? "" : "weather today in the town of ", i * 7919 % 1000,
                                  i % 3));
    assert_int_equal(file_write(paths[0], lines.bytes, lines.length, NULL), ASSAY_OK);
    assay_data_summary *summary = show(1, NULL);
    assert_int_equal(summary->label_count, 3);
    assert_null(summary->positive);
    assert_int_equal(summary->leak_count, 0);
    assert_true(isnan(find_trait(summary, "word")->bar));
    assert_true(find_trait(summary, "word")->auroc == 1.0);
    assert_string_equal(find_trait(summary, "words")->label, "0");
    assay_data_summary_free(summary);
    buffer_clear(&lines);
    for (int i = 0; i < 900; i++) /* a newline is no subject */
        assert_true(buffer_format(&lines, "{\"text\": \"the %d%sof it\", \"label\": %d}\n",
                                  i * 7919 % 1000, i % 3 == 1 ? "\\n" : " ", i % 3));
    assert_int_equal(file_write(paths[0], lines.bytes, lines.length, NULL), ASSAY_OK);
    summary = show(1, NULL);
    assert_true(find_trait(summary, "newlines")->leak);
    assert_string_equal(find_trait(summary, "newlines")->label, "1");
    assay_data_summary_free(summary);
    buffer_clear(&lines);
    for (int i = 0; i <= ASSAY_DATA_MAX_LABELS; i++)
        assert_true(buffer_format(&lines, "{\"text\": \"t %d\", \"label\": %d.5}\n", i, i));
    assert_int_equal(file_write(paths[0], lines.bytes, lines.length, NULL), ASSAY_OK);
    summary = show(1, NULL);
    assert_true(summary->labels_cut && summary->label_count == 0);
    assert_non_null(summary->audit_left_out);
    assert_int_equal(summary->rows, ASSAY_DATA_MAX_LABELS + 1);
    assay_data_summary_free(summary);
    buffer_free(&lines);
}

/* A sample finds what all rows show. */
static void a_sample_is_enough(void **state)
{
    (void)state;
    struct plan plan = {NEWLINE, 0.85, 0.03, 4000, 11, true};
    write_rows(paths[0], &plan);
    assay_data_show_options options = ASSAY_DATA_SHOW_OPTIONS_INIT;
    options.audit_rows = 300;
    assay_data_summary *all = show(1, NULL), *some = show(1, &options);
    assert_int_equal(some->rows, 4000);
    assert_int_equal(some->sampled, 300);
    assert_true(find_trait(some, "newlines")->leak);
    assert_true(some->characters.most == all->characters.most);
    assert_true(fabs(some->characters.median - all->characters.median) < 40);
    double low = find_trait(some, "newlines")->low, high = find_trait(some, "newlines")->high;
    assert_true(high - low >
                3 * (find_trait(all, "newlines")->high - find_trait(all, "newlines")->low));
    assay_data_summary_free(all);
    assay_data_summary_free(some);
    /* Every row has the same chance: the mean of a thousand sampled numbers of ten thousand. */
    struct row_sample sample = {.most = 1000, .seed = 5};
    for (int i = 0; i < 10000; i++) {
        struct sampled_row *place;
        assert_true(row_sample_offer(&sample, &place));
        if (place)
            place->row = i;
    }
    double sum = 0;
    for (int i = 0; i < 1000; i++)
        sum += (double)sample.rows[i].row;
    assert_true(fabs(sum / 1000 - 4999.5) < 4 * 2887 / sqrt(1000));
    row_sample_free(&sample);
}

/* A full table forgets what is rare, and says by how much a count may be short. */
static void strings_in_bounded_memory(void **state)
{
    (void)state;
    struct string_counts counts = {.most = 2000};
    char text[128];
    for (int i = 1; i <= 5000; i++) {
        snprintf(text, sizeof text, "%s word%d x%d y%d", i % 2 ? "often" : "seldom", i, i, i);
        assert_true(string_counts_add(&counts, text, strlen(text), 0, i));
        assert_true(counts.count < 2000 + 32);
    }
    assert_true(counts.short_by > 0 && counts.short_by < 100);
    string_counts_sort(&counts);
    int found = 0;
    for (size_t i = 0; i < counts.count; i++) {
        const struct string_count *entry = &counts.entries[i];
        if (entry->kind != TEXT_STRING_WORD || entry->length != 5 ||
            memcmp(string_counts_text(&counts, entry), "often", 5) != 0)
            continue;
        found++;
        assert_true(entry->count <= 2500 && entry->count + counts.short_by >= 2500);
    }
    assert_int_equal(found, 1);
    string_counts_free(&counts);
    struct string_counts few = {0};
    assert_true(string_counts_add(&few, "it's It'S 'quoted' it", 21, 2, 1));
    string_counts_sort(&few);
    int words = 0;
    for (size_t i = 0; i < few.count; i++)
        words += few.entries[i].kind == TEXT_STRING_WORD && few.entries[i].count == 1;
    assert_int_equal(words, 3); /* it's, quoted, it */
    string_counts_free(&few);
}

static void refusals(void **state)
{
    (void)state;
    assay_data_summary *summary;
    assay_error error = {0};
    const char *const missing[] = {"/nonexistent.jsonl"}, *const there[] = {paths[0]};
    assert_int_equal(assay_data_show(&summary, missing, 1, NULL, &error), ASSAY_ERROR_NOT_FOUND);
    assert_null(summary);
    assert_int_equal(assay_data_show(&summary, there, 0, NULL, &error), ASSAY_ERROR_ARGUMENT);
    assay_data_show_options options = ASSAY_DATA_SHOW_OPTIONS_INIT;
    write_text(paths[0], "{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": \"b\", \"label\": 2}\n");
    options.positive = "z";
    assert_int_equal(assay_data_show(&summary, there, 1, &options, &error), ASSAY_ERROR_ARGUMENT);
    assert_string_equal(error.found, "z");
    options.positive = NULL;
    options.group_field = "author";
    assert_int_equal(assay_data_show(&summary, there, 1, &options, &error), ASSAY_ERROR_FORMAT);
    assert_string_equal(error.place, "author");
    options.struct_size = 3;
    assert_int_equal(assay_data_show(&summary, there, 1, &options, &error), ASSAY_ERROR_ARGUMENT);
    /* Nothing to see is no fault. */
    write_text(paths[0], "");
    summary = show(1, NULL);
    assert_true(summary->rows == 0 && summary->audit_left_out && isnan(summary->words.mean));
    assay_data_summary_free(summary);
    write_text(paths[0], "{\"text\": \"\"}\n{\"text\": \"\", \"label\": \"x\"}\n");
    summary = show(1, NULL);
    assert_int_equal(summary->empty, 2);
    assay_data_summary_free(summary);
}

/* Each allocation failing in turn: an error, and nothing lost (the sanitizer looks). */
static void no_memory(void **state)
{
    (void)state;
    struct plan plan = {NEWLINE, 0.9, 0, 40, 1, true};
    write_rows(paths[0], &plan);
    write_rows(paths[1], &plan);
    const char *const names[] = {paths[0], paths[1]};
    uint64_t before = memory_allocation_count();
    assay_data_summary_free(show(2, NULL));
    uint64_t all = memory_allocation_count() - before;
    uint64_t step = all > 1500 ? all / 1500 : 1;
    for (uint64_t nth = 1; nth <= all; nth += nth < 200 || nth + 200 > all ? 1 : step) {
        assay_data_summary *summary = NULL;
        assay_error error = {0};
        memory_fail_at(nth);
        assay_status status = assay_data_show(&summary, names, 2, NULL, &error);
        memory_fail_at(0);
        /* The second reading opens its files as best it can. */
        if (status == ASSAY_OK)
            assay_data_summary_free(summary);
        else
            assert_true(status == ASSAY_ERROR_MEMORY && !summary);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_each_planted_leak),
        cmocka_unit_test(examples_show_the_place),
        cmocka_unit_test(accuses_no_clean_data),
        cmocka_unit_test(the_bar_is_where_it_is_said_to_be),
        cmocka_unit_test(leaks_across_files),
        cmocka_unit_test(counts),
        cmocka_unit_test(order_changes_nothing),
        cmocka_unit_test(many_labels),
        cmocka_unit_test(a_sample_is_enough),
        cmocka_unit_test(strings_in_bounded_memory),
        cmocka_unit_test(refusals),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
