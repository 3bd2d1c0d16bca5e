#include "machine/peer.h"

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "machine/peer_script.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ANSWER_SECONDS = 1800, /* compiling a model takes minutes */
    LINE_MAX_BYTES = 64 << 10,
    WORDS_MAX = 24,
    LAST_WORDS = 4096 /* of stderr, for errors */
};

struct peer {
    const char *python;
    pid_t process;
    int link;     /* its standard input and output */
    FILE *errors; /* its stderr */
    struct buffer line;
};

/* What python is started with; words of options point into `copy`. */
struct command {
    char *words[WORDS_MAX];
    int count;
    char numbers[4][24];
    char *copy;
};

static assay_status add_word(struct command *command, const char *word, assay_error *error)
{
    if (command->count + 1 >= WORDS_MAX)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "too many options for the peer");
    command->words[command->count++] = (char *)(uintptr_t)word; /* exec only reads them */
    command->words[command->count] = NULL;
    return ASSAY_OK;
}

static assay_status make_command(struct command *command, const assay_peer_options *options,
                                 const struct bench_request *request, const struct bench_rows *rows,
                                 int threads, assay_error *error)
{
    const int64_t numbers[] = {rows->rows, threads, bench_shape(request, rows).vocabulary,
                               rows->batch};
    const char *first[] = {options->python, "-c", peer_script, request->subject->name};
    assay_status status = ASSAY_OK;
    command->copy = memory_copy_string(options->options ? options->options : "");
    if (!command->copy)
        return error_memory(error, strlen(options->options));
    for (int i = 0; i < 4; i++)
        add_word(command, first[i], error);
    for (int i = 0; i < 4; i++) {
        snprintf(command->numbers[i], sizeof command->numbers[i], "%" PRId64, numbers[i]);
        add_word(command, command->numbers[i], error);
    }
    char *rest = command->copy, *word;
    while (status == ASSAY_OK && (word = strsep(&rest, " ,")) != NULL) {
        if (*word)
            status = add_word(command, word, error);
    }
    return status;
}

static _Noreturn void be_peer(const struct command *command, int link, int errors, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    if (getppid() == parent && dup2(link, 0) == 0 && dup2(link, 1) == 1 && dup2(errors, 2) == 2) {
        execvp(command->words[0], command->words);
        dprintf(1, "{\"error\": \"it cannot be run: %s\", \"missing\": true}\n", strerror(errno));
    }
    _exit(127);
}

static assay_status start(struct peer *peer, const struct command *command, assay_error *error)
{
    int ends[2];
    peer->errors = tmpfile();
    if (!peer->errors || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return error_set(error, ASSAY_ERROR_IO, "no way to a peer can be made: %s",
                         strerror(errno));
    peer->link = ends[0];
    const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    setsockopt(peer->link, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    pid_t parent = getpid();
    peer->process = fork();
    if (peer->process == 0)
        be_peer(command, ends[1], fileno(peer->errors), parent);
    int number = errno;
    close(ends[1]);
    if (peer->process < 0)
        return error_set(error, ASSAY_ERROR_IO, "no process can be made: %s", strerror(number));
    setpgid(peer->process, peer->process);
    return ASSAY_OK;
}

/* The last line that the peer left on stderr, as what was found. */
static void quote_errors(struct peer *peer, assay_error *error)
{
    char text[LAST_WORDS + 1];
    long size = fseek(peer->errors, 0, SEEK_END) == 0 ? ftell(peer->errors) : 0;
    if (size <= 0 || fseek(peer->errors, size > LAST_WORDS ? size - LAST_WORDS : 0, SEEK_SET) != 0)
        return;
    size_t length = fread(text, 1, LAST_WORDS, peer->errors);
    while (length && (text[length - 1] == '\n' || text[length - 1] == ' '))
        length--;
    text[length] = 0;
    const char *line = strrchr(text, '\n');
    error_found(error, "%s", line ? line + 1 : text);
}

static assay_status gone(struct peer *peer, bool slow, assay_error *error)
{
    error_set(error, ASSAY_ERROR_IO,
              slow ? "the peer gives no answer" : "the peer ended without an answer");
    error_at_file(error, peer->python);
    quote_errors(peer, error);
    return ASSAY_ERROR_IO;
}

static assay_status tell(struct peer *peer, const char *text, size_t length, assay_error *error)
{
    while (length) {
        /* A peer that is gone is an error here, not a signal. */
        ssize_t sent = send(peer->link, text, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return gone(peer, false, error);
        text += sent;
        length -= (size_t)sent;
    }
    return ASSAY_OK;
}

static assay_status hear(struct peer *peer, struct peer_reply *reply, bool ready,
                         assay_error *error)
{
    char piece[4096];
    buffer_clear(&peer->line);
    for (;;) {
        ssize_t got = recv(peer->link, piece, sizeof piece, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return gone(peer, got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK), error);
        if (peer->line.length + (size_t)got > LINE_MAX_BYTES)
            return error_set(error, ASSAY_ERROR_LIMIT, "the peer answers with too long a line");
        if (!buffer_append(&peer->line, piece, (size_t)got))
            return error_memory(error, (size_t)got);
        /* It answers one line a question. */
        const char *end = memchr(peer->line.bytes, '\n', peer->line.length);
        if (!end)
            continue;
        assay_status status = peer_reply_read(reply, ready, peer->line.bytes,
                                              (size_t)(end - peer->line.bytes), error);
        error_at_file(error, peer->python);
        return status;
    }
}

static assay_status tell_rows(struct peer *peer, const struct bench_rows *rows, assay_error *error)
{
    struct buffer text = {0};
    assay_status status = ASSAY_OK;
    for (int64_t row = 0; status == ASSAY_OK && row < rows->rows; row++) {
        struct json_writer json = {.out = &text};
        buffer_clear(&text);
        json_begin_object(&json);
        json_key(&json, "ids");
        json_begin_array(&json);
        for (int32_t i = rows->corpus.offsets[row]; i < rows->corpus.offsets[row + 1]; i++)
            json_put_integer(&json, rows->corpus.ids[i]);
        json_end_array(&json);
        json_put_named_integer(&json, "label", rows->classes[row]);
        json_end_object(&json);
        if (json.failed || !buffer_append_byte(&text, '\n'))
            status = error_memory(error, text.length);
        else
            status = tell(peer, text.bytes, text.length, error);
    }
    buffer_free(&text);
    return status;
}

assay_status peer_open(struct peer **out, struct peer_reply *reply,
                       const assay_peer_options *options, const struct bench_request *request,
                       const struct bench_rows *rows, int threads, assay_error *error)
{
    struct command command = {0};
    *out = NULL;
    struct peer *peer = memory_allocate_zeroed(1, sizeof *peer);
    if (!peer)
        return error_memory(error, sizeof *peer);
    peer->link = -1;
    peer->python = options->python;
    assay_status status = make_command(&command, options, request, rows, threads, error);
    if (status == ASSAY_OK)
        status = start(peer, &command, error);
    /* One that cannot be run, or lacks packages, may be gone before it read its rows; its answer
     * says more than that. */
    assay_error unheard = {0};
    if (status == ASSAY_OK && tell_rows(peer, rows, &unheard) == ASSAY_ERROR_MEMORY)
        status = error_memory(error, 0);
    if (status == ASSAY_OK)
        status = hear(peer, reply, true, error);
    memory_free(command.copy);
    if (status != ASSAY_OK) {
        peer_close(peer);
        return status;
    }
    *out = peer;
    return ASSAY_OK;
}

assay_status peer_measure(struct peer *peer, struct peer_reply *reply, double seconds,
                          int64_t batches, assay_error *error)
{
    char question[64];
    int length = snprintf(question, sizeof question, "%.6f %" PRId64 "\n", seconds, batches);
    assay_status status = tell(peer, question, (size_t)length, error);
    return status == ASSAY_OK ? hear(peer, reply, false, error) : status;
}

void peer_close(struct peer *peer)
{
    if (!peer)
        return;
    if (peer->link >= 0)
        close(peer->link);
    if (peer->process > 0) {
        /* With what it started: compilers have helpers. */
        kill(-peer->process, SIGKILL);
        kill(peer->process, SIGKILL);
        while (waitpid(peer->process, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (peer->errors)
        fclose(peer->errors);
    buffer_free(&peer->line);
    memory_free(peer);
}
