#include "clean/clean_text.h"
#include "text/unicode.h"

enum {
    SOFT_HYPHEN = 0xad,
    LETTERS_WITH_JOINERS = 0x590, /* scripts from Hebrew on may need joiners */
    JOINER = 0x200d,
    NON_JOINER = 0x200c,
    TEXT_VARIANT = 0xfe0e,
    EMOJI_VARIANT = 0xfe0f
};

/* ---- NFC */

/* Below U+0300 every character is composed and takes no part in a composition. */
static bool may_compose(const struct run *cells)
{
    for (size_t i = 0; i < cells->count; i++) {
        if (cells->cell[i] >= 0x300)
            return true;
    }
    return false;
}

int64_t clean_unicode(struct clean_text *text)
{
    struct run *cells = &text->cells, *next = &text->next;
    if (!may_compose(cells) || text->failed)
        return 0;
    for (size_t i = 0; i < cells->count; i++)
        cells->source[i] = (int32_t)i;
    if (!normal_form(next, cells, true, false, &text->forms)) {
        text->failed = true;
        return 0;
    }
    /* What came out in another form, and what was swallowed. */
    int64_t changed = 0;
    int32_t before = -1;
    for (size_t i = 0; i < next->count; i++) {
        int32_t from = next->source[i];
        changed += next->cell[i] != cells->cell[from];
        if (from > before + 1)
            changed += from - before - 1;
        before = from;
    }
    changed += (int64_t)cells->count - 1 - before;
    clean_swap(text);
    return changed;
}

/* ---- invisible characters */

static bool is_control(uint32_t c)
{
    return (c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\v') ||
           (c >= 0x7f && c < 0xa0 && c != 0x85);
}

/* Without width and without meaning in running text: joiners and variants are looked at apart. */
static bool is_zero_width(uint32_t c)
{
    return c == SOFT_HYPHEN || c == 0x34f || c == 0x61c || c == 0x115f || c == 0x1160 ||
           c == 0x17b4 || c == 0x17b5 || (c >= 0x180b && c <= 0x180f) || c == 0x200b ||
           c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0x3164 || (c >= 0xfe00 && c <= 0xfe0d) ||
           c == 0xfeff || c == 0xffa0 || (c >= 0xfff0 && c <= 0xfffb) ||
           (c >= 0x1bca0 && c <= 0x1bca3) || (c >= 0x1d173 && c <= 0x1d17a) ||
           (c >= 0xe0000 && c <= 0xe0fff);
}

/* Joiners shape words of Arabic, of Indian scripts and pictures of several parts. */
static bool joins(uint32_t before, uint32_t after)
{
    return before >= LETTERS_WITH_JOINERS && after >= LETTERS_WITH_JOINERS &&
           !(before >= 0x1e00 && before < 0x200c) && !(after >= 0x1e00 && after < 0x2010);
}

/* A variant belongs to a picture before it. */
static bool varies(uint32_t before)
{
    return before >= 0xa9 && !(unicode_flags(before) & UNICODE_LETTER);
}

int64_t clean_invisible(struct clean_text *text)
{
    const uint32_t *cell = text->cells.cell;
    size_t count = text->cells.count, kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t c = cell[i], before = kept ? cell[kept - 1] : 0;
        uint32_t after = i + 1 < count ? cell[i + 1] : 0;
        bool dropped = false;
        if (c == JOINER || c == NON_JOINER)
            dropped = !joins(before, after);
        else if (c == TEXT_VARIANT || c == EMOJI_VARIANT)
            dropped = !varies(before) && !(before && before < 0x80 && after == 0x20e3);
        else
            dropped = is_control(c) || is_zero_width(c);
        if (!dropped)
            text->cells.cell[kept++] = c;
    }
    text->cells.count = kept;
    return (int64_t)(count - kept);
}

/* ---- typography */

static const char *keyboard_form(uint32_t c)
{
    switch (c) {
    case 0x2018: /* single quotes, primes and the acute accent that stands for one */
    case 0x2019:
    case 0x201a:
    case 0x201b:
    case 0x2032:
    case 0x2035:
    case 0x2039:
    case 0x203a:
    case 0x02bc:
    case 0x00b4:
    case 0xff07:
        return "'";
    case 0x201c:
    case 0x201d:
    case 0x201e:
    case 0x201f:
    case 0x2033:
    case 0x2036:
    case 0x00ab:
    case 0x00bb:
    case 0x301d:
    case 0x301e:
    case 0x301f:
    case 0xff02:
        return "\"";
    case 0x2010: /* hyphens, dashes, minus */
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2015:
    case 0x2212:
    case 0xfe58:
    case 0xfe63:
    case 0xff0d:
        return "-";
    case 0x2026:
        return "...";
    case 0x2025:
        return "..";
    case 0x2024:
        return ".";
    case 0x2043: /* bullets at the head of a line are what a hyphen is there */
    case 0x2022:
        return "-";
    default:
        return NULL;
    }
}

int64_t clean_typography(struct clean_text *text)
{
    int64_t changed = 0;
    for (size_t i = 0; i < text->cells.count; i++) {
        uint32_t c = text->cells.cell[i];
        const char *form = c < 0x80 ? NULL : keyboard_form(c);
        if (form)
            clean_put_ascii(text, form);
        else
            clean_put(text, c);
        changed += form != NULL;
    }
    clean_swap(text);
    return changed;
}

/* ---- white space */

static bool is_line_end(uint32_t c)
{
    return c == '\n' || c == '\r' || c == '\f' || c == '\v' || c == 0x85 || c == 0x2028 ||
           c == 0x2029;
}

static bool is_gap(uint32_t c)
{
    return c == ' ' || c == '\t' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

bool clean_is_space(uint32_t c)
{
    return is_gap(c) || is_line_end(c);
}

/* Replaces the cells from `begin` to `end` by those given, and returns how many of them changed. */
static int64_t put_space(struct clean_text *text, size_t begin, size_t end, const char *form)
{
    size_t same = 0, length = 0;
    for (; form[length]; length++) {
        if (begin + length < end && text->cells.cell[begin + length] == (uint32_t)form[length])
            same++;
    }
    clean_put_ascii(text, form);
    size_t longer = end - begin > length ? end - begin : length;
    return (int64_t)(longer - same);
}

/* What a run of white space becomes: nothing at the text's ends, one or two line ends where it has
 * some, else a space. */
static const char *space_form(const struct clean_text *text, size_t begin, size_t end,
                              bool one_line)
{
    int lines = 0;
    for (size_t i = begin; i < end; i++) {
        uint32_t c = text->cells.cell[i];
        bool second = c == '\n' && i > begin && text->cells.cell[i - 1] == '\r';
        lines += is_line_end(c) && !second;
    }
    if (begin == 0 || end == text->cells.count)
        return "";
    return !lines || one_line ? " " : lines == 1 ? "\n" : "\n\n";
}

static int64_t space_out(struct clean_text *text, bool one_line)
{
    int64_t changed = 0;
    for (size_t i = 0; i < text->cells.count;) {
        size_t end = i;
        while (end < text->cells.count && clean_is_space(text->cells.cell[end]))
            end++;
        if (end == i) {
            clean_put(text, text->cells.cell[i++]);
            continue;
        }
        changed += put_space(text, i, end, space_form(text, i, end, one_line));
        i = end;
    }
    clean_swap(text);
    return changed;
}

int64_t clean_whitespace(struct clean_text *text)
{
    return space_out(text, false);
}

int64_t clean_one_line(struct clean_text *text)
{
    return space_out(text, true);
}

int64_t clean_lowercase(struct clean_text *text)
{
    int64_t changed = 0;
    for (size_t i = 0; i < text->cells.count; i++) {
        unsigned count;
        const uint32_t *lower = unicode_lower(text->cells.cell[i], &count);
        if (!lower)
            clean_put(text, text->cells.cell[i]);
        for (unsigned k = 0; lower && k < count; k++)
            clean_put(text, lower[k]);
        changed += lower != NULL;
    }
    clean_swap(text);
    return changed;
}
