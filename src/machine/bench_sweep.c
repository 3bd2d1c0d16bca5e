/* Curves over sizes. */
#include "base/error.h"
#include "machine/bench_subject.h"

#include <string.h>

enum {
    SWEEP_TOKENS = 2048, /* a batch, along lengths and widths: one chunk of training */
    SWEEP_LENGTH = 128,  /* along batches and widths */
    HEAD_WIDTH = 32
};
#define CLIFF 1.5

/* Round ones, and those on both sides of what kernels like. */
static const int64_t lengths[] = {16,  32,  64,  100, 127, 128, 129, 192,  255, 256,
                                  257, 384, 511, 512, 513, 640, 767, 1000, 1024};
static const int64_t batches[] = {1, 2, 3, 4, 7, 8, 15, 16, 17, 32, 33, 64};
static const int64_t widths[] = {64, 100, 128, 192, 256, 383, 384, 385, 512, 768};

static const struct {
    const char *name;
    const int64_t *sizes;
    int count;
} axes[] = {
    [ASSAY_SWEEP_LENGTH] = {"length", lengths, sizeof lengths / sizeof *lengths},
    [ASSAY_SWEEP_BATCH] = {"batch", batches, sizeof batches / sizeof *batches},
    [ASSAY_SWEEP_WIDTH] = {"width", widths, sizeof widths / sizeof *widths},
};

enum { AXES = sizeof axes / sizeof *axes };

bool assay_sweep_axis_from_name(assay_sweep_axis *axis, const char *name)
{
    if (!axis || !name)
        return false;
    for (int i = 0; i < AXES; i++) {
        if (!strcmp(axes[i].name, name)) {
            *axis = (assay_sweep_axis)i;
            return true;
        }
    }
    return false;
}

const char *assay_sweep_axis_name(assay_sweep_axis axis)
{
    if ((int)axis < 0 || (int)axis >= AXES)
        return NULL;
    return axes[axis].name;
}

int assay_sweep_sizes(assay_sweep_axis axis, const int64_t **sizes)
{
    if (!sizes)
        return 0;
    *sizes = NULL;
    if ((int)axis < 0 || (int)axis >= AXES)
        return 0;
    *sizes = axes[axis].sizes;
    return axes[axis].count;
}

bool assay_sweep_knows(const char *work)
{
    return bench_subject_find(work) != NULL;
}

/* Heads whose width divides the model's and is as near to 32 as any; 383 has but itself. */
static int64_t heads_for(int64_t width)
{
    int64_t best = width;
    for (int64_t head = 1; head <= width; head++) {
        int64_t off = head > HEAD_WIDTH ? head - HEAD_WIDTH : HEAD_WIDTH - head;
        int64_t best_off = best > HEAD_WIDTH ? best - HEAD_WIDTH : HEAD_WIDTH - best;
        /* Heads of a number or two are no attention. */
        if (width % head == 0 && head >= 8 && off < best_off)
            best = head;
    }
    return width / best;
}

static void set_size(struct bench_subject *subject, assay_sweep_axis axis, int64_t size)
{
    subject->full = true;
    subject->max_tokens = SWEEP_LENGTH;
    subject->rows = SWEEP_TOKENS / SWEEP_LENGTH;
    switch (axis) {
    case ASSAY_SWEEP_LENGTH:
        subject->max_tokens = (int32_t)size;
        subject->rows = size < SWEEP_TOKENS ? SWEEP_TOKENS / size : 1;
        break;
    case ASSAY_SWEEP_BATCH:
        subject->rows = size;
        break;
    case ASSAY_SWEEP_WIDTH:
        subject->shape.width = size;
        subject->shape.inner = 4 * size;
        subject->shape.heads = heads_for(size);
        break;
    }
    subject->shape.positions = 1024;
}

assay_status assay_bench_sweep_point(assay_sweep_point *point, const char *work,
                                     assay_sweep_axis axis, int64_t size,
                                     const assay_bench_options *options, assay_error *error)
{
    if (!point || !work)
        return error_needs(error, __func__, "point and the name of a work");
    const struct bench_subject *known = bench_subject_find(work);
    if (!known)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "the sizes of \"%.64s\" cannot be changed",
                         work);
    if ((int)axis < 0 || (int)axis >= AXES || size < 1 || size > 1024)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "a size is out of range");
    assay_bench_options all;
    if (bench_options_read(&all, options, error))
        return ASSAY_ERROR_ARGUMENT;
    struct bench_subject subject = *known;
    set_size(&subject, axis, size);
    all.data = NULL;
    all.max_tokens = 0;
    all.batch_tokens = subject.rows * subject.max_tokens;
    const struct bench_request request = {.subject = &subject, .options = &all};
    assay_bench_result result = {0};
    assay_status status = bench_subject_run_apart(&result, &request, error);
    *point = (assay_sweep_point){.size = size};
    if (status == ASSAY_OK) {
        point->tokens_per_s = result.most;
        point->microseconds = 1e6 / result.most;
        point->floor = result.floor;
        point->operations = result.operations;
        point->bytes = result.bytes;
        point->product_peak = result.product_peak;
        point->stream_peak = result.stream_peak;
        point->peak_bytes = result.peak_bytes;
    }
    return status;
}

/* How many times longer than its floor a token takes. */
static double times_floor(const assay_sweep_point *point)
{
    return point->tokens_per_s > 0.0 ? point->floor / point->tokens_per_s : 0.0;
}

/* A peak that something else on the machine pressed down would make a cliff of its own. */
static void set_floors(assay_sweep_point *points, int count)
{
    double product = 0.0, stream = 0.0;
    for (int i = 0; i < count; i++) {
        product = product < points[i].product_peak ? points[i].product_peak : product;
        stream = stream < points[i].stream_peak ? points[i].stream_peak : stream;
    }
    for (int i = 0; i < count; i++) {
        double token = product > 0.0 ? points[i].operations / product : 0.0;
        if (points[i].bytes > 0.0 && stream > 0.0)
            token += points[i].bytes / stream;
        points[i].floor = token > 0.0 ? 1.0 / token : 0.0;
    }
}

void assay_sweep_finish(assay_sweep_point *points, int count)
{
    if (!points)
        return;
    set_floors(points, count);
    for (int i = 0; i < count; i++) {
        double own = times_floor(&points[i]);
        bool before = i > 0 && own > CLIFF * times_floor(&points[i - 1]);
        bool after = i + 1 < count && own > CLIFF * times_floor(&points[i + 1]);
        points[i].cliff = before || after;
    }
}
