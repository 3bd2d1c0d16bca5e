/* The rest of the road: each says what it will do, and fails until it does. */
#include "verbs.h"

#define TO_COME(verb, words, text)                                                                 \
    {                                                                                              \
        verb, words, text, "", "", NULL, 0, -1, NULL                                               \
    }

const struct verb verbs_to_come[] = {
    TO_COME("generate", "MODEL [PROMPT|-]", "continues a prompt"),
    TO_COME("chat", "MODEL", "a conversation"),
    TO_COME("ask", "MODEL QUESTION", "answers from indexed documents, with citations"),
    TO_COME("index", "DATA... -o INDEX", "makes documents searchable"),
    TO_COME("serve", "MODEL", "an HTTP server for a model"),
    TO_COME("label", "DATA", "people's labels, the most useful rows first"),
    TO_COME("watch", "MODEL DATA", "drift of what comes in against what was trained on"),
    TO_COME("retrain", "MODEL", "a challenger from new labels"),
    TO_COME("promote", "MODEL", "the challenger in the champion's place, if it is better"),
    TO_COME("distill", "RECIPE.yaml", "a small model from a large one"),
    TO_COME("scan", "FOLDER", "a report on all files of a folder"),
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
