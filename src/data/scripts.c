#include "data/scripts.h"

#include <stddef.h>

struct range {
    uint32_t first, last;
    enum script script;
};

/* In order; after the blocks of Unicode. */
static const struct range ranges[] = {
    {0x41, 0x24f, SCRIPT_LATIN},       {0x250, 0x2af, SCRIPT_LATIN},
    {0x370, 0x3ff, SCRIPT_GREEK},      {0x400, 0x52f, SCRIPT_CYRILLIC},
    {0x530, 0x58f, SCRIPT_ARMENIAN},   {0x590, 0x5ff, SCRIPT_HEBREW},
    {0x600, 0x6ff, SCRIPT_ARABIC},     {0x750, 0x77f, SCRIPT_ARABIC},
    {0x870, 0x8ff, SCRIPT_ARABIC},     {0x900, 0x97f, SCRIPT_DEVANAGARI},
    {0x980, 0x9ff, SCRIPT_BENGALI},    {0xa00, 0xa7f, SCRIPT_GURMUKHI},
    {0xa80, 0xaff, SCRIPT_GUJARATI},   {0xb80, 0xbff, SCRIPT_TAMIL},
    {0xc00, 0xc7f, SCRIPT_TELUGU},     {0xc80, 0xcff, SCRIPT_KANNADA},
    {0xd00, 0xd7f, SCRIPT_MALAYALAM},  {0xd80, 0xdff, SCRIPT_SINHALA},
    {0xe00, 0xe7f, SCRIPT_THAI},       {0xe80, 0xeff, SCRIPT_LAO},
    {0xf00, 0xfff, SCRIPT_TIBETAN},    {0x1000, 0x109f, SCRIPT_MYANMAR},
    {0x10a0, 0x10ff, SCRIPT_GEORGIAN}, {0x1100, 0x11ff, SCRIPT_HANGUL},
    {0x1200, 0x139f, SCRIPT_ETHIOPIC}, {0x1780, 0x17ff, SCRIPT_KHMER},
    {0x1c80, 0x1c8f, SCRIPT_CYRILLIC}, {0x1c90, 0x1cbf, SCRIPT_GEORGIAN},
    {0x1e00, 0x1eff, SCRIPT_LATIN},    {0x1f00, 0x1fff, SCRIPT_GREEK},
    {0x2c60, 0x2c7f, SCRIPT_LATIN},    {0x2d00, 0x2d2f, SCRIPT_GEORGIAN},
    {0x2d80, 0x2ddf, SCRIPT_ETHIOPIC}, {0x2de0, 0x2dff, SCRIPT_CYRILLIC},
    {0x2e80, 0x2fdf, SCRIPT_HAN},      {0x3005, 0x3007, SCRIPT_HAN},
    {0x3040, 0x30ff, SCRIPT_KANA},     {0x3130, 0x318f, SCRIPT_HANGUL},
    {0x31f0, 0x31ff, SCRIPT_KANA},     {0x3400, 0x4dbf, SCRIPT_HAN},
    {0x4e00, 0x9fff, SCRIPT_HAN},      {0xa640, 0xa69f, SCRIPT_CYRILLIC},
    {0xa720, 0xa7ff, SCRIPT_LATIN},    {0xa960, 0xa97f, SCRIPT_HANGUL},
    {0xac00, 0xd7ff, SCRIPT_HANGUL},   {0xf900, 0xfaff, SCRIPT_HAN},
    {0xfb00, 0xfb06, SCRIPT_LATIN},    {0xfb1d, 0xfb4f, SCRIPT_HEBREW},
    {0xfb50, 0xfdff, SCRIPT_ARABIC},   {0xfe70, 0xfeff, SCRIPT_ARABIC},
    {0xff21, 0xff5a, SCRIPT_LATIN},    {0xff66, 0xff9f, SCRIPT_KANA},
    {0x1b000, 0x1b16f, SCRIPT_KANA},   {0x20000, 0x3ffff, SCRIPT_HAN},
};

const char *script_name(enum script script)
{
    static const char *const names[] = {
#define X(identifier, name) name,
        SCRIPT_LIST(X)
#undef X
    };
    return names[script];
}

enum script script_of(uint32_t letter)
{
    size_t low = 0, high = sizeof ranges / sizeof *ranges;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (letter > ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sizeof ranges / sizeof *ranges && letter >= ranges[low].first ? ranges[low].script
                                                                               : SCRIPT_OTHER;
}

bool script_has_case(enum script script)
{
    return script == SCRIPT_LATIN || script == SCRIPT_GREEK || script == SCRIPT_CYRILLIC ||
           script == SCRIPT_ARMENIAN;
}
