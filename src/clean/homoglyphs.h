/* Letters that look like those of another script. Constant; the tables are generated.
 */
#ifndef ASSAY_CLEAN_HOMOGLYPHS_H
#define ASSAY_CLEAN_HOMOGLYPHS_H

#include <stdint.h>

enum script {
    SCRIPT_OTHER,
    SCRIPT_LATIN,
    SCRIPT_GREEK,
    SCRIPT_CYRILLIC,
    SCRIPT_ARMENIAN,
    SCRIPT_CHEROKEE,
    SCRIPT_LISU,
    SCRIPT_COUNT
};

struct homoglyph_pair {
    uint32_t letter, latin; /* sorted by letter */
};

struct script_range {
    uint32_t first, last; /* sorted */
    enum script script;
};

extern const struct homoglyph_pair homoglyph_pairs[];
extern const int32_t homoglyph_pair_count;
extern const struct script_range script_ranges[];
extern const int32_t script_range_count;

#endif
