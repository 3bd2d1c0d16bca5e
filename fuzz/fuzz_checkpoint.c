/* A checkpoint of any bytes is refused or read, never more; so are lines and events of a log. The
 * first byte picks: counters alone; a folder of any three files; one whose sums are right, so that
 * what lies behind them is reached; the two logs of a run. Files are parted by "\n--\n". */
#include "base/sha256.h"
#include "train/checkpoint.h"
#include "train/tensorboard.h"
#include "train/training_log.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTS = 3, PATH_SIZE = 256 };

struct part {
    const uint8_t *bytes;
    size_t length;
};

static char folder[64];

static void remove_folder(void)
{
    static const char *const names[] = {"state.json", "state.safetensors", "SHA256SUMS",
                                        "log.jsonl", "events.out.tfevents"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void make_folder(void)
{
    if (folder[0])
        return;
    snprintf(folder, sizeof folder, "%s/fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder))
        abort();
    atexit(remove_folder);
}

static void put(const char *name, struct part part)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || (part.length && fwrite(part.bytes, part.length, 1, file) != 1) || fclose(file))
        abort();
}

static void part_input(struct part parts[PARTS], const uint8_t *data, size_t size)
{
    memset(parts, 0, PARTS * sizeof *parts);
    for (int i = 0; i < PARTS; i++) {
        const uint8_t *mark = i + 1 < PARTS && size ? memmem(data, size, "\n--\n", 4) : NULL;
        size_t length = mark ? (size_t)(mark - data) : size;
        parts[i] = (struct part){data, length};
        size -= mark ? length + 4 : length;
        data += mark ? length + 4 : length;
    }
}

static void hex_of(char hex[SHA256_HEX_SIZE], struct part part)
{
    struct sha256 hash;
    unsigned char digest[SHA256_BYTES];
    sha256_begin(&hash);
    if (part.length)
        sha256_add(&hash, part.bytes, part.length);
    sha256_end(&hash, digest);
    sha256_hex(hex, digest);
}

static void check_counters(const struct checkpoint_counters *counters)
{
    if (counters->step < 0 || counters->epoch < 0 || counters->batch < 0 || !counters->recipe[0] ||
        !isfinite(counters->best_metric))
        abort();
}

static void try_folder(struct part parts[PARTS], bool right_sums)
{
    char sums[400];
    float values[2] = {7, 7};
    struct checkpoint_array arrays[2] = {{"a", 1, values}, {"b", 1, values + 1}};
    struct checkpoint_state state = {.arrays = arrays, .count = 2};
    assay_error error;
    if (right_sums) {
        char hex[2][SHA256_HEX_SIZE];
        hex_of(hex[0], parts[0]);
        hex_of(hex[1], parts[1]);
        int length =
            snprintf(sums, sizeof sums, "%s  state.json\n%s  state.safetensors\n", hex[0], hex[1]);
        parts[2] = (struct part){(const uint8_t *)sums, (size_t)length};
    }
    put("state.json", parts[0]);
    put("state.safetensors", parts[1]);
    put("SHA256SUMS", parts[2]);
    assay_status status = checkpoint_read(&state, folder, NULL, &error);
    if (status == ASSAY_OK)
        check_counters(&state.counters);
    else if (values[0] != 7 || values[1] != 7 || !error.message[0])
        abort();
}

static void try_logs(struct part parts[PARTS])
{
    struct training_log *log;
    struct training_log_options options = {true, true, 5, 5};
    int64_t step;
    put("log.jsonl", parts[0]);
    put("events.out.tfevents", parts[1]);
    if (training_log_open(&log, folder, &options, NULL) == ASSAY_OK)
        training_log_close(log);
    size_t length = tensorboard_read_record(&step, parts[2].bytes, parts[2].length);
    if (length > parts[2].length)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct part parts[PARTS];
    struct checkpoint_counters counters;
    if (!size)
        return 0;
    make_folder();
    part_input(parts, data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        if (checkpoint_parse_counters(&counters, (const char *)data + 1, size - 1, NULL, NULL) ==
            ASSAY_OK)
            check_counters(&counters);
        break;
    case 1:
        try_folder(parts, false);
        break;
    case 2:
        try_folder(parts, true);
        break;
    default:
        try_logs(parts);
    }
    return 0;
}
