#include "models/safetensors.h"

#include "base/error.h"

#include <string.h>

static assay_status refuse_type(const struct safetensors *file,
                                const struct safetensors_entry *entry, const char *expected,
                                assay_error *error)
{
    error_set(error, ASSAY_ERROR_SHAPE, "the tensor's type cannot be read this way");
    error_at_file(error, safetensors_file_path(file, entry->file));
    error_at_place(error, "%s", entry->name);
    error_expected(error, "%s", expected);
    error_found(error, "%s", entry->type_name);
    return ASSAY_ERROR_SHAPE;
}

static assay_status check_range(const struct safetensors *file,
                                const struct safetensors_entry *entry, size_t first, size_t count,
                                assay_error *error)
{
    if (first <= entry->elements && count <= entry->elements - first)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_ARGUMENT, "elements outside the tensor are asked for");
    error_at_file(error, safetensors_file_path(file, entry->file));
    error_at_place(error, "%s", entry->name);
    error_expected(error, "at most %zu", entry->elements);
    error_found(error, "%zu from %zu", count, first);
    return ASSAY_ERROR_ARGUMENT;
}

/* Data may stand at any address: every value is copied out before it is used. */
static float load_float(enum dtype dtype, const unsigned char *from)
{
    uint16_t half;
    float single;
    double wide;
    switch (dtype) {
    case DTYPE_F16:
        memcpy(&half, from, sizeof half);
        return float_from_half(half);
    case DTYPE_BF16:
        memcpy(&half, from, sizeof half);
        return float_from_bfloat(half);
    case DTYPE_F32:
        memcpy(&single, from, sizeof single);
        return single;
    case DTYPE_F64:
        memcpy(&wide, from, sizeof wide);
        return (float)wide;
    default:
        return 0.0f;
    }
}

static int64_t load_integer(enum dtype dtype, const unsigned char *from)
{
    int64_t eight;
    int32_t four;
    int16_t two;
    switch (dtype) {
    case DTYPE_I64:
        memcpy(&eight, from, sizeof eight);
        return eight;
    case DTYPE_I32:
        memcpy(&four, from, sizeof four);
        return four;
    case DTYPE_I16:
        memcpy(&two, from, sizeof two);
        return two;
    case DTYPE_I8:
        return (int8_t)*from;
    case DTYPE_U8:
        return *from;
    case DTYPE_BOOL:
        return *from != 0;
    default:
        return 0;
    }
}

static bool is_integer(enum dtype dtype)
{
    return dtype >= DTYPE_I64 && dtype <= DTYPE_BOOL;
}

assay_status safetensors_read_floats(float *out, const struct safetensors *file,
                                     const struct safetensors_entry *entry, size_t first,
                                     size_t count, assay_error *error)
{
    if (entry->dtype == DTYPE_OTHER)
        return refuse_type(file, entry, "a type that assay computes with", error);
    assay_status status = check_range(file, entry, first, count, error);
    if (status)
        return status;
    size_t size = dtype_size(entry->dtype);
    const unsigned char *from = (const unsigned char *)entry->data + first * size;
    if (entry->dtype == DTYPE_F32 && count)
        memcpy(out, from, count * size);
    else if (is_integer(entry->dtype))
        for (size_t i = 0; i < count; i++)
            out[i] = (float)load_integer(entry->dtype, from + i * size);
    else
        for (size_t i = 0; i < count; i++)
            out[i] = load_float(entry->dtype, from + i * size);
    return safetensors_check(file, error);
}

assay_status safetensors_read_integers(int64_t *out, const struct safetensors *file,
                                       const struct safetensors_entry *entry, size_t first,
                                       size_t count, assay_error *error)
{
    if (!is_integer(entry->dtype))
        return refuse_type(file, entry, "an integer type or BOOL", error);
    assay_status status = check_range(file, entry, first, count, error);
    if (status)
        return status;
    size_t size = dtype_size(entry->dtype);
    const unsigned char *from = (const unsigned char *)entry->data + first * size;
    for (size_t i = 0; i < count; i++)
        out[i] = load_integer(entry->dtype, from + i * size);
    return safetensors_check(file, error);
}
