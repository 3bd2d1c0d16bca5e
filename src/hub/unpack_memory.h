/* zlib's memory through base/memory.h. Set in a z_stream before inflateInit2. */
#ifndef ASSAY_HUB_UNPACK_MEMORY_H
#define ASSAY_HUB_UNPACK_MEMORY_H

#include <zlib.h>

void *unpack_allocate(void *unused, unsigned count, unsigned size);
void unpack_free(void *unused, void *block);

#endif
