/* The checks that every kernel has to pass, as functions that count what does not hold, so that
 * the suite can also prove that a broken kernel is caught. `say` prints each finding.
 */
#ifndef ASSAY_TESTS_OP_CHECKS_H
#define ASSAY_TESTS_OP_CHECKS_H

#include "op_table.h"

/* Distance |a - b| / |b| in the Euclidean norm (|a| where b is all zero), the larger of two: over
 * the elements up to 20 and over those beyond. */
double relative_error(const float *a, const double *b, int64_t count);

/* Outputs and gradients against the float64 reference; the largest errors into `worst` (forward,
 * backward), which may be NULL. */
int check_vectors(const struct op_case *op, const struct kernels *kernels, double worst[2],
                  bool say);

/* Bits of two results; NaNs are equal whatever their payload. */
int compare_bits(const struct trial_result *a, const struct trial_result *b, bool say,
                 const char *what);

/* Same bits from two kernel sets and two numbers of threads, over all sizes of the case. */
int check_bits(const struct op_case *op, const struct kernels *a, struct thread_pool *a_threads,
               const struct kernels *b, struct thread_pool *b_threads, bool say);

/* Each of a trial's rows alone against the same row in the batch. */
int check_alone(const struct trial *trial, const struct run_options *options, bool say);

/* Finite differences along the gradient and along random directions. */
int check_gradients(const struct trial *trial, const struct kernels *kernels, double tolerance,
                    bool say);

#endif
