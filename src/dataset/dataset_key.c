#include "dataset/dataset_key.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "data/fingerprint.h"
#include "dataset/dataset_cache.h"

#include <ctype.h>
#include <string.h>

const char *dataset_field(const struct dataset_request *request, const char *usual)
{
    for (size_t i = 0; request->fields && i < request->fields->count; i++) {
        if (strcmp(request->fields->entries[i].key, usual) == 0)
            return request->fields->entries[i].text;
    }
    return NULL;
}

static void finish(char hex[SHA256_HEX_SIZE], struct sha256 *hash)
{
    unsigned char digest[SHA256_BYTES];
    sha256_end(hash, digest);
    sha256_hex(hex, digest);
}

static void tell_hashing(void *context, uint64_t done, uint64_t total)
{
    struct dataset_meter *meter = context;
    meter->total = total;
    dataset_meter_tell(meter, done);
}

assay_status dataset_fingerprint(char hex[SHA256_HEX_SIZE], const char *path,
                                 struct dataset_meter *meter, assay_error *error)
{
    struct fingerprint mark;
    assay_status status = fingerprint_take(&mark, path, tell_hashing, meter, error);
    meter->total = mark.bytes;
    memcpy(hex, mark.hex, sizeof mark.hex);
    return status;
}

/* Name, length and bytes, so that no two lists of items look alike. */
static void add_item(struct sha256 *hash, const char *name, const char *text)
{
    uint64_t length = strlen(text);
    sha256_add(hash, name, strlen(name) + 1);
    sha256_add(hash, &length, sizeof length);
    sha256_add(hash, text, length);
}

static void add_number(struct sha256 *hash, const char *name, int64_t number)
{
    sha256_add(hash, name, strlen(name) + 1);
    sha256_add(hash, &number, sizeof number);
}

/* Readers go by the ending of the name. */
static void add_ending(struct sha256 *hash, const char *path)
{
    char ending[16] = "";
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash : path, '.');
    size_t length = dot ? strlen(dot) : 0;
    for (size_t i = 0; length < sizeof ending && i < length; i++)
        ending[i] = (char)tolower((unsigned char)dot[i]);
    add_item(hash, "ending", file_is_folder(path) ? "/" : ending);
}

/* *found tells whether there is such a file. */
static assay_status add_file(struct sha256 *hash, bool *found, const char *folder, const char *name,
                             assay_error *error)
{
    char hex[SHA256_HEX_SIZE];
    char *path = *name ? path_join(folder, name) : memory_copy_string(folder);
    if (!path)
        return error_memory(error, strlen(folder));
    *found = file_exists(path) && !file_is_folder(path);
    assay_status status = *found ? sha256_file(hex, path, error) : ASSAY_OK;
    if (!status && *found)
        add_item(hash, name, hex);
    memory_free(path);
    return status;
}

static assay_status add_tokenizer(struct sha256 *hash, const char *folder, assay_error *error)
{
    static const char *const names[] = {"tokenizer.json",
                                        "vocab.txt",
                                        "vocab.json",
                                        "merges.txt",
                                        "tokenizer_config.json",
                                        "special_tokens_map.json",
                                        "added_tokens.json",
                                        "config.json"};
    bool found, any = false, whole = false;
    if (!file_is_folder(folder)) {
        assay_status status = add_file(hash, &any, folder, "", error);
        if (!status && !any)
            status = error_set(error, ASSAY_ERROR_NOT_FOUND, "there is no tokenizer");
        error_at_file(status ? error : NULL, folder);
        return status;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        /* config.json names the family of a tokenizer that tokenizer.json does not describe. */
        if (whole && strcmp(names[i], "config.json") == 0)
            continue;
        assay_status status = add_file(hash, &found, folder, names[i], error);
        if (status)
            return status;
        whole = whole || (found && i == 0);
        any = any || (found && i < 4);
    }
    if (any)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_NOT_FOUND, "there are no files of a tokenizer");
    error_at_file(error, folder);
    return ASSAY_ERROR_NOT_FOUND;
}

assay_status dataset_key(char hex[SHA256_HEX_SIZE], const struct dataset_request *request,
                         const char *fingerprint, assay_error *error)
{
    static const char *const usual[] = {"text", "pair", "id", "label"};
    struct sha256 hash;
    sha256_begin(&hash);
    add_number(&hash, "assay tokens", DATASET_CACHE_VERSION);
    add_item(&hash, "assay", ASSAY_VERSION); /* a tokenizer may have been put right */
    add_item(&hash, "data", fingerprint);
    add_ending(&hash, request->path);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        const char *name = dataset_field(request, usual[i]);
        if (name)
            add_item(&hash, usual[i], name);
    }
    add_number(&hash, "labels", request->labels);
    add_number(&hash, "max_tokens", request->max_tokens);
    add_number(&hash, "vocabulary", assay_tokenizer_vocabulary_size(request->tokenizer));
    assay_status status = add_tokenizer(&hash, request->tokenizer_folder, error);
    finish(hex, &hash);
    return status;
}
