#include "model_vectors.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *in_folder(const char *folder, const char *file)
{
    static char paths[8][1200];
    static int next;
    char *path = paths[next++ % 8];
    if (snprintf(path, sizeof paths[0], "%s/%s", folder, file) >= (int)sizeof paths[0])
        abort(); /* a test's paths are short */
    return path;
}

const char *model_vector(const char *name)
{
    return in_folder(ASSAY_TEST_DATA "/models", name);
}

int each_model_vector(void (*visit)(const char *folder, void *context), void *context)
{
    struct dirent **names;
    int found = scandir(ASSAY_TEST_DATA "/models", &names, NULL, alphasort), visited = 0;
    for (int i = 0; i < found; i++) {
        char folder[1200];
        snprintf(folder, sizeof folder, "%s", model_vector(names[i]->d_name));
        if (names[i]->d_name[0] != '.' &&
            access(in_folder(folder, "reference.safetensors"), R_OK) == 0) {
            visit(folder, context);
            visited++;
        }
        free(names[i]);
    }
    if (found >= 0)
        free(names);
    return visited;
}

static int copy(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    char block[65536];
    size_t n = 0;
    while (in && out && (n = fread(block, 1, sizeof block, in)) > 0)
        fwrite(block, 1, n, out);
    int bad = !in || !out;
    if (in)
        fclose(in);
    if (out)
        bad |= fclose(out) != 0;
    return bad;
}

char *copy_model_vector(const char *name)
{
    char *folder = strdup("/tmp/assay-test-XXXXXX");
    if (!folder || !mkdtemp(folder))
        return NULL;
    char from[1200];
    snprintf(from, sizeof from, "%s", model_vector(name));
    DIR *files = opendir(from);
    struct dirent *entry;
    int bad = !files;
    while (files && (entry = readdir(files))) {
        if (entry->d_name[0] != '.')
            bad |= copy(in_folder(from, entry->d_name), in_folder(folder, entry->d_name));
    }
    if (files)
        closedir(files);
    if (bad) {
        remove_folder(folder);
        return NULL;
    }
    return folder;
}

void remove_folder(char *folder)
{
    if (!folder)
        return;
    DIR *files = opendir(folder);
    struct dirent *entry;
    while (files && (entry = readdir(files))) {
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            unlink(in_folder(folder, entry->d_name));
    }
    if (files)
        closedir(files);
    rmdir(folder);
    free(folder);
}

int edit_file(const char *folder, const char *file, const char *from, const char *to)
{
    char path[1200];
    snprintf(path, sizeof path, "%s", in_folder(folder, file));
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return -1;
    static char text[1 << 24];
    size_t length = fread(text, 1, sizeof text, stream), old = strlen(from);
    fclose(stream);
    char *at = memmem(text, length, from, old);
    stream = at ? fopen(path, "wb") : NULL;
    if (!stream)
        return -1;
    fwrite(text, 1, (size_t)(at - text), stream);
    fputs(to, stream);
    fwrite(at + old, 1, length - (size_t)(at - text) - old, stream);
    return fclose(stream);
}
