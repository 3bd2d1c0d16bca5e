/* Models: folders in the Hugging Face layout, opened, described, scored and saved.
 *
 * A model is immutable, counted, and may be shared by threads; its weights stay mapped. A session
 * belongs to one thread at a time and owns its threads, packed batches and memory; open one a
 * worker. Families: bert (MiniLM included), distilbert, roberta, gpt2.
 */
#ifndef ASSAY_MODEL_H
#define ASSAY_MODEL_H

#include "assay/status.h"
#include "assay/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct assay_model assay_model;
typedef struct assay_session assay_session;

/* Opens a folder with config.json and weights: model.safetensors, else pytorch_model.bin, or an
 * index of their shards. The tokenizer comes with it when the folder has one. */
assay_status assay_model_open(assay_model **out, const char *folder, assay_error *error);
/* One owner more: there are as many closes as opens and retains. From any thread. */
void assay_model_retain(assay_model *model);
void assay_model_close(assay_model *model); /* releases one reference; NULL allowed */

/* Bits of assay_model_info.heads. */
enum { ASSAY_HEAD_CLASSIFY = 1, ASSAY_HEAD_MASKED_LM = 2, ASSAY_HEAD_CAUSAL_LM = 4 };

/* Strings belong to the model; all is 0 and NULL where there is none. */
typedef struct assay_model_info {
    const char *folder;
    const char *family;       /* config.json's model_type */
    const char *architecture; /* the first of config.json's architectures, or "" */
    unsigned heads;
    int64_t parameters; /* elements of all tensors */
    int64_t file_bytes; /* of the weight files */
    int64_t tensors;
    int32_t layers, width, attention_heads, inner_width, vocabulary;
    int32_t max_tokens;      /* that one row may have */
    int32_t labels;          /* 0 without a classification head */
    const char *weight_type; /* of the floating-point tensors: "F32", "BF16", ..., "mixed" */
} assay_model_info;

void assay_model_get_info(const assay_model *model, assay_model_info *info);
/* The name of a column of logits, index 0 .. labels - 1; belongs to the model; NULL outside. */
const char *assay_model_label(const assay_model *model, int32_t index);
/* Belongs to the model; NULL: the folder has none. */
const assay_tokenizer *assay_model_tokenizer(const assay_model *model);

/* Strings belong to the model. */
typedef struct assay_tensor_info {
    const char *name;
    const char *type; /* as in the file: "F32", "BF16", ... */
    int32_t rank;
    int64_t shape[5];
    int64_t bytes;
} assay_tensor_info;

/* index 0 .. tensors - 1, in the order of the files; ASSAY_ERROR_ARGUMENT outside. */
assay_status assay_model_get_tensor(const assay_model *model, int64_t index,
                                    assay_tensor_info *info);

/* Writes a folder that transformers loads: config.json, model.safetensors, tokenizer files, every
 * tensor as it was read. The folder is made when it is not there. */
assay_status assay_model_save(const assay_model *model, const char *folder, assay_error *error);

typedef enum assay_precision {
    ASSAY_PRECISION_HIGHEST, /* float32 */
    ASSAY_PRECISION_HIGH,    /* three bfloat16 products */
    ASSAY_PRECISION_MEDIUM   /* bfloat16 products */
} assay_precision;

/* "highest", "high", "medium"; "unknown" for any other value. */
const char *assay_precision_name(assay_precision precision);
/* False for an unknown name; precision is then as it was. */
bool assay_precision_from_name(assay_precision *precision, const char *name);

typedef struct assay_session_options {
    size_t struct_size;
    int threads;               /* 0: all processors this process may use */
    assay_precision precision; /* a processor without the units computes at the next higher one */
    int32_t max_tokens;        /* rows are cut here; 0: the tokenizer's and model's own limit */
    int64_t batch_tokens;      /* tokens computed at once; 0: 1024 */
    /* GPT-2's classification reads the last token of each row; with this, the last one that is not
     * the pad token, as transformers does when it is given padded ids. */
    bool last_by_pad_token;
} assay_session_options;

#define ASSAY_SESSION_OPTIONS_INIT                                                                 \
    {                                                                                              \
        sizeof(assay_session_options), 0, ASSAY_PRECISION_HIGHEST, 0, 0, false                     \
    }

/* Retains the model. options may be NULL. */
assay_status assay_session_open(assay_session **out, assay_model *model,
                                const assay_session_options *options, assay_error *error);
void assay_session_close(assay_session *session); /* NULL allowed */
/* How many threads compute, the caller's among them. */
int assay_session_threads(const assay_session *session);
/* What the kernels make of the asked precision, and which they are: "highest", "avx512". */
assay_precision assay_session_precision(const assay_session *session);
const char *assay_session_kernels(const assay_session *session);
int32_t assay_session_max_tokens(const assay_session *session); /* where a text is cut */

/* UTF-8, not changed and not kept. Text may hold zero bytes: the length counts. */
typedef struct assay_text {
    const char *text;
    size_t length;
    const char *pair; /* NULL: none */
    size_t pair_length;
} assay_text;

/* What became of one text. */
typedef struct assay_text_result {
    int32_t tokens; /* with special tokens, after cutting */
    bool truncated;
} assay_text_result;

/* logits (count, labels) of texts under the classification head; results (count) may be NULL. The
 * caller owns both, and on failure they hold nothing of use; the error's row is the text's number
 * from 1. ASSAY_ERROR_UNSUPPORTED: the model has no classification head; ASSAY_ERROR_NOT_FOUND: no
 * tokenizer; ASSAY_ERROR_FORMAT: a text is not UTF-8; ASSAY_ERROR_NUMERIC: the weights make
 * numbers that are not finite. */
assay_status assay_session_classify(assay_session *session, float *logits,
                                    assay_text_result *results, const assay_text *texts,
                                    int64_t count, assay_error *error);

/* vectors (count, width): pooled as the folder's sentence-transformers files say, else the mean
 * over tokens; normalised where they say so, or always with the mean default. Errors as above. */
assay_status assay_session_embed(assay_session *session, float *vectors, assay_text_result *results,
                                 const assay_text *texts, int64_t count, assay_error *error);

/* The same from token ids: offsets (rows + 1) rise from 0, row i is ids[offsets[i]] ..
 * ids[offsets[i + 1] - 1], special tokens included; types (like ids) NULL: zeros. A row that is
 * empty or too long, or an id that the model lacks, is ASSAY_ERROR_ARGUMENT or ASSAY_ERROR_LIMIT.
 */
assay_status assay_session_classify_ids(assay_session *session, float *logits, const int32_t *ids,
                                        const int32_t *types, const int32_t *offsets, int64_t rows,
                                        assay_error *error);
assay_status assay_session_embed_ids(assay_session *session, float *vectors, const int32_t *ids,
                                     const int32_t *types, const int32_t *offsets, int64_t rows,
                                     assay_error *error);

/* Softmax of one row of logits, in place allowed. */
void assay_softmax(float *probabilities, const float *logits, int32_t labels);

#ifdef __cplusplus
}
#endif

#endif
