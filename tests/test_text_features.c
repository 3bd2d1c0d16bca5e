/* Features of texts whose values are counted by hand, and what holds of any bytes. */
#include "base/memory.h"
#include "data/scripts.h"
#include "data/text_features.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void get(double values[TEXT_FEATURE_COUNT], const char *text, size_t length)
{
    assay_error error = {0};
    assert_int_equal(text_features(values, text, length, &error), ASSAY_OK);
}

static double value_of(const char *text, enum text_feature feature)
{
    double values[TEXT_FEATURE_COUNT];
    get(values, text, strlen(text));
    return values[feature];
}

#define CHECK(text, feature, expected)                                                             \
    do {                                                                                           \
        double found = value_of(text, TEXT_FEATURE_##feature);                                     \
        if (fabs(found - (expected)) > 1e-15)                                                      \
            fail_msg("%s of \"%s\" is %.17g, not %.17g",                                           \
                     text_feature_name(TEXT_FEATURE_##feature), text, found, (double)(expected));  \
    } while (0)

static void lengths(void **state)
{
    (void)state;
    const char *text = "The cat saw the CAT. \"Na\xc3\xafve!\" he said; it was 12 years old";
    CHECK(text, BYTES, 59);
    CHECK(text, CHARACTERS, 58);
    CHECK(text, WORDS, 13);
    CHECK(text, MEAN_WORD, (5 * 3 + 5 + 2 + 4 + 2 + 3 + 2 + 5 + 3) / 13.0);
    CHECK(text, MEAN_SENTENCE, 13 / 3.0);
    CHECK(text, TYPE_TOKEN, 11 / 13.0); /* the, cat twice */
    CHECK("\xe4\xbd\xa0\xe5\xa5\xbd\xe3\x80\x82\xe5\xa5\xbd\xe3\x80\x82", WORDS, 3);
    CHECK("\xe4\xbd\xa0\xe5\xa5\xbd\xe3\x80\x82\xe5\xa5\xbd\xe3\x80\x82", MEAN_SENTENCE, 1.5);
    CHECK("- ... -", WORDS, 0);
    CHECK("1.5 is no end. Yes", MEAN_SENTENCE, 2.5);
}

static void white_space(void **state)
{
    (void)state;
    CHECK("a\nb\n\nc", NEWLINES, 3);
    CHECK("a\nb\n\nc", NEWLINE_SHARE, 0.5);
    CHECK("a\r\nb", CARRIAGE_RETURNS, 1);
    CHECK("a  b   c d", DOUBLE_SPACES, 2);
    CHECK(" a", LEADING_SPACE, 1);
    CHECK("\xc2\xa0"
          "a",
          LEADING_SPACE, 1);
    CHECK("a", LEADING_SPACE, 0);
    CHECK("a\n", TRAILING_SPACE, 1);
    CHECK("a", TRAILING_SPACE, 0);
    CHECK("", TRAILING_SPACE, 0);
    CHECK("a\tb\t", TABS, 2);
    CHECK("a\xc2\xa0"
          "b\xe2\x80\xaf"
          "c\xe3\x80\x80 d",
          ODD_SPACES, 3);
    CHECK("Yes , no . 1.5", SPACE_BEFORE_MARK, 2);
}

static void marks(void **state)
{
    (void)state;
    CHECK("a, b; c.", PUNCTUATION, 3 / 8.0);
    CHECK("a,b,", COMMAS, 0.5);
    CHECK("it's", APOSTROPHES, 0.25);
    CHECK("\"a\"", STRAIGHT_QUOTES, 2 / 3.0);
    CHECK("\xe2\x80\x9c"
          "a\xe2\x80\x9d it\xe2\x80\x99s",
          CURLY_QUOTES, 3);
    CHECK("a-b ", HYPHENS, 0.25);
    CHECK("1\xe2\x80\x93"
          "2",
          EN_DASHES, 1);
    CHECK("a\xe2\x80\x94"
          "b",
          EM_DASHES, 1);
    CHECK("a\xe2\x80\xa6", ELLIPSIS_CHARACTERS, 1);
    CHECK("He said \"no.\"  ", FINAL_MARK, 1);
    CHECK("He said no", FINAL_MARK, 0);
    CHECK("", FINAL_MARK, 0);
}

static void letters(void **state)
{
    (void)state;
    CHECK("ABcd 12", UPPER_CASE, 0.5);
    CHECK("\xd0\x9f\xd1\x80", UPPER_CASE, 0.5);
    CHECK("NASA and I", CAPITAL_WORDS, 1 / 3.0);
    CHECK("\"a\" B", LOWER_START, 1);
    CHECK("B a", LOWER_START, 0);
    CHECK("1 a", LOWER_START, 0);
    CHECK("Yes. no! Perhaps? well", LOWER_SENTENCES, 0.5);
    CHECK("a1b2", DIGITS, 0.5);
    CHECK("\xc3\xa9"
          "a",
          NON_ASCII, 0.5);
    CHECK("e\xcc\x81", COMBINING_MARKS, 1);
    CHECK("c\xd0\xb0t cat \xd0\xba\xd0\xbe\xd1\x82", MIXED_WORDS, 1);
    assert_string_equal(script_name(script_of(0x4e00)), "Han");
    assert_string_equal(script_name(script_of('a')), "Latin");
    assert_string_equal(script_name(script_of(0x10ffff)), "other");
}

static void encoding(void **state)
{
    (void)state;
    CHECK("caf\xc3\x83\xc2\xa9", ENCODING_TRACES, 1);                 /* Ã© */
    CHECK("it\xc3\xa2\xe2\x82\xac\xe2\x84\xa2s", ENCODING_TRACES, 1); /* â€™ */
    CHECK("a\xef\xbf\xbd", ENCODING_TRACES, 1);                       /* U+FFFD */
    CHECK("a\xff\x80", ENCODING_TRACES, 2);                           /* broken */
    CHECK("caf\xc3\xa9 \xc3\x83O \xc3\xa2me da\xc3\x9f\xe2\x80\x9d", ENCODING_TRACES, 0);
    CHECK("\xef\xbb\xbf"
          "a",
          INVISIBLE, 1);
    CHECK("a\xe2\x80\x8b"
          "b\x01",
          INVISIBLE, 2);
    CHECK("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9", INVISIBLE, 0); /* emoji joined */
    CHECK("a\xe2\x80\x8d"
          "b",
          INVISIBLE, 1);
    CHECK("a\tb\nc\r", INVISIBLE, 0);
    double values[TEXT_FEATURE_COUNT];
    get(values, "a\0b", 3);
    assert_true(values[TEXT_FEATURE_INVISIBLE] == 1 && values[TEXT_FEATURE_CHARACTERS] == 3);
}

static void markup(void **state)
{
    (void)state;
    CHECK("<p>a</p> <br/> &amp; &#233; &#xe9;", HTML, 6);
    CHECK("a < b > c & d; 1 <2> &; <unclosed", HTML, 0);
    CHECK("# T\n\n- a\n- **b**\n[c](d)", MARKDOWN, 6);
    CHECK("#tag a - b 2*3", MARKDOWN, 0);
    CHECK("see https://a.b, www.c.d and whttp://", URLS, 2);
}

static void any_bytes(void **state)
{
    (void)state;
    char text[400];
    uint32_t chance = 3;
    for (int trial = 0; trial < 3000; trial++) {
        size_t length = (size_t)trial % sizeof text;
        for (size_t i = 0; i < length; i++) {
            chance = chance * 1664525u + 1013904223u;
            static const char likely[] = "<>&;#* .!\n\r\xc3\xe2\x80\x9d\xef\xbb\xbf";
            text[i] =
                chance >> 31 ? (char)(chance >> 16) : likely[(chance >> 16) % (sizeof likely - 1)];
        }
        /* In a block of its own length, so that a sanitizer sees any byte read behind it. */
        char *exact = malloc(length ? length : 1);
        assert_non_null(exact);
        memcpy(exact, text, length);
        double values[TEXT_FEATURE_COUNT];
        get(values, exact, length);
        for (int f = 0; f < text_feature_count(); f++)
            assert_true(isfinite(values[f]) && values[f] >= 0);
        assert_true(values[TEXT_FEATURE_BYTES] == (double)length);
        assert_true(values[TEXT_FEATURE_TYPE_TOKEN] <= 1 && values[TEXT_FEATURE_PUNCTUATION] <= 1);
        free(exact);
    }
    double values[TEXT_FEATURE_COUNT];
    get(values, "", 0);
    for (int f = 0; f < text_feature_count(); f++)
        assert_true(values[f] == 0);
}

static void names(void **state)
{
    (void)state;
    for (int f = 0; f < text_feature_count(); f++) {
        assert_true(strlen(text_feature_name(f)) > 2 && strlen(text_feature_description(f)) > 5);
        for (int other = 0; other < f; other++)
            assert_string_not_equal(text_feature_name(f), text_feature_name(other));
    }
    assert_int_equal(text_feature_kind(TEXT_FEATURE_NEWLINES), TEXT_FEATURE_FORMAT);
    assert_int_equal(text_feature_kind(TEXT_FEATURE_BYTES), TEXT_FEATURE_STYLE);
}

/* Each allocation failing in turn, on a text with enough different words for the set to grow. */
static void no_memory(void **state)
{
    (void)state;
    char text[8192];
    size_t length = 0;
    for (int i = 0; i < 600; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "w%d ", i);
    double values[TEXT_FEATURE_COUNT];
    for (uint64_t nth = 1; nth <= 3; nth++) {
        assay_error error = {0};
        memory_fail_at(nth);
        assert_int_equal(text_features(values, text, length, &error), ASSAY_ERROR_MEMORY);
    }
    memory_fail_at(0);
    get(values, text, length);
    assert_true(values[TEXT_FEATURE_WORDS] == 600 && values[TEXT_FEATURE_TYPE_TOKEN] == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths),   cmocka_unit_test(white_space), cmocka_unit_test(marks),
        cmocka_unit_test(letters),   cmocka_unit_test(encoding),    cmocka_unit_test(markup),
        cmocka_unit_test(any_bytes), cmocka_unit_test(names),       cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
