/* Pieces of report.html: one file with its style and plots inside, no script, nothing from outside.
 *
 * Each function appends one section and writes the same bytes for the same evaluation. Whatever
 * comes from data goes through page_text. Memory that runs out is remembered in `failed`.
 */
#ifndef ASSAY_REPORT_PAGE_H
#define ASSAY_REPORT_PAGE_H

#include "report/evaluation.h"

struct page {
    struct buffer *out;
    const struct assay_evaluation *e;
    bool failed;
};

void page_put(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Text from outside: escaped, control characters left out. */
void page_text(struct page *page, const char *text);
/* "0.917", "91.7 %", "-"; with an interval " [0.900, 0.931]". */
void page_number(struct page *page, double value, struct interval interval);
void page_share(struct page *page, double value, struct interval interval);
void page_begin_section(struct page *page, const char *title, const char *lead);
void page_end_section(struct page *page);

/* A figure of SVG with axes: begun with the ranges, in which plot_x and plot_y place points. */
struct plot {
    struct page *page;
    double left, top, width, height; /* of the field */
    double x_from, x_to, y_from, y_to;
};
enum { PLOT_WIDTH = 380, PLOT_HEIGHT = 300 };
void plot_begin(struct plot *plot, struct page *page, const char *title, const char *label);
/* Grid lines and numbers at `count` + 1 even steps; format prints a tick's value. */
void plot_axes(struct plot *plot, int x_steps, int y_steps, const char *x_format,
               const char *y_format, const char *x_title, const char *y_title);
double plot_x(const struct plot *plot, double x);
double plot_y(const struct plot *plot, double y);
void plot_end(struct plot *plot, const char *caption);

void page_ranking(struct page *page); /* page_plots.c */
void page_calibration(struct page *page);
void page_decisions(struct page *page); /* page_tables.c */
void page_mistakes(struct page *page);
void page_provenance(struct page *page);
void page_baselines(struct page *page); /* page_bars.c */
void page_slices(struct page *page);
void page_attacks(struct page *page);
void page_against(struct page *page);

extern const char page_style[];

#endif
