/* Says what a detector makes of one text. Build against the installed library:
 *     cc score_text.c $(pkg-config --cflags --libs assay) -o score_text
 *     ./score_text runs/first "The text to judge." */
#include <assay/assay.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void judge(const assay_detector *detector, assay_model *model, const char *text,
                  assay_error *error)
{
    const assay_text one = {text, strlen(text), NULL, 0};
    assay_session_options options = ASSAY_SESSION_OPTIONS_INIT;
    assay_session *session = NULL;
    assay_detector_info info;
    assay_text_result cut;
    assay_verdict verdict;
    assay_detector_get_info(detector, &info);
    options.precision = info.precision; /* computed as it was calibrated */
    options.max_tokens = info.max_tokens;
    float *logits = (float *)malloc((size_t)info.labels * sizeof *logits); /* (1, labels) */
    if (!logits)
        error->status = ASSAY_ERROR_MEMORY;
    else if (assay_session_open(&session, model, &options, error) == ASSAY_OK &&
             assay_session_classify(session, logits, &cut, &one, 1, error) == ASSAY_OK &&
             assay_detector_judge(detector, &verdict, NULL, logits, &cut, error) == ASSAY_OK) {
        const char *label = assay_model_label(model, verdict.label);
        printf("%s: %s\n", label ? label : "abstains", verdict.reason);
    }
    assay_session_close(session); /* takes the NULL of what was not opened */
    free(logits);
}

int main(int count, char **arguments)
{
    char line[1024];
    assay_error error = {0};
    assay_model *model = NULL;
    assay_detector *detector = NULL;
    if (count != 3)
        return fprintf(stderr, "usage: score_text MODEL TEXT\n"), 2;
    if (assay_model_open(&model, arguments[1], &error) == ASSAY_OK &&
        assay_detector_open(&detector, model, NULL, &error) == ASSAY_OK)
        judge(detector, model, arguments[2], &error);
    assay_detector_close(detector);
    assay_model_close(model);
    if (error.status == ASSAY_OK)
        return 0;
    assay_error_format(&error, line, sizeof line);
    fprintf(stderr, "score_text: %s\n", line);
    return 1;
}
