/* What --help prints, and the same as a page of docs/verbs: both from the verb's record. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "call.h"

void help_print(const struct verb *verb);
void help_print_markdown(const struct verb *verb);

#endif
