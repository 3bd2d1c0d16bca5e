#include "train/file_cleaning.h"

#include "base/error.h"
#include "prepare/card.h"

#include <string.h>

static assay_status take_passes(struct cleaning_record *out, const struct data_card *card,
                                assay_error *error)
{
    assay_status status = ASSAY_OK;
    for (size_t i = 0; i < json_count(card->steps) && !status; i++) {
        const struct json *step = json_element(card->steps, i);
        if (!strcmp(json_string(json_member(step, "verb")), "clean"))
            status = cleaning_record_add(out, json_member(step, "settings"), error);
    }
    return status;
}

assay_status file_cleaning_read(struct cleaning_record *out, bool *known, const char *path,
                                const char *sha256, assay_error *error)
{
    struct data_card card;
    *out = (struct cleaning_record){0};
    *known = false;
    assay_status status = card_open(&card, path, error);
    if (status || !card.root)
        return status;
    if (strcmp(card.sha256, sha256) != 0)
        status =
            error_set(error, ASSAY_ERROR_CHANGED, "it is not the file that its card describes");
    else
        status = take_passes(out, &card, error);
    if (status) {
        error_at_file(error, path);
        cleaning_record_free(out);
    }
    *known = !status;
    card_close(&card);
    return status;
}
