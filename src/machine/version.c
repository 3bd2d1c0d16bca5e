#include "assay/version.h"

const char *assay_version(void)
{
    return ASSAY_VERSION;
}

int assay_version_number(void)
{
    return ASSAY_VERSION_NUMBER;
}
