/* Lists set in plain text: what form gives away in one class and not in the other. Taken out are
 * lines that begin with a bullet or a number, with the lines that continue them; lines set in
 * behind a line that ends with a colon; and the sentence that ends with that colon. Works on lines
 * as they stand, so before white space is evened. */
#include "clean/clean_text.h"

enum { TAB = 8, NUMBER_DIGITS = 3 };

struct line {
    size_t begin, content, end; /* `end` is the line end's place, or the text's */
    int64_t indent;             /* columns before the content; -1: an empty line */
};

static bool is_blank(uint32_t c)
{
    return c == ' ' || c == '\t' || c == 0xa0 || c == '\r';
}

static struct line line_at(const struct run *cells, size_t begin)
{
    struct line line = {.begin = begin, .content = begin};
    for (; line.content < cells->count && is_blank(cells->cell[line.content]); line.content++)
        line.indent += cells->cell[line.content] == '\t' ? TAB - line.indent % TAB : 1;
    line.end = line.content;
    while (line.end < cells->count && cells->cell[line.end] != '\n')
        line.end++;
    if (line.content == line.end)
        line.indent = -1;
    return line;
}

/* "1." "12)" "(3)" "a)": the length, or 0. */
static size_t number_length(const uint32_t *cell, size_t length)
{
    size_t open = length && cell[0] == '(', digits = 0;
    while (open + digits < length && cell[open + digits] - '0' < 10)
        digits++;
    bool letter = !digits && open < length && (cell[open] | 32) - 'a' < 26;
    size_t close = open + digits + letter;
    if (digits > NUMBER_DIGITS || close == open || close >= length)
        return 0;
    return cell[close] == ')' || (cell[close] == '.' && digits && !open) ? close + 1 : 0;
}

static bool is_item(const struct run *cells, const struct line *line)
{
    static const uint32_t bullets[] = {'*',    '-',    '+',    0xb7,   0x2022, 0x2023,
                                       0x2043, 0x2013, 0x2014, 0x25aa, 0x25cf, 0x25e6};
    const uint32_t *cell = cells->cell + line->content;
    size_t length = line->end - line->content, sign = 0;
    for (size_t i = 0; i < sizeof bullets / sizeof *bullets && length && !sign; i++)
        sign = cell[0] == bullets[i];
    if (!sign)
        sign = number_length(cell, length);
    return sign && sign < length && is_blank(cell[sign]);
}

/* Where the sentence begins that ends at `end`; a paragraph's start begins one too. */
static size_t sentence_start(const struct run *cells, size_t paragraph, size_t end)
{
    size_t start = paragraph;
    for (size_t i = paragraph; i + 1 < end; i++) {
        uint32_t c = cells->cell[i];
        bool ends = (c == '.' || c == '!' || c == '?') &&
                    (is_blank(cells->cell[i + 1]) || cells->cell[i + 1] == '\n');
        bool short_form = c == '.' && i >= paragraph + 2 && cells->cell[i - 2] == '.'; /* "e.g." */
        if (ends && !short_form)
            start = i + 1;
    }
    return start;
}

/* The last sign of the line that is no blank. */
static uint32_t last_of(const struct run *cells, const struct line *line)
{
    size_t end = line->end;
    while (end > line->content && is_blank(cells->cell[end - 1]))
        end--;
    return end > line->content ? cells->cell[end - 1] : 0;
}

int64_t clean_lists(struct clean_text *text)
{
    struct run *cells = &text->cells;
    struct line before = {.indent = -1}; /* the last line kept that is not empty */
    size_t paragraph = 0;                /* where the paragraph of `before` begins */
    int64_t items = 0, item_indent = -1; /* -1: not in a list */
    bool gap = true;                     /* an empty line stands between */
    if (text->failed)
        return 0;
    clean_keep_all(cells);
    for (size_t at = 0; at < cells->count;) {
        struct line line = line_at(cells, at);
        at = line.end + 1;
        if (line.indent < 0) {
            gap = true;
            continue;
        }
        bool led = item_indent < 0 && before.indent >= 0 && last_of(cells, &before) == ':';
        bool item = is_item(cells, &line);
        bool set_in = led && line.indent > before.indent;
        bool continued = item_indent >= 0 && line.indent > item_indent;
        if (item || set_in || continued) {
            if (led && (item || set_in)) {
                clean_drop(cells, sentence_start(cells, paragraph, before.end), before.end);
                before.indent = -1;
            }
            if (item || set_in) {
                items++;
                item_indent = item ? line.indent : line.indent - 1;
            }
            clean_drop(cells, line.begin, line.end < cells->count ? line.end + 1 : line.end);
        } else {
            if (gap || item_indent >= 0)
                paragraph = line.begin;
            before = line;
            item_indent = -1;
        }
        gap = false;
    }
    clean_close_up(cells);
    return items;
}
