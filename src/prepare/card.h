/* Data cards: FILE.card.json beside a data file, and FILE.card.md, the same as a page.
 *
 * A card says what its file is (fingerprint, rows, labels, part), under which licences and from
 * which sources, and every step since the first with its inputs, settings and counts. It holds no
 * time and no path, so that the same work gives the same bytes. docs/file-formats.md lists the
 * keys. A card that a call finds beside its input is checked while it is read and carried on.
 */
#ifndef ASSAY_PREPARE_CARD_H
#define ASSAY_PREPARE_CARD_H

#include "base/json.h"
#include "prepare/report.h"

enum { CARD_MAX_BYTES = 16 << 20, CARD_VERSION = 1 };

struct data_card {
    struct json *root;        /* the input's card; NULL: it has none */
    const struct json *steps; /* arrays of the root, or NULL */
    const struct json *licenses;
    const struct json *sources;
    const char *part;   /* or NULL */
    const char *sha256; /* of the file that it describes */
};

/* One file in a card. */
struct card_file {
    const char *path; /* only its last name is written */
    int64_t rows;     /* negative: not counted */
    uint64_t bytes;
    const char *sha256;
};

struct card_label {
    const char *label;
    int64_t rows;
};

/* What a call adds. */
struct card_step {
    const char *verb;
    const char *license, *source; /* NULL: none given */
    const char *part;             /* of the output; NULL: as the input's card says */
    const struct card_file *inputs;
    size_t input_count;
    struct card_file output, removed; /* removed.path NULL: no such file */
    const struct card_label *labels;
    size_t label_count;
    void (*put_settings)(struct json_writer *writer, const void *context); /* members alone */
    const void *context;
    const struct assay_data_report *report;
};

/* Reads `path`.card.json where there is one; an input without a card is no error. */
assay_status card_open(struct data_card *card, const char *path, assay_error *error);
/* The same from text; `file` names it in errors. */
assay_status card_parse(struct data_card *card, const char *text, size_t length, const char *file,
                        assay_error *error);
void card_close(struct data_card *card);

/* Whether the file is a part for judging models (validation, calibration, test). */
bool card_is_for_judging(const struct data_card *card);

/* Appends the card's JSON and its page. */
assay_status card_write(struct buffer *json, struct buffer *page, const struct data_card *before,
                        const struct card_step *step, assay_error *error);
/* The page of a card that was parsed; card_page.c. */
bool card_write_page(struct buffer *page, const struct json *root);

#endif
