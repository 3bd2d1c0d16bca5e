#include "assay/machine.h"

const char *assay_version(void)
{
    return ASSAY_VERSION;
}
