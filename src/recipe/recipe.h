/* The training recipe: what a YAML file and `key=value` words ask for, checked and complete.
 *
 * A recipe read without error has a value for every key; what nobody named has the default of the
 * one table in recipe_fields.c, which also writes the recipe. recipe_write's text reads back to the
 * same recipe. A recipe owns its strings; it is not changed after reading and may be read by many
 * threads. The file is untrusted: size, depth, values and lengths have limits; anchors, tags, keys
 * given twice and unknown keys are refused with row, column and what would be right.
 * Paths stay as they were written. Words are those of docs/; YAML is read by libyaml.
 */
#ifndef ASSAY_RECIPE_RECIPE_H
#define ASSAY_RECIPE_RECIPE_H

#include "assay/model.h"
#include "assay/status.h"
#include "base/buffer.h"

#include <stdbool.h>

enum {
    RECIPE_MAX_BYTES = 256 << 10,
    RECIPE_MAX_TEXT = 4096,     /* bytes of one text */
    RECIPE_MAX_OVERRIDES = 1024 /* words of the command line */
};

/* The order is that of the words in recipe_fields.c. */
enum recipe_task {
    RECIPE_CLASSIFY,
    RECIPE_REGRESS,
    RECIPE_LM,
    RECIPE_MLM,
    RECIPE_SEQ2SEQ, /* this and the next parse, and are refused as not there yet */
    RECIPE_EMBED
};
enum recipe_method {
    RECIPE_FULL,
    RECIPE_HEAD,
    RECIPE_LORA, /* from here on: parsed and refused */
    RECIPE_ADAPTER,
    RECIPE_PROMPT,
    RECIPE_PREFIX,
    RECIPE_IA3
};
enum recipe_balance {
    RECIPE_BALANCE_NONE,
    RECIPE_BALANCE_WEIGHTS,
    RECIPE_BALANCE_UNDER,
    RECIPE_BALANCE_OVER
};
enum recipe_optimizer { RECIPE_ADAMW };
enum recipe_schedule { RECIPE_LINEAR, RECIPE_COSINE, RECIPE_CONSTANT };
enum recipe_shuffle { RECIPE_SHUFFLE_BUCKETS, RECIPE_SHUFFLE_FULL, RECIPE_SHUFFLE_NONE };
enum recipe_recompute { RECIPE_RECOMPUTE_NONE, RECIPE_RECOMPUTE_LAYERS };
enum recipe_metric {
    RECIPE_LOSS,
    RECIPE_ACCURACY,
    RECIPE_BALANCED_ACCURACY,
    RECIPE_MACRO_F1,
    RECIPE_MCC,
    RECIPE_AUROC,
    RECIPE_AUPRC,
    RECIPE_BRIER,
    RECIPE_ECE,
    RECIPE_PERPLEXITY,
    RECIPE_RMSE,
    RECIPE_MAE,
    RECIPE_PEARSON,
    RECIPE_SPEARMAN,
    RECIPE_METRIC_COUNT
};

struct recipe_texts {
    char **items;
    size_t count;
};

struct recipe_entry {
    char *key;
    char *text; /* NULL in a map of numbers */
    double number;
};

struct recipe_map {
    struct recipe_entry *entries; /* in the order written */
    size_t count;
};

/* A text that may be unset is NULL then. */
struct recipe {
    char *base;
    enum recipe_task task;
    struct {
        char *train;
        char *valid;       /* NULL: none */
        char *calibration; /* NULL: from valid */
        char *test;
        char *group;              /* field that keeps rows together */
        struct recipe_map fields; /* usual name -> name in the data */
        enum recipe_balance balance;
    } data;
    struct recipe_texts labels; /* none: those of the data, sorted */
    char *positive;
    struct recipe_map class_weights; /* label -> weight; none: 1 each */
    struct recipe_texts freeze;      /* for recipe_place_matches */
    enum recipe_method method;
    double epochs; /* either this or steps is 0 */
    int64_t steps;
    struct {
        int64_t tokens; /* either this or items is 0 */
        int64_t items;
        int64_t accumulate;
    } batch;
    struct {
        enum recipe_optimizer name;
        double lr;
        double weight_decay;
        double betas[2];
        double eps;
        double clip; /* 0: off */
    } optimizer;
    struct {
        enum recipe_schedule name;
        double warmup; /* below 1 a share of all steps, else steps */
    } schedule;
    int64_t max_tokens;
    enum recipe_shuffle shuffle;
    double label_smoothing;
    double dropout;         /* below 0: as the model has it */
    double ema;             /* decay; 0: off */
    double mlm_probability; /* of a token to be asked for, task mlm */
    struct {
        enum recipe_metric metric; /* also tells which weights are `best` */
        int64_t patience;          /* evaluations; 0: off */
    } early_stop;
    int64_t eval_every; /* steps; 0: at the end of each epoch */
    struct {
        int64_t every; /* steps; 0: at the end of each epoch */
        int64_t keep;
    } checkpoint;
    struct {
        bool jsonl;
        bool tensorboard;
    } log;
    int64_t seed;
    assay_precision precision;
    enum recipe_recompute recompute;
    char *out; /* NULL when not said: whoever writes refuses then */
};

/* Reads the file (NULL: none), then the words "key=value" in turn, which beat the file. Keys have
 * dots ("optimizer.lr"), values are YAML; where a text is due, the word's rest counts as it stands
 * unless it begins with a quote. `data=` is short for `data.train=`, `valid=` for `data.valid=`,
 * `optimizer=` and `schedule=` for their names. On failure the recipe is empty. A fault in a word
 * is ASSAY_ERROR_ARGUMENT; what is known but not there yet is ASSAY_ERROR_UNSUPPORTED. */
assay_status recipe_read(struct recipe *recipe, const char *path, const char *const *overrides,
                         size_t override_count, assay_error *error);
/* The same from memory; `file` (may be NULL) names the source in errors. */
assay_status recipe_read_text(struct recipe *recipe, const char *text, size_t length,
                              const char *file, const char *const *overrides, size_t override_count,
                              assay_error *error);
void recipe_free(struct recipe *recipe); /* leaves it empty; NULL allowed */

/* Appends the complete recipe as YAML. */
assay_status recipe_write(struct buffer *out, const struct recipe *recipe, assay_error *error);
/* The same for two recipes that differ in nothing but `out`. */
assay_status recipe_fingerprint(uint64_t *fingerprint, const struct recipe *recipe,
                                assay_error *error);

const char *recipe_task_name(enum recipe_task task);
const char *recipe_metric_name(enum recipe_metric metric);
/* Does the task have that figure? */
bool recipe_metric_fits(enum recipe_metric metric, enum recipe_task task);
bool recipe_metric_higher_is_better(enum recipe_metric metric);

/* Whether a pattern of `freeze` covers a place: the pattern matches it whole or one of the modules
 * around it, from its first name or from its second (past "bert."). `*` stands for anything, `?`
 * for one byte, a name "0-3" for the numbers 0 to 3. */
bool recipe_place_matches(const char *pattern, const char *place);
/* False for an empty one, for an empty name in it, and for a range that runs backwards. */
bool recipe_pattern_valid(const char *pattern);

#endif
