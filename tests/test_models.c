/* Logits, hidden states, losses and gradients of every committed checkpoint against transformers'
 * float64 run, on every kernel set of this processor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assay/parity.h"
#include "cpu/cpu.h"
#include "model_vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tally {
    int folders, tensors, failed;
};

static void compare(const char *folder, void *context)
{
    struct tally *tally = context;
    assay_error error = {0};
    assay_parity *parity = NULL;
    assay_parity_options options = ASSAY_PARITY_OPTIONS_INIT;
    options.threads = 2;
    if (assay_parity_run(&parity, folder, in_folder(folder, "reference.safetensors"), &options,
                         &error) != ASSAY_OK) {
        char line[1024];
        assay_error_format(&error, line, sizeof line);
        fail_msg("%s: %s", folder, line);
    }
    for (int64_t i = 0; i < assay_parity_count(parity); i++) {
        const assay_parity_item *item = assay_parity_get(parity, i);
        tally->tensors++;
        if (item->passed)
            continue;
        tally->failed++;
        print_error("%s: %s: error %.2e, limit %.2e %s\n", folder, item->name, item->error,
                    item->limit, item->note ? item->note : "");
    }
    tally->folders++;
    assay_parity_close(parity);
}

static void check_on(unsigned set, const char *sets)
{
    if (set && !(cpu_available() & set)) {
        print_message("skipped: this processor has no %s\n", sets);
        skip();
    }
    setenv("ASSAY_KERNELS", sets, 1);
    struct tally tally = {0};
    int visited = each_model_vector(compare, &tally);
    assert_int_equal(visited, tally.folders);
    unsetenv("ASSAY_KERNELS");
    print_message("%d checkpoints, %d tensors on %s\n", tally.folders, tally.tensors, sets);
    /* Four families, four shapes, three heads each, and three kinds of file. */
    assert_true(tally.folders >= 4 * 4 * 3 + 3);
    assert_int_equal(tally.failed, 0);
}

static void plain(void **state)
{
    (void)state;
    check_on(0, "plain");
}

static void avx2(void **state)
{
    (void)state;
    check_on(CPU_AVX2, "avx2");
}

static void avx512(void **state)
{
    (void)state;
    check_on(CPU_AVX512, "avx512");
}

/* The comparison itself must be able to fail: a weight off by one part in a thousand shows. */
static void a_changed_weight_is_noticed(void **state)
{
    (void)state;
    char *folder = copy_model_vector("bert_odd_classify");
    assert_non_null(folder);
    FILE *file = fopen(in_folder(folder, "model.safetensors"), "r+b");
    assert_non_null(file);
    uint64_t header;
    assert_int_equal(fread(&header, 8, 1, file), 1);
    /* somewhere among the word embeddings and layers, well inside the data */
    for (long at = 0; at < 4000; at += 4) {
        float value;
        assert_int_equal(fseek(file, 8 + (long)header + 20000 + at, SEEK_SET), 0);
        assert_int_equal(fread(&value, 4, 1, file), 1);
        value *= 1.001f;
        assert_int_equal(fseek(file, -4, SEEK_CUR), 0);
        assert_int_equal(fwrite(&value, 4, 1, file), 1);
    }
    fclose(file);
    assay_parity *parity = NULL;
    assert_int_equal(
        assay_parity_run(&parity, folder, in_folder(folder, "reference.safetensors"), NULL, NULL),
        ASSAY_OK);
    assert_false(assay_parity_passed(parity));
    assay_parity_close(parity);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(avx512),
        cmocka_unit_test(avx2),
        cmocka_unit_test(plain),
        cmocka_unit_test(a_changed_weight_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
