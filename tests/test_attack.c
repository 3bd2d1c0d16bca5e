/* Attacks on texts: what each changes, how much of it, and that nothing else moves. */
#include "base/memory.h"
#include "base/utf8.h"
#include "data/attack.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char passage[] =
    "The cat sat on a mat, e.g. by 12 o'clock. \"A vitamin A is important,\" said Anna in 2023! "
    "However, the use of an umbrella isn\xe2\x80\x99t WRONG. Caf\xc3\xa9 \xd0\x9c\xd0\xb8\xd1\x80 "
    "\xe4\xb8\xad\xe6\x96\x87 100 and na\xc3\xafve.";

static struct buffer run(const char *name, double strength, uint64_t seed, const char *text,
                         size_t length, struct attack_places *places)
{
    struct buffer out = {0};
    struct attack_places ignored;
    int kind = attack_find(name);
    assert_true(kind >= 0);
    assert_int_equal(attack_text_counted(&out, places ? places : &ignored, kind, strength, seed,
                                         text, length, NULL),
                     ASSAY_OK);
    return out;
}

static void expect(const char *name, const char *text, const char *expected, int64_t changed)
{
    struct attack_places places;
    struct buffer out = run(name, 1.0, 1, text, strlen(text), &places);
    assert_string_equal(out.bytes ? out.bytes : "", expected);
    assert_int_equal(places.changed, changed);
    assert_int_equal(places.eligible, changed);
    buffer_free(&out);
}

static void what_is_changed(void **state)
{
    (void)state;
    expect("homoglyph", "ape z", "\xd0\xb0\xd1\x80\xd0\xb5 z", 3);
    expect("zero-width", "a bc 12 d\xc3\xa9",
           "a b\xe2\x80\x8b"
           "c 12 d\xe2\x80\x8b\xc3\xa9",
           2);
    expect("whitespace", "one two, 3.5 ok.", "one  two ,  3.5  ok .", 5);
    expect("whitespace", "a  b\nc", "a  b\nc", 0);
    expect("case", "one TWO \xc3\xa9t\xc3\xa9 \xd0\xbc 3x don't",
           "One tWO \xc3\x89t\xc3\xa9 \xd0\x9c 3x Don't", 5);
    expect("article-deletion", "The cat and a dog. A bird, an owl; vitamin A is.",
           "Cat and dog. Bird, owl; vitamin A is.", 4);
    expect("article-deletion", "the\nend", "the\nend", 0);
    expect("synonym", "The BIG idea, Big!", "The LARGE notion, Large!", 3);
    expect("synonym", "ideal bigot", "ideal bigot", 0);
    expect("paragraph-insertion", "One. Two! \"Three?\" Four.\nFive. e.g. six",
           "One.\n\nTwo!\n\n\"Three?\"\n\nFour.\nFive. e.g. six", 3);
}

static void numbers_and_slips(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct buffer out = run("number", 1.0, seed, "1 and 10, 2023", 14, NULL);
        assert_int_equal(out.length, 14);
        static const char old[] = "1 and 10, 2023";
        for (size_t i = 0; i < 14; i++) {
            bool digit = old[i] >= '0' && old[i] <= '9';
            assert_int_equal(out.bytes[i] != old[i], digit);
            assert_true(!digit || (out.bytes[i] >= '0' && out.bytes[i] <= '9'));
        }
        assert_true(out.bytes[6] != '0' && out.bytes[10] != '0');
        buffer_free(&out);
        struct attack_places places;
        out = run("misspelling", 1.0, seed, "cat letter aaaa", 15, &places);
        assert_int_equal(places.changed, 2);
        assert_true(out.length >= 13 && out.length <= 17);
        assert_memory_equal(out.bytes, "cat l", 5);
        assert_true(strcmp(out.bytes, "cat letter aaaa") != 0);
        buffer_free(&out);
    }
}

static void every_kind_is_known(void **state)
{
    (void)state;
    static const char *const names[] = {"homoglyph", "zero-width",  "whitespace",
                                        "case",      "misspelling", "article-deletion",
                                        "number",    "synonym",     "paragraph-insertion"};
    assert_int_equal(attack_count(), 9);
    for (int kind = 0; kind < attack_count(); kind++) {
        assert_string_equal(attack_name(kind), names[kind]);
        assert_int_equal(attack_find(names[kind]), kind);
        assert_true(strlen(attack_description(kind)) > 10);
    }
    assert_null(attack_name(-1));
    assert_null(attack_name(9));
    assert_int_equal(attack_find("cases"), -1);
    /* Every word of the list is found: the list is sorted and in small letters. */
    static const char *const words[] = {"about",  "additionally", "children", "frequently",
                                        "little", "results",      "yet"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct attack_places places;
        struct buffer out = run("synonym", 1.0, 1, words[i], strlen(words[i]), &places);
        assert_int_equal(places.changed, 1);
        buffer_free(&out);
    }
}

/* The share is kept on average, and each text is off by less than one place. */
static void strength_is_a_share(void **state)
{
    (void)state;
    for (int kind = 0; kind < attack_count(); kind++) {
        double eligible = 0.0, changed = 0.0;
        for (uint64_t seed = 0; seed < 400; seed++) {
            struct attack_places places;
            struct buffer out =
                run(attack_name(kind), 0.3, seed, passage, sizeof passage - 1, &places);
            assert_true(places.eligible > 0);
            assert_true(fabs((double)places.changed - 0.3 * (double)places.eligible) < 1.0);
            eligible += (double)places.eligible;
            changed += (double)places.changed;
            buffer_free(&out);
        }
        /* The rounding's own error: at most half a place a text. */
        assert_true(fabs(changed / eligible - 0.3) < 4.0 * 0.5 * 20.0 / eligible);
        struct attack_places none;
        struct buffer out = run(attack_name(kind), 0.0, 5, passage, sizeof passage - 1, &none);
        assert_int_equal(none.changed, 0);
        assert_string_equal(out.bytes, passage);
        buffer_free(&out);
    }
}

static void seeds_decide(void **state)
{
    (void)state;
    assert_true(attack_row_seed(1, "a") != attack_row_seed(1, "b"));
    assert_true(attack_row_seed(1, "a") != attack_row_seed(2, "a"));
    for (int kind = 0; kind < attack_count(); kind++) {
        struct buffer first = {0};
        bool differs = false;
        for (uint64_t seed = 0; seed < 12; seed++) {
            struct buffer one =
                run(attack_name(kind), 0.4, seed, passage, sizeof passage - 1, NULL);
            struct buffer again =
                run(attack_name(kind), 0.4, seed, passage, sizeof passage - 1, NULL);
            assert_string_equal(one.bytes, again.bytes);
            assert_int_equal(utf8_valid_prefix(one.bytes, one.length), one.length);
            buffer_free(&again);
            if (!seed)
                first = one;
            else {
                differs = differs || strcmp(first.bytes, one.bytes) != 0;
                buffer_free(&one);
            }
        }
        assert_true(differs);
        buffer_free(&first);
    }
}

/* Any bytes go in; what was valid stays valid, what was not comes out as it was. */
static void broken_bytes(void **state)
{
    (void)state;
    static const char broken[] =
        "\xff\xfe the caf\xc3 \xe2\x82 a \xf0\x9f\x98 cat.\xed\xa0\x80 1\x80";
    for (int kind = 0; kind < attack_count(); kind++) {
        struct buffer out = run(attack_name(kind), 1.0, 3, broken, sizeof broken - 1, NULL);
        int bad[2] = {0, 0};
        const char *texts[2] = {broken, out.bytes};
        size_t lengths[2] = {sizeof broken - 1, out.length};
        for (int t = 0; t < 2; t++) {
            for (size_t at = 0; at < lengths[t];) {
                at += utf8_valid_prefix(texts[t] + at, lengths[t] - at);
                bad[t] += at < lengths[t];
                at++;
            }
        }
        assert_int_equal(bad[0], bad[1]);
        buffer_free(&out);
    }
    unsigned seed = 9;
    for (int round = 0; round < 3000; round++) {
        char text[64];
        size_t length = (size_t)(round % 64);
        for (size_t i = 0; i < length; i++) {
            seed = seed * 1664525u + 1013904223u;
            static const char some[] = "aA \xc3\xa9\xe2\x80\x8b.,'1the\xff\xf0\x9f\n";
            text[i] = some[(seed >> 8) % (sizeof some - 1)];
        }
        struct buffer out =
            run(attack_name(round % attack_count()), 0.5, (uint64_t)round, text, length, NULL);
        if (utf8_valid_prefix(text, length) == length)
            assert_int_equal(utf8_valid_prefix(out.bytes ? out.bytes : "", out.length), out.length);
        buffer_free(&out);
    }
}

static void empty_and_huge(void **state)
{
    (void)state;
    enum { HUGE_TEXT = 8 << 20 };
    char *text = malloc(HUGE_TEXT);
    assert_non_null(text);
    for (size_t i = 0; i < HUGE_TEXT; i++)
        text[i] = passage[i % (sizeof passage - 1)];
    for (int kind = 0; kind < attack_count(); kind++) {
        struct attack_places places;
        struct buffer out = run(attack_name(kind), 1.0, 1, "", 0, &places);
        assert_int_equal(out.length, 0);
        assert_int_equal(places.eligible, 0);
        buffer_free(&out);
        out = run(attack_name(kind), 0.1, 1, text, HUGE_TEXT, &places);
        assert_true(places.changed > 1000);
        buffer_free(&out);
    }
    /* Long runs of one kind of character take no longer a character than others. */
    static const char *const runs[] = {"\"", " ", "A ", ".", "'", "\xff", "\xe2\x80\x99"};
    for (size_t r = 0; r < sizeof runs / sizeof *runs; r++) {
        size_t size = strlen(runs[r]);
        for (size_t i = 0; i < HUGE_TEXT; i++)
            text[i] = runs[r][i % size];
        for (int kind = 0; kind < attack_count(); kind++) {
            struct buffer out = run(attack_name(kind), 0.5, 1, text, HUGE_TEXT / 8, NULL);
            buffer_free(&out);
        }
    }
    free(text);
}

static void wrong_arguments(void **state)
{
    (void)state;
    struct buffer out = {0};
    assay_error error = {0};
    static const double strengths[] = {-0.1, 1.01, NAN, INFINITY};
    for (size_t i = 0; i < sizeof strengths / sizeof *strengths; i++) {
        assert_int_equal(attack_text(&out, 0, strengths[i], 1, "text", 4, &error),
                         ASSAY_ERROR_ARGUMENT);
        assert_string_equal(error.place, "strength");
    }
    assert_int_equal(attack_text(&out, 9, 0.5, 1, "text", 4, NULL), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(attack_text(&out, -1, 0.5, 1, "text", 4, NULL), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(out.length, 0);
    assert_true(buffer_append_string(&out, "kept"));
    for (int kind = 0; kind < attack_count(); kind++) {
        for (uint64_t nth = 1; nth <= 2; nth++) {
            memory_fail_at(nth);
            assay_status status =
                attack_text(&out, kind, 1.0, 1, passage, sizeof passage - 1, NULL);
            memory_fail_at(0);
            if (status == ASSAY_OK)
                out.length = 4;
            else
                assert_int_equal(status, ASSAY_ERROR_MEMORY);
            assert_int_equal(out.length, 4);
            assert_memory_equal(out.bytes, "kept", 4);
            out.bytes[4] = '\0';
            struct buffer small = {0};
            assert_true(buffer_append_string(&small, "kept"));
            buffer_free(&out);
            out = small;
        }
    }
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_changed),     cmocka_unit_test(numbers_and_slips),
        cmocka_unit_test(every_kind_is_known), cmocka_unit_test(strength_is_a_share),
        cmocka_unit_test(seeds_decide),        cmocka_unit_test(broken_bytes),
        cmocka_unit_test(empty_and_huge),      cmocka_unit_test(wrong_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
