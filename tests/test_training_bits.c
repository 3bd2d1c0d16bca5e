/* Runs that must leave the same bits: with layers computed again instead of kept, and on other
 * numbers of threads, at every precision that this processor has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "training_fixture.h"

static const char *const bases[] = {"bert_odd_bare", "distilbert_odd_bare"};

enum { BASES = sizeof bases / sizeof *bases };

static void run(const char *out, const char *precision, const char *recompute, int threads)
{
    const char *words[] = {
        "epochs=2",    "batch.items=8", "eval.every=epoch", "log.tensorboard=false",
        "dropout=0.2", precision,       recompute,          NULL};
    assay_training_options options = ASSAY_TRAINING_OPTIONS_INIT;
    assay_training_result result = {0};
    assay_error error = {0};
    options.threads = threads;
    assay_status status = training_go(training_path(out), words, &options, &result, &error);
    if (status != ASSAY_OK)
        print_error("%s\n", error.message);
    assert_int_equal(status, ASSAY_OK);
}

static void check(const char *precision)
{
    for (int i = 0; i < BASES; i++) {
        assert_int_equal(training_fixture_open(bases[i]), 0);
        run("kept", precision, "recompute=none", 1);
        run("again", precision, "recompute=layers", 1);
        assert_true(training_same_runs(training_path("kept"), training_path("again")));
        run("threads", precision, "recompute=layers", 2);
        assert_true(training_same_runs(training_path("kept"), training_path("threads")));
        training_fixture_close();
    }
}

static void at_highest(void **state)
{
    (void)state;
    check("precision=highest");
}

/* Where the units are missing this is `highest` once more. */
static void at_medium(void **state)
{
    (void)state;
    check("precision=medium");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_highest),
        cmocka_unit_test(at_medium),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
