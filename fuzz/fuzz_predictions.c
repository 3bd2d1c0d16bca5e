/* Files of predictions: any bytes end in rows or in an error that names the file. */
#include "report/scorer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[] = "/tmp/assay-fuzz-predictions-XXXXXX";
    static int made = -1;
    struct name_table names = {0}, known = {0};
    struct scorer scorer = {0};
    assay_error error = {0};
    if (made < 0 && (made = mkstemp(path)) < 0)
        abort();
    if (ftruncate(made, 0) || pwrite(made, data, size, 0) != (ssize_t)size)
        abort();
    /* The first byte says whether the columns have names. */
    bool named = size && data[0] & 1;
    if (name_table_add(&known, "ai") < 0 || name_table_add(&known, "human") < 0 ||
        (named && (name_table_add(&names, "human") < 0 || name_table_add(&names, "ai") < 0)))
        abort();
    assay_status status = scorer_open_file(&scorer, path, &names, &known, &error);
    if (status && (!error.message[0] || strcmp(error.file, path) != 0))
        abort();
    if (!status && scorer.labels.count < 2)
        abort();
    scorer_close(&scorer);
    name_table_free(&names);
    name_table_free(&known);
    return 0;
}
