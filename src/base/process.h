/* What the system says of this process and this machine.
 */
#ifndef ASSAY_BASE_PROCESS_H
#define ASSAY_BASE_PROCESS_H

#include <stdint.h>

/* Resident bytes now, and the most there ever were. 0 when the system does not say. */
int64_t process_memory(void);
int64_t process_peak_memory(void);
/* Bytes that this process could still take without swapping: what the machine has available, or
 * what its control group leaves, whichever is less. 0: unknown. */
int64_t machine_available_memory(void);
/* Seconds on a clock that only goes forward. */
double process_now(void);

#endif
