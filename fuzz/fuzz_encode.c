/* Any bytes as text, for tokenizers of several kinds: refused as not UTF-8, or tokens whose offsets
 * lie in the text, the same with and without a cache of words. */
#include "assay/tokenizer.h"
#include "base/file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ADDED(id, text, flags)                                                                     \
    "{\"id\":" #id ",\"content\":\"" text "\"," flags ",\"special\":true}"
#define PLAIN  "\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false"
#define GREEDY "\"single_word\":true,\"lstrip\":true,\"rstrip\":true,\"normalized\":true"
#define ADDEDS "\"added_tokens\":[" ADDED(9, "[M]", PLAIN) "," ADDED(10, "Ab", GREEDY) "],"
#define BERT                                                                                       \
    "\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":"    \
    "true,\"strip_accents\":null,\"lowercase\":true},\"pre_tokenizer\":{\"type\":"                 \
    "\"BertPreTokenizer\"},\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"a\",1],"     \
    "\"sep\":[\"b\",2]},"
#define WORDPIECE                                                                                  \
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[U]\",\"continuing_subword_prefix\":"       \
    "\"##\",\"max_input_chars_per_word\":40,\"vocab\":{\"[U]\":0,\"a\":1,\"b\":2,\"##a\":3,"       \
    "\"##b\":4,\"ab\":5,\"##e\":6,\"e\":7,\"!\":8}}"
#define FORMS                                                                                      \
    "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFKD\"},{\"type\":"        \
    "\"StripAccents\"},{\"type\":\"NFC\"},{\"type\":\"Prepend\",\"prepend\":\"e\"},{\"type\":"     \
    "\"Replace\",\"pattern\":{\"Regex\":\"a+\"},\"content\":\"b\"},{\"type\":\"Strip\","           \
    "\"strip_left\":true,\"strip_right\":true}]},\"pre_tokenizer\":{\"type\":\"Sequence\","        \
    "\"pretokenizers\":[{\"type\":\"Digits\",\"individual_digits\":false},{\"type\":"              \
    "\"Punctuation\",\"behavior\":\"MergedWithNext\"},{\"type\":\"Whitespace\"}]},"
#define BPE                                                                                        \
    "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true},"  \
    "\"post_processor\":{\"type\":\"RobertaProcessing\",\"cls\":[\"a\",0],\"sep\":[\"b\",1],"      \
    "\"trim_offsets\":true,\"add_prefix_space\":true},\"model\":{\"type\":\"BPE\",\"vocab\":{"     \
    "\"a\":0,\"b\":1,\"\xc4\xa0\":2,\"aa\":3,\"ab\":4,\"\xc4\xa0"                                  \
    "a\":5,\"aaaa\":6,"                                                                            \
    "\"\xc3\xa2\":7,\"\xc4\xa2\":8},\"merges\":[\"a a\",\"a b\",\"\xc4\xa0 a\",\"aa aa\"]}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const files[] = {
    "{" ADDEDS BERT WORDPIECE "}",
    "{" ADDEDS FORMS WORDPIECE "}",
    "{" ADDEDS BPE "}",
};

enum { KINDS = sizeof files / sizeof *files };

static assay_tokenizer *tokenizers[KINDS];
static assay_encoding kept[KINDS];

static void open_all(void)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/assay-fuzz-encode-%d.json", (int)getpid());
    for (size_t i = 0; i < KINDS; i++) {
        assay_error error = {0};
        if (file_write(path, files[i], strlen(files[i]), NULL) ||
            assay_tokenizer_open(&tokenizers[i], path, &error)) {
            fprintf(stderr, "%zu: %s: %s\n", i, error.place, error.message);
            abort();
        }
    }
    unlink(path);
}

static void check(const assay_encoding *encoding, size_t size)
{
    for (int32_t i = 0; i < encoding->count; i++) {
        if (encoding->begin[i] < 0 || encoding->end[i] < encoding->begin[i] ||
            (size_t)encoding->end[i] > size)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!tokenizers[0])
        open_all();
    if (size < 4)
        return 0;
    assay_encode_options options = ASSAY_ENCODE_OPTIONS_INIT;
    options.truncation = (enum assay_truncation)(data[0] % 5);
    options.max_tokens = data[1];
    options.stride = data[2] % 8;
    options.keep_overflow = data[2] & 8;
    options.truncate_left = data[2] & 16;
    options.without_special_tokens = data[2] & 32;
    bool pair = data[2] & 64;
    const char *text = (const char *)data + 4;
    size -= 4;
    size_t first = pair ? size * data[3] / 256 : size;
    for (size_t i = 0; i < KINDS; i++) {
        assay_encoding fresh = {0};
        assay_status a =
            assay_tokenizer_encode(tokenizers[i], &kept[i], text, first, pair ? text + first : NULL,
                                   pair ? size - first : 0, &options, NULL);
        assay_status b =
            assay_tokenizer_encode(tokenizers[i], &fresh, text, first, pair ? text + first : NULL,
                                   pair ? size - first : 0, &options, NULL);
        if (a != b || fresh.count != kept[i].count ||
            fresh.overflow_count != kept[i].overflow_count)
            abort();
        size_t bytes = (size_t)fresh.count * sizeof *fresh.ids;
        if (bytes && (memcmp(fresh.ids, kept[i].ids, bytes) != 0 ||
                      memcmp(fresh.begin, kept[i].begin, bytes) != 0 ||
                      memcmp(fresh.end, kept[i].end, bytes) != 0))
            abort();
        check(&fresh, size);
        for (int32_t w = 0; w < fresh.overflow_count; w++)
            check(fresh.overflow + w, size);
        assay_encoding_free(&fresh);
    }
    return 0;
}
