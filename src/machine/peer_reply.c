#include "machine/peer_reply.h"

#include "base/error.h"
#include "base/json.h"

#include <math.h>
#include <stdio.h>

enum { TOKENS_MOST = INT32_MAX };

/* What the peer gave up over. */
static assay_status told(const struct json *root, const char *message, assay_error *error)
{
    bool missing = false, wrong = false;
    json_read_boolean(&missing, root, "missing", false, NULL);
    json_read_boolean(&wrong, root, "wrong", false, NULL);
    return error_set(error,
                     missing ? ASSAY_ERROR_MISSING_LIBRARY
                     : wrong ? ASSAY_ERROR_ARGUMENT
                             : ASSAY_ERROR_UNSUPPORTED,
                     "the peer: %s", message);
}

static assay_status read_figures(struct peer_reply *reply, const struct json *root,
                                 assay_error *error)
{
    assay_status status =
        json_read_integer(&reply->batches, root, "batches", 1, TOKENS_MOST, true, error);
    if (status == ASSAY_OK)
        status = json_read_integer(&reply->tokens, root, "tokens", 1, TOKENS_MOST, true, error);
    if (status == ASSAY_OK)
        status =
            json_read_integer(&reply->peak_bytes, root, "peak_bytes", 1, INT64_MAX, true, error);
    if (status == ASSAY_OK)
        status = json_read_number(&reply->seconds, root, "seconds", true, error);
    if (status == ASSAY_OK && !(isfinite(reply->seconds) && reply->seconds > 0.0)) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "the time is not positive");
        error_at_place(error, "seconds");
    }
    return status;
}

assay_status peer_reply_read(struct peer_reply *reply, bool ready, const char *line, size_t length,
                             assay_error *error)
{
    struct json *root = NULL;
    const char *text = NULL;
    bool is_ready = false;
    *reply = (struct peer_reply){0};
    assay_status status = json_parse(&root, line, length, "what the peer answered", error);
    if (status != ASSAY_OK)
        return status;
    status = json_read_string(&text, root, "error", false, error);
    if (status == ASSAY_OK && text) {
        status = told(root, text, error);
    } else if (status == ASSAY_OK && ready) {
        status = json_read_boolean(&is_ready, root, "ready", true, error);
        if (status == ASSAY_OK)
            status = json_read_string(&text, root, "versions", true, error);
        if (status == ASSAY_OK)
            snprintf(reply->versions, sizeof reply->versions, "%s", text);
        if (status == ASSAY_OK && !is_ready)
            status = error_set(error, ASSAY_ERROR_FORMAT, "the peer is not ready");
    } else if (status == ASSAY_OK) {
        status = read_figures(reply, root, error);
    }
    json_free(root);
    return status;
}
