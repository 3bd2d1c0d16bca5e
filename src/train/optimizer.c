#include "train/optimizer.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

enum { M, V, AVERAGE, ARRAYS };

static const char *const array_names[ARRAYS] = {"exp_avg", "exp_avg_sq", "average"};

const struct optimizer_settings optimizer_defaults = {
    .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01};

struct optimizer {
    struct parameter_set *set;
    struct optimizer_settings settings;
    float *values;
    const float *gradients;
    struct run_segment *segments;
    int64_t segment_count, run;
    float *arrays[ARRAYS];
    double *blocks; /* partial sums of the norm */
    int64_t block_count;
    int64_t steps;
};

bool optimizer_decays(const struct parameter *parameter)
{
    static const char bias[] = "bias";
    const size_t length = strlen(parameter->name), tail = sizeof bias - 1;
    bool is_bias = length >= tail && strcmp(parameter->name + length - tail, bias) == 0 &&
                   (length == tail || parameter->name[length - tail - 1] == '.');
    return !is_bias && parameter->tensor.rank >= 2;
}

static assay_status check_range(const char *name, double value, double below, assay_error *error)
{
    if (value >= 0.0 && value < below)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_ARGUMENT, "a setting of the optimizer is out of range");
    error_at_place(error, "%s", name);
    if (isinf(below))
        error_expected(error, "a finite number, at least 0");
    else
        error_expected(error, "at least 0 and below %g", below);
    error_found(error, "%g", value);
    return ASSAY_ERROR_ARGUMENT;
}

static assay_status check_settings(const struct optimizer_settings *settings, assay_error *error)
{
    const struct {
        const char *name;
        double value, below;
    } ranges[] = {
        {"betas[0]", settings->beta1, 1.0},
        {"betas[1]", settings->beta2, 1.0},
        {"epsilon", settings->epsilon, INFINITY},
        {"weight_decay", settings->weight_decay, INFINITY},
        {"average", settings->average, 1.0},
    };
    assay_status status = ASSAY_OK;
    for (size_t i = 0; !status && i < sizeof ranges / sizeof *ranges; i++)
        status = check_range(ranges[i].name, ranges[i].value, ranges[i].below, error);
    return status;
}

static assay_status list_segments(struct optimizer *optimizer, assay_error *error)
{
    const struct optimizer_settings *settings = &optimizer->settings;
    int64_t count = parameter_set_count(optimizer->set);
    optimizer->segments = memory_allocate((size_t)count, sizeof *optimizer->segments);
    if (!optimizer->segments)
        return error_memory(error, (size_t)count * sizeof *optimizer->segments);
    for (int64_t i = 0; i < count; i++) {
        const struct parameter *parameter = parameter_set_get(optimizer->set, i);
        if (!parameter->trained)
            continue;
        bool decayed = settings->decays ? settings->decays(settings->context, parameter)
                                        : optimizer_decays(parameter);
        optimizer->segments[optimizer->segment_count++] =
            (struct run_segment){.first = parameter->gradient - optimizer->gradients,
                                 .count = tensor_count(&parameter->tensor),
                                 .decayed = decayed};
    }
    return ASSAY_OK;
}

static assay_status make_arrays(struct optimizer *optimizer, assay_error *error)
{
    size_t run = (size_t)optimizer->run;
    for (int i = M; i < ARRAYS; i++) {
        if (i == AVERAGE && optimizer->settings.average <= 0.0)
            continue;
        optimizer->arrays[i] = memory_allocate_aligned(run, sizeof(float));
        if (!optimizer->arrays[i])
            return error_memory(error, run * sizeof(float));
        if (i == AVERAGE)
            memcpy(optimizer->arrays[i], optimizer->values, run * sizeof(float));
        else
            memset(optimizer->arrays[i], 0, run * sizeof(float));
    }
    optimizer->block_count = (optimizer->run + RUN_BLOCK - 1) / RUN_BLOCK;
    optimizer->blocks = memory_allocate((size_t)optimizer->block_count, sizeof *optimizer->blocks);
    if (!optimizer->blocks)
        return error_memory(error, (size_t)optimizer->block_count * sizeof *optimizer->blocks);
    return ASSAY_OK;
}

assay_status optimizer_open(struct optimizer **out, struct parameter_set *set,
                            const struct optimizer_settings *settings, assay_error *error)
{
    *out = NULL;
    assay_status status = check_settings(settings, error);
    if (status)
        return status;
    struct optimizer *optimizer = memory_allocate_zeroed(1, sizeof *optimizer);
    if (!optimizer)
        return error_memory(error, sizeof *optimizer);
    optimizer->set = set;
    optimizer->settings = *settings;
    optimizer->values = parameter_set_values(set, &optimizer->run);
    optimizer->gradients = parameter_set_gradients(set, &optimizer->run);
    if (!optimizer->values || optimizer->run == 0)
        status = error_set(error, ASSAY_ERROR_ARGUMENT, "no weight is trained");
    if (!status)
        status = list_segments(optimizer, error);
    if (!status)
        status = make_arrays(optimizer, error);
    if (status) {
        optimizer_close(optimizer);
        return status;
    }
    *out = optimizer;
    return ASSAY_OK;
}

void optimizer_close(struct optimizer *optimizer)
{
    if (!optimizer)
        return;
    for (int i = M; i < ARRAYS; i++)
        memory_free(optimizer->arrays[i]);
    memory_free(optimizer->segments);
    memory_free(optimizer->blocks);
    memory_free(optimizer);
}

static struct run_segments segments_of(const struct optimizer *optimizer)
{
    return (struct run_segments){optimizer->segments, optimizer->segment_count, optimizer->run};
}

double optimizer_norm(const struct optimizer *optimizer, const struct kernels *kernels,
                      const struct kernel_context *context)
{
    const struct run_segments segments = segments_of(optimizer);
    kernels->sum_squares(context, optimizer->blocks, optimizer->gradients, &segments);
    double sum = 0.0;
    for (int64_t i = 0; i < optimizer->block_count; i++)
        sum += optimizer->blocks[i];
    return sqrt(sum);
}

double optimizer_clip(double norm, double max_norm)
{
    double factor = max_norm / (norm + 1e-6);
    return factor > 1.0 ? 1.0 : factor;
}

void optimizer_step(struct optimizer *optimizer, const struct kernels *kernels,
                    const struct kernel_context *context, double lr, double factor)
{
    const struct optimizer_settings *settings = &optimizer->settings;
    double updates = (double)++optimizer->steps;
    double bias1 = 1.0 - pow(settings->beta1, updates);
    double bias2 = 1.0 - pow(settings->beta2, updates);
    const struct adamw job = {.p = optimizer->values,
                              .m = optimizer->arrays[M],
                              .v = optimizer->arrays[V],
                              .average = optimizer->arrays[AVERAGE],
                              .gradient = optimizer->gradients,
                              .segments = segments_of(optimizer),
                              .factor = (float)factor,
                              .m_rate = (float)(1.0 - settings->beta1),
                              .m_keep = (float)settings->beta1,
                              .v_rate = (float)(1.0 - settings->beta2),
                              .v_keep = (float)settings->beta2,
                              .average_rate = (float)(1.0 - settings->average),
                              .average_keep = (float)settings->average,
                              .root_factor = (float)(1.0 / sqrt(bias2)),
                              .epsilon = (float)settings->epsilon,
                              .step = (float)(lr / bias1),
                              .decay = (float)(lr * settings->weight_decay)};
    kernels->adamw(context, &job);
    parameter_set_changed(optimizer->set);
}

void optimizer_exchange_average(struct optimizer *optimizer)
{
    float *average = optimizer->arrays[AVERAGE];
    if (!average)
        return;
    for (int64_t i = 0; i < optimizer->run; i++) {
        float value = optimizer->values[i];
        optimizer->values[i] = average[i];
        average[i] = value;
    }
    parameter_set_changed(optimizer->set);
}

int optimizer_array_count(const struct optimizer *optimizer)
{
    return optimizer->arrays[AVERAGE] ? ARRAYS : AVERAGE;
}

struct optimizer_array optimizer_array_at(const struct optimizer *optimizer, int index)
{
    return (struct optimizer_array){array_names[index], optimizer->arrays[index], optimizer->run};
}

int64_t optimizer_steps(const struct optimizer *optimizer)
{
    return optimizer->steps;
}

assay_status optimizer_set_steps(struct optimizer *optimizer, int64_t steps, assay_error *error)
{
    if (steps < 0) {
        error_set(error, ASSAY_ERROR_FORMAT, "the number of updates is negative");
        error_found(error, "%lld", (long long)steps);
        return ASSAY_ERROR_FORMAT;
    }
    optimizer->steps = steps;
    return ASSAY_OK;
}
