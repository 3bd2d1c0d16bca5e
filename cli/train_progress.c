#include "train_progress.h"

#include "output.h"

#include <math.h>

/* On a terminal a line may come this often; elsewhere every so many parts of the run, or seconds.
 */
static const double terminal_pause = 0.1, plain_pause = 30.0, reading_pause = 2.0;
enum { PLAIN_PARTS = 20 };

const char *seconds_text(char text[32], double seconds)
{
    long whole = seconds > 0.0 ? lround(seconds) : 0;
    if (whole >= 3600)
        snprintf(text, 32, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
    else if (whole >= 60)
        snprintf(text, 32, "%ld min %02ld s", whole / 60, whole % 60);
    else
        snprintf(text, 32, "%ld s", whole);
    return text;
}

void train_progress_begin(struct train_progress *progress, const struct call *call)
{
    *progress = (struct train_progress){.call = call};
    progress_line_start(&progress->line);
}

static bool is_time(const struct train_progress *p, double plain)
{
    return progress_line_due(&p->line, terminal_pause, plain);
}

static void tell_reading(struct train_progress *p, const assay_training_event *event)
{
    char done[32];
    if (!is_time(p, reading_pause))
        return;
    progress_line_begin(&p->line, true);
    fputs("reading ", stderr);
    print_plain(stderr, event->text);
    fprintf(stderr, ": %lld rows, %s", (long long)event->rows,
            bytes_text(done, (double)event->done));
    if (event->total)
        fprintf(stderr, " of %s", bytes_text(done, (double)event->total));
    progress_line_end(&p->line);
}

static void tell_step(struct train_progress *p, const assay_training_event *event)
{
    bool every = p->call->verbose;
    bool part = event->step - p->said_step >= (event->steps + PLAIN_PARTS - 1) / PLAIN_PARTS;
    bool last = event->step == event->steps;
    if (!every && !last && !is_time(p, plain_pause) && (p->line.terminal || !part))
        return;
    p->said_step = event->step;
    char left[32], memory[32];
    progress_line_begin(&p->line, !every);
    fprintf(stderr,
            "step %lld/%lld  epoch %.2f  loss %.4f  lr %.2e  norm %.2f  %.0f tokens/s  %s left  %s",
            (long long)event->step, (long long)event->steps, event->epoch, event->loss, event->lr,
            event->grad_norm, event->tokens_per_s, seconds_text(left, event->seconds_left),
            bytes_text(memory, (double)event->memory));
    progress_line_end(&p->line);
}

static void tell_evaluated(struct train_progress *p, const assay_training_event *event)
{
    progress_line_begin(&p->line, false);
    fprintf(stderr, "valid at step %lld:", (long long)event->step);
    for (size_t i = 0; i < event->metric_count; i++) {
        const assay_training_metric *metric = &event->metrics[i];
        if (isfinite(metric->value))
            fprintf(stderr, "  %s %.4f", metric->name, metric->value);
        else
            fprintf(stderr, "  %s -", metric->name);
    }
    fputs(event->best ? "  (best so far)" : "", stderr);
    progress_line_end(&p->line);
}

void train_progress_tell(void *context, const assay_training_event *event)
{
    struct train_progress *p = context;
    if (p->call->quiet)
        return;
    switch (event->kind) {
    case ASSAY_TRAINING_NOTE:
        progress_line_begin(&p->line, false);
        fputs("note: ", stderr);
        print_plain(stderr, event->text);
        progress_line_end(&p->line);
        break;
    case ASSAY_TRAINING_READING:
        tell_reading(p, event);
        break;
    case ASSAY_TRAINING_STEP:
        tell_step(p, event);
        break;
    case ASSAY_TRAINING_EVALUATING:
        if (!is_time(p, plain_pause))
            break;
        progress_line_begin(&p->line, true);
        fprintf(stderr, "evaluating: %lld of %lld rows", (long long)event->done,
                (long long)event->total);
        progress_line_end(&p->line);
        break;
    case ASSAY_TRAINING_EVALUATED:
        tell_evaluated(p, event);
        break;
    case ASSAY_TRAINING_SAVED:
        if (!p->call->verbose)
            break;
        progress_line_begin(&p->line, false);
        fprintf(stderr, "saved step %lld in ", (long long)event->step);
        print_plain(stderr, event->text);
        progress_line_end(&p->line);
        break;
    }
}

void train_progress_end(struct train_progress *progress)
{
    progress_line_keep(&progress->line);
}
