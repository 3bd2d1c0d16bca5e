#include "recipe/recipe_yaml.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

/* A list or map that is still open. */
struct level {
    size_t node;
    size_t last; /* child so far; 0: none */
    bool has_key;
    size_t key;
    int64_t key_row;
    int64_t key_column;
};

struct builder {
    struct yaml_tree *tree;
    struct level levels[YAML_MAX_DEPTH];
    size_t depth;
    size_t documents;
    assay_error *error;
};

static assay_status refuse(const struct builder *builder, const yaml_event_t *event,
                           assay_status status, const char *message)
{
    error_set(builder->error, status, "%s", message);
    error_at_row(builder->error, (int64_t)event->start_mark.line + 1,
                 (int64_t)event->start_mark.column + 1);
    return status;
}

static assay_status keep_text(const struct builder *builder, const yaml_event_t *event,
                              size_t *offset)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (memchr(text, '\0', length))
        return refuse(builder, event, ASSAY_ERROR_FORMAT, "a text holds a zero byte");
    *offset = builder->tree->texts.length;
    if (!buffer_append(&builder->tree->texts, text, length) ||
        !buffer_append_byte(&builder->tree->texts, '\0'))
        return error_memory(builder->error, length + 1);
    return ASSAY_OK;
}

static assay_status take_key(struct builder *builder, const yaml_event_t *event)
{
    struct level *level = &builder->levels[builder->depth - 1];
    const struct yaml_tree *tree = builder->tree;
    if (event->type != YAML_SCALAR_EVENT)
        return refuse(builder, event, ASSAY_ERROR_FORMAT, "a key must be a word");
    assay_status status = keep_text(builder, event, &level->key);
    if (status)
        return status;
    const char *key = tree->texts.bytes + level->key;
    const struct yaml_node *map = &tree->nodes[level->node];
    for (const struct yaml_node *other = yaml_first(tree, map); other;
         other = yaml_next(tree, other)) {
        if (strcmp(yaml_key(tree, other), key))
            continue;
        refuse(builder, event, ASSAY_ERROR_FORMAT, "the key is given twice");
        error_at_place(builder->error, "%s", key);
        error_found(builder->error, "the same key at row %lld", (long long)other->key_row);
        return ASSAY_ERROR_FORMAT;
    }
    level->has_key = true;
    level->key_row = (int64_t)event->start_mark.line + 1;
    level->key_column = (int64_t)event->start_mark.column + 1;
    return ASSAY_OK;
}

static assay_status add_node(struct builder *builder, const yaml_event_t *event,
                             struct yaml_node **out)
{
    struct yaml_tree *tree = builder->tree;
    if (tree->count == YAML_MAX_NODES ||
        (builder->depth &&
         tree->nodes[builder->levels[builder->depth - 1].node].count == YAML_MAX_CHILDREN))
        return refuse(builder, event, ASSAY_ERROR_LIMIT, "there are too many values");
    if (tree->count == tree->capacity) {
        size_t capacity = tree->capacity ? tree->capacity * 2 : 16;
        struct yaml_node *nodes = memory_resize(tree->nodes, capacity, sizeof *nodes);
        if (!nodes)
            return error_memory(builder->error, capacity * sizeof *nodes);
        tree->nodes = nodes;
        tree->capacity = capacity;
    }
    size_t index = tree->count++;
    struct yaml_node *node = &tree->nodes[index];
    *node = (struct yaml_node){.row = (int64_t)event->start_mark.line + 1,
                               .column = (int64_t)event->start_mark.column + 1};
    if (builder->depth) {
        struct level *level = &builder->levels[builder->depth - 1];
        struct yaml_node *parent = &tree->nodes[level->node];
        if (level->last)
            tree->nodes[level->last].next = index;
        else
            parent->first = index;
        level->last = index;
        parent->count++;
        node->keyed = level->has_key;
        node->key = level->key;
        node->key_row = level->key_row;
        node->key_column = level->key_column;
        level->has_key = false;
    }
    *out = node;
    return ASSAY_OK;
}

static assay_status take_value(struct builder *builder, const yaml_event_t *event)
{
    struct yaml_node *node = NULL;
    assay_status status = add_node(builder, event, &node);
    if (status)
        return status;
    if (event->type == YAML_SCALAR_EVENT) {
        node->kind = YAML_SCALAR;
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        return keep_text(builder, event, &node->text);
    }
    node->kind = event->type == YAML_SEQUENCE_START_EVENT ? YAML_LIST : YAML_MAP;
    if (builder->depth == YAML_MAX_DEPTH)
        return refuse(builder, event, ASSAY_ERROR_LIMIT, "values are nested too deep");
    builder->levels[builder->depth++] = (struct level){.node = builder->tree->count - 1};
    return ASSAY_OK;
}

static bool has_anchor_or_tag(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor || event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor || event->data.mapping_start.tag;
    default:
        return event->type == YAML_ALIAS_EVENT;
    }
}

static assay_status take_event(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (builder->documents++)
            return refuse(builder, event, ASSAY_ERROR_FORMAT, "a second document begins");
        return ASSAY_OK;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        builder->depth--;
        return ASSAY_OK;
    case YAML_ALIAS_EVENT:
    case YAML_SCALAR_EVENT:
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT: {
        if (has_anchor_or_tag(event))
            return refuse(builder, event, ASSAY_ERROR_FORMAT,
                          "anchors, aliases (& and *) and tags (!) are not read; quote a text that "
                          "begins with one of these signs");
        const struct level *level = builder->depth ? &builder->levels[builder->depth - 1] : NULL;
        bool key_is_due =
            level && builder->tree->nodes[level->node].kind == YAML_MAP && !level->has_key;
        return key_is_due ? take_key(builder, event) : take_value(builder, event);
    }
    default:
        return ASSAY_OK;
    }
}

static assay_status parser_failed(const yaml_parser_t *parser, const char *text, size_t length,
                                  assay_error *error)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return error_set(error, ASSAY_ERROR_MEMORY, "not enough memory for the YAML reader");
    int64_t row = (int64_t)parser->problem_mark.line + 1;
    int64_t column = (int64_t)parser->problem_mark.column + 1;
    if (parser->error == YAML_READER_ERROR) {
        /* libyaml gives only an offset here. */
        size_t end = parser->problem_offset < length ? parser->problem_offset : length;
        row = column = 1;
        for (size_t i = 0; i < end; i++) {
            column = text[i] == '\n' ? 1 : column + 1;
            row += text[i] == '\n';
        }
    }
    error_set(error, ASSAY_ERROR_FORMAT, "not YAML: %s%s%s",
              parser->problem ? parser->problem : "damaged", parser->context ? ", " : "",
              parser->context ? parser->context : "");
    error_at_row(error, row, column);
    return ASSAY_ERROR_FORMAT;
}

assay_status yaml_tree_read(struct yaml_tree *tree, const char *text, size_t length,
                            assay_error *error)
{
    *tree = (struct yaml_tree){0};
    static const char byte_order_mark[] = {'\xef', '\xbb', '\xbf'};
    if (length >= sizeof byte_order_mark &&
        !memcmp(text, byte_order_mark, sizeof byte_order_mark)) {
        text += sizeof byte_order_mark; /* libyaml would count it as a column */
        length -= sizeof byte_order_mark;
    }
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return error_set(error, ASSAY_ERROR_MEMORY, "not enough memory for the YAML reader");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    struct builder builder = {.tree = tree, .error = error};
    assay_status status = ASSAY_OK;
    bool ended = false;
    while (!status && !ended) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            status = parser_failed(&parser, text, length, error);
            break;
        }
        status = take_event(&builder, &event);
        ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (!status && !tree->count)
        return yaml_tree_of_text(tree, "", error);
    if (status)
        yaml_tree_free(tree);
    return status;
}

assay_status yaml_tree_of_text(struct yaml_tree *tree, const char *text, assay_error *error)
{
    *tree = (struct yaml_tree){0};
    size_t length = strlen(text);
    tree->nodes = memory_allocate_zeroed(1, sizeof *tree->nodes);
    if (!tree->nodes || !buffer_append(&tree->texts, text, length + 1)) {
        yaml_tree_free(tree);
        return error_memory(error, length + 1);
    }
    tree->nodes[0] = (struct yaml_node){.kind = YAML_SCALAR, .row = 1, .column = 1};
    tree->count = tree->capacity = 1;
    return ASSAY_OK;
}

void yaml_tree_free(struct yaml_tree *tree)
{
    if (!tree)
        return;
    memory_free(tree->nodes);
    buffer_free(&tree->texts);
    *tree = (struct yaml_tree){0};
}

const char *yaml_text(const struct yaml_tree *tree, const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR ? tree->texts.bytes + node->text : "";
}

const char *yaml_key(const struct yaml_tree *tree, const struct yaml_node *node)
{
    return node->keyed ? tree->texts.bytes + node->key : "";
}

const struct yaml_node *yaml_first(const struct yaml_tree *tree, const struct yaml_node *node)
{
    return node->first ? &tree->nodes[node->first] : NULL;
}

const struct yaml_node *yaml_next(const struct yaml_tree *tree, const struct yaml_node *node)
{
    return node->next ? &tree->nodes[node->next] : NULL;
}

bool yaml_is_null(const struct yaml_tree *tree, const struct yaml_node *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    if (node->kind != YAML_SCALAR || node->quoted)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!strcmp(yaml_text(tree, node), words[i]))
            return true;
    }
    return false;
}

void yaml_describe(char *line, size_t size, const struct yaml_tree *tree,
                   const struct yaml_node *node)
{
    enum { SHOWN = 60 };
    const char *text = yaml_text(tree, node);
    size_t shown = strlen(text);
    if (node->kind != YAML_SCALAR) {
        snprintf(line, size, "%s of %zu", node->kind == YAML_LIST ? "a list" : "a map",
                 node->count);
    } else if (yaml_is_null(tree, node)) {
        snprintf(line, size, "nothing");
    } else {
        size_t length = shown;
        if (shown > SHOWN) {
            shown = utf8_valid_prefix(text, SHOWN);
        }
        snprintf(line, size, "%s\"%.*s%s\"", node->quoted ? "the text " : "", (int)shown, text,
                 shown < length ? "..." : "");
    }
}
