/* A .npy file (format 1.0, float32, C order) written row by row: the number of rows goes into the
 * header at the end. The file appears complete under its name, or not at all.
 * Reference: numpy.lib.format.
 */
#ifndef CLI_NPY_H
#define CLI_NPY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct npy_file {
    FILE *file;
    char *path, *temporary;
    int64_t rows, width;
};

/* Each false with errno set. */
bool npy_open(struct npy_file *npy, const char *path, int64_t width);
bool npy_write(struct npy_file *npy, const float *row);
bool npy_commit(struct npy_file *npy);
/* Removes an unfinished file; nothing after npy_commit. */
void npy_close(struct npy_file *npy);

#endif
