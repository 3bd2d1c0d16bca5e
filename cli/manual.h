/* Manual pages, in roff for man(1), from the verbs' records: assay(1), and assay-VERB(1) a verb.
 * tools/make_manual.sh writes them when assay is built. */
#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

#include "call.h"

void manual_print(const struct verb *verb);
void manual_print_road(void);

#endif
