/* How a data summary is told: as JSON, or as a table for people. */
#ifndef CLI_DATA_SHOW_H
#define CLI_DATA_SHOW_H

#include "assay/data.h"

#include <stdbool.h>

void data_show_json(const assay_data_summary *summary);
/* all: every trait of the audit, and every label. */
void data_show_table(const assay_data_summary *summary, bool all);

/* The kind's name in tables and JSON. */
const char *data_trait_kind_name(assay_data_trait_kind kind);

#endif
