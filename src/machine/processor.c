#include "assay/bench.h"
#include "base/threads.h"
#include "cpu/cpu.h"

#include <stdio.h>
#include <string.h>

/* What /proc/cpuinfo calls the processor. */
static void read_name(char *out, size_t size)
{
    static const char key[] = "model name";
    char line[512];
    snprintf(out, size, "unnamed");
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, key, sizeof key - 1) != 0 || !colon)
            continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(out, size, "%s", colon + 1 + strspn(colon + 1, " \t"));
        break;
    }
    if (file)
        fclose(file);
}

void assay_machine_get(assay_machine *machine)
{
    if (!machine)
        return;
    unsigned sets = cpu_allowed();
    *machine = (assay_machine){.processors = processor_count()};
    read_name(machine->processor, sizeof machine->processor);
    size_t used = (size_t)snprintf(machine->kernels, sizeof machine->kernels, "plain");
    for (unsigned bit = CPU_AVX2; bit <= CPU_AMX_BF16 && used < sizeof machine->kernels;
         bit <<= 1) {
        if (sets & bit)
            used += (size_t)snprintf(machine->kernels + used, sizeof machine->kernels - used,
                                     ", %s", cpu_set_name(bit));
    }
}
