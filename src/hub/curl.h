/* The few functions of libcurl that assay calls, opened with dlopen so that nothing else pays for
 * its 30 libraries. The numbers below are part of libcurl's stable ABI.
 */
#ifndef ASSAY_HUB_CURL_H
#define ASSAY_HUB_CURL_H

#include "assay/status.h"

enum {
    CURL_WRITEDATA = 10001,
    CURL_URL = 10002,
    CURL_ERRORBUFFER = 10010,
    CURL_LOW_SPEED_LIMIT = 19,
    CURL_LOW_SPEED_TIME = 20,
    CURL_USERAGENT = 10018,
    CURL_HTTPHEADER = 10023,
    CURL_HEADERDATA = 10029,
    CURL_FOLLOWLOCATION = 52,
    CURL_CONNECTTIMEOUT = 78,
    CURL_NOSIGNAL = 99,
    CURL_WRITEFUNCTION = 20011,
    CURL_HEADERFUNCTION = 20079,
    CURL_PROTOCOLS = 181,
    CURL_RESPONSE_CODE = 0x200002,
    CURL_REDIRECT_URL = 0x10001f,
    CURL_PROTOCOL_HTTP = 1,
    CURL_PROTOCOL_HTTPS = 2,
    CURL_GLOBAL_DEFAULT = 3,
    CURL_ERROR_SIZE = 256,
    CURL_CANNOT_RESOLVE = 6,
    CURL_CANNOT_CONNECT = 7,
    CURL_ABORTED_BY_CALLBACK = 23, /* what a short count from the write function becomes */
};

struct curl_library {
    void *(*easy_init)(void);
    int (*easy_setopt)(void *handle, int option, ...);
    int (*easy_perform)(void *handle);
    int (*easy_getinfo)(void *handle, int info, ...);
    void (*easy_reset)(void *handle);
    void (*easy_cleanup)(void *handle);
    const char *(*easy_strerror)(int code);
    void *(*slist_append)(void *list, const char *text);
    void (*slist_free_all)(void *list);
};

/* Opened once a process and kept; safe from any thread. */
assay_status curl_open(const struct curl_library **out, assay_error *error);

#endif
