/* The steps of cleaning, one text at a time: against Python's vectors where it has the same, and
 * against what was written by hand. */
#include "base/json.h"
#include "prepare/clean_html.h"
#include "prepare/clean_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef int64_t step(struct clean_text *text);

static struct clean_text text;

static int release(void **state)
{
    (void)state;
    clean_text_free(&text);
    return 0;
}

static int64_t apply(step *change, const char *bytes, size_t length)
{
    clean_decode(&text, bytes, length);
    int64_t changed = change(&text);
    clean_encode(&text);
    assert_false(text.failed);
    return changed;
}

/* What a step makes of a text, and that a second time changes nothing more. */
static void becomes(step *change, const char *before, const char *after)
{
    int64_t changed = apply(change, before, strlen(before));
    assert_string_equal(text.bytes.bytes, after);
    assert_int_equal(changed > 0, strcmp(before, after) != 0);
    assert_int_equal(apply(change, after, strlen(after)), 0);
    assert_string_equal(text.bytes.bytes, after);
}

static void vectors(const char *name, step *change, size_t least)
{
    struct json *cases = NULL;
    assert_int_equal(json_parse_file(&cases, name, (size_t)1 << 26, NULL), ASSAY_OK);
    assert_true(json_count(cases) >= least);
    for (size_t i = 0; i < json_count(cases); i++) {
        const struct json *pair = json_element(cases, i);
        const struct json *before = json_element(pair, 0), *after = json_element(pair, 1);
        int64_t changed = apply(change, json_string(before), json_string_length(before));
        if (text.bytes.length != json_string_length(after) ||
            memcmp(text.bytes.bytes, json_string(after), text.bytes.length) != 0)
            fail_msg("case %zu: \"%s\" became \"%s\", not \"%s\"", i, json_string(before),
                     text.bytes.bytes, json_string(after));
        bool same = json_string_length(before) == json_string_length(after) &&
                    !memcmp(json_string(before), json_string(after), json_string_length(before));
        if (!same)
            assert_true(changed > 0);
    }
    json_free(cases);
}

static void nfc_is_pythons(void **state)
{
    (void)state;
    vectors(ASSAY_TEST_DATA "/data/nfc.json", clean_unicode, 400);
    becomes(clean_unicode, "e\xcc\x81 is \xc3\xa9", "\xc3\xa9 is \xc3\xa9");
    assert_int_equal(apply(clean_unicode, "plain", 5), 0);
}

static void entities_are_pythons(void **state)
{
    (void)state;
    vectors(ASSAY_TEST_DATA "/data/entities.json", clean_entities, 1000);
}

static void invisible_characters_go(void **state)
{
    (void)state;
    becomes(clean_invisible,
            "a\xe2\x80\x8b"
            "b\xef\xbb\xbf"
            "c\xc2\xad"
            "d\x01"
            "e\x7f"
            "f\xc2\x9f"
            "g",
            "abcdefg");
    becomes(clean_invisible, "a\tb\nc\r\n", "a\tb\nc\r\n");
    becomes(clean_invisible,
            "\xe2\x80\xaa"
            "left\xe2\x80\xac \xe2\x81\xa0right",
            "left right");
    /* U+E0041, a tag, and U+FE0F behind a letter */
    becomes(clean_invisible,
            "a\xf3\xa0\x81\x81"
            "b\xef\xb8\x8f",
            "ab");
    /* Joiners between Latin letters go; those of Persian, of Hindi and of pictures stay. */
    becomes(clean_invisible, "wo\xe2\x80\x8drd wo\xe2\x80\x8crd", "word word");
    becomes(clean_invisible, "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae",
            "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae");
    becomes(clean_invisible, "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",
            "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb");
    becomes(clean_invisible, "\xe2\x9d\xa4\xef\xb8\x8f 1\xef\xb8\x8f\xe2\x83\xa3",
            "\xe2\x9d\xa4\xef\xb8\x8f 1\xef\xb8\x8f\xe2\x83\xa3");
    /* A zero byte inside a text is a control character like others. */
    assert_int_equal(apply(clean_invisible, "a\0b", 3), 1);
    assert_string_equal(text.bytes.bytes, "ab");
}

static void typography_becomes_the_keyboards(void **state)
{
    (void)state;
    becomes(clean_typography,
            "\xe2\x80\x9cIt\xe2\x80\x99s\xe2\x80\x9d \xe2\x80\x94 "
            "\xe2\x80\x98so\xe2\x80\x99\xe2\x80\xa6",
            "\"It's\" - 'so'...");
    becomes(clean_typography,
            "1\xe2\x80\x93"
            "2 \xe2\x88\x92"
            "3 \xc2\xab"
            "x\xc2\xbb",
            "1-2 -3 \"x\"");
    becomes(clean_typography, "na\xc3\xafve \xe6\x9d\xb1\xe3\x80\x82",
            "na\xc3\xafve \xe6\x9d\xb1\xe3\x80\x82");
}

static void white_space_is_evened(void **state)
{
    (void)state;
    becomes(clean_whitespace, "  a \xc2\xa0 b\t\tc  ", "a b c");
    becomes(clean_whitespace, "a \r\n b\rc\n\n\n\nd", "a\nb\nc\n\nd");
    becomes(clean_whitespace, "a\r\n\r\nb \xe2\x80\xa8 c", "a\n\nb\nc");
    becomes(clean_whitespace, "\n \n", "");
    becomes(clean_whitespace, "", "");
    becomes(clean_one_line, "a\n\nb \n c", "a b c");
    assert_int_equal(apply(clean_whitespace, "a  b", 4), 1);
    assert_int_equal(apply(clean_whitespace, "a b\n", 4), 1);
}

static void lists_go(void **state)
{
    (void)state;
    becomes(clean_lists, "One. It can:\n * sing,\n   and well\n * dance\nTwo.", "One.\nTwo.");
    becomes(clean_lists, "It can\nalso do:\n\n  - sing\n\n  - dance\n\nTwo.", "\n\n\n\nTwo.");
    becomes(clean_lists, "A text.\n1. one\n2) two\n(3) three\n  more\na) four\nB.", "A text.\nB.");
    becomes(clean_lists, "\xe2\x80\xa2 one\n\tmore\nTwo.", "Two.");
    becomes(clean_lists, "See e.g. these:\n  a.so: x\n  b.so: y\nEnd.", "\nEnd.");
    /* What is no list stays: signs within a line, a range, a date, a paragraph set in. */
    becomes(clean_lists, "a * b\n-c\n*d*\n2023. was\n-1 is\n  Set in.\n",
            "a * b\n-c\n*d*\n2023. was\n-1 is\n  Set in.\n");
    becomes(clean_lists, "Note:\nnot set in", "Note:\nnot set in");
    becomes(clean_lists, "", "");
    becomes(clean_lists, "* one", "");
    assert_int_equal(apply(clean_lists, "x\n* a\n* b\n", 10), 2);
}

static void small_letters(void **state)
{
    (void)state;
    becomes(clean_lowercase, "ABC \xc3\x84\xd0\x9c 1", "abc \xc3\xa4\xd0\xbc 1");
}

static void html_becomes_text(void **state)
{
    (void)state;
    becomes(clean_tags, "<p>One <b>two</b></p><p class=\"a>b\">three</p>", "One two\nthree\n");
    becomes(clean_tags, "a<br/>b<!-- c --> d<SCRIPT>x<y</script>e", "a\nb de");
    becomes(clean_tags, "a < b, c <d> and <name@host> <3 x<y>z",
            "a < b, c <d> and <name@host> <3 x<y>z");
    becomes(clean_tags, "<!-- open <i>it</i>", "<!-- open it");
    becomes(clean_tags, "<script>never closed", "never closed");
    becomes(clean_tags, "<a href='x", "<a href='x");
    becomes(clean_tags, "<!DOCTYPE html>x", "x");
    /* What a reference stood for is text, and no markup. */
    static const char escaped[] = "<i>&lt;b&gt;</i> &amp;amp; caf&eacute;";
    assert_int_equal(apply(clean_markup, escaped, strlen(escaped)), 6);
    assert_string_equal(text.bytes.bytes, "<b> &amp; caf\xc3\xa9");
}

static void markdown_becomes_text(void **state)
{
    (void)state;
    becomes(clean_markdown, "# Head #\n\nSome **bold**, *slanted*, __both__ and ~~gone~~ words.",
            "Head\n\nSome bold, slanted, both and gone words.");
    becomes(clean_markdown, "- one\n* two\n+ [x] three\n1. four", "one\ntwo\nthree\n1. four");
    becomes(clean_markdown, "> said\n> > twice", "said\ntwice");
    becomes(clean_markdown, "[words](http://a/b(c)) ![alt](x.png) <https://h/>",
            "words alt https://h/");
    becomes(clean_markdown, "[**bold** link](u) after", "bold link after");
    becomes(clean_markdown, "Title\n=====\ntext\n\n---\n\nmore", "Title\n\ntext\n\n\n\nmore");
    becomes(clean_markdown, "```c\nint *a = *b; # x\n```\nafter", "int *a = *b; # x\nafter");
    assert_int_equal(apply(clean_markdown, "use `*code*` here", 17), 1);
    assert_string_equal(text.bytes.bytes, "use *code* here");
    /* What is no sign stays. */
    becomes(clean_markdown, "2 * 3 * 4, a*b*c, snake_case_name, #1, [a] (b), 5 - 3",
            "2 * 3 * 4, a*b*c, snake_case_name, #1, [a] (b), 5 - 3");
    becomes(clean_markdown, "*open and **open", "*open and **open");
    assert_int_equal(apply(clean_markdown, "\\*no\\*", 6), 2);
    assert_string_equal(text.bytes.bytes, "*no*");
}

/* Long runs of opening signs take time in proportion to their length. */
static void markup_is_linear(void **state)
{
    (void)state;
    static const char *const signs[] = {"<!--", "<script>", "<a ", "[",  "*a ",
                                        "`",    "&",        "> ",  "![["};
    for (size_t s = 0; s < sizeof signs / sizeof *signs; s++) {
        struct buffer many = {0};
        for (int i = 0; i < 20000; i++)
            assert_true(buffer_append_string(&many, signs[s]));
        apply(clean_markup, many.bytes, many.length);
        buffer_free(&many);
    }
}

static void homoglyphs_are_told(void **state)
{
    (void)state;
    struct buffer words = {0};
    /* "p\u0430ssword" with a Cyrillic a; a Russian word; micrometres; accented Latin */
    const char *sentence = "my p\xd0\xb0ssword \xd0\xb4\xd0\xbe\xd0\xbc 5 \xce\xbcm na\xc3\xafve";
    clean_decode(&text, sentence, strlen(sentence));
    assert_int_equal(homoglyph_words(&text, &words, 5), 1);
    assert_string_equal(words.bytes, "p\xd0\xb0ssword");
    buffer_free(&words);
    becomes(clean_homoglyphs, sentence,
            "my password \xd0\xb4\xd0\xbe\xd0\xbc 5 \xce\xbcm na\xc3\xafve");
    /* A Russian word with one Latin o becomes Russian. */
    becomes(clean_homoglyphs, "\xd0\xbc\x6f\xd0\xbb\xd0\xbe\xd0\xba\xd0\xbe",
            "\xd0\xbc\xd0\xbe\xd0\xbb\xd0\xbe\xd0\xba\xd0\xbe");
}

static assay_clean_rule rule_of(const char *words, const assay_clean_options *options)
{
    char why[CLEAN_WHY_SIZE];
    clean_decode(&text, words, strlen(words));
    return clean_rule_of(why, &text, options);
}

static void rules_take_out(void **state)
{
    (void)state;
    assay_clean_options options;
    assay_clean_options_init(&options);
    assert_int_equal(rule_of("two words", &options), ASSAY_CLEAN_RULE_COUNT);
    assert_int_equal(rule_of(" \n", &options), ASSAY_CLEAN_RULE_SHORT);
    options.min_words = 3;
    options.max_words = 6;
    assert_int_equal(rule_of("two words", &options), ASSAY_CLEAN_RULE_SHORT);
    assert_int_equal(rule_of("one two three", &options), ASSAY_CLEAN_RULE_COUNT);
    assert_int_equal(rule_of("a b c d e f", &options), ASSAY_CLEAN_RULE_COUNT);
    assert_int_equal(rule_of("a b c d e f g", &options), ASSAY_CLEAN_RULE_LONG);
    assay_clean_options_init(&options);
    /* 3 of 4 lines, 2 of 4 lines, and 2 of 3, which are too few to tell */
    assert_int_equal(rule_of("x\nx\nx\nx", &options), ASSAY_CLEAN_RULE_REPEATED_LINES);
    assert_int_equal(rule_of("x\nx\ny\ny", &options), ASSAY_CLEAN_RULE_COUNT);
    assert_int_equal(rule_of("x\nx\nx", &options), ASSAY_CLEAN_RULE_COUNT);
    assert_int_equal(rule_of("a b a b a b a b a b a b a b a b a b a b", &options),
                     ASSAY_CLEAN_RULE_REPEATED_WORDS);
    assert_int_equal(rule_of("a b c d e f g h i j k l m n o p q r s t", &options),
                     ASSAY_CLEAN_RULE_COUNT);
    assert_int_equal(rule_of("12:30 -- 4567", &options), ASSAY_CLEAN_RULE_LETTERS);
    assert_int_equal(rule_of("ab 123", &options), ASSAY_CLEAN_RULE_COUNT);
    options.rules[ASSAY_CLEAN_RULE_LETTERS] = false;
    assert_int_equal(rule_of("12:30 -- 4567", &options), ASSAY_CLEAN_RULE_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nfc_is_pythons),
        cmocka_unit_test(entities_are_pythons),
        cmocka_unit_test(invisible_characters_go),
        cmocka_unit_test(typography_becomes_the_keyboards),
        cmocka_unit_test(white_space_is_evened),
        cmocka_unit_test(lists_go),
        cmocka_unit_test(small_letters),
        cmocka_unit_test(html_becomes_text),
        cmocka_unit_test(markdown_becomes_text),
        cmocka_unit_test(markup_is_linear),
        cmocka_unit_test(homoglyphs_are_told),
        cmocka_unit_test(rules_take_out),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
