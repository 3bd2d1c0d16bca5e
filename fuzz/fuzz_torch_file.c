/* A checkpoint or a bare pickle: what is read can be used to its last byte, and nothing that a
 * pickle says makes more than its length. */
#include "models/pickle.h"
#include "models/torch_file.h"
#include "tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_bare(const uint8_t *data, size_t size)
{
    struct pickle *pickle;
    if (pickle_read(&pickle, data, size, NULL) != ASSAY_OK)
        return;
    const struct pickle_value *root = pickle_root(pickle);
    bool holds_items =
        root->kind == PICKLE_TUPLE || root->kind == PICKLE_LIST || root->kind == PICKLE_DICTIONARY;
    for (size_t i = 0; holds_items && i < root->as.items.count; i++)
        (void)pickle_kind_name(pickle_item(pickle, root, i)->kind);
    pickle_close(pickle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] == 0x80)
        read_bare(data, size);
    use_as_file(data, size, torch_file_open);
    return 0;
}
