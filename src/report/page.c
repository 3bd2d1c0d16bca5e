#include "report/page.h"

#include "base/error.h"
#include "base/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void page_put(struct page *page, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    /* No call writes more than a line of markup; a longer one is a fault and fails. */
    if (length < 0 || (size_t)length >= sizeof text ||
        !buffer_append(page->out, text, (size_t)length))
        page->failed = true;
}

static void put_bytes(struct page *page, const char *bytes, size_t length)
{
    if (!buffer_append(page->out, bytes, length))
        page->failed = true;
}

void page_text(struct page *page, const char *text)
{
    size_t length = strlen(text);
    for (size_t at = 0; at < length;) {
        size_t step = utf8_sequence((const unsigned char *)text + at, length - at);
        unsigned char c = (unsigned char)text[at];
        if (!step || (step == 1 && (c < ' ' || c == 127)))
            put_bytes(page, "\xef\xbf\xbd", 3);
        else if (c == '<')
            put_bytes(page, "&lt;", 4);
        else if (c == '>')
            put_bytes(page, "&gt;", 4);
        else if (c == '&')
            put_bytes(page, "&amp;", 5);
        else if (c == '"')
            put_bytes(page, "&quot;", 6);
        else
            put_bytes(page, text + at, step);
        at += step ? step : 1;
    }
}

void page_number(struct page *page, double value, struct interval interval)
{
    if (isnan(value)) {
        page_put(page, "–");
        return;
    }
    page_put(page, "%.3f", value);
    if (!isnan(interval.low))
        page_put(page, " <span class=soft>[%.3f, %.3f]</span>", interval.low, interval.high);
}

void page_share(struct page *page, double value, struct interval interval)
{
    if (isnan(value)) {
        page_put(page, "–");
        return;
    }
    page_put(page, "%.1f %%", 100.0 * value);
    if (!isnan(interval.low))
        page_put(page, " <span class=soft>[%.1f, %.1f]</span>", 100.0 * interval.low,
                 100.0 * interval.high);
}

void page_begin_section(struct page *page, const char *title, const char *lead)
{
    page_put(page, "<section class=long>\n<h2>%s</h2>\n", title);
    if (lead)
        page_put(page, "<p class=lead>%s</p>\n", lead);
}

void page_end_section(struct page *page)
{
    page_put(page, "</section>\n");
}

double plot_x(const struct plot *plot, double x)
{
    return plot->left + plot->width * (x - plot->x_from) / (plot->x_to - plot->x_from);
}

double plot_y(const struct plot *plot, double y)
{
    return plot->top + plot->height * (plot->y_to - y) / (plot->y_to - plot->y_from);
}

void plot_begin(struct plot *plot, struct page *page, const char *title, const char *label)
{
    *plot = (struct plot){.page = page,
                          .left = 60,
                          .top = 30,
                          .width = PLOT_WIDTH - 60 - 22,
                          .height = PLOT_HEIGHT - 30 - 44,
                          .x_to = 1,
                          .y_to = 1};
    page_put(page,
             "<figure><svg viewBox=\"0 0 %d %d\" role=img aria-label=\"%s\">"
             "<text class=t x=0 y=14>%s</text>\n",
             PLOT_WIDTH, PLOT_HEIGHT, label, title);
}

static void put_tick(struct page *page, double x, double y, const char *anchor, const char *format,
                     double value)
{
    char text[32];
    /* The formats are constants of this floor. */
    if (strcmp(format, "%") == 0)
        snprintf(text, sizeof text, "%.0f %%", 100.0 * value);
    else
        snprintf(text, sizeof text, "%.*f", format[0] - '0', value);
    if (strspn(text, "-0.") == strlen(text) && text[0] == '-')
        memmove(text, text + 1, strlen(text)); /* "-0.0" */
    page_put(page, "<text x=%.1f y=%.1f text-anchor=%s>%s</text>", x, y, anchor, text);
}

void plot_axes(struct plot *plot, int x_steps, int y_steps, const char *x_format,
               const char *y_format, const char *x_title, const char *y_title)
{
    struct page *page = plot->page;
    double right = plot->left + plot->width, bottom = plot->top + plot->height;
    for (int i = 0; i <= x_steps; i++) {
        double value = plot->x_from + (plot->x_to - plot->x_from) * i / x_steps;
        double x = plot_x(plot, value);
        page_put(page, "<line class=g x1=%.1f x2=%.1f y1=%.1f y2=%.1f />", x, x, plot->top, bottom);
        put_tick(page, x, bottom + 15, "middle", x_format, value);
    }
    for (int i = 0; i <= y_steps; i++) {
        double value = plot->y_from + (plot->y_to - plot->y_from) * i / y_steps;
        double y = plot_y(plot, value);
        page_put(page, "<line class=g x1=%.1f x2=%.1f y1=%.1f y2=%.1f />", plot->left, right, y, y);
        if (*y_format)
            put_tick(page, plot->left - 6, y + 4, "end", y_format, value);
    }
    page_put(page, "<text x=%.1f y=%d text-anchor=middle>%s</text>", plot->left + plot->width / 2,
             PLOT_HEIGHT - 8, x_title);
    page_put(page,
             "<text transform=\"translate(11 %.1f) rotate(-90)\" text-anchor=middle>%s</text>\n",
             plot->top + plot->height / 2, y_title);
}

void plot_end(struct plot *plot, const char *caption)
{
    page_put(plot->page, "</svg><figcaption>%s</figcaption></figure>\n", caption);
}

static const char *last_part(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    size_t begin = length;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    return path + begin;
}

static void put_title(struct page *page)
{
    const struct assay_evaluation *e = page->e;
    page_put(page, "<p class=over>Evaluation report</p>\n<h1>");
    page_text(page, last_part(e->model ? e->model : e->predictions));
    page_put(page, " on ");
    page_text(page, last_part(e->data));
    page_put(page, "</h1>\n<p class=sub>%lld rows", (long long)e->all.rows);
    for (int32_t c = 0; c < e->all.classes && c < 6; c++) {
        page_put(page, c ? ", %.0f " : ": %.0f ", e->all.rows_of[c].support);
        page_text(page, e->scorer.labels.names[c]);
    }
    if (e->all.classes > 6)
        page_put(page, " and %d labels more", e->all.classes - 6);
    if (evaluation_positive(e)) {
        page_put(page, " · positive class <b>");
        page_text(page, evaluation_positive(e));
        page_put(page, "</b> (%s)", e->positive_from);
    } else {
        page_put(page, " · positive class %s", e->positive_from);
    }
    page_put(page, " · assay %s</p>\n", ASSAY_VERSION);
}

static void put_findings(struct page *page)
{
    static const char *const kinds[] = {"fault", "doubt", "fact"};
    page_put(page, "<ul class=findings>\n");
    for (int i = 0; i < page->e->sentence_count; i++) {
        const struct sentence *sentence = &page->e->sentences[i];
        page_put(page, "<li class=%s><b>%s</b>", kinds[sentence->kind], kinds[sentence->kind]);
        page_text(page, sentence->text);
        page_put(page, "</li>\n");
    }
    page_put(page, "</ul>\n");
}

static void put_cards(struct page *page)
{
    static const int shown[] = {FIGURE_AUROC,    FIGURE_TPR_AT_5, FIGURE_TPR_AT_1, FIGURE_ACCURACY,
                                FIGURE_MACRO_F1, FIGURE_MCC,      FIGURE_BRIER,    FIGURE_ECE};
    page_put(page, "<div class=cards>\n");
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        const struct measured *figure = &page->e->all.of[shown[i]];
        page_put(page, "<div class=card><div class=k>%s</div>", figure_title(shown[i]));
        if (isnan(figure->value))
            page_put(page, "<div class=v>–</div><div class=i>");
        else
            page_put(page, "<div class=v>%.3f</div><div class=i>", figure->value);
        if (!isnan(figure->interval.low))
            page_put(page, "95 %%: %.3f – %.3f", figure->interval.low, figure->interval.high);
        else
            page_text(page, figure->reason);
        page_put(page, "</div></div>\n");
    }
    page_put(page, "</div>\n");
}

assay_status report_page(struct buffer *out, const struct assay_evaluation *e, assay_error *error)
{
    struct page page = {out, e, false};
    page_put(&page, "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
                    "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n<title>");
    page_text(&page, last_part(e->model ? e->model : e->predictions));
    page_put(&page, " on ");
    page_text(&page, last_part(e->data));
    page_put(&page, "</title>\n<style>\n");
    put_bytes(&page, page_style, strlen(page_style));
    page_put(&page, "</style>\n</head>\n<body>\n<main>\n");
    put_title(&page);
    put_findings(&page);
    put_cards(&page);
    page_ranking(&page);
    page_baselines(&page);
    page_decisions(&page);
    page_calibration(&page);
    page_slices(&page);
    page_attacks(&page);
    page_against(&page);
    page_mistakes(&page);
    page_provenance(&page);
    page_put(&page, "</main>\n</body>\n</html>\n");
    return page.failed ? error_memory(error, out->length) : ASSAY_OK;
}
