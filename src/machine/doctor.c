#include "assay/bench.h"
#include "assay/machine.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/home.h"
#include "base/memory.h"
#include "cpu/cpu.h"
#include "hub/curl.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FINDINGS_MAX = 24, SYSTEM_FILE_MAX = 4 << 20 };

struct assay_doctor {
    assay_finding findings[FINDINGS_MAX];
    int64_t count;
    struct arena strings;
    bool failed; /* memory ran out */
};

/* `value` and `advice` last as long as the doctor. */
static void add(struct assay_doctor *doctor, const char *name, assay_health health,
                const char *value, const char *advice)
{
    if (!value || doctor->count == FINDINGS_MAX) {
        doctor->failed = true;
        return;
    }
    doctor->findings[doctor->count++] = (assay_finding){name, health, value, advice};
}

/* What stands behind "key :" in a file of /proc; NULL when it has none. */
static const char *system_value(struct assay_doctor *doctor, const char *path, const char *key)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    char line[4096];
    const char *found = NULL;
    size_t length = strlen(key);
    while (!found && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, length) != 0)
            continue;
        char *value = line + length;
        value += strspn(value, " \t");
        if (*value != ':')
            continue;
        value++;
        value += strspn(value, " \t");
        value[strcspn(value, "\n")] = 0;
        found = arena_format(&doctor->strings, "%s", value);
    }
    fclose(file);
    return found;
}

static void look_at_processor(struct assay_doctor *doctor)
{
    assay_machine machine;
    assay_machine_get(&machine);
    add(doctor, "processor", ASSAY_HEALTH_OK,
        arena_format(&doctor->strings, "%s", machine.processor), "");
    int usable = machine.processors;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    add(doctor, "processors", ASSAY_HEALTH_OK,
        arena_format(&doctor->strings, "%d usable of %ld", usable, online), "");
}

static const char *set_names(struct assay_doctor *doctor, unsigned sets)
{
    const char *names = "plain";
    for (unsigned bit = CPU_AVX2; names && bit <= CPU_AMX_BF16; bit <<= 1) {
        if (sets & bit)
            names = arena_format(&doctor->strings, "%s, %s", names, cpu_set_name(bit));
    }
    return names;
}

static void look_at_kernels(struct assay_doctor *doctor)
{
    unsigned available = cpu_available(), allowed = cpu_allowed();
    add(doctor, "kernel sets", ASSAY_HEALTH_OK, set_names(doctor, available), "");
    const char *mask = getenv("ASSAY_KERNELS");
    if (mask && *mask)
        add(doctor, "ASSAY_KERNELS", ASSAY_HEALTH_NOTE,
            arena_format(&doctor->strings, "allows only %s", set_names(doctor, allowed)),
            "unset it for the fastest kernels");
    struct kernels kernels;
    cpu_kernels(&kernels, allowed);
    add(doctor, "highest", ASSAY_HEALTH_OK,
        arena_format(&doctor->strings, "float32 on %s", kernels.name), "");
    if (kernels.bfloat_product) {
        add(doctor, "high", ASSAY_HEALTH_OK,
            kernels.bfloat_high ? arena_format(&doctor->strings, "three bfloat16 products on %s",
                                               kernels.bfloat_name)
                                : "as highest: three bfloat16 products would be slower here",
            "");
        add(doctor, "medium", ASSAY_HEALTH_OK,
            arena_format(&doctor->strings, "bfloat16 products on %s", kernels.bfloat_name), "");
    } else {
        add(doctor, "high, medium", ASSAY_HEALTH_NOTE,
            "no bfloat16 units: computed at highest, in float32", "");
    }
}

/* "15.6 GB" of a /proc/meminfo value in kB. */
static const char *gigabytes(struct assay_doctor *doctor, const char *kilobytes)
{
    return arena_format(&doctor->strings, "%.1f GB",
                        kilobytes ? strtod(kilobytes, NULL) * 1024 / 1e9 : 0.0);
}

static void look_at_memory(struct assay_doctor *doctor)
{
    const char *total = gigabytes(doctor, system_value(doctor, "/proc/meminfo", "MemTotal"));
    const char *free_now = gigabytes(doctor, system_value(doctor, "/proc/meminfo", "MemAvailable"));
    if (!total || !free_now) {
        doctor->failed = true;
        return;
    }
    add(doctor, "memory", ASSAY_HEALTH_OK,
        arena_format(&doctor->strings, "%s, %s available", total, free_now), "");

    char words[128] = "";
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    if (file) {
        if (!fgets(words, sizeof words, file))
            words[0] = 0;
        fclose(file);
    }
    words[strcspn(words, "\n")] = 0;
    if (!*words)
        add(doctor, "huge pages", ASSAY_HEALTH_NOTE, "this system does not say", "");
    else if (strstr(words, "[never]"))
        add(doctor, "huge pages", ASSAY_HEALTH_NOTE, "off",
            "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, as root: large products "
            "get a little faster");
    else
        add(doctor, "huge pages", ASSAY_HEALTH_OK,
            strstr(words, "[always]") ? "always" : "where asked for", "");
}

static void look_at_libraries(struct assay_doctor *doctor)
{
    add(doctor, "libraries", ASSAY_HEALTH_OK, ASSAY_LIBRARIES, "");
    const struct curl_library *curl;
    assay_error error;
    if (curl_open(&curl, &error) == ASSAY_OK)
        add(doctor, "libcurl", ASSAY_HEALTH_OK, "there, for downloads", "");
    else
        add(doctor, "libcurl", ASSAY_HEALTH_MISSING, "not found: no downloads (pull)",
            "apt-get install libcurl4");
}

static void look_at_gpu(struct assay_doctor *doctor)
{
    bool device = access("/dev/nvidia0", F_OK) == 0;
    void *driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (driver)
        dlclose(driver);
    if (!device && !driver)
        add(doctor, "GPU", ASSAY_HEALTH_OK, "none; none is needed", "");
    else
        add(doctor, "GPU", ASSAY_HEALTH_NOTE,
            device && driver ? "an NVIDIA GPU and its driver: not used, this version of assay "
                               "computes on the processor"
            : device         ? "an NVIDIA GPU without its driver: not used by this version of assay"
                             : "an NVIDIA driver, but no GPU",
            "");
}

static void look_at_models(struct assay_doctor *doctor)
{
    char *models = NULL;
    assay_error error;
    if (home_models(&models, NULL, &error) != ASSAY_OK) {
        add(doctor, "models", ASSAY_HEALTH_NOTE, "no home: neither ASSAY_HOME nor HOME is set",
            "set ASSAY_HOME to a folder");
        return;
    }
    const char *names = NULL;
    int count = 0;
    DIR *folder = opendir(models);
    struct dirent *entry;
    while (folder && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        names = names ? arena_format(&doctor->strings, "%s, %s", names, entry->d_name)
                      : arena_format(&doctor->strings, "%s", entry->d_name);
        if (!names)
            break;
    }
    if (folder)
        closedir(folder);
    if (count)
        add(doctor, "models", ASSAY_HEALTH_OK,
            arena_format(&doctor->strings, "%d in %s: %s", count, models, names ? names : ""), "");
    else
        add(doctor, "models", ASSAY_HEALTH_NOTE,
            arena_format(&doctor->strings, "none in %s", models),
            "assay pull sentence-transformers/all-MiniLM-L6-v2");
    memory_free(models);
}

assay_status assay_doctor_open(assay_doctor **out, assay_error *error)
{
    if (!out)
        return error_needs(error, __func__, "out");
    *out = NULL;
    struct assay_doctor *doctor = memory_allocate_zeroed(1, sizeof *doctor);
    if (!doctor)
        return error_memory(error, sizeof *doctor);
    add(doctor, "assay", ASSAY_HEALTH_OK, assay_version(), "");
    look_at_processor(doctor);
    look_at_kernels(doctor);
    look_at_memory(doctor);
    look_at_libraries(doctor);
    look_at_gpu(doctor);
    look_at_models(doctor);
    if (doctor->failed) {
        assay_doctor_close(doctor);
        return error_set(error, ASSAY_ERROR_MEMORY, "not enough memory for the report");
    }
    *out = doctor;
    return ASSAY_OK;
}

int64_t assay_doctor_count(const assay_doctor *doctor)
{
    return doctor ? doctor->count : 0;
}

const assay_finding *assay_doctor_get(const assay_doctor *doctor, int64_t index)
{
    return doctor && index >= 0 && index < doctor->count ? &doctor->findings[index] : NULL;
}

void assay_doctor_close(assay_doctor *doctor)
{
    if (!doctor)
        return;
    arena_free(&doctor->strings);
    memory_free(doctor);
}
