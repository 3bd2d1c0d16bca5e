#include "folder_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char test_folder[64];

int make_folder(void **state)
{
    (void)state;
    strcpy(test_folder, "/tmp/assay-test-XXXXXX");
    return mkdtemp(test_folder) ? 0 : -1;
}

int empty_folder(void **state)
{
    (void)state;
    DIR *entries = opendir(test_folder);
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (entry->d_name[0] != '.')
            remove(in_folder(entry->d_name));
    }
    closedir(entries);
    return 0;
}

int remove_folder(void **state)
{
    empty_folder(state);
    return rmdir(test_folder);
}

const char *in_folder(const char *name)
{
    static char path[4][400];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", test_folder, name);
    return path[turn];
}
