#include "tensor/dtype.h"

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [DTYPE_F32] = {"F32", 4},   [DTYPE_F16] = {"F16", 2},     [DTYPE_BF16] = {"BF16", 2},
    [DTYPE_F64] = {"F64", 8},   [DTYPE_I64] = {"I64", 8},     [DTYPE_I32] = {"I32", 4},
    [DTYPE_I16] = {"I16", 2},   [DTYPE_I8] = {"I8", 1},       [DTYPE_U8] = {"U8", 1},
    [DTYPE_BOOL] = {"BOOL", 1}, [DTYPE_OTHER] = {"other", 0},
};

size_t dtype_size(enum dtype dtype)
{
    return (unsigned)dtype <= DTYPE_OTHER ? types[dtype].size : 0;
}

const char *dtype_name(enum dtype dtype)
{
    return types[(unsigned)dtype <= DTYPE_OTHER ? dtype : DTYPE_OTHER].name;
}

enum dtype dtype_from_name(const char *name)
{
    for (unsigned i = 0; i < DTYPE_OTHER; i++) {
        if (strcmp(types[i].name, name) == 0)
            return (enum dtype)i;
    }
    return DTYPE_OTHER;
}

bool dtype_is_float(enum dtype dtype)
{
    return dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16 || dtype == DTYPE_F64;
}
