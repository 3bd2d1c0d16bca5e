#include "data/unfinished.h"

#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST_MARK = 1 << 16 };

static const char NAME[] = "unfinished-split.txt";
static const char OPENING[] =
    "# A split is putting these files into their places, or was ended while it did.\n"
    "# Until one comes to its end here, they may be of two splits.\n";

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Whether a line of the mark is this name. */
static bool has_line(const struct buffer *mark, const char *name, size_t length)
{
    for (const char *line = mark->length ? mark->bytes : ""; *line;) {
        size_t span = strcspn(line, "\n");
        if (span == length && !memcmp(line, name, length))
            return true;
        line += span + (line[span] == '\n');
    }
    return false;
}

static bool is_of(const char *const *paths, size_t count, const char *name, size_t length)
{
    for (size_t i = 0; i < count; i++) {
        const char *own = name_of(paths[i]);
        if (strlen(own) == length && !memcmp(own, name, length))
            return true;
    }
    return false;
}

/* The lines of an earlier mark that are none of the paths; false without memory. */
static bool take_others(struct buffer *out, const struct buffer *before, const char *const *paths,
                        size_t count)
{
    bool good = true;
    for (const char *line = before->length ? before->bytes : ""; *line && good;) {
        size_t span = strcspn(line, "\n");
        if (span && *line != '#' && !is_of(paths, count, line, span))
            good = (out->length || buffer_append_string(out, OPENING)) &&
                   buffer_append(out, line, span) && buffer_append_byte(out, '\n');
        line += span + (line[span] == '\n');
    }
    return good;
}

static assay_status write_left(struct unfinished *mark, const struct buffer *left,
                               assay_error *error)
{
    assay_status status = file_writer_open(&mark->left, mark->path, error);
    if (!status)
        status = file_writer_write(mark->left, left->bytes, left->length, error);
    return status ? status : file_writer_sync(mark->left, error);
}

assay_status unfinished_begin(struct unfinished *mark, const char *folder, const char *const *paths,
                              size_t count, assay_error *error)
{
    struct buffer before = {0}, left = {0}, now = {0};
    assay_status status = ASSAY_OK;
    mark->path = path_join(folder, NAME);
    if (!mark->path)
        return error_memory(error, strlen(folder));
    if (file_exists(mark->path))
        status = file_read(&before, mark->path, LARGEST_MARK, error);
    bool good = status || take_others(&left, &before, paths, count);
    good = good && buffer_append_string(&now, left.length ? left.bytes : OPENING);
    for (size_t i = 0; i < count && good; i++)
        good = buffer_append_string(&now, name_of(paths[i])) && buffer_append_byte(&now, '\n');
    if (!status && !good)
        status = error_memory(error, now.length);
    if (!status && left.length)
        status = write_left(mark, &left, error);
    if (!status)
        status = file_write(mark->path, now.bytes, now.length, error);
    buffer_free(&before);
    buffer_free(&left);
    buffer_free(&now);
    return status;
}

assay_status unfinished_end(struct unfinished *mark, assay_error *error)
{
    if (mark->left) {
        struct file_writer *left = mark->left;
        mark->left = NULL;
        return file_writer_commit(left, error);
    }
    if (!file_change_refused() && unlink(mark->path) == 0)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_IO, "cannot take the mark away: %s", strerror(errno));
    error_at_file(error, mark->path);
    return ASSAY_ERROR_IO;
}

void unfinished_close(struct unfinished *mark)
{
    file_writer_abandon(mark->left);
    memory_free(mark->path);
    *mark = (struct unfinished){0};
}

assay_status unfinished_check(const char *path, assay_error *error)
{
    const char *name = name_of(path);
    struct buffer place = {0}, mark = {0};
    assay_status status = ASSAY_OK;
    if (!buffer_append(&place, path, (size_t)(name - path)) || !buffer_append_string(&place, NAME))
        status = error_memory(error, strlen(path));
    else if (file_exists(place.bytes))
        status = file_read(&mark, place.bytes, LARGEST_MARK, error);
    if (!status && has_line(&mark, name, strlen(name))) {
        status = error_set(error, ASSAY_ERROR_FORMAT,
                           "the split that made this file was ended while it put its parts into "
                           "place: it may be of another split than the parts beside it");
        error_at_file(error, path);
        error_expected(error, "that `assay data split` is run again to its end");
        error_found(error, "%s beside the file", NAME);
    }
    buffer_free(&place);
    buffer_free(&mark);
    return status;
}
