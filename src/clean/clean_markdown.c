/* Markdown in a text: its signs are marked and then dropped, what they stand around stays. Only
 * what Markdown would take for a sign is one: "2 * 3", "snake_case" and "#1" stay. Signs are paired
 * within a line and within AHEAD characters, so that time is linear. */
#include "clean/clean_html.h"

#include <string.h>

enum { AHEAD = 2000, FENCE = 3 };

static uint32_t at(const struct run *cells, size_t i, size_t end)
{
    return i < end ? cells->cell[i] : 0;
}

static bool is_word(uint32_t c)
{
    return (c | 32) - 'a' < 26 || c - '0' < 10 || c >= 0x80;
}

static bool is_mark(uint32_t c)
{
    return c < 0x80 && c && strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", (int)c);
}

static size_t run_of(const struct run *cells, size_t i, size_t end, uint32_t c)
{
    size_t count = 0;
    while (at(cells, i + count, end) == c)
        count++;
    return count;
}

static size_t skip_blanks(const struct run *cells, size_t i, size_t end)
{
    while (at(cells, i, end) == ' ' || at(cells, i, end) == '\t')
        i++;
    return i;
}

/* ---- in a line */

/* Behind `code` in backquotes, whose quotes are dropped; 0: they are not closed. */
static size_t code(struct run *cells, size_t i, size_t end)
{
    size_t width = run_of(cells, i, end, '`');
    size_t stop = end - i > AHEAD ? i + AHEAD : end;
    for (size_t k = i + width; k < stop;) {
        size_t other = run_of(cells, k, end, '`');
        if (other == width) {
            clean_drop(cells, i, i + width);
            clean_drop(cells, k, k + width);
            return k + width;
        }
        k += other ? other : 1;
    }
    return 0;
}

/* The closing bracket that belongs to the open one at `i`, or 0. */
static size_t close_bracket(const struct run *cells, size_t i, size_t end, uint32_t open,
                            uint32_t close)
{
    size_t depth = 0, stop = end - i > AHEAD ? i + AHEAD : end;
    for (; i < stop; i++) {
        uint32_t c = cells->cell[i];
        if (c == '\\')
            i++;
        else if (c == open)
            depth++;
        else if (c == close && !--depth)
            return i;
    }
    return 0;
}

/* [words](address): the brackets and the address go. */
static bool link(struct run *cells, size_t i, size_t end)
{
    size_t label = close_bracket(cells, i, end, '[', ']');
    if (!label || at(cells, label + 1, end) != '(')
        return false;
    size_t address = close_bracket(cells, label + 1, end, '(', ')');
    if (!address)
        return false;
    clean_drop(cells, i, i + 1);
    clean_drop(cells, label, address + 1);
    return true;
}

/* <https://...>: the angles go; behind it, or 0. */
static size_t autolink(struct run *cells, size_t i, size_t end)
{
    static const char *const schemes[] = {"http://", "https://", "mailto:"};
    bool known = false;
    for (size_t s = 0; s < sizeof schemes / sizeof *schemes && !known; s++) {
        size_t k = 0;
        while (schemes[s][k] && at(cells, i + 1 + k, end) == (unsigned char)schemes[s][k])
            k++;
        known = !schemes[s][k];
    }
    for (size_t k = i + 1; known && k < end && k - i < AHEAD; k++) {
        uint32_t c = cells->cell[k];
        if (c == ' ' || c == '<')
            return 0;
        if (c == '>') {
            clean_drop(cells, i, i + 1);
            clean_drop(cells, k, k + 1);
            return k + 1;
        }
    }
    return 0;
}

static bool is_blank(uint32_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || !c;
}

/* *words*, **words**, _words_, ~~words~~: drops both signs. */
static bool emphasis(struct run *cells, size_t begin, size_t i, size_t end, size_t width)
{
    uint32_t sign = cells->cell[i];
    uint32_t before = i > begin ? cells->cell[i - 1] : 0;
    size_t stop = end - i > AHEAD ? i + AHEAD : end;
    if (width > 3 || (sign == '~' && width != 2) || is_blank(at(cells, i + width, end)) ||
        (is_word(before) && (sign == '_' || width == 1)))
        return false;
    for (size_t k = i + width; k < stop;) {
        size_t other = run_of(cells, k, end, sign);
        uint32_t after = at(cells, k + other, end);
        if (other == width && k > i + width && !is_blank(cells->cell[k - 1]) &&
            cells->cell[k - 1] != '\\' && !(is_word(after) && (sign == '_' || width == 1))) {
            clean_drop(cells, i, i + width);
            clean_drop(cells, k, k + width);
            return true;
        }
        k += other ? other : 1;
    }
    return false;
}

static int64_t inline_signs(struct run *cells, size_t begin, size_t end)
{
    int64_t found = 0;
    for (size_t i = begin; i < end;) {
        uint32_t c = cells->cell[i];
        size_t width = 1, behind;
        if (cells->source[i] == CLEAN_DROPPED) { /* the other end of a pair */
            i++;
            continue;
        }
        if (c == '\\' && is_mark(at(cells, i + 1, end))) {
            clean_drop(cells, i, i + 1);
            found++;
            width = 2;
        } else if (c == '`') {
            behind = code(cells, i, end);
            found += behind != 0;
            width = behind ? behind - i : run_of(cells, i, end, '`');
        } else if (c == '[' && link(cells, i, end)) {
            found++;
        } else if (c == '!' && at(cells, i + 1, end) == '[' && link(cells, i + 1, end)) {
            clean_drop(cells, i, i + 1);
            found++;
        } else if (c == '<' && (behind = autolink(cells, i, end))) {
            found++;
            width = behind - i;
        } else if (c == '*' || c == '_' || c == '~') {
            width = run_of(cells, i, end, c);
            found += emphasis(cells, begin, i, end, width);
        }
        i += width;
    }
    return found;
}

/* ---- at the head of a line */

/* A rule, or the line under a heading: three or more of one sign and nothing else. */
static bool is_rule(const struct run *cells, size_t i, size_t end)
{
    uint32_t sign = at(cells, i, end);
    size_t signs = 0;
    if (sign != '-' && sign != '*' && sign != '_' && sign != '=')
        return false;
    for (; i < end; i++) {
        if (cells->cell[i] == sign)
            signs++;
        else if (cells->cell[i] != ' ' && cells->cell[i] != '\t' && cells->cell[i] != '\r')
            return false;
    }
    return signs >= 3;
}

/* # Heading #: the signs and the blanks beside them go; behind them, or `i`. */
static size_t heading(struct run *cells, size_t i, size_t end)
{
    size_t level = run_of(cells, i, end, '#'), behind = i + level;
    if (!level || level > 6 ||
        (at(cells, behind, end) && at(cells, behind, end) != ' ' && at(cells, behind, end) != '\t'))
        return i;
    behind = skip_blanks(cells, behind, end);
    clean_drop(cells, i, behind);
    size_t tail = end;
    while (tail > behind && (cells->cell[tail - 1] == '\r' || cells->cell[tail - 1] == ' '))
        tail--;
    size_t signs = tail;
    while (signs > behind && cells->cell[signs - 1] == '#')
        signs--;
    if (signs < tail && (signs == behind || cells->cell[signs - 1] == ' ')) {
        while (signs > behind && cells->cell[signs - 1] == ' ')
            signs--;
        clean_drop(cells, signs, tail);
    }
    return behind;
}

/* "- words", "* words", "- [x] words" */
static size_t bullet(struct run *cells, size_t i, size_t end)
{
    uint32_t c = at(cells, i, end);
    if ((c != '-' && c != '*' && c != '+') || at(cells, i + 1, end) != ' ')
        return i;
    size_t behind = skip_blanks(cells, i + 1, end);
    if (at(cells, behind, end) == '[' && at(cells, behind + 2, end) == ']' &&
        at(cells, behind + 3, end) == ' ')
        behind += 4;
    clean_drop(cells, i, behind);
    return behind;
}

static int64_t line(struct run *cells, size_t begin, size_t end)
{
    int64_t found = 0;
    size_t i = skip_blanks(cells, begin, end), behind;
    if (is_rule(cells, i, end)) {
        clean_drop(cells, begin, end);
        return 1;
    }
    for (; at(cells, i, end) == '>'; i = behind) {
        behind = skip_blanks(cells, i + 1, end);
        clean_drop(cells, begin, behind);
        found++;
    }
    behind = heading(cells, i, end);
    if (behind == i)
        behind = bullet(cells, i, end);
    found += behind > i;
    return found + inline_signs(cells, behind, end);
}

int64_t clean_markdown(struct clean_text *text)
{
    struct run *cells = &text->cells;
    int64_t found = 0;
    uint32_t fence = 0; /* the sign of the block of code that is open */
    if (!cells->count)
        return 0;
    clean_keep_all(cells);
    for (size_t begin = 0; begin < cells->count;) {
        size_t end = begin;
        while (end < cells->count && cells->cell[end] != '\n')
            end++;
        size_t i = skip_blanks(cells, begin, end);
        uint32_t c = at(cells, i, end);
        if ((c == '`' || c == '~') && run_of(cells, i, end, c) >= FENCE && (!fence || fence == c)) {
            fence = fence ? 0 : c;
            clean_drop(cells, begin, end < cells->count ? end + 1 : end);
            found++;
        } else if (!fence) {
            found += line(cells, begin, end);
        }
        begin = end + 1;
    }
    clean_close_up(cells);
    return found;
}

int64_t clean_markup(struct clean_text *text)
{
    int64_t found = clean_tags(text);
    found += clean_entities(text);
    return found + clean_markdown(text);
}
