/* Passes over the run of trained weights: squares of the gradients, and AdamW. */
#include "base/threads.h"
#include "cpu/kernel_set.h"
#include "cpu/lanes.h"

/* Lanes never straddle two blocks. */
_Static_assert(RUN_BLOCK % LANES == 0, "a block holds whole groups of lanes");

static int64_t blocks_of(const struct run_segments *segments)
{
    return (segments->run + RUN_BLOCK - 1) / RUN_BLOCK;
}

/* The part of one segment that lies in one block. */
struct stretch {
    int64_t first, count;
    bool decayed;
};

/* Index of the first segment that ends beyond `at`. */
static int64_t segment_from(const struct run_segments *segments, int64_t at)
{
    int64_t low = 0, high = segments->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (segments->items[middle].first + segments->items[middle].count > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* The stretch of segment `index` in this block; false when the block ends before it. */
static bool stretch_of(struct stretch *out, const struct run_segments *segments, int64_t index,
                       int64_t block)
{
    int64_t begin = block * RUN_BLOCK, end = begin + RUN_BLOCK;
    if (index >= segments->count || segments->items[index].first >= end)
        return false;
    const struct run_segment *segment = &segments->items[index];
    int64_t last = segment->first + segment->count;
    out->first = segment->first > begin ? segment->first : begin;
    out->count = (last < end ? last : end) - out->first;
    out->decayed = segment->decayed;
    return true;
}

struct squares_job {
    double *blocks;
    const float *x;
    const struct run_segments *segments;
};

/* The product of two floats is exact in a double, so it does not matter whether a compiler fuses
 * it with the addition: sixteen chains and their tree have one result. */
static void squares_task(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct squares_job *job = context;
    double sum[LANES] = {0.0};
    struct stretch s;
    for (int64_t i = segment_from(job->segments, block * RUN_BLOCK);
         stretch_of(&s, job->segments, i, block); i++) {
        const float *x = job->x + s.first;
        int64_t j = 0;
        for (; j + LANES <= s.count; j += LANES) {
            for (int lane = 0; lane < LANES; lane++)
                sum[lane] += (double)x[j + lane] * (double)x[j + lane];
        }
        for (int lane = 0; j + lane < s.count; lane++)
            sum[lane] += (double)x[j + lane] * (double)x[j + lane];
    }
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int lane = 0; lane < half; lane++)
            sum[lane] += sum[lane + half];
    }
    job->blocks[block] = sum[0];
}

static void sum_squares(const struct kernel_context *context, double *blocks, const float *x,
                        const struct run_segments *segments)
{
    struct squares_job job = {blocks, x, segments};
    thread_pool_run(context->threads, blocks_of(segments), squares_task, &job);
}

static lanes root(lanes x)
{
    float v[LANES];
    lanes_store(v, x);
    for (int i = 0; i < LANES; i++)
        v[i] = sqrtf(v[i]);
    return lanes_load(v);
}

/* x moved towards the target by `rate`. Like torch.lerp it starts from the nearer end: exact at
 * rate 1, and the rounding of keep = 1 - rate never accumulates where rate is small. */
static inline lanes move(lanes x, lanes target, float rate, float keep)
{
    lanes way = lanes_subtract(target, x);
    if (rate < 0.5f)
        return lanes_fma(lanes_all(rate), way, x);
    return lanes_fma(lanes_all(-keep), way, target);
}

static inline void adamw_lanes(const struct adamw *job, int64_t at, int64_t n, lanes decay)
{
    lanes g = lanes_multiply(lanes_load_some(job->gradient + at, n), lanes_all(job->factor));
    lanes m = move(lanes_load_some(job->m + at, n), g, job->m_rate, job->m_keep);
    lanes v = move(lanes_load_some(job->v + at, n), lanes_multiply(g, g), job->v_rate, job->v_keep);
    lanes_store_some(job->m + at, m, n);
    lanes_store_some(job->v + at, v, n);
    lanes denominator = lanes_fma(root(v), lanes_all(job->root_factor), lanes_all(job->epsilon));
    lanes change = lanes_multiply(lanes_all(job->step), lanes_divide(m, denominator));
    lanes p = lanes_load_some(job->p + at, n);
    /* One rounding of the weight a step: 1 - lr * weight_decay as a float32 would lose digits. */
    p = lanes_subtract(p, lanes_fma(decay, p, change));
    lanes_store_some(job->p + at, p, n);
    if (job->average) {
        lanes average = lanes_load_some(job->average + at, n);
        average = move(average, p, job->average_rate, job->average_keep);
        lanes_store_some(job->average + at, average, n);
    }
}

static void adamw_task(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct adamw job = *(const struct adamw *)context;
    struct stretch s;
    for (int64_t i = segment_from(&job.segments, block * RUN_BLOCK);
         stretch_of(&s, &job.segments, i, block); i++) {
        lanes decay = lanes_all(s.decayed ? job.decay : 0.0f);
        int64_t j = 0;
        for (; j + LANES <= s.count; j += LANES)
            adamw_lanes(&job, s.first + j, LANES, decay);
        if (j < s.count)
            adamw_lanes(&job, s.first + j, s.count - j, decay);
    }
}

static void adamw(const struct kernel_context *context, const struct adamw *job)
{
    thread_pool_run(context->threads, blocks_of(&job->segments), adamw_task,
                    (void *)(uintptr_t)job);
}

void KERNEL_NAME(fill_optimizer)(struct kernels *kernels)
{
    kernels->sum_squares = sum_squares;
    kernels->adamw = adamw;
}
