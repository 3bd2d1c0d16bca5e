#include "training_fixture.h"

#include "base/json.h"
#include "model_vectors.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WORDS = 96,
    TRAIN_ROWS = 46,
    VALID_ROWS = 19,
    MAX_ROW_WORDS = 24,
    MAX_WORDS = 40,
    MOST_PATHS = 64
};

static char top[64];

const char *training_path(const char *name)
{
    static char paths[MOST_PATHS][600];
    static int used;
    char path[600];
    snprintf(path, sizeof path, "%s/%s", top, name);
    for (int i = 0; i < used; i++) {
        if (strcmp(paths[i], path) == 0)
            return paths[i];
    }
    if (used == MOST_PATHS)
        abort(); /* a test needs few */
    return strcpy(paths[used++], path);
}

int training_write(const char *name, const char *text)
{
    FILE *file = fopen(training_path(name), "wb");
    if (!file)
        return -1;
    int bad = fputs(text, file) < 0;
    return (fclose(file) != 0) | bad ? -1 : 0;
}

char *training_read(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    if (!file)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long size = ftell(file);
        rewind(file);
        text = size >= 0 ? malloc((size_t)size + 1) : NULL;
        *length = text ? fread(text, 1, (size_t)size, file) : 0;
        if (text)
            text[*length] = '\0';
    }
    fclose(file);
    return text;
}

void training_remove(const char *path)
{
    struct stat status;
    if (lstat(path, &status))
        return;
    if (!S_ISDIR(status.st_mode)) {
        unlink(path);
        return;
    }
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        char inner[1200];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        training_remove(inner);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

static unsigned draw(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Every third row is of the other class, whose words are more often the first ones. */
static int write_rows(const char *name, int rows, unsigned seed)
{
    FILE *file = fopen(training_path(name), "wb");
    if (!file)
        return -1;
    for (int i = 0; i < rows; i++) {
        bool ai = i % 3 == 0;
        fprintf(file, "{\"id\": \"%s-%d\", \"label\": \"%s\", \"score\": %d.5, \"text\": \"", name,
                i, ai ? "ai" : "human", i % 2 + ai);
        int last = (int)(draw(&seed) % MAX_ROW_WORDS);
        for (int k = 0; k <= last; k++) {
            unsigned word = draw(&seed) % WORDS;
            if (ai && draw(&seed) & 1)
                word /= 3;
            fprintf(file, "%sw%u", k ? " " : "", word);
        }
        fputs("\"}\n", file);
    }
    return fclose(file) ? -1 : 0;
}

static int write_vocabulary(void)
{
    FILE *file = fopen(training_path("base/vocab.txt"), "wb");
    if (!file)
        return -1;
    fputs("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", file);
    for (int i = 0; i < WORDS; i++)
        fprintf(file, "w%d\n", i);
    return fclose(file) ? -1 : 0;
}

static int copy_base(const char *model)
{
    static const char *const files[] = {"config.json", "model.safetensors"};
    char *from = copy_model_vector(model);
    if (!from)
        return -1;
    int bad = mkdir(training_path("base"), 0777) != 0;
    for (size_t i = 0; !bad && i < sizeof files / sizeof *files; i++) {
        size_t length = 0;
        char *bytes = training_read(in_folder(from, files[i]), &length);
        FILE *to = fopen(in_folder(training_path("base"), files[i]), "wb");
        bad |= !bytes || !to || fwrite(bytes, 1, length, to) != length;
        if (to)
            bad |= fclose(to) != 0;
        free(bytes);
    }
    remove_folder(from);
    return bad ? -1 : 0;
}

int training_fixture_open(const char *model)
{
    /* Thousands of syncs: in memory where there is such a folder. */
    const char *where = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(top, sizeof top, "%s/assay-training-XXXXXX", where);
    if (!mkdtemp(top))
        return -1;
    setenv("ASSAY_HOME", training_path("home"), 1);
    if (copy_base(model) || write_vocabulary() || write_rows("train.jsonl", TRAIN_ROWS, 1))
        return -1;
    return write_rows("valid.jsonl", VALID_ROWS, 2);
}

void training_fixture_close(void)
{
    if (*top)
        training_remove(top);
    *top = '\0';
}

assay_status training_go(const char *out, const char *const *words,
                         const assay_training_options *options, assay_training_result *result,
                         assay_error *error)
{
    char own[4][700];
    const char *all[MAX_WORDS];
    size_t count = 0;
    snprintf(own[0], sizeof own[0], "base=%s", training_path("base"));
    snprintf(own[1], sizeof own[1], "data=%s", training_path("train.jsonl"));
    snprintf(own[2], sizeof own[2], "valid=%s", training_path("valid.jsonl"));
    snprintf(own[3], sizeof own[3], "out=%s", out);
    bool other_valid = false;
    for (size_t i = 0; words && words[i]; i++)
        other_valid = other_valid || strncmp(words[i], "data.valid=", 11) == 0;
    for (size_t i = 0; i < 4; i++) {
        if (i != 2 || !other_valid)
            all[count++] = own[i];
    }
    for (size_t i = 0; words && words[i] && count < MAX_WORDS; i++)
        all[count++] = words[i];
    assay_training *training = NULL;
    assay_training_result unseen;
    assay_status status = assay_training_open(&training, NULL, all, count, options, error);
    if (status == ASSAY_OK)
        status = assay_training_run(training, result ? result : &unseen, error);
    assay_training_close(training);
    return status;
}

/* An entry of the log without what depends on the clock and the machine; for free. */
static char *timeless(const char *line, size_t length)
{
    static const char *const kept[] = {"step",      "epoch",  "loss", "lr",
                                       "grad_norm", "tokens", "valid"};
    struct json *entry = NULL;
    if (json_parse(&entry, line, length, NULL, NULL) != ASSAY_OK)
        return NULL;
    struct buffer text = {0};
    struct json_writer writer = {.out = &text};
    json_begin_object(&writer);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        json_key(&writer, kept[i]);
        json_put_value(&writer, json_member(entry, kept[i]));
    }
    json_end_object(&writer);
    json_free(entry);
    char *copy = writer.failed ? NULL : strdup(text.bytes);
    buffer_free(&text);
    return copy;
}

static bool same_bytes(const char *one, const char *other, const char *name)
{
    size_t length = 0, other_length = 0;
    char *bytes = training_read(in_folder(one, name), &length);
    char *other_bytes = training_read(in_folder(other, name), &other_length);
    bool same =
        bytes && other_bytes && length == other_length && memcmp(bytes, other_bytes, length) == 0;
    if (!same)
        fprintf(stderr, "%s differs (%zu and %zu bytes)\n", name, length, other_length);
    free(bytes);
    free(other_bytes);
    return same;
}

static bool same_entries(const char *a, const char *b)
{
    while (*a || *b) {
        size_t length = strcspn(a, "\n"), other_length = strcspn(b, "\n");
        char *entry = timeless(a, length), *other = timeless(b, other_length);
        bool same = entry && other && strcmp(entry, other) == 0;
        if (!same)
            fprintf(stderr, "logs differ:\n%s\n%s\n", entry ? entry : "(no line)",
                    other ? other : "(no line)");
        free(entry);
        free(other);
        if (!same)
            return false;
        a += length + (a[length] == '\n');
        b += other_length + (b[other_length] == '\n');
    }
    return true;
}

bool training_same_runs(const char *one, const char *other)
{
    if (!same_bytes(one, other, "model.safetensors") || !same_bytes(one, other, "config.json"))
        return false;
    size_t length;
    char *log = training_read(in_folder(one, "log.jsonl"), &length);
    char *other_log = training_read(in_folder(other, "log.jsonl"), &length);
    bool same = log && other_log && *log && same_entries(log, other_log);
    free(log);
    free(other_log);
    return same;
}
