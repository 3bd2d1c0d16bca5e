/* Opens a model folder for a task and saves it as training would, for tools/check_trained_model.py:
 *
 *     trainable_driver MODEL_DIR OUT_DIR classify LABEL LABEL...
 *     trainable_driver MODEL_DIR OUT_DIR regress | causal_lm | masked_lm
 *
 * All weights go through the trained run, unchanged. Names of the drawn ones go to the output. */
#include "models/trainable.h"

#include <stdio.h>
#include <string.h>

static bool read_task(enum model_task *task, const char *word)
{
    static const char *const words[] = {"classify", "regress", "causal_lm", "masked_lm"};
    for (int i = 0; i < 4; i++) {
        if (!strcmp(words[i], word)) {
            *task = (enum model_task)i;
            return true;
        }
    }
    return false;
}

int main(int count, char **words)
{
    struct model_purpose purpose = {.seed = 1};
    if (count < 4 || !read_task(&purpose.task, words[3])) {
        fprintf(stderr, "usage: %s MODEL_DIR OUT_DIR TASK [LABEL...]\n", words[0]);
        return 2;
    }
    purpose.labels = purpose.task == MODEL_TASK_REGRESS ? 1 : count - 4;
    if (purpose.task == MODEL_TASK_CLASSIFY)
        purpose.label_names = (const char *const *)(words + 4);
    assay_model *model = NULL;
    assay_error error = {0};
    assay_status status = model_open_trainable(&model, words[1], &purpose, &error);
    if (status == ASSAY_OK)
        status = parameter_set_train(model->parameters, NULL, NULL, &error);
    for (int64_t i = 0; status == ASSAY_OK && i < parameter_set_count(model->parameters); i++) {
        const char *name = parameter_set_get(model->parameters, i)->name;
        if (model_weight_is_new(model, name))
            puts(name);
    }
    if (status == ASSAY_OK) {
        model_release_read_weights(model);
        status = model_save_trained(model, words[2], &error);
    }
    if (status != ASSAY_OK) {
        char line[1200];
        assay_error_format(&error, line, sizeof line);
        fprintf(stderr, "%s\n", line);
    }
    assay_model_close(model);
    return status == ASSAY_OK ? 0 : 1;
}
