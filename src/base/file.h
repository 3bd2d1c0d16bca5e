/* Files: whole reads, read-only mappings that survive a shrinking file, and writes that appear
 * complete or not at all.
 *
 * A mapping is registered with a SIGBUS handler: when the file under it shrinks, the missing pages
 * read as zeros and mapped_file_check reports ASSAY_ERROR_CHANGED from then on, instead of the
 * process being killed. Faults outside registered mappings go to the handler that was there before.
 */
#ifndef ASSAY_BASE_FILE_H
#define ASSAY_BASE_FILE_H

#include "assay/status.h"
#include "base/buffer.h"

#include <stdbool.h>

/* Appends the whole of a regular file; ASSAY_ERROR_LIMIT when it is larger than max_bytes. */
assay_status file_read(struct buffer *contents, const char *path, size_t max_bytes,
                       assay_error *error);

struct mapped_file; /* opaque; may be shared by threads, closed by one */

/* Maps a regular, non-empty file read-only. */
assay_status mapped_file_open(struct mapped_file **out, const char *path, assay_error *error);
const unsigned char *mapped_file_bytes(const struct mapped_file *file);
size_t mapped_file_size(const struct mapped_file *file);
const char *mapped_file_path(const struct mapped_file *file);
/* ASSAY_ERROR_CHANGED, naming the file, once a page turned out to be missing. */
assay_status mapped_file_check(const struct mapped_file *file, assay_error *error);
/* Tells the system that the whole pages inside this range are not needed soon; they are read again
 * from the file when touched. */
void mapped_file_drop(const struct mapped_file *file, const void *begin, size_t bytes);
void mapped_file_close(struct mapped_file *file);

/* A file under construction: written beside its final place, synced and renamed by commit, removed
 * by abandon. After a failed write, commit fails too. */
struct file_writer;
assay_status file_writer_open(struct file_writer **out, const char *path, assay_error *error);
assay_status file_writer_write(struct file_writer *writer, const void *bytes, size_t length,
                               assay_error *error);
/* Writes out and syncs what was written so far. Of several files that belong together each is synced
 * before the first is committed, so that a full disk is met while nothing is in its place yet. */
assay_status file_writer_sync(struct file_writer *writer, assay_error *error);
/* Frees the writer whether or not it succeeds. */
assay_status file_writer_commit(struct file_writer *writer, assay_error *error);
void file_writer_abandon(struct file_writer *writer); /* NULL allowed */

/* One call for a small file. */
assay_status file_write(const char *path, const void *bytes, size_t length, assay_error *error);

bool file_exists(const char *path);
bool file_is_folder(const char *path);
/* mkdir -p */
assay_status folder_create(const char *path, assay_error *error);
/* "folder/name" as a new string for memory_free; NULL when memory runs out. */
char *path_join(const char *folder, const char *name);

/* For tests: of the calls from now on that change the disk (create, write, sync, rename, link), the
 * n-th fails with EIO, once, or the process is killed just before it; 0 switches this off. */
void file_fail_at(uint64_t nth);
void file_kill_at(uint64_t nth);
/* How many such calls this process made so far. */
uint64_t file_change_count(void);
/* What each such call asks first: true, with errno set, when it must not be made. */
bool file_change_refused(void);

#endif
