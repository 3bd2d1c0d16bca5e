/* Which classes a classifier learns: their order, the positive one, their weights, and which rows
 * of the data stand for them.
 *
 * Owns its arrays; strings are the recipe's or the dataset's, which must outlive it.
 */
#ifndef ASSAY_TRAIN_LABELS_H
#define ASSAY_TRAIN_LABELS_H

#include "data/label_renames.h"
#include "dataset/dataset.h"

struct label_set {
    int32_t count;
    const char **names; /* (count) in the model's order */
    int32_t positive;   /* -1: none of the words that mean it */
    float *weights;     /* (count), NULL: 1 each */
};

/* The recipe's labels, else those of the data, sorted. Fewer than two, or rows of a class that the
 * recipe does not list, are errors. */
assay_status label_set_make(struct label_set *out, const struct recipe *recipe,
                            const struct dataset *dataset, assay_error *error);
void label_set_free(struct label_set *labels);

/* (data->class_count) label of each class of the data, renamed where `renames` (may be NULL) says
 * so; an unknown one is an error that names it and its first row. Release with memory_free. */
assay_status label_set_map(int32_t **out, const struct label_set *labels,
                           const struct label_renames *renames, const struct dataset *dataset,
                           assay_error *error);

/* data.balance under or over: the rows of a run in which every class has as many as the rarest
 * (drawn without replacement) or the most frequent one (whole rounds, then drawn), in the order of
 * the data. NULL and `rows` as they are for other kinds. Release with memory_free. */
assay_status label_sample(int64_t **out, int64_t *rows, enum recipe_balance balance, uint64_t seed,
                          const struct dataset_view *data, assay_error *error);

#endif
