/* The line on stderr that says how far a job is: on a terminal it is written over, elsewhere a
 * plain line comes from time to time. What --quiet silences is for the caller to ask.
 */
#ifndef CLI_PROGRESS_LINE_H
#define CLI_PROGRESS_LINE_H

#include <stdbool.h>

struct progress_line {
    bool terminal;
    bool open;   /* the terminal's line has no end yet */
    double said; /* when a line was last begun, seconds */
};

void progress_line_start(struct progress_line *line);
/* Whether the last line is so many seconds old. */
bool progress_line_due(const struct progress_line *line, double terminal_pause, double plain_pause);
/* Begins a line, which is then printed to stderr: one that stays (false) or may be written over. */
void progress_line_begin(struct progress_line *line, bool passing);
void progress_line_end(const struct progress_line *line);
/* After the last one: takes an open line away, or lets it stand. */
void progress_line_clear(struct progress_line *line);
void progress_line_keep(struct progress_line *line);

#endif
