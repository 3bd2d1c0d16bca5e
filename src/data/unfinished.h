/* The mark of a split that is putting its parts into their places: FOLDER/unfinished-split.txt
 * names the files, from before the first rename until after the last. Where a process was killed in
 * between, parts of two splits may stand side by side, and a row that is tested may have been
 * trained on; so files that a mark names are not read. A split that comes to its end takes its
 * files out of the mark. One thread; start from {0}.
 */
#ifndef ASSAY_DATA_UNFINISHED_H
#define ASSAY_DATA_UNFINISHED_H

#include "base/file.h"

struct unfinished {
    char *path;
    struct file_writer *left; /* the mark as it will be: what other splits left; NULL: nothing */
};

/* `paths` lie in the folder; they join those that are marked already. */
assay_status unfinished_begin(struct unfinished *mark, const char *folder, const char *const *paths,
                              size_t count, assay_error *error);
/* Takes nothing but the disk: memory that runs out cannot leave a mark. */
assay_status unfinished_end(struct unfinished *mark, assay_error *error);
void unfinished_close(struct unfinished *mark); /* what stands stays */

/* Refuses a data file that a mark beside it names. */
assay_status unfinished_check(const char *path, assay_error *error);

#endif
