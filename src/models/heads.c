#include "models/heads.h"

#include "base/normal.h"
#include "base/random.h"

#include <stdio.h>
#include <string.h>

static int64_t outputs_of(const struct head_part *part, const struct model_config *config)
{
    switch (part->outputs) {
    case PART_LABELS:
        return config->labels;
    case PART_VOCABULARY:
        return config->vocabulary;
    default:
        return config->width;
    }
}

static void put_weight(struct head_weights *weights, const struct head_part *part,
                       const char *prefix, const char *tensor, enum weight_draw draw,
                       int64_t outputs, int64_t inputs)
{
    struct head_weight *weight = &weights->items[weights->count++];
    *weight = (struct head_weight){
        .rank = inputs ? 2 : 1, .shape = {outputs, inputs}, .draw = draw, .in_body = part->in_body};
    snprintf(weight->name, sizeof weight->name, "%s%s.%s", part->in_body ? prefix : "",
             part->module, tensor);
}

void head_list_weights(struct head_weights *weights, const struct model_head *head,
                       const struct model_config *config, const char *prefix)
{
    weights->count = 0;
    for (int i = 0; i < head->count; i++) {
        const struct head_part *part = &head->parts[i];
        int64_t outputs = outputs_of(part, config);
        if (part->untied && config->tied_head)
            continue;
        if (part->kind == PART_LINEAR || part->kind == PART_MATRIX)
            put_weight(weights, part, prefix, "weight", DRAW_NORMAL, outputs, config->width);
        if (part->kind == PART_NORM)
            put_weight(weights, part, prefix, "weight", DRAW_ONES, outputs, 0);
        if (part->kind != PART_MATRIX)
            put_weight(weights, part, prefix, "bias", DRAW_ZEROS, outputs, 0);
    }
}

void head_telling_name(char name[HEAD_NAME_SIZE], const struct model_head *head)
{
    snprintf(name, HEAD_NAME_SIZE, "%s.weight", head->parts[0].module);
}

const struct head_weight *head_find_weight(const struct head_weights *weights, const char *name)
{
    for (int i = 0; i < weights->count; i++) {
        if (!strcmp(weights->items[i].name, name))
            return &weights->items[i];
    }
    return NULL;
}

void head_draw_weight(float *values, const struct head_weight *weight,
                      const struct model_config *config, uint64_t seed)
{
    int64_t count = weight->shape[0] * (weight->rank == 2 ? weight->shape[1] : 1);
    if (weight->draw == DRAW_NORMAL) {
        normal_draw(values, count, config->initializer_range,
                    random_mix(seed, random_hash_name(weight->name)));
        return;
    }
    for (int64_t i = 0; i < count; i++)
        values[i] = weight->draw == DRAW_ONES ? 1.0f : 0.0f;
}
