#include "data/text_features.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/utf8.h"
#include "data/scripts.h"
#include "text/unicode.h"

#include <stdbool.h>
#include <string.h>

enum {
    BROKEN = -1,    /* stands for a byte that is no UTF-8 */
    MOST_TAG = 256, /* bytes between < and > */
    MOST_ENTITY = 12,
    FIRST_TYPES = 256
};

int text_feature_count(void)
{
    return TEXT_FEATURE_COUNT;
}

const char *text_feature_name(int feature)
{
    static const char *const names[] = {
#define X(identifier, name, kind, description) name,
        TEXT_FEATURE_LIST(X)
#undef X
    };
    return names[feature];
}

const char *text_feature_description(int feature)
{
    static const char *const descriptions[] = {
#define X(identifier, name, kind, description) description,
        TEXT_FEATURE_LIST(X)
#undef X
    };
    return descriptions[feature];
}

enum text_feature_kind text_feature_kind(int feature)
{
    static const enum text_feature_kind kinds[] = {
#define X(identifier, name, kind, description) TEXT_FEATURE_##kind,
        TEXT_FEATURE_LIST(X)
#undef X
    };
    return kinds[feature];
}

/* The different words of a text, as hashes. */
struct type_set {
    uint64_t *slots; /* 0: free */
    size_t capacity; /* a power of two */
    size_t count;
};

static void put_type(struct type_set *set, uint64_t hash)
{
    size_t at = (size_t)hash & (set->capacity - 1);
    while (set->slots[at] && set->slots[at] != hash)
        at = (at + 1) & (set->capacity - 1);
    set->count += !set->slots[at];
    set->slots[at] = hash;
}

static bool add_type(struct type_set *set, uint64_t hash)
{
    if (2 * set->count >= set->capacity) {
        struct type_set wider = {.capacity = set->capacity ? 2 * set->capacity : FIRST_TYPES};
        wider.slots = memory_allocate_zeroed(wider.capacity, sizeof *wider.slots);
        if (!wider.slots)
            return false;
        for (size_t i = 0; i < set->capacity; i++) {
            if (set->slots[i])
                put_type(&wider, set->slots[i]);
        }
        memory_free(set->slots);
        *set = wider;
    }
    put_type(set, hash ? hash : 1);
    return true;
}

/* One pass over a text. What is counted here becomes the values in finish(). */
struct scan {
    const char *text;
    size_t length;
    size_t at;           /* behind the present character */
    int32_t c, previous; /* code points; previous is a newline at the start of the text */
    double count[TEXT_FEATURE_COUNT];
    double cased, alphanumeric;
    double sentences;
    bool sentence_open; /* a letter or digit of it was seen */
    bool mark_seen;     /* the sentence ends at the next space */
    bool letter_seen;   /* in the text */
    int32_t last_inked; /* last character that is neither space nor a closing quote or bracket */
    bool in_spaces;     /* a run of two or more plain spaces was counted */
    struct type_set types;
    struct {
        uint64_t hash;
        double inked; /* letters and digits */
        int letters, upper;
        bool latin, mixing; /* has Latin letters; has Greek or Cyrillic ones */
    } word;
};

static bool one_of(int32_t c, const char *marks)
{
    return c > 0 && c < 0x80 && strchr(marks, (char)c) != NULL;
}

static unsigned flags_of(int32_t c)
{
    return c < 0 ? 0 : unicode_flags((uint32_t)c);
}

static bool is_space(int32_t c)
{
    return c == 0x200b ? false : (flags_of(c) & UNICODE_WHITESPACE) != 0;
}

static bool is_odd_space(int32_t c)
{
    return c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000 || c == 0x85 || c == 0x0b || c == 0x0c;
}

static bool ends_sentence(int32_t c)
{
    return one_of(c, ".!?") || c == 0x2026 || c == 0x3002 || c == 0xff01 || c == 0xff0e ||
           c == 0xff1f || c == 0x61f || c == 0x6d4 || c == 0x964;
}

static bool closes(int32_t c)
{
    return one_of(c, "\"')]}*_") || c == 0x2019 || c == 0x201d || c == 0xbb || c == 0x300d ||
           c == 0x300f || c == 0xff09;
}

static bool is_control(int32_t c)
{
    return (c >= 0 && c < 0x20 && !one_of(c, "\t\n\v\f\r")) || (c >= 0x7f && c < 0xa0 && c != 0x85);
}

/* Joiners are part of the spelling in several scripts and of emoji, but not behind Latin letters.
 */
static bool is_invisible(int32_t c, int32_t previous)
{
    if (c == 0x200c || c == 0x200d)
        return (flags_of(previous) & UNICODE_LETTER) != 0 &&
               script_of((uint32_t)previous) == SCRIPT_LATIN;
    return is_control(c) || c == 0x200b || c == 0x200e || c == 0x200f || c == 0xad ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x2064) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff || c == 0x180e;
}

/* What the bytes 0x80 to 0xbf of UTF-8 become when they are read as Latin-1 or Windows-1252. */
static bool was_continuation(int32_t c)
{
    static const uint16_t windows[] = {0x20ac, 0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021,
                                       0x2c6,  0x2030, 0x160,  0x2039, 0x152,  0x17d,  0x2018,
                                       0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc,
                                       0x2122, 0x161,  0x203a, 0x153,  0x17e,  0x178};
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        if (c == windows[i])
            return true;
    }
    return c >= 0x80 && c < 0xc0;
}

/* The present character and the one before are the first two bytes of one character, each read as a
 * character of its own: of accented letters, of Cyrillic, and of typographic marks. */
static bool is_mojibake(int32_t previous, int32_t c)
{
    bool two = previous == 0xc2 || previous == 0xc3 || previous == 0xd0 || previous == 0xd1;
    return (two && was_continuation(c)) || (previous == 0xe2 && (c == 0x20ac || c == 0x80)) ||
           (previous == 0xef && (c == 0xbb || c == 0xbf));
}

static size_t name_length(const char *at, size_t left)
{
    size_t n = 0;
    while (n < left && ((at[n] >= 'a' && at[n] <= 'z') || (at[n] >= 'A' && at[n] <= 'Z') ||
                        (n > 0 && at[n] >= '0' && at[n] <= '9')))
        n++;
    return n;
}

/* `at` is behind "<" or "&". */
static bool is_tag(const char *at, size_t left)
{
    if (left >= 3 && !memcmp(at, "!--", 3))
        return true;
    size_t slash = left > 0 && *at == '/';
    size_t name = name_length(at + slash, left - slash);
    if (!name)
        return false;
    for (size_t i = slash + name; i < left && i < MOST_TAG && at[i] != '<'; i++) {
        if (at[i] == '>')
            return true;
    }
    return false;
}

static bool is_entity(const char *at, size_t left)
{
    size_t most = left < MOST_ENTITY ? left : MOST_ENTITY;
    size_t n = most > 1 && *at == '#' ? 1 : 0;
    if (n) {
        n += at[n] == 'x' || at[n] == 'X';
        size_t first = n;
        while (n < most && ((at[n] >= '0' && at[n] <= '9') || (at[n] >= 'a' && at[n] <= 'f') ||
                            (at[n] >= 'A' && at[n] <= 'F')))
            n++;
        return n > first && n < most && at[n] == ';';
    }
    n = name_length(at, most);
    return n >= 2 && n < most && at[n] == ';';
}

static bool starts_with(const char *at, size_t left, const char *prefix)
{
    size_t length = strlen(prefix);
    return left >= length && !memcmp(at, prefix, length);
}

/* A header, a bullet or a quotation of Markdown at the start of a line. */
static bool is_line_mark(const char *at, size_t left)
{
    size_t n = 0;
    while (n < left && n < 7 && at[n] == '#')
        n++;
    if (n > 0)
        return n < 7 && n < left && at[n] == ' ';
    return starts_with(at, left, "- ") || starts_with(at, left, "* ") ||
           starts_with(at, left, "+ ") || starts_with(at, left, "> ") ||
           starts_with(at, left, "```");
}

static bool is_address(const char *at, size_t left)
{
    return starts_with(at, left, "http://") || starts_with(at, left, "https://") ||
           starts_with(at, left, "www.");
}

static void count_markup(struct scan *scan, size_t begin)
{
    const char *at = scan->text + begin;
    size_t left = scan->length - begin;
    double *count = scan->count;
    if ((scan->c == '<' && is_tag(at + 1, left - 1)) ||
        (scan->c == '&' && is_entity(at + 1, left - 1)))
        count[TEXT_FEATURE_HTML]++;
    if (scan->previous == '\n' && is_line_mark(at, left))
        count[TEXT_FEATURE_MARKDOWN]++;
    if ((scan->c == '*' && scan->previous == '*') || (scan->c == '(' && scan->previous == ']') ||
        (scan->c == '`' && scan->previous != '`'))
        count[TEXT_FEATURE_MARKDOWN]++;
    if ((scan->c == 'h' || scan->c == 'w') && !(flags_of(scan->previous) & UNICODE_LETTER) &&
        is_address(at, left))
        count[TEXT_FEATURE_URLS]++;
}

static void count_spaces(struct scan *scan)
{
    double *count = scan->count;
    int32_t c = scan->c;
    count[TEXT_FEATURE_NEWLINES] += c == '\n';
    count[TEXT_FEATURE_CARRIAGE_RETURNS] += c == '\r';
    count[TEXT_FEATURE_TABS] += c == '\t';
    count[TEXT_FEATURE_ODD_SPACES] += is_odd_space(c);
    bool doubled = c == ' ' && scan->previous == ' ';
    count[TEXT_FEATURE_DOUBLE_SPACES] += doubled && !scan->in_spaces;
    scan->in_spaces = doubled;
    count[TEXT_FEATURE_SPACE_BEFORE_MARK] += scan->previous == ' ' && one_of(c, ".,;:!?");
}

static void count_marks(struct scan *scan)
{
    double *count = scan->count;
    int32_t c = scan->c;
    /* Symbols that Unicode does not call punctuation count too, such as $ and +. */
    count[TEXT_FEATURE_PUNCTUATION] += (flags_of(c) & UNICODE_PUNCTUATION) != 0;
    count[TEXT_FEATURE_COMMAS] += c == ',';
    count[TEXT_FEATURE_APOSTROPHES] += c == '\'';
    count[TEXT_FEATURE_STRAIGHT_QUOTES] += c == '"';
    count[TEXT_FEATURE_CURLY_QUOTES] += c >= 0x2018 && c <= 0x201f;
    count[TEXT_FEATURE_HYPHENS] += c == '-';
    count[TEXT_FEATURE_EN_DASHES] += (c >= 0x2010 && c <= 0x2013) || c == 0x2212;
    count[TEXT_FEATURE_EM_DASHES] += c == 0x2014 || c == 0x2015;
    count[TEXT_FEATURE_ELLIPSIS_CHARACTERS] += c == 0x2026;
    count[TEXT_FEATURE_NON_ASCII] += c < 0 || c > 0x7f;
    count[TEXT_FEATURE_COMBINING_MARKS] += c >= 0x300 && c <= 0x36f;
    count[TEXT_FEATURE_ENCODING_TRACES] +=
        c == BROKEN || c == 0xfffd || is_mojibake(scan->previous, c);
    count[TEXT_FEATURE_INVISIBLE] += is_invisible(c, scan->previous);
}

static bool end_word(struct scan *scan)
{
    bool kept = true;
    if (scan->word.inked > 0) {
        scan->count[TEXT_FEATURE_WORDS]++;
        scan->alphanumeric += scan->word.inked;
        scan->count[TEXT_FEATURE_CAPITAL_WORDS] +=
            scan->word.letters > 1 && scan->word.upper == scan->word.letters;
        scan->count[TEXT_FEATURE_MIXED_WORDS] += scan->word.latin && scan->word.mixing;
        kept = add_type(&scan->types, random_mix(scan->word.hash, 0));
    }
    memset(&scan->word, 0, sizeof scan->word);
    return kept;
}

static void end_sentence(struct scan *scan)
{
    scan->sentences += scan->sentence_open;
    scan->sentence_open = scan->mark_seen = false;
}

/* A letter or digit, into word and sentence. */
static void add_inked(struct scan *scan, bool letter)
{
    uint32_t c = (uint32_t)scan->c;
    unsigned parts;
    const uint32_t *lower = letter ? unicode_lower(c, &parts) : NULL;
    enum script script = letter ? script_of(c) : SCRIPT_OTHER;
    bool is_lower = letter && !lower && script_has_case(script);
    if (!scan->sentence_open) {
        scan->count[TEXT_FEATURE_LOWER_SENTENCES] += is_lower;
        scan->sentence_open = true;
    }
    if (!scan->letter_seen)
        scan->count[TEXT_FEATURE_LOWER_START] = is_lower;
    scan->letter_seen = true;
    scan->mark_seen = false;
    scan->count[TEXT_FEATURE_UPPER_CASE] += lower != NULL;
    scan->count[TEXT_FEATURE_DIGITS] += !letter;
    scan->cased += is_lower || lower;
    scan->word.inked++;
    scan->word.letters += letter;
    scan->word.upper += lower != NULL;
    scan->word.latin |= script == SCRIPT_LATIN;
    scan->word.mixing |= script == SCRIPT_GREEK || script == SCRIPT_CYRILLIC;
    scan->word.hash = random_mix(scan->word.hash, lower ? *lower : c);
}

static bool add_to_words(struct scan *scan)
{
    unsigned flags = flags_of(scan->c);
    if (is_space(scan->c)) {
        if (scan->mark_seen)
            end_sentence(scan);
        return end_word(scan);
    }
    bool letter = (flags & UNICODE_LETTER) != 0;
    if (letter || (flags & UNICODE_NUMBER)) {
        bool alone = (flags & UNICODE_CHINESE) != 0;
        if (alone && !end_word(scan))
            return false;
        add_inked(scan, letter);
        if (alone && !end_word(scan))
            return false;
    } else if (ends_sentence(scan->c)) {
        scan->mark_seen = true;
        if (scan->c > 0x2fff) /* no space follows */
            end_sentence(scan);
    } else if (!closes(scan->c)) {
        scan->mark_seen = false;
    }
    if (!closes(scan->c))
        scan->last_inked = scan->c;
    return true;
}

static double over(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

/* From counts to values. */
static void finish(struct scan *scan)
{
    static const enum text_feature shares[] = {
        TEXT_FEATURE_PUNCTUATION,     TEXT_FEATURE_COMMAS,  TEXT_FEATURE_APOSTROPHES,
        TEXT_FEATURE_STRAIGHT_QUOTES, TEXT_FEATURE_HYPHENS, TEXT_FEATURE_DIGITS,
        TEXT_FEATURE_NON_ASCII};
    double *v = scan->count;
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        v[shares[i]] = over(v[shares[i]], v[TEXT_FEATURE_CHARACTERS]);
    v[TEXT_FEATURE_BYTES] = (double)scan->length;
    v[TEXT_FEATURE_NEWLINE_SHARE] = over(v[TEXT_FEATURE_NEWLINES], v[TEXT_FEATURE_CHARACTERS]);
    v[TEXT_FEATURE_MEAN_WORD] = over(scan->alphanumeric, v[TEXT_FEATURE_WORDS]);
    v[TEXT_FEATURE_MEAN_SENTENCE] = over(v[TEXT_FEATURE_WORDS], scan->sentences);
    v[TEXT_FEATURE_TYPE_TOKEN] = over((double)scan->types.count, v[TEXT_FEATURE_WORDS]);
    v[TEXT_FEATURE_UPPER_CASE] = over(v[TEXT_FEATURE_UPPER_CASE], scan->cased);
    v[TEXT_FEATURE_CAPITAL_WORDS] = over(v[TEXT_FEATURE_CAPITAL_WORDS], v[TEXT_FEATURE_WORDS]);
    v[TEXT_FEATURE_LOWER_SENTENCES] = over(v[TEXT_FEATURE_LOWER_SENTENCES], scan->sentences);
    v[TEXT_FEATURE_FINAL_MARK] = ends_sentence(scan->last_inked);
    v[TEXT_FEATURE_TRAILING_SPACE] = scan->length > 0 && is_space(scan->previous);
}

assay_status text_features(double *values, const char *text, size_t length, assay_error *error)
{
    struct scan scan = {.text = text, .length = length, .previous = '\n'};
    bool kept = true;
    while (kept && scan.at < length) {
        size_t begin = scan.at;
        size_t bytes = utf8_sequence((const unsigned char *)text + begin, length - begin);
        scan.c = BROKEN;
        if (bytes)
            scan.c = (int32_t)unicode_get_utf8(text, &scan.at);
        else
            scan.at++;
        scan.count[TEXT_FEATURE_CHARACTERS]++;
        if (begin == 0)
            scan.count[TEXT_FEATURE_LEADING_SPACE] = is_space(scan.c);
        count_spaces(&scan);
        count_marks(&scan);
        count_markup(&scan, begin);
        kept = add_to_words(&scan);
        scan.previous = scan.c;
    }
    kept = kept && end_word(&scan);
    end_sentence(&scan);
    memory_free(scan.types.slots);
    if (!kept)
        return error_memory(error, 2 * scan.types.capacity * sizeof *scan.types.slots);
    finish(&scan);
    memcpy(values, scan.count, sizeof scan.count);
    return ASSAY_OK;
}
