/* Opens a model folder and writes it again: every tensor as it was read, a folder that transformers
 * loads. Build against the installed library:
 *     cc copy_model.c $(pkg-config --cflags --libs assay) -o copy_model */
#include <assay/assay.h>

#include <stdio.h>

static int fail(const assay_error *error)
{
    char line[1024];
    assay_error_format(error, line, sizeof line);
    fprintf(stderr, "copy_model: %s\n", line);
    return 1;
}

int main(int count, char **arguments)
{
    if (count != 3) {
        fprintf(stderr, "usage: copy_model FROM TO\n");
        return 2;
    }
    assay_error error = {0};
    assay_model *model = NULL;
    if (assay_model_open(&model, arguments[1], &error) != ASSAY_OK)
        return fail(&error);
    assay_status status = assay_model_save(model, arguments[2], &error);
    assay_model_close(model);
    return status == ASSAY_OK ? 0 : fail(&error);
}
