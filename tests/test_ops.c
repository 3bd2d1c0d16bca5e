/* Every op's outputs and gradients against float64 reference vectors, on every kernel set here. */
#include "test_kernels.h"

#include "op_checks.h"

static void vectors_hold(void **state)
{
    (void)state;
    int wrong = 0;
    for (int set = 0; set < kernel_set_count(); set++) {
        struct kernels kernels;
        kernel_set_open(&kernels, set);
        for (int i = 0; i < op_case_count; i++) {
            double worst[2] = {0.0, 0.0};
            if (!op_cases[i].file)
                continue;
            wrong += check_vectors(&op_cases[i], &kernels, worst, true);
            print_message("%-8s %-30s forward %.2g backward %.2g\n", kernels.name, op_cases[i].name,
                          worst[0], worst[1]);
        }
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
