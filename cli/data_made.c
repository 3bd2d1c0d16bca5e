#include "data_made.h"

#include "output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* On a terminal a line may be written over this often; elsewhere a line so many seconds. */
static const double terminal_pause = 0.2, plain_pause = 10.0;

static void tell(void *context, const char *what, int64_t rows, uint64_t done, uint64_t total)
{
    struct data_progress *progress = context;
    char a[32], b[32];
    if (progress->call->quiet ||
        call_seconds() - progress->said < (progress->terminal ? terminal_pause : plain_pause))
        return;
    progress->said = call_seconds();
    if (progress->open_line)
        fputs("\r\033[K", stderr);
    fprintf(stderr, "%s: ", what);
    if (rows)
        fprintf(stderr, "%lld rows, ", (long long)rows);
    fputs(bytes_text(a, (double)done), stderr);
    if (total)
        fprintf(stderr, " of %s", bytes_text(b, (double)total));
    progress->open_line = progress->terminal;
    if (!progress->terminal)
        fputc('\n', stderr);
    fflush(stderr);
}

bool data_files(struct call *call, assay_data_files *files, assay_rows_options *rows,
                struct data_progress *progress, int *code)
{
    if (!text_options(call, rows, code))
        return false;
    *progress = (struct data_progress){
        .call = call, .terminal = isatty(STDERR_FILENO) != 0, .said = call_seconds()};
    files->input = call->arguments[0];
    files->output = call_text(call, "output", NULL);
    files->rows = rows;
    files->license = call_text(call, "license", NULL);
    files->source = call_text(call, "source", NULL);
    files->threads = call->threads;
    files->progress = tell;
    files->context = progress;
    return true;
}

const char **data_values(const struct call *call, const char *flag, size_t *count)
{
    const char **values = calloc((size_t)call->given_count + 1, sizeof *values);
    *count = 0;
    for (int i = 0; values && i < call->given_count; i++) {
        if (!strcmp(call->given[i].flag->name, flag))
            values[(*count)++] = call->given[i].value;
    }
    return values;
}

static void print_counts(const assay_data_report *report)
{
    const char *group = NULL;
    const assay_data_count *count;
    for (int64_t i = 0; (count = assay_data_report_count(report, i)); i++) {
        bool first = !group || strcmp(group, count->group) != 0;
        group = count->group;
        print_plain(stdout, first ? group : "");
        printf("%*s  ", first ? (int)(strlen(group) < 16 ? 16 - strlen(group) : 0) : 16, "");
        printf("%12lld  ", (long long)count->value);
        print_plain(stdout, count->name);
        putchar('\n');
    }
}

/* A key of a recipe: in quotes where YAML would read something else into it. */
static void print_key(const char *label)
{
    bool plain = *label != '\0';
    for (const char *c = label; *c && plain; c++)
        plain = (unsigned char)*c >= 0x80 || (*c >= '0' && *c <= '9') || *c == '_' ||
                ((*c | 32) >= 'a' && (*c | 32) <= 'z');
    if (plain) {
        fputs(label, stdout);
        return;
    }
    struct json_out out = {.file = stdout};
    out_text(&out, label);
}

static void print_weights(const assay_data_report *report)
{
    double weight;
    const char *label;
    for (int64_t i = 0; (label = assay_data_report_weight(report, i, &weight)); i++) {
        fputs(i ? ", " : "class_weights: {", stdout);
        print_key(label);
        printf(": %.9g", weight);
    }
    if (assay_data_report_weight(report, 0, &weight))
        fputs("}\n", stdout);
}

static void print_json(const assay_data_report *report)
{
    struct json_out out = {.file = stdout};
    const char *group = NULL, *text;
    const assay_data_count *count;
    double number;
    out_begin(&out, '{');
    for (int64_t i = 0; (count = assay_data_report_count(report, i)); i++) {
        if (!group || strcmp(group, count->group) != 0) {
            if (group)
                out_end(&out, '}');
            group = count->group;
            out_key(&out, group);
            out_begin(&out, '{');
        }
        out_key(&out, count->name);
        out_integer(&out, count->value);
    }
    if (group)
        out_end(&out, '}');
    if (assay_data_report_weight(report, 0, &number)) {
        out_key(&out, "class_weights");
        out_begin(&out, '{');
        for (int64_t i = 0; (text = assay_data_report_weight(report, i, &number)); i++) {
            out_key(&out, text);
            out_double(&out, number);
        }
        out_end(&out, '}');
    }
    out_key(&out, "notes");
    out_begin(&out, '[');
    for (int64_t i = 0; (text = assay_data_report_note(report, i)); i++)
        out_text(&out, text);
    out_end(&out, ']');
    out_key(&out, "files");
    out_begin(&out, '[');
    for (int64_t i = 0; (text = assay_data_report_file(report, i)); i++)
        out_text(&out, text);
    out_end(&out, ']');
    out_key(&out, "seconds");
    out_begin(&out, '{');
    for (int64_t i = 0; (text = assay_data_report_phase(report, i, &number)); i++) {
        out_key(&out, text);
        out_double(&out, number);
    }
    out_end(&out, '}');
    out_end(&out, '}');
    out_line(&out);
}

int data_finish(struct call *call, struct data_progress *progress, assay_status status,
                assay_data_report *report, const assay_error *error)
{
    const char *text;
    double seconds;
    if (progress->open_line)
        fputs("\r\033[K", stderr);
    if (status != ASSAY_OK)
        return call_failed(call, error);
    for (int64_t i = 0; (text = assay_data_report_note(report, i)); i++)
        call_note(call, "%s", text);
    if (call->json) {
        print_json(report);
    } else {
        print_counts(report);
        print_weights(report);
        for (int64_t i = 0; (text = assay_data_report_file(report, i)); i++) {
            fputs(i ? "                " : "files           ", stdout);
            printf("%*s", i ? 2 : 2, "");
            print_plain(stdout, text);
            putchar('\n');
        }
    }
    for (int64_t i = 0; call->verbose && (text = assay_data_report_phase(report, i, &seconds)); i++)
        call_note(call, "%s: %.2f s", text, seconds);
    assay_data_report_close(report);
    return CALL_DONE;
}
