#include "hub/curl.h"

#include "base/error.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static struct curl_library library;
static bool library_found;
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

/* A function pointer cannot be cast from void * in strict C. */
static bool find(void *handle, const char *name, void *function, size_t size)
{
    void *symbol = dlsym(handle, name);
    memcpy(function, &symbol, size);
    return symbol != NULL;
}

static bool load(const char *name)
{
    int (*global_init)(long flags);
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return false;
    bool complete =
        find(handle, "curl_global_init", &global_init, sizeof global_init) &&
        find(handle, "curl_easy_init", &library.easy_init, sizeof library.easy_init) &&
        find(handle, "curl_easy_setopt", &library.easy_setopt, sizeof library.easy_setopt) &&
        find(handle, "curl_easy_perform", &library.easy_perform, sizeof library.easy_perform) &&
        find(handle, "curl_easy_getinfo", &library.easy_getinfo, sizeof library.easy_getinfo) &&
        find(handle, "curl_easy_reset", &library.easy_reset, sizeof library.easy_reset) &&
        find(handle, "curl_easy_cleanup", &library.easy_cleanup, sizeof library.easy_cleanup) &&
        find(handle, "curl_easy_strerror", &library.easy_strerror, sizeof library.easy_strerror) &&
        find(handle, "curl_slist_append", &library.slist_append, sizeof library.slist_append) &&
        find(handle, "curl_slist_free_all", &library.slist_free_all, sizeof library.slist_free_all);
    return complete && global_init(CURL_GLOBAL_DEFAULT) == 0;
}

static void load_any(void)
{
    library_found = load("libcurl.so.4") || load("libcurl-gnutls.so.4");
}

assay_status curl_open(const struct curl_library **out, assay_error *error)
{
    pthread_once(&library_once, load_any);
    *out = &library;
    if (library_found)
        return ASSAY_OK;
    return error_set(error, ASSAY_ERROR_MISSING_LIBRARY,
                     "downloads need libcurl: install the package libcurl4, or pull from a folder "
                     "or an archive");
}
