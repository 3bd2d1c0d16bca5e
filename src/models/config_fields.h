/* Reading a family's keys of config.json from one table a family. */
#ifndef ASSAY_MODELS_CONFIG_FIELDS_H
#define ASSAY_MODELS_CONFIG_FIELDS_H

#include "assay/status.h"
#include "tensor/kernels.h"

struct json;

struct size_field {
    const char *key;
    int64_t *value;
    int64_t minimum, maximum;
    bool required;
};

struct rate_field {
    const char *key;
    float *value; /* keeps its default when the key is absent */
};

assay_status config_read_sizes(const struct size_field *fields, int count, const struct json *json,
                               assay_error *error);
/* Numbers that must be finite and not negative. */
assay_status config_read_rates(const struct rate_field *fields, int count, const struct json *json,
                               assay_error *error);
/* "gelu", "gelu_new", "relu", "silu", "tanh" and transformers' other names for these. */
assay_status config_read_activation(enum activation *activation, const struct json *json,
                                    const char *key, assay_error *error);

#endif
