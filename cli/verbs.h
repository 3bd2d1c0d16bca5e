/* The verbs of the binary, each in a file of its name. A name may be two words, "data clean": the
 * file is then data_clean.c, the record verb_data_clean, and `assay data` lists what it begins. */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include "call.h"

extern const struct verb verb_pull;
extern const struct verb verb_show;
extern const struct verb verb_tokenize;
extern const struct verb verb_embed;
extern const struct verb verb_data_show;
extern const struct verb verb_detect;
extern const struct verb verb_calibrate;
extern const struct verb verb_attack;
extern const struct verb verb_train;
extern const struct verb verb_eval;
extern const struct verb verb_parity;
extern const struct verb verb_doctor;
extern const struct verb verb_bench;
extern const struct verb verb_data_clean;
extern const struct verb verb_data_dedup;
extern const struct verb verb_data_split;
extern const struct verb verb_data_balance;
extern const struct verb verb_completion;

/* Verbs of the road that this version does not have. */
extern const struct verb verbs_to_come[];

/* Those that are there, then those to come; NULL behind the last. */
const struct verb *verb_at(int index);

#endif
