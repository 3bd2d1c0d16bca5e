#include "progress_line.h"

#include "call.h"

#include <stdio.h>
#include <unistd.h>

void progress_line_start(struct progress_line *line)
{
    *line = (struct progress_line){.terminal = isatty(STDERR_FILENO) != 0};
}

bool progress_line_due(const struct progress_line *line, double terminal_pause, double plain_pause)
{
    return call_seconds() - line->said >= (line->terminal ? terminal_pause : plain_pause);
}

void progress_line_begin(struct progress_line *line, bool passing)
{
    progress_line_clear(line);
    line->open = passing && line->terminal;
    line->said = call_seconds();
}

void progress_line_end(const struct progress_line *line)
{
    if (!line->open)
        fputc('\n', stderr);
    fflush(stderr);
}

void progress_line_clear(struct progress_line *line)
{
    if (line->open)
        fputs("\r\033[K", stderr);
    line->open = false;
}

void progress_line_keep(struct progress_line *line)
{
    if (line->open)
        fputc('\n', stderr);
    line->open = false;
}
