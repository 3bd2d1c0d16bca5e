/* A folder for a test of data verbs, and files in it. */
#ifndef DATA_FIXTURE_H
#define DATA_FIXTURE_H

#include "assay/data_make.h"
#include "base/buffer.h"
#include "base/json.h"

#include <stdbool.h>

int data_folder_make(void **state);
int data_folder_remove(void **state);

/* A path in the folder; lasts for a few calls. */
const char *in_folder(const char *name);
void put_file(const char *name, const char *text);
/* The whole of a file; fails the test when it is not there. Owned by the caller. */
char *get_file(const char *name);
bool has_file(const char *name);
int64_t count_lines(const char *name);
/* Entries of the folder whose names hold `part`. */
int count_entries(const char *part);

/* Line `number`, from 1, of a .jsonl file; free with json_free. */
struct json *json_line(const char *name, int64_t number);
/* The whole of a .json file. */
struct json *json_file(const char *name);
const char *member_text(const struct json *object, const char *key);

int64_t count_of(const assay_data_report *report, const char *group, const char *name);

#endif
