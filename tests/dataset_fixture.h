/* What the tests of datasets share: a folder for each test, two tokenizers, requests, and comparing
 * what comes out. begin and end are the setup of a test, the other two of a program.
 */
#ifndef TESTS_DATASET_FIXTURE_H
#define TESTS_DATASET_FIXTURE_H

#include "assay/tokenizer.h"
#include "dataset/dataset.h"

enum { PATH_SIZE = 600, CUT = 12 };

extern const char BERT[], BERT_FILES[], BPE[], JSONL[];
extern char top[64], cache[100];
extern assay_tokenizer *bert, *bpe;
extern int notes; /* that progress got; the last of them */
extern char last_note[2000];

int begin(void **state);
int end(void **state);
int open_tokenizers(void **state);
int close_tokenizers(void **state);

const char *in_top(const char *name); /* lasts for three more calls */
void remove_tree(const char *path);
const char *put_bytes(const char *name, const void *bytes, size_t length);
const char *put(const char *name, const char *text);
struct dataset_request ask(const char *path, enum dataset_labels labels);
struct dataset *must_open(const struct dataset_request *request, struct dataset_view *view);

/* Nothing of a cache stands but whole files, so many of them. */
int caches(void);
const char *only_cache(void);

void check_id(const struct dataset *dataset, int64_t row, const char *id, int64_t line);
void check_same(const struct dataset *left, const struct dataset *right);
void expect(const char *what, const char *found, const char *wanted); /* NULL: anything */

#endif
