#include "hub/http.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "hub/curl.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_ETAG = 200,
    MAX_ATTEMPTS = 1000,
    CONNECT_SECONDS = 20,
    STALL_SECONDS = 60,
    FIRST_PAUSE_MS = 100,
    STATUS_OK = 200,
    STATUS_PARTIAL = 206,
    STATUS_REDIRECT = 300,
    STATUS_BAD = 400,
    STATUS_UNAUTHORIZED = 401,
    STATUS_FORBIDDEN = 403,
    STATUS_NOT_FOUND = 404,
    STATUS_BAD_RANGE = 416,
    STATUS_TOO_MANY = 429,
    STATUS_SERVER = 500,
};

struct http_client {
    const struct curl_library *curl;
    void *handle;
    char *token;
    char *token_url;
};

/* One request: where its body goes and what its headers said. */
struct transfer {
    struct http_client *client;
    const char *url;
    struct buffer *body; /* or a file: */
    int fd;
    const struct http_download *download;
    uint64_t offset; /* that the request asked to begin at */
    uint64_t done;
    uint64_t total; /* 0: unknown */
    uint64_t max_bytes;
    int code;
    char etag[MAX_ETAG];
    bool started;
    bool misplaced; /* the server answered with another range */
    assay_status failure;
    assay_error *error;
};

assay_status http_client_open(struct http_client **out, const char *token, const char *token_url,
                              assay_error *error)
{
    *out = NULL;
    struct http_client *client = memory_allocate_zeroed(1, sizeof *client);
    if (!client)
        return error_memory(error, sizeof *client);
    assay_status status = curl_open(&client->curl, error);
    if (!status) {
        client->handle = client->curl->easy_init();
        client->token = token && *token ? memory_copy_string(token) : NULL;
        client->token_url = memory_copy_string(token_url ? token_url : "");
        if (!client->handle || !client->token_url || (token && *token && !client->token))
            status = error_memory(error, sizeof *client);
    }
    if (!status && client->token && strpbrk(client->token, "\r\n"))
        status = error_set(error, ASSAY_ERROR_ARGUMENT, "the token holds a line end");
    if (status)
        http_client_close(client);
    else
        *out = client;
    return status;
}

void http_client_close(struct http_client *client)
{
    if (!client)
        return;
    if (client->handle)
        client->curl->easy_cleanup(client->handle);
    memory_free(client->token);
    memory_free(client->token_url);
    memory_free(client);
}

/* Same scheme, host and port: the token's URL must end at a border of the other one. */
static bool may_see_token(const struct http_client *client, const char *url)
{
    size_t length = strlen(client->token_url);
    while (length && client->token_url[length - 1] == '/')
        length--;
    return client->token && length && strncasecmp(url, client->token_url, length) == 0 &&
           (url[length] == '/' || url[length] == '?' || url[length] == '\0');
}

static bool has_scheme(const char *url, const char *scheme)
{
    return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

/* "Name: value\r\n" -> the value without the spaces around it. */
static bool header_value(char *out, size_t size, const char *line, size_t length, const char *name)
{
    size_t at = strlen(name);
    if (length <= at || line[at] != ':' || strncasecmp(line, name, at) != 0)
        return false;
    at++;
    while (at < length && (line[at] == ' ' || line[at] == '\t'))
        at++;
    while (length > at && isspace((unsigned char)line[length - 1]))
        length--;
    if (length - at >= size)
        return false;
    memcpy(out, line + at, length - at);
    out[length - at] = '\0';
    return true;
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t length = size * count;
    char value[MAX_ETAG];
    if (length > 9 && strncasecmp(line, "HTTP/", 5) == 0) { /* also after a 100 Continue */
        const char *space = memchr(line, ' ', length);
        transfer->code = space ? (int)strtol(space + 1, NULL, 10) : 0;
        transfer->etag[0] = '\0';
        transfer->total = 0;
    } else if (header_value(value, sizeof value, line, length, "ETag")) {
        memcpy(transfer->etag, value, sizeof value);
    } else if (header_value(value, sizeof value, line, length, "Content-Length")) {
        transfer->total = strtoull(value, NULL, 10) + transfer->offset;
    } else if (header_value(value, sizeof value, line, length, "Content-Range")) {
        char *digits = value + strcspn(value, "0123456789");
        transfer->misplaced = strtoull(digits, NULL, 10) != transfer->offset;
    }
    return length;
}

static size_t stop(struct transfer *transfer, assay_status status)
{
    transfer->failure = status;
    return 0;
}

static char *etag_path(const char *path)
{
    struct buffer name = {0};
    if (buffer_append_string(&name, path) && buffer_append_string(&name, ".etag"))
        return name.bytes;
    buffer_free(&name);
    return NULL;
}

/* Before the first byte of a file: start anew unless the server really goes on, and remember which
 * version of the file this is. */
static bool start_file(struct transfer *transfer)
{
    transfer->started = true;
    if (transfer->code == STATUS_OK && transfer->offset) {
        if (ftruncate(transfer->fd, 0) != 0 || lseek(transfer->fd, 0, SEEK_SET) != 0)
            return false;
        transfer->total =
            transfer->total > transfer->offset ? transfer->total - transfer->offset : 0;
        transfer->offset = transfer->done = 0;
    }
    char *path = etag_path(transfer->download->path);
    if (path && transfer->etag[0])
        (void)file_write(path, transfer->etag, strlen(transfer->etag), NULL);
    else if (path)
        unlink(path);
    memory_free(path);
    return true;
}

static bool write_file(struct transfer *transfer, const char *bytes, size_t length)
{
    while (length) {
        ssize_t count = write(transfer->fd, bytes, length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        bytes += count;
        length -= (size_t)count;
    }
    return true;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t length = size * count;
    if (transfer->code != STATUS_OK && transfer->code != STATUS_PARTIAL)
        return length; /* the page of an error */
    if (transfer->misplaced)
        return stop(transfer, error_set(transfer->error, ASSAY_ERROR_NETWORK,
                                        "the server sent another part than was asked for"));
    if (!transfer->body && !transfer->started && !start_file(transfer))
        return stop(transfer, error_set(transfer->error, ASSAY_ERROR_IO, "cannot write: %s",
                                        strerror(errno)));
    if (length > transfer->max_bytes - transfer->done) {
        stop(transfer, error_set(transfer->error, ASSAY_ERROR_LIMIT,
                                 "the server sends more than was announced"));
        error_expected(transfer->error, "at most %" PRIu64 " bytes", transfer->max_bytes);
        return 0;
    }
    if (transfer->body) {
        if (!buffer_append(transfer->body, bytes, length))
            return stop(transfer, error_memory(transfer->error, length));
    } else if (!write_file(transfer, bytes, length)) {
        stop(transfer,
             error_set(transfer->error, ASSAY_ERROR_IO, "cannot write: %s", strerror(errno)));
        error_at_file(transfer->error, transfer->download->path);
        return 0;
    }
    transfer->done += length;
    if (transfer->download && transfer->download->progress)
        transfer->download->progress(transfer->download->context, transfer->download->shown_as,
                                     transfer->done, transfer->total);
    return length;
}

/* The request's own header lines; NULL list when there are none. */
static bool make_headers(void **list, const struct transfer *transfer, const char *url,
                         const char *if_range)
{
    const struct http_client *client = transfer->client;
    struct buffer line = {0};
    bool done = true;
    *list = NULL;
    if (may_see_token(client, url)) {
        done = buffer_format(&line, "Authorization: Bearer %s", client->token) &&
               (*list = client->curl->slist_append(*list, line.bytes));
    }
    if (done && transfer->offset) {
        buffer_clear(&line);
        done = buffer_format(&line, "Range: bytes=%" PRIu64 "-", transfer->offset) &&
               (*list = client->curl->slist_append(*list, line.bytes));
    }
    if (done && transfer->offset && if_range[0]) {
        buffer_clear(&line);
        done = buffer_format(&line, "If-Range: %s", if_range) &&
               (*list = client->curl->slist_append(*list, line.bytes));
    }
    buffer_free(&line);
    return done;
}

static assay_status network_error(const struct transfer *transfer, const char *what,
                                  assay_error *error)
{
    error_set(error, ASSAY_ERROR_NETWORK, "%s", what);
    error_at_file(error, transfer->url);
    return ASSAY_ERROR_NETWORK;
}

/* One request to one host; *next is where it redirects to (owned by libcurl until the next call).
 * *again tells that trying once more may help. */
static assay_status request(struct transfer *transfer, const char *url, const char *if_range,
                            char **next, bool *again)
{
    const struct curl_library *curl = transfer->client->curl;
    void *handle = transfer->client->handle;
    char message[CURL_ERROR_SIZE] = "";
    void *headers;
    *next = NULL;
    transfer->code = 0;
    transfer->started = transfer->misplaced = false;
    transfer->failure = ASSAY_OK;
    curl->easy_reset(handle);
    if (!make_headers(&headers, transfer, url, if_range)) {
        curl->slist_free_all(headers);
        return error_memory(transfer->error, strlen(url));
    }
    curl->easy_setopt(handle, CURL_URL, url);
    curl->easy_setopt(handle, CURL_NOSIGNAL, 1L);
    curl->easy_setopt(handle, CURL_FOLLOWLOCATION, 0L);
    curl->easy_setopt(handle, CURL_PROTOCOLS, (long)(CURL_PROTOCOL_HTTP | CURL_PROTOCOL_HTTPS));
    curl->easy_setopt(handle, CURL_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl->easy_setopt(handle, CURL_LOW_SPEED_LIMIT, 1L);
    curl->easy_setopt(handle, CURL_LOW_SPEED_TIME, (long)STALL_SECONDS);
    curl->easy_setopt(handle, CURL_USERAGENT, "assay/" ASSAY_VERSION);
    curl->easy_setopt(handle, CURL_HTTPHEADER, headers);
    curl->easy_setopt(handle, CURL_ERRORBUFFER, message);
    curl->easy_setopt(handle, CURL_WRITEFUNCTION, on_body);
    curl->easy_setopt(handle, CURL_WRITEDATA, transfer);
    curl->easy_setopt(handle, CURL_HEADERFUNCTION, on_header);
    curl->easy_setopt(handle, CURL_HEADERDATA, transfer);
    int outcome = curl->easy_perform(handle);
    curl->easy_getinfo(handle, CURL_REDIRECT_URL, next);
    curl->easy_setopt(handle, CURL_ERRORBUFFER, NULL);
    curl->slist_free_all(headers);
    if (transfer->failure) {
        error_at_file(transfer->error, transfer->url);
        return transfer->failure;
    }
    if (outcome == 0)
        return ASSAY_OK;
    *again = outcome != CURL_CANNOT_RESOLVE && outcome != CURL_CANNOT_CONNECT;
    return network_error(transfer, message[0] ? message : curl->easy_strerror(outcome),
                         transfer->error);
}

static assay_status judge(const struct transfer *transfer, bool *again)
{
    int code = transfer->code;
    char message[160];
    if (code == STATUS_OK || code == STATUS_PARTIAL)
        return ASSAY_OK;
    *again = code >= STATUS_SERVER || code == STATUS_TOO_MANY;
    if (code == STATUS_NOT_FOUND) {
        error_set(transfer->error, ASSAY_ERROR_NOT_FOUND, "the server has no such file (404)");
        error_at_file(transfer->error, transfer->url);
        return ASSAY_ERROR_NOT_FOUND;
    }
    if (code == STATUS_UNAUTHORIZED || code == STATUS_FORBIDDEN)
        snprintf(message, sizeof message,
                 "the server refuses access (%d): the name may be wrong, or the model is gated or "
                 "private and HF_TOKEN is needed",
                 code);
    else
        snprintf(message, sizeof message, "the server answered with status %d", code);
    return network_error(transfer, message, transfer->error);
}

/* Follows redirects by hand. */
static assay_status fetch(struct transfer *transfer, const char *if_range, bool *again)
{
    char *url = memory_copy_string(transfer->url);
    assay_status status = url ? ASSAY_OK : error_memory(transfer->error, strlen(transfer->url));
    *again = false;
    for (int hops = 0; !status; hops++) {
        char *next;
        status = request(transfer, url, if_range, &next, again);
        if (status || transfer->code < STATUS_REDIRECT || transfer->code >= STATUS_BAD || !next) {
            if (!status)
                status = judge(transfer, again);
            break;
        }
        bool allowed = has_scheme(next, "https://") ||
                       (has_scheme(next, "http://") && !has_scheme(url, "https://"));
        if (!allowed || hops == HTTP_MAX_REDIRECTS) {
            status = network_error(transfer,
                                   allowed ? "too many redirects"
                                           : "the server redirects to an address that "
                                             "is not safe to follow",
                                   transfer->error);
            break;
        }
        char *copy = memory_copy_string(next);
        memory_free(url);
        url = copy;
        if (!url)
            status = error_memory(transfer->error, 1);
    }
    memory_free(url);
    return status;
}

static void pause_before(int attempt)
{
    long milliseconds = (long)FIRST_PAUSE_MS << attempt;
    struct timespec time = {.tv_sec = milliseconds / 1000,
                            .tv_nsec = milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static assay_status check_url(const char *url, assay_error *error)
{
    if ((has_scheme(url, "http://") || has_scheme(url, "https://")) && !strpbrk(url, " \r\n\t"))
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_ARGUMENT, "not an http or https address");
    error_at_file(error, url);
    return ASSAY_ERROR_ARGUMENT;
}

assay_status http_get(struct http_client *client, struct buffer *body, const char *url,
                      size_t max_bytes, assay_error *error)
{
    bool again = true;
    assay_status status = check_url(url, error);
    if (status)
        return status;
    for (int attempt = 0; attempt < HTTP_ATTEMPTS && again; attempt++) {
        struct transfer transfer = {
            .client = client, .url = url, .body = body, .max_bytes = max_bytes, .error = error};
        if (attempt)
            pause_before(attempt);
        buffer_clear(body);
        status = fetch(&transfer, "", &again);
        again = again && status;
    }
    return status;
}

static void read_etag(char etag[MAX_ETAG], const char *path)
{
    struct buffer text = {0};
    char *name = etag_path(path);
    etag[0] = '\0';
    /* A weak ETag cannot guard a range. */
    if (name && !file_read(&text, name, MAX_ETAG - 1, NULL) && text.length &&
        strncmp(text.bytes, "W/", 2) != 0 && !strpbrk(text.bytes, "\r\n"))
        memcpy(etag, text.bytes, text.length + 1);
    buffer_free(&text);
    memory_free(name);
}

/* One attempt, from wherever the file on disk ends. */
static assay_status continue_file(struct http_client *client, const struct http_download *download,
                                  int fd, bool *again, assay_error *error)
{
    char etag[MAX_ETAG];
    struct transfer transfer = {.client = client,
                                .url = download->url,
                                .fd = fd,
                                .download = download,
                                .max_bytes = download->max_bytes,
                                .error = error};
    read_etag(etag, download->path);
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0 || (uint64_t)size > download->max_bytes || (size && !etag[0])) {
        /* Without an ETag nothing says that the two halves would belong together. */
        if (ftruncate(fd, 0) != 0)
            return error_set(error, ASSAY_ERROR_IO, "cannot write: %s", strerror(errno));
        size = lseek(fd, 0, SEEK_SET);
    }
    transfer.offset = transfer.done = (uint64_t)size;
    assay_status status = fetch(&transfer, etag, again);
    if (transfer.code == STATUS_BAD_RANGE && transfer.offset) {
        if (ftruncate(fd, 0) == 0)
            *again = true;
        return status;
    }
    if (!status && !transfer.started && transfer.code == STATUS_OK && ftruncate(fd, 0) != 0)
        status = error_set(error, ASSAY_ERROR_IO, "cannot write: %s", strerror(errno));
    return status;
}

assay_status http_download(struct http_client *client, const struct http_download *download,
                           assay_error *error)
{
    bool again = true;
    assay_status status = check_url(download->url, error);
    if (status)
        return status;
    int fd = open(download->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        error_set(error, ASSAY_ERROR_IO, "cannot write: %s", strerror(errno));
        error_at_file(error, download->path);
        return ASSAY_ERROR_IO;
    }
    int attempt = 0;
    for (int total = 0; attempt < HTTP_ATTEMPTS && total < MAX_ATTEMPTS && again; total++) {
        off_t before = lseek(fd, 0, SEEK_END);
        if (attempt)
            pause_before(attempt);
        status = continue_file(client, download, fd, &again, error);
        again = again && status;
        attempt = lseek(fd, 0, SEEK_END) > before ? 1 : attempt + 1; /* what moves on may go on */
    }
    if (fsync(fd) != 0 && !status)
        status = error_set(error, ASSAY_ERROR_IO, "cannot write: %s", strerror(errno));
    if (close(fd) != 0 && !status)
        status = error_set(error, ASSAY_ERROR_IO, "cannot write: %s", strerror(errno));
    if (!status) {
        char *etag = etag_path(download->path);
        if (etag)
            unlink(etag);
        memory_free(etag);
    } else {
        error_at_file(error, download->path);
    }
    return status;
}
