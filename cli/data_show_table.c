#include "data_show.h"
#include "output.h"

#include <math.h>
#include <string.h>

enum { LABELS_SHOWN = 20, TRAITS_SHOWN = 10, SCRIPTS_SHOWN = 6 };

const char *data_trait_kind_name(assay_data_trait_kind kind)
{
    static const char *const names[ASSAY_DATA_TRAIT_KINDS] = {
        [ASSAY_DATA_TRAIT_FORMAT] = "format", [ASSAY_DATA_TRAIT_OPENING] = "opening",
        [ASSAY_DATA_TRAIT_STYLE] = "style",   [ASSAY_DATA_TRAIT_WORD] = "word",
        [ASSAY_DATA_TRAIT_FILES] = "files",
    };
    return names[kind];
}

/* A text with what cannot be seen made visible: control characters and odd code points as escapes.
 */
static void print_visible(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        unsigned code = *c;
        int length = 1;
        if (code >= 0xc2 && code < 0xe0 && c[1]) {
            code = (code & 0x1f) << 6 | (c[1] & 0x3f);
            length = 2;
        } else if (code >= 0xe0 && code < 0xf0 && c[1] && c[2]) {
            code = (code & 0xf) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3f);
            length = 3;
        }
        bool odd = (code >= 0x7f && code <= 0xa0) || code == 0xad ||
                   (code >= 0x2000 && code <= 0x200f) || (code >= 0x2028 && code <= 0x202f) ||
                   (code >= 0x205f && code <= 0x206f) || code == 0x3000 || code == 0xfeff;
        if (code == '\n')
            fputs("\\n", stdout);
        else if (code == '\t')
            fputs("\\t", stdout);
        else if (code == '\r')
            fputs("\\r", stdout);
        else if (length > 1 && odd)
            printf("\\u%04x", code);
        else if (code < ' ' || code == 127)
            printf("\\x%02x", code);
        else
            fwrite(c, 1, (size_t)length, stdout);
        c += length - 1;
    }
    putchar('"');
}

static void print_name(const char *name, int width)
{
    print_plain(stdout, name);
    for (int i = (int)strlen(name); i < width; i++)
        putchar(' ');
}

static void print_files(const assay_data_summary *summary)
{
    char bytes[32];
    printf("%10s %8s %8s %11s %9s  file\n", "rows", "broken", "empty", "unlabelled", "size");
    for (int32_t i = 0; i < summary->file_count; i++) {
        const assay_data_file *file = &summary->files[i];
        printf("%10lld %8lld %8lld %11lld %9s  ", (long long)file->rows, (long long)file->broken,
               (long long)file->empty, (long long)file->unlabelled,
               bytes_text(bytes, (double)file->bytes));
        print_plain(stdout, file->path);
        putchar('\n');
    }
    if (summary->file_count > 1)
        printf("%10lld %8lld %8lld %11lld %9s  together\n", (long long)summary->rows,
               (long long)summary->broken, (long long)summary->empty,
               (long long)summary->unlabelled, bytes_text(bytes, (double)summary->bytes));
}

static void print_lengths(const char *name, const assay_data_lengths *lengths)
{
    printf("  %-12s %9.0f %9.0f %9.0f %9.0f %9.0f %9.0f %9.0f %11.1f\n", name, lengths->least,
           lengths->q05, lengths->q25, lengths->median, lengths->q75, lengths->q95, lengths->most,
           lengths->mean);
}

static void print_labels(const assay_data_summary *summary, bool all)
{
    int32_t shown =
        all || summary->label_count <= LABELS_SHOWN ? summary->label_count : LABELS_SHOWN;
    if (summary->labels_cut)
        printf("\nLabels: more than %d, not counted\n", ASSAY_DATA_MAX_LABELS);
    if (!summary->label_count)
        return;
    printf("\n%10s %8s", "rows", "share");
    if (summary->group_field)
        printf(" %8s", "groups");
    printf(" %26s %26s  label\n", "characters, 5 %, median, 95 %", "words, 5 %, median, 95 %");
    for (int32_t i = 0; i < shown; i++) {
        const assay_data_label *label = &summary->labels[i];
        double labelled = (double)(summary->rows - summary->unlabelled);
        printf("%10lld %6.1f %%", (long long)label->rows, 100.0 * (double)label->rows / labelled);
        if (summary->group_field)
            printf(" %8lld", (long long)label->groups);
        printf(" %11.0f %8.0f %8.0f %10.0f %7.0f %7.0f  ", label->characters.q05,
               label->characters.median, label->characters.q95, label->words.q05,
               label->words.median, label->words.q95);
        print_plain(stdout, label->name);
        putchar('\n');
    }
    if (shown < summary->label_count)
        printf("%10s and %d more labels (-v shows all)\n", "", summary->label_count - shown);
}

static void print_scripts(const assay_data_summary *summary)
{
    printf("\nScripts     ");
    for (int32_t i = 0; i < summary->script_count && i < SCRIPTS_SHOWN; i++)
        printf("%s %s, %lld rows, %lld letters", i ? ";" : "", summary->scripts[i].name,
               (long long)summary->scripts[i].rows, (long long)summary->scripts[i].letters);
    if (summary->script_count > SCRIPTS_SHOWN)
        printf("; and %d more", summary->script_count - SCRIPTS_SHOWN);
    puts(summary->script_count ? "" : " none");
}

static void print_repeats(const assay_data_summary *summary)
{
    const assay_data_repeats *texts = &summary->texts, *alike = &summary->alike;
    const assay_data_repeats *ids = &summary->ids;
    bool several = summary->file_count > 1;
    printf("Duplicates   %lld rows repeat an earlier one", (long long)texts->rows);
    if (several)
        printf(", %lld one of an earlier file", (long long)texts->rows_across);
    printf("; %lld texts have two labels\n", (long long)texts->disagreeing);
    printf("Alike        %lld rows, case, spaces and marks aside", (long long)alike->rows);
    if (several)
        printf(", %lld one of an earlier file", (long long)alike->rows_across);
    printf("; %lld texts have two labels\n", (long long)alike->disagreeing);
    if (ids->different)
        printf("Ids          %lld different, %lld rows repeat one\n", (long long)ids->different,
               (long long)ids->rows);
    if (!summary->group_field)
        return;
    printf("Groups       %lld by the field ", (long long)summary->groups.different);
    print_plain(stdout, summary->group_field);
    printf(", %lld with two labels", (long long)summary->groups.disagreeing);
    if (several)
        printf(", %lld in more than one file", (long long)summary->groups.across);
    putchar('\n');
}

static void print_broken(const assay_data_summary *summary)
{
    if (!summary->broken)
        return;
    printf("\nBroken rows, left out of all figures\n");
    for (int32_t i = 0; i < summary->broken_row_count; i++) {
        printf("  ");
        print_plain(stdout, summary->broken_rows[i].file);
        printf(":%lld: ", (long long)summary->broken_rows[i].line);
        print_plain(stdout, summary->broken_rows[i].reason);
        putchar('\n');
    }
    if (summary->broken > summary->broken_row_count)
        printf("  and %lld more\n", (long long)(summary->broken - summary->broken_row_count));
}

static void print_examples(const assay_data_trait *trait)
{
    for (int32_t i = 0; i < trait->example_count; i++) {
        const assay_data_place *place = &trait->examples[i];
        printf("      ");
        print_plain(stdout, place->file);
        printf(", row %lld", (long long)place->row);
        if (place->id) {
            printf(", ");
            print_plain(stdout, place->id);
        }
        if (place->label) {
            printf(", ");
            print_plain(stdout, place->label);
        }
        if (place->excerpt) {
            printf(": ");
            print_visible(place->excerpt);
        }
        putchar('\n');
    }
}

/* "ai has it in 81.2 % of rows, the others in 0.3 %" */
static void print_shares(const assay_data_trait *trait)
{
    print_plain(stdout, trait->label);
    if (trait->string)
        printf(" has it in %.1f %% of rows, the rest in %.1f %%", 100.0 * trait->of_label,
               100.0 * trait->of_others);
    else
        printf(" has %s: %.4g on average, the rest %.4g", trait->higher ? "more" : "less",
               trait->of_label, trait->of_others);
}

static void print_leak(const assay_data_trait *trait)
{
    printf("\n  ");
    printf("%s", trait->name);
    if (trait->string) {
        putchar(' ');
        print_visible(trait->string);
    }
    if (trait->kind == ASSAY_DATA_TRAIT_FILES)
        printf(": %.0f rows, %.3g %%\n", trait->of_label, 100.0 * trait->of_others);
    else
        printf(" (%s): AUROC %.3f, %.3f to %.3f; at least %.3f, above the bar of %.2f\n",
               data_trait_kind_name(trait->kind), trait->auroc, trait->low, trait->high,
               trait->bound, trait->bar);
    printf("      %s", trait->description);
    if (trait->kind != ASSAY_DATA_TRAIT_FILES) {
        printf("; ");
        print_shares(trait);
    }
    printf("\n      fix: %s\n", trait->fix);
    print_examples(trait);
}

static void print_other(const assay_data_trait *trait)
{
    printf("  %-20s %-8s %7.3f  %.3f to %.3f %9.3f ", trait->name,
           data_trait_kind_name(trait->kind), trait->auroc, trait->low, trait->high, trait->bound);
    if (isnan(trait->bar))
        printf("%6s  ", "-");
    else
        printf("%6.2f  ", trait->bar);
    if (trait->string) {
        print_visible(trait->string);
        putchar(' ');
    }
    print_shares(trait);
    putchar('\n');
}

static void print_audit(const assay_data_summary *summary, bool all)
{
    printf("\nLeak audit: ");
    if (summary->audit_left_out) {
        printf("only across files; %s\n", summary->audit_left_out);
    } else {
        printf("%lld rows, %lld traits tried", (long long)summary->sampled,
               (long long)summary->candidates);
        if (summary->positive) {
            printf(", ");
            print_name(summary->positive, 0);
            printf(" against the rest");
        }
        printf(
            "\n  A trait is a leak when its AUROC, at the lower end of an interval that holds for"
            " all of them\n  at once with 95 %%, is above %.2f (format), %.2f (opening), %.2f"
            " (style, words).\n",
            summary->bars[ASSAY_DATA_TRAIT_FORMAT], summary->bars[ASSAY_DATA_TRAIT_OPENING],
            summary->bars[ASSAY_DATA_TRAIT_STYLE]);
    }
    if (!summary->positive && !summary->audit_left_out)
        printf("  With more than two labels only format is judged: subjects differ in the rest.\n");
    if (summary->short_by)
        printf("  Counts of strings may be too small by up to %lld rows.\n",
               (long long)summary->short_by);
    if (summary->leak_count)
        printf("\n%d leak%s\n", summary->leak_count, summary->leak_count == 1 ? "" : "s");
    else
        printf("\nNo leak found\n");
    for (int32_t i = 0; i < summary->leak_count; i++)
        print_leak(&summary->traits[i]);
    if (summary->audit_left_out || summary->leak_count == summary->trait_count)
        return;
    printf("\n%s\n  %-20s %-8s %7s  %-14s %9s %6s\n",
           all ? "The other traits" : "Next (-v shows all)", "trait", "kind", "AUROC", "95 %",
           "at least", "bar");
    for (int32_t i = summary->leak_count, shown = 0; i < summary->trait_count; i++) {
        if (summary->traits[i].kind == ASSAY_DATA_TRAIT_FILES || (!all && shown == TRAITS_SHOWN))
            continue;
        print_other(&summary->traits[i]);
        shown++;
    }
}

void data_show_table(const assay_data_summary *summary, bool all)
{
    print_files(summary);
    print_labels(summary, all);
    if (summary->rows) {
        printf("\nLength of   %9s %9s %9s %9s %9s %9s %9s %11s\n", "least", "5 %", "25 %", "median",
               "75 %", "95 %", "most", "mean");
        print_lengths("characters", &summary->characters);
        print_lengths("words", &summary->words);
        print_scripts(summary);
        print_repeats(summary);
    }
    print_broken(summary);
    if (summary->rows)
        print_audit(summary, all);
}
