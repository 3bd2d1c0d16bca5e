#include "train/checkpoint_folder.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_STEP_DIGITS = 18 };

static const char step_prefix[] = "step-";
/* Hidden names: ".partial-step-N", ".removed-step-N", ".partial-best". One process writes, so that
 * what bears such a name is rubbish whenever no call is under way. */
static const char partial_prefix[] = ".partial-";
static const char removed_prefix[] = ".removed-";

static assay_status io_error(assay_error *error, const char *path, const char *what)
{
    int number = errno;
    assay_status status = number == ENOENT ? ASSAY_ERROR_NOT_FOUND : ASSAY_ERROR_IO;
    error_set(error, status, "%s: %s", what, strerror(number));
    error_at_file(error, path);
    return status;
}

void checkpoint_name(char name[CHECKPOINT_NAME_SIZE], int64_t step)
{
    snprintf(name, CHECKPOINT_NAME_SIZE, "%s%" PRId64, step_prefix, step);
}

int64_t checkpoint_name_step(const char *name)
{
    size_t length = strlen(step_prefix);
    if (strncmp(name, step_prefix, length) != 0)
        return -1;
    const char *digits = name + length;
    size_t count = strspn(digits, "0123456789");
    bool leading_zero = digits[0] == '0' && count > 1;
    if (!count || count > MAX_STEP_DIGITS || digits[count] || leading_zero)
        return -1;
    return strtoll(digits, NULL, 10);
}

static char *hidden_path(const char *folder, const char *prefix, const char *name)
{
    char hidden[2 * CHECKPOINT_NAME_SIZE];
    snprintf(hidden, sizeof hidden, "%s%s", prefix, name);
    return path_join(folder, hidden);
}

static int newest_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

assay_status checkpoint_list(int64_t **steps, size_t *count, const char *folder, assay_error *error)
{
    assay_status status = ASSAY_OK;
    size_t room = 0;
    *steps = NULL;
    *count = 0;
    DIR *entries = opendir(folder);
    if (!entries)
        return io_error(error, folder, "cannot read the folder of checkpoints");
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(entries);
        if (!entry) {
            if (errno)
                status = io_error(error, folder, "cannot read the folder of checkpoints");
            break;
        }
        struct stat state;
        int64_t step = checkpoint_name_step(entry->d_name);
        if (step < 0 || fstatat(dirfd(entries), entry->d_name, &state, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISDIR(state.st_mode))
            continue;
        if (*count == room) {
            room = room ? 2 * room : 16;
            int64_t *grown = memory_resize(*steps, room, sizeof *grown);
            if (!grown) {
                status = error_memory(error, room * sizeof *grown);
                break;
            }
            *steps = grown;
        }
        (*steps)[(*count)++] = step;
    }
    closedir(entries);
    if (status) {
        memory_free(*steps);
        *steps = NULL;
        *count = 0;
    } else if (*count) {
        qsort(*steps, *count, sizeof **steps, newest_first);
    }
    return status;
}

int64_t checkpoint_link_step(const char *folder, const char *name)
{
    char target[CHECKPOINT_NAME_SIZE];
    char *path = path_join(folder, name);
    ssize_t length = path ? readlink(path, target, sizeof target) : -1;
    memory_free(path);
    if (length <= 0 || (size_t)length >= sizeof target)
        return -1;
    target[length] = '\0';
    return checkpoint_name_step(target);
}

/* Makes renames in a folder durable. Some file systems cannot sync folders; no failure. */
static assay_status sync_folder(const char *path, assay_error *error)
{
    assay_status status = ASSAY_OK;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return io_error(error, path, "cannot open the folder");
    if (file_change_refused() || (fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP))
        status = io_error(error, path, "cannot sync the folder");
    close(fd);
    return status;
}

assay_status checkpoint_replace_link(const char *folder, const char *name, const char *target,
                                     assay_error *error)
{
    assay_status status = ASSAY_OK;
    char *path = path_join(folder, name);
    char *partial = hidden_path(folder, partial_prefix, name);
    if (!path || !partial) {
        status = error_memory(error, strlen(folder));
        goto cleanup;
    }
    (void)unlink(partial);
    if (file_change_refused() || symlink(target, partial) != 0) {
        status = io_error(error, path, "cannot make the link");
        goto cleanup;
    }
    if (file_change_refused() || rename(partial, path) != 0) {
        status = io_error(error, path, "cannot put the link into place");
        (void)unlink(partial);
        goto cleanup;
    }
    status = sync_folder(folder, error);
cleanup:
    memory_free(path);
    memory_free(partial);
    return status;
}

assay_status checkpoint_begin(char **partial, const char *folder, int64_t step, assay_error *error)
{
    char name[CHECKPOINT_NAME_SIZE];
    checkpoint_name(name, step);
    assay_status status = folder_create(folder, error);
    *partial = NULL;
    if (status)
        return status;
    char *path = hidden_path(folder, partial_prefix, name);
    if (!path)
        return error_memory(error, strlen(folder));
    struct stat state;
    if (lstat(path, &state) == 0)
        status = checkpoint_remove_files(path, error);
    if (!status && (file_change_refused() || mkdir(path, 0777) != 0))
        status = io_error(error, path, "cannot create the folder");
    if (status)
        memory_free(path);
    else
        *partial = path;
    return status;
}

/* Without the exchange (an old kernel, a network file system) there is an instant at which the
 * older step-N bears its hidden name only; other checkpoints are not touched by it. */
static assay_status exchange(const char *folder, const char *partial, const char *path,
                             const char *aside, assay_error *error)
{
    const char *replaced = partial;
    if (file_change_refused())
        return io_error(error, path, "cannot put the checkpoint into place");
    if (renameat2(AT_FDCWD, partial, AT_FDCWD, path, RENAME_EXCHANGE) != 0) {
        if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP)
            return io_error(error, path, "cannot put the checkpoint into place");
        if (rename(path, aside) != 0)
            return io_error(error, path, "cannot move the older checkpoint aside");
        if (rename(partial, path) != 0) {
            assay_status status = io_error(error, path, "cannot put the checkpoint into place");
            (void)rename(aside, path);
            return status;
        }
        replaced = aside;
    }
    assay_status status = sync_folder(folder, error);
    /* What this leaves, checkpoint_sweep finds. */
    if (!status)
        (void)checkpoint_remove_files(replaced, NULL);
    return status;
}

assay_status checkpoint_place(const char *folder, const char *partial, int64_t step,
                              assay_error *error)
{
    char name[CHECKPOINT_NAME_SIZE];
    checkpoint_name(name, step);
    assay_status status = ASSAY_OK;
    struct stat state;
    char *path = path_join(folder, name);
    char *aside = hidden_path(folder, removed_prefix, name);
    if (!path || !aside) {
        status = error_memory(error, strlen(folder));
        goto cleanup;
    }
    /* The names inside are durable before the folder has its own. */
    status = sync_folder(partial, error);
    if (status)
        goto cleanup;
    if (lstat(path, &state) == 0 && S_ISDIR(state.st_mode))
        status = exchange(folder, partial, path, aside, error);
    else if (file_change_refused() || rename(partial, path) != 0)
        status = io_error(error, path, "cannot put the checkpoint into place");
    else
        status = sync_folder(folder, error);
cleanup:
    memory_free(path);
    memory_free(aside);
    return status;
}

assay_status checkpoint_remove_files(const char *path, assay_error *error)
{
    assay_status status = ASSAY_OK;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return io_error(error, path, "cannot open the folder");
    DIR *entries = fdopendir(fd);
    if (!entries) {
        status = io_error(error, path, "cannot read the folder");
        close(fd);
        return status;
    }
    for (struct dirent *entry; (entry = readdir(entries)) && !status;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (file_change_refused() || unlinkat(dirfd(entries), entry->d_name, 0) != 0)
            status = io_error(error, path, "cannot remove what is in the folder");
    }
    closedir(entries);
    if (!status && (file_change_refused() || rmdir(path) != 0))
        status = io_error(error, path, "cannot remove the folder");
    return status;
}

assay_status checkpoint_remove(const char *folder, int64_t step, assay_error *error)
{
    char name[CHECKPOINT_NAME_SIZE];
    checkpoint_name(name, step);
    assay_status status = ASSAY_OK;
    char *path = path_join(folder, name);
    char *hidden = hidden_path(folder, removed_prefix, name);
    if (!path || !hidden)
        status = error_memory(error, strlen(folder));
    else if (file_change_refused() || rename(path, hidden) != 0)
        status = io_error(error, path, "cannot remove the checkpoint");
    else
        status = checkpoint_remove_files(hidden, error);
    memory_free(path);
    memory_free(hidden);
    return status;
}

/* Of our hidden names only: a step's folder or a link of ours behind a prefix. */
static bool is_rubbish(const char *name)
{
    const char *rest = NULL;
    if (strncmp(name, partial_prefix, strlen(partial_prefix)) == 0)
        rest = name + strlen(partial_prefix);
    else if (strncmp(name, removed_prefix, strlen(removed_prefix)) == 0)
        rest = name + strlen(removed_prefix);
    return rest && (checkpoint_name_step(rest) >= 0 || strcmp(rest, "best") == 0 ||
                    strcmp(rest, "last") == 0);
}

assay_status checkpoint_sweep(const char *folder, assay_error *error)
{
    assay_status status = ASSAY_OK;
    DIR *entries = opendir(folder);
    if (!entries)
        return io_error(error, folder, "cannot read the folder of checkpoints");
    for (struct dirent *entry; (entry = readdir(entries)) && !status;) {
        struct stat state;
        if (!is_rubbish(entry->d_name) ||
            fstatat(dirfd(entries), entry->d_name, &state, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        char *path = path_join(folder, entry->d_name);
        if (!path)
            status = error_memory(error, strlen(folder));
        else if (S_ISDIR(state.st_mode))
            status = checkpoint_remove_files(path, error);
        else if (file_change_refused() || unlink(path) != 0)
            status = io_error(error, path, "cannot remove what a killed run left");
        memory_free(path);
    }
    closedir(entries);
    return status;
}
