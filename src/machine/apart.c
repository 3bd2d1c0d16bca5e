#include "machine/apart.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool write_all(int file, const void *bytes, size_t length)
{
    for (const char *at = bytes; length;) {
        ssize_t written = write(file, at, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        length -= (size_t)written;
    }
    return true;
}

static bool read_all(int file, void *bytes, size_t length)
{
    for (char *at = bytes; length;) {
        ssize_t got = read(file, at, length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        length -= (size_t)got;
    }
    return true;
}

static _Noreturn void be_child(int out, pid_t parent, void *result, size_t bytes, apart_work *work,
                               void *context)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    signal(SIGPIPE, SIG_DFL);
    assay_error error = {0};
    error.status = work(result, context, &error);
    bool told = write_all(out, &error, sizeof error) && write_all(out, result, bytes);
    _exit(told ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* A child that said nothing: how it ended. */
static assay_status say_end(int state, assay_error *error)
{
    if (WIFSIGNALED(state) && WTERMSIG(state) == SIGKILL) {
        error_set(error, ASSAY_ERROR_MEMORY, "the process of the work was killed");
        error_found(error, "signal 9; the system does this when memory runs out");
        return ASSAY_ERROR_MEMORY;
    }
    error_set(error, ASSAY_ERROR_INTERNAL, "the process of the work ended before it was done");
    if (WIFSIGNALED(state))
        error_found(error, "signal %d (%s)", WTERMSIG(state), strsignal(WTERMSIG(state)));
    else
        error_found(error, "exit code %d", WEXITSTATUS(state));
    return ASSAY_ERROR_INTERNAL;
}

assay_status run_apart(void *result, size_t bytes, apart_work *work, void *context,
                       assay_error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set(error, ASSAY_ERROR_IO, "no pipe can be made: %s", strerror(errno));
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        close(ends[0]);
        be_child(ends[1], parent, result, bytes, work, context);
    }
    int number = errno;
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return error_set(error, ASSAY_ERROR_IO, "no process can be made: %s", strerror(number));
    }
    assay_error told;
    bool whole = read_all(ends[0], &told, sizeof told) && read_all(ends[0], result, bytes);
    close(ends[0]);
    int state = 0;
    while (waitpid(child, &state, 0) < 0 && errno == EINTR)
        ;
    if (!whole)
        return say_end(state, error);
    if (told.status != ASSAY_OK && error)
        *error = told;
    return told.status;
}
