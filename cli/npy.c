#include "npy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEADER_SIZE = 128 };

static bool write_header(struct npy_file *npy)
{
    char header[HEADER_SIZE];
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)(HEADER_SIZE - 10);
    header[9] = 0;
    char words[HEADER_SIZE - 10];
    int length = snprintf(words, sizeof words,
                          "{'descr': '<f4', 'fortran_order': False, 'shape': (%lld, %lld), }",
                          (long long)npy->rows, (long long)npy->width);
    memcpy(header + 10, words, (size_t)length);
    header[HEADER_SIZE - 1] = '\n';
    return fwrite(header, 1, sizeof header, npy->file) == sizeof header;
}

bool npy_open(struct npy_file *npy, const char *path, int64_t width)
{
    *npy = (struct npy_file){.width = width};
    size_t size = strlen(path) + 32;
    npy->path = strdup(path);
    npy->temporary = malloc(size);
    if (!npy->path || !npy->temporary) {
        npy_close(npy);
        errno = ENOMEM;
        return false;
    }
    snprintf(npy->temporary, size, "%s.part-%ld", path, (long)getpid());
    npy->file = fopen(npy->temporary, "wb");
    if (npy->file && write_header(npy))
        return true;
    int kept = errno;
    npy_close(npy);
    errno = kept;
    return false;
}

bool npy_write(struct npy_file *npy, const float *row)
{
    if (fwrite(row, sizeof *row, (size_t)npy->width, npy->file) != (size_t)npy->width)
        return false;
    npy->rows++;
    return true;
}

bool npy_commit(struct npy_file *npy)
{
    if (fseek(npy->file, 0, SEEK_SET) != 0 || !write_header(npy) || fflush(npy->file) != 0 ||
        fsync(fileno(npy->file)) != 0)
        return false;
    int closed = fclose(npy->file);
    npy->file = NULL;
    if (closed != 0 || rename(npy->temporary, npy->path) != 0)
        return false;
    free(npy->temporary);
    npy->temporary = NULL;
    return true;
}

void npy_close(struct npy_file *npy)
{
    if (npy->file)
        fclose(npy->file);
    if (npy->temporary)
        unlink(npy->temporary);
    free(npy->path);
    free(npy->temporary);
    *npy = (struct npy_file){0};
}
