/* Philox4x32-10 against the known answers of its authors' test suite, and the keep factors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"

#include <string.h>

struct answer {
    uint32_t counter[4], key[2], out[4];
};

static const struct answer answers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
     {UINT32_MAX, UINT32_MAX},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static void known_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        uint32_t out[4];
        uint64_t key = (uint64_t)answers[i].key[1] << 32 | answers[i].key[0];
        random_block(out, key, answers[i].counter);
        assert_memory_equal(out, answers[i].out, sizeof out);
    }
}

static void keep_depends_on_every_part(void **state)
{
    (void)state;
    enum { COUNT = 256 };
    float base[COUNT], other[COUNT];
    const struct random_stream stream = {1, 2, 3};
    struct random_stream changed[] = {{9, 2, 3}, {1, 9, 3}, {1, 2, 9}};
    random_keep(base, &stream, 4, 5, 0, COUNT, 0.5f, 2.0f);
    for (int i = 0; i < 3; i++) {
        random_keep(other, &changed[i], 4, 5, 0, COUNT, 0.5f, 2.0f);
        assert_memory_not_equal(base, other, sizeof base);
    }
    random_keep(other, &stream, 5, 5, 0, COUNT, 0.5f, 2.0f);
    assert_memory_not_equal(base, other, sizeof base);
    random_keep(other, &stream, 4, UINT64_C(5) << 32, 0, COUNT, 0.5f, 2.0f);
    assert_memory_not_equal(base, other, sizeof base);
    /* In pieces it is the same as whole. */
    random_keep(other, &stream, 4, 5, 0, 100, 0.5f, 2.0f);
    random_keep(other + 100, &stream, 4, 5, 100, COUNT - 100, 0.5f, 2.0f);
    assert_memory_equal(base, other, sizeof base);
    random_keep(other, &stream, 4, 5, 0, COUNT, 0.0f, 1.0f);
    for (int i = 0; i < COUNT; i++)
        assert_true(other[i] == 1.0f);
}

static void hashes_spread(void **state)
{
    (void)state;
    assert_true(random_hash_name("encoder.layer.1") != random_hash_name("encoder.layer.2"));
    assert_true(random_hash_name("abc") == random_hash_bytes("abc", 3));
    assert_true(random_mix(1, 2) != random_mix(2, 1));
    /* One bit in changes about half of the bits out. */
    int changed = 0;
    for (int bit = 0; bit < 64; bit++) {
        changed += __builtin_popcountll(random_mix(7, 9) ^ random_mix(7 ^ UINT64_C(1) << bit, 9));
        changed += __builtin_popcountll(random_mix(7, 9) ^ random_mix(7, 9 ^ UINT64_C(1) << bit));
    }
    assert_in_range(changed, 128 * 30, 128 * 34);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(keep_depends_on_every_part),
        cmocka_unit_test(hashes_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
