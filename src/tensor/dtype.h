/* Element types of tensors, under the names that safetensors gives them, and the conversions of
 * single values that readers and reference kernels share.
 *
 * DTYPE_OTHER stands for a type that files may hold and assay does not compute with; its size is 0.
 */
#ifndef ASSAY_TENSOR_DTYPE_H
#define ASSAY_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum dtype {
    DTYPE_F32,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_F64,
    DTYPE_I64,
    DTYPE_I32,
    DTYPE_I16,
    DTYPE_I8,
    DTYPE_U8,
    DTYPE_BOOL,
    DTYPE_OTHER
};

/* Bytes of one element; 0 for DTYPE_OTHER. */
size_t dtype_size(enum dtype dtype);
/* F64, F32, F16 and BF16. */
bool dtype_is_float(enum dtype dtype);
/* "F32" and so on; "other" for DTYPE_OTHER. Never NULL. */
const char *dtype_name(enum dtype dtype);
/* DTYPE_OTHER for every name that is not in the list above. */
enum dtype dtype_from_name(const char *name);

static inline float float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t bits_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Exact, subnormals and NaN payloads included. */
static inline float float_from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = half >> 10 & 0x1f;
    uint32_t fraction = half & 0x3ff;
    if (exponent == 0x1f)
        return float_from_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent)
        return float_from_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float tiny = (float)fraction * 0x1p-24f;
    return sign ? -tiny : tiny;
}

static inline float float_from_bfloat(uint16_t bfloat)
{
    return float_from_bits((uint32_t)bfloat << 16);
}

/* Rounds to nearest, ties to even; a NaN stays one (quiet). */
static inline uint16_t bfloat_from_float(float value)
{
    uint32_t bits = bits_from_float(value);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#endif
