/* The words of --parts: "train=.8,valid=.1,test=.1", "train=rest,test=500". */
#include "prepare/split_parts.h"

#include "base/error.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64 };
static const double beyond_rounding = 1e-9;

static assay_status wrong(const char *word, const char *message, const char *expected,
                          assay_error *error)
{
    error_set(error, ASSAY_ERROR_ARGUMENT, "%s", message);
    error_at_place(error, "parts");
    error_expected(error, "%s", expected);
    error_found(error, "\"%.60s\"", word);
    return ASSAY_ERROR_ARGUMENT;
}

bool split_part_name_good(const char *name)
{
    size_t length = strlen(name);
    if (!length || length > NAME_MAX_BYTES || name[0] == '.')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
            return false;
    }
    return true;
}

/* A share with a point (".8", "1.0"), a count without one, or "rest". */
static bool read_size(assay_split_part *part, const char *word)
{
    char *end;
    if (!strcmp(word, "rest"))
        return true;
    if (!*word || strspn(word, "0123456789.") != strlen(word))
        return false;
    if (strchr(word, '.')) {
        part->share = strtod(word, &end);
        return !*end && part->share > 0.0 && part->share <= 1.0;
    }
    part->rows = strtoll(word, &end, 10);
    return !*end && part->rows > 0 && part->rows < INT32_MAX;
}

assay_status assay_split_parts_parse(assay_split_part *parts, size_t *count, char *words,
                                     assay_error *error)
{
    if (!parts || !count || !words)
        return error_needs(error, __func__, "parts, count and words");
    *count = 0;
    for (char *word = words; word;) {
        char *comma = strchr(word, ',');
        if (comma)
            *comma = '\0';
        char *equal = strchr(word, '=');
        if (!equal)
            return wrong(word, "a part has no size", "NAME=SHARE, NAME=ROWS or NAME=rest", error);
        *equal = '\0';
        if (*count == ASSAY_SPLIT_MAX_PARTS)
            return wrong(word, "there are too many parts", "at most 16", error);
        assay_split_part *part = &parts[*count];
        *part = (assay_split_part){.name = word};
        if (!read_size(part, equal + 1))
            return wrong(equal + 1, "the size of a part is wrong",
                         "a share such as .1, a number of rows or rest", error);
        (*count)++;
        word = comma ? comma + 1 : NULL;
    }
    return split_parts_check(parts, *count, error);
}

assay_status split_parts_check(const assay_split_part *parts, size_t count, assay_error *error)
{
    double shares = 0.0;
    int rests = 0;
    if (!count || count > ASSAY_SPLIT_MAX_PARTS)
        return wrong("", "there are no parts, or too many", "1 to 16", error);
    for (size_t i = 0; i < count; i++) {
        const assay_split_part *part = &parts[i];
        if (!part->name || !split_part_name_good(part->name))
            return wrong(part->name ? part->name : "", "the name of a part is wrong",
                         "letters, digits, - _ .", error);
        if (!(part->share >= 0.0 && part->share <= 1.0) || part->rows < 0 ||
            (part->share > 0.0 && part->rows))
            return wrong(part->name, "the size of a part is wrong", "a share or a number of rows",
                         error);
        for (size_t k = 0; k < i; k++) {
            if (!strcmp(parts[k].name, part->name))
                return wrong(part->name, "two parts have one name", "different names", error);
        }
        shares += part->share;
        rests += part->share == 0.0 && part->rows == 0;
    }
    if (rests > 1)
        return wrong("rest", "two parts are the rest", "one", error);
    if (shares > 1.0 + beyond_rounding)
        return wrong("", "the shares are more than the whole", "at most 1 together", error);
    return ASSAY_OK;
}

assay_status split_parts_quota(int64_t *quota, const assay_split_part *parts, size_t count,
                               int64_t rows, assay_error *error)
{
    double left_over[ASSAY_SPLIT_MAX_PARTS] = {0}, shares = 0.0;
    int64_t given = 0, counted = 0;
    size_t rest = count;
    for (size_t i = 0; i < count; i++) {
        double exact = parts[i].share * (double)rows;
        quota[i] = parts[i].rows ? parts[i].rows : (int64_t)floor(exact + beyond_rounding);
        left_over[i] = parts[i].rows ? -1.0 : exact - (double)quota[i];
        if (!parts[i].rows && parts[i].share == 0.0)
            rest = i;
        counted += parts[i].rows;
        given += quota[i];
        shares += parts[i].share;
    }
    int64_t wanted = counted + (int64_t)llround(shares * (double)rows);
    if (wanted > rows) {
        error_set(error, ASSAY_ERROR_ARGUMENT, "the parts ask for more rows than there are");
        error_at_place(error, "parts");
        error_expected(error, "at most %lld", (long long)rows);
        error_found(error, "%lld", (long long)wanted);
        return ASSAY_ERROR_ARGUMENT;
    }
    /* What rounding down left goes to the largest remainders, the first of equals. */
    for (; given < wanted; given++) {
        size_t most = 0;
        for (size_t i = 1; i < count; i++)
            most = left_over[i] > left_over[most] ? i : most;
        left_over[most] = -1.0;
        quota[most]++;
    }
    quota[count] = rows - given;
    if (rest < count) {
        quota[rest] = rows - given;
        quota[count] = 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!quota[i])
            return wrong(parts[i].name, "a part would be empty", "a row at least", error);
    }
    return ASSAY_OK;
}
