#include "recipe/recipe.h"

#include <ctype.h>
#include <string.h>

enum { RANGE_DIGITS = 9 };

/* Digits at the start of `text`; their number goes to `*value`. 0 when there are none or too many.
 */
static size_t read_digits(const char *text, long *value)
{
    size_t length = 0;
    *value = 0;
    while (isdigit((unsigned char)text[length])) {
        if (length == RANGE_DIGITS)
            return 0;
        *value = *value * 10 + (text[length++] - '0');
    }
    return length;
}

/* Length of a whole name "first-last" at the start of `text`; 0 when it is none. */
static size_t read_range(const char *text, long *first, long *last)
{
    size_t length = read_digits(text, first);
    if (!length || text[length] != '-')
        return 0;
    size_t more = read_digits(text + length + 1, last);
    length += 1 + more;
    return more && (text[length] == '.' || !text[length]) ? length : 0;
}

static bool begins_name(const char *text, const char *at)
{
    return at == text || at[-1] == '.';
}

/* One element of the pattern, not a star, against the place; both move on when it fits. */
static bool take_element(const char *pattern, const char **pattern_at, const char *place,
                         const char **place_at)
{
    long first, last, number;
    size_t length = begins_name(pattern, *pattern_at) ? read_range(*pattern_at, &first, &last) : 0;
    if (length) {
        size_t digits = begins_name(place, *place_at) ? read_digits(*place_at, &number) : 0;
        if (!digits || ((*place_at)[digits] && (*place_at)[digits] != '.') || number < first ||
            number > last)
            return false;
        *pattern_at += length;
        *place_at += digits;
        return true;
    }
    if (!**place_at || (**pattern_at != '?' && **pattern_at != **place_at))
        return false;
    ++*pattern_at;
    ++*place_at;
    return true;
}

/* From the start of the place to its end or to a dot. Going back to the last star is enough: what
 * stands between two stars fits best where it fits first. */
static bool matches_from(const char *pattern, const char *place)
{
    const char *at = pattern;
    const char *here = place;
    const char *star = NULL;
    const char *star_here = NULL;
    for (;;) {
        if (!*at && (!*here || *here == '.'))
            return true;
        if (*at == '*') {
            star = ++at;
            star_here = here;
            continue;
        }
        if (*at && take_element(pattern, &at, place, &here))
            continue;
        if (!star || !*star_here)
            return false;
        at = star;
        here = ++star_here;
    }
}

bool recipe_place_matches(const char *pattern, const char *place)
{
    if (!recipe_pattern_valid(pattern))
        return false;
    if (matches_from(pattern, place))
        return true;
    const char *dot = strchr(place, '.');
    return dot && matches_from(pattern, dot + 1);
}

bool recipe_pattern_valid(const char *pattern)
{
    const char *name = pattern;
    for (;;) {
        size_t length = strcspn(name, ".");
        long first, last;
        if (!length || (read_range(name, &first, &last) && first > last))
            return false;
        if (!name[length])
            return true;
        name += length + 1;
    }
}
