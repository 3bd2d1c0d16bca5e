/* Reads a pickle as torch.save writes it, and runs none of it.
 *
 * The machine knows the operations that tables of tensors need and a short list of globals:
 * OrderedDict, storages, element types, and torch's functions that make a tensor or parameter.
 * Calling one of these fills a struct here; every other global or operation is an error that names
 * it. Nothing recurses, and a pickle of n bytes makes at most n values. After the reference:
 * Python's Lib/pickle.py, torch/_weights_only_unpickler.py, torch/_utils.py.
 *
 * Strings point into the pickle's bytes, which must outlive it; everything else belongs to the
 * struct. Once read it is constant.
 */
#ifndef ASSAY_MODELS_PICKLE_H
#define ASSAY_MODELS_PICKLE_H

#include "assay/status.h"

#include <stdbool.h>

enum {
    PICKLE_MAX_BYTES = 64 << 20,
    PICKLE_MAX_VALUES = 4 << 20,
    PICKLE_MAX_MEMO = 2 << 20,
    PICKLE_MAX_STACK = 1 << 16, /* CPython stores 1,000 pairs at a time */
    PICKLE_MAX_MARKS = 64,
    PICKLE_MAX_NAME = 120, /* of a global's module, and of its name in it */
    PICKLE_MAX_RANK = 5
};

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOLEAN,
    PICKLE_INTEGER,
    PICKLE_NUMBER,
    PICKLE_STRING,
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICTIONARY, /* items are key, value, key, value, ... */
    PICKLE_GLOBAL,
    PICKLE_STORAGE,
    PICKLE_TENSOR /* parameters, too */
};

/* Elements under the name that safetensors gives their type. */
struct pickle_type {
    const char *name; /* NULL: bytes without a type */
    size_t size;
};

struct pickle_text {
    const char *bytes; /* UTF-8; may hold zero bytes */
    size_t length;
};

struct pickle_storage {
    struct pickle_type type;
    struct pickle_text key;
    int64_t elements;
};

/* Which elements of a storage. Sizes, strides and offset are not negative; nothing else is checked
 * yet. */
struct pickle_tensor {
    struct pickle_type type; /* with a name */
    struct pickle_storage storage;
    int64_t offset; /* in elements, as the strides */
    int rank;
    int64_t shape[PICKLE_MAX_RANK];
    int64_t stride[PICKLE_MAX_RANK];
};

struct pickle_global; /* one of the list */
struct pickle;

struct pickle_value {
    enum pickle_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct pickle_text text;
        const struct pickle_global *global;
        const struct pickle_storage *storage;
        const struct pickle_tensor *tensor;
        struct {
            uint32_t *numbers; /* for pickle_item */
            uint32_t count, capacity;
        } items;
    } as;
};

/* Errors carry the place, "byte N of the pickle". */
assay_status pickle_read(struct pickle **out, const unsigned char *bytes, size_t length,
                         assay_error *error);
void pickle_close(struct pickle *pickle); /* NULL allowed */

/* What the pickle stands for. */
const struct pickle_value *pickle_root(const struct pickle *pickle);
/* Of a tuple, list or dictionary; `index` must be less than its count. */
const struct pickle_value *pickle_item(const struct pickle *pickle,
                                       const struct pickle_value *container, size_t index);
/* "a dictionary" and so on. */
const char *pickle_kind_name(enum pickle_kind kind);

#endif
