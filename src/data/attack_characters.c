/* Characters and words as attacks see them. */
#include "base/utf8.h"
#include "data/attack_kinds.h"

#include <string.h>

static uint32_t decode(const unsigned char *bytes, size_t length)
{
    switch (length) {
    case 1:
        return bytes[0];
    case 2:
        return (uint32_t)(bytes[0] & 0x1f) << 6 | (bytes[1] & 0x3f);
    case 3:
        return (uint32_t)(bytes[0] & 0x0f) << 12 | (uint32_t)(bytes[1] & 0x3f) << 6 |
               (bytes[2] & 0x3f);
    default:
        return (uint32_t)(bytes[0] & 0x07) << 18 | (uint32_t)(bytes[1] & 0x3f) << 12 |
               (uint32_t)(bytes[2] & 0x3f) << 6 | (bytes[3] & 0x3f);
    }
}

struct attack_character attack_at(const struct attack_source *source, size_t at)
{
    if (at >= source->length)
        return (struct attack_character){ATTACK_BROKEN, 0};
    const unsigned char *bytes = (const unsigned char *)source->text + at;
    size_t length = utf8_sequence(bytes, source->length - at);
    if (!length)
        return (struct attack_character){ATTACK_BROKEN, 1};
    return (struct attack_character){decode(bytes, length), length};
}

struct attack_character attack_before(const struct attack_source *source, size_t at)
{
    for (size_t back = 1; back <= 4 && back <= at; back++) {
        struct attack_character character = attack_at(source, at - back);
        if (character.value != ATTACK_BROKEN && character.length == back)
            return character;
    }
    return (struct attack_character){ATTACK_BROKEN, at > 0};
}

bool attack_is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

bool attack_is_blank(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x202f || c == 0x3000;
}

/* Blocks of letters with the marks that stand among them; symbols and punctuation lie between. */
bool attack_is_letter(uint32_t c)
{
    static const uint32_t ranges[][2] = {
        {'A', 'Z'},         {'a', 'z'},         {0xaa, 0xaa},     {0xb5, 0xb5},
        {0xba, 0xba},       {0xc0, 0xd6},       {0xd8, 0xf6},     {0xf8, 0x373},
        {0x376, 0x37d},     {0x386, 0x386},     {0x388, 0x481},   {0x483, 0x559},
        {0x560, 0x588},     {0x591, 0x5bd},     {0x5d0, 0x5f2},   {0x610, 0x61a},
        {0x620, 0x65f},     {0x66e, 0x6d3},     {0x6d5, 0x6dc},   {0x6e5, 0x6ef},
        {0x6fa, 0x6fc},     {0x710, 0x7bf},     {0x900, 0x963},   {0x971, 0x9e5},
        {0xa00, 0xa65},     {0xa70, 0xae5},     {0xb00, 0xb65},   {0xb82, 0xbe5},
        {0xc00, 0xc65},     {0xc80, 0xce5},     {0xd00, 0xd65},   {0xd80, 0xdf3},
        {0xe01, 0xe3a},     {0xe40, 0xe4e},     {0xe80, 0xece},   {0xf40, 0xf84},
        {0x1000, 0x103f},   {0x1050, 0x1089},   {0x10a0, 0x10fa}, {0x10fc, 0x135f},
        {0x1380, 0x138f},   {0x13a0, 0x13fd},   {0x1401, 0x166c}, {0x166f, 0x167f},
        {0x1780, 0x17d3},   {0x1820, 0x18aa},   {0x1d00, 0x1fbc}, {0x1fc2, 0x1fcc},
        {0x1fd0, 0x1fdb},   {0x1fe0, 0x1fec},   {0x1ff2, 0x1ffc}, {0x2c00, 0x2ce4},
        {0x2d00, 0x2dff},   {0x3041, 0x3096},   {0x309d, 0x309f}, {0x30a1, 0x30fa},
        {0x30fc, 0x30ff},   {0x3105, 0x318e},   {0x31f0, 0x31ff}, {0x3400, 0x4dbf},
        {0x4e00, 0x9fff},   {0xa000, 0xa48c},   {0xa640, 0xa66e}, {0xa680, 0xa6ef},
        {0xa722, 0xa788},   {0xa78b, 0xa7ff},   {0xac00, 0xd7a3}, {0xf900, 0xfaff},
        {0xfb00, 0xfb1c},   {0xfb1d, 0xfb28},   {0xfb2a, 0xfd3d}, {0xfd50, 0xfdfb},
        {0xfe70, 0xfefc},   {0xff21, 0xff3a},   {0xff41, 0xff5a}, {0xff66, 0xffdc},
        {0x10000, 0x100fa}, {0x20000, 0x323af},
    };
    size_t low = 0, high = sizeof ranges / sizeof *ranges;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c > ranges[middle][1])
            low = middle + 1;
        else
            high = middle;
    }
    return low < sizeof ranges / sizeof *ranges && c >= ranges[low][0];
}

static bool is_apostrophe(uint32_t c)
{
    return c == '\'' || c == 0x2019;
}

/* Whether this character goes on with a word behind a letter; an apostrophe needs one after it. */
static bool joins(const struct attack_source *source, struct attack_character character, size_t at)
{
    if (attack_is_letter(character.value) || attack_is_digit(character.value))
        return true;
    return is_apostrophe(character.value) &&
           attack_is_letter(attack_at(source, at + character.length).value);
}

/* Whether an offset is inside a word, so that what follows is no whole one. */
static bool is_inside(const struct attack_source *source, size_t at)
{
    struct attack_character before = attack_before(source, at);
    if (attack_is_letter(before.value) || attack_is_digit(before.value))
        return true;
    return is_apostrophe(before.value) &&
           attack_is_letter(attack_before(source, at - before.length).value);
}

bool attack_next_word(struct attack_place *word, const struct attack_source *source, size_t from)
{
    bool inside = from > 0 && is_inside(source, from);
    for (size_t at = from; at < source->length;) {
        struct attack_character character = attack_at(source, at);
        bool letter = attack_is_letter(character.value) || attack_is_digit(character.value);
        if (!letter) {
            inside = inside && joins(source, character, at);
            at += character.length;
            continue;
        }
        size_t begin = at;
        do {
            at += character.length;
            character = attack_at(source, at);
        } while (character.length && joins(source, character, at));
        if (!inside) {
            *word = (struct attack_place){begin, at};
            return true;
        }
        inside = false;
    }
    return false;
}
