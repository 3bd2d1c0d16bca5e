/* The folder of checkpoints as a set of names: which steps there are, what links say, and changes
 * that happen in one system call each, so that a kill leaves either the old or the new state.
 */
#ifndef ASSAY_TRAIN_CHECKPOINT_FOLDER_H
#define ASSAY_TRAIN_CHECKPOINT_FOLDER_H

#include "assay/status.h"

#include <stddef.h>

enum { CHECKPOINT_NAME_SIZE = 64 };
#define CHECKPOINT_MAX_STEP INT64_C(999999999999999999)

/* "step-N", and N again; -1 for any other text. */
void checkpoint_name(char name[CHECKPOINT_NAME_SIZE], int64_t step);
int64_t checkpoint_name_step(const char *name);

/* The steps of which there is a folder, newest first; release with memory_free. */
assay_status checkpoint_list(int64_t **steps, size_t *count, const char *folder,
                             assay_error *error);

/* The step that the link points at; -1 when there is no such link. */
int64_t checkpoint_link_step(const char *folder, const char *name);
assay_status checkpoint_replace_link(const char *folder, const char *name, const char *target,
                                     assay_error *error);

/* A new empty hidden folder for building step-N. */
assay_status checkpoint_begin(char **partial, const char *folder, int64_t step, assay_error *error);
/* Gives it its name, in the place of one that had it. */
assay_status checkpoint_place(const char *folder, const char *partial, int64_t step,
                              assay_error *error);

/* Takes the name away first, then the files. */
assay_status checkpoint_remove(const char *folder, int64_t step, assay_error *error);
/* A folder of plain files. */
assay_status checkpoint_remove_files(const char *path, assay_error *error);
/* Removes hidden folders and links that killed writers left. */
assay_status checkpoint_sweep(const char *folder, assay_error *error);

#endif
