/* HTML and Markdown of a text, each step by itself; prepare/clean_text.h has what they share. */
#ifndef ASSAY_PREPARE_CLEAN_HTML_H
#define ASSAY_PREPARE_CLEAN_HTML_H

#include "prepare/clean_text.h"

int64_t clean_tags(struct clean_text *text);
int64_t clean_markdown(struct clean_text *text);

#endif
