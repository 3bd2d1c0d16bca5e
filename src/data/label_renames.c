#include "data/label_renames.h"

#include "base/error.h"

#include <stdbool.h>
#include <string.h>

assay_status label_renames_check(const struct label_renames *renames, assay_error *error)
{
    for (size_t i = 0; i < renames->count; i++) {
        const assay_label_rename *entry = renames->entries ? &renames->entries[i] : NULL;
        if (!entry || !entry->from || !*entry->from || !entry->to || !*entry->to) {
            error_set(error, ASSAY_ERROR_ARGUMENT, "a label is renamed from or to nothing");
            error_expected(error, "two names");
            return ASSAY_ERROR_ARGUMENT;
        }
        if (label_renames_find(renames, entry->from) != (int64_t)i) {
            error_set(error, ASSAY_ERROR_ARGUMENT, "a label is renamed twice");
            error_found(error, "\"%.60s\"", entry->from);
            return ASSAY_ERROR_ARGUMENT;
        }
    }
    return ASSAY_OK;
}

assay_status label_renames_check_targets(const struct label_renames *renames,
                                         const char *const *labels, int32_t count,
                                         assay_error *error)
{
    for (size_t i = 0; i < renames->count; i++) {
        bool there = false;
        for (int32_t l = 0; l < count && !there; l++)
            there = !strcmp(labels[l], renames->entries[i].to);
        if (there)
            continue;
        error_set(error, ASSAY_ERROR_ARGUMENT, "a label is renamed to one that the model lacks");
        error_expected(error, "one of its %d labels, \"%.60s\" among them", (int)count,
                       count ? labels[0] : "");
        error_found(error, "\"%.60s\"", renames->entries[i].to);
        return ASSAY_ERROR_ARGUMENT;
    }
    return ASSAY_OK;
}

assay_status label_renames_unused(const struct label_renames *renames, size_t entry,
                                  const char *path, assay_error *error)
{
    error_set(error, ASSAY_ERROR_ARGUMENT, "no row has the label that is to be renamed");
    error_at_file(error, path);
    error_found(error, "\"%.60s\"", renames->entries[entry].from);
    return ASSAY_ERROR_ARGUMENT;
}

int64_t label_renames_find(const struct label_renames *renames, const char *label)
{
    for (size_t i = 0; i < renames->count; i++) {
        if (!strcmp(renames->entries[i].from, label))
            return (int64_t)i;
    }
    return -1;
}

const char *label_renames_apply(const struct label_renames *renames, const char *label)
{
    int64_t at = label_renames_find(renames, label);
    return at < 0 ? label : renames->entries[at].to;
}
