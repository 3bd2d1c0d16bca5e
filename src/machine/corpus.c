#include "machine/corpus.h"

#include "assay/rows.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#include <string.h>

enum {
    TEXTS_MAX = 4096, /* of the data, or drawn */
    DRAWN_TEXTS = 256,
    SHORTEST_TEXT = 4, /* tokens */
    TEXT_BYTES_MAX = 32 << 20
};

void corpus_free(struct corpus *corpus)
{
    for (int64_t i = 0; corpus->texts && i < corpus->count; i++)
        memory_free((char *)corpus->texts[i].text);
    memory_free(corpus->texts);
    memory_free(corpus->ids);
    memory_free(corpus->offsets);
}

/* Sentences of common words, three to sixty of them, always the same. */
static assay_status draw_texts(struct corpus *corpus, assay_error *error)
{
    static const char *const words[] = {
        "the",    "a",       "of",     "in",    "people", "water",  "who",     "different",
        "house",  "quickly", "where",  "small", "think",  "number", "through", "understanding",
        "city,",  "market",  "yellow", "and",   "before", "again.", "history", "internationally",
        "nobody", "wrote",   "seven",  "light", "under",  "music",  "doctor",  "extraordinary"};
    enum { WORDS = sizeof words / sizeof *words, LONGEST = 60 * 17 };
    for (; corpus->count < DRAWN_TEXTS; corpus->count++) {
        char line[LONGEST] = "";
        size_t length = 0;
        uint64_t state = random_mix(7, (uint64_t)corpus->count);
        int many = 3 + (int)(state % 58);
        for (int w = 0; w < many; w++) {
            state = random_mix(state, (uint64_t)w);
            const char *word = words[state % WORDS];
            size_t size = strlen(word);
            memcpy(line + length, word, size);
            length += size;
            line[length++] = ' ';
        }
        char *text = memory_copy_bytes(line, length - 1);
        if (!text)
            return error_memory(error, length);
        corpus->texts[corpus->count] = (assay_text){.text = text, .length = length - 1};
        corpus->bytes += length - 1;
    }
    return ASSAY_OK;
}

static assay_status read_texts(struct corpus *corpus, const char *path, assay_error *error)
{
    assay_rows *rows = NULL;
    assay_row row;
    assay_status status = assay_rows_open(&rows, path, NULL, error);
    while (status == ASSAY_OK && corpus->count < TEXTS_MAX && corpus->bytes < TEXT_BYTES_MAX) {
        status = assay_rows_next(rows, &row, error);
        if (status != ASSAY_OK || !row.text)
            break;
        char *text = memory_copy_bytes(row.text, row.text_length);
        if (!text) {
            status = error_memory(error, row.text_length);
            break;
        }
        corpus->texts[corpus->count++] = (assay_text){.text = text, .length = row.text_length};
        corpus->bytes += row.text_length;
    }
    assay_rows_close(rows);
    if (status == ASSAY_OK && !corpus->bytes) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "there is no text in it");
        error_at_file(error, path);
    }
    return status;
}

assay_status corpus_open(struct corpus *corpus, const char *data, assay_error *error)
{
    corpus->texts = memory_allocate_zeroed(TEXTS_MAX, sizeof *corpus->texts);
    if (!corpus->texts)
        return error_memory(error, TEXTS_MAX * sizeof *corpus->texts);
    return data ? read_texts(corpus, data, error) : draw_texts(corpus, error);
}

static assay_status make_ids(struct corpus *corpus, int64_t rows, int32_t max_tokens,
                             assay_error *error)
{
    corpus->ids = memory_allocate((size_t)rows * (size_t)max_tokens, sizeof *corpus->ids);
    corpus->offsets = memory_allocate((size_t)rows + 1, sizeof *corpus->offsets);
    if (!corpus->ids || !corpus->offsets)
        return error_memory(error, (size_t)rows * (size_t)max_tokens * sizeof(int32_t));
    corpus->count = rows;
    corpus->offsets[0] = 0;
    return ASSAY_OK;
}

static void draw_row(struct corpus *corpus, int64_t row, int32_t length, int32_t vocabulary)
{
    int32_t begin = corpus->offsets[row];
    for (int32_t i = 0; i < length; i++)
        corpus->ids[begin + i] =
            (int32_t)(random_mix((uint64_t)row, (uint64_t)i) % (uint64_t)vocabulary);
    corpus->offsets[row + 1] = begin + length;
}

assay_status corpus_draw_ids(struct corpus *corpus, int32_t max_tokens, int32_t vocabulary,
                             assay_error *error)
{
    int32_t shortest = max_tokens < SHORTEST_TEXT ? max_tokens : SHORTEST_TEXT;
    assay_status status = make_ids(corpus, DRAWN_TEXTS, max_tokens, error);
    for (int64_t row = 0; status == ASSAY_OK && row < DRAWN_TEXTS; row++) {
        double part = (double)(random_mix(11, (uint64_t)row) >> 11) / 9007199254740992.0;
        draw_row(corpus, row, shortest + (int32_t)(part * part * (max_tokens - shortest)),
                 vocabulary);
    }
    return status;
}

assay_status corpus_draw_full(struct corpus *corpus, int64_t rows, int32_t tokens,
                              int32_t vocabulary, assay_error *error)
{
    if (rows > (int64_t)INT32_MAX / tokens)
        return error_set(error, ASSAY_ERROR_LIMIT, "too many tokens to draw");
    assay_status status = make_ids(corpus, rows, tokens, error);
    for (int64_t row = 0; status == ASSAY_OK && row < rows; row++)
        draw_row(corpus, row, tokens, vocabulary);
    return status;
}

assay_status corpus_tokenize(struct corpus *corpus, const assay_tokenizer *tokenizer, int64_t rows,
                             int32_t max_tokens, assay_error *error)
{
    const assay_encode_options options = {.struct_size = sizeof options,
                                          .truncation = ASSAY_TRUNCATE_LONGEST_FIRST,
                                          .max_tokens = max_tokens};
    assay_encoding encoding = {0};
    assay_status status = ASSAY_OK;
    if (rows > corpus->count)
        rows = corpus->count;
    corpus->ids = memory_allocate((size_t)rows * (size_t)max_tokens, sizeof *corpus->ids);
    corpus->offsets = memory_allocate((size_t)rows + 1, sizeof *corpus->offsets);
    if (!corpus->ids || !corpus->offsets)
        return error_memory(error, (size_t)rows * (size_t)max_tokens * sizeof *corpus->ids);
    corpus->offsets[0] = 0;
    for (int64_t i = 0; status == ASSAY_OK && i < rows; i++) {
        status = assay_tokenizer_encode(tokenizer, &encoding, corpus->texts[i].text,
                                        corpus->texts[i].length, NULL, 0, &options, error);
        if (status != ASSAY_OK)
            break;
        memcpy(corpus->ids + corpus->offsets[i], encoding.ids,
               (size_t)encoding.count * sizeof *corpus->ids);
        corpus->offsets[i + 1] = corpus->offsets[i] + encoding.count;
    }
    assay_encoding_free(&encoding);
    for (int64_t i = 0; i < corpus->count; i++)
        memory_free((char *)corpus->texts[i].text);
    memory_free(corpus->texts);
    corpus->texts = NULL;
    corpus->count = rows;
    return status;
}
