/* How the texts of the training rows were cleaned: detector.json carries it on, so that texts can
 * be cleaned alike before they are judged. */
#include "base/error.h"
#include "train/file_cleaning.h"
#include "train/training.h"

assay_status training_read_cleaning(assay_training *t, assay_error *error)
{
    char line[512];
    assay_error why = {0};
    assay_status status = file_cleaning_read(&t->cleaning, &t->cleaning_known, t->recipe.data.train,
                                             t->train.feed.data.fingerprint, &why);
    if (!status)
        return ASSAY_OK;
    if (status == ASSAY_ERROR_MEMORY)
        return error_memory(error, 1);
    /* A run does not fail for a card that says nothing of use. */
    assay_error_format(&why, line, sizeof line);
    training_note(t, "detector.json will not say how the texts were cleaned: %s", line);
    return ASSAY_OK;
}
