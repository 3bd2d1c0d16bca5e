/* HTTP downloads through libcurl, which is opened when first used: ASSAY_ERROR_MISSING_LIBRARY
 * names the package when it is not installed.
 *
 * Only http and https, never from https down to http. Redirects are followed here, not by libcurl,
 * so that the token provably goes to the first host alone. Interrupted transfers are tried again
 * and go on where they stopped. A client serves one thread.
 */
#ifndef ASSAY_HUB_HTTP_H
#define ASSAY_HUB_HTTP_H

#include "assay/pull.h"
#include "base/buffer.h"

enum { HTTP_MAX_REDIRECTS = 10, HTTP_ATTEMPTS = 5 };

struct http_client;

/* `token` (may be NULL) is sent to URLs that begin with `token_url` alone. */
assay_status http_client_open(struct http_client **out, const char *token, const char *token_url,
                              assay_error *error);
void http_client_close(struct http_client *client); /* NULL allowed */

/* ASSAY_ERROR_NOT_FOUND for 404, ASSAY_ERROR_NETWORK for all else, with the URL as file. */
assay_status http_get(struct http_client *client, struct buffer *body, const char *url,
                      size_t max_bytes, assay_error *error);

struct http_download {
    const char *url;
    const char *path;     /* grows here; what is there already is continued, guarded by its ETag,
                             which is kept in "path.etag" */
    uint64_t max_bytes;   /* more is refused */
    const char *shown_as; /* for progress */
    assay_pull_progress *progress; /* may be NULL */
    void *context;
};

/* Complete when it returns ASSAY_OK; on failure the part is left for the next time. */
assay_status http_download(struct http_client *client, const struct http_download *download,
                           assay_error *error);

#endif
