#include "trainable_cases.h"

#include "cpu/cpu.h"

#include <stdio.h>
#include <string.h>

const char *const case_families[CASE_FAMILIES] = {"bert", "distilbert", "roberta", "gpt2"};
const char *const case_shapes[CASE_SHAPES] = {"odd", "one", "longest", "shallow"};

static const char *const names[] = {"human", "ai", "mixed"};

const char *case_head(int family, int head)
{
    static const char *const heads[] = {"bare", "classify", "mlm"};
    return head == 2 && !strcmp(case_families[family], "gpt2") ? "lm" : heads[head];
}

const char *case_name(int family, int shape, int head)
{
    static char name[64];
    snprintf(name, sizeof name, "%s_%s_%s", case_families[family], case_shapes[shape],
             case_head(family, head));
    return name;
}

struct model_purpose case_purpose(int family, int shape, int head)
{
    bool causal = !strcmp(case_families[family], "gpt2");
    int64_t labels = !strcmp(case_shapes[shape], "shallow") ? 3 : 2;
    if (head == 1)
        return (struct model_purpose){MODEL_TASK_CLASSIFY, labels, names, 7};
    return (struct model_purpose){causal ? MODEL_TASK_CAUSAL_LM : MODEL_TASK_MASKED_LM, 0, NULL, 7};
}

enum { TOKENS = 5 };

int case_outputs(float outputs[CASE_OUTPUTS], const assay_model *model)
{
    static const int32_t ids[TOKENS] = {5, 9, 23, 9, 41}, types[TOKENS] = {0};
    static const int32_t offsets[] = {0, TOKENS}, pooled[] = {0, 1};
    int32_t positions[TOKENS];
    struct kernels kernels;
    cpu_kernels(&kernels, cpu_allowed());
    model->family->positions(&model->config, positions, ids, TOKENS);
    struct text_batch batch = {.rows = {1, TOKENS, TOKENS, offsets, NULL},
                               .ids = ids,
                               .types = types,
                               .positions = positions,
                               .pooled = {1, 1, 1, pooled, NULL}};
    struct graph *graph = NULL;
    struct graph_options options = {.parameters = model->parameters, .kernels = &kernels};
    int count = 0;
    if (graph_open(&graph, NULL) != ASSAY_OK)
        return 0;
    graph_reset(graph, &options);
    struct value *output;
    if (model->heads & ASSAY_HEAD_CLASSIFY) {
        output = model_forward(model, graph, &batch, MODEL_CLASSIFY, false);
    } else {
        struct value *scores[SCORE_COUNT] = {NULL};
        struct value *hidden = model_forward(model, graph, &batch, MODEL_HIDDEN, false);
        struct vocabulary_options vocabulary = {
            .scoring = model_language_head(model, graph, &batch, hidden),
            .scores = 1u << SCORE_ENTROPY};
        op_vocabulary(graph, "head", &vocabulary, scores);
        output = scores[SCORE_ENTROPY];
    }
    if (output)
        graph_keep_value(graph, output);
    if (graph_plan(graph, NULL, NULL) == ASSAY_OK && graph_forward(graph, NULL) == ASSAY_OK &&
        tensor_count(&output->tensor) <= CASE_OUTPUTS) {
        count = (int)tensor_count(&output->tensor);
        memcpy(outputs, output->tensor.data, (size_t)count * sizeof *outputs);
    }
    graph_close(graph);
    return count;
}
