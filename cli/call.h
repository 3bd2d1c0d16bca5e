/* One call of the binary: a verb, its flags, its arguments.
 *
 * Every verb is a record that says what it takes; the parser, --help and the pages of docs/verbs
 * are all made from that record, so that they cannot disagree. Results go to stdout, everything
 * else to stderr. Exit codes: 0 done, 1 the job failed, 2 the call was wrong.
 */
#ifndef CLI_CALL_H
#define CLI_CALL_H

#include "assay/model.h"
#include "assay/status.h"

#include <stdbool.h>
#include <stdio.h>

enum { CALL_DONE = 0, CALL_FAILED = 1, CALL_WRONG = 2 };

enum flag_kind { FLAG_SWITCH, FLAG_TEXT, FLAG_INTEGER, FLAG_NUMBER, FLAG_CHOICE };

struct flag {
    const char *name;
    char letter; /* 0: none */
    enum flag_kind kind;
    const char *value;    /* what stands for it in the help: "N"; for choices "a|b|c" */
    const char *fallback; /* what holds without the flag, in the words of the help */
    const char *help;
    double least, most; /* of integers and numbers */
};

struct call;

struct verb {
    const char *name;
    const char *arguments; /* "MODEL [FILE...|-]" */
    const char *purpose;   /* one line */
    const char *details;   /* paragraphs */
    const char *example;
    const struct flag *flags;      /* ends with a NULL name; NULL: none of its own */
    int least, most;               /* arguments; most < 0: any number */
    int (*run)(struct call *call); /* NULL: not built yet */
};

struct given_flag {
    const struct flag *flag;
    const char *value; /* "" for a switch */
};

struct call {
    const struct verb *verb;
    struct given_flag *given;
    int given_count;
    const char **arguments;
    int argument_count;
    bool json, quiet, verbose;
    int threads;
    assay_precision precision;
};

/* The flags that every verb takes. */
extern const struct flag common_flags[];

/* Reads the words behind the verb. Returns CALL_DONE, or CALL_WRONG after saying why. Release with
 * call_free either way. --help, --json and the other common flags are among `given`. */
int call_parse(struct call *call, const struct verb *verb, int count, char **words);
void call_free(struct call *call);

/* The last value given, or `fallback`. */
const char *call_text(const struct call *call, const char *flag, const char *fallback);
long long call_integer(const struct call *call, const char *flag, long long fallback);
double call_number(const struct call *call, const char *flag, double fallback);
bool call_has(const struct call *call, const char *flag);

/* Each says one line on stderr, "assay VERB: ...", and returns the exit code. */
int call_wrong(const struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int call_failed(const struct call *call, const assay_error *error);
int call_failed_saying(const struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A message; nothing when --quiet. */
void call_note(const struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A clock that only goes forward, for the pauses between lines of progress. */
double call_seconds(void);

/* The nearest of the names when it is near enough to be meant, else NULL. */
struct nearest {
    const char *wanted;
    const char *best;
    int distance;
};
void nearest_try(struct nearest *nearest, const char *name);
const char *nearest_result(const struct nearest *nearest);

#endif
