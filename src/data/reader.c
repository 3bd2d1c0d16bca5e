#include "data/reader.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const unsigned char BYTE_ORDER_MARK[] = {0xef, 0xbb, 0xbf};

assay_status reader_open(struct reader *reader, const char *path, assay_error *error)
{
    struct stat state;
    reader->failure = 0;
    reader->started = reader->ended = false;
    reader->line = 1;
    reader->bytes = 0;
    reader->begin = reader->end = 0;
    if (strcmp(path, "-") == 0) {
        reader->fd = STDIN_FILENO;
        return ASSAY_OK;
    }
    reader->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (reader->fd < 0) {
        error_set(error, errno == ENOENT ? ASSAY_ERROR_NOT_FOUND : ASSAY_ERROR_IO,
                  "cannot open: %s", strerror(errno));
        error_at_file(error, path);
        return errno == ENOENT ? ASSAY_ERROR_NOT_FOUND : ASSAY_ERROR_IO;
    }
    if (fstat(reader->fd, &state) == 0 && S_ISDIR(state.st_mode)) {
        reader_close(reader);
        error_set(error, ASSAY_ERROR_IO, "a file is expected, not a folder");
        error_at_file(error, path);
        return ASSAY_ERROR_IO;
    }
    return ASSAY_OK;
}

void reader_close(struct reader *reader)
{
    if (reader->fd > STDIN_FILENO)
        close(reader->fd);
    reader->fd = -1;
}

/* Reads once behind what the chunk holds. False at the end or on failure. */
static bool fill(struct reader *reader)
{
    if (reader->ended || reader->failure)
        return false;
    if (reader->begin == reader->end)
        reader->begin = reader->end = 0;
    ssize_t count;
    do {
        count = read(reader->fd, reader->chunk + reader->end, READER_CHUNK - reader->end);
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        reader->failure = errno;
    if (count == 0)
        reader->ended = true;
    if (count > 0) {
        reader->end += (size_t)count;
        reader->bytes += (uint64_t)count;
    }
    return count > 0;
}

/* Waits for a second byte only where the first may begin a byte order mark. */
static void skip_mark(struct reader *reader)
{
    reader->started = true;
    for (size_t i = 0; i < sizeof BYTE_ORDER_MARK; i++) {
        while (reader->end - reader->begin <= i) {
            if (!fill(reader))
                return;
        }
        if ((unsigned char)reader->chunk[reader->begin + i] != BYTE_ORDER_MARK[i])
            return;
    }
    reader->begin += sizeof BYTE_ORDER_MARK;
}

static bool available(struct reader *reader)
{
    if (!reader->started)
        skip_mark(reader);
    return reader->begin < reader->end || fill(reader);
}

int reader_peek(struct reader *reader)
{
    if (available(reader))
        return (unsigned char)reader->chunk[reader->begin];
    return reader->failure ? READER_FAILED : READER_END;
}

int reader_byte(struct reader *reader)
{
    int byte = reader_peek(reader);
    if (byte >= 0)
        reader->begin++;
    if (byte == '\n')
        reader->line++;
    return byte;
}

assay_status reader_failure(const struct reader *reader, assay_error *error)
{
    return error_set(error, ASSAY_ERROR_IO, "cannot read: %s", strerror(reader->failure));
}

static assay_status too_long(size_t max_bytes, const char *what, assay_error *error)
{
    error_set(error, ASSAY_ERROR_LIMIT, "%s is too long", what);
    error_expected(error, "at most %zu bytes", max_bytes);
    return ASSAY_ERROR_LIMIT;
}

assay_status reader_line(struct reader *reader, struct buffer *line, size_t max_bytes, bool *found,
                         assay_error *error)
{
    size_t start = line->length;
    assay_status status = ASSAY_OK;
    bool complete = false;
    *found = false;
    while (!complete && available(reader)) {
        *found = true;
        const char *begin = reader->chunk + reader->begin;
        size_t held = reader->end - reader->begin;
        const char *newline = memchr(begin, '\n', held);
        complete = newline != NULL;
        size_t count = complete ? (size_t)(newline - begin) : held;
        if (!status && count > max_bytes - (line->length - start))
            status = too_long(max_bytes, "the line", error);
        if (!status && !buffer_append(line, begin, count))
            status = error_memory(error, count);
        reader->begin += count + complete;
        reader->line += complete;
    }
    if (reader->failure)
        return reader_failure(reader, error);
    if (!status && line->length > start && line->bytes[line->length - 1] == '\r')
        line->bytes[--line->length] = '\0';
    return status;
}

assay_status reader_rest(struct reader *reader, struct buffer *text, size_t max_bytes,
                         assay_error *error)
{
    size_t start = text->length;
    while (available(reader)) {
        size_t count = reader->end - reader->begin;
        if (count > max_bytes - (text->length - start))
            return too_long(max_bytes, "the text", error);
        if (!buffer_append(text, reader->chunk + reader->begin, count))
            return error_memory(error, count);
        reader->begin = reader->end;
    }
    return reader->failure ? reader_failure(reader, error) : ASSAY_OK;
}
