#include "hub/model_files.h"

#include "base/error.h"
#include "base/sha256.h"

#include <ctype.h>
#include <string.h>

enum { MAX_LICENCE = 100 };

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool ends(const char *text, const char *with)
{
    size_t length = strlen(text);
    size_t tail = strlen(with);
    return length >= tail && strcmp(text + length - tail, with) == 0;
}

/* Named as models/weight_files.c looks for them. */
static bool is_pickle(const char *path)
{
    static const char *const own[] = {"model.pt", "model.pth", "pytorch_model.pt",
                                      "pytorch_model.pth"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (strcmp(path, own[i]) == 0)
            return true;
    }
    return starts(path, "pytorch_model") && ends(path, ".bin") && !strchr(path, '/');
}

bool model_file_is_weights(const char *path)
{
    return ends(path, ".safetensors") || is_pickle(path);
}

bool model_file_replaces_pickle(const char *path)
{
    return model_file_kind(path) == MODEL_FILE_WANTED && ends(path, ".safetensors") &&
           starts(path, "model");
}

static enum model_file root_file(const char *name)
{
    static const char *const exact[] = {"README.md", "vocab.txt", "merges.txt", "recipe.yaml"};
    if (name[0] == '.')
        return MODEL_FILE_OTHER;
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
        if (strcmp(name, exact[i]) == 0)
            return MODEL_FILE_WANTED;
    }
    if (is_pickle(name) || strcmp(name, "pytorch_model.bin.index.json") == 0)
        return MODEL_FILE_PICKLE;
    if (ends(name, ".index.json"))
        return strcmp(name, "model.safetensors.index.json") == 0 ? MODEL_FILE_WANTED
                                                                 : MODEL_FILE_OTHER;
    if (ends(name, ".safetensors"))
        return starts(name, "model") || starts(name, "adapter") ? MODEL_FILE_WANTED
                                                                : MODEL_FILE_OTHER;
    if (ends(name, ".json") || ends(name, ".model") || starts(name, "LICENSE") ||
        starts(name, "LICENCE") || starts(name, "NOTICE"))
        return MODEL_FILE_WANTED;
    return MODEL_FILE_OTHER;
}

/* Modules of sentence-transformers lie in "1_Pooling", "2_Dense" and so on. */
static bool is_module_folder(const char *path)
{
    size_t digits = strspn(path, "0123456789");
    return digits && path[digits] == '_';
}

enum model_file model_file_kind(const char *path)
{
    const char *slash = strchr(path, '/');
    if (!slash)
        return root_file(path);
    bool inner = is_module_folder(path) &&
                 (strcmp(slash, "/config.json") == 0 || strcmp(slash, "/model.safetensors") == 0);
    return inner ? MODEL_FILE_WANTED : MODEL_FILE_OTHER;
}

struct line {
    const char *text;
    size_t length;
};

static bool next_line(struct line *line, const char **at, const char *end)
{
    if (*at >= end)
        return false;
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    line->text = *at;
    line->length = (size_t)((newline ? newline : end) - *at);
    *at = newline ? newline + 1 : end;
    while (line->length && isspace((unsigned char)line->text[line->length - 1]))
        line->length--;
    return true;
}

/* The value behind "key", without spaces and quotes around it; false for another line. */
static bool value_of(struct line *value, const struct line *line, const char *key)
{
    size_t at = strlen(key);
    if (line->length < at || memcmp(line->text, key, at) != 0)
        return false;
    size_t end = line->length;
    while (at < end && (line->text[at] == ' ' || line->text[at] == '\t'))
        at++;
    if (end - at >= 2 && (line->text[at] == '"' || line->text[at] == '\'') &&
        line->text[end - 1] == line->text[at]) {
        at++;
        end--;
    }
    *value = (struct line){line->text + at, end - at};
    if (value->length > MAX_LICENCE)
        value->length = 0;
    return true;
}

assay_status licence_of_readme(struct buffer *out, const char *text, size_t length,
                               assay_error *error)
{
    const char *at = text;
    const char *end = text + length;
    struct line line;
    struct line value;
    struct line licence = {0};
    struct line name = {0};
    bool expects_list = false;
    if (!next_line(&line, &at, end) || line.length != 3 || memcmp(line.text, "---", 3) != 0)
        return ASSAY_OK;
    while (next_line(&line, &at, end) && !(line.length == 3 && memcmp(line.text, "---", 3) == 0)) {
        if (expects_list && value_of(&value, &line, "-")) {
            licence = value;
            expects_list = false;
        } else if (value_of(&value, &line, "license:")) {
            licence = value;
            expects_list = !value.length;
        } else if (value_of(&value, &line, "license_name:")) {
            name = value;
        } else {
            expects_list = false;
        }
    }
    if (name.length && licence.length == 5 && memcmp(licence.text, "other", 5) == 0)
        licence = name;
    if (licence.length && !buffer_append(out, licence.text, licence.length))
        return error_memory(error, licence.length);
    return ASSAY_OK;
}

assay_status licence_of_metadata(struct buffer *out, const char *text, size_t length,
                                 assay_error *error)
{
    const char *at = text;
    struct line line;
    struct line value;
    struct line licence = {0};
    while (next_line(&line, &at, text + length) && line.length) {
        if (value_of(&value, &line, "License-Expression:"))
            licence = value;
        else if (!licence.length && value_of(&value, &line, "License:"))
            licence = value;
    }
    if (licence.length && !buffer_append(out, licence.text, licence.length))
        return error_memory(error, licence.length);
    return ASSAY_OK;
}

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* 43 digits of URL-safe base64 without padding are the 32 bytes. */
static bool decode_digest(char hex[65], const char *text, size_t length)
{
    enum { DIGITS = 43 };
    unsigned char digest[SHA256_BYTES];
    unsigned held = 0;
    unsigned bits = 0;
    size_t made = 0;
    if (length != DIGITS)
        return false;
    for (size_t i = 0; i < length; i++) {
        int digit = digit_of(text[i]);
        if (digit < 0)
            return false;
        held = (held << 6 | (unsigned)digit) & 0xffff;
        bits += 6;
        if (bits >= 8 && made < sizeof digest) {
            bits -= 8;
            digest[made++] = (unsigned char)(held >> bits & 0xff);
        }
    }
    sha256_hex(hex, digest);
    return made == sizeof digest;
}

bool record_checksum(char hex[65], const char *record, size_t length, const char *path)
{
    static const char kind[] = ",sha256=";
    const char *at = record;
    struct line line;
    size_t name = strlen(path);
    while (next_line(&line, &at, record + length)) {
        const char *text = line.text;
        const char *end = line.text + line.length;
        bool quoted = line.length && *text == '"';
        text += quoted;
        if ((size_t)(end - text) < name + quoted || memcmp(text, path, name) != 0)
            continue;
        text += name;
        if (quoted && *text++ != '"')
            continue;
        if ((size_t)(end - text) < sizeof kind - 1 || memcmp(text, kind, sizeof kind - 1) != 0)
            continue;
        text += sizeof kind - 1;
        const char *comma = memchr(text, ',', (size_t)(end - text));
        return decode_digest(hex, text, (size_t)((comma ? comma : end) - text));
    }
    return false;
}
