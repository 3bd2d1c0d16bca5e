/* Whatever a recipe is read from, its complete form must read back to the same form and the same
 * fingerprint; patterns of places end. The input is a recipe, or behind a first byte '=' one word
 * of the command line. */
#include "base/memory.h"
#include "recipe/recipe.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static assay_status read_input(struct recipe *recipe, const uint8_t *data, size_t size)
{
    assay_error error;
    if (!size || data[0] != '=')
        return recipe_read_text(recipe, (const char *)data, size, "fuzz", NULL, 0, &error);
    char *word = memory_copy_bytes((const char *)data + 1, size - 1);
    if (!word)
        return ASSAY_ERROR_MEMORY;
    const char *words[] = {"base=b", "data=d", word};
    assay_status status = recipe_read_text(recipe, NULL, 0, NULL, words, 3, &error);
    memory_free(word);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct recipe recipe;
    struct recipe again;
    struct buffer first = {0};
    struct buffer second = {0};
    uint64_t fingerprint[2];
    if (read_input(&recipe, data, size))
        return 0;
    for (size_t i = 0; i < recipe.freeze.count; i++) {
        (void)recipe_place_matches(recipe.freeze.items[i], "bert.encoder.layer.11.output.dense");
        (void)recipe_place_matches("*.0-3.*a?*", recipe.freeze.items[i]);
    }
    if (recipe_write(&first, &recipe, NULL) || recipe_fingerprint(&fingerprint[0], &recipe, NULL))
        abort();
    if (recipe_read_text(&again, first.bytes, first.length, "again", NULL, 0, NULL) ||
        recipe_write(&second, &again, NULL) || recipe_fingerprint(&fingerprint[1], &again, NULL) ||
        strcmp(first.bytes, second.bytes) || fingerprint[0] != fingerprint[1])
        abort();
    recipe_free(&again);
    recipe_free(&recipe);
    buffer_free(&first);
    buffer_free(&second);
    return 0;
}
