#include "dataset/row_groups.h"

#include "assay/rows.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "dataset/dataset_key.h"

#include <inttypes.h>
#include <string.h>

/* A group is a value, so an empty one is none; a class folder has no fields at all. */
static assay_status read_group(uint64_t *out, assay_rows *rows, const assay_row *row,
                               const char *field, assay_error *error)
{
    size_t length = 0;
    const char *value = assay_rows_field(rows, field, &length);
    if (value && length) {
        *out = random_hash_bytes(value, length);
        return ASSAY_OK;
    }
    error_set(error, ASSAY_ERROR_FORMAT, "the row has no group");
    error_at_file(error, row->file);
    error_at_row(error, row->line, 0);
    error_at_place(error, "%s", field);
    error_expected(error, "a value that rows of one group share");
    error_found(error, value ? "an empty text" : "no such field");
    return ASSAY_ERROR_FORMAT;
}

static assay_status changed(const char *path, assay_error *error)
{
    error_set(error, ASSAY_ERROR_CHANGED, "the data changed while they were read");
    error_at_file(error, path);
    return ASSAY_ERROR_CHANGED;
}

assay_status row_groups_read(uint64_t **out, const struct dataset *dataset,
                             const struct recipe_map *fields, const char *field, assay_error *error)
{
    struct dataset_view data;
    dataset_get(dataset, &data);
    const struct dataset_request names = {.fields = fields};
    assay_rows_options options = ASSAY_ROWS_OPTIONS_INIT;
    options.text_field = dataset_field(&names, "text");
    options.id_field = "";
    options.label_field = "";
    assay_rows *rows = NULL;
    assay_row row = {0};
    int64_t count = 0;
    uint64_t *groups = memory_allocate((size_t)data.rows, sizeof *groups);
    *out = NULL;
    assay_status status = groups ? assay_rows_open(&rows, data.path, &options, error)
                                 : error_memory(error, (size_t)data.rows * sizeof *groups);
    while (status == ASSAY_OK) {
        status = assay_rows_next(rows, &row, error);
        if (status != ASSAY_OK || !row.text)
            break;
        status = count < data.rows ? read_group(&groups[count++], rows, &row, field, error)
                                   : changed(data.path, error);
    }
    if (status == ASSAY_OK && count < data.rows)
        status = changed(data.path, error);
    assay_rows_close(rows);
    if (status == ASSAY_OK)
        *out = groups;
    else
        memory_free(groups);
    return status;
}
