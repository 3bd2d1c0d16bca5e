/* Contract 7 on whole models: a row's logits have the same bits alone and in a batch of 64, on one
 * and two threads, on every float32 kernel set; at the lower precisions alone, in a batch and on
 * any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assay/model.h"
#include "cpu/cpu.h"
#include "model_vectors.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 64, MAX_LABELS = 8, MAX_LENGTH = 20 };

struct rows {
    int32_t ids[ROWS * MAX_LENGTH], offsets[ROWS + 1];
};

static void draw_rows(struct rows *rows, const assay_model_info *info)
{
    uint32_t state = 12345;
    rows->offsets[0] = 0;
    for (int i = 0; i < ROWS; i++) {
        state = state * 1664525u + 1013904223u;
        int most = info->max_tokens < MAX_LENGTH ? info->max_tokens : MAX_LENGTH;
        int length = 1 + (int)((state >> 16) % (uint32_t)most);
        for (int j = 0; j < length; j++) {
            state = state * 1664525u + 1013904223u;
            rows->ids[rows->offsets[i] + j] = (int32_t)((state >> 8) % (uint32_t)info->vocabulary);
        }
        rows->offsets[i + 1] = rows->offsets[i] + length;
    }
}

static void score(float *logits, assay_model *model, const struct rows *rows, const char *kernels,
                  int threads, assay_precision precision, int64_t batch_tokens)
{
    setenv("ASSAY_KERNELS", kernels, 1);
    assay_session_options options = ASSAY_SESSION_OPTIONS_INIT;
    options.threads = threads;
    options.precision = precision;
    options.batch_tokens = batch_tokens;
    assay_session *session = NULL;
    assert_int_equal(assay_session_open(&session, model, &options, NULL), ASSAY_OK);
    assert_int_equal(
        assay_session_classify_ids(session, logits, rows->ids, NULL, rows->offsets, ROWS, NULL),
        ASSAY_OK);
    assay_session_close(session);
    unsetenv("ASSAY_KERNELS");
}

static const char *const families[] = {"bert_odd_classify", "distilbert_odd_classify",
                                       "roberta_odd_classify", "gpt2_odd_classify"};

static void check(const char *first, const char *const *others, int count,
                  assay_precision precision)
{
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        assay_model *model = NULL;
        assert_int_equal(assay_model_open(&model, model_vector(families[f]), NULL), ASSAY_OK);
        assay_model_info info;
        assay_model_get_info(model, &info);
        struct rows rows;
        draw_rows(&rows, &info);
        float expected[ROWS * MAX_LABELS], found[ROWS * MAX_LABELS];
        size_t bytes = sizeof(float) * ROWS * (size_t)info.labels;
        score(expected, model, &rows, first, 1, precision, 1 << 20);
        for (int k = -1; k < count; k++) {
            const char *kernels = k < 0 ? first : others[k];
            for (int threads = 1; threads <= 3; threads++) {
                /* 1 token a batch: every row alone */
                score(found, model, &rows, kernels, threads, precision, 1);
                assert_memory_equal(expected, found, bytes);
                score(found, model, &rows, kernels, threads, precision, 1 << 20);
                assert_memory_equal(expected, found, bytes);
                score(found, model, &rows, kernels, threads, precision, 37);
                assert_memory_equal(expected, found, bytes);
            }
        }
        assay_model_close(model);
    }
}

static void highest(void **state)
{
    (void)state;
    const char *others[2];
    int count = 0;
    if (cpu_available() & CPU_AVX2)
        others[count++] = "avx2";
    if (cpu_available() & CPU_AVX512)
        others[count++] = "avx512";
    print_message("plain C against %d other kernel sets\n", count);
    check("plain", others, count, ASSAY_PRECISION_HIGHEST);
}

static void check_lower(unsigned set, const char *kernels)
{
    if (!(cpu_available() & set)) {
        print_message("skipped: this processor has no %s\n", cpu_set_name(set));
        skip();
    }
    check(kernels, NULL, 0, ASSAY_PRECISION_HIGH);
    check(kernels, NULL, 0, ASSAY_PRECISION_MEDIUM);
}

static void avx512_bf16(void **state)
{
    (void)state;
    check_lower(CPU_AVX512_BF16, "avx512,avx512_bf16");
}

static void amx(void **state)
{
    (void)state;
    check_lower(CPU_AMX_BF16, "avx512,amx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(highest),
        cmocka_unit_test(avx512_bf16),
        cmocka_unit_test(amx),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
