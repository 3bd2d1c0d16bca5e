/* The checkpoints under tests/vectors/models, and small files made from them for tests. */
#ifndef ASSAY_TESTS_MODEL_VECTORS_H
#define ASSAY_TESTS_MODEL_VECTORS_H

#include <stddef.h>

/* Calls visit for every folder that holds reference.safetensors; returns how many. */
int each_model_vector(void (*visit)(const char *folder, void *context), void *context);

/* Path of a named vector folder, in a static buffer. */
const char *model_vector(const char *name);

/* A new temporary folder holding copies of the vector's files; NULL on failure. Free with
 * remove_folder, which deletes it. */
char *copy_model_vector(const char *name);
void remove_folder(char *folder);

/* Replaces the first `from` in folder/file by `to`; 0 on success. */
int edit_file(const char *folder, const char *file, const char *from, const char *to);

/* "folder/file" in one of a few static buffers. */
const char *in_folder(const char *folder, const char *file);

#endif
