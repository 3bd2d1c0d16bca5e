/* The machine: one step an operation. */
#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "models/pickle_internal.h"

#include <stdio.h>
#include <string.h>

/* Operations by the names of Python's pickletools. */
enum operation {
    OP_MARK = '(',
    OP_EMPTY_TUPLE = ')',
    OP_STOP = '.',
    OP_BINFLOAT = 'G',
    OP_BININT = 'J',
    OP_BININT1 = 'K',
    OP_BININT2 = 'M',
    OP_NONE = 'N',
    OP_BINPERSID = 'Q',
    OP_REDUCE = 'R',
    OP_BINUNICODE = 'X',
    OP_EMPTY_LIST = ']',
    OP_APPEND = 'a',
    OP_BUILD = 'b',
    OP_GLOBAL = 'c',
    OP_APPENDS = 'e',
    OP_BINGET = 'h',
    OP_LONG_BINGET = 'j',
    OP_BINPUT = 'q',
    OP_LONG_BINPUT = 'r',
    OP_SETITEM = 's',
    OP_TUPLE = 't',
    OP_SETITEMS = 'u',
    OP_EMPTY_DICT = '}',
    OP_PROTO = 0x80,
    OP_TUPLE1 = 0x85,
    OP_TUPLE2 = 0x86,
    OP_TUPLE3 = 0x87,
    OP_NEWTRUE = 0x88,
    OP_NEWFALSE = 0x89,
    OP_LONG1 = 0x8a,
    OP_SHORT_BINUNICODE = 0x8c,
    OP_BINUNICODE8 = 0x8d,
    OP_STACK_GLOBAL = 0x93,
    OP_MEMOIZE = 0x94,
    OP_FRAME = 0x95
};

enum { FIRST_PROTOCOL = 2, LAST_PROTOCOL = 5 };

static assay_status push_integer(struct pickle *pickle, int64_t integer, assay_error *error)
{
    return pickle_push(pickle, (struct pickle_value){.kind = PICKLE_INTEGER, .as.integer = integer},
                       error);
}

static assay_status take(const unsigned char **bytes, struct pickle *pickle, size_t count,
                         assay_error *error)
{
    *bytes = pickle->bytes + pickle->at;
    if (pickle->length - pickle->at < count)
        return pickle_damaged(pickle, "it is cut short", error);
    pickle->at += count;
    return ASSAY_OK;
}

/* A little-endian number of at most 8 bytes. */
static assay_status take_number(uint64_t *number, struct pickle *pickle, size_t width,
                                assay_error *error)
{
    const unsigned char *bytes;
    assay_status status = take(&bytes, pickle, width, error);
    *number = 0;
    for (size_t i = width; status == ASSAY_OK && i-- > 0;)
        *number = *number << 8 | bytes[i];
    return status;
}

static assay_status push_float(struct pickle *pickle, assay_error *error)
{
    const unsigned char *bytes;
    uint64_t bits = 0;
    struct pickle_value value = {.kind = PICKLE_NUMBER};
    assay_status status = take(&bytes, pickle, sizeof bits, error);
    for (size_t i = 0; status == ASSAY_OK && i < sizeof bits; i++)
        bits = bits << 8 | bytes[i];
    memcpy(&value.as.number, &bits, sizeof bits);
    return status == ASSAY_OK ? pickle_push(pickle, value, error) : status;
}

static assay_status push_text(struct pickle *pickle, size_t width, assay_error *error)
{
    uint64_t length;
    const unsigned char *bytes = NULL;
    assay_status status = take_number(&length, pickle, width, error);
    if (status == ASSAY_OK && length > pickle->length - pickle->at)
        status = pickle_damaged(pickle, "a string reaches beyond its end", error);
    if (status == ASSAY_OK)
        status = take(&bytes, pickle, (size_t)length, error);
    if (status != ASSAY_OK)
        return status;
    const struct pickle_text text = {(const char *)bytes, (size_t)length};
    if (utf8_valid_prefix(text.bytes, text.length) != text.length)
        return pickle_damaged(pickle, "a string is not UTF-8", error);
    return pickle_push(pickle, (struct pickle_value){.kind = PICKLE_STRING, .as.text = text},
                       error);
}

/* Whole numbers come with as many bytes as they need; sizes need no more than 8. */
static assay_status push_long(struct pickle *pickle, assay_error *error)
{
    uint64_t width, bits;
    assay_status status = take_number(&width, pickle, 1, error);
    if (status == ASSAY_OK && width > sizeof bits)
        status = pickle_refuse(pickle, ASSAY_ERROR_LIMIT,
                               "the pickle holds a whole number of more than 64 bits", error);
    if (status == ASSAY_OK)
        status = take_number(&bits, pickle, (size_t)width, error);
    if (status != ASSAY_OK)
        return status;
    if (width && width < sizeof bits && bits >> (8 * width - 1))
        bits |= UINT64_MAX << (8 * width);
    int64_t integer;
    memcpy(&integer, &bits, sizeof integer);
    return push_integer(pickle, integer, error);
}

static assay_status push_unsigned(struct pickle *pickle, size_t width, assay_error *error)
{
    uint64_t bits;
    assay_status status = take_number(&bits, pickle, width, error);
    return status == ASSAY_OK ? push_integer(pickle, (int64_t)bits, error) : status;
}

static assay_status push_signed(struct pickle *pickle, assay_error *error)
{
    uint64_t bits;
    assay_status status = take_number(&bits, pickle, 4, error);
    int64_t integer = (int64_t)bits - (bits >> 31 ? INT64_C(1) << 32 : 0);
    return status == ASSAY_OK ? push_integer(pickle, integer, error) : status;
}

static assay_status add_marked_items(struct pickle *pickle, enum pickle_kind kind,
                                     assay_error *error)
{
    size_t count;
    assay_status status = pickle_pop_mark(pickle, &count, error);
    return status == ASSAY_OK ? pickle_add_items(pickle, kind, count, error) : status;
}

static assay_status put_memo_at(struct pickle *pickle, size_t width, assay_error *error)
{
    uint64_t index;
    assay_status status = take_number(&index, pickle, width, error);
    return status == ASSAY_OK ? pickle_put_memo(pickle, index, error) : status;
}

static assay_status get_memo_at(struct pickle *pickle, size_t width, assay_error *error)
{
    uint64_t index;
    assay_status status = take_number(&index, pickle, width, error);
    return status == ASSAY_OK ? pickle_get_memo(pickle, index, error) : status;
}

static assay_status take_line(struct pickle_text *line, struct pickle *pickle, assay_error *error)
{
    size_t left = pickle->length - pickle->at;
    const unsigned char *begin = pickle->bytes + pickle->at;
    const unsigned char *end = left ? memchr(begin, '\n', left) : NULL;
    if (!end)
        return pickle_damaged(pickle, "a name does not end", error);
    *line = (struct pickle_text){(const char *)begin, (size_t)(end - begin)};
    pickle->at += line->length + 1;
    return ASSAY_OK;
}

static assay_status push_global(struct pickle *pickle, struct pickle_text module,
                                struct pickle_text name, assay_error *error)
{
    struct pickle_value value = {.kind = PICKLE_GLOBAL};
    assay_status status = pickle_find_global(&value.as.global, pickle, module, name, error);
    return status == ASSAY_OK ? pickle_push(pickle, value, error) : status;
}

static assay_status global_of_lines(struct pickle *pickle, assay_error *error)
{
    struct pickle_text module, name;
    assay_status status = take_line(&module, pickle, error);
    if (status == ASSAY_OK)
        status = take_line(&name, pickle, error);
    return status == ASSAY_OK ? push_global(pickle, module, name, error) : status;
}

static assay_status global_of_stack(struct pickle *pickle, assay_error *error)
{
    assay_status status = pickle_need(pickle, 2, error);
    if (status != ASSAY_OK)
        return status;
    const struct pickle_value *module = pickle_top(pickle, 1), *name = pickle_top(pickle, 0);
    if (module->kind != PICKLE_STRING || name->kind != PICKLE_STRING)
        return pickle_damaged(pickle, "a global's name is not a string", error);
    pickle->depth -= 2;
    return push_global(pickle, module->as.text, name->as.text, error);
}

static assay_status reduce(struct pickle *pickle, assay_error *error)
{
    struct pickle_value made;
    assay_status status = pickle_need(pickle, 2, error);
    if (status != ASSAY_OK)
        return status;
    const struct pickle_value *function = pickle_top(pickle, 1), *arguments = pickle_top(pickle, 0);
    if (function->kind != PICKLE_GLOBAL || arguments->kind != PICKLE_TUPLE)
        return pickle_damaged(pickle, "something is called that is not a function", error);
    status = pickle_call(&made, pickle, function->as.global, arguments, error);
    pickle->depth -= 2;
    return status == ASSAY_OK ? pickle_push(pickle, made, error) : status;
}

static assay_status find_persistent(struct pickle *pickle, assay_error *error)
{
    struct pickle_value made;
    assay_status status = pickle_need(pickle, 1, error);
    if (status == ASSAY_OK)
        status = pickle_find_storage(&made, pickle, pickle_top(pickle, 0), error);
    if (status != ASSAY_OK)
        return status;
    pickle->depth--;
    return pickle_push(pickle, made, error);
}

/* An OrderedDict's attributes: torch puts the versions of modules there, which loading does not
 * need. */
static assay_status build(struct pickle *pickle, assay_error *error)
{
    assay_status status = pickle_need(pickle, 2, error);
    if (status != ASSAY_OK)
        return status;
    if (pickle_top(pickle, 1)->kind != PICKLE_DICTIONARY ||
        pickle_top(pickle, 0)->kind != PICKLE_DICTIONARY)
        return pickle_refuse(pickle, ASSAY_ERROR_UNSUPPORTED,
                             "the pickle sets the state of something that is not a dictionary",
                             error);
    pickle->depth--;
    return ASSAY_OK;
}

static assay_status check_frame(struct pickle *pickle, assay_error *error)
{
    uint64_t length;
    assay_status status = take_number(&length, pickle, 8, error);
    if (status == ASSAY_OK && length > pickle->length - pickle->at)
        status = pickle_damaged(pickle, "a frame reaches beyond its end", error);
    return status;
}

static assay_status unknown(const struct pickle *pickle, assay_error *error)
{
    unsigned char code = pickle->bytes[pickle->operation];
    pickle_refuse(pickle, ASSAY_ERROR_UNSUPPORTED,
                  "the pickle holds an operation that no table of tensors needs", error);
    if (code > ' ' && code < 0x7f)
        error_found(error, "'%c'", code);
    else
        error_found(error, "0x%02x", code);
    return ASSAY_ERROR_UNSUPPORTED;
}

static assay_status step(struct pickle *pickle, enum operation operation, assay_error *error)
{
    size_t count;
    assay_status status;
    switch (operation) {
    case OP_MARK:
        return pickle_mark(pickle, error);
    case OP_NONE:
        return pickle_push(pickle, (struct pickle_value){.kind = PICKLE_NONE}, error);
    case OP_NEWTRUE:
    case OP_NEWFALSE:
        return pickle_push(
            pickle,
            (struct pickle_value){.kind = PICKLE_BOOLEAN, .as.boolean = operation == OP_NEWTRUE},
            error);
    case OP_BININT:
        return push_signed(pickle, error);
    case OP_BININT1:
        return push_unsigned(pickle, 1, error);
    case OP_BININT2:
        return push_unsigned(pickle, 2, error);
    case OP_LONG1:
        return push_long(pickle, error);
    case OP_BINFLOAT:
        return push_float(pickle, error);
    case OP_SHORT_BINUNICODE:
        return push_text(pickle, 1, error);
    case OP_BINUNICODE:
        return push_text(pickle, 4, error);
    case OP_BINUNICODE8:
        return push_text(pickle, 8, error);
    case OP_EMPTY_TUPLE:
        return pickle_push_tuple(pickle, 0, error);
    case OP_TUPLE1:
        return pickle_push_tuple(pickle, 1, error);
    case OP_TUPLE2:
        return pickle_push_tuple(pickle, 2, error);
    case OP_TUPLE3:
        return pickle_push_tuple(pickle, 3, error);
    case OP_TUPLE:
        status = pickle_pop_mark(pickle, &count, error);
        return status == ASSAY_OK ? pickle_push_tuple(pickle, count, error) : status;
    case OP_EMPTY_LIST:
        return pickle_push(pickle, (struct pickle_value){.kind = PICKLE_LIST}, error);
    case OP_APPEND:
        return pickle_add_items(pickle, PICKLE_LIST, 1, error);
    case OP_APPENDS:
        return add_marked_items(pickle, PICKLE_LIST, error);
    case OP_EMPTY_DICT:
        return pickle_push(pickle, (struct pickle_value){.kind = PICKLE_DICTIONARY}, error);
    case OP_SETITEM:
        return pickle_add_items(pickle, PICKLE_DICTIONARY, 2, error);
    case OP_SETITEMS:
        return add_marked_items(pickle, PICKLE_DICTIONARY, error);
    case OP_BINPUT:
        return put_memo_at(pickle, 1, error);
    case OP_LONG_BINPUT:
        return put_memo_at(pickle, 4, error);
    case OP_MEMOIZE:
        return pickle_put_memo(pickle, pickle->memo_held, error);
    case OP_BINGET:
        return get_memo_at(pickle, 1, error);
    case OP_LONG_BINGET:
        return get_memo_at(pickle, 4, error);
    case OP_GLOBAL:
        return global_of_lines(pickle, error);
    case OP_STACK_GLOBAL:
        return global_of_stack(pickle, error);
    case OP_REDUCE:
        return reduce(pickle, error);
    case OP_BINPERSID:
        return find_persistent(pickle, error);
    case OP_BUILD:
        return build(pickle, error);
    case OP_FRAME:
        return check_frame(pickle, error);
    case OP_STOP: /* these two are the first and the last */
    case OP_PROTO:
        break;
    }
    return unknown(pickle, error);
}

static assay_status begin(struct pickle *pickle, assay_error *error)
{
    if (pickle->length < 2 || pickle->bytes[0] != OP_PROTO)
        return pickle_damaged(pickle, "it does not begin like one", error);
    unsigned protocol = pickle->bytes[1];
    if (protocol < FIRST_PROTOCOL || protocol > LAST_PROTOCOL) {
        pickle_refuse(pickle, ASSAY_ERROR_UNSUPPORTED, "the pickle's protocol is not known", error);
        error_expected(error, "%d to %d", FIRST_PROTOCOL, LAST_PROTOCOL);
        error_found(error, "%u", protocol);
        return ASSAY_ERROR_UNSUPPORTED;
    }
    pickle->at = 2;
    return ASSAY_OK;
}

static assay_status run(struct pickle *pickle, assay_error *error)
{
    assay_status status = begin(pickle, error);
    while (status == ASSAY_OK) {
        const unsigned char *code;
        pickle->operation = pickle->at;
        status = take(&code, pickle, 1, error);
        if (status == ASSAY_OK && code[0] == OP_STOP)
            break;
        if (status == ASSAY_OK)
            status = step(pickle, (enum operation)code[0], error);
    }
    if (status == ASSAY_OK && (pickle->depth != 1 || pickle->mark_count))
        status = pickle_damaged(pickle, "it does not end with one value", error);
    if (status == ASSAY_OK && pickle->at != pickle->length)
        status = pickle_damaged(pickle, "something follows its end", error);
    return status;
}

assay_status pickle_read(struct pickle **out, const unsigned char *bytes, size_t length,
                         assay_error *error)
{
    *out = NULL;
    if (length > PICKLE_MAX_BYTES) {
        error_set(error, ASSAY_ERROR_LIMIT, "the pickle is too large for a table of tensors");
        error_expected(error, "at most %d bytes", PICKLE_MAX_BYTES);
        error_found(error, "%zu", length);
        return ASSAY_ERROR_LIMIT;
    }
    struct pickle *pickle = memory_allocate_zeroed(1, sizeof *pickle);
    if (!pickle)
        return error_memory(error, sizeof *pickle);
    pickle->bytes = bytes;
    pickle->length = length;
    assay_status status = run(pickle, error);
    if (status == ASSAY_OK)
        *out = pickle;
    else
        pickle_close(pickle);
    return status;
}

void pickle_close(struct pickle *pickle)
{
    if (!pickle)
        return;
    for (size_t i = 0; i < pickle->value_count; i++) {
        const struct pickle_value *value = &pickle->values[i];
        if (value->kind == PICKLE_LIST || value->kind == PICKLE_DICTIONARY)
            memory_free(value->as.items.numbers);
    }
    memory_free(pickle->values);
    memory_free(pickle->stack);
    memory_free(pickle->memo);
    arena_free(&pickle->arena);
    memory_free(pickle);
}

const struct pickle_value *pickle_root(const struct pickle *pickle)
{
    return &pickle->values[pickle->stack[0]];
}

const struct pickle_value *pickle_item(const struct pickle *pickle,
                                       const struct pickle_value *container, size_t index)
{
    return &pickle->values[container->as.items.numbers[index]];
}

const char *pickle_kind_name(enum pickle_kind kind)
{
    static const char *const names[] = {
        [PICKLE_NONE] = "None",
        [PICKLE_BOOLEAN] = "a truth value",
        [PICKLE_INTEGER] = "a whole number",
        [PICKLE_NUMBER] = "a number",
        [PICKLE_STRING] = "a string",
        [PICKLE_TUPLE] = "a tuple",
        [PICKLE_LIST] = "a list",
        [PICKLE_DICTIONARY] = "a dictionary",
        [PICKLE_GLOBAL] = "a class or function",
        [PICKLE_STORAGE] = "a storage",
        [PICKLE_TENSOR] = "a tensor",
    };
    return names[kind];
}
