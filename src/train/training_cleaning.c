/* How the texts of the training rows were cleaned, by the card that lies beside them: detector.json
 * carries it on, so that texts can be cleaned alike before they are judged. */
#include "base/error.h"
#include "prepare/card.h"
#include "train/training.h"

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

/* A run does not fail for a card that says nothing of use. */
static assay_status leave(assay_training *t, const assay_error *why, assay_error *error)
{
    char line[512];
    cleaning_record_free(&t->cleaning);
    if (why->status == ASSAY_ERROR_MEMORY)
        return error_memory(error, 1);
    assay_error_format(why, line, sizeof line);
    training_note(t, "detector.json will not say how the texts were cleaned: %s", line);
    return ASSAY_OK;
}

assay_status training_read_cleaning(assay_training *t, assay_error *error)
{
    struct data_card card;
    assay_error why = {0};
    const char *path = t->recipe.data.train;
    assay_status status = card_open(&card, path, &why);
    if (status)
        return leave(t, &why, error);
    if (!card.root)
        return ASSAY_OK;
    if (strcmp(card.sha256, t->train.feed.data.fingerprint) != 0) {
        status = error_set(&why, ASSAY_ERROR_CHANGED, "it is not the file that its card describes");
        error_at_file(&why, path);
    } else {
        status = take_passes(&t->cleaning, &card, &why);
        error_at_file(&why, path);
    }
    card_close(&card);
    t->cleaning_known = !status;
    return status ? leave(t, &why, error) : ASSAY_OK;
}
