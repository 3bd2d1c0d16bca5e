/* HTML and Markdown of a text, each step by itself; clean/clean_text.h has what they share. */
#ifndef ASSAY_CLEAN_CLEAN_HTML_H
#define ASSAY_CLEAN_CLEAN_HTML_H

#include "clean/clean_text.h"

int64_t clean_tags(struct clean_text *text);
int64_t clean_markdown(struct clean_text *text);

#endif
