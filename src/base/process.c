#include "base/process.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int64_t process_memory(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long long size = 0, resident = 0;
    if (!file)
        return 0;
    int fields = fscanf(file, "%lld %lld", &size, &resident);
    fclose(file);
    return fields == 2 ? resident * (int64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* Not getrusage's figure first: a process begins with that of whoever started it. */
int64_t process_peak_memory(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long long kilobytes = 0;
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "VmHWM: %lld kB", &kilobytes) == 1)
            break;
    }
    if (file)
        fclose(file);
    if (kilobytes > 0)
        return kilobytes * 1024;
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}

/* The number in a file of one; false when there is none ("max"). */
static bool read_number(const char *path, int64_t *out)
{
    FILE *file = fopen(path, "re");
    long long value = 0;
    if (!file)
        return false;
    bool found = fscanf(file, "%lld", &value) == 1;
    fclose(file);
    *out = value;
    return found;
}

int64_t machine_available_memory(void)
{
    FILE *file = fopen("/proc/meminfo", "re");
    char line[256];
    int64_t available = 0;
    while (file && fgets(line, sizeof line, file)) {
        long long kilobytes;
        if (sscanf(line, "MemAvailable: %lld kB", &kilobytes) == 1)
            available = kilobytes * 1024;
    }
    if (file)
        fclose(file);
    /* Page cache inside the group can be given back, so only what is beyond it counts as taken;
     * without its figure the whole use does, which errs on the safe side. */
    int64_t most, used;
    if (read_number("/sys/fs/cgroup/memory.max", &most) &&
        read_number("/sys/fs/cgroup/memory.current", &used)) {
        long long cached = 0;
        file = fopen("/sys/fs/cgroup/memory.stat", "re");
        while (file && fgets(line, sizeof line, file)) {
            long long bytes;
            if (sscanf(line, "file %lld", &bytes) == 1)
                cached = bytes;
        }
        if (file)
            fclose(file);
        int64_t left = most - used + cached;
        if (left < available)
            available = left < 0 ? 0 : left;
    }
    return available;
}

double process_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}
