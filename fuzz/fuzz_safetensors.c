/* A file that opens must be readable to its last byte, and survive being saved again. */
#include "tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    use_as_file(data, size, safetensors_open);
    return 0;
}
