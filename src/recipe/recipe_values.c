#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "recipe/recipe_fields.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static void *target(struct recipe *recipe, const struct recipe_field *field)
{
    return (char *)recipe + field->offset;
}

static void describe_range(char *line, size_t size, const struct recipe_field *field,
                           const char *what)
{
    const char *end = field->below_maximum ? "below" : "at most";
    int used = snprintf(line, size, "%s of at least %.15g, %s %.15g", what, field->minimum, end,
                        field->maximum);
    if (field->sentinel && used > 0 && (size_t)used < size)
        snprintf(line + used, size - (size_t)used, ", or the word %s", field->sentinel);
}

static void describe_expected(char *line, size_t size, const struct recipe_field *field)
{
    switch (field->kind) {
    case RECIPE_TEXT:
        snprintf(line, size, "a text of at most %d bytes", RECIPE_MAX_TEXT);
        break;
    case RECIPE_NUMBER:
        describe_range(line, size, field, "a number");
        break;
    case RECIPE_INTEGER:
        describe_range(line, size, field, "a whole number");
        break;
    case RECIPE_BOOLEAN:
        snprintf(line, size, "true or false");
        break;
    case RECIPE_TEXTS:
        snprintf(line, size, "a list of texts");
        break;
    case RECIPE_PAIR:
        describe_range(line, size, field, "a list of two numbers");
        break;
    case RECIPE_WEIGHTS:
        describe_range(line, size, field, "a map from labels to numbers");
        break;
    case RECIPE_RENAMES:
        snprintf(line, size, "a map from usual names to names in the data");
        break;
    case RECIPE_WORD: {
        size_t used = 0;
        line[0] = '\0';
        for (size_t i = 0; field->words[i] && used < size; i++)
            used +=
                (size_t)snprintf(line + used, size - used, "%s%s", i ? ", " : "", field->words[i]);
        break;
    }
    }
}

static assay_status wrong(const struct recipe_field *field, const struct yaml_tree *tree,
                          const struct yaml_node *node, assay_error *error)
{
    char line[ASSAY_ERROR_DETAIL_SIZE];
    if (field->kind == RECIPE_WORD && node->kind == YAML_SCALAR && !yaml_is_null(tree, node))
        error_set(error, ASSAY_ERROR_FORMAT, "the word is not known; the nearest is \"%s\"",
                  recipe_nearest_word(yaml_text(tree, node), field->words));
    else
        error_set(error, ASSAY_ERROR_FORMAT, "the value does not fit");
    error_at_row(error, node->row, node->column);
    bool is_entry = node->keyed && strcmp(yaml_key(tree, node), field->path);
    if (is_entry && field->kind == RECIPE_WEIGHTS)
        error_at_place(error, "%s.%.60s", field->path, yaml_key(tree, node));
    error_at_place(error, "%s", field->path);
    describe_expected(line, sizeof line, field);
    error_expected(error, "%s", line);
    yaml_describe(line, sizeof line, tree, node);
    error_found(error, "%s", line);
    return ASSAY_ERROR_FORMAT;
}

assay_status recipe_parse_number(double *out, bool *valid, const char *text, assay_error *error)
{
    enum { LONGEST = 64 };
    char plain[LONGEST + 4]; /* as JSON writes it: a digit before the point and after it */
    size_t length = 0;
    const char *at = text;
    *valid = false;
    if (strlen(text) > LONGEST)
        return ASSAY_OK;
    if (*at == '+' || *at == '-') {
        if (*at == '-')
            plain[length++] = '-';
        at++;
    }
    if (!isdigit((unsigned char)at[0]) && !(at[0] == '.' && isdigit((unsigned char)at[1])))
        return ASSAY_OK;
    while (at[0] == '0' && isdigit((unsigned char)at[1]))
        at++;
    if (*at == '.')
        plain[length++] = '0';
    while (isdigit((unsigned char)*at))
        plain[length++] = *at++;
    if (*at == '.') {
        plain[length++] = *at++;
        if (!isdigit((unsigned char)*at))
            plain[length++] = '0';
        while (isdigit((unsigned char)*at))
            plain[length++] = *at++;
    }
    if (*at == 'e' || *at == 'E') {
        plain[length++] = *at++;
        if (*at == '+' || *at == '-')
            plain[length++] = *at++;
        if (!isdigit((unsigned char)*at))
            return ASSAY_OK;
        while (isdigit((unsigned char)*at))
            plain[length++] = *at++;
    }
    if (*at)
        return ASSAY_OK;
    struct json *value;
    assay_error ignored;
    assay_status status = json_parse(&value, plain, length, NULL, &ignored);
    if (status == ASSAY_ERROR_MEMORY)
        return error_memory(error, length);
    if (!status)
        *out = json_number(value);
    *valid = !status && isfinite(*out);
    json_free(value);
    return ASSAY_OK;
}

static bool in_range(const struct recipe_field *field, double number)
{
    return number >= field->minimum &&
           (field->below_maximum ? number < field->maximum : number <= field->maximum);
}

/* A number within the field's range from a plain scalar. */
static assay_status read_number(double *out, const struct recipe_field *field,
                                const struct yaml_tree *tree, const struct yaml_node *node,
                                assay_error *error)
{
    const char *text = yaml_text(tree, node);
    bool valid = false;
    double number = 0;
    if (node->kind == YAML_SCALAR && field->sentinel && !strcmp(text, field->sentinel)) {
        *out = field->sentinel_value;
        return ASSAY_OK;
    }
    if (node->kind == YAML_SCALAR && !node->quoted) {
        assay_status status = recipe_parse_number(&number, &valid, text, error);
        if (status)
            return status;
    }
    bool whole = field->kind != RECIPE_INTEGER || floor(number) == number;
    if (!valid || !whole || !in_range(field, number))
        return wrong(field, tree, node, error);
    *out = number + 0.0; /* -0 becomes 0 */
    return ASSAY_OK;
}

static assay_status read_text(char **out, const struct recipe_field *field,
                              const struct yaml_tree *tree, const struct yaml_node *node,
                              assay_error *error)
{
    const char *text = yaml_text(tree, node);
    if (node->kind != YAML_SCALAR || yaml_is_null(tree, node) || !text[0] ||
        strlen(text) > RECIPE_MAX_TEXT)
        return wrong(field, tree, node, error);
    *out = memory_copy_string(text);
    return *out ? ASSAY_OK : error_memory(error, strlen(text) + 1);
}

static assay_status read_boolean(bool *out, const struct recipe_field *field,
                                 const struct yaml_tree *tree, const struct yaml_node *node,
                                 assay_error *error)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (node->kind == YAML_SCALAR && !node->quoted &&
            !strcasecmp(yaml_text(tree, node), words[i])) {
            *out = i % 2;
            return ASSAY_OK;
        }
    }
    return wrong(field, tree, node, error);
}

static assay_status read_word(void *out, const struct recipe_field *field,
                              const struct yaml_tree *tree, const struct yaml_node *node,
                              assay_error *error)
{
    for (int i = 0; node->kind == YAML_SCALAR && field->words[i]; i++) {
        if (!strcmp(yaml_text(tree, node), field->words[i])) {
            memcpy(out, &i, sizeof i);
            return ASSAY_OK;
        }
    }
    return wrong(field, tree, node, error);
}

/* One text counts as a list of one. */
static assay_status read_texts(struct recipe_texts *out, const struct recipe_field *field,
                               const struct yaml_tree *tree, const struct yaml_node *node,
                               assay_error *error)
{
    if (node->kind == YAML_MAP)
        return wrong(field, tree, node, error);
    size_t count = node->kind == YAML_LIST ? node->count : 1;
    if (!count)
        return ASSAY_OK;
    out->items = memory_allocate_zeroed(count, sizeof *out->items);
    if (!out->items)
        return error_memory(error, count * sizeof *out->items);
    const struct yaml_node *item = node->kind == YAML_LIST ? yaml_first(tree, node) : node;
    for (; out->count < count; item = yaml_next(tree, item)) {
        assay_status status = read_text(&out->items[out->count], field, tree, item, error);
        if (status)
            return status;
        out->count++;
    }
    return ASSAY_OK;
}

static assay_status read_pair(double out[2], const struct recipe_field *field,
                              const struct yaml_tree *tree, const struct yaml_node *node,
                              assay_error *error)
{
    if (node->kind != YAML_LIST || node->count != 2)
        return wrong(field, tree, node, error);
    const struct yaml_node *item = yaml_first(tree, node);
    double pair[2];
    for (int i = 0; i < 2; i++, item = yaml_next(tree, item)) {
        assay_status status = read_number(&pair[i], field, tree, item, error);
        if (status)
            return status;
    }
    memcpy(out, pair, sizeof pair);
    return ASSAY_OK;
}

assay_status recipe_field_assign_entry(struct recipe *recipe, const struct recipe_field *field,
                                       const char *key, const struct yaml_tree *tree,
                                       const struct yaml_node *node, assay_error *error)
{
    struct recipe_map *map = target(recipe, field);
    struct recipe_entry entry = {0};
    if (!key[0] || strlen(key) > RECIPE_MAX_TEXT) {
        error_set(error, ASSAY_ERROR_FORMAT, "a name in a map is empty or too long");
        error_at_row(error, node->row, node->column);
        error_at_place(error, "%s", field->path);
        return ASSAY_ERROR_FORMAT;
    }
    assay_status status = field->kind == RECIPE_WEIGHTS
                              ? read_number(&entry.number, field, tree, node, error)
                              : read_text(&entry.text, field, tree, node, error);
    if (status)
        return status;
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->entries[i].key, key))
            continue;
        memory_free(map->entries[i].text);
        map->entries[i].text = entry.text;
        map->entries[i].number = entry.number;
        return ASSAY_OK;
    }
    if (map->count == YAML_MAX_CHILDREN) {
        memory_free(entry.text);
        error_set(error, ASSAY_ERROR_LIMIT, "there are too many values");
        error_at_place(error, "%s", field->path);
        return ASSAY_ERROR_LIMIT;
    }
    entry.key = memory_copy_string(key);
    struct recipe_entry *entries = NULL;
    if (entry.key)
        entries = memory_resize(map->entries, map->count + 1, sizeof *entries);
    if (!entries) {
        memory_free(entry.key);
        memory_free(entry.text);
        return error_memory(error, (map->count + 1) * sizeof *entries);
    }
    map->entries = entries;
    map->entries[map->count++] = entry;
    return ASSAY_OK;
}

static assay_status read_map(struct recipe *recipe, const struct recipe_field *field,
                             const struct yaml_tree *tree, const struct yaml_node *node,
                             assay_error *error)
{
    if (node->kind != YAML_MAP)
        return wrong(field, tree, node, error);
    for (const struct yaml_node *item = yaml_first(tree, node); item;
         item = yaml_next(tree, item)) {
        assay_status status =
            recipe_field_assign_entry(recipe, field, yaml_key(tree, item), tree, item, error);
        if (status)
            return status;
    }
    return ASSAY_OK;
}

assay_status recipe_field_assign(struct recipe *recipe, const struct recipe_field *field,
                                 const struct yaml_tree *tree, const struct yaml_node *node,
                                 assay_error *error)
{
    void *out = target(recipe, field);
    if (yaml_is_null(tree, node))
        return recipe_field_default(recipe, field, error);
    recipe_field_clear(recipe, field);
    switch (field->kind) {
    case RECIPE_TEXT:
        return read_text(out, field, tree, node, error);
    case RECIPE_WORD:
        return read_word(out, field, tree, node, error);
    case RECIPE_NUMBER:
        return read_number(out, field, tree, node, error);
    case RECIPE_INTEGER: {
        double number;
        assay_status status = read_number(&number, field, tree, node, error);
        if (!status)
            *(int64_t *)out = (int64_t)number;
        return status;
    }
    case RECIPE_BOOLEAN:
        return read_boolean(out, field, tree, node, error);
    case RECIPE_TEXTS:
        return read_texts(out, field, tree, node, error);
    case RECIPE_PAIR:
        return read_pair(out, field, tree, node, error);
    case RECIPE_WEIGHTS:
    case RECIPE_RENAMES:
        return read_map(recipe, field, tree, node, error);
    }
    return error_set(error, ASSAY_ERROR_INTERNAL, "a recipe's field has no kind");
}

assay_status recipe_field_default(struct recipe *recipe, const struct recipe_field *field,
                                  assay_error *error)
{
    recipe_field_clear(recipe, field);
    if (!strcmp(field->fallback, "null"))
        return ASSAY_OK;
    struct yaml_tree tree;
    assay_status status = yaml_tree_read(&tree, field->fallback, strlen(field->fallback), error);
    if (!status)
        status = recipe_field_assign(recipe, field, &tree, &tree.nodes[0], error);
    yaml_tree_free(&tree);
    return status;
}

void recipe_field_clear(struct recipe *recipe, const struct recipe_field *field)
{
    void *out = target(recipe, field);
    switch (field->kind) {
    case RECIPE_TEXT:
        memory_free(*(char **)out);
        *(char **)out = NULL;
        break;
    case RECIPE_WORD:
        memset(out, 0, sizeof(int));
        break;
    case RECIPE_NUMBER:
        *(double *)out = 0;
        break;
    case RECIPE_INTEGER:
        *(int64_t *)out = 0;
        break;
    case RECIPE_BOOLEAN:
        *(bool *)out = false;
        break;
    case RECIPE_PAIR:
        memset(out, 0, 2 * sizeof(double));
        break;
    case RECIPE_TEXTS: {
        struct recipe_texts *texts = out;
        for (size_t i = 0; i < texts->count; i++)
            memory_free(texts->items[i]);
        memory_free(texts->items);
        *texts = (struct recipe_texts){0};
        break;
    }
    case RECIPE_WEIGHTS:
    case RECIPE_RENAMES: {
        struct recipe_map *map = out;
        for (size_t i = 0; i < map->count; i++) {
            memory_free(map->entries[i].key);
            memory_free(map->entries[i].text);
        }
        memory_free(map->entries);
        *map = (struct recipe_map){0};
        break;
    }
    }
}

bool recipe_field_is_zero(const struct recipe *recipe, const struct recipe_field *field)
{
    const void *value = (const char *)recipe + field->offset;
    return field->kind == RECIPE_NUMBER ? *(const double *)value == 0
                                        : *(const int64_t *)value == 0;
}
