#include "hub/source.h"

#include "base/error.h"
#include "base/file.h"
#include "base/home.h"
#include "base/json.h"
#include "base/memory.h"
#include "hub/archive.h"
#include "hub/http.h"
#include "hub/model_files.h"
#include "hub/staging.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_LISTING = 64 << 20, MAX_COMMIT = 64 };

static const uint64_t MAX_FILE = UINT64_C(1) << 40;
static const char HUB[] = "https://huggingface.co";
static const char DEFAULT_REVISION[] = "main";
static const char DEFAULT_ORGANISATION[] = "sentence-transformers/";

struct hub {
    struct pull *pull;
    const char *endpoint;
    const char *revision;
    const char *name; /* with its organisation, where it has one */
    struct http_client *client;
    struct staging staging;
    char commit[MAX_COMMIT + 1];
};

static const char *hub_endpoint(void)
{
    const char *endpoint = getenv("HF_ENDPOINT");
    return endpoint && *endpoint ? endpoint : HUB;
}

static bool append_encoded(struct buffer *url, const char *text, bool keep_slash)
{
    bool done = true;
    for (const unsigned char *c = (const unsigned char *)text; *c && done; c++) {
        if (isalnum(*c) || strchr("-._~", *c) || (*c == '/' && keep_slash))
            done = buffer_append_byte(url, (char)*c);
        else
            done = buffer_format(url, "%%%02X", *c);
    }
    return done;
}

static bool append_endpoint(struct buffer *url, const char *endpoint)
{
    size_t length = strlen(endpoint);
    while (length && endpoint[length - 1] == '/')
        length--;
    return buffer_append(url, endpoint, length);
}

static assay_status get_listing(struct hub *hub, struct json **root, assay_error *error)
{
    struct buffer url = {0};
    struct buffer body = {0};
    assay_status status;
    *root = NULL;
    if (!append_endpoint(&url, hub->endpoint) || !buffer_append_string(&url, "/api/models/") ||
        !append_encoded(&url, hub->name, true) || !buffer_append_string(&url, "/revision/") ||
        !append_encoded(&url, hub->revision, false) || !buffer_append_string(&url, "?blobs=true"))
        status = error_memory(error, url.length);
    else
        status = http_get(hub->client, &body, url.bytes, MAX_LISTING, error);
    if (!status)
        status = json_parse(root, body.bytes ? body.bytes : "", body.length, url.bytes, error);
    buffer_free(&body);
    buffer_free(&url);
    return status;
}

struct wanted {
    const char *path;
    uint64_t size;      /* UINT64_MAX: not stated */
    const char *sha256; /* NULL: not stated */
};

static assay_status read_sibling(struct wanted *out, const struct json *sibling, assay_error *error)
{
    const struct json *lfs = json_member(sibling, "lfs");
    int64_t size = -1;
    *out = (struct wanted){0};
    assay_status status = json_read_string(&out->path, sibling, "rfilename", true, error);
    if (!status)
        status = json_read_integer(&size, sibling, "size", 0, INT64_MAX, false, error);
    if (!status && lfs)
        status = json_read_string(&out->sha256, lfs, "sha256", false, error);
    if (!status && lfs)
        status = json_read_integer(&size, lfs, "size", 0, INT64_MAX, false, error);
    out->size = size < 0 ? UINT64_MAX : (uint64_t)size;
    return status;
}

/* A download that an earlier call completed needs no network. */
static bool is_complete(const char *part, const struct wanted *file)
{
    struct stat state;
    char hex[SHA256_HEX_SIZE];
    return file->sha256 && stat(part, &state) == 0 && (uint64_t)state.st_size == file->size &&
           sha256_file(hex, part, NULL) == ASSAY_OK && strcmp(hex, file->sha256) == 0;
}

static assay_status get_file(struct hub *hub, const struct wanted *file, assay_error *error)
{
    struct buffer url = {0};
    char *part = NULL;
    assay_status status = staging_part(&part, &hub->staging, file->path, error);
    if (status)
        return status;
    if (!append_endpoint(&url, hub->endpoint) || !buffer_append_byte(&url, '/') ||
        !append_encoded(&url, hub->name, true) || !buffer_append_string(&url, "/resolve/") ||
        !append_encoded(&url, hub->commit, false) || !buffer_append_byte(&url, '/') ||
        !append_encoded(&url, file->path, true)) {
        status = error_memory(error, url.length);
    } else if (!is_complete(part, file)) {
        const struct http_download download = {.url = url.bytes,
                                               .path = part,
                                               .max_bytes =
                                                   file->size == UINT64_MAX ? MAX_FILE : file->size,
                                               .shown_as = file->path,
                                               .progress = hub->pull->options->progress,
                                               .context = hub->pull->options->context};
        status = http_download(hub->client, &download, error);
    }
    if (!status)
        status = staging_adopt(&hub->staging, file->path, file->size, file->sha256, error);
    if (status)
        error_at_file(error, url.bytes);
    buffer_free(&url);
    memory_free(part);
    return status;
}

static bool lacks_safetensors(const struct json *siblings)
{
    for (size_t i = 0; i < json_count(siblings); i++) {
        const struct json *sibling = json_element(siblings, i);
        if (model_file_replaces_pickle(json_string(json_member(sibling, "rfilename"))))
            return false;
    }
    return true;
}

static assay_status get_files(struct hub *hub, const struct json *siblings, assay_error *error)
{
    assay_status status = ASSAY_OK;
    hub->staging.takes_pickle = lacks_safetensors(siblings);
    for (size_t i = 0; i < json_count(siblings) && !status; i++) {
        struct wanted file;
        status = read_sibling(&file, json_element(siblings, i), error);
        if (status)
            break;
        if (!staging_wants(&hub->staging, file.path))
            continue;
        status = archive_check_name(file.path, strlen(file.path), error);
        if (!status)
            status = get_file(hub, &file, error);
    }
    return status;
}

/* The listing's commit, so that all files come from the same one even if the branch moves. */
static assay_status read_commit(struct hub *hub, const struct json *root, assay_error *error)
{
    const char *commit = hub->revision;
    assay_status status = json_read_string(&commit, root, "sha", false, error);
    if (!status && (!*commit || strlen(commit) > MAX_COMMIT))
        status = error_set(error, ASSAY_ERROR_FORMAT, "the Hub's answer holds a strange commit");
    if (!status)
        strcpy(hub->commit, commit);
    return status;
}

static assay_status pull_listing(struct hub *hub, const struct json *root, const char *short_name,
                                 const char *source, assay_error *error)
{
    const struct json *siblings = json_member(root, "siblings");
    if (json_kind(siblings) != JSON_ARRAY)
        return error_set(error, ASSAY_ERROR_FORMAT, "the Hub's answer does not list files");
    assay_status status = read_commit(hub, root, error);
    if (!status)
        status = staging_open(&hub->staging, hub->pull->models, short_name, error);
    if (status)
        return status;
    struct manifest *manifest = &hub->staging.manifest;
    manifest->source = memory_copy_string(source);
    manifest->revision = memory_copy_string(hub->revision);
    manifest->origin = memory_copy_string(hub->commit);
    if (!manifest->source || !manifest->revision || !manifest->origin)
        return error_memory(error, strlen(source));
    status = get_files(hub, siblings, error);
    if (!status)
        status = staging_commit(&hub->staging, error);
    if (!status)
        status = manifest_report(hub->pull->result, manifest, hub->staging.final, false, error);
    return status;
}

/* One name of the Hub, with no guessing. */
static assay_status pull_exact(struct pull *pull, const char *name, bool only_look, bool *there,
                               assay_error *error)
{
    struct json *root = NULL;
    struct buffer source = {0};
    char *short_name = NULL;
    const char *slash = strrchr(name, '/');
    const char *last = slash ? slash + 1 : name;
    const char *revision = pull->options->revision ? pull->options->revision : DEFAULT_REVISION;
    struct hub hub = {.pull = pull,
                      .endpoint = hub_endpoint(),
                      .revision = revision,
                      .name = name,
                      .staging = {.lock = -1}};
    assay_status status = source_short_name(&short_name, pull, last, strlen(last), error);
    if (!status && !buffer_format(&source, "hub:%s", name))
        status = error_memory(error, strlen(name));
    if (!status && only_look)
        status = source_is_there(there, pull, short_name, source.bytes, revision, NULL, error);
    if (status || only_look)
        goto cleanup;
    status = http_client_open(&hub.client, getenv("HF_TOKEN"), hub.endpoint, error);
    if (!status)
        status = get_listing(&hub, &root, error);
    if (!status)
        status = pull_listing(&hub, root, short_name, source.bytes, error);
cleanup:
    staging_close(&hub.staging, status != ASSAY_OK);
    http_client_close(hub.client);
    json_free(root);
    buffer_free(&source);
    memory_free(short_name);
    return status;
}

static bool is_hub_name(const char *name)
{
    const char *slash = strchr(name, '/');
    if (!slash)
        return home_name_is_good(name);
    char *organisation = memory_copy_bytes(name, (size_t)(slash - name));
    bool good = organisation && home_name_is_good(organisation) && home_name_is_good(slash + 1);
    memory_free(organisation);
    return good;
}

assay_status source_hub(struct pull *pull, const char *name, assay_error *error)
{
    struct buffer longer = {0};
    bool there = false;
    bool bare = !strchr(name, '/');
    assay_status status = ASSAY_OK;
    if (!is_hub_name(name)) {
        error_set(error, ASSAY_ERROR_NOT_FOUND,
                  "there is no such file or folder, and it is not a name on the Hub");
        error_at_file(error, name);
        error_expected(error, "a folder, an archive, a URL or a name like org/model");
        return ASSAY_ERROR_NOT_FOUND;
    }
    if (bare && (!buffer_append_string(&longer, DEFAULT_ORGANISATION) ||
                 !buffer_append_string(&longer, name)))
        status = error_memory(error, strlen(name));
    if (!status && !pull->options->refresh)
        status = pull_exact(pull, name, true, &there, error);
    if (!status && !there && bare && !pull->options->refresh)
        status = pull_exact(pull, longer.bytes, true, &there, error);
    if (!status && !there) {
        status = pull_exact(pull, name, false, &there, error);
        bool unknown = status == ASSAY_ERROR_NOT_FOUND || status == ASSAY_ERROR_NETWORK;
        if (bare && unknown) { /* the Hub says 401 for names that it does not know */
            assay_error second;
            assay_status other = pull_exact(pull, longer.bytes, false, &there, &second);
            if (!other || status == ASSAY_ERROR_NOT_FOUND) {
                status = other;
                if (other && error)
                    *error = second;
            }
        }
    }
    buffer_free(&longer);
    return status;
}

/* "https://huggingface.co/org/model[/tree/revision]" -> the name; NULL for other addresses. */
static char *name_of_page(const char *url, char **revision)
{
    static const char tree[] = "/tree/";
    const char *hosts[] = {HUB, hub_endpoint()};
    *revision = NULL;
    for (size_t i = 0; i < 2; i++) {
        size_t length = strlen(hosts[i]);
        while (length && hosts[i][length - 1] == '/')
            length--;
        if (strncmp(url, hosts[i], length) != 0 || url[length] != '/')
            continue;
        char *name = memory_copy_string(url + length + 1);
        if (!name)
            return NULL;
        name[strcspn(name, "?#")] = '\0';
        char *branch = strstr(name, tree);
        if (branch) {
            *branch = '\0';
            *revision = memory_copy_string(branch + sizeof tree - 1);
        }
        size_t last = strlen(name);
        if (last && name[last - 1] == '/')
            name[last - 1] = '\0';
        if (is_hub_name(name))
            return name;
        memory_free(name);
        memory_free(*revision);
        *revision = NULL;
    }
    return NULL;
}

static bool is_archive_name(const char *name)
{
    static const char *const endings[] = {".whl", ".zip", ".tgz", ".tar.gz", ".tar"};
    size_t length = strcspn(name, "?#");
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t ending = strlen(endings[i]);
        if (length > ending && strncmp(name + length - ending, endings[i], ending) == 0)
            return true;
    }
    return false;
}

/* Downloads into HOME/models/.partial-download-<hash of the URL>, which outlives a broken try. */
static assay_status download_archive(struct pull *pull, const char *url, assay_error *error)
{
    struct staging staging = {.lock = -1};
    struct http_client *client = NULL;
    struct buffer source = {0};
    struct buffer name = {0};
    char *part = NULL;
    struct sha256 hash;
    unsigned char digest[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE];
    sha256_begin(&hash);
    sha256_add(&hash, url, strlen(url));
    sha256_end(&hash, digest);
    sha256_hex(hex, digest);
    assay_status status = ASSAY_OK;
    bool there = false;
    bool complete = true;
    if (!buffer_format(&name, "download-%.16s", hex) || !buffer_format(&source, "url:%s", url))
        status = error_memory(error, strlen(url));
    if (!status && !pull->options->refresh)
        status = source_is_anywhere(&there, pull, source.bytes, error);
    if (status || there)
        goto cleanup;
    complete = false;
    if (!status)
        status = staging_open(&staging, pull->models, name.bytes, error);
    if (!status)
        status = staging_part(&part, &staging, "archive", error);
    if (!status)
        status = http_client_open(&client, getenv("HF_TOKEN"), hub_endpoint(), error);
    if (!status) {
        const struct http_download download = {.url = url,
                                               .path = part,
                                               .max_bytes = MAX_FILE,
                                               .shown_as = url,
                                               .progress = pull->options->progress,
                                               .context = pull->options->context};
        status = http_download(client, &download, error);
    }
    complete = !status;
    if (!status)
        status = source_archive(pull, part, source.bytes, url, error);
cleanup:
    staging_close(&staging, !complete);
    http_client_close(client);
    buffer_free(&source);
    buffer_free(&name);
    memory_free(part);
    return status;
}

assay_status source_url(struct pull *pull, const char *url, assay_error *error)
{
    char *revision;
    char *name = name_of_page(url, &revision);
    assay_status status;
    if (name) {
        assay_pull_options options = *pull->options;
        struct pull inner = {&options, pull->models, pull->result};
        if (revision && !options.revision)
            options.revision = revision;
        status = source_hub(&inner, name, error);
    } else if (is_archive_name(url)) {
        status = download_archive(pull, url, error);
    } else {
        status = error_set(error, ASSAY_ERROR_UNSUPPORTED,
                           "the address is neither of an archive nor of a model's page");
        error_at_file(error, url);
        error_expected(error, ".whl, .zip, .tar.gz, .tgz or %s/org/model", hub_endpoint());
    }
    memory_free(name);
    memory_free(revision);
    return status;
}
