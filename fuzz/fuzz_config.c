/* A model's config.json: read as a configuration, and whatever is accepted holds its promises. */
#include "models/config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int file = memfd_create("config", 0);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        abort(); /* the machine failed, not the code under test */
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    struct model_config config = {0};
    assay_error error = {0};
    assay_status status = model_config_read(&config, path, &error);
    if (status == ASSAY_OK) {
        if (config.width < 1 || config.heads < 1 || config.width % config.heads ||
            config.width > MODEL_MAX_WIDTH || config.layers < 0 ||
            config.layers > MODEL_MAX_LAYERS || config.labels < 1)
            abort();
        for (int64_t i = 0; i < config.labels; i++) {
            if (!config.label_names[i])
                abort();
        }
    } else if (error.status != status || !error.message[0] || !error.file[0]) {
        abort(); /* every refusal says what and where */
    }
    model_config_free(&config);
    close(file);
    return 0;
}
