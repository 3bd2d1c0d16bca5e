/* Texts as sets of shingles, for finding duplicates.
 *
 * A word is a run of letters, marks and digits after NFC and in small letters; in scripts without
 * spaces (Han, kana, Thai, Lao, Khmer) each character is one. A shingle is so many words in a row,
 * known by 32 bits of its hash; a text of fewer words is one shingle. Two texts are exact
 * duplicates when 128 bits of the hash of all their words agree. The signature has the least of
 * each of 120 permutations of the shingles; rows that agree in one band of it are candidates.
 * Broder, "On the resemblance and containment of documents", 1997; bands: Leskovec, Rajaraman,
 * Ullman, "Mining of Massive Datasets", chapter 3. Scratch and features belong to one thread.
 */
#ifndef ASSAY_PREPARE_SHINGLES_H
#define ASSAY_PREPARE_SHINGLES_H

#include "assay/data_make.h"
#include "text/normal_forms.h"

enum { SIGNATURE_SIZE = ASSAY_DEDUP_BANDS * ASSAY_DEDUP_BAND_ROWS };

struct shingle_scratch {
    struct run cells, normal;
    struct normal_forms_scratch forms;
    uint64_t *words;
    size_t word_capacity;
    uint32_t *sorted;
    size_t sorted_capacity;
};

struct features {
    uint64_t exact[2];
    uint32_t *set; /* sorted, each once */
    size_t count, capacity;
    uint32_t bands[ASSAY_DEDUP_BANDS]; /* a hash a band */
};

/* The features of a text, which must be UTF-8. with_set: also the set and the bands. False when
 * memory runs out. */
bool features_make(struct features *features, struct shingle_scratch *scratch, const char *text,
                   size_t length, int shingle, bool with_set);
void features_free(struct features *features);
void shingle_scratch_free(struct shingle_scratch *scratch);

double jaccard(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count);

/* minhash.c: the signature of a set, and a hash of each of its bands. */
void minhash_bands(uint32_t bands[ASSAY_DEDUP_BANDS], const uint32_t *set, size_t count);

#endif
