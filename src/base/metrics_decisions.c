#include "base/metrics_decisions.h"

#include "base/memory.h"

#include <math.h>

static double ratio(double part, double whole)
{
    return whole > 0.0 ? part / whole : 0.0;
}

static void add_share(struct class_row *mean, const struct class_row *row, double share)
{
    mean->precision += row->precision * share;
    mean->recall += row->recall * share;
    mean->f1 += row->f1 * share;
}

/* What is known of the classes so far; `out` holds sums that `finish` divides. */
struct sums {
    struct decision_figures *out;
    double all, correct, recalls, there, either, of_said, of_of, said_said;
};

/* A class by its rows: of it and said to be, of it, said to be. */
static struct class_row add_class(struct sums *s, double right, double of, double said)
{
    struct class_row row = {ratio(right, said), ratio(right, of), ratio(2.0 * right, of + said),
                            of};
    if (of + said > 0.0) {
        s->either++;
        add_share(&s->out->macro, &row, 1.0);
    }
    add_share(&s->out->weighted, &row, of);
    s->recalls += row.recall;
    s->there += of > 0.0;
    s->all += of;
    s->correct += right;
    s->of_said += of * said;
    s->of_of += of * of;
    s->said_said += said * said;
    return row;
}

static void finish(struct sums *s)
{
    struct decision_figures *out = s->out;
    if (!(s->all > 0.0)) {
        const struct class_row unknown = {NAN, NAN, NAN, 0.0};
        *out = (struct decision_figures){NAN, NAN, NAN, unknown, unknown};
        return;
    }
    double all = s->all;
    out->accuracy = s->correct / all;
    out->balanced_accuracy = s->recalls / s->there;
    out->mcc = ratio(s->correct * all - s->of_said,
                     sqrt(all * all - s->said_said) * sqrt(all * all - s->of_of));
    struct class_row *means[] = {&out->macro, &out->weighted};
    for (int i = 0; i < 2; i++) {
        double by = i ? all : s->either;
        means[i]->precision /= by;
        means[i]->recall /= by;
        means[i]->f1 /= by;
        means[i]->support = all;
    }
}

void metric_decisions(struct decision_figures *out, struct class_row *rows_out,
                      const double *confusion, int32_t classes)
{
    *out = (struct decision_figures){0};
    struct sums sums = {.out = out};
    for (int32_t c = 0; c < classes; c++) {
        double of = 0.0, said = 0.0;
        for (int32_t d = 0; d < classes; d++) {
            of += confusion[(int64_t)c * classes + d];
            said += confusion[(int64_t)d * classes + c];
        }
        struct class_row row = add_class(&sums, confusion[(int64_t)c * classes + c], of, said);
        if (rows_out)
            rows_out[c] = row;
    }
    finish(&sums);
}

bool metric_decisions_of_rows(struct decision_figures *out, const int32_t *predicted,
                              const int32_t *labels, int64_t rows, int32_t classes)
{
    *out = (struct decision_figures){0};
    struct sums sums = {.out = out};
    struct class_counts {
        double right, of, said;
    } *counts = memory_allocate_zeroed((size_t)classes, sizeof *counts);
    if (!counts)
        return false;
    for (int64_t i = 0; i < rows; i++) {
        counts[labels[i]].of++;
        counts[predicted[i]].said++;
        counts[labels[i]].right += predicted[i] == labels[i];
    }
    for (int32_t c = 0; c < classes; c++)
        add_class(&sums, counts[c].right, counts[c].of, counts[c].said);
    finish(&sums);
    memory_free(counts);
    return true;
}
