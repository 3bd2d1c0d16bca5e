/* Records of measurements, and a peer's answers: whatever stands there is passed over or an error,
 * and what is found is a number that can be shown. */
#include "machine/bench_history.h"
#include "machine/peer_reply.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void search(const char *text, size_t length)
{
    /* What fuzz/seeds/bench/history records. */
    static const assay_bench_result wanted = {.work = "minilm-train",
                                              .unit = "tokens/s",
                                              .rows = "drawn",
                                              .precision = ASSAY_PRECISION_MEDIUM,
                                              .threads = 2,
                                              .max_tokens = 256};
    static const assay_machine machine = {"AMD EPYC", 2, "plain, avx2"};
    assay_bench_earlier earlier;
    history_search(&earlier, text, length, &wanted, &machine);
    if (earlier.found && !(isfinite(earlier.value) && earlier.value > 0.0))
        abort();
    if (!(isfinite(earlier.floor) && isfinite(earlier.ratio)))
        abort();
    if ((earlier.damaged > 0) != (earlier.first_damaged > 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peer_reply reply;
    const char *text = (const char *)data;
    search(text, size);
    for (int ready = 0; ready < 2; ready++) {
        assay_error error = {0};
        assay_status status = peer_reply_read(&reply, ready, text, size, &error);
        if (status != error.status)
            abort();
        if (status == ASSAY_OK && !ready && !(reply.tokens > 0 && reply.seconds > 0.0))
            abort();
    }
    return 0;
}
