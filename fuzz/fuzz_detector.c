/* A detector.json: read, and whatever is accepted can be judged by and holds its promises. */
#include "detect/detector.h"
#include "detect/score.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_calibration(const struct detector *d)
{
    const struct calibration *c = &d->calibration;
    if (!(calibration_divisor(c) > 0.0) || c->least_tokens < 1 || c->most_tokens < c->least_tokens)
        abort();
    double last = 0.0;
    for (int i = 0; i < c->point_count; i++) {
        const struct calibration_point *p = &c->points[i];
        if (!(p->fpr > last && p->fpr < 1.0) || !isfinite(p->threshold) || !(p->achieved <= p->fpr))
            abort();
        last = p->fpr;
    }
    static const float scores[] = {-INFINITY, -1e30f, -1.0f, 0.0f, 0.5f, 1e30f, INFINITY};
    double before = 2.0;
    for (size_t i = 0; c->negatives_scores.count && i < sizeof scores / sizeof *scores; i++) {
        double p = conformal_p(&c->negatives_scores, scores[i]);
        if (!(p > 0.0 && p <= 1.0 && p <= before))
            abort(); /* a higher score is never less rare */
        before = p;
    }
}

/* What is known of the cleaning can be written, read again and done. */
static void use_cleaning(const struct cleaning_record *record)
{
    static const char text[] = "Essay: <b>A</b>  t\xc3\xa9xt\n";
    struct buffer written = {0};
    struct json_writer writer = {.out = &written};
    struct json *list = NULL;
    struct cleaning_record again = {0};
    assay_cleaner *cleaner = NULL;
    const char *cleaned;
    size_t length;
    cleaning_record_put(&writer, record);
    if (writer.failed || json_parse(&list, written.bytes, written.length, NULL, NULL) ||
        cleaning_record_read(&again, list, NULL) || again.count != record->count)
        abort();
    if (assay_cleaner_open(&cleaner, again.passes, again.count, NULL) ||
        assay_cleaner_clean(cleaner, &cleaned, &length, text, sizeof text - 1, NULL))
        abort();
    assay_cleaner_close(cleaner);
    cleaning_record_free(&again);
    json_free(list);
    buffer_free(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct detector d;
    assay_error error = {0};
    assay_status status = detector_parse(&d, (const char *)data, size, "detector.json", &error);
    if (status == ASSAY_OK) {
        if (!d.present || d.label_count < 1 || d.positive >= d.label_count)
            abort();
        for (int32_t i = 0; i < d.label_count; i++) {
            if (!d.labels[i])
                abort();
        }
        if (d.calibrated)
            use_calibration(&d);
        use_cleaning(&d.cleaning);
    } else if (error.status != status || !error.message[0] || !error.file[0]) {
        abort(); /* every refusal says what and where */
    }
    detector_free(&d);
    return 0;
}
