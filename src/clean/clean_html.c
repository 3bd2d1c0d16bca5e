/* HTML in a text: comments and tags, and references to characters. Only tags that HTML has are
 * taken for tags, so that "a < b" and "<name>" stay. */
#include "clean/clean_html.h"

#include "clean/entities.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TAG = 2048, MAX_NAME = 16 };

/* ---- tags */

/* Where one of these begins or ends, so does a line. */
static const char *const block_names[] = {
    "address", "article", "aside",  "blockquote", "br",     "center",  "dd",    "details",
    "div",     "dl",      "dt",     "figure",     "footer", "form",    "h1",    "h2",
    "h3",      "h4",      "h5",     "h6",         "header", "hr",      "li",    "main",
    "nav",     "ol",      "option", "p",          "pre",    "section", "table", "tbody",
    "tfoot",   "thead",   "title",  "tr",         "ul",
};
static const char *const inline_names[] = {
    "a",      "abbr",   "acronym", "audio",    "b",        "base",       "bdi",    "bdo",
    "big",    "body",   "button",  "canvas",   "caption",  "cite",       "code",   "col",
    "data",   "del",    "dfn",     "em",       "embed",    "figcaption", "font",   "head",
    "html",   "i",      "iframe",  "img",      "input",    "ins",        "kbd",    "label",
    "legend", "link",   "mark",    "meta",     "meter",    "noscript",   "object", "picture",
    "q",      "rp",     "rt",      "ruby",     "s",        "samp",       "script", "select",
    "small",  "source", "span",    "strike",   "strong",   "style",      "sub",    "summary",
    "sup",    "svg",    "td",      "template", "textarea", "th",         "time",   "track",
    "tt",     "u",      "var",     "video",    "wbr",
};

struct tag {
    char name[MAX_NAME];
    bool closing;
    bool block;
    size_t end; /* behind it */
};

static bool in_list(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(list[i], name))
            return true;
    }
    return false;
}

static uint32_t cell_at(const struct run *cells, size_t at)
{
    return at < cells->count ? cells->cell[at] : 0;
}

static bool is_letter(uint32_t c)
{
    return (c | 32) - 'a' < 26;
}

static bool is_space(uint32_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* Whether a tag that HTML has stands at `at`, on a '<'. */
static bool read_tag(struct tag *tag, const struct run *cells, size_t at)
{
    size_t i = at + 1, length = 0;
    tag->closing = cell_at(cells, i) == '/';
    i += tag->closing;
    while (length + 1 < MAX_NAME &&
           (is_letter(cell_at(cells, i)) || (length && cell_at(cells, i) - '0' < 10))) {
        uint32_t c = cells->cell[i++];
        tag->name[length++] = (char)(is_letter(c) ? c | 32 : c);
    }
    tag->name[length] = '\0';
    uint32_t next = cell_at(cells, i);
    if (!length || !(is_space(next) || next == '>' || next == '/'))
        return false;
    tag->block = in_list(tag->name, block_names, sizeof block_names / sizeof *block_names);
    if (!tag->block &&
        !in_list(tag->name, inline_names, sizeof inline_names / sizeof *inline_names))
        return false;
    uint32_t quote = 0, before = 0;
    for (; i < cells->count && i - at < MAX_TAG; i++) {
        uint32_t c = cells->cell[i];
        if (quote) {
            quote = c == quote ? 0 : quote;
        } else if (c == '>') {
            tag->end = i + 1;
            return true;
        } else if (c == '<') {
            return false;
        } else if ((c == '"' || c == '\'') && before == '=') {
            quote = c; /* a quote elsewhere is no attribute's */
        }
        before = is_space(c) ? before : c;
    }
    return false;
}

/* Behind the next place where `ascii` stands (case does not count), or 0. */
static size_t find_behind(const struct run *cells, size_t at, const char *ascii)
{
    size_t length = strlen(ascii);
    for (; at + length <= cells->count; at++) {
        size_t i = 0;
        while (i < length) {
            uint32_t c = cells->cell[at + i];
            if ((is_letter(c) ? c | 32 : c) != (unsigned char)ascii[i])
                break;
            i++;
        }
        if (i == length)
            return at + length;
    }
    return 0;
}

static bool stands_at(const struct run *cells, size_t at, const char *ascii)
{
    for (; *ascii; ascii++, at++) {
        if (cell_at(cells, at) != (unsigned char)*ascii)
            return false;
    }
    return true;
}

/* Once the end of something is not found, it is not looked for again: time stays linear. */
struct endings {
    bool no_comment, no_script, no_style;
};

/* Behind a comment, a declaration, or a script with all that it holds; 0: none begins here. */
static size_t skip_hidden(const struct run *cells, size_t at, const struct tag *tag,
                          struct endings *endings)
{
    size_t end = 0;
    if (stands_at(cells, at, "<!--")) {
        if (!endings->no_comment && !(end = find_behind(cells, at + 4, "-->")))
            endings->no_comment = true;
    } else if (tag && !tag->closing && !strcmp(tag->name, "script")) {
        if (!endings->no_script && !(end = find_behind(cells, tag->end, "</script>")))
            endings->no_script = true;
    } else if (tag && !tag->closing && !strcmp(tag->name, "style")) {
        if (!endings->no_style && !(end = find_behind(cells, tag->end, "</style>")))
            endings->no_style = true;
    } else if (stands_at(cells, at, "<!doctype") || stands_at(cells, at, "<!DOCTYPE") ||
               stands_at(cells, at, "<?xml")) {
        for (size_t i = at; i < cells->count && i - at < MAX_TAG && !end; i++)
            end = cells->cell[i] == '>' ? i + 1 : 0;
    }
    return end;
}

int64_t clean_tags(struct clean_text *text)
{
    const struct run *cells = &text->cells;
    struct endings endings = {0};
    struct tag tag;
    int64_t found = 0;
    for (size_t i = 0; i < cells->count;) {
        if (cells->cell[i] != '<') {
            clean_put(text, cells->cell[i++]);
            continue;
        }
        bool is_tag = read_tag(&tag, cells, i);
        size_t end = skip_hidden(cells, i, is_tag ? &tag : NULL, &endings);
        if (!end && is_tag) {
            end = tag.end;
            const struct run *next = &text->next;
            if (tag.block && next->count && next->cell[next->count - 1] != '\n')
                clean_put(text, '\n');
            else if (!strcmp(tag.name, "td") || !strcmp(tag.name, "th"))
                clean_put(text, ' ');
        }
        if (!end) {
            clean_put(text, cells->cell[i++]);
            continue;
        }
        found++;
        i = end;
    }
    clean_swap(text);
    return found;
}

/* ---- references to characters, as html.unescape has them */

static int compare_name(const char *name, size_t length, int32_t entity)
{
    const char *other = entity_names + entity_starts[entity];
    size_t other_length = strlen(other);
    int order = memcmp(name, other, length < other_length ? length : other_length);
    return order ? order : (length > other_length) - (length < other_length);
}

static const uint32_t *find_entity(const char *name, size_t length)
{
    int32_t low = 0, high = entity_count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        int order = compare_name(name, length, middle);
        if (!order)
            return entity_values[middle];
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* What browsers make of the numbers 0x80 to 0x9f: Windows-1252. */
static const uint16_t windows_1252[32] = {
    0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178,
};

static bool is_nothing(uint32_t c)
{
    return (c >= 0x1 && c <= 0x8) || c == 0xb || (c >= 0xe && c <= 0x1f) ||
           (c >= 0x7f && c <= 0x9f) || (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
}

/* Behind a number reference at `at`, on its '&'; 0: there is none. */
static size_t put_number(struct clean_text *text, size_t at)
{
    const struct run *cells = &text->cells;
    size_t i = at + 2;
    bool hex = (cell_at(cells, i) | 32) == 'x';
    uint32_t value = 0;
    bool any = false;
    i += hex;
    for (;; i++) {
        uint32_t c = cell_at(cells, i);
        uint32_t digit = c - '0' < 10                ? c - '0'
                         : hex && (c | 32) - 'a' < 6 ? (c | 32) - 'a' + 10
                                                     : 99;
        if (digit == 99)
            break;
        value = value > 0x110000 ? value : value * (hex ? 16 : 10) + digit;
        any = true;
    }
    if (!any)
        return 0;
    if (value >= 0x80 && value < 0xa0)
        clean_put(text, windows_1252[value - 0x80]);
    else if (!value || (value >= 0xd800 && value < 0xe000) || value > 0x10ffff)
        clean_put(text, 0xfffd);
    else if (!is_nothing(value))
        clean_put(text, value);
    return i + (cell_at(cells, i) == ';');
}

/* The longest name that stands behind the '&'. */
static size_t put_name(struct clean_text *text, size_t at)
{
    const struct run *cells = &text->cells;
    char name[ENTITY_MAX_NAME + 2];
    size_t length = 0;
    while (length < ENTITY_MAX_NAME) {
        uint32_t c = cell_at(cells, at + 1 + length);
        if (!c || c >= 0x80 || c == '\t' || c == '\n' || c == '\f' || c == ' ' || c == '<' ||
            c == '&' || c == '#' || c == ';')
            break;
        name[length++] = (char)c;
    }
    if (length && cell_at(cells, at + 1 + length) == ';')
        name[length++] = ';';
    for (; length > 1; length--) {
        const uint32_t *value = find_entity(name, length);
        if (!value)
            continue;
        clean_put(text, value[0]);
        if (value[1])
            clean_put(text, value[1]);
        return at + 1 + length;
    }
    return 0;
}

int64_t clean_entities(struct clean_text *text)
{
    const struct run *cells = &text->cells;
    int64_t found = 0;
    for (size_t i = 0; i < cells->count;) {
        size_t end = 0;
        if (cells->cell[i] == '&')
            end = cell_at(cells, i + 1) == '#' ? put_number(text, i) : put_name(text, i);
        if (!end) {
            clean_put(text, cells->cell[i++]);
            continue;
        }
        found++;
        i = end;
    }
    clean_swap(text);
    return found;
}
