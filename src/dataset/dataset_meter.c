#include "dataset/dataset_meter.h"

#include <time.h>

enum { PAUSE = 100 * 1000 * 1000 };

void dataset_meter_tell(struct dataset_meter *meter, uint64_t done)
{
    struct timespec time;
    if (!meter->progress)
        return;
    clock_gettime(CLOCK_MONOTONIC, &time);
    int64_t now = (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
    if (meter->told && now - meter->told < PAUSE)
        return;
    meter->told = now;
    meter->progress(meter->context, meter->rows, done, meter->total, NULL);
}

void dataset_meter_note(struct dataset_meter *meter, const char *note)
{
    if (meter->progress)
        meter->progress(meter->context, meter->rows, 0, meter->total, note);
}
