#include "data/row_sample.h"

#include "base/memory.h"
#include "base/random.h"

enum { FIRST_ROWS = 256 };

bool row_sample_offer(struct row_sample *sample, struct sampled_row **place)
{
    *place = NULL;
    int64_t number = sample->offered++;
    if (sample->count < sample->most) {
        if (sample->count == sample->capacity) {
            int64_t capacity = sample->capacity ? 2 * sample->capacity : FIRST_ROWS;
            if (capacity > sample->most)
                capacity = sample->most;
            struct sampled_row *rows = memory_resize(sample->rows, (size_t)capacity, sizeof *rows);
            if (!rows)
                return false;
            sample->rows = rows;
            sample->capacity = capacity;
        }
        *place = &sample->rows[sample->count++];
        return true;
    }
    uint64_t drawn = random_mix(sample->seed, (uint64_t)number) % (uint64_t)(number + 1);
    if (drawn < (uint64_t)sample->most)
        *place = &sample->rows[drawn];
    return true;
}

void row_sample_free(struct row_sample *sample)
{
    memory_free(sample->rows);
    sample->rows = NULL;
    sample->count = sample->capacity = 0;
}
