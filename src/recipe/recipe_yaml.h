/* One YAML document as a tree in two blocks of memory, read with libyaml's events: no recursion.
 *
 * Anchors, aliases, tags, a second document, keys that are not words and keys given twice in one
 * map are refused, so that the tree is never larger than its text. Nodes are numbered, the root is
 * 0; texts end with a zero byte and hold none. libyaml's own working memory is its own.
 */
#ifndef ASSAY_RECIPE_RECIPE_YAML_H
#define ASSAY_RECIPE_RECIPE_YAML_H

#include "assay/status.h"
#include "base/buffer.h"

#include <stdbool.h>

enum { YAML_MAX_DEPTH = 8, YAML_MAX_NODES = 16384, YAML_MAX_CHILDREN = 2048 };

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    bool quoted;
    bool keyed;
    size_t text; /* offsets in the tree's texts */
    size_t key;
    size_t first; /* child; 0: none */
    size_t next;  /* sibling; 0: none */
    size_t count; /* children */
    int64_t row;
    int64_t column;
    int64_t key_row;
    int64_t key_column;
};

struct yaml_tree {
    struct yaml_node *nodes;
    size_t count;
    size_t capacity;
    struct buffer texts;
};

/* An empty document is one scalar that is null. On failure the tree is empty. */
assay_status yaml_tree_read(struct yaml_tree *tree, const char *text, size_t length,
                            assay_error *error);
/* A tree of one scalar, taken as it stands. */
assay_status yaml_tree_of_text(struct yaml_tree *tree, const char *text, assay_error *error);
void yaml_tree_free(struct yaml_tree *tree);

const char *yaml_text(const struct yaml_tree *tree, const struct yaml_node *node);
const char *yaml_key(const struct yaml_tree *tree, const struct yaml_node *node);
const struct yaml_node *yaml_first(const struct yaml_tree *tree, const struct yaml_node *node);
const struct yaml_node *yaml_next(const struct yaml_tree *tree, const struct yaml_node *node);
bool yaml_is_null(const struct yaml_tree *tree, const struct yaml_node *node);
/* For error messages: `the text "abc"`, "a list". */
void yaml_describe(char *line, size_t size, const struct yaml_tree *tree,
                   const struct yaml_node *node);

#endif
