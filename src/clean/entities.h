/* HTML's names of characters, as html.entities.html5 of Python has them: sorted by bytes, most with
 * a semicolon behind, the old ones also without. Constant.
 */
#ifndef ASSAY_CLEAN_ENTITIES_H
#define ASSAY_CLEAN_ENTITIES_H

#include <stdint.h>

enum { ENTITY_MAX_NAME = 32 };

/* The generated table. */
extern const char entity_names[];
extern const uint16_t entity_starts[];
extern const uint32_t entity_values[][2]; /* the second is 0 where there is none */
extern const int32_t entity_count;

#endif
