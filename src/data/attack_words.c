/* Attacks on whole words: articles left out, words of a like meaning. English. */
#include "data/attack_kinds.h"

#include <stdlib.h>
#include <string.h>

enum { WORD_SIZE = 24 };

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* ASCII letters in lower case; false for what is longer or holds anything else. */
static bool lower_word(char out[WORD_SIZE], const struct attack_source *source,
                       const struct attack_place *word)
{
    size_t length = word->end - word->begin;
    if (length >= WORD_SIZE)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = source->text[word->begin + i];
        out[i] = is_upper(c) ? (char)(c - 'A' + 'a') : c;
        if (out[i] < 'a' || out[i] > 'z')
            return false;
    }
    out[length] = '\0';
    return true;
}

/* ---- article-deletion ---- */

/* A capital A inside a sentence is a name ("vitamin A is"), not an article. */
static bool begins_sentence(const struct attack_source *source, size_t at)
{
    while (at > 0) {
        struct attack_character before = attack_before(source, at);
        if (before.value == '.' || before.value == '!' || before.value == '?' ||
            before.value == '\n')
            return true;
        if (attack_is_letter(before.value) || attack_is_digit(before.value) ||
            before.value == ATTACK_BROKEN)
            return false;
        at -= before.length;
    }
    return true;
}

/* The article, the blanks behind it and the first byte of what follows, which takes over a capital.
 */
static bool find_article(struct attack_place *place, const struct attack_source *source,
                         size_t from)
{
    char word[WORD_SIZE];
    while (attack_next_word(place, source, from)) {
        from = place->end;
        if (!lower_word(word, source, place) ||
            (strcmp(word, "a") && strcmp(word, "an") && strcmp(word, "the")))
            continue;
        if (!strcmp(word, "a") && is_upper(source->text[place->begin]) &&
            !begins_sentence(source, place->begin))
            continue;
        size_t end = place->end;
        struct attack_character next = attack_at(source, end);
        while (next.value == ' ' || next.value == '\t') {
            end += next.length;
            next = attack_at(source, end);
        }
        if (end == place->end || !attack_is_letter(next.value))
            continue;
        place->end = end + next.length;
        return true;
    }
    return false;
}

static bool drop_article(struct buffer *out, const struct attack_source *source,
                         const struct attack_place *place, const uint32_t draw[4])
{
    (void)draw;
    struct attack_character last = attack_before(source, place->end);
    const char *kept = source->text + place->end - last.length;
    if (last.length == 1 && is_upper(source->text[place->begin]) && *kept >= 'a' && *kept <= 'z')
        return buffer_append_byte(out, (char)(*kept - 'a' + 'A'));
    return buffer_append(out, kept, last.length);
}

const struct attack_kind attack_article = {"article-deletion", "a, an and the are left out",
                                           find_article, drop_article};

/* ---- synonym ---- */

/* Words that can stand for each other in most sentences, in the same form; sorted by the first. */
static const char *const pairs[][2] = {
    {"about", "around"},
    {"achieve", "attain"},
    {"achieved", "attained"},
    {"additionally", "moreover"},
    {"aid", "help"},
    {"allow", "permit"},
    {"allowed", "permitted"},
    {"allows", "permits"},
    {"almost", "nearly"},
    {"also", "too"},
    {"although", "though"},
    {"amount", "quantity"},
    {"answer", "reply"},
    {"appear", "seem"},
    {"appears", "seems"},
    {"area", "region"},
    {"areas", "regions"},
    {"ask", "inquire"},
    {"assist", "help"},
    {"attempt", "try"},
    {"attempts", "tries"},
    {"begin", "start"},
    {"beginning", "starting"},
    {"begins", "starts"},
    {"believe", "think"},
    {"benefit", "advantage"},
    {"benefits", "advantages"},
    {"big", "large"},
    {"bigger", "larger"},
    {"biggest", "largest"},
    {"build", "construct"},
    {"built", "constructed"},
    {"buy", "purchase"},
    {"certain", "sure"},
    {"change", "alter"},
    {"changes", "alterations"},
    {"children", "kids"},
    {"choose", "select"},
    {"chosen", "selected"},
    {"common", "widespread"},
    {"complete", "finish"},
    {"completed", "finished"},
    {"completely", "entirely"},
    {"contain", "hold"},
    {"contains", "holds"},
    {"create", "make"},
    {"created", "made"},
    {"creates", "makes"},
    {"creating", "making"},
    {"crucial", "vital"},
    {"difficult", "hard"},
    {"discover", "find"},
    {"discovered", "found"},
    {"early", "initial"},
    {"effect", "impact"},
    {"effects", "impacts"},
    {"end", "finish"},
    {"enough", "sufficient"},
    {"ensure", "guarantee"},
    {"entire", "whole"},
    {"especially", "particularly"},
    {"essential", "vital"},
    {"example", "instance"},
    {"fast", "quick"},
    {"few", "some"},
    {"fix", "repair"},
    {"frequently", "often"},
    {"furthermore", "moreover"},
    {"gather", "collect"},
    {"gathered", "collected"},
    {"get", "obtain"},
    {"give", "provide"},
    {"given", "provided"},
    {"gives", "provides"},
    {"glad", "happy"},
    {"goal", "aim"},
    {"goals", "aims"},
    {"good", "fine"},
    {"great", "grand"},
    {"happen", "occur"},
    {"happened", "occurred"},
    {"happens", "occurs"},
    {"however", "nevertheless"},
    {"huge", "enormous"},
    {"idea", "notion"},
    {"ideas", "notions"},
    {"illness", "disease"},
    {"important", "significant"},
    {"improve", "enhance"},
    {"improved", "enhanced"},
    {"improves", "enhances"},
    {"improving", "enhancing"},
    {"increase", "raise"},
    {"issue", "problem"},
    {"issues", "problems"},
    {"job", "task"},
    {"jobs", "tasks"},
    {"just", "only"},
    {"keep", "retain"},
    {"key", "central"},
    {"kind", "sort"},
    {"kinds", "sorts"},
    {"lack", "absence"},
    {"last", "final"},
    {"likely", "probable"},
    {"little", "small"},
    {"main", "chief"},
    {"many", "numerous"},
    {"maybe", "perhaps"},
    {"method", "approach"},
    {"methods", "approaches"},
    {"mostly", "mainly"},
    {"need", "require"},
    {"needed", "required"},
    {"needs", "requires"},
    {"new", "novel"},
    {"obvious", "clear"},
    {"people", "persons"},
    {"pick", "choose"},
    {"power", "strength"},
    {"pretty", "rather"},
    {"quickly", "rapidly"},
    {"quite", "rather"},
    {"reason", "cause"},
    {"reasons", "causes"},
    {"result", "outcome"},
    {"results", "outcomes"},
    {"rich", "wealthy"},
    {"right", "correct"},
    {"say", "state"},
    {"says", "states"},
    {"show", "demonstrate"},
    {"showed", "demonstrated"},
    {"shown", "demonstrated"},
    {"shows", "demonstrates"},
    {"silent", "quiet"},
    {"simple", "easy"},
    {"simply", "merely"},
    {"since", "because"},
    {"speak", "talk"},
    {"speed", "pace"},
    {"stop", "halt"},
    {"story", "tale"},
    {"strange", "odd"},
    {"street", "road"},
    {"study", "investigation"},
    {"suggest", "propose"},
    {"suggested", "proposed"},
    {"suggests", "proposes"},
    {"suddenly", "abruptly"},
    {"therefore", "thus"},
    {"total", "overall"},
    {"town", "city"},
    {"use", "employ"},
    {"used", "employed"},
    {"uses", "employs"},
    {"using", "employing"},
    {"usually", "generally"},
    {"various", "several"},
    {"very", "extremely"},
    {"way", "manner"},
    {"ways", "manners"},
    {"while", "whereas"},
    {"wrong", "incorrect"},
    {"yet", "still"},
};

static int compare_pair(const void *word, const void *pair)
{
    return strcmp(word, ((const char *const *)pair)[0]);
}

static const char *synonym_of(const char *word)
{
    const char *const *pair =
        bsearch(word, pairs, sizeof pairs / sizeof *pairs, sizeof *pairs, compare_pair);
    return pair ? pair[1] : NULL;
}

static bool find_known_word(struct attack_place *place, const struct attack_source *source,
                            size_t from)
{
    char word[WORD_SIZE];
    while (attack_next_word(place, source, from)) {
        from = place->end;
        if (lower_word(word, source, place) && synonym_of(word))
            return true;
    }
    return false;
}

static bool put_synonym(struct buffer *out, const struct attack_source *source,
                        const struct attack_place *place, const uint32_t draw[4])
{
    (void)draw;
    char word[WORD_SIZE] = "";
    lower_word(word, source, place);
    const char *synonym = synonym_of(word);
    bool first = is_upper(source->text[place->begin]);
    bool all = first && is_upper(source->text[place->end - 1]);
    for (size_t i = 0; synonym[i]; i++) {
        char c = all || (first && !i) ? (char)(synonym[i] - 'a' + 'A') : synonym[i];
        if (!buffer_append_byte(out, c))
            return false;
    }
    return true;
}

const struct attack_kind attack_synonym = {
    "synonym", "a word of a small English list becomes one of like meaning", find_known_word,
    put_synonym};
