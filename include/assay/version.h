/* Which assay this is: of the headers at compile time, of the library at run time.
 *
 * This file is where the version stands; the build reads it from here. Before 1.0.0 a new minor
 * version may change the interface, and the shared library's name with it; a new patch version
 * never does.
 */
#ifndef ASSAY_VERSION_H
#define ASSAY_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define ASSAY_VERSION_MAJOR 0
#define ASSAY_VERSION_MINOR 1
#define ASSAY_VERSION_PATCH 0
#define ASSAY_VERSION       "0.1.0"

/* For #if: ASSAY_VERSION_NUMBER >= 200 is 0.2.0 and later. */
#define ASSAY_VERSION_NUMBER                                                                       \
    (ASSAY_VERSION_MAJOR * 10000 + ASSAY_VERSION_MINOR * 100 + ASSAY_VERSION_PATCH)

/* ASSAY_VERSION and ASSAY_VERSION_NUMBER of the library that is running; a program that differs
 * from it in major or minor version was compiled against other headers. */
const char *assay_version(void);
int assay_version_number(void);

#ifdef __cplusplus
}
#endif

#endif
