#include "call.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const struct flag common_flags[] = {
    {"json", 0, FLAG_SWITCH, NULL, "off", "the result as JSON; one object a line for streams", 0,
     0},
    {"quiet", 0, FLAG_SWITCH, NULL, "off", "no progress and no notes on stderr", 0, 0},
    {"verbose", 'v', FLAG_SWITCH, NULL, "off", "say more", 0, 0},
    {"threads", 0, FLAG_INTEGER, "N", "all processors", "processors to use", 1, 256},
    {"seed", 0, FLAG_INTEGER, "N", "0", "where chance is drawn from", 0, 9007199254740992.0},
    {"precision", 0, FLAG_CHOICE, "highest|high|medium", "highest",
     "float32; three bfloat16 products; bfloat16. Without the units, the next higher one", 0, 0},
    {"help", 'h', FLAG_SWITCH, NULL, "off", "this text; with --markdown as a page", 0, 0},
    {"markdown", 0, FLAG_SWITCH, NULL, "off", "see --help", 0, 0},
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0, 0},
};

static const struct flag *find_in(const struct flag *flags, const char *name, size_t length,
                                  char letter)
{
    for (; flags && flags->name; flags++) {
        if (letter ? flags->letter == letter
                   : strlen(flags->name) == length && !memcmp(flags->name, name, length))
            return flags;
    }
    return NULL;
}

static const struct flag *find_flag(const struct verb *verb, const char *name, size_t length,
                                    char letter)
{
    const struct flag *flag = find_in(verb->flags, name, length, letter);
    return flag ? flag : find_in(common_flags, name, length, letter);
}

/* Levenshtein's distance of words up to this long; longer ones are never near. */
enum { WORD_MAX = 32 };

static int word_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > WORD_MAX || m > WORD_MAX)
        return INT_MAX;
    int row[WORD_MAX + 1];
    for (size_t j = 0; j <= m; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[m];
}

void nearest_try(struct nearest *nearest, const char *name)
{
    int distance = word_distance(nearest->wanted, name);
    if (!nearest->best || distance < nearest->distance) {
        nearest->best = name;
        nearest->distance = distance;
    }
}

const char *nearest_result(const struct nearest *nearest)
{
    size_t limit = strlen(nearest->wanted) / 2 + 1;
    return nearest->best && nearest->distance <= (int)(limit < 4 ? limit : 4) ? nearest->best
                                                                              : NULL;
}

static int unknown_flag(const struct call *call, const char *word, size_t length)
{
    char name[WORD_MAX + 2];
    snprintf(name, sizeof name, "%.*s", length > WORD_MAX ? WORD_MAX + 1 : (int)length, word);
    struct nearest nearest = {name, NULL, 0};
    for (const struct flag *flag = call->verb->flags; flag && flag->name; flag++)
        nearest_try(&nearest, flag->name);
    for (const struct flag *flag = common_flags; flag->name; flag++)
        nearest_try(&nearest, flag->name);
    const char *meant = nearest_result(&nearest);
    if (meant)
        return call_wrong(call, "there is no flag --%s; did you mean --%s?", name, meant);
    return call_wrong(call, "there is no flag --%s", name);
}

static bool is_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);
    for (const char *at = choices; *at;) {
        size_t span = strcspn(at, "|");
        if (span == length && !memcmp(at, value, length))
            return true;
        at += span + (at[span] == '|');
    }
    return false;
}

/* Whether the value is of the flag's kind and in its range. */
static int check_value(const struct call *call, const struct flag *flag, const char *value)
{
    char *end = NULL;
    double number = 0;
    errno = 0;
    switch (flag->kind) {
    case FLAG_SWITCH:
    case FLAG_TEXT:
        return CALL_DONE;
    case FLAG_CHOICE:
        if (!is_choice(flag->value, value))
            return call_wrong(call, "--%s is one of %s, not \"%s\"", flag->name, flag->value,
                              value);
        return CALL_DONE;
    case FLAG_INTEGER:
        number = (double)strtoll(value, &end, 10);
        break;
    case FLAG_NUMBER:
        number = strtod(value, &end);
        break;
    }
    if (!*value || *end || errno || !(number >= flag->least && number <= flag->most))
        return call_wrong(call, "--%s takes %s from %.0f to %.0f, not \"%s\"", flag->name,
                          flag->kind == FLAG_INTEGER ? "a whole number" : "a number", flag->least,
                          flag->most, value);
    return CALL_DONE;
}

/* One word that begins with '-', and the word behind it when that is its value. */
static int parse_flag(struct call *call, int count, char **words, int *at)
{
    const char *word = words[*at];
    bool is_long = word[1] == '-';
    const char *name = is_long ? word + 2 : word + 1;
    size_t length = is_long ? strcspn(name, "=") : 1;
    const struct flag *flag = find_flag(call->verb, name, length, is_long ? 0 : *name);
    if (!flag) {
        if (is_long)
            return unknown_flag(call, name, length);
        return call_wrong(call, "there is no flag -%c", *name);
    }
    const char *value = name[length] ? name + length + is_long : NULL;
    if (flag->kind == FLAG_SWITCH) {
        if (value)
            return call_wrong(call, "--%s takes no value", flag->name);
        value = "";
    } else if (!value) {
        if (*at + 1 >= count)
            return call_wrong(call, "--%s needs a value (%s)", flag->name, flag->value);
        value = words[++*at];
    }
    call->given[call->given_count++] = (struct given_flag){flag, value};
    return check_value(call, flag, value);
}

int call_parse(struct call *call, const struct verb *verb, int count, char **words)
{
    *call = (struct call){.verb = verb};
    call->given = calloc((size_t)count + 1, sizeof *call->given);
    call->arguments = calloc((size_t)count + 1, sizeof *call->arguments);
    if (!call->given || !call->arguments)
        return call_failed_saying(call, "not enough memory");
    bool flags_end = false;
    for (int i = 0; i < count; i++) {
        if (flags_end || words[i][0] != '-' || !words[i][1]) {
            call->arguments[call->argument_count++] = words[i];
        } else if (!strcmp(words[i], "--")) {
            flags_end = true;
        } else {
            int code = parse_flag(call, count, words, &i);
            if (code != CALL_DONE)
                return code;
        }
    }
    call->json = call_has(call, "json");
    call->quiet = call_has(call, "quiet");
    call->verbose = call_has(call, "verbose");
    call->threads = (int)call_integer(call, "threads", 0);
    call->precision = ASSAY_PRECISION_HIGHEST;
    assay_precision_from_name(&call->precision, call_text(call, "precision", "highest"));
    if (call_has(call, "help"))
        return CALL_DONE;
    if (call->argument_count < verb->least)
        return call_wrong(call, "something is missing: assay %s %s", verb->name, verb->arguments);
    if (verb->most >= 0 && call->argument_count > verb->most)
        return call_wrong(call, "one word too many, \"%s\": assay %s %s",
                          call->arguments[verb->most], verb->name, verb->arguments);
    return CALL_DONE;
}

void call_free(struct call *call)
{
    free(call->given);
    free(call->arguments);
}

const char *call_text(const struct call *call, const char *flag, const char *fallback)
{
    for (int i = call->given_count; i-- > 0;) {
        if (!strcmp(call->given[i].flag->name, flag))
            return call->given[i].value;
    }
    return fallback;
}

long long call_integer(const struct call *call, const char *flag, long long fallback)
{
    const char *text = call_text(call, flag, NULL);
    return text ? strtoll(text, NULL, 10) : fallback;
}

double call_number(const struct call *call, const char *flag, double fallback)
{
    const char *text = call_text(call, flag, NULL);
    return text ? strtod(text, NULL) : fallback;
}

bool call_has(const struct call *call, const char *flag)
{
    return call_text(call, flag, NULL) != NULL;
}

/* Control characters of names and file contents stay off the terminal. */
static void say(const struct call *call, const char *format, va_list arguments)
{
    char line[4096];
    vsnprintf(line, sizeof line, format, arguments);
    for (char *c = line; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    }
    fprintf(stderr, "assay %s: %s\n", call->verb->name, line);
}

int call_wrong(const struct call *call, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(call, format, arguments);
    va_end(arguments);
    fprintf(stderr, "assay %s --help says more\n", call->verb->name);
    return CALL_WRONG;
}

int call_failed_saying(const struct call *call, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(call, format, arguments);
    va_end(arguments);
    return CALL_FAILED;
}

int call_failed(const struct call *call, const assay_error *error)
{
    char line[2048];
    assay_error_format(error, line, sizeof line);
    call_failed_saying(call, "%s", line);
    return error->status == ASSAY_ERROR_ARGUMENT ? CALL_WRONG : CALL_FAILED;
}

double call_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void call_note(const struct call *call, const char *format, ...)
{
    if (call->quiet)
        return;
    va_list arguments;
    va_start(arguments, format);
    say(call, format, arguments);
    va_end(arguments);
}
