#include "models/config_fields.h"

#include "base/error.h"
#include "base/json.h"

#include <math.h>
#include <string.h>

assay_status config_read_sizes(const struct size_field *fields, int count, const struct json *json,
                               assay_error *error)
{
    for (int i = 0; i < count; i++) {
        assay_status status =
            json_read_integer(fields[i].value, json, fields[i].key, fields[i].minimum,
                              fields[i].maximum, fields[i].required, error);
        if (status != ASSAY_OK)
            return status;
    }
    return ASSAY_OK;
}

assay_status config_read_rates(const struct rate_field *fields, int count, const struct json *json,
                               assay_error *error)
{
    for (int i = 0; i < count; i++) {
        double value = *fields[i].value;
        assay_status status = json_read_number(&value, json, fields[i].key, false, error);
        if (status != ASSAY_OK)
            return status;
        if (!isfinite(value) || value < 0.0) {
            error_set(error, ASSAY_ERROR_FORMAT, "the value is out of range");
            error_at_place(error, "%s", fields[i].key);
            error_expected(error, "a number from 0");
            error_found(error, "%g", value);
            return ASSAY_ERROR_FORMAT;
        }
        *fields[i].value = (float)value;
    }
    return ASSAY_OK;
}

struct activation_name {
    const char *name;
    enum activation activation;
};

static const struct activation_name activation_names[] = {
    {"gelu", ACTIVATION_GELU_ERF},
    {"gelu_new", ACTIVATION_GELU_TANH},
    {"gelu_fast", ACTIVATION_GELU_TANH},
    {"gelu_pytorch_tanh", ACTIVATION_GELU_TANH},
    {"gelu_python", ACTIVATION_GELU_ERF},
    {"relu", ACTIVATION_RELU},
    {"silu", ACTIVATION_SILU},
    {"swish", ACTIVATION_SILU},
    {"tanh", ACTIVATION_TANH},
};

assay_status config_read_activation(enum activation *activation, const struct json *json,
                                    const char *key, assay_error *error)
{
    const char *name = "gelu";
    for (size_t i = 0; i < sizeof activation_names / sizeof *activation_names; i++) {
        if (activation_names[i].activation == *activation) {
            name = activation_names[i].name;
            break;
        }
    }
    assay_status status = json_read_string(&name, json, key, false, error);
    if (status != ASSAY_OK)
        return status;
    for (size_t i = 0; i < sizeof activation_names / sizeof *activation_names; i++) {
        if (!strcmp(activation_names[i].name, name)) {
            *activation = activation_names[i].activation;
            return ASSAY_OK;
        }
    }
    error_set(error, ASSAY_ERROR_UNSUPPORTED, "assay does not know this activation");
    error_at_place(error, "%s", key);
    error_expected(error, "gelu, gelu_new, gelu_pytorch_tanh, relu, silu or tanh");
    error_found(error, "%s", name);
    return ASSAY_ERROR_UNSUPPORTED;
}
