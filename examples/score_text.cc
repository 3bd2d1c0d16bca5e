// Says what a detector makes of one text, in C++. Build against the installed library:
//     c++ score_text.cc $(pkg-config --cflags --libs assay) -o score_text
//     ./score_text runs/first "The text to judge."
#include <assay/assay.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

// What the library opens, closed when it goes out of scope.
template <class T, void (*close)(T *)> struct Closer {
    void operator()(T *opened) const { close(opened); }
};
using Model = std::unique_ptr<assay_model, Closer<assay_model, assay_model_close>>;
using Detector = std::unique_ptr<assay_detector, Closer<assay_detector, assay_detector_close>>;
using Session = std::unique_ptr<assay_session, Closer<assay_session, assay_session_close>>;

static void check(assay_status status, const assay_error &error)
{
    char line[1024];
    if (status == ASSAY_OK)
        return;
    assay_error_format(&error, line, sizeof line);
    throw std::runtime_error(line);
}

static std::string judge(const char *folder, const std::string &text)
{
    assay_error error = {};
    assay_model *model = nullptr;
    assay_detector *detector = nullptr;
    assay_session *session = nullptr;
    check(assay_model_open(&model, folder, &error), error);
    const Model owned_model(model);
    check(assay_detector_open(&detector, model, nullptr, &error), error);
    const Detector owned_detector(detector);
    assay_detector_info info;
    assay_detector_get_info(detector, &info);
    assay_session_options options = ASSAY_SESSION_OPTIONS_INIT;
    options.precision = info.precision; // computed as it was calibrated
    options.max_tokens = info.max_tokens;
    check(assay_session_open(&session, model, &options, &error), error);
    const Session owned_session(session);

    std::vector<float> logits(static_cast<std::size_t>(info.labels)); // (1, labels)
    const assay_text one = {text.data(), text.size(), nullptr, 0};
    assay_text_result cut;
    assay_verdict verdict;
    check(assay_session_classify(session, logits.data(), &cut, &one, 1, &error), error);
    check(assay_detector_judge(detector, &verdict, nullptr, logits.data(), &cut, &error), error);
    const char *label = assay_model_label(model, verdict.label);
    return std::string(label ? label : "abstains") + ": " + verdict.reason;
}

int main(int count, char **arguments)
{
    if (count != 3)
        return std::fprintf(stderr, "usage: score_text MODEL TEXT\n"), 2;
    try {
        std::printf("%s\n", judge(arguments[1], arguments[2]).c_str());
    } catch (const std::exception &fault) {
        std::fprintf(stderr, "score_text: %s\n", fault.what());
        return 1;
    }
    return 0;
}
