/* The first byte chooses the format; whatever follows, reading comes to an end. */
#include "assay/rows.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const assay_rows_format formats[] = {ASSAY_ROWS_JSONL, ASSAY_ROWS_CSV, ASSAY_ROWS_TSV,
                                                ASSAY_ROWS_LINES, ASSAY_ROWS_WHOLE};
    char path[64];
    assay_rows *rows;
    assay_row row;
    assay_error error;
    assay_rows_options options = ASSAY_ROWS_OPTIONS_INIT;
    if (!size)
        return 0;
    options.format = formats[data[0] % 5];
    options.max_row_bytes = data[0] & 0x80 ? 40 : 0;
    options.pair_field = data[0] & 0x40 ? "pair" : NULL;
    int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)size - 1)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (assay_rows_open(&rows, path, &options, &error) == ASSAY_OK) {
        size_t length;
        size_t calls = 0;
        for (;;) {
            assay_status status = assay_rows_next(rows, &row, &error);
            if (!status && !row.text)
                break;
            if (!status && utf8_valid_prefix(row.text, row.text_length) != row.text_length)
                abort();
            (void)assay_rows_field(rows, "x", &length);
            if (++calls > size + 1)
                abort();
        }
        assay_rows_close(rows);
    }
    close(fd);
    return 0;
}
