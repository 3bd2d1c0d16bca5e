/* A folder under /tmp for the files of a test. */
#ifndef FOLDER_FIXTURE_H
#define FOLDER_FIXTURE_H

extern char test_folder[64];

/* Setup and teardown of a group, and teardown of one test. */
int make_folder(void **state);
int empty_folder(void **state); /* files alone go */
/* Empties it too; fails where anything else is left. */
int remove_folder(void **state);

/* A path in the folder; lasts for three more calls. */
const char *in_folder(const char *name);

#endif
