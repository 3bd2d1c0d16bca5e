#include "recipe/recipe.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "recipe/recipe_check.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 128 };

/* What a section written as one value, or a key at the top, stands for. */
static const char *const short_names[][2] = {{"data", "data.train"},
                                             {"valid", "data.valid"},
                                             {"optimizer", "optimizer.name"},
                                             {"schedule", "schedule.name"}};

/* Sections of methods that are not there yet. */
static const char *const missing_sections[] = {"lora", "adapter", "prompt", "prefix", "ia3"};

static const char *long_name(const char *path)
{
    for (size_t i = 0; i < sizeof short_names / sizeof *short_names; i++) {
        if (!strcmp(path, short_names[i][0]))
            return short_names[i][1];
    }
    return NULL;
}

static assay_status unknown_key(const struct recipe_reader *reader, const char *path, int64_t row,
                                int64_t column)
{
    for (size_t i = 0; i < sizeof missing_sections / sizeof *missing_sections; i++) {
        size_t length = strlen(missing_sections[i]);
        if (strncmp(path, missing_sections[i], length) || (path[length] && path[length] != '.'))
            continue;
        error_set(reader->error, ASSAY_ERROR_UNSUPPORTED, "the method %s is not there yet",
                  missing_sections[i]);
        error_at_row(reader->error, row, column);
        error_at_place(reader->error, "%s", path);
        return ASSAY_ERROR_UNSUPPORTED;
    }
    char nearest[PATH_SIZE];
    recipe_nearest_key(nearest, sizeof nearest, path);
    error_set(reader->error, ASSAY_ERROR_FORMAT, "the key is not known; the nearest is \"%s\"",
              nearest);
    error_at_row(reader->error, row, column);
    error_at_place(reader->error, "%s", path);
    return ASSAY_ERROR_FORMAT;
}

static assay_status said_twice(const struct recipe_reader *reader, const char *path,
                               const char *other, const struct yaml_node *node)
{
    error_set(reader->error, ASSAY_ERROR_FORMAT,
              strcmp(path, other) ? "only one of two keys may be given" : "the key is given twice");
    error_at_row(reader->error, node->row, node->column);
    error_at_place(reader->error, "%s", path);
    error_found(reader->error, "also %s", other);
    return ASSAY_ERROR_FORMAT;
}

static assay_status assign(struct recipe_reader *reader, size_t index, const struct yaml_tree *tree,
                           const struct yaml_node *node)
{
    const struct recipe_field *field = &recipe_fields[index];
    struct recipe_mark *mark = &reader->marks[index];
    bool is_null = yaml_is_null(tree, node);
    if (mark->layer == reader->layer)
        return said_twice(reader, field->path, field->path, node);
    if (field->rival && !is_null) {
        size_t rival = recipe_field_find(field->rival);
        if (reader->marks[rival].layer == reader->layer && !reader->marks[rival].is_null)
            return said_twice(reader, field->path, field->rival, node);
        recipe_field_clear(reader->recipe, &recipe_fields[rival]);
    }
    *mark = (struct recipe_mark){reader->layer, is_null, node->row, node->column};
    if (field->rival && is_null) {
        /* Which of the two has the default is decided when all is read. */
        recipe_field_clear(reader->recipe, field);
        return ASSAY_OK;
    }
    return recipe_field_assign(reader->recipe, field, tree, node, reader->error);
}

/* Expected is a map; names its keys. */
static void expect_section(const struct recipe_reader *reader, const char *path)
{
    char line[ASSAY_ERROR_DETAIL_SIZE] = "";
    size_t length = strlen(path);
    size_t used = 0;
    for (size_t i = 0; i < RECIPE_FIELD_COUNT && used < sizeof line; i++) {
        const char *known = recipe_fields[i].path;
        if (!strncmp(known, path, length) && known[length] == '.')
            used += (size_t)snprintf(line + used, sizeof line - used, "%s%s", used ? ", " : "",
                                     known + length + 1);
    }
    error_expected(reader->error, "a map of %s", line);
}

/* The value of a key that is no field itself: a section, or something short for a field. */
static assay_status assign_section(struct recipe_reader *reader, const char *path,
                                   const struct yaml_tree *tree, const struct yaml_node *node)
{
    bool is_section = recipe_is_section(path);
    const char *full = long_name(path);
    if (!is_section && !full)
        return unknown_key(reader, path, node->keyed ? node->key_row : node->row,
                           node->keyed ? node->key_column : node->column);
    if (full && node->kind != YAML_MAP && !(is_section && yaml_is_null(tree, node)))
        return assign(reader, recipe_field_find(full), tree, node);
    if (is_section && node->kind == YAML_SCALAR && yaml_is_null(tree, node))
        return ASSAY_OK;
    if (!is_section || node->kind != YAML_MAP) {
        char line[ASSAY_ERROR_DETAIL_SIZE];
        error_set(reader->error, ASSAY_ERROR_FORMAT, "the value does not fit");
        error_at_row(reader->error, node->row, node->column);
        error_at_place(reader->error, "%s", path);
        if (is_section)
            expect_section(reader, path);
        error_expected(reader->error, "a text");
        yaml_describe(line, sizeof line, tree, node);
        error_found(reader->error, "%s", line);
        return ASSAY_ERROR_FORMAT;
    }
    for (const struct yaml_node *item = yaml_first(tree, node); item;
         item = yaml_next(tree, item)) {
        char inner[PATH_SIZE];
        snprintf(inner, sizeof inner, "%s.%s", path, yaml_key(tree, item));
        size_t index = recipe_field_find(inner);
        assay_status status = index < RECIPE_FIELD_COUNT
                                  ? assign(reader, index, tree, item)
                                  : unknown_key(reader, inner, item->key_row, item->key_column);
        if (status)
            return status;
    }
    return ASSAY_OK;
}

static assay_status read_file_layer(struct recipe_reader *reader, const char *text, size_t length)
{
    struct yaml_tree tree = {0};
    if (length > RECIPE_MAX_BYTES) {
        error_set(reader->error, ASSAY_ERROR_LIMIT, "the recipe is too long");
        error_expected(reader->error, "at most %d bytes", RECIPE_MAX_BYTES);
        return ASSAY_ERROR_LIMIT;
    }
    assay_status status = yaml_tree_read(&tree, text, length, reader->error);
    if (status)
        return status;
    const struct yaml_node *root = &tree.nodes[0];
    if (root->kind != YAML_MAP && !yaml_is_null(&tree, root)) {
        char line[ASSAY_ERROR_DETAIL_SIZE];
        status = error_set(reader->error, ASSAY_ERROR_FORMAT, "a recipe is a map");
        error_at_row(reader->error, root->row, root->column);
        yaml_describe(line, sizeof line, &tree, root);
        error_found(reader->error, "%s", line);
    }
    for (const struct yaml_node *item = yaml_first(&tree, root); item && !status;
         item = yaml_next(&tree, item)) {
        const char *key = yaml_key(&tree, item);
        size_t index = recipe_field_find(key);
        /* A dotted key is a way of the command line; in a file it would hide a duplicate. */
        if (strchr(key, '.'))
            status = unknown_key(reader, key, item->key_row, item->key_column);
        else if (index < RECIPE_FIELD_COUNT)
            status = assign(reader, index, &tree, item);
        else
            status = assign_section(reader, key, &tree, item);
    }
    yaml_tree_free(&tree);
    return status;
}

/* The field of a map that a key like "class_weights.human" names an entry of. */
static size_t find_map(const char *key, const char **entry)
{
    for (size_t i = 0; i < RECIPE_FIELD_COUNT; i++) {
        size_t length = strlen(recipe_fields[i].path);
        bool is_map =
            recipe_fields[i].kind == RECIPE_WEIGHTS || recipe_fields[i].kind == RECIPE_RENAMES;
        if (is_map && !strncmp(key, recipe_fields[i].path, length) && key[length] == '.') {
            *entry = key + length + 1;
            return i;
        }
    }
    return RECIPE_FIELD_COUNT;
}

static bool is_raw_text(const char *key, const char *value)
{
    const char *full = long_name(key);
    size_t index = recipe_field_find(full ? full : key);
    return index < RECIPE_FIELD_COUNT && recipe_fields[index].kind == RECIPE_TEXT && value[0] &&
           !strchr("\"'{[", value[0]);
}

static assay_status read_word(struct recipe_reader *reader, const char *key, const char *value)
{
    struct yaml_tree tree;
    const char *entry = NULL;
    bool raw = is_raw_text(key, value);
    assay_status status = raw ? yaml_tree_of_text(&tree, value, reader->error)
                              : yaml_tree_read(&tree, value, strlen(value), reader->error);
    if (status) {
        error_at_place(reader->error, "%s", key);
        return status;
    }
    size_t index = recipe_field_find(key);
    size_t map = find_map(key, &entry);
    if (index < RECIPE_FIELD_COUNT)
        status = assign(reader, index, &tree, &tree.nodes[0]);
    else if (map < RECIPE_FIELD_COUNT) {
        status = recipe_field_assign_entry(reader->recipe, &recipe_fields[map], entry, &tree,
                                           &tree.nodes[0], reader->error);
        reader->marks[map].is_null = false;
    } else
        status = assign_section(reader, key, &tree, &tree.nodes[0]);
    yaml_tree_free(&tree);
    return status;
}

static assay_status read_words(struct recipe_reader *reader, const char *const *words, size_t count)
{
    if (count > RECIPE_MAX_OVERRIDES)
        return error_set(reader->error, ASSAY_ERROR_LIMIT, "there are too many key=value words");
    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(words[i], '=');
        size_t length = strlen(words[i]);
        if (!equals || equals == words[i] || equals - words[i] >= PATH_SIZE ||
            length > RECIPE_MAX_BYTES || utf8_valid_prefix(words[i], length) != length) {
            error_set(reader->error, ASSAY_ERROR_ARGUMENT, "the word is not understood");
            error_expected(reader->error, "key=value in UTF-8");
            error_found(reader->error, "\"%.60s\"", words[i]);
            return ASSAY_ERROR_ARGUMENT;
        }
        for (size_t j = 0; j < i; j++) {
            if (strncmp(words[j], words[i], (size_t)(equals - words[i]) + 1))
                continue;
            error_set(reader->error, ASSAY_ERROR_ARGUMENT, "the key is given twice");
            error_at_place(reader->error, "%.*s", (int)(equals - words[i]), words[i]);
            return ASSAY_ERROR_ARGUMENT;
        }
        char key[PATH_SIZE];
        snprintf(key, sizeof key, "%.*s", (int)(equals - words[i]), words[i]);
        assay_status status = read_word(reader, key, equals + 1);
        if (status)
            return status;
    }
    return ASSAY_OK;
}

/* The complete form is longer than what was read; it must be read again. */
static assay_status check_size(const struct recipe_reader *reader)
{
    struct buffer text = {0};
    assay_status status = recipe_write(&text, reader->recipe, reader->error);
    if (!status && text.length > RECIPE_MAX_BYTES) {
        status = error_set(reader->error, ASSAY_ERROR_LIMIT, "the complete recipe is too long");
        error_at_file(reader->error, reader->file);
        error_expected(reader->error, "at most %d bytes", RECIPE_MAX_BYTES);
        error_found(reader->error, "%zu", text.length);
    }
    buffer_free(&text);
    return status;
}

static assay_status fill_in(const struct recipe_reader *reader)
{
    struct recipe *recipe = reader->recipe;
    const struct recipe_mark *metric = &reader->marks[recipe_field_find("early_stop.metric")];
    if (!metric->layer || metric->is_null)
        recipe->early_stop.metric = recipe->task == RECIPE_CLASSIFY ? RECIPE_AUROC : RECIPE_LOSS;
    for (size_t i = 0; i < RECIPE_FIELD_COUNT; i++) {
        const struct recipe_field *field = &recipe_fields[i];
        if (!field->rival || !strcmp(field->fallback, "null") ||
            !recipe_field_is_zero(recipe, field) ||
            !recipe_field_is_zero(recipe, &recipe_fields[recipe_field_find(field->rival)]))
            continue;
        assay_status status = recipe_field_default(recipe, field, reader->error);
        if (status)
            return status;
    }
    return ASSAY_OK;
}

static assay_status read_layers(struct recipe_reader *reader, const char *text, size_t length,
                                const char *const *overrides, size_t override_count)
{
    assay_status status = ASSAY_OK;
    for (size_t i = 0; i < RECIPE_FIELD_COUNT && !status; i++)
        status = recipe_field_default(reader->recipe, &recipe_fields[i], reader->error);
    if (!status && text) {
        reader->layer = RECIPE_FILE_LAYER;
        status = read_file_layer(reader, text, length);
        if (status)
            error_at_file(reader->error, reader->file);
    }
    if (!status) {
        reader->layer = RECIPE_WORD_LAYER;
        status = read_words(reader, overrides, override_count);
        if (status && reader->error) {
            reader->error->row = reader->error->column = 0; /* inside one word they mislead */
            error_at_file(reader->error, recipe_word_source);
        }
        if (status == ASSAY_ERROR_FORMAT) {
            status = ASSAY_ERROR_ARGUMENT;
            if (reader->error)
                reader->error->status = status;
        }
    }
    if (!status)
        status = fill_in(reader);
    if (!status)
        status = recipe_check(reader);
    if (!status)
        status = check_size(reader);
    return status;
}

assay_status recipe_read_text(struct recipe *recipe, const char *text, size_t length,
                              const char *file, const char *const *overrides, size_t override_count,
                              assay_error *error)
{
    struct recipe_reader reader = {.recipe = recipe, .file = file, .error = error};
    memset(recipe, 0, sizeof *recipe);
    assay_status status = read_layers(&reader, text, length, overrides, override_count);
    if (status)
        recipe_free(recipe);
    return status;
}

assay_status recipe_read(struct recipe *recipe, const char *path, const char *const *overrides,
                         size_t override_count, assay_error *error)
{
    struct buffer text = {0};
    memset(recipe, 0, sizeof *recipe);
    assay_status status = path ? file_read(&text, path, RECIPE_MAX_BYTES, error) : ASSAY_OK;
    if (!status)
        status = recipe_read_text(recipe, path ? (text.bytes ? text.bytes : "") : NULL, text.length,
                                  path, overrides, override_count, error);
    buffer_free(&text);
    return status;
}

void recipe_free(struct recipe *recipe)
{
    if (!recipe)
        return;
    for (size_t i = 0; i < RECIPE_FIELD_COUNT; i++)
        recipe_field_clear(recipe, &recipe_fields[i]);
    memset(recipe, 0, sizeof *recipe);
}
