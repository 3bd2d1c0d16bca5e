#include "train_progress.h"

#include "output.h"

#include <math.h>
#include <unistd.h>

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
    *progress = (struct train_progress){.call = call, .terminal = isatty(STDERR_FILENO) != 0};
}

/* Begins a line that stays (false) or is written over (true). */
static void begin_line(struct train_progress *p, bool passing)
{
    if (p->open_line)
        fputs("\r\033[K", stderr);
    p->open_line = passing && p->terminal;
    p->said = call_seconds();
}

static void end_line(const struct train_progress *p)
{
    if (!p->open_line)
        fputc('\n', stderr);
    fflush(stderr);
}

static bool is_time(const struct train_progress *p, double plain)
{
    return call_seconds() - p->said >= (p->terminal ? terminal_pause : plain);
}

static void tell_reading(struct train_progress *p, const assay_training_event *event)
{
    char done[32];
    if (!is_time(p, reading_pause))
        return;
    begin_line(p, true);
    fputs("reading ", stderr);
    print_plain(stderr, event->text);
    fprintf(stderr, ": %lld rows, %s", (long long)event->rows,
            bytes_text(done, (double)event->done));
    if (event->total)
        fprintf(stderr, " of %s", bytes_text(done, (double)event->total));
    end_line(p);
}

static void tell_step(struct train_progress *p, const assay_training_event *event)
{
    bool every = p->call->verbose;
    bool part = event->step - p->said_step >= (event->steps + PLAIN_PARTS - 1) / PLAIN_PARTS;
    bool last = event->step == event->steps;
    if (!every && !last && !is_time(p, plain_pause) && (p->terminal || !part))
        return;
    p->said_step = event->step;
    char left[32], memory[32];
    begin_line(p, !every);
    fprintf(stderr,
            "step %lld/%lld  epoch %.2f  loss %.4f  lr %.2e  norm %.2f  %.0f tokens/s  %s left  %s",
            (long long)event->step, (long long)event->steps, event->epoch, event->loss, event->lr,
            event->grad_norm, event->tokens_per_s, seconds_text(left, event->seconds_left),
            bytes_text(memory, (double)event->memory));
    end_line(p);
}

static void tell_evaluated(struct train_progress *p, const assay_training_event *event)
{
    begin_line(p, false);
    fprintf(stderr, "valid at step %lld:", (long long)event->step);
    for (size_t i = 0; i < event->metric_count; i++) {
        const assay_training_metric *metric = &event->metrics[i];
        if (isfinite(metric->value))
            fprintf(stderr, "  %s %.4f", metric->name, metric->value);
        else
            fprintf(stderr, "  %s -", metric->name);
    }
    fputs(event->best ? "  (best so far)" : "", stderr);
    end_line(p);
}

void train_progress_tell(void *context, const assay_training_event *event)
{
    struct train_progress *p = context;
    if (p->call->quiet)
        return;
    switch (event->kind) {
    case ASSAY_TRAINING_NOTE:
        begin_line(p, false);
        fputs("note: ", stderr);
        print_plain(stderr, event->text);
        end_line(p);
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
        begin_line(p, true);
        fprintf(stderr, "evaluating: %lld of %lld rows", (long long)event->done,
                (long long)event->total);
        end_line(p);
        break;
    case ASSAY_TRAINING_EVALUATED:
        tell_evaluated(p, event);
        break;
    case ASSAY_TRAINING_SAVED:
        if (!p->call->verbose)
            break;
        begin_line(p, false);
        fprintf(stderr, "saved step %lld in ", (long long)event->step);
        print_plain(stderr, event->text);
        end_line(p);
        break;
    }
}

void train_progress_end(struct train_progress *progress)
{
    if (progress->open_line)
        fputc('\n', stderr);
    progress->open_line = false;
}
