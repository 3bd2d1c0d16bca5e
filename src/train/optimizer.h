/* AdamW over the run of trained weights (torch.optim.AdamW, single tensor, no amsgrad), the global
 * norm of the gradients and its clipping (torch.nn.utils.clip_grad_norm_), and a moving average of
 * the weights that starts as the weights were at open.
 *
 * The same bits on every float32 kernel set and with any number of threads. Padding between the
 * weights stays zero and counts nowhere. The optimizer owns its state; the parameter set must
 * outlive it and be in training. One thread calls; the kernels spread over the context's threads.
 * A step cannot fail: a caller looks at the norm first and does not step when it is not finite.
 */
#ifndef ASSAY_TRAIN_OPTIMIZER_H
#define ASSAY_TRAIN_OPTIMIZER_H

#include "assay/status.h"
#include "tensor/parameters.h"

struct optimizer_settings {
    double beta1, beta2; /* 0 <= beta < 1 */
    double epsilon;
    double weight_decay;
    double average; /* what the moving average keeps a step, 0 <= average < 1; 0: none */
    /* Which weights decay; NULL: optimizer_decays. */
    bool (*decays)(void *context, const struct parameter *parameter);
    void *context;
};

/* torch's: betas .9 and .999, epsilon 1e-8, weight decay .01, no average. */
extern const struct optimizer_settings optimizer_defaults;

/* The usual rule: biases (named "bias" or "....bias") and whatever has fewer than two dimensions,
 * which in these models are the weights of normalisations, do not decay. */
bool optimizer_decays(const struct parameter *parameter);

struct optimizer;

assay_status optimizer_open(struct optimizer **out, struct parameter_set *set,
                            const struct optimizer_settings *settings, assay_error *error);
void optimizer_close(struct optimizer *optimizer);

/* The Euclidean norm of all gradients; not a number or infinite when any of them is. */
double optimizer_norm(const struct optimizer *optimizer, const struct kernels *kernels,
                      const struct kernel_context *context);

/* The factor that clips gradients of this norm: max_norm / (norm + 1e-6) where that is below 1,
 * else 1; not a number for a norm that is none. */
double optimizer_clip(double norm, double max_norm);

/* One update by gradients times `factor` at the learning rate lr; the gradients stay as they are.
 * Packed copies of the weights become void. */
void optimizer_step(struct optimizer *optimizer, const struct kernels *kernels,
                    const struct kernel_context *context, double lr, double factor);

/* Exchanges the weights with their average: evaluate or save, then call it again before the next
 * step. Nothing happens where there is no average. */
void optimizer_exchange_average(struct optimizer *optimizer);

/* The state for a checkpoint: the arrays (names are torch's exp_avg and exp_avg_sq, then average),
 * each as long as the run, and the number of updates. Restoring fills the arrays and sets the
 * number, which must not be negative. */
struct optimizer_array {
    const char *name;
    float *values;
    int64_t count;
};

int optimizer_array_count(const struct optimizer *optimizer);
struct optimizer_array optimizer_array_at(const struct optimizer *optimizer, int index);
int64_t optimizer_steps(const struct optimizer *optimizer);
assay_status optimizer_set_steps(struct optimizer *optimizer, int64_t steps, assay_error *error);

#endif
